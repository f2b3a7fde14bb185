//! One paid text: reserved, sent, judged and settled before anything else happens with it.

use btcedu_clients::{StopReason, TextReply, TextRequest};
use btcedu_domain::{CallId, CallKind, CallState, ChapterId, RunId, Sha256Hash, Stage, Usd};
use btcedu_models::provider_calls::ProviderCall;
use serde_json::json;

use crate::frame::{
    calls::{CallEnd, CallFailure, Caller, FailedAttempt, Place, Places},
    paid_call::{CallSettlement, PaidJob},
};

/// A text that was paid for and can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PaidText {
    /// What the stage takes from the reply, or the whole reply where it comes from the ledger.
    pub(crate) text: String,
    pub(crate) call: CallId,
    /// The run that paid for it; none for calls from before there were runs.
    pub(crate) run: Option<RunId>,
    pub(crate) cost: Usd,
    pub(crate) tokens_in: i64,
    pub(crate) tokens_out: i64,
}

impl PaidText {
    /// The text that the ledger keeps of a call, if it keeps one.
    pub(crate) fn of(row: &ProviderCall) -> Option<Self> {
        Some(Self {
            text: row.reply.clone()?,
            call: row.call_id,
            run: row.run_id,
            cost: row.actual.unwrap_or(row.estimated),
            tokens_in: row.tokens_in.unwrap_or(0),
            tokens_out: row.tokens_out.unwrap_or(0),
        })
    }
}

/// What became of asking for a text.
#[derive(Debug)]
pub(crate) enum TextEnd {
    Bought(PaidText),
    /// It was paid for, and the stage can't use it.
    Unusable {
        problem: String,
        reply: String,
    },
    Failed {
        message: String,
        attempts: u32,
    },
    /// The run stops.
    Stopped,
}

/// Hashes what is sent, so that the same text is not bought twice.
pub(crate) fn text_hash(request: &TextRequest) -> Sha256Hash {
    Sha256Hash::of_value(json!({
        "kind": "text",
        "model": request.model,
        "system": request.system,
        "cached_prefix": request.cached_prefix,
        "prompt": request.prompt,
        "max_tokens": request.max_tokens,
        "json_schema": request.json_schema,
    }))
}

/// A text that shall be bought.
#[derive(Debug, Clone)]
pub(crate) struct TextOrder<'a> {
    pub(crate) stage: Stage,
    pub(crate) chapter: Option<ChapterId>,
    pub(crate) request: &'a TextRequest,
    pub(crate) estimate: Usd,
}

/// Buys one text; `judge` says what the stage takes from the reply, or why it can't use it.
pub(crate) async fn buy_text(
    caller: &Caller<'_>,
    places: &Places,
    order: TextOrder<'_>,
    judge: impl Fn(&TextReply) -> Result<String, String>,
    on_retry: impl Fn(u32, std::time::Duration, &str),
) -> TextEnd {
    let TextOrder { stage, chapter, request, estimate } = order;
    let (request_hash, model) = (text_hash(request), request.model.clone());
    let job = PaidJob { stage, chapter, kind: CallKind::Text, model, request_hash, estimate };
    let end = caller.call(&job, places, |_, place| ask(caller, request, place), on_retry).await;
    let (reply, call) = match end {
        CallEnd::Answered { value, call, .. } => (value, call),
        CallEnd::Failed { message, attempts } => return TextEnd::Failed { message, attempts },
        CallEnd::Stopped => return TextEnd::Stopped,
    };
    let usable = judge(&reply);
    let tokens = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let bought = PaidText {
        text: reply.text.clone(),
        call: call.id(),
        run: Some(caller.account.run),
        cost: reply.cost.unwrap_or(call.estimate()),
        tokens_in: tokens(reply.usage.total_input_tokens()),
        tokens_out: tokens(reply.usage.output_tokens),
    };
    let settlement = CallSettlement {
        actual: Some(bought.cost),
        tokens_in: Some(bought.tokens_in),
        tokens_out: Some(bought.tokens_out),
        reply: Some(reply.text.clone()),
        request_id: reply.request_id.clone(),
        error: usable.as_ref().err().cloned(),
        ..CallSettlement::new(if usable.is_ok() { CallState::Answered } else { CallState::Failed })
    };
    btcedu_artifacts::crash_point("text-answered");
    if caller.settle(vec![call.ended(settlement)], |_| Ok(())).await.is_err() {
        return TextEnd::Stopped;
    }
    btcedu_artifacts::crash_point("text-settled");
    match usable {
        Ok(text) => TextEnd::Bought(PaidText { text, ..bought }),
        Err(problem) => TextEnd::Unusable { problem, reply: reply.text },
    }
}

async fn ask<'p>(
    caller: &Caller<'_>,
    request: &TextRequest,
    place: Place<'p>,
) -> Result<TextReply, FailedAttempt<'p>> {
    let reply = caller.ctx.texts.complete(request).await;
    reply
        .map_err(|error| FailedAttempt { failure: CallFailure::of(&error), in_flight: Some(place.in_flight) })
}

/// Tells a whole answer from one that was refused or cut off; `template` is the one to mend.
pub(crate) fn check_whole(reply: &TextReply, template: &str) -> Result<(), String> {
    match &reply.stop_reason {
        StopReason::EndTurn if reply.text.trim().is_empty() => {
            Err("the text model's answer was empty".to_owned())
        }
        StopReason::EndTurn => Ok(()),
        StopReason::Refusal => {
            let category = reply.refusal_category.as_deref().unwrap_or("no category given");
            Err(format!("the text model refused to answer ({category})"))
        }
        StopReason::MaxTokens => {
            Err(format!("the text model's answer was cut off; raise max_tokens in the template {template}"))
        }
        other => Err(format!("the text model ended with '{other}' instead of an answer")),
    }
}
