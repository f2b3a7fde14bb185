//! Decides what an answer of failure means (Anthropic, "errors", 2026).

use std::borrow::Cow;

use btcedu_http::{ApiFailure, ErrorReply, FailureKind};

/// Returns the failure for the caller.
pub(super) fn failure(mut reply: ErrorReply<'_>, model: &str, successor: Option<&str>) -> ApiFailure {
    reply.request_id = reply.request_id.take().or_else(|| reply.text("/request_id"));
    let kind = kind_of(&reply, model);
    reply.into_failure(kind, model, &hint(kind, successor))
}

fn kind_of(reply: &ErrorReply<'_>, model: &str) -> FailureKind {
    let error_type = reply.text("/error/type");
    match (error_type.as_deref(), reply.status) {
        (error_type, _) if is_out_of_money(reply, error_type) => FailureKind::QuotaExhausted,
        (Some("authentication_error"), _) | (_, 401) => FailureKind::KeyRefused,
        (Some("permission_error"), _) | (_, 403) => FailureKind::AccessDenied,
        (Some("not_found_error"), _) if !model.is_empty() => FailureKind::ModelUnavailable,
        (Some("rate_limit_error"), _) | (_, 429) => FailureKind::RateLimited,
        (Some("api_error" | "timeout_error" | "overloaded_error" | "conflict_error"), _) => {
            FailureKind::Unavailable
        }
        _ => reply.kind_by_status(),
    }
}

/// Tells whether the failure is a limit of money, and not a limit of speed.
///
/// Both may be a 429 with `rate_limit_error`. The limit of money lasts until next month: it has a
/// code and no `retry-after`. A limit that the account's owner has set is a 400 with words only.
fn is_out_of_money(reply: &ErrorReply<'_>, error_type: Option<&str>) -> bool {
    let own_limit = || {
        let words = reply.words.to_ascii_lowercase();
        ["usage limit", "spend limit", "credit balance"].iter().any(|limit| words.contains(limit))
    };
    let spend_limit = || {
        reply.text("/error/details/error_code").as_deref() == Some("enforced_spend_limit_reached")
            && reply.retry_after.is_none()
    };
    reply.status == 402
        || error_type == Some("billing_error")
        || spend_limit()
        || (reply.status == 400 && own_limit())
}

/// Returns what a person can do, with the names of our settings.
pub(super) fn hint(kind: FailureKind, successor: Option<&str>) -> Cow<'static, str> {
    let hint = match kind {
        FailureKind::AccessDenied => "check what the key in ANTHROPIC_API_KEY may do",
        FailureKind::RateLimited => "try again later",
        FailureKind::ModelUnavailable => {
            let hint = "set CLAUDE_MODEL, or the model in the prompt template";
            return successor
                .map_or(hint.into(), |successor| format!("{hint}, to its successor {successor}").into());
        }
        _ => "check the prompt template and its model",
    };
    hint.into()
}
