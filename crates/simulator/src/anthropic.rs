//! Anthropic's side: keys, versions, error bodies and headers that all of its routes share.

mod facts;
pub(crate) mod listing;
mod marks;
pub(crate) mod messages;
mod request;

use serde_json::{Value, json};

use crate::{
    Fault,
    answer::{self, Answer},
    call::Call,
};

/// An error as Anthropic words it: `{"type":"error","error":{"type","message"},"request_id"}`
/// (platform.claude.com/docs/en/api/errors).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) status: u16,
    pub(crate) kind: &'static str,
    pub(crate) message: String,
    pub(crate) details: Option<Value>,
}

impl ApiError {
    /// Makes an error of a status, with the type that belongs to it.
    pub(crate) fn new(status: u16, message: impl Into<String>) -> Self {
        let kind = match status {
            401 => "authentication_error",
            402 => "billing_error",
            403 => "permission_error",
            404 => "not_found_error",
            409 => "conflict_error",
            413 => "request_too_large",
            429 => "rate_limit_error",
            504 => "timeout_error",
            529 => "overloaded_error",
            500.. => "api_error",
            _ => "invalid_request_error",
        };
        Self { status, kind, message: message.into(), details: None }
    }

    pub(crate) fn answer(&self, call: &Call) -> Answer {
        let mut error = json!({"type": self.kind, "message": self.message});
        if let Some(details) = &self.details {
            answer::set(&mut error, "details", details.clone());
        }
        let body = json!({"type": "error", "error": error, "request_id": request_id(call)});
        with_headers(Answer::json(self.status, &body), call)
    }
}

fn request_id(call: &Call) -> String {
    format!("req_sim{:08}", call.number)
}

/// Adds the headers that every answer of the API carries.
pub(crate) fn with_headers(answer: Answer, call: &Call) -> Answer {
    answer
        .with("request-id", request_id(call))
        .with("anthropic-organization-id", "00000000-0000-4000-8000-000000000000")
        .with("anthropic-ratelimit-requests-limit", "1000")
        .with("anthropic-ratelimit-requests-remaining", "999")
}

/// Checks key and version; any key that begins with `sk-sim-` is right.
pub(crate) fn check_head(call: &Call) -> Result<Version, ApiError> {
    match call.header("x-api-key") {
        Some(key) if key.starts_with("sk-sim-") => {}
        Some(_) => return Err(ApiError::new(401, "invalid x-api-key")),
        None => return Err(ApiError::new(401, "x-api-key header is required")),
    }
    match call.header("anthropic-version") {
        Some("2023-06-01") => Ok(Version::V20230601),
        Some("2026-10-21") => Ok(Version::V20261021),
        Some(other) => {
            let message = format!("anthropic-version: \"{other}\" is not a valid version");
            Err(ApiError::new(400, message))
        }
        None => Err(ApiError::new(400, "anthropic-version: header is required")),
    }
}

/// The versions of the API that exist (platform.claude.com/docs/en/api/versioning).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    /// Takes sampling parameters where the model does.
    V20230601,
    /// Takes them for no model.
    V20261021,
}

/// The answer to a body over the size limit.
pub(crate) fn too_large(call: &Call) -> Answer {
    ApiError::new(413, "Request exceeds the maximum size").answer(call)
}

/// The answer to a fault that prevents any work; `None` for faults of another kind.
pub(crate) fn fault_answer(fault: &Fault, model: &str, call: &Call) -> Option<Answer> {
    let (error, retry_after) = match fault {
        Fault::RateLimit { retry_after } => (documented(429), *retry_after),
        Fault::Quota => {
            let details = Some(json!({"error_code": "enforced_spend_limit_reached"}));
            let message = "You have reached your organization's monthly spend limit.";
            (ApiError { details, ..ApiError::new(429, message) }, None)
        }
        Fault::Status { code, retry_after } => (documented(*code), *retry_after),
        Fault::Html502 => return Some(Answer::bad_gateway()),
        Fault::WrongKey => (ApiError::new(401, "invalid x-api-key"), None),
        Fault::Forbidden => (documented(403), None),
        Fault::Retired | Fault::ModelNotFound => (no_such_model(model), None),
        Fault::Oversized { bytes } => return Some(with_headers(Answer::oversized(*bytes), call)),
        _ => return None,
    };
    Some(error.answer(call).with_retry_after(retry_after))
}

/// The error for a model that was retired or never existed.
pub(crate) fn no_such_model(model: &str) -> ApiError {
    ApiError::new(404, format!("model: {model}"))
}

fn documented(status: u16) -> ApiError {
    let message = match status {
        403 => "Your API key does not have permission to use the specified resource.",
        429 => "This request would exceed your organization's rate limit.",
        529 => "Overloaded",
        500.. => "Internal server error",
        _ => "The request can't be processed.",
    };
    ApiError::new(status, message)
}
