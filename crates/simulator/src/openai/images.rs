//! `POST /v1/images/generations`.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use btcedu_domain::{Clock, SystemClock, Usd};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::{
    ApiError, check_key,
    facts::Family,
    fault_answer,
    request::{self, ImageCall},
    with_headers,
};
use crate::{
    Endpoint, Fault, SimulatorConfig, SimulatorError,
    answer::{Answer, Outcome},
    call::Call,
    draw::{self, PictureOrder},
    script::Injection,
    shared::{Shared, StoredFile},
    stats::Bill,
};

/// Answers a request for pictures.
pub(crate) async fn generate(shared: &Arc<Shared>, call: Call) -> Outcome {
    if let Err(error) = check_key(&call) {
        return Outcome::Answer(error.answer(&call));
    }
    let Some(body) = &call.body else {
        let message = "We could not parse the JSON body of your request.";
        return Outcome::Answer(ApiError::new(400, "invalid_request_error", message).answer(&call));
    };
    let word = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let Injection { fault, delay, .. } = shared.next_injection(Endpoint::Images, word("prompt"));
    match &fault {
        Some(Fault::HangForever { billed: false }) => return Outcome::Hang,
        Some(Fault::Reset { billed: false }) => return Outcome::Reset,
        Some(fault) => {
            if let Some(answer) = fault_answer(fault, word("model"), &call) {
                return Outcome::Answer(answer);
            }
        }
        None => {}
    }
    let order = match request::read(body, shared.config.real_world) {
        Ok(order) => order,
        Err(error) => return Outcome::Answer(error.answer(&call)),
    };
    if fault == Some(Fault::Refuse) {
        let (status, body) = refusal(&order, "input");
        return Outcome::Answer(with_headers(Answer::json(status, &body), &call));
    }

    let due = call.arrived + shared.config.image_latency + delay;
    Outcome::of_work(produce(Arc::clone(shared), call, order, fault.clone(), due), fault.as_ref()).await
}

/// Draws the pictures, waits until the answer is due, and bills them.
async fn produce(
    shared: Arc<Shared>,
    call: Call,
    order: ImageCall,
    fault: Option<Fault>,
    due: Instant,
) -> Answer {
    let (state, number) = (Arc::clone(&shared), call.number);
    let (wanted, flaw) = (order.clone(), fault.clone());
    let written = draw::offload(move || answer_body(&state, number, &wanted, flaw.as_ref())).await;
    let body = match written {
        Some(Ok(body)) => body,
        Some(Err(error)) => return ApiError::new(500, "server_error", error.to_string()).answer(&call),
        None => return ApiError::new(500, "server_error", "Drawing failed.").answer(&call),
    };
    tokio::time::sleep_until(due).await;

    let free = matches!(fault, Some(Fault::EmptyData | Fault::CutOff { billed: false }));
    if !free {
        shared.charge(Bill::Images(order.count, price(&order)));
    }
    if fault == Some(Fault::RefuseOutput) {
        let (status, body) = refusal(&order, "output");
        return with_headers(Answer::json(status, &body), &call);
    }
    with_headers(Answer::new(200, "application/json", body), &call)
}

/// Draws the pictures and writes the body of an answer of success.
fn answer_body(
    shared: &Shared,
    call: u64,
    order: &ImageCall,
    fault: Option<&Fault>,
) -> Result<String, SimulatorError> {
    let as_url = order.as_url || matches!(fault, Some(Fault::AsUrl { .. }));
    let mut data = Vec::new();
    for index in (0..order.count).filter(|_| fault != Some(&Fault::EmptyData)) {
        let bytes = draw_one(&shared.config, call, index, order, fault)?;
        let mut entry = Map::new();
        if as_url {
            entry.insert("url".to_owned(), address(shared, call, index, order, fault, bytes).into());
        } else {
            entry.insert("b64_json".to_owned(), BASE64.encode(bytes).into());
        }
        if order.model.family == Family::DallE3 {
            entry.insert("revised_prompt".to_owned(), revised(&order.prompt).into());
        }
        data.push(entry);
    }
    let mut body = json!({"created": SystemClock.now().timestamp().as_second(), "data": data});
    if let (Some(fields), Some(usage)) = (body.as_object_mut(), usage(order)) {
        let (width, height) = order.size;
        fields.insert("background".to_owned(), order.background.as_str().into());
        fields.insert("output_format".to_owned(), order.format.as_str().into());
        fields.insert("quality".to_owned(), order.quality.as_str().into());
        fields.insert("size".to_owned(), format!("{width}x{height}").into());
        if fault != Some(&Fault::NoUsage) {
            fields.insert("usage".to_owned(), usage);
        }
    }
    Ok(body.to_string())
}

fn draw_one(
    config: &SimulatorConfig,
    call: u64,
    index: u64,
    order: &ImageCall,
    fault: Option<&Fault>,
) -> Result<Vec<u8>, SimulatorError> {
    let size = match fault {
        Some(Fault::NotAPicture) => return Ok(b"<p>this is not a picture</p>".to_vec()),
        Some(Fault::OtherSize { width, height }) => (*width, *height),
        _ => order.size,
    };
    let wanted = PictureOrder { prompt: &order.prompt, call, index, size, format: order.format };
    let mut bytes = draw::picture(wanted, config)?;
    if fault == Some(&Fault::HalfAPicture) {
        bytes.truncate(bytes.len() / 2);
    }
    Ok(bytes)
}

/// Keeps the bytes under a new address, or gives the one that the fault asks for.
fn address(
    shared: &Shared,
    call: u64,
    index: u64,
    order: &ImageCall,
    fault: Option<&Fault>,
    bytes: Vec<u8>,
) -> String {
    if let Some(Fault::AsUrl { url: Some(url) }) = fault {
        return url.clone();
    }
    let name = format!("img-{call:06}-{index}.png");
    let url = format!("{}/files/{name}", shared.base_url);
    shared.keep_file(name, StoredFile { bytes: bytes.into(), prompt: order.prompt.clone() });
    url
}

/// dall-e-3 rewrites every prompt and says how.
fn revised(prompt: &str) -> String {
    format!("{}, rendered with balanced light and a calm, clear composition.", prompt.trim_end_matches('.'))
}

fn tokens(order: &ImageCall) -> (u64, u64) {
    let tokens_in = (order.prompt.chars().count() as u64).div_ceil(4);
    (tokens_in, order.model.family.output_tokens(order.size, &order.quality) * order.count)
}

fn price(order: &ImageCall) -> Usd {
    let each_or_all = order.model.family.price(order.size, &order.quality, tokens(order));
    if order.model.family == Family::DallE3 {
        each_or_all * i64::try_from(order.count).unwrap_or(i64::MAX)
    } else {
        each_or_all
    }
}

fn usage(order: &ImageCall) -> Option<Value> {
    let (tokens_in, tokens_out) = tokens(order);
    (order.model.family != Family::DallE3).then(|| {
        json!({
            "input_tokens": tokens_in,
            "input_tokens_details": {"text_tokens": tokens_in, "image_tokens": 0},
            "output_tokens": tokens_out,
            "total_tokens": tokens_in + tokens_out,
        })
    })
}

/// Status and body of a refusal by the content policy, before drawing (`input`) or after (`output`).
fn refusal(order: &ImageCall, stage: &str) -> (u16, Value) {
    let message = "Your request was rejected by the safety system.";
    if order.model.family == Family::DallE3 {
        let error = ApiError::new(400, "invalid_request_error", message).code("content_policy_violation");
        return (400, error.body());
    }
    let error = ApiError::new(400, "image_generation_user_error", message).code("moderation_blocked");
    let mut body = error.body();
    if let Some(error) = body.get_mut("error").and_then(Value::as_object_mut) {
        let details = json!({"moderation_stage": stage, "categories": ["violence"]});
        error.insert("moderation_details".to_owned(), details);
    }
    if let (true, Some(body), Some(usage)) = (stage == "output", body.as_object_mut(), usage(order)) {
        body.insert("usage".to_owned(), usage);
    }
    (400, body)
}
