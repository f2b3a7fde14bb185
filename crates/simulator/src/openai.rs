//! `OpenAI`'s side: keys, error bodies and headers that all of its routes share.

pub(crate) mod facts;
pub(crate) mod files;
pub(crate) mod images;
pub(crate) mod listing;
mod request;

use hyper::Method;
use serde_json::{Value, json};

use crate::{Fault, answer::Answer, call::Call};

/// An error as `OpenAI` words it: `{"error":{"message","type","param","code"}}`
/// (openai/openai-openapi, schema `ErrorResponse`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) status: u16,
    pub(crate) kind: &'static str,
    pub(crate) code: Option<&'static str>,
    pub(crate) param: Option<String>,
    pub(crate) message: String,
}

impl ApiError {
    /// Makes an error without `param` and `code`.
    pub(crate) fn new(status: u16, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, code: None, param: None, message: message.into() }
    }

    /// Makes a 400 about one field.
    pub(crate) fn bad(param: &str, code: &'static str, message: impl Into<String>) -> Self {
        Self::new(400, "invalid_request_error", message).code(code).param(param)
    }

    pub(crate) fn code(self, code: &'static str) -> Self {
        Self { code: Some(code), ..self }
    }

    pub(crate) fn param(self, param: &str) -> Self {
        Self { param: Some(param.to_owned()), ..self }
    }

    pub(crate) fn body(&self) -> Value {
        json!({"error": {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}})
    }

    pub(crate) fn answer(&self, call: &Call) -> Answer {
        with_headers(Answer::json(self.status, &self.body()), call)
    }
}

/// Adds the headers that every answer of the API carries.
pub(crate) fn with_headers(answer: Answer, call: &Call) -> Answer {
    answer
        .with("x-request-id", format!("req_sim{:08}", call.number))
        .with("openai-processing-ms", call.arrived.elapsed().as_millis().to_string())
        .with("openai-organization", "org-simulated")
        .with("openai-version", "2020-10-01")
        .with("x-ratelimit-limit-requests", "500")
        .with("x-ratelimit-remaining-requests", "499")
        .with("x-ratelimit-reset-requests", "120ms")
}

/// Checks the key; any that begins with `sk-sim-` is right.
pub(crate) fn check_key(call: &Call) -> Result<(), ApiError> {
    let header = call.header("authorization").unwrap_or_default();
    match header.strip_prefix("Bearer ") {
        Some(key) if key.starts_with("sk-sim-") => Ok(()),
        Some(_) => Err(wrong_key()),
        None => Err(ApiError::new(
            401,
            "invalid_request_error",
            "You didn't provide an API key. It goes into an Authorization header, as a Bearer token.",
        )),
    }
}

fn wrong_key() -> ApiError {
    ApiError::new(401, "invalid_request_error", "Incorrect API key provided: sk-*****.")
        .code("invalid_api_key")
}

/// The error for a model that was shut down.
pub(crate) fn retired(model: &str) -> ApiError {
    // No first-hand capture of this answer exists; status and code are what is expected.
    ApiError::new(404, "invalid_request_error", format!("The model `{model}` has been deprecated."))
        .code("model_not_found")
}

/// The error for a model that never existed.
pub(crate) fn model_not_found(model: &str) -> ApiError {
    let message = format!("The model `{model}` does not exist or you do not have access to it.");
    ApiError::new(404, "invalid_request_error", message).code("model_not_found")
}

/// The answer to a fault that prevents any work; `None` for faults of another kind.
pub(crate) fn fault_answer(fault: &Fault, model: &str, call: &Call) -> Option<Answer> {
    let (error, retry_after) = match fault {
        Fault::RateLimit { retry_after } => (documented(429), *retry_after),
        Fault::Quota => {
            let message = "You exceeded your current quota, please check your plan and billing details.";
            (ApiError::new(429, "insufficient_quota", message).code("insufficient_quota"), None)
        }
        Fault::Status { code, retry_after } => (documented(*code), *retry_after),
        Fault::Html502 => return Some(Answer::bad_gateway()),
        Fault::WrongKey => (wrong_key(), None),
        Fault::Forbidden => (documented(403), None),
        Fault::Retired => (retired(model), None),
        Fault::ModelNotFound => (model_not_found(model), None),
        Fault::Oversized { bytes } => return Some(with_headers(Answer::oversized(*bytes), call)),
        _ => return None,
    };
    Some(error.answer(call).with_retry_after(retry_after))
}

/// The answer to a body over the size limit.
pub(crate) fn too_large() -> Answer {
    Answer::json(413, &ApiError::new(413, "server_error", "Maximum content size limit exceeded.").body())
}

/// The answer to a path or method that doesn't exist.
pub(crate) fn no_such_route(method: &Method, path: &str) -> Answer {
    let message = format!("Invalid URL ({method} {path})");
    Answer::json(404, &ApiError::new(404, "invalid_request_error", message).body())
}

/// Type and code per status, from `OpenAI`'s guide to error codes.
fn documented(status: u16) -> ApiError {
    let (kind, code, message) = match status {
        403 => ("invalid_request_error", None, "Your organization must be verified to use the model."),
        429 => ("rate_limit_error", Some("rate_limit_exceeded"), "Rate limit reached for images per minute."),
        503 => (
            "service_unavailable_error",
            Some("server_is_overloaded"),
            "The servers are currently overloaded. Please try again later.",
        ),
        500.. => ("server_error", None, "The server had an error while processing your request."),
        _ => ("invalid_request_error", None, "The request can't be processed."),
    };
    ApiError { status, kind, code, param: None, message: message.to_owned() }
}
