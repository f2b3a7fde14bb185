//! One failure for every call of every provider: what kind it is, and whether it may cost money.

use std::{error::Error, time::Duration};

use btcedu_domain::{Billing, ErrorKind, FailureClass, Kinded};

/// What went wrong. Whether to try again, and what is known of the money, follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// No key is set.
    MissingKey,
    /// A setting can't be used: base URL, price, model, size or quality.
    BadSetting,
    /// The request can't be sent from this machine, or a rule of ours forbids its address.
    Unsendable,
    /// There was no connection.
    NotConnected,
    /// The connection broke before the whole answer was there.
    Interrupted,
    /// The whole answer was not there in time.
    TimedOut,
    /// The provider refused the key (401).
    KeyRefused,
    /// The key is right, but the account may not do this (403).
    AccessDenied,
    /// Credit or spend limit is used up (402 and others); waiting doesn't help.
    QuotaExhausted,
    /// The provider doesn't serve the model.
    ModelUnavailable,
    /// Another server answered than the provider's API: 404 without a code, 405, a redirect.
    WrongAddress,
    /// Too many calls a minute (429).
    RateLimited,
    /// The provider, or a server in between, is out of order: 408, 409, 425, 5xx.
    Unavailable,
    /// The provider doesn't accept this request; it may accept another.
    BadRequest,
    /// The answer can't be used although its status is one of success.
    BadAnswer,
}

impl FailureKind {
    /// Returns what to do about it.
    pub fn class(self) -> FailureClass {
        self.meaning().0
    }

    /// Returns what is known of the money, as far as the kind alone tells.
    pub fn billing(self) -> Billing {
        self.meaning().1
    }

    fn meaning(self) -> (FailureClass, Billing) {
        match self {
            Self::MissingKey | Self::BadSetting | Self::Unsendable => (FailureClass::Fatal, Billing::NotSent),
            Self::NotConnected => (FailureClass::Transient, Billing::NotSent),
            Self::Interrupted | Self::TimedOut | Self::BadAnswer => {
                (FailureClass::Transient, Billing::MaybeBilled)
            }
            Self::KeyRefused
            | Self::AccessDenied
            | Self::QuotaExhausted
            | Self::ModelUnavailable
            | Self::WrongAddress => (FailureClass::Fatal, Billing::NotBilled),
            Self::RateLimited | Self::Unavailable => (FailureClass::Transient, Billing::NotBilled),
            Self::BadRequest => (FailureClass::BadRequest, Billing::NotBilled),
        }
    }
}

/// A call of a provider without a usable answer. It holds no key.
#[derive(Debug, thiserror::Error)]
#[error("{words}")]
pub struct ApiFailure {
    /// What went wrong.
    pub kind: FailureKind,
    /// What people read: what happened, what the provider said, and what to do about it.
    pub words: String,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// How long the provider asked to wait.
    pub retry_after: Option<Duration>,
    /// What is known of the money.
    pub billing: Billing,
    /// The provider's id of the request, for its support.
    pub request_id: Option<String>,
    /// The error below this one.
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

impl ApiFailure {
    /// Makes a failure without an answer.
    pub fn new(kind: FailureKind, words: impl Into<String>) -> Self {
        Self {
            kind,
            words: words.into(),
            status: None,
            retry_after: None,
            billing: kind.billing(),
            request_id: None,
            source: None,
        }
    }

    /// Adds the error below this one.
    #[must_use]
    pub fn caused_by(self, source: impl Error + Send + Sync + 'static) -> Self {
        Self { source: Some(Box::new(source)), ..self }
    }

    /// Adds the provider's id of the request.
    #[must_use]
    pub fn with_request_id(self, request_id: Option<String>) -> Self {
        Self { request_id, ..self }
    }
}

impl Kinded for ApiFailure {
    fn kind(&self) -> ErrorKind {
        match self.kind {
            FailureKind::BadSetting => ErrorKind::Usage,
            _ => ErrorKind::Failed,
        }
    }
}
