//! How btcedu talks to any provider.
//!
//! One client, built when it is first needed; one attempt per call, no retries, no
//! redirects; every answer has a size cap and a time-out. What went wrong comes back
//! as an error that knows whether the request may have been billed.
//!
//! May use: `btcedu-domain`.
//!
//! Invariants: a request that pays is sent once · no secret in any `Debug`, error or
//! message · plain http never leaves the machine's own network · what a provider
//! points to is fetched by https from a public address only.
//!
//! # Example
//! ```
//! use btcedu_http::{ApiRequest, BaseUrl, HttpClient, redact};
//! use std::time::Duration;
//!
//! let base: BaseUrl = "https://gateway.example/v1/".parse()?;
//! let url = base.join("images/generations");
//! assert_eq!(url.as_str(), "https://gateway.example/v1/images/generations");
//!
//! let client = HttpClient::default(); // nothing is set up before the first call
//! let request = ApiRequest::get(&base, "models", Duration::from_secs(30));
//! let call = client.send(&request); // a future: dropping it cancels the call
//! # drop(call);
//!
//! let said = "Incorrect API key provided: sk-abc123.";
//! assert_eq!(redact(said, None), "Incorrect API key provided: [redacted].");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod address;
mod base_url;
mod client;
mod download;
mod error;
mod redact;
mod reply;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use address::is_private_or_loopback;
pub use base_url::{BaseUrl, BaseUrlError, join_base};
pub use client::{ApiRequest, HttpClient};
pub use download::DOWNLOAD_MAX_BYTES;
pub use error::HttpError;
pub use redact::redact;
pub use reply::{Reply, parse_retry_after};
