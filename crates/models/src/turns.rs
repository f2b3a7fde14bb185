//! Writers take turns, and those who wait together are written together.
//!
//! `SQLite` has one writer at a time, has those who meet a lock sleep, and syncs the disk at
//! each commit: eight ledger rows in one transaction take the time of one.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{Mutex, PoisonError},
};

use diesel::Connection;
use tokio::sync::{self, MutexGuard, oneshot};

use crate::{Conn, DbError};

/// How one writer's work ended, or its panic.
pub(crate) type Outcome<T> = Result<Result<T, DbError>, Box<dyn Any + Send>>;

/// Who writes now, and who waits.
#[derive(Default)]
pub(crate) struct Turns {
    waiting: Mutex<Vec<Box<dyn Write>>>,
    turn: sync::Mutex<()>,
}

impl Turns {
    /// Lets queries wait for the next turn, anybody's, and returns where their end will be told.
    pub(crate) fn queue<T, F>(&self, queries: F) -> oneshot::Receiver<Outcome<T>>
    where
        T: Send + 'static,
        F: FnOnce(&mut Conn) -> Result<T, DbError> + Send + 'static,
    {
        let (told, ended) = oneshot::channel();
        self.waiting().push(Box::new(Waiting { queries: Some(queries), outcome: None, told }));
        ended
    }

    /// Waits for a turn.
    pub(crate) async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Takes all that waits and that somebody still wants.
    pub(crate) fn take(&self) -> Vec<Box<dyn Write>> {
        let mut waiting = std::mem::take(&mut *self.waiting());
        waiting.retain(|write| write.is_wanted());
        waiting
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Vec<Box<dyn Write>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One writer's part of a transaction.
pub(crate) trait Write: Send {
    /// Tells whether whoever asked is still there.
    fn is_wanted(&self) -> bool;
    /// Does the work in a savepoint, so that an error undoes nobody else's.
    fn run(&mut self, conn: &mut Conn, path: &Path);
    /// Tells whoever asked, now that the transaction has or hasn't been committed.
    fn end(self: Box<Self>, written: &Result<(), DbError>);
}

struct Waiting<T, F> {
    queries: Option<F>,
    outcome: Option<Outcome<T>>,
    told: oneshot::Sender<Outcome<T>>,
}

impl<T, F> Write for Waiting<T, F>
where
    T: Send,
    F: FnOnce(&mut Conn) -> Result<T, DbError> + Send,
{
    fn is_wanted(&self) -> bool {
        !self.told.is_closed()
    }

    fn run(&mut self, conn: &mut Conn, path: &Path) {
        let Some(queries) = self.queries.take() else { return };
        let mut panic = None;
        let result = conn.transaction(|conn| {
            catch_unwind(AssertUnwindSafe(|| queries(conn))).unwrap_or_else(|caught| {
                panic = Some(caught);
                Err(diesel::result::Error::RollbackTransaction.into())
            })
        });
        self.outcome = Some(panic.map_or_else(|| Ok(result.map_err(|error| error.at(path))), Err));
    }

    fn end(self: Box<Self>, written: &Result<(), DbError>) {
        let outcome = match (self.outcome, written) {
            // What went well in a transaction that didn't has not happened.
            (None | Some(Ok(Ok(_))), Err(error)) => Ok(Err(error.clone())),
            (Some(outcome), _) => outcome,
            (None, Ok(())) => return,
        };
        // Whoever asked may have gone.
        let _gone = self.told.send(outcome);
    }
}
