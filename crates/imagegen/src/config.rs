//! Settings of `OpenAI`'s service. They are plain texts, so an embedding program needs no other crate.

use std::{fmt, sync::Arc, time::Duration};

use btcedu_catalog::ModelCatalog;
use btcedu_domain::Usd;
use btcedu_http::{ApiFailure, Endpoint, FailureKind, Provider};

use crate::service::ImageGenError;

/// The names of `OpenAI`, its API and its settings.
pub static OPENAI: Provider = Provider {
    name: "OpenAI",
    api: "Images API",
    host: "api.openai.com",
    product: "image",
    budget: "quota",
    key_setting: "OPENAI_API_KEY",
    base_url_setting: "OPENAI_BASE_URL",
    timeout: Duration::from_mins(5),
    words_at: &["/error/message", "/error"],
};

/// Settings of [`OpenAiImages`](crate::OpenAiImages). The default has no key and the public API.
#[derive(Clone)]
pub struct OpenAiConfig {
    /// `OPENAI_API_KEY`, `OPENAI_BASE_URL` and the time-out of one attempt.
    pub endpoint: Endpoint,
    /// Models and their prices.
    pub catalog: Arc<ModelCatalog>,
    /// `IMAGE_GEN_PRICE_USD`: price per picture for a model that isn't in the catalogue.
    pub price_override: Option<Usd>,
}

impl Default for OpenAiConfig {
    fn default() -> Self {
        Self { endpoint: Endpoint::new(&OPENAI), catalog: ModelCatalog::builtin(), price_override: None }
    }
}

impl OpenAiConfig {
    /// Sets the key; a blank one counts as none.
    #[must_use]
    pub fn with_key(self, key: &str) -> Self {
        Self { endpoint: self.endpoint.with_key(key), ..self }
    }

    /// Sets the base URL.
    #[must_use]
    pub fn with_base_url(self, base_url: &str) -> Self {
        Self { endpoint: self.endpoint.with_base_url(base_url), ..self }
    }

    /// Sets the time-out of one attempt.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.endpoint.timeout = timeout;
        self
    }

    /// Sets the price per picture, in dollars, for a model that isn't in the catalogue.
    ///
    /// # Errors
    /// [`FailureKind::BadSetting`] if it is not an amount of dollars.
    pub fn with_price_usd(self, dollars: f64) -> Result<Self, ImageGenError> {
        let price = Usd::from_dollars(dollars).map_err(|source| {
            ApiFailure::new(FailureKind::BadSetting, "IMAGE_GEN_PRICE_USD can't be used").caused_by(source)
        })?;
        Ok(Self { price_override: Some(price), ..self })
    }
}

impl fmt::Debug for OpenAiConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAiConfig")
            .field("endpoint", &self.endpoint)
            .field("price_override", &self.price_override)
            .finish_non_exhaustive()
    }
}
