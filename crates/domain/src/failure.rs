//! The meaning of a failed provider call for its caller: try again or not, billed or not.

use std::time::Duration;

/// What the caller should do about a failure. It is decided once, by the code that reads the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureClass {
    /// Another try may succeed: rate limits, overload, connection faults, time-outs.
    Transient,
    /// This request will never succeed; a different one may.
    BadRequest,
    /// The answer can't be used (empty, cut off, refused text); a different request may succeed.
    BadAnswer,
    /// No request will succeed until a person changes something: key, quota, model, disk.
    Fatal,
}

/// Whether a failed call is billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Billing {
    /// The request never left this machine.
    NotSent,
    /// The provider answered with an error that is not billed.
    NotBilled,
    /// The request was sent and no usable answer came: it may be billed.
    MaybeBilled,
}

/// What the retry loop must know of any provider's error.
pub trait ProviderFailure: std::error::Error + Send + Sync + 'static {
    /// Returns what to do about it.
    fn class(&self) -> FailureClass;
    /// Returns what is known of the money.
    fn billing(&self) -> Billing;
    /// Returns how long the provider asked to wait, if it did.
    fn retry_after(&self) -> Option<Duration>;
    /// Tells whether the provider asked the whole account to slow down (429).
    fn is_rate_limit(&self) -> bool;
    /// Returns the provider's id of the request, for its support.
    fn request_id(&self) -> Option<&str>;
}
