//! How btcedu talks to any provider.
//!
//! One client, created at the first call. Each call is one attempt: no retries, no redirects.
//! Every answer has a size limit and a time-out. All providers share one failure type,
//! [`ApiFailure`]: what went wrong, and whether the request may have been billed.
//!
//! May use: `btcedu-domain`.
//!
//! Invariants: a request that costs money is sent once · no secret in any `Debug`, error or
//! message · plain http never leaves the machine's own network · a file that a provider's
//! answer names is fetched by https from a public address only.
//!
//! # Example
//! ```
//! use btcedu_http::{Endpoint, Provider};
//! use std::time::Duration;
//!
//! static PROVIDER: Provider = Provider {
//!     name: "Example",
//!     api: "Poems API",
//!     host: "api.example.com",
//!     product: "poem",
//!     budget: "quota",
//!     key_setting: "EXAMPLE_API_KEY",
//!     base_url_setting: "EXAMPLE_BASE_URL",
//!     timeout: Duration::from_secs(60),
//!     words_at: &["/error/message"],
//! };
//!
//! let endpoint = Endpoint::new(&PROVIDER); // nothing is set up before the first call
//! let missing = endpoint.key().err().map(|failure| failure.to_string());
//! assert_eq!(missing.as_deref(), Some("no Example key is set; set EXAMPLE_API_KEY"));
//!
//! let endpoint = endpoint.with_key("sk-abc123").with_base_url("https://gateway.example/v1/");
//! let request = endpoint.get("models")?.bearer(endpoint.key()?);
//! let call = endpoint.send(&request); // a future: dropping it cancels the call
//! # drop(call);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod address;
mod base_url;
mod client;
mod download;
mod endpoint;
mod error;
mod failure;
mod redact;
mod reply;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use client::{ApiRequest, HttpClient};
pub use download::DOWNLOAD_MAX_BYTES;
pub use endpoint::{Endpoint, ErrorReply, Provider};
pub use failure::{ApiFailure, FailureKind};
pub use reply::Reply;
