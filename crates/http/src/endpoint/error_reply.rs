//! A provider's answer of failure, and the failure that it is.

use std::time::Duration;

use btcedu_domain::Billing;
use serde_json::Value;

use super::{Endpoint, Provider};
use crate::{
    failure::{ApiFailure, FailureKind},
    reply::Reply,
};

/// An answer of failure. Any field of it may be missing, since a proxy may have written it.
#[derive(Debug)]
pub struct ErrorReply<'a> {
    endpoint: &'a Endpoint,
    /// The HTTP status.
    pub status: u16,
    /// What the provider said, without keys.
    pub words: String,
    /// The provider's id of the request.
    pub request_id: Option<String>,
    /// How long the provider asked to wait.
    pub retry_after: Option<Duration>,
    body: Value,
}

impl Endpoint {
    /// Reads an answer of failure.
    pub fn read_error(&self, reply: &Reply) -> ErrorReply<'_> {
        let mut read = ErrorReply {
            endpoint: self,
            status: reply.status,
            words: String::new(),
            request_id: reply.request_id.clone(),
            retry_after: reply.retry_after(self.clock.now()),
            body: serde_json::from_slice(&reply.body).unwrap_or_default(),
        };
        let words_at = self.provider.words_at;
        let said = words_at.iter().find_map(|at| read.text(at)).filter(|words| !words.is_empty());
        read.words = said.unwrap_or_else(|| "no reason was given".to_owned());
        read
    }
}

impl ErrorReply<'_> {
    /// Returns what is at a JSON pointer of the body.
    pub fn value(&self, at: &str) -> Option<&Value> {
        self.body.pointer(at)
    }

    /// Returns the text at a JSON pointer of the body, without keys.
    pub fn text(&self, at: &str) -> Option<String> {
        Some(self.clean(self.value(at)?.as_str()?))
    }

    /// Takes keys out of a text.
    pub fn clean(&self, text: &str) -> String {
        self.endpoint.redact(text)
    }

    /// Tells whether the provider itself has answered: its errors are objects.
    pub fn is_by_provider(&self) -> bool {
        self.value("/error").is_some_and(Value::is_object)
    }

    /// Returns what the status alone says.
    pub fn kind_by_status(&self) -> FailureKind {
        match self.status {
            401 => FailureKind::KeyRefused,
            402 => FailureKind::QuotaExhausted,
            403 => FailureKind::AccessDenied,
            429 => FailureKind::RateLimited,
            408 | 409 | 425 | 500..=599 => FailureKind::Unavailable,
            300..=399 | 404 | 405 => FailureKind::WrongAddress,
            _ => FailureKind::BadRequest,
        }
    }

    /// Makes the failure. `hint` says what to do where that depends on the provider's settings.
    pub fn into_failure(self, kind: FailureKind, model: &str, hint: &str) -> ApiFailure {
        let Self { endpoint, status, words, .. } = &self;
        let Provider { name, api, budget, key_setting, base_url_setting, .. } = endpoint.provider;
        let words = match kind {
            FailureKind::KeyRefused => format!("{name} refused the key: {words}; check {key_setting}"),
            FailureKind::AccessDenied => format!("{name} denied access: {words}; {hint}"),
            FailureKind::QuotaExhausted => format!(
                "{name}'s {budget} is used up: {words}; add credit or raise the limit in the account of \
                 {key_setting}, then run again"
            ),
            FailureKind::ModelUnavailable => endpoint.model_unavailable(model, words, hint).words,
            FailureKind::WrongAddress => format!(
                "{} answered with status {status} where the {api} should be; check {base_url_setting}",
                endpoint.host()
            ),
            FailureKind::RateLimited => format!("{name} asks to slow down: {words}; {hint}"),
            FailureKind::Unavailable => {
                format!("{name}'s side failed with status {status}: {words}; try again later")
            }
            _ => format!("{name} refused the request: {words}; {hint}"),
        };
        ApiFailure {
            status: Some(self.status),
            retry_after: self.retry_after,
            billing: self.billing(kind),
            ..ApiFailure::new(kind, words).with_request_id(self.request_id)
        }
    }

    /// Returns what is known of the money.
    ///
    /// A gateway that stopped waiting, or that doesn't answer as the provider does, can't know
    /// whether the provider still does the work.
    fn billing(&self, kind: FailureKind) -> Billing {
        match self.status {
            502 | 504 if kind == FailureKind::Unavailable => Billing::MaybeBilled,
            500..=599 if kind == FailureKind::Unavailable && !self.is_by_provider() => Billing::MaybeBilled,
            _ => kind.billing(),
        }
    }
}

#[cfg(test)]
mod tests;
