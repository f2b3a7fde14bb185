//! Why a run stops early, and how its waits learn of it.

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
};

use btcedu_domain::Usd;
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

    /// Returns the signal, if there was one.
    pub fn raised(&self) -> Option<Signal> {
        *self.0.borrow()
    }
}

/// Why a run starts nothing more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StopReason {
    /// The next call would pass the cap.
    Cap { cost: Usd, estimate: Usd },
    /// Nothing will work until a person changes something.
    Fatal(String),
    /// The program was asked to end by a signal.
    Signal(Signal),
}

/// Whether one run stops, and why: the first reason counts.
#[derive(Debug)]
pub(crate) struct Stop {
    interrupt: Interrupt,
    own: watch::Sender<bool>,
    reason: Mutex<Option<StopReason>>,
}

impl Stop {
    pub(crate) fn new(interrupt: Interrupt) -> Self {
        Self { interrupt, own: watch::Sender::new(false), reason: Mutex::new(None) }
    }

    pub(crate) fn request(&self, reason: StopReason) {
        // What goes wrong after a signal doesn't change why the run ends.
        let reason = self.interrupt.raised().map_or(reason, StopReason::Signal);
        let mut slot = self.reason.lock().unwrap_or_else(PoisonError::into_inner);
        slot.get_or_insert(reason);
        self.own.send_replace(true);
    }

    pub(crate) fn reason(&self) -> Option<StopReason> {
        let own = self.reason.lock().unwrap_or_else(PoisonError::into_inner).clone();
        own.or_else(|| self.interrupt.raised().map(StopReason::Signal))
    }

    pub(crate) fn is_requested(&self) -> bool {
        self.reason().is_some()
    }

    /// Waits for something, unless the run stops first.
    pub(crate) async fn unless_stopped<T>(&self, wanted: impl Future<Output = T>) -> Option<T> {
        if self.is_requested() {
            return None;
        }
        let mut own = self.own.subscribe();
        let mut signal = self.interrupt.0.subscribe();
        tokio::select! {
            biased;
            _ = own.wait_for(|stopped| *stopped) => None,
            _ = signal.wait_for(Option::is_some) => None,
            value = wanted => Some(value),
        }
    }
}
