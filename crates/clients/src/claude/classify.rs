//! Reads an error answer and decides, once, what it means.

use std::time::Duration;

use btcedu_domain::{Billing, UtcTime};
use btcedu_http::Reply;
use serde_json::Value;

use crate::error::TextError;

/// An error answer, read defensively: a proxy at the edge may have written it.
#[derive(Debug)]
pub(super) struct Failure {
    status: u16,
    message: String,
    kind: Option<String>,
    code: Option<String>,
    retry_after: Option<Duration>,
    request_id: Option<String>,
    /// Whether the body has the provider's own form.
    by_provider: bool,
}

impl Failure {
    /// Reads an answer; `clean` takes secrets out of every text of it.
    pub(super) fn read(reply: &Reply, now: UtcTime, clean: impl Fn(&str) -> String) -> Self {
        let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        let error = body.get("error").unwrap_or(&Value::Null);
        let text = |field: &str| error.get(field).and_then(Value::as_str).map(&clean);
        let code = error.get("details").and_then(|details| details.get("error_code")?.as_str());
        let in_body = body.get("request_id").and_then(Value::as_str).map(str::to_owned);
        Self {
            status: reply.status,
            by_provider: error.is_object(),
            message: text("message")
                .filter(|m| !m.is_empty())
                .unwrap_or_else(|| "no reason was given".to_owned()),
            kind: text("type"),
            code: code.map(str::to_owned),
            retry_after: reply.retry_after(now),
            request_id: reply.request_id.clone().or(in_body),
        }
    }

    /// Returns the error for the caller (Anthropic, "errors", 2026).
    pub(super) fn into_error(self, model: &str, successor: Option<&str>, host: &str) -> TextError {
        let billing = self.billing();
        let is_out_of_money = self.is_out_of_money();
        let Self { status, message, kind, retry_after, request_id, .. } = self;
        match (kind.as_deref(), status) {
            _ if is_out_of_money => TextError::QuotaExhausted { message, request_id },
            (Some("authentication_error"), _) | (_, 401) => TextError::KeyRefused { message, request_id },
            (Some("permission_error"), _) | (_, 403) => TextError::AccessDenied { message, request_id },
            (Some("not_found_error"), _) if !model.is_empty() => TextError::ModelUnavailable {
                model: model.to_owned(),
                successor: successor.map(str::to_owned),
                message,
                request_id,
            },
            (Some("rate_limit_error"), _) | (_, 429) => {
                TextError::RateLimited { message, retry_after, request_id }
            }
            (Some("api_error" | "timeout_error" | "overloaded_error" | "conflict_error"), _)
            | (_, 408 | 409 | 425 | 500..=599) => {
                TextError::Unavailable { status, message, retry_after, billing, request_id }
            }
            (_, 300..=399 | 404 | 405) => {
                TextError::WrongAddress { host: host.to_owned(), status, request_id }
            }
            _ => TextError::BadRequest { message, request_id },
        }
    }

    /// Tells a limit of money from a limit of speed.
    ///
    /// Both are a 429 with `rate_limit_error`; the one that lasts until next month has a code
    /// and no `retry-after`. A limit that the account's owner set is a 400 with nothing but words.
    fn is_out_of_money(&self) -> bool {
        let own_limit = || {
            let said = self.message.to_ascii_lowercase();
            said.contains("usage limit") || said.contains("spend limit") || said.contains("credit balance")
        };
        self.status == 402
            || self.kind.as_deref() == Some("billing_error")
            || (self.code.as_deref() == Some("enforced_spend_limit_reached") && self.retry_after.is_none())
            || (self.status == 400 && own_limit())
    }

    /// Returns what an answer of failure says about the money, as for pictures: something in
    /// between that gave up waiting can't know whether the text is being written.
    fn billing(&self) -> Billing {
        match self.status {
            502 | 504 => Billing::MaybeBilled,
            500..=599 if !self.by_provider => Billing::MaybeBilled,
            _ => Billing::NotBilled,
        }
    }
}
