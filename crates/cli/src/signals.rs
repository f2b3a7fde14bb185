//! Ctrl-C and SIGTERM: the first ends a run in good order, the second at once.

use btcedu_stages::{Interrupt, Signal};
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    errors::{CommandResult, OrFail},
    exit::ExitStatus,
    output::note,
};

/// Both signals, from now on.
pub(crate) struct Signals {
    interrupts: tokio::signal::unix::Signal,
    terminations: tokio::signal::unix::Signal,
}

impl Signals {
    /// Begins to listen.
    ///
    /// # Errors
    /// If the system refuses, which it doesn't.
    pub(crate) fn new() -> std::io::Result<Self> {
        Ok(Self {
            interrupts: signal(SignalKind::interrupt())?,
            terminations: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupts.recv() => Signal::Interrupt,
            _ = self.terminations.recv() => Signal::Terminate,
        }
    }
}

/// Raises what comes from now on; the second signal ends the program at once.
///
/// # Errors
/// If the system refuses, which it doesn't.
pub(crate) fn listen(interrupt: Interrupt) -> CommandResult<()> {
    let mut signals = Signals::new().or_fail(|| "can't listen for signals".to_owned())?;
    tokio::spawn(async move {
        loop {
            let signal = signals.next().await;
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
