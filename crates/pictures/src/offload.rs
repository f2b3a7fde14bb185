//! The doors for work that takes its time: off the async threads, and not more at once than helps.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use tokio::sync::{Semaphore, oneshot};

/// Two at once keep a small server answering.
static PLACES: Semaphore = Semaphore::const_new(2);
/// More decoders than cores don't help, and each takes memory.
static DECODERS: Semaphore = Semaphore::const_new(2);

/// The program is ending, so the work was not done.
#[derive(Debug, thiserror::Error)]
#[error("the work was not done because the program is ending")]
pub struct OffloadError;

/// Runs work with files on a thread that may block; a panic in it goes on in the caller.
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
        Ok(panic) => resume_unwind(panic),
        Err(_cancelled) => OffloadError,
    })
}

/// Runs long computing on a thread of low priority, so that whoever waits for a network or a disk goes first.
///
/// # Errors
/// As [`offload`], which does it where the system gives no thread.
pub(crate) async fn compute<T, F>(work: F) -> Result<T, OffloadError>
where
    T: Send + 'static,
    F: FnOnce() -> T + Clone + Send + 'static,
{
    let place = DECODERS.acquire().await.map_err(|_closed| OffloadError)?;
    let (done, told) = oneshot::channel();
    let spare = work.clone();
    let thread = std::thread::Builder::new().name("compute".to_owned()).spawn(move || {
        lower_priority();
        let _gone = done.send(catch_unwind(AssertUnwindSafe(work)));
    });
    if thread.is_err() {
        drop(place);
        return offload(spare).await;
    }
    drop(spare);
    told.await.map_err(|_ended| OffloadError)?.or_else(|panic| resume_unwind(panic))
}

/// On Linux a thread has a priority of its own; elsewhere it is the whole program's, which is left alone.
fn lower_priority() {
    #[cfg(target_os = "linux")]
    let _as_it_was = rustix::process::nice(10);
}

impl btcedu_domain::Kinded for OffloadError {
    fn kind(&self) -> btcedu_domain::ErrorKind {
        btcedu_domain::ErrorKind::Failed
    }
}
