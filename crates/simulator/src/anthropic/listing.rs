//! `GET /v1/models` and `GET /v1/models/{id}` as Anthropic answers them.

use serde_json::{Value, json};

use super::{
    ApiError, check_head,
    facts::{TEXT_MODELS, TextModel},
    fault_answer, no_such_model, with_headers,
};
use crate::{
    Endpoint, Fault,
    answer::{Answer, Outcome},
    call::Call,
    shared::Shared,
};

/// Answers a question about models.
pub(crate) fn models(shared: &Shared, call: &Call) -> Result<Outcome, ApiError> {
    check_head(call)?;
    let asked = call.listed_model();
    let fault = shared.next_injection(Endpoint::Models, asked).fault;
    let answer = |fault: &Fault| fault_answer(fault, asked, call);
    if let Some(outcome) = Outcome::without_work(fault.as_ref(), Endpoint::Models, answer) {
        return Ok(outcome);
    }
    let mut available = TEXT_MODELS.iter().filter(|model| !(shared.config.real_world && model.is_retired));
    let body = if asked.is_empty() {
        let data: Vec<Value> = available.map(entry).collect();
        let id = |entry: Option<&Value>| entry.and_then(|entry| entry.get("id")).cloned();
        json!({"first_id": id(data.first()), "last_id": id(data.last()), "has_more": false, "data": data})
    } else {
        available.find(|model| model.id == asked).map(entry).ok_or_else(|| no_such_model(asked))?
    };
    Ok(Outcome::Answer(with_headers(Answer::json(200, &body), call)))
}

fn entry(model: &TextModel) -> Value {
    json!({
        "type": "model", "id": model.id, "display_name": model.id, "created_at": "2026-01-01T00:00:00Z",
        "max_tokens": model.max_output,
    })
}
