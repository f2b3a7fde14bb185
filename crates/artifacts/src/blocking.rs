//! Work with files, off the async threads.

use btcedu_domain::{BlockingPool, WorkStopped};

/// Enough to keep a disk busy; more would only wait for it.
static FILES: BlockingPool = BlockingPool::new(4);

/// Runs work with files on a thread that may block; a panic in it goes on in the caller.
///
/// # Errors
/// [`WorkStopped`] where the program is ending.
pub async fn run_blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, WorkStopped> {
    FILES.run(work).await
}
