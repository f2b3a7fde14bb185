//! Detects changes to the database, by this process or another.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use diesel::{prelude::*, sql_types::BigInt};

use crate::{
    db::Db,
    error::DbError,
    pool::{Conn, open},
};

/// Detects changes to the database, with a connection of its own.
///
/// `SQLite` reports to a connection only the changes by other connections (`PRAGMA data_version`,
/// sqlite.org/pragma.html), so a connection that never writes sees all changes.
#[derive(Clone)]
pub struct ChangeCounter {
    db: Db,
    path: PathBuf,
    conn: Arc<Mutex<Opened>>,
}

#[derive(Default)]
struct Opened {
    conn: Option<Conn>,
    /// How often a connection was opened: `SQLite` counts from the start for each.
    times: u64,
}

/// A version of the database; a different value means that something was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Changes {
    /// How often the counter has opened the file.
    pub opened: u64,
    /// `SQLite`'s count of changes since then.
    pub data_version: i64,
}

impl std::fmt::Debug for ChangeCounter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChangeCounter").field("path", &self.path).finish_non_exhaustive()
    }
}

#[derive(QueryableByName)]
struct DataVersion {
    #[diesel(sql_type = BigInt)]
    data_version: i64,
}

impl ChangeCounter {
    /// Makes a counter; the first call of [`ChangeCounter::read`] opens the file.
    pub fn new(db: &Db) -> Self {
        Self { db: db.clone(), path: db.path().to_owned(), conn: Arc::default() }
    }

    /// Returns the current version; it is different after each change.
    ///
    /// # Errors
    /// [`DbError`] if the file can't be read.
    pub async fn read(&self) -> Result<Changes, DbError> {
        let this = self.clone();
        self.db.offload(move || this.read_blocking()).await?
    }

    /// As [`ChangeCounter::read`], on the caller's thread, which must be one that may block.
    ///
    /// # Errors
    /// [`DbError`] if the file can't be read.
    pub fn read_blocking(&self) -> Result<Changes, DbError> {
        let mut opened = self.conn.lock().unwrap_or_else(PoisonError::into_inner);
        let Opened { conn, times } = &mut *opened;
        let conn = match conn {
            Some(conn) => conn,
            empty => {
                *times += 1;
                empty.insert(open(&self.path)?)
            }
        };
        let read = diesel::sql_query("PRAGMA data_version").get_result::<DataVersion>(conn);
        match read {
            Ok(row) => Ok(Changes { opened: opened.times, data_version: row.data_version }),
            Err(error) => {
                // The next call opens the file again.
                opened.conn = None;
                Err(DbError::from(error).at(&self.path))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use diesel::connection::SimpleConnection;

    use crate::{
        ChangeCounter, Db, DbConfig,
        episodes::{self, EpisodeFilter},
    };

    #[tokio::test]
    async fn every_writer_moves_the_counter_and_no_reader_does() {
        let folder = tempfile::tempdir().unwrap();
        let config = DbConfig { path: folder.path().join("btcedu.db"), ..DbConfig::default() };
        let (ours, other) = (Db::open(&config).unwrap(), Db::open(&config).unwrap());
        ours.migrate().await.unwrap();
        let counter = ChangeCounter::new(&ours);
        let first = counter.read().await.unwrap();
        ours.run(|conn| episodes::list(conn, &EpisodeFilter::default())).await.unwrap();
        assert_eq!(counter.read().await.unwrap(), first);
        for db in [&ours, &other] {
            let before = counter.read().await.unwrap();
            let write = "INSERT INTO channels (channel_id, name, created_at, updated_at)
                         VALUES (hex(randomblob(4)), 'Zehn Minuten', '', '')";
            db.transaction(move |conn| Ok(conn.batch_execute(write)?)).await.unwrap();
            assert_ne!(counter.read().await.unwrap(), before);
        }
    }
}
