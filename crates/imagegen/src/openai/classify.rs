//! Decides what an answer of failure means: by its code, else its type, else its status.

use std::borrow::Cow;

use btcedu_catalog::ImageModel;
use btcedu_domain::Usd;
use btcedu_http::{ApiFailure, ErrorReply, FailureKind};
use serde_json::Value;

use crate::{answer, service::Rejection};

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

/// Returns the refusal, if the content policy is the reason.
pub(super) fn rejection(reply: &ErrorReply<'_>, model: &ImageModel) -> Option<Rejection> {
    let code = reply.text("/error/code");
    // Older answers have no code for it, so their words have to be read.
    let by_words =
        code.is_none() && reply.status == 400 && reply.words.to_ascii_lowercase().contains("safety system");
    if !has_code(reply, &POLICY_CODES) && !by_words {
        return None;
    }
    let details = reply.value("/error/moderation_details").or_else(|| reply.value("/moderation_details"));
    let categories = details.and_then(|details| details.get("categories")).and_then(Value::as_array);
    let categories = categories.into_iter().flatten().filter_map(Value::as_str);
    let categories: Vec<String> = categories.map(|category| reply.clean(category)).collect();
    let reason = if categories.is_empty() {
        reply.words.clone()
    } else {
        format!("{} ({})", reply.words, categories.join(", "))
    };
    let usage = reply.value("/usage").or_else(|| reply.value("/error/usage")).and_then(answer::usage_of);
    Some(Rejection {
        reason,
        code,
        cost: usage.and_then(|usage| model.cost_of(usage)).unwrap_or(Usd::ZERO),
        usage,
        request_id: reply.request_id.clone(),
    })
}

/// Tells whether the provider doesn't have the model of the request.
pub(super) fn is_missing_model(reply: &ErrorReply<'_>) -> bool {
    has_code(reply, &["model_not_found"])
        || (matches!(reply.status, 400 | 404) && reply.text("/error/param").as_deref() == Some("model"))
}

/// Returns the failure for the caller.
pub(super) fn failure(reply: ErrorReply<'_>, model: &str, successor: Option<&str>) -> ApiFailure {
    let kind = kind_of(&reply);
    let hint = hint(kind, reply.text("/error/param").as_deref(), successor);
    reply.into_failure(kind, model, &hint)
}

fn kind_of(reply: &ErrorReply<'_>) -> FailureKind {
    let is_quota =
        has_code(reply, &QUOTA_CODES) || reply.text("/error/type").as_deref() == Some("insufficient_quota");
    if is_quota {
        FailureKind::QuotaExhausted
    } else if is_missing_model(reply) {
        FailureKind::ModelUnavailable
    } else if reply.status == 404 && reply.text("/error/code").is_some() {
        // A code comes from the provider itself, so the address is right.
        FailureKind::BadRequest
    } else {
        reply.kind_by_status()
    }
}

/// Returns what a person can do, with the names of our settings.
fn hint(kind: FailureKind, param: Option<&str>, successor: Option<&str>) -> Cow<'static, str> {
    let hint = match (kind, param) {
        (FailureKind::AccessDenied, _) => {
            "check the organization behind OPENAI_API_KEY, or set IMAGE_GEN_MODEL to a model that it may use"
        }
        (FailureKind::RateLimited, _) => "lower IMAGE_GEN_CONCURRENCY or set IMAGE_GEN_PER_MINUTE",
        (FailureKind::ModelUnavailable, _) => match successor {
            Some(successor) => return format!("set IMAGE_GEN_MODEL to its successor {successor}").into(),
            None => "set IMAGE_GEN_MODEL to a model that is",
        },
        (_, Some("size")) => "set IMAGE_GEN_SIZE to what the model takes",
        (_, Some("quality")) => "set IMAGE_GEN_QUALITY to what the model takes",
        (_, Some("prompt")) => "change the chapter's prompt",
        _ => "check the chapter's prompt and the image settings",
    };
    hint.into()
}

fn has_code(reply: &ErrorReply<'_>, codes: &[&str]) -> bool {
    reply.text("/error/code").is_some_and(|code| codes.contains(&code.as_str()))
}
