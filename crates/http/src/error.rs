//! What can go wrong between this machine and a provider.

use std::{error::Error, time::Duration};

use crate::{address::Unreachable, failure::FailureKind};

/// A call without a usable answer. Messages name host and port and never the rest of the URL.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    /// The client can't be set up on this machine.
    #[error("the http client can't be set up; check the machine's certificate store")]
    Setup(#[source] reqwest::Error),
    /// The request can't be written, for example because the key holds a line break.
    #[error("the request to {host} can't be written; check the API key for line breaks or odd characters")]
    Unsendable { host: String },
    /// There was no connection, so nothing was sent.
    #[error("can't connect to {host}; check the network and the base URL")]
    NotConnected { host: String, source: Box<dyn Error + Send + Sync> },
    /// The whole answer was not there in time.
    #[error("{host} gave no whole answer within {} s; it may have done the work", .after.as_secs())]
    TimedOut { host: String, after: Duration },
    /// The connection broke before the whole answer was there.
    #[error("the connection to {host} broke before the whole answer was there; it may have done the work")]
    Interrupted { host: String, source: Box<dyn Error + Send + Sync> },
    /// The answer is larger than the limit of the request.
    #[error("the answer of {host} is larger than {limit_bytes} bytes and was dropped")]
    TooLarge { host: String, limit_bytes: usize },
    /// A rule of ours forbids the address.
    #[error("{host} was refused: {reason}; check the base URL")]
    Forbidden { host: String, reason: String },
    /// A download was answered with a status of failure.
    #[error("a file of {host} could not be fetched: it answered with status {status}")]
    NoFile { host: String, status: u16 },
}

impl HttpError {
    /// Makes the error from reqwest's, without its URL, which may hold a secret.
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

    /// Returns what went wrong.
    pub(crate) fn kind(&self) -> FailureKind {
        match self {
            Self::Setup(_) | Self::Unsendable { .. } | Self::Forbidden { .. } => FailureKind::Unsendable,
            Self::NotConnected { .. } => FailureKind::NotConnected,
            Self::TimedOut { .. } => FailureKind::TimedOut,
            Self::Interrupted { .. } => FailureKind::Interrupted,
            Self::TooLarge { .. } | Self::NoFile { .. } => FailureKind::BadAnswer,
        }
    }

    /// Tells whether another try of a download may work.
    pub(crate) fn is_retryable(&self) -> bool {
        match self {
            Self::NotConnected { .. } | Self::TimedOut { .. } | Self::Interrupted { .. } => true,
            Self::NoFile { status, .. } => matches!(status, 404 | 408 | 425 | 429 | 500..=599),
            Self::Setup(_) | Self::Unsendable { .. } | Self::TooLarge { .. } | Self::Forbidden { .. } => {
                false
            }
        }
    }
}

/// Finds the refusal of our own resolver, which reqwest reports as a failed connection.
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

impl btcedu_domain::Kinded for HttpError {
    fn kind(&self) -> btcedu_domain::ErrorKind {
        btcedu_domain::ErrorKind::Failed
    }
}
