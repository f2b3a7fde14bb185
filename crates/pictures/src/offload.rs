//! The one door for CPU-heavy work: off the async threads, and not more at once than helps.

use tokio::sync::Semaphore;

/// Two at once keep a small server answering and bound the memory that decoding takes.
static PLACES: Semaphore = Semaphore::const_new(2);

/// The program is ending, so the work was not done.
#[derive(Debug, thiserror::Error)]
#[error("the work was not done because the program is ending")]
pub struct OffloadError;

/// Runs CPU-heavy work on a thread that may block; a panic in it goes on in the caller.
///
/// # Errors
/// [`OffloadError`] where the runtime shuts down before the work is done.
pub async fn offload<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, OffloadError> {
    let _place = PLACES.acquire().await.map_err(|_closed| OffloadError)?;
    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    let task = tokio::task::spawn_blocking(work);
    task.await.map_err(|error| match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(_cancelled) => OffloadError,
    })
}
