//! Work on pixels: off the async threads, at low priority, and not more at once than helps.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use btcedu_domain::{BlockingPool, WorkStopped};
use tokio::sync::{Semaphore, oneshot};

/// More decoders than cores don't help, and each takes memory.
static DECODERS: Semaphore = Semaphore::const_new(2);
/// Used where the system gives no thread of low priority.
static SPARE: BlockingPool = BlockingPool::new(2);

/// Runs long computing on a thread of low priority, so that work that waits for a network or a disk goes first.
///
/// A panic in it goes on in the caller.
///
/// # Errors
/// [`WorkStopped`] where the program is ending.
pub(crate) async fn compute<T, F>(work: F) -> Result<T, WorkStopped>
where
    T: Send + 'static,
    F: FnOnce() -> T + Clone + Send + 'static,
{
    let place = DECODERS.acquire().await.map_err(|_closed| WorkStopped)?;
    let (sender, receiver) = oneshot::channel();
    let spare = work.clone();
    let thread = std::thread::Builder::new().name("compute".to_owned()).spawn(move || {
        lower_priority();
        // The caller may be gone by now.
        let _unsent = sender.send(catch_unwind(AssertUnwindSafe(work)));
    });
    if thread.is_err() {
        drop(place);
        return SPARE.run(spare).await;
    }
    drop(spare);
    receiver.await.map_err(|_ended| WorkStopped)?.or_else(|panic| resume_unwind(panic))
}

/// On Linux a thread has a priority of its own; elsewhere it is the whole program's, which is left alone.
fn lower_priority() {
    #[cfg(target_os = "linux")]
    let _as_it_was = rustix::process::nice(10);
}
