//! What `OpenAI`'s service needs to know; plain texts go in, so that embedding takes no other crate.

use std::{fmt, sync::Arc, time::Duration};

use btcedu_catalog::ModelCatalog;
use btcedu_domain::{Clock, SystemClock, Usd};
use btcedu_http::HttpClient;
use secrecy::SecretString;

/// Settings of [`OpenAiImages`](crate::OpenAiImages). The default has no key and the public API.
#[derive(Clone)]
pub struct OpenAiConfig {
    /// `OPENAI_API_KEY`. Without it every call fails before anything is sent.
    pub api_key: Option<SecretString>,
    /// `OPENAI_BASE_URL`, with or without a trailing slash or `/v1`; the public API unless set.
    pub base_url: Option<String>,
    /// Time-out of one attempt, downloads included.
    pub timeout: Duration,
    /// What is known of models.
    pub catalog: Arc<ModelCatalog>,
    /// `IMAGE_GEN_PRICE_USD`: price per picture of a model that isn't in the catalogue.
    pub price_override: Option<Usd>,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// The client; clones share their connections.
    pub http: HttpClient,
}

impl Default for OpenAiConfig {
    fn default() -> Self {
        Self {
            api_key: None,
            base_url: None,
            timeout: Duration::from_mins(5),
            catalog: ModelCatalog::builtin(),
            price_override: None,
            clock: Arc::new(SystemClock),
            http: HttpClient::default(),
        }
    }
}

impl OpenAiConfig {
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

    /// Sets the price per picture, in dollars, of a model that isn't in the catalogue.
    ///
    /// # Errors
    /// [`ImageGenError::BadPrice`](crate::ImageGenError::BadPrice) for what is no amount of dollars.
    pub fn with_price_usd(mut self, dollars: f64) -> Result<Self, crate::ImageGenError> {
        self.price_override = Some(Usd::from_dollars(dollars)?);
        Ok(self)
    }
}

impl fmt::Debug for OpenAiConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The base URL stays out: as typed, it may hold a password.
        f.debug_struct("OpenAiConfig")
            .field("api_key", &self.api_key)
            .field("timeout", &self.timeout)
            .field("price_override", &self.price_override)
            .finish_non_exhaustive()
    }
}
