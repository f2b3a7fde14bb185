//! `POST /v1/images/generations`.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use btcedu_domain::{Clock, SystemClock, Usd};
use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value, json, value::RawValue};
use tokio::time::Instant;

use super::{
    ApiError, check_key,
    facts::Family,
    fault_answer,
    request::{self, ImageCall},
    with_headers,
};
use crate::{
    Endpoint, Fault, SimulatorError,
    answer::{Answer, Outcome},
    draw::{self, PictureOrder},
    routes::Call,
    script::Fate,
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
    let Fate { fault, delay, .. } = shared.fate(Endpoint::Images, word("prompt"));
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
    // In a task of its own: a client that goes away does not stop the work, nor the bill for it.
    let work = tokio::spawn(produce(Arc::clone(shared), call, order, fault.clone(), due));
    let answer = match work.await {
        Ok(answer) => answer,
        Err(_panicked) => return Outcome::Reset,
    };
    match fault {
        Some(Fault::HangForever { .. }) => Outcome::Hang,
        Some(Fault::Reset { .. }) => Outcome::Reset,
        Some(Fault::CutOff { .. }) => Outcome::Answer(answer.cut_off()),
        _ => Outcome::Answer(answer),
    }
}

/// Draws, waits until the answer is due, and puts it on the bill.
async fn produce(
    shared: Arc<Shared>,
    call: Call,
    order: ImageCall,
    fault: Option<Fault>,
    due: Instant,
) -> Answer {
    let (artist, number) = (Arc::clone(&shared), call.number);
    let (wanted, flaw) = (order.clone(), fault.clone());
    let drawn = draw::offload(move || draw_all(&artist, number, &wanted, flaw.as_ref())).await;
    let written = drawn.map(|pictures| answer_body(&shared, &call, &order, fault.as_ref(), &pictures?));
    let body = match written {
        Some(Ok(body)) => body,
        Some(Err(error)) => return ApiError::new(500, "server_error", error.to_string()).answer(&call),
        None => return ApiError::new(500, "server_error", "The artist is gone.").answer(&call),
    };
    if Instant::now() > due && !shared.config.image_latency.is_zero() {
        shared.count_late_answer();
    }
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

/// A picture as the answer carries it: base64, or a kept file's address.
fn draw_all(
    shared: &Shared,
    call: u64,
    order: &ImageCall,
    fault: Option<&Fault>,
) -> Result<Vec<Picture>, SimulatorError> {
    let size = match fault {
        Some(Fault::OtherSize { width, height }) => (*width, *height),
        _ => order.size,
    };
    let as_url = order.as_url || matches!(fault, Some(Fault::AsUrl { .. }));
    (0..order.count)
        .map(|index| {
            let order = PictureOrder { prompt: &order.prompt, call, index, size, format: order.format };
            let mut bytes = match fault {
                Some(Fault::NotAPicture) => b"<p>this is not a picture</p>".to_vec(),
                _ => shared.artist.picture(order)?,
            };
            if fault == Some(&Fault::HalfAPicture) {
                bytes.truncate(bytes.len() / 2);
            }
            if as_url { Ok(Picture::File(bytes.into())) } else { Picture::base64(&bytes) }
        })
        .collect()
}

enum Picture {
    File(Bytes),
    /// A JSON string: megabytes that nobody has to look through for what needs escaping.
    Base64(Box<RawValue>),
}

impl Picture {
    fn base64(bytes: &[u8]) -> Result<Self, SimulatorError> {
        let quoted = RawValue::from_string(format!("\"{}\"", BASE64.encode(bytes)));
        quoted.map(Self::Base64).map_err(SimulatorError::Unwritable)
    }
}

/// The body of an answer of success.
#[derive(Serialize)]
struct Body<'a> {
    created: i64,
    data: Vec<Entry<'a>>,
    #[serde(flatten)]
    more: Map<String, Value>,
}

#[derive(Serialize)]
struct Entry<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    b64_json: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revised_prompt: Option<String>,
}

fn answer_body(
    shared: &Shared,
    call: &Call,
    order: &ImageCall,
    fault: Option<&Fault>,
    pictures: &[Picture],
) -> Result<String, SimulatorError> {
    let dall_e_3 = order.model.family == Family::DallE3;
    let mut data = Vec::new();
    for (index, picture) in pictures.iter().enumerate().filter(|_| fault != Some(&Fault::EmptyData)) {
        let (b64_json, url) = match picture {
            Picture::Base64(text) => (Some(&**text), None),
            Picture::File(bytes) => (None, Some(address(shared, call, order, fault, index, bytes))),
        };
        data.push(Entry { b64_json, url, revised_prompt: dall_e_3.then(|| revised(&order.prompt)) });
    }
    let mut more = Map::new();
    if !dall_e_3 {
        let (width, height) = order.size;
        more.insert("background".to_owned(), order.background.as_str().into());
        more.insert("output_format".to_owned(), order.format.as_str().into());
        more.insert("quality".to_owned(), order.quality.as_str().into());
        more.insert("size".to_owned(), format!("{width}x{height}").into());
        if fault != Some(&Fault::NoUsage) {
            more.extend(usage(order).map(|usage| ("usage".to_owned(), usage)));
        }
    }
    let body = Body { created: SystemClock.now().timestamp().as_second(), data, more };
    serde_json::to_string(&body).map_err(SimulatorError::Unwritable)
}

/// Keeps the bytes under a new address, or gives the one that the fault asks for.
fn address(
    shared: &Shared,
    call: &Call,
    order: &ImageCall,
    fault: Option<&Fault>,
    index: usize,
    bytes: &Bytes,
) -> String {
    if let Some(Fault::AsUrl { url: Some(url) }) = fault {
        return url.clone();
    }
    let name = format!("img-{:06}-{index}.png", call.number);
    let expires = Instant::now() + shared.config.url_lifetime;
    let file = StoredFile { bytes: bytes.clone(), prompt: order.prompt.clone(), expires };
    let url = format!("{}/files/{name}", shared.base_url);
    shared.keep_file(name, file);
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
