//! Why no text came back, and what to do about it.

use std::time::Duration;

use btcedu_domain::{Billing, FailureClass, ProviderFailure};
use btcedu_http::{BaseUrlError, HttpError};

/// A call without a reply. No message holds a key.
#[derive(Debug, thiserror::Error)]
pub enum TextError {
    /// There is no key.
    #[error("no Anthropic key is set; set ANTHROPIC_API_KEY")]
    MissingKey,
    /// The base URL can't be used.
    #[error("ANTHROPIC_BASE_URL can't be used")]
    BadBaseUrl(#[from] BaseUrlError),
    /// The key is wrong (401).
    #[error("Anthropic refused the key: {message}; check ANTHROPIC_API_KEY")]
    KeyRefused {
        /// The provider's words.
        message: String,
        /// The provider's id of the request.
        request_id: Option<String>,
    },
    /// The key is right but may not do this (403).
    #[error("Anthropic denied access: {message}; check what the key in ANTHROPIC_API_KEY may do")]
    AccessDenied {
        /// The provider's words.
        message: String,
        /// The provider's id of the request.
        request_id: Option<String>,
    },
    /// The account can't pay or has reached its limit; waiting a little doesn't help.
    #[error(
        "Anthropic's spend limit or credit is used up: {message}; add credit or raise the limit \
         in the account of ANTHROPIC_API_KEY, then run again"
    )]
    QuotaExhausted {
        /// The provider's words.
        message: String,
        /// The provider's id of the request.
        request_id: Option<String>,
    },
    /// The provider doesn't serve the model.
    #[error(
        "text model '{model}' is not served: {message}; set CLAUDE_MODEL, or the model in the prompt template{}",
        successor_words(.successor.as_deref())
    )]
    ModelUnavailable {
        /// The model that was asked for.
        model: String,
        /// What its provider names in its place, from the catalogue.
        successor: Option<String>,
        /// The provider's words.
        message: String,
        /// The provider's id of the request.
        request_id: Option<String>,
    },
    /// Something answered, but not the Messages API.
    #[error(
        "{host} answered with status {status} where the Messages API should be; check ANTHROPIC_BASE_URL"
    )]
    WrongAddress {
        /// Host and port of the base URL.
        host: String,
        /// The HTTP status.
        status: u16,
        /// The provider's id of the request.
        request_id: Option<String>,
    },
    /// Too many calls or tokens a minute (429).
    #[error("Anthropic asks to slow down: {message}; try again later")]
    RateLimited {
        /// The provider's words.
        message: String,
        /// How long it asks to wait.
        retry_after: Option<Duration>,
        /// The provider's id of the request.
        request_id: Option<String>,
    },
    /// The provider, or something in between, is out of order: 408, 409, 5xx, 529.
    #[error("Anthropic's side failed with status {status}: {message}; try again later")]
    Unavailable {
        /// The HTTP status.
        status: u16,
        /// The provider's words.
        message: String,
        /// How long it asks to wait.
        retry_after: Option<Duration>,
        /// Whether the provider itself answered, or a gateway that can't know of the money.
        billing: Billing,
        /// The provider's id of the request.
        request_id: Option<String>,
    },
    /// This request is not taken; another may be.
    #[error("Anthropic refused the request: {message}; check the prompt template and its model")]
    BadRequest {
        /// The provider's words.
        message: String,
        /// The provider's id of the request.
        request_id: Option<String>,
    },
    /// An answer of success that is no message.
    #[error("Anthropic's answer can't be read: {problem}; it may be billed all the same")]
    BadAnswer {
        /// What is wrong with it.
        problem: String,
        /// The provider's id of the request.
        request_id: Option<String>,
    },
    /// The request or its answer was lost on the way.
    #[error("the call of the Messages API failed; check ANTHROPIC_BASE_URL if it stays so")]
    Transport(#[source] HttpError),
}

fn successor_words(successor: Option<&str>) -> String {
    successor.map(|successor| format!(", to its successor {successor}")).unwrap_or_default()
}

impl ProviderFailure for TextError {
    fn class(&self) -> FailureClass {
        match self {
            Self::MissingKey
            | Self::BadBaseUrl(_)
            | Self::KeyRefused { .. }
            | Self::AccessDenied { .. }
            | Self::QuotaExhausted { .. }
            | Self::ModelUnavailable { .. }
            | Self::WrongAddress { .. } => FailureClass::Fatal,
            Self::RateLimited { .. } | Self::Unavailable { .. } | Self::BadAnswer { .. } => {
                FailureClass::Transient
            }
            Self::BadRequest { .. } => FailureClass::BadRequest,
            Self::Transport(source) => source.class(),
        }
    }

    fn billing(&self) -> Billing {
        match self {
            Self::MissingKey | Self::BadBaseUrl(_) => Billing::NotSent,
            Self::KeyRefused { .. }
            | Self::AccessDenied { .. }
            | Self::QuotaExhausted { .. }
            | Self::ModelUnavailable { .. }
            | Self::WrongAddress { .. }
            | Self::RateLimited { .. }
            | Self::BadRequest { .. } => Billing::NotBilled,
            Self::Unavailable { billing, .. } => *billing,
            Self::BadAnswer { .. } => Billing::MaybeBilled,
            Self::Transport(source) => source.billing(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after, .. } | Self::Unavailable { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    fn is_rate_limit(&self) -> bool {
        matches!(self, Self::RateLimited { .. })
    }

    fn request_id(&self) -> Option<&str> {
        match self {
            Self::KeyRefused { request_id, .. }
            | Self::AccessDenied { request_id, .. }
            | Self::QuotaExhausted { request_id, .. }
            | Self::ModelUnavailable { request_id, .. }
            | Self::WrongAddress { request_id, .. }
            | Self::RateLimited { request_id, .. }
            | Self::Unavailable { request_id, .. }
            | Self::BadRequest { request_id, .. }
            | Self::BadAnswer { request_id, .. } => request_id.as_deref(),
            Self::MissingKey | Self::BadBaseUrl(_) | Self::Transport(_) => None,
        }
    }
}
