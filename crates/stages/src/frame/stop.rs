//! Why a run stops early, and how its waits learn of it.

use std::{
    future::Future,
    sync::{Mutex, PoisonError},
};

use btcedu_domain::Usd;
use tokio::sync::watch;

use crate::{Interrupt, Signal};

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
        let mut signal = self.interrupt.watch();
        tokio::select! {
            biased;
            _ = own.wait_for(|stopped| *stopped) => None,
            _ = signal.wait_for(Option::is_some) => None,
            value = wanted => Some(value),
        }
    }
}
