//! `GET /v1/models` and `GET /v1/models/{id}` as `OpenAI` answers them.

use serde_json::{Value, json};

use super::{
    check_key,
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
pub(crate) fn models(shared: &Shared, call: &Call) -> Outcome {
    if let Err(error) = check_key(call) {
        return Outcome::Answer(error.answer(call));
    }
    let asked = call.path.trim_start_matches("/v1/models").trim_start_matches('/');
    let available: Vec<&ImageModel> =
        IMAGE_MODELS.iter().filter(|model| !(shared.config.real_world && model.is_shut_down())).collect();
    let ids: Vec<&str> = available.iter().map(|model| model.id).collect();
    let text = if asked.is_empty() { ids.join("\n") } else { asked.to_owned() };
    let Injection { fault, matching, .. } = shared.next_injection(Endpoint::Models, &text);
    let retired = |model: &ImageModel| fault == Some(Fault::Retired) && matching.fits(model.id);
    match &fault {
        Some(Fault::HangForever { .. }) => return Outcome::Hang,
        Some(Fault::Reset { .. }) => return Outcome::Reset,
        None | Some(Fault::Retired) => {}
        Some(fault) => {
            if let Some(answer) = fault_answer(fault, asked, call) {
                return Outcome::Answer(answer);
            }
        }
    }
    let body = if asked.is_empty() {
        let data: Vec<Value> = available.iter().map(|model| entry(model, retired(model))).collect();
        json!({"object": "list", "data": data})
    } else {
        match available.iter().find(|model| model.id == asked) {
            Some(model) => entry(model, retired(model)),
            None => return Outcome::Answer(model_not_found(asked).answer(call)),
        }
    };
    Outcome::Answer(with_headers(Answer::json(200, &body), call))
}

fn entry(model: &ImageModel, retired: bool) -> Value {
    let announced = model.shutdown.filter(|_| !model.is_shut_down());
    let shutdown = if retired { Some("2026-05-12") } else { announced };
    json!({
        "id": model.id, "object": "model", "created": model.created, "owned_by": "system",
        "shutdown_date": shutdown,
    })
}
