//! A request as the providers' handlers see it.

use hyper::HeaderMap;
use serde_json::Value;
use tokio::time::Instant;

/// One request to a provider's endpoint, as its handler sees it.
#[derive(Debug)]
pub(crate) struct Call {
    /// Counts all calls of this simulator, from 1.
    pub(crate) number: u64,
    /// When its head arrived.
    pub(crate) arrived: Instant,
    /// Path without the query.
    pub(crate) path: String,
    /// All headers, the keys included.
    pub(crate) headers: HeaderMap,
    /// The body, if it is JSON.
    pub(crate) body: Option<Value>,
}

impl Call {
    /// Returns a header's value, if it is there and plain text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns a text field of the body, or an empty text.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.body.as_ref().and_then(|body| body.get(name)).and_then(Value::as_str).unwrap_or_default()
    }

    /// Returns the model that a request to `/v1/models` asks for; empty if it asks for all.
    pub(crate) fn listed_model(&self) -> &str {
        self.path.trim_start_matches("/v1/models").trim_start_matches('/')
    }
}
