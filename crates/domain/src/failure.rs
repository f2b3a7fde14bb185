//! The meaning of a failed provider call for its caller: try again or not, billed or not.

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
