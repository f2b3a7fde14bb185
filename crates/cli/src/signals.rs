//! Ctrl-C and SIGTERM: the first ends a run in good order, the second at once.

use btcedu_stages::{Interrupt, Signal};
use tokio::signal::unix::{SignalKind, signal};

use crate::{exit::ExitStatus, output::note};

/// Listens for both signals from now on.
///
/// # Errors
/// If the system refuses, which it doesn't.
pub(crate) fn listen(interrupt: Interrupt) -> std::io::Result<()> {
    let mut interrupts = signal(SignalKind::interrupt())?;
    let mut terminations = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        loop {
            let signal = tokio::select! {
                _ = interrupts.recv() => Signal::Interrupt,
                _ = terminations.recv() => Signal::Terminate,
            };
            if interrupt.raised().is_some() {
                std::process::exit(ExitStatus::of_signal(signal).into());
            }
            note(
                "stopping: nothing more is sent, calls in flight are finished and kept; once more stops at once",
            );
            interrupt.raise(signal);
        }
    });
    Ok(())
}
