//! The state that all connections of one simulator share: script, counts, recordings, files.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use btcedu_domain::Sha256Hash;
use bytes::Bytes;
use tokio::time::Instant;

use crate::{
    Endpoint, RecordedRequest, Rule, SimulatorConfig, Stats,
    cache::{Prefixes, Usage},
    script::Injection,
};

/// The state behind a [`crate::Simulator`].
#[derive(Debug)]
pub(crate) struct Shared {
    /// Its settings.
    pub(crate) config: SimulatorConfig,
    /// `http://127.0.0.1:PORT`.
    pub(crate) base_url: String,
    state: Mutex<State>,
}

/// What changes from request to request. It is locked for single steps only.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// The rules in the order in which they were added.
    pub(crate) rules: Vec<Rule>,
    pub(crate) stats: Stats,
    pub(crate) requests: Vec<RecordedRequest>,
    /// The pictures that were answered as a `url`, by name.
    pub(crate) files: HashMap<String, StoredFile>,
    /// All calls so far.
    calls: u64,
    /// Prefixes in the text models' cache, and until when.
    prefixes: HashMap<Sha256Hash, Instant>,
}

impl State {
    /// Clears counts, recordings and the prompt cache.
    pub(crate) fn reset_stats(&mut self) {
        self.stats.reset();
        self.requests.clear();
        self.prefixes.clear();
    }
}

/// A picture that was answered as a `url`.
#[derive(Debug, Clone)]
pub(crate) struct StoredFile {
    /// The file's content.
    pub(crate) bytes: Bytes,
    /// The prompt that it was drawn for.
    pub(crate) prompt: String,
}

impl Shared {
    pub(crate) fn new(config: SimulatorConfig, base_url: String) -> Self {
        Self { config, base_url, state: Mutex::default() }
    }

    /// Finds the fault and the delay of a request, and counts the uses of their rules.
    pub(crate) fn next_injection(&self, endpoint: Endpoint, text: &str) -> Injection {
        Injection::next(&mut self.state().rules, endpoint, text)
    }

    /// Records a request, and returns the number of its call, from 1.
    pub(crate) fn record(&self, request: RecordedRequest) -> u64 {
        let mut state = self.state();
        if request.endpoint == Endpoint::Images {
            let prompt = request.body.get("prompt").and_then(serde_json::Value::as_str);
            state.stats.prompts.push(prompt.unwrap_or_default().to_owned());
        }
        state.requests.push(request);
        state.calls += 1;
        state.calls
    }

    /// Tells what of a text request comes from the cache now, and what will be written to it.
    pub(crate) fn usage(&self, prefixes: &Prefixes) -> Usage {
        let (state, now) = (self.state(), Instant::now());
        prefixes.usage(|prefix| state.prefixes.get(prefix).is_some_and(|until| *until > now))
    }

    /// Keeps the marked prefixes of an answered text request in the cache.
    pub(crate) fn keep_prefixes(&self, prefixes: &Prefixes) {
        let (mut state, now) = (self.state(), Instant::now());
        for (prefix, lifetime) in prefixes.marked() {
            state.prefixes.insert(*prefix, now + lifetime.duration());
        }
    }

    /// Counts an answer, `whole` or cut off.
    pub(crate) fn count_answer(&self, endpoint: Endpoint, status: u16, whole: bool) {
        let mut state = self.state();
        *state.stats.statuses.entry(status).or_default() += 1;
        match endpoint {
            Endpoint::Images if status == 200 && whole => state.stats.image_answers += 1,
            Endpoint::Messages if status == 200 && whole => state.stats.text_answers += 1,
            _ => {}
        }
    }

    /// Locks the state.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // Counts stay usable after a panic elsewhere; the test that panicked says so itself.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One call in flight; counts until it is dropped.
#[derive(Debug)]
pub(crate) struct InFlight {
    shared: Arc<Shared>,
    endpoint: Endpoint,
}

impl InFlight {
    pub(crate) fn enter(shared: &Arc<Shared>, endpoint: Endpoint) -> Self {
        shared.state().stats.enter(endpoint);
        Self { shared: Arc::clone(shared), endpoint }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.shared.state().stats.leave(self.endpoint);
    }
}
