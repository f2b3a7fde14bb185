//! Async access to `SQLite`: a small pool, with the blocking work on other threads.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use btcedu_domain::BlockingPool;

use crate::{
    error::DbError,
    migrate::{self, MigrationStatus},
    pool::{Conn, Opened, Opener, Pragmas, url},
    write_queue::WriteQueue,
};
use diesel::r2d2::{Pool, PooledConnection};

/// `SQLite` has one writer at a time; more connections only allow more readers.
const MAX_CONNECTIONS: u32 = 4;
/// Threads that wait for a connection or use one.
const PLACES: usize = 8;
/// How often to try to get a free connection, and how long each try waits.
const POOL_TRIES: u32 = 120;
const POOL_WAIT: Duration = Duration::from_millis(250);

/// The database file, and how long to wait for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DbConfig {
    /// The database file.
    pub path: PathBuf,
    /// How long a statement waits for another process's lock.
    pub busy_timeout: Duration,
}

impl Default for DbConfig {
    fn default() -> Self {
        Self { path: PathBuf::from("data/btcedu.db"), busy_timeout: Duration::from_secs(5) }
    }
}

/// A handle to the database; clones share one pool.
#[derive(Clone)]
pub struct Db {
    path: PathBuf,
    pool: Pool<Opener>,
    /// Writers of all clones that wait for a transaction.
    write_queue: Arc<WriteQueue>,
    places: Arc<BlockingPool>,
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Db").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Db {
    /// Makes a handle without opening the file: the first query opens or creates it.
    ///
    /// # Errors
    /// [`DbError::PathNotText`] if the path isn't UTF-8, which `SQLite` needs.
    pub fn open(config: &DbConfig) -> Result<Self, DbError> {
        let path = config.path.clone();
        url(&path)?;
        let pool = Pool::builder()
            .max_size(MAX_CONNECTIONS)
            .min_idle(Some(0))
            .idle_timeout(None)
            .max_lifetime(None)
            .test_on_check_out(false)
            .connection_customizer(Box::new(Pragmas {
                path: path.clone(),
                busy_timeout: config.busy_timeout,
            }))
            .build_unchecked(Opener { path: path.clone() });
        Ok(Self { path, pool, write_queue: Arc::default(), places: Arc::new(BlockingPool::new(PLACES)) })
    }

    /// Returns the path of the database file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Tells whether the file exists, without creating it.
    pub fn exists(&self) -> bool {
        self.path.is_file()
    }

    /// Applies all pending migrations, or none, and returns the names of those applied.
    ///
    /// If none is pending, this reads once and takes no lock.
    ///
    /// # Errors
    /// [`DbError::NewerSchema`] if a newer btcedu has migrated the file, [`DbError::Migration`]
    /// if a step fails, and the errors of [`Db::run`].
    pub async fn migrate(&self) -> Result<Vec<String>, DbError> {
        let path = self.path.clone();
        self.run(move |conn| migrate::apply_pending(conn, &path)).await
    }

    /// Lists the migrations, oldest first. A missing file has none and is not created.
    ///
    /// # Errors
    /// As [`Db::run`].
    pub async fn migration_status(&self) -> Result<Vec<MigrationStatus>, DbError> {
        if !self.exists() {
            return migrate::status_of_nothing();
        }
        self.run(migrate::status).await
    }

    /// Runs queries outside of a transaction; each sees the database as it is at that moment.
    ///
    /// # Errors
    /// The error of the closure, or the reason why there is no connection. Errors of the
    /// file itself have a variant per cause.
    ///
    /// # Panics
    /// If the closure panics.
    pub async fn run<T, F>(&self, queries: F) -> Result<T, DbError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Conn) -> Result<T, DbError> + Send + 'static,
    {
        let db = self.clone();
        self.offload(move || db.run_blocking(queries)).await?
    }

    /// Runs queries in one immediate transaction: either all changes are committed, or none.
    ///
    /// Writers that wait at the same time share a transaction, each with its own
    /// savepoint. So the disk is synced once for all of them.
    ///
    /// The closure must not wait for anything but the database, because other writers wait for it.
    ///
    /// # Errors
    /// As [`Db::run`]; an error of the closure rolls its changes back.
    ///
    /// # Panics
    /// If the closure panics; its changes are rolled back.
    pub async fn transaction<T, F>(&self, queries: F) -> Result<T, DbError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Conn) -> Result<T, DbError> + Send + 'static,
    {
        let mut receiver = self.write_queue.add(queries);
        let outcome = tokio::select! {
            biased;
            // Another writer has run these queries in its transaction.
            outcome = &mut receiver => outcome,
            _lock = self.write_queue.lock() => {
                let db = self.clone();
                self.offload(move || db.write_all_waiting()).await?;
                receiver.await
            }
        }
        .map_err(|source| DbError::Stopped { path: self.path.clone(), source: Arc::new(source) })?;
        outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    fn write_all_waiting(&self) {
        let mut waiting = self.write_queue.take();
        if waiting.is_empty() {
            return;
        }
        let committed = self.run_blocking(|conn| {
            write_locked(conn, |conn| {
                for write in &mut waiting {
                    write.run(conn, &self.path);
                }
                Ok(())
            })
        });
        for write in waiting {
            write.report(&committed);
        }
    }

    /// Does blocking work off the async threads.
    pub(crate) async fn offload<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, DbError> {
        let done = self.places.run(work).await;
        done.map_err(|source| DbError::Stopped { path: self.path.clone(), source: Arc::new(source) })
    }

    /// As [`Db::run`], on the caller's thread, which must be one that may block.
    ///
    /// It lets work that also reads files take one such thread for both.
    ///
    /// # Errors
    /// As [`Db::run`].
    pub fn run_blocking<T>(
        &self,
        queries: impl FnOnce(&mut Conn) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        let mut opened = self.connection()?;
        if let Opened::Ready(conn) = &mut *opened {
            return queries(conn).map_err(|error| error.at(&self.path));
        }
        match std::mem::replace(&mut *opened, Opened::Taken) {
            Opened::Failed(error) => Err(error),
            Opened::Ready(_) | Opened::Taken => {
                Err(DbError::cannot_open(&self.path, "the connection is gone"))
            }
        }
    }

    /// Waits for a free connection, in short steps, because a dropped one doesn't wake waiting threads.
    fn connection(&self) -> Result<PooledConnection<Opener>, DbError> {
        let mut result = self.pool.get_timeout(POOL_WAIT);
        for _ in 1..POOL_TRIES {
            if result.is_ok() {
                break;
            }
            result = self.pool.get_timeout(POOL_WAIT);
        }
        result.map_err(|source| DbError::Exhausted { path: self.path.clone(), source: Arc::new(source) })
    }
}

/// Runs one immediate transaction and logs how long it blocked other writers.
fn write_locked<T>(
    conn: &mut Conn,
    queries: impl FnOnce(&mut Conn) -> Result<T, DbError>,
) -> Result<T, DbError> {
    #[expect(clippy::disallowed_methods, reason = "a measurement for the log; nothing depends on it")]
    let now = std::time::Instant::now;
    let mut locked = None;
    let result = conn.immediate_transaction(|conn| {
        locked = Some(now());
        queries(conn)
    });
    if let Some(since) = locked {
        let held = now().duration_since(since).as_micros();
        tracing::debug!(
            held_microseconds = u64::try_from(held).unwrap_or(u64::MAX),
            "the database was locked for writing"
        );
    }
    result
}
