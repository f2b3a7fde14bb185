//! Why a request fails, and which HTTP status that is.

use actix_web::{HttpResponse, ResponseError, http::StatusCode};
use btcedu_artifacts::FileError;
use btcedu_domain::{ErrorKind, Kinded, WorkStopped};
use btcedu_models::DbError;
use btcedu_pipeline::{DeskError, ReviewError};

/// Why a request fails.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WebError {
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// Something else happened meanwhile.
    #[error("{0}")]
    Conflict(String),
    /// The request can't be carried out as it is worded.
    #[error("{0}")]
    BadInput(String),
    /// The form came from somewhere else.
    #[error("{0}")]
    Forbidden(&'static str),
    /// The request names a host that isn't ours.
    #[error("this dashboard doesn't answer to that host name; `btcedu web --allow-host NAME` adds one")]
    Misdirected,
    /// The visitor has to sign in first.
    #[error("sign in first")]
    Unauthorized,
    /// There were too many tries to sign in.
    #[error("too many tries to sign in; wait a minute and try again")]
    TooManyTries,
    /// The rest of the request didn't come in time.
    #[error("the request didn't come to its end in time")]
    TooSlow,
    /// The fault is ours: the person gets an id, and the log the cause.
    #[error("something went wrong here")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl WebError {
    /// Wraps an error whose fault is ours.
    pub(crate) fn internal(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(error.into())
    }

    /// Says that there is no such episode, chapter, …
    pub(crate) fn no_such(what: &str, name: impl std::fmt::Display) -> Self {
        Self::NotFound(format!("there is no {what} '{name}'"))
    }
}

impl ResponseError for WebError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::BadInput(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::TooManyTries => StatusCode::TOO_MANY_REQUESTS,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// `middleware::finish` adds the body, since it knows whether a person or a program asks.
    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status_code())
    }
}

/// The status of a library's error follows from its kind.
macro_rules! by_kind {
    ($($error:ty),+) => {$(
        impl From<$error> for WebError {
            fn from(error: $error) -> Self {
                match error.kind() {
                    ErrorKind::UnknownName | ErrorKind::NotFound => Self::NotFound(error.to_string()),
                    ErrorKind::Usage => Self::BadInput(error.to_string()),
                    ErrorKind::Conflict | ErrorKind::Blocked => Self::Conflict(error.to_string()),
                    ErrorKind::Failed => Self::internal(error),
                }
            }
        }
    )+};
}

by_kind!(DbError, DeskError, ReviewError, WorkStopped);

macro_rules! internal {
    ($($error:ty),+) => {$(
        impl From<$error> for WebError {
            fn from(error: $error) -> Self {
                Self::internal(error)
            }
        }
    )+};
}

internal!(tera::Error, getrandom::Error);

impl From<FileError> for WebError {
    fn from(error: FileError) -> Self {
        match error {
            // The visitor isn't told where it leads to.
            FileError::LeadsOut { .. } => Self::NotFound(
                "the file is a link that leads out of the workspace, so it is not shown".to_owned(),
            ),
            FileError::TooLarge { .. } => {
                Self::NotFound("the file is larger than anything that is shown".to_owned())
            }
            FileError::NotAFile { found, .. } => {
                Self::NotFound(format!("{found} stands where the file should be, so it is not shown"))
            }
            other => Self::internal(other),
        }
    }
}
