//! Group commit: writers that wait at the same time share one transaction.
//!
//! `SQLite` has one writer at a time and syncs the disk at each commit, so eight ledger rows in one
//! transaction take as long as one row.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{Mutex, PoisonError},
};

use diesel::Connection;
use tokio::sync::{self, MutexGuard, oneshot};

use crate::{Conn, DbError};

/// The result of one writer's queries, or its panic.
pub(crate) type Outcome<T> = Result<Result<T, DbError>, Box<dyn Any + Send>>;

/// Writers that wait for a transaction, and the lock of the writer that runs one.
#[derive(Default)]
pub(crate) struct WriteQueue {
    waiting: Mutex<Vec<Box<dyn QueuedWrite>>>,
    writer: sync::Mutex<()>,
}

impl WriteQueue {
    /// Adds queries for the next transaction, by any writer, and returns the receiver of their outcome.
    pub(crate) fn add<T, F>(&self, queries: F) -> oneshot::Receiver<Outcome<T>>
    where
        T: Send + 'static,
        F: FnOnce(&mut Conn) -> Result<T, DbError> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        self.waiting().push(Box::new(Waiting { queries: Some(queries), outcome: None, sender }));
        receiver
    }

    /// Waits until no other writer runs a transaction.
    pub(crate) async fn lock(&self) -> MutexGuard<'_, ()> {
        self.writer.lock().await
    }

    /// Takes all waiting writes out of the queue, and drops those whose caller is gone.
    pub(crate) fn take(&self) -> Vec<Box<dyn QueuedWrite>> {
        let mut waiting = std::mem::take(&mut *self.waiting());
        waiting.retain(|write| write.is_wanted());
        waiting
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Vec<Box<dyn QueuedWrite>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One writer's part of a transaction.
pub(crate) trait QueuedWrite: Send {
    /// Tells whether the caller still waits for the outcome.
    fn is_wanted(&self) -> bool;
    /// Runs the queries in a savepoint, so that an error rolls back no other write.
    fn run(&mut self, conn: &mut Conn, path: &Path);
    /// Sends the outcome to the caller, given whether the transaction was committed.
    fn report(self: Box<Self>, committed: &Result<(), DbError>);
}

struct Waiting<T, F> {
    queries: Option<F>,
    outcome: Option<Outcome<T>>,
    sender: oneshot::Sender<Outcome<T>>,
}

impl<T, F> QueuedWrite for Waiting<T, F>
where
    T: Send,
    F: FnOnce(&mut Conn) -> Result<T, DbError> + Send,
{
    fn is_wanted(&self) -> bool {
        !self.sender.is_closed()
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

    fn report(self: Box<Self>, committed: &Result<(), DbError>) {
        let outcome = match (self.outcome, committed) {
            // Without a commit, nothing has happened.
            (None | Some(Ok(Ok(_))), Err(error)) => Ok(Err(error.clone())),
            (Some(outcome), _) => outcome,
            (None, Ok(())) => return,
        };
        // The caller may be gone.
        let _gone = self.sender.send(outcome);
    }
}
