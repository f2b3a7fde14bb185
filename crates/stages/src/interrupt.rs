//! A signal on its way from the program's edge to whatever runs.

use std::sync::Arc;

use serde::Serialize;
use tokio::sync::watch;

/// A signal that asks a run to end in good order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// Ctrl-C; exit code 130.
    Interrupt,
    /// `kill`, systemd; exit code 143.
    Terminate,
}

/// Carries a signal from the program's edge to whatever runs.
#[derive(Debug, Clone)]
pub struct Interrupt(Arc<watch::Sender<Option<Signal>>>);

impl Default for Interrupt {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(None)))
    }
}

impl Interrupt {
    /// Asks all runs that hold this to end in good order.
    pub fn raise(&self, signal: Signal) {
        self.0.send_replace(Some(signal));
    }

    /// Returns a watch that changes when the signal comes.
    pub(crate) fn watch(&self) -> watch::Receiver<Option<Signal>> {
        self.0.subscribe()
    }

    /// Returns the signal, if there was one.
    pub fn raised(&self) -> Option<Signal> {
        *self.0.borrow()
    }
}
