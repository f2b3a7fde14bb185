//! Whether anybody has changed the database: this process, or another.

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

/// Counts changes to the database, with a connection of its own.
///
/// `SQLite` tells a connection only of what others have done (`PRAGMA data_version`,
/// sqlite.org/pragma.html), so one that never writes sees everything.
#[derive(Clone)]
pub struct ChangeCounter {
    db: Db,
    path: PathBuf,
    conn: Arc<Mutex<Opened>>,
}

#[derive(Default)]
struct Opened {
    conn: Option<Conn>,
    /// `SQLite` counts anew for each connection.
    times: u64,
}

/// What the database is like; another value means that something was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Changes {
    /// How often the file was opened to look.
    pub opened: u64,
    /// `SQLite`'s own count since.
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
    /// Makes a counter; the first reading opens the file.
    pub fn new(db: &Db) -> Self {
        Self { db: db.clone(), path: db.path().to_owned(), conn: Arc::default() }
    }

    /// Returns what is another value after each change; equal values mean that nothing has changed.
    ///
    /// # Errors
    /// Why the file can't be read.
    pub async fn read(&self) -> Result<Changes, DbError> {
        let this = self.clone();
        self.db.offload(move || this.read_blocking()).await?
    }

    /// As [`ChangeCounter::read`], on the caller's thread; for who is off the async threads already.
    ///
    /// # Errors
    /// Why the file can't be read.
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
                // The next reading opens the file anew.
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
