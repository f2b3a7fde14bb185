//! What can go wrong on the way to a provider and back.

use std::{error::Error, time::Duration};

use btcedu_domain::{Billing, FailureClass, ProviderFailure};

use crate::address::Unreachable;

/// A call without a usable answer. Messages name the host and never the rest of the URL.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The client can't be set up on this machine.
    #[error("the http client can't be set up; check the machine's certificate store")]
    Setup(#[source] reqwest::Error),
    /// The request can't be written, for example since the key holds a line break.
    #[error("the request to {host} can't be written; check the API key for line breaks or odd characters")]
    Unsendable {
        /// Host and port.
        host: String,
    },
    /// No connection came about, so nothing was sent.
    #[error("can't connect to {host}; check the network and the base URL")]
    NotConnected {
        /// Host and port.
        host: String,
        /// What the connection said.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// No whole answer came in time.
    #[error("{host} gave no whole answer within {} s; it may have done the work", .after.as_secs())]
    TimedOut {
        /// Host and port.
        host: String,
        /// The time-out.
        after: Duration,
    },
    /// The connection broke before the whole answer was there.
    #[error("the connection to {host} broke before the whole answer was there; it may have done the work")]
    Interrupted {
        /// Host and port.
        host: String,
        /// What the connection said.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The answer is larger than is taken.
    #[error("the answer of {host} is larger than {limit_bytes} bytes and was dropped")]
    TooLarge {
        /// Host and port.
        host: String,
        /// The limit.
        limit_bytes: usize,
    },
    /// An address that a rule of ours forbids.
    #[error("{host} was refused: {reason}; check the base URL")]
    Forbidden {
        /// Host and port.
        host: String,
        /// Which rule it breaks.
        reason: String,
    },
    /// A download that was answered with something else than a file.
    #[error("a file of {host} could not be fetched: it answered with status {status}")]
    NoFile {
        /// Host and port.
        host: String,
        /// The HTTP status.
        status: u16,
    },
}

impl HttpError {
    /// Sorts a transport error; the URL, which may hold a secret, is taken out of it.
    pub(crate) fn from_transport(error: reqwest::Error, host: String, timeout: Duration) -> Self {
        let error = error.without_url();
        if error.is_builder() {
            return Self::Unsendable { host };
        }
        if let Some(reason) = refusal_in(&error) {
            return Self::Forbidden { host, reason };
        }
        if error.is_connect() {
            return Self::NotConnected { host, source: error.into() };
        }
        if error.is_timeout() {
            return Self::TimedOut { host, after: timeout };
        }
        Self::Interrupted { host, source: error.into() }
    }

    /// Tells whether another try of a download may work.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::NotConnected { .. } | Self::TimedOut { .. } | Self::Interrupted { .. } => true,
            Self::NoFile { status, .. } => matches!(status, 404 | 408 | 425 | 429 | 500..=599),
            Self::Setup(_) | Self::Unsendable { .. } | Self::TooLarge { .. } | Self::Forbidden { .. } => {
                false
            }
        }
    }
}

/// Finds the guarded look-up's refusal in what looks like a failed connection.
fn refusal_in(error: &reqwest::Error) -> Option<String> {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(refusal) = error.downcast_ref::<Unreachable>() {
            return Some(refusal.to_string());
        }
        cause = error.source();
    }
    None
}

impl ProviderFailure for HttpError {
    fn class(&self) -> FailureClass {
        match self {
            Self::Setup(_) | Self::Unsendable { .. } | Self::Forbidden { .. } => FailureClass::Fatal,
            Self::NotConnected { .. }
            | Self::TimedOut { .. }
            | Self::Interrupted { .. }
            | Self::TooLarge { .. }
            | Self::NoFile { .. } => FailureClass::Transient,
        }
    }

    fn billing(&self) -> Billing {
        match self {
            Self::Setup(_) | Self::Unsendable { .. } | Self::NotConnected { .. } | Self::Forbidden { .. } => {
                Billing::NotSent
            }
            Self::TimedOut { .. }
            | Self::Interrupted { .. }
            | Self::TooLarge { .. }
            | Self::NoFile { .. } => Billing::MaybeBilled,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        None
    }

    fn is_rate_limit(&self) -> bool {
        false
    }

    fn request_id(&self) -> Option<&str> {
        None
    }
}
