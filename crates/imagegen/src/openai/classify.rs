//! Reads an error answer and decides, once, what it means: code first, then type, then status.

use std::time::Duration;

use btcedu_catalog::ImageModel;
use btcedu_domain::{Billing, Usd, UtcTime};
use btcedu_http::Reply;
use serde_json::Value;

use crate::{
    answer,
    error::ImageGenError,
    service::{ImageUsage, Rejection},
};

/// An error answer, read defensively: a proxy at the edge may have written it.
#[derive(Debug)]
pub(super) struct Failure {
    status: u16,
    message: String,
    kind: Option<String>,
    code: Option<String>,
    param: Option<String>,
    categories: Vec<String>,
    usage: Option<ImageUsage>,
    retry_after: Option<Duration>,
    request_id: Option<String>,
    /// Whether the body has the provider's own form.
    by_provider: bool,
}

/// Codes of an account that can't pay (`OpenAI`'s error guide and help pages, 2026).
const QUOTA_CODES: [&str; 7] = [
    "insufficient_quota",
    "credit_balance_exhausted",
    "organization_spend_limit_exceeded",
    "project_spend_limit_exceeded",
    "organization_usage_limit_exceeded",
    "billing_hard_limit_reached",
    "billing_not_active",
];
const POLICY_CODES: [&str; 2] = ["content_policy_violation", "moderation_blocked"];

impl Failure {
    /// Reads an answer; `clean` takes secrets out of every text of it.
    pub(super) fn read(reply: &Reply, now: UtcTime, clean: impl Fn(&str) -> String) -> Self {
        let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        let error = body.get("error").unwrap_or(&Value::Null);
        let text = |field: &str| error.get(field).and_then(Value::as_str).map(&clean);
        let message = text("message").or_else(|| error.as_str().map(&clean)).filter(|m| !m.is_empty());
        let details = error.get("moderation_details").or_else(|| body.get("moderation_details"));
        let categories = details.and_then(|d| d.get("categories")).and_then(Value::as_array);
        let usage = body.get("usage").or_else(|| error.get("usage"));
        Self {
            status: reply.status,
            by_provider: error.is_object(),
            message: message.unwrap_or_else(|| "no reason was given".to_owned()),
            kind: text("type"),
            code: text("code"),
            param: text("param"),
            categories: categories.into_iter().flatten().filter_map(Value::as_str).map(clean).collect(),
            usage: usage.and_then(answer::usage_of),
            retry_after: reply.retry_after(now),
            request_id: reply.request_id.clone(),
        }
    }

    /// Returns the refusal, if the content policy is the reason.
    pub(super) fn rejection(&self, model: &ImageModel) -> Option<Rejection> {
        let by_code = self.has_code(&POLICY_CODES);
        // Older answers have no code for it; the words are the only mark they carry.
        let by_words = self.code.is_none()
            && self.status == 400
            && self.message.to_ascii_lowercase().contains("safety system");
        if !by_code && !by_words {
            return None;
        }
        let reason = if self.categories.is_empty() {
            self.message.clone()
        } else {
            format!("{} ({})", self.message, self.categories.join(", "))
        };
        Some(Rejection {
            reason,
            code: self.code.clone(),
            cost: self.usage.and_then(|usage| model.cost_of(usage)).unwrap_or(Usd::ZERO),
            usage: self.usage,
            request_id: self.request_id.clone(),
        })
    }

    /// Tells whether the provider doesn't have the model.
    pub(super) fn is_missing_model(&self) -> bool {
        self.has_code(&["model_not_found"])
            || (matches!(self.status, 400 | 404) && self.param.as_deref() == Some("model"))
    }

    /// Returns the error for the caller.
    pub(super) fn into_error(self, model: &str, successor: Option<&str>, host: &str) -> ImageGenError {
        let is_quota = self.has_code(&QUOTA_CODES) || self.kind.as_deref() == Some("insufficient_quota");
        let is_missing_model = self.is_missing_model();
        let billing = self.billing();
        let Self { status, message, param, retry_after, request_id, code, by_provider, .. } = self;
        match status {
            _ if is_quota => ImageGenError::QuotaExhausted { message, request_id },
            _ if is_missing_model => ImageGenError::ModelUnavailable {
                model: model.to_owned(),
                successor: successor.map(str::to_owned),
                message,
                request_id,
            },
            401 => ImageGenError::KeyRefused { message, request_id },
            402 => ImageGenError::QuotaExhausted { message, request_id },
            403 => ImageGenError::AccessDenied { message, request_id },
            429 => ImageGenError::RateLimited { message, retry_after, request_id },
            408 | 409 | 425 | 500..=599 => {
                ImageGenError::Unavailable { status, message, retry_after, billing, request_id }
            }
            404 if by_provider && code.is_some() => ImageGenError::BadRequest { message, param, request_id },
            300..=399 | 404 | 405 => {
                ImageGenError::WrongAddress { host: host.to_owned(), status, request_id }
            }
            _ => ImageGenError::BadRequest { message, param, request_id },
        }
    }

    /// Returns what an answer of failure says about the money.
    ///
    /// Something in between that gave up waiting, or that doesn't speak the provider's
    /// language, can't know whether the picture is being made.
    fn billing(&self) -> Billing {
        match self.status {
            502 | 504 => Billing::MaybeBilled,
            500..=599 if !self.by_provider => Billing::MaybeBilled,
            _ => Billing::NotBilled,
        }
    }

    fn has_code(&self, codes: &[&str]) -> bool {
        self.code.as_deref().is_some_and(|code| codes.contains(&code))
    }
}
