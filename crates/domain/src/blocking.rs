//! Work that blocks (files, passwords, SQL) on threads of its own, with a bounded number of places for each kind.

use std::panic::resume_unwind;

use tokio::sync::Semaphore;

/// The work was not done, because the program is ending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the work was not done because the program is ending")]
pub struct WorkStopped;

impl crate::Kinded for WorkStopped {
    fn kind(&self) -> crate::ErrorKind {
        crate::ErrorKind::Failed
    }
}

/// A number of places for one kind of blocking work; what comes when all are taken waits for one.
///
/// Each kind has a pool of its own, so that slow work of one kind holds up no other.
#[derive(Debug)]
pub struct BlockingPool {
    places: Semaphore,
}

impl BlockingPool {
    /// Makes a pool with this many places.
    pub const fn new(places: usize) -> Self {
        Self { places: Semaphore::const_new(places) }
    }

    /// Runs work on a thread that may block; a panic in it goes on in the caller.
    ///
    /// # Errors
    /// [`WorkStopped`] where the runtime shuts down before the work is done.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, WorkStopped> {
        let _place = self.places.acquire().await.map_err(|_closed| WorkStopped)?;
        #[cfg(feature = "testing")]
        testing::count_hop();
        #[expect(clippy::disallowed_methods, reason = "all other blocking work goes through here")]
        let task = tokio::task::spawn_blocking(work);
        task.await.map_err(|error| match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            Err(_cancelled) => WorkStopped,
        })
    }
}

/// Counts how often a task moves to a blocking thread.
#[cfg(feature = "testing")]
pub mod testing {
    use std::cell::Cell;

    tokio::task_local! {
        static HOPS: Cell<usize>;
    }

    /// Returns what a future comes to, and how often [`BlockingPool::run`](super::BlockingPool::run) was called in it.
    pub async fn count_hops<T>(work: impl Future<Output = T>) -> (T, usize) {
        HOPS.scope(Cell::new(0), async {
            let output = work.await;
            (output, HOPS.with(Cell::get))
        })
        .await
    }

    pub(super) fn count_hop() {
        // Outside of `count_hops` nothing is counted.
        let _is_counted = HOPS.try_with(|hops| hops.set(hops.get() + 1));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use super::*;

    #[tokio::test]
    async fn no_more_run_at_once_than_there_are_places() {
        static POOL: BlockingPool = BlockingPool::new(2);
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let tasks = (0..6).map(|_| {
            let (running, most) = (running.clone(), most.clone());
            tokio::spawn(POOL.run(move || {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::sleep(std::time::Duration::from_millis(5));
                running.fetch_sub(1, Ordering::SeqCst);
            }))
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap().unwrap();
        }
        assert!((1..=2).contains(&most.load(Ordering::SeqCst)));
    }

    #[tokio::test]
    async fn a_panic_goes_on_in_the_caller_and_frees_the_place() {
        static POOL: BlockingPool = BlockingPool::new(1);
        let panicked = tokio::spawn(POOL.run(|| std::panic::panic_any("no")));
        assert!(panicked.await.unwrap_err().is_panic());
        assert_eq!(POOL.run(|| 7).await, Ok(7));
    }
}
