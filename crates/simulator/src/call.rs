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
}
