//! `GET /v1/models` and `GET /v1/models/{id}` as `OpenAI` answers them.

use serde_json::{Value, json};

use super::{
    ApiError, check_key,
    facts::{IMAGE_MODELS, ImageModel},
    fault_answer, model_not_found, with_headers,
};
use crate::{
    Endpoint, Fault,
    answer::{Answer, Outcome},
    call::Call,
    script::Injection,
    shared::Shared,
};

/// Answers a question about models. Those that are shut down are missing in the real world; where
/// they work here they have no `shutdown_date`.
pub(crate) fn models(shared: &Shared, call: &Call) -> Result<Outcome, ApiError> {
    check_key(call)?;
    let asked = call.listed_model();
    let mut available =
        IMAGE_MODELS.iter().filter(|model| !(shared.config.real_world && model.is_shut_down()));
    let ids: Vec<&str> = available.clone().map(|model| model.id).collect();
    let text = if asked.is_empty() { ids.join("\n") } else { asked.to_owned() };
    let Injection { fault, matching, .. } = shared.next_injection(Endpoint::Models, &text);
    let is_retired = fault == Some(Fault::Retired);
    let answer = |fault: &Fault| fault_answer(fault, asked, call).filter(|_| !is_retired);
    if let Some(outcome) = Outcome::without_work(fault.as_ref(), Endpoint::Models, answer) {
        return Ok(outcome);
    }
    let entry = |model: &ImageModel| entry(model, is_retired && matching.fits(model.id));
    let body = if asked.is_empty() {
        json!({"object": "list", "data": available.map(entry).collect::<Vec<_>>()})
    } else {
        available.find(|model| model.id == asked).map(entry).ok_or_else(|| model_not_found(asked))?
    };
    Ok(Outcome::Answer(with_headers(Answer::json(200, &body), call)))
}

fn entry(model: &ImageModel, retired: bool) -> Value {
    let announced = model.shutdown.filter(|_| !model.is_shut_down());
    let shutdown = if retired { Some("2026-05-12") } else { announced };
    json!({
        "id": model.id, "object": "model", "created": model.created, "owned_by": "system",
        "shutdown_date": shutdown,
    })
}
