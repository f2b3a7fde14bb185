//! `GET /v1/models` and `GET /v1/models/{id}` as Anthropic answers them.

use serde_json::{Value, json};

use super::{
    check_head,
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
pub(crate) fn models(shared: &Shared, call: &Call) -> Outcome {
    if let Err(error) = check_head(call) {
        return Outcome::Answer(error.answer(call));
    }
    let asked = call.path.trim_start_matches("/v1/models").trim_start_matches('/');
    match shared.next_injection(Endpoint::Models, asked).fault {
        Some(Fault::HangForever { .. }) => return Outcome::Hang,
        Some(Fault::Reset { .. }) => return Outcome::Reset,
        Some(fault) => {
            if let Some(answer) = fault_answer(&fault, asked, call) {
                return Outcome::Answer(answer);
            }
        }
        None => {}
    }
    let mut available = TEXT_MODELS.iter().filter(|model| !(shared.config.real_world && model.is_retired));
    let body = if asked.is_empty() {
        let data: Vec<Value> = available.map(entry).collect();
        let id = |entry: Option<&Value>| entry.and_then(|entry| entry.get("id")).cloned();
        json!({"first_id": id(data.first()), "last_id": id(data.last()), "has_more": false, "data": data})
    } else {
        match available.find(|model| model.id == asked) {
            Some(model) => entry(model),
            None => return Outcome::Answer(no_such_model(asked).answer(call)),
        }
    };
    Outcome::Answer(with_headers(Answer::json(200, &body), call))
}

fn entry(model: &TextModel) -> Value {
    json!({
        "type": "model", "id": model.id, "display_name": model.id, "created_at": "2026-01-01T00:00:00Z",
        "max_tokens": model.max_output,
    })
}
