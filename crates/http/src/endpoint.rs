//! How one provider is reached: its address, its key and its time-out.

mod error_reply;

use std::{fmt, sync::Arc, time::Duration};

use btcedu_domain::{Clock, SystemClock};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use self::error_reply::ErrorReply;
use crate::{
    base_url::{BaseUrl, BaseUrlError},
    client::{ApiRequest, HttpClient},
    failure::{ApiFailure, FailureKind},
    redact::redact,
    reply::Reply,
};

/// The longest time-out of a GET: a list of models is short.
const LIST_TIMEOUT: Duration = Duration::from_secs(30);

/// The names of a provider, its API and its settings, and what else is fixed about it.
#[derive(Debug)]
pub struct Provider {
    /// The company, like `OpenAI`.
    pub name: &'static str,
    /// The API, like `Images API`.
    pub api: &'static str,
    /// Host of the public API, whose address is `https://HOST/v1`.
    pub host: &'static str,
    /// What its models make, like `image`.
    pub product: &'static str,
    /// What the provider calls the money that may be spent, like `quota`.
    pub budget: &'static str,
    /// Name of the setting with the key.
    pub key_setting: &'static str,
    /// Name of the setting with the base URL.
    pub base_url_setting: &'static str,
    /// Time-out of one attempt, unless set otherwise.
    pub timeout: Duration,
    /// Where an answer of failure says what is wrong: JSON pointers, the best one first.
    pub words_at: &'static [&'static str],
}

/// Address, key and time-out of a provider. It is made without a key, for the public API.
#[derive(Clone)]
pub struct Endpoint {
    pub(crate) provider: &'static Provider,
    key: Option<SecretString>,
    base: Result<BaseUrl, BaseUrlError>,
    /// Time-out of one attempt, its downloads included.
    pub timeout: Duration,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// The client; clones share their connections.
    pub http: HttpClient,
}

impl Endpoint {
    /// Makes the endpoint of a provider's public API.
    pub fn new(provider: &'static Provider) -> Self {
        Self {
            provider,
            key: None,
            base: format!("https://{}/v1", provider.host).parse(),
            timeout: provider.timeout,
            clock: Arc::new(SystemClock),
            http: HttpClient::default(),
        }
    }

    /// Sets the key; a blank one counts as none.
    #[must_use]
    pub fn with_key(self, key: &str) -> Self {
        let key = key.trim();
        Self { key: (!key.is_empty()).then(|| key.into()), ..self }
    }

    /// Sets the base URL, with or without a trailing slash or `/v1`; [`check`](Self::check) says if it is bad.
    #[must_use]
    pub fn with_base_url(self, base_url: &str) -> Self {
        Self { base: base_url.parse(), ..self }
    }

    /// Checks the base URL.
    ///
    /// # Errors
    /// [`FailureKind::BadSetting`] for one that can't be used.
    pub fn check(&self) -> Result<(), ApiFailure> {
        self.base().map(|_| ())
    }

    /// Returns the key.
    ///
    /// # Errors
    /// [`FailureKind::MissingKey`] if there is none.
    pub fn key(&self) -> Result<&SecretString, ApiFailure> {
        let Provider { name, key_setting, .. } = self.provider;
        let missing =
            || ApiFailure::new(FailureKind::MissingKey, format!("no {name} key is set; set {key_setting}"));
        self.key.as_ref().ok_or_else(missing)
    }

    pub(crate) fn base(&self) -> Result<&BaseUrl, ApiFailure> {
        let words = || format!("{} can't be used", self.provider.base_url_setting);
        let bad = |source: &BaseUrlError| {
            ApiFailure::new(FailureKind::BadSetting, words()).caused_by(source.clone())
        };
        self.base.as_ref().map_err(bad)
    }

    /// Returns host and port of the base URL, for messages.
    pub(crate) fn host(&self) -> String {
        self.base.as_ref().map(BaseUrl::host).unwrap_or_default()
    }

    /// Tells whether this is the public API. A gateway may serve models that the provider has ended.
    pub fn is_public(&self) -> bool {
        self.base.as_ref().is_ok_and(|base| base.is_host(self.provider.host))
    }

    /// Makes a GET of something short, such as `models`.
    ///
    /// # Errors
    /// [`FailureKind::BadSetting`] for a base URL that can't be used.
    pub fn get(&self, path: &str) -> Result<ApiRequest, ApiFailure> {
        Ok(ApiRequest::get(self.base()?, path, LIST_TIMEOUT.min(self.timeout)))
    }

    /// Makes a POST of JSON, such as `messages`.
    ///
    /// # Errors
    /// [`FailureKind::BadSetting`] for a base URL that can't be used.
    pub fn post_json(&self, path: &str, body: &Value) -> Result<ApiRequest, ApiFailure> {
        Ok(ApiRequest::post_json(self.base()?, path, body, self.timeout))
    }

    /// Sends a request, once, and returns the whole answer, whatever its status.
    ///
    /// Dropping the future closes the connection.
    ///
    /// # Errors
    /// [`ApiFailure`] if there is no whole answer within the request's limits.
    pub async fn send(&self, request: &ApiRequest) -> Result<Reply, ApiFailure> {
        let Provider { api, base_url_setting, .. } = self.provider;
        self.http.send(request).await.map_err(|source| {
            let words = format!("the call of the {api} failed; check {base_url_setting} if it stays so");
            ApiFailure::new(source.kind(), words).caused_by(source)
        })
    }

    /// Sends a request and reads the JSON of its answer; the inner error is an answer of failure.
    ///
    /// # Errors
    /// [`ApiFailure`] if there is no whole answer, or one of success that the API would not give.
    pub async fn send_for_json<T: DeserializeOwned>(
        &self,
        request: &ApiRequest,
    ) -> Result<Result<T, ErrorReply<'_>>, ApiFailure> {
        let reply = self.send(request).await?;
        if !reply.is_success() {
            return Ok(Err(self.read_error(&reply)));
        }
        let read = serde_json::from_slice(&reply.body);
        let foreign = |_not_ours| self.read_error(&reply).into_failure(FailureKind::WrongAddress, "", "");
        Ok(Ok(read.map_err(foreign)?))
    }

    /// Makes the failure for a model that the provider doesn't serve.
    pub fn model_unavailable(&self, model: &str, words: &str, hint: &str) -> ApiFailure {
        let product = self.provider.product;
        let words = format!("{product} model '{model}' is not served: {words}; {hint}");
        ApiFailure::new(FailureKind::ModelUnavailable, words)
    }

    /// Takes keys out of a provider's text.
    pub(crate) fn redact(&self, text: &str) -> String {
        redact(text, self.key.as_ref().map(ExposeSecret::expose_secret))
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("base", &self.base)
            .field("key", &self.key)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
