//! What a failed provider call means to its caller: try again or not, billed or not.

use std::time::Duration;

/// What to do about a failure. Decided once, where the answer is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureClass {
    /// May pass on another try: rate limits, overload, connection faults, time-outs.
    Transient,
    /// This request will never work; another may.
    BadRequest,
    /// An answer came that can't be used (empty, cut off, refused text); another request may work.
    BadAnswer,
    /// No request will work until a person changes something: key, quota, model, disk.
    Fatal,
}

/// What is known of the money for a call that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Billing {
    /// The request never left this machine.
    NotSent,
    /// The provider answered with an error that is not billed.
    NotBilled,
    /// The request left and no usable answer came: it may be on the bill.
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
