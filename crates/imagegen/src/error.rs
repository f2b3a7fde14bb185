//! Why no picture and no refusal came back, and what to do about it.

use std::time::Duration;

use btcedu_catalog::{CatalogError, SettingProblem};
use btcedu_domain::{Billing, FailureClass, ProviderFailure, UsdError};
use btcedu_http::{BaseUrlError, HttpError};

/// A call that brought neither picture nor refusal. No message holds a key.
#[derive(Debug, thiserror::Error)]
pub enum ImageGenError {
    /// There is no key.
    #[error("no OpenAI key is set; set OPENAI_API_KEY")]
    MissingKey,
    /// The base URL can't be used.
    #[error("OPENAI_BASE_URL can't be used")]
    BadBaseUrl(#[from] BaseUrlError),
    /// The price given for unlisted models is none.
    #[error("IMAGE_GEN_PRICE_USD can't be used")]
    BadPrice(#[from] UsdError),
    /// The model's price or request shape is not known.
    #[error("the image model can't be used")]
    UnknownModel(#[from] CatalogError),
    /// The model doesn't take a setting; such a picture has no known price.
    #[error(transparent)]
    BadSetting(#[from] SettingProblem),
    /// The key is wrong (401).
    #[error("OpenAI refused the key: {message}; check OPENAI_API_KEY")]
    KeyRefused {
        /// The provider's words.
        message: String,
        /// The provider's id of the request.
        request_id: Option<String>,
    },
    /// The key is right but may not do this: country, unverified organization (403).
    #[error(
        "OpenAI denied access: {message}; check the organization behind OPENAI_API_KEY, \
         or set IMAGE_GEN_MODEL to a model that it may use"
    )]
    AccessDenied {
        /// The provider's words.
        message: String,
        /// The provider's id of the request.
        request_id: Option<String>,
    },
    /// Credit or spend limit is used up; waiting doesn't help.
    #[error(
        "OpenAI's quota is used up: {message}; add credit or raise the limit in the account \
         of OPENAI_API_KEY, then run again"
    )]
    QuotaExhausted {
        /// The provider's words.
        message: String,
        /// The provider's id of the request.
        request_id: Option<String>,
    },
    /// The provider doesn't serve the model.
    #[error("image model '{model}' is not served: {message}; set IMAGE_GEN_MODEL{}", successor_words(.successor.as_deref()))]
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
    /// Something answered, but not the Images API: 404 without a code, 405, a redirect.
    #[error("{host} answered with status {status} where the Images API should be; check OPENAI_BASE_URL")]
    WrongAddress {
        /// Host and port of the base URL.
        host: String,
        /// The HTTP status.
        status: u16,
        /// The provider's id of the request.
        request_id: Option<String>,
    },
    /// Too many calls a minute (429).
    #[error("OpenAI asks to slow down: {message}; lower IMAGE_GEN_CONCURRENCY or set IMAGE_GEN_PER_MINUTE")]
    RateLimited {
        /// The provider's words.
        message: String,
        /// How long it asks to wait.
        retry_after: Option<Duration>,
        /// The provider's id of the request.
        request_id: Option<String>,
    },
    /// The provider, or something in between, is out of order: 408, 409, 5xx.
    #[error("OpenAI's side failed with status {status}: {message}; try again later")]
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
    #[error("OpenAI refused the request: {message}; {}", bad_request_hint(.param.as_deref()))]
    BadRequest {
        /// The provider's words.
        message: String,
        /// The field that is wrong.
        param: Option<String>,
        /// The provider's id of the request.
        request_id: Option<String>,
    },
    /// An answer of success without a picture in it.
    #[error("OpenAI's answer holds no picture: {problem}; it may be billed all the same")]
    NoPicture {
        /// What is wrong with it.
        problem: String,
        /// The provider's id of the request.
        request_id: Option<String>,
    },
    /// The request or its answer was lost on the way.
    #[error("the call of the Images API failed; check OPENAI_BASE_URL if it stays so")]
    Transport(#[source] HttpError),
    /// The attempt took longer than `IMAGE_GEN_TIMEOUT_SECONDS`.
    #[error("no picture came within {} s; raise IMAGE_GEN_TIMEOUT_SECONDS if that is too short", .after.as_secs())]
    TimedOut {
        /// The time-out.
        after: Duration,
    },
    /// The picture was made, but the file that the answer points to could not be fetched.
    #[error("the picture was made but not fetched")]
    Download {
        /// What went wrong.
        #[source]
        source: HttpError,
        /// The provider's id of the request.
        request_id: Option<String>,
    },
}

impl ImageGenError {
    /// Takes a transport error over; one of time has a setting of ours to name.
    pub(crate) fn from_transport(error: HttpError) -> Self {
        match error {
            HttpError::TimedOut { after, .. } => Self::TimedOut { after },
            other => Self::Transport(other),
        }
    }
}

fn successor_words(successor: Option<&str>) -> String {
    match successor {
        Some(successor) => format!(" to its successor {successor}"),
        None => " to a model that is".to_owned(),
    }
}

fn bad_request_hint(param: Option<&str>) -> &'static str {
    match param {
        Some("size") => "set IMAGE_GEN_SIZE to what the model takes",
        Some("quality") => "set IMAGE_GEN_QUALITY to what the model takes",
        Some("prompt") => "change the chapter's prompt",
        _ => "check the chapter's prompt and the image settings",
    }
}

impl ProviderFailure for ImageGenError {
    fn class(&self) -> FailureClass {
        match self {
            Self::MissingKey
            | Self::BadBaseUrl(_)
            | Self::BadPrice(_)
            | Self::UnknownModel(_)
            | Self::BadSetting(_)
            | Self::KeyRefused { .. }
            | Self::AccessDenied { .. }
            | Self::QuotaExhausted { .. }
            | Self::ModelUnavailable { .. }
            | Self::WrongAddress { .. } => FailureClass::Fatal,
            Self::RateLimited { .. }
            | Self::Unavailable { .. }
            | Self::NoPicture { .. }
            | Self::TimedOut { .. } => FailureClass::Transient,
            Self::BadRequest { .. } => FailureClass::BadRequest,
            Self::Transport(source) | Self::Download { source, .. } => source.class(),
        }
    }

    fn billing(&self) -> Billing {
        match self {
            Self::MissingKey
            | Self::BadBaseUrl(_)
            | Self::BadPrice(_)
            | Self::UnknownModel(_)
            | Self::BadSetting(_) => Billing::NotSent,
            Self::KeyRefused { .. }
            | Self::AccessDenied { .. }
            | Self::QuotaExhausted { .. }
            | Self::ModelUnavailable { .. }
            | Self::WrongAddress { .. }
            | Self::RateLimited { .. }
            | Self::BadRequest { .. } => Billing::NotBilled,
            Self::Unavailable { billing, .. } => *billing,
            Self::NoPicture { .. } | Self::TimedOut { .. } | Self::Download { .. } => Billing::MaybeBilled,
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
            | Self::NoPicture { request_id, .. }
            | Self::Download { request_id, .. } => request_id.as_deref(),
            Self::MissingKey
            | Self::BadBaseUrl(_)
            | Self::BadPrice(_)
            | Self::UnknownModel(_)
            | Self::BadSetting(_)
            | Self::Transport(_)
            | Self::TimedOut { .. } => None,
        }
    }
}
