//! What Claude's client needs to know.

use std::{fmt, sync::Arc, time::Duration};

use btcedu_catalog::ModelCatalog;
use btcedu_domain::{Clock, SystemClock};
use btcedu_http::HttpClient;
use secrecy::SecretString;

/// Settings of [`ClaudeClient`](crate::ClaudeClient). The default has no key and the public API.
#[derive(Clone)]
pub struct ClaudeConfig {
    /// `ANTHROPIC_API_KEY`. Without it every call fails before anything is sent.
    pub api_key: Option<SecretString>,
    /// `ANTHROPIC_BASE_URL`, with or without a trailing slash or `/v1`; the public API unless set.
    pub base_url: Option<String>,
    /// Time-out of one attempt.
    pub timeout: Duration,
    /// What is known of models.
    pub catalog: Arc<ModelCatalog>,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// The client; clones share their connections.
    pub http: HttpClient,
}

impl Default for ClaudeConfig {
    fn default() -> Self {
        Self {
            api_key: None,
            base_url: None,
            timeout: Duration::from_mins(10),
            catalog: ModelCatalog::builtin(),
            clock: Arc::new(SystemClock),
            http: HttpClient::default(),
        }
    }
}

impl ClaudeConfig {
    /// Sets the key; a blank one counts as none.
    #[must_use]
    pub fn with_key(mut self, key: &str) -> Self {
        let key = key.trim();
        self.api_key = (!key.is_empty()).then(|| key.into());
        self
    }

    /// Sets the base URL.
    #[must_use]
    pub fn with_base_url(mut self, base_url: &str) -> Self {
        self.base_url = Some(base_url.to_owned());
        self
    }

    /// Sets the time-out of one attempt.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

impl fmt::Debug for ClaudeConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The base URL stays out: as typed, it may hold a password.
        f.debug_struct("ClaudeConfig")
            .field("api_key", &self.api_key)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
