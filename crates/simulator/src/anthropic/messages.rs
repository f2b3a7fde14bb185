//! `POST /v1/messages`.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    ApiError, check_head,
    facts::count_tokens,
    fault_answer,
    request::{self, TextCall},
    with_headers,
};
use crate::{
    Endpoint, Fault, StopReason,
    answer::{Answer, Outcome},
    cache::Usage,
    call::Call,
    reply,
    script::Injection,
    shared::Shared,
    stats::Bill,
};

/// The content of a thinking block.
const THOUGHT: &str = "The request is clear. I settle on one scene, one point of view and calm light.";

/// Answers a message.
pub(crate) async fn create(shared: &Arc<Shared>, call: &Arc<Call>) -> Result<Outcome, ApiError> {
    let version = check_head(call)?;
    let body = call.body.as_ref().ok_or_else(|| ApiError::new(400, "The request body is not valid JSON"))?;
    let Injection { fault, delay, .. } =
        shared.next_injection(Endpoint::Messages, &request::whole_text(body));
    let answer = |fault: &Fault| fault_answer(fault, call.text("model"), call);
    if let Some(outcome) = Outcome::without_work(fault.as_ref(), Endpoint::Messages, answer) {
        return Ok(outcome);
    }
    let text_call = request::read(body, version, shared.config.real_world)?;

    let due = call.arrived + shared.config.text_latency + delay;
    let work = produce(Arc::clone(shared), Arc::clone(call), text_call, fault.clone(), due);
    Ok(Outcome::of_work(work, fault.as_ref()).await)
}

/// Writes the text, waits until the answer is due, and bills it.
async fn produce(
    shared: Arc<Shared>,
    call: Arc<Call>,
    text_call: TextCall,
    fault: Option<Fault>,
    due: Instant,
) -> Answer {
    let written = write(&text_call, fault.as_ref());
    let usage = Usage { output: written.tokens_out, ..shared.usage(&text_call.prefixes) };
    tokio::time::sleep_until(due).await;
    if fault != Some(Fault::CutOff { billed: false }) {
        shared.keep_prefixes(&text_call.prefixes);
        shared.state().stats.charge(Bill::Text(text_call.model.price(&usage), usage));
    }
    let mut body = json!({
        "id": format!("msg_sim{:08}", call.number), "type": "message", "role": "assistant",
        "model": text_call.model.id, "content": written.content, "stop_reason": written.stop_reason,
        "stop_sequence": null, "stop_details": written.stop_details,
        "usage": {
            "input_tokens": usage.input, "cache_creation_input_tokens": usage.cache_written(),
            "cache_read_input_tokens": usage.cache_read,
            "cache_creation": {
                "ephemeral_5m_input_tokens": usage.written_for_minutes,
                "ephemeral_1h_input_tokens": usage.written_for_an_hour,
            },
            "output_tokens": usage.output, "service_tier": "standard",
        },
    });
    match (fault, body.as_object_mut()) {
        (Some(Fault::NoUsage), Some(body)) => drop(body.remove("usage")),
        (Some(Fault::EmptyData), Some(body)) => drop(body.insert("content".to_owned(), json!([]))),
        _ => {}
    }
    with_headers(Answer::json(200, &body), &call)
}

struct Written {
    content: Vec<Value>,
    stop_reason: StopReason,
    stop_details: Value,
    tokens_out: u64,
}

/// Composes the content. `max_tokens` caps thinking and text together, as it really does.
fn write(call: &TextCall, fault: Option<&Fault>) -> Written {
    let mut stop_reason = match fault {
        Some(Fault::StopReason(reason)) => *reason,
        Some(Fault::Refuse | Fault::RefuseOutput) => StopReason::Refusal,
        _ => StopReason::EndTurn,
    };
    if stop_reason == StopReason::Refusal {
        let stop_details = json!({"type": "refusal", "category": "violence", "explanation": null});
        return Written { content: Vec::new(), stop_reason, stop_details, tokens_out: 1 };
    }
    let mut text = match fault {
        Some(Fault::EmptyText) => String::new(),
        Some(Fault::Text(text)) => text.clone(),
        Some(Fault::Wrapped(wrapping)) => reply::wrap(&reply::compose(&call.system, &call.text), *wrapping),
        _ => reply::compose(&call.system, &call.text),
    };
    if matches!(stop_reason, StopReason::MaxTokens | StopReason::ModelContextWindowExceeded) {
        text = text.chars().take(text.chars().count() / 2).collect();
    }

    let thought = if call.thinks { THOUGHT } else { "" };
    let tokens = |text: &str| count_tokens(text.chars().count());
    let thought_tokens = tokens(thought).min(call.max_tokens);
    let left = call.max_tokens - thought_tokens;
    if tokens(&text) > left {
        text = text.chars().take(usize::try_from(left).unwrap_or(usize::MAX).saturating_mul(4)).collect();
        stop_reason = StopReason::MaxTokens;
    }
    let mut content = Vec::new();
    if !thought.is_empty() {
        content.push(json!({"type": "thinking", "thinking": thought, "signature": "simulated"}));
    }
    if !text.is_empty() || fault == Some(&Fault::EmptyText) {
        content.push(json!({"type": "text", "text": text}));
    }
    let tokens_out = thought_tokens + tokens(&text);
    Written { content, stop_reason, stop_details: Value::Null, tokens_out }
}
