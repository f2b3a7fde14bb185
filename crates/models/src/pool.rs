//! Opens connections; the pool also returns the error if that fails.
//!
//! r2d2 tries again after a failure until its timeout, and then keeps only the message. So this
//! crate passes a failure through the pool like a connection: the caller gets the typed error at once.

use std::{
    convert::Infallible,
    path::{Path, PathBuf},
    time::Duration,
};

use diesel::{
    RunQueryDsl, SqliteConnection,
    connection::{Connection, SimpleConnection},
    r2d2::{CustomizeConnection, ManageConnection, R2D2Connection},
    sql_types::Text,
};

use crate::error::DbError;

/// What query functions take: one connection to `SQLite`.
pub type Conn = SqliteConnection;

/// How long one try to switch to WAL waits, and the pause before the next try.
const WAL_STEP: Duration = Duration::from_millis(25);

/// A connection, or the error of opening it.
pub(crate) enum Opened {
    Ready(Box<SqliteConnection>),
    Failed(DbError),
    /// The error has been taken out.
    Taken,
}

/// Opens connections to one file.
#[derive(Debug)]
pub(crate) struct Opener {
    pub(crate) path: PathBuf,
}

/// Opens a connection; creates the file and its folder if they don't exist.
pub(crate) fn open(path: &Path) -> Result<SqliteConnection, DbError> {
    let url = url(path)?;
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|source| DbError::cannot_open(path, source))?;
    }
    SqliteConnection::establish(&url).map_err(|source| DbError::cannot_open(path, source))
}

impl ManageConnection for Opener {
    type Connection = Opened;
    type Error = Infallible;

    fn connect(&self) -> Result<Opened, Infallible> {
        Ok(match open(&self.path) {
            Ok(conn) => Opened::Ready(Box::new(conn)),
            Err(error) => Opened::Failed(error),
        })
    }

    fn is_valid(&self, _conn: &mut Opened) -> Result<(), Infallible> {
        Ok(())
    }

    fn has_broken(&self, conn: &mut Opened) -> bool {
        match conn {
            Opened::Ready(conn) => std::thread::panicking() || conn.is_broken(),
            Opened::Failed(_) | Opened::Taken => true,
        }
    }
}

/// Sets the pragmas that `SQLite` keeps per connection.
#[derive(Debug)]
pub(crate) struct Pragmas {
    pub(crate) path: PathBuf,
    pub(crate) busy_timeout: Duration,
}

impl CustomizeConnection<Opened, Infallible> for Pragmas {
    fn on_acquire(&self, opened: &mut Opened) -> Result<(), Infallible> {
        if let Opened::Ready(conn) = opened
            && let Err(error) = self.set(conn)
        {
            *opened = Opened::Failed(error.at(&self.path));
        }
        Ok(())
    }
}

impl Pragmas {
    fn set(&self, conn: &mut SqliteConnection) -> Result<(), DbError> {
        set_busy_timeout(conn, self.busy_timeout.min(WAL_STEP))?;
        self.switch_to_wal(conn)?;
        set_busy_timeout(conn, self.busy_timeout)?;
        Ok(conn.batch_execute("PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL;")?)
    }

    /// Switches the file to write-ahead logging; the file keeps this mode.
    ///
    /// If two processes do this to a new file at the same time, `SQLite` may return an error without
    /// waiting. So this function waits and tries again.
    fn switch_to_wal(&self, conn: &mut SqliteConnection) -> Result<(), DbError> {
        let mut waited = Duration::ZERO;
        loop {
            match journal_mode(conn).map_err(|error| error.at(&self.path)) {
                Ok(mode) if mode == "wal" => return Ok(()),
                Ok(mode) => {
                    tracing::warn!(path = %self.path.display(), mode, "the database can't use a write-ahead log here");
                    return Ok(());
                }
                Err(DbError::Locked { .. }) if waited < self.busy_timeout => {
                    std::thread::sleep(WAL_STEP);
                    waited += WAL_STEP;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

#[derive(diesel::QueryableByName)]
struct JournalMode {
    #[diesel(sql_type = Text)]
    journal_mode: String,
}

fn journal_mode(conn: &mut SqliteConnection) -> Result<String, DbError> {
    let row: JournalMode = diesel::sql_query("PRAGMA journal_mode = WAL").get_result(conn)?;
    Ok(row.journal_mode)
}

fn set_busy_timeout(conn: &mut SqliteConnection, timeout: Duration) -> Result<(), DbError> {
    let milliseconds = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
    Ok(conn.batch_execute(&format!("PRAGMA busy_timeout = {milliseconds};"))?)
}

/// Writes a path in a form that `SQLite` can only read as a path.
///
/// Otherwise a relative path could be read as a URI (`file:…`) or as a special name (`:memory:`).
pub(crate) fn url(path: &Path) -> Result<String, DbError> {
    let text = path.to_str().ok_or_else(|| DbError::PathNotText { path: path.to_owned() })?;
    Ok(if path.is_absolute() { text.to_owned() } else { format!("./{text}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_never_taken_for_anything_else() {
        for (path, wanted) in [
            ("data/btcedu.db", "./data/btcedu.db"),
            ("/srv/btcedu.db", "/srv/btcedu.db"),
            (":memory:", "./:memory:"),
            ("file:x?mode=ro", "./file:x?mode=ro"),
            ("sqlite://x", "./sqlite://x"),
        ] {
            assert_eq!(url(Path::new(path)).unwrap(), wanted);
        }
    }
}
