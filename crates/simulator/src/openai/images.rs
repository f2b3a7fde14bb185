//! `POST /v1/images/generations`.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use btcedu_domain::{Clock, SystemClock, Usd};
use serde_json::{Value, json};
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
    answer::{Answer, Outcome, set},
    call::Call,
    draw::{self, PictureOrder},
    script::Injection,
    shared::{Shared, StoredFile},
    stats::Bill,
};

/// Answers a request for pictures.
pub(crate) async fn generate(shared: &Arc<Shared>, call: &Arc<Call>) -> Result<Outcome, ApiError> {
    check_key(call)?;
    let message = "We could not parse the JSON body of your request.";
    let body = call.body.as_ref().ok_or_else(|| ApiError::new(400, "invalid_request_error", message))?;
    let Injection { fault, delay, .. } = shared.next_injection(Endpoint::Images, call.text("prompt"));
    let answer = |fault: &Fault| fault_answer(fault, call.text("model"), call);
    if let Some(outcome) = Outcome::without_work(fault.as_ref(), Endpoint::Images, answer) {
        return Ok(outcome);
    }
    let order = request::read(body, shared.config.real_world)?;
    if fault == Some(Fault::Refuse) {
        return Ok(Outcome::Answer(refusal(&order, "input", call)));
    }

    let due = call.arrived + shared.config.image_latency + delay;
    let job = Job { shared: Arc::clone(shared), call: Arc::clone(call), order, fault: fault.clone() };
    Ok(Outcome::of_work(Arc::new(job).run(due), fault.as_ref()).await)
}

/// Pictures that are to be drawn.
struct Job {
    shared: Arc<Shared>,
    call: Arc<Call>,
    order: ImageCall,
    fault: Option<Fault>,
}

impl Job {
    /// Draws the pictures, waits until the answer is due, and bills them.
    async fn run(self: Arc<Self>, due: Instant) -> Answer {
        let Self { shared, call, order, fault } = &*self;
        let job = Arc::clone(&self);
        let body = match draw::offload(move || job.answer_body()).await {
            Some(Ok(body)) => body,
            Some(Err(error)) => return ApiError::new(500, "server_error", error.to_string()).answer(call),
            None => return ApiError::new(500, "server_error", "Drawing failed.").answer(call),
        };
        tokio::time::sleep_until(due).await;

        let free = matches!(fault, Some(Fault::EmptyData | Fault::CutOff { billed: false }));
        if !free {
            shared.state().stats.charge(Bill::Images(order.count, price(order)));
        }
        if *fault == Some(Fault::RefuseOutput) {
            return refusal(order, "output", call);
        }
        with_headers(Answer::new(200, "application/json", body), call)
    }

    /// Draws the pictures and writes the body of an answer of success.
    fn answer_body(&self) -> Result<String, SimulatorError> {
        let Self { order, fault, .. } = self;
        let as_url = order.as_url || matches!(fault, Some(Fault::AsUrl { .. }));
        let mut data = Vec::new();
        for index in (0..order.count).filter(|_| *fault != Some(Fault::EmptyData)) {
            let bytes = self.picture(index)?;
            let mut entry = if as_url {
                json!({"url": self.address(index, bytes)})
            } else {
                json!({"b64_json": BASE64.encode(bytes)})
            };
            if order.model.family == Family::DallE3 {
                set(&mut entry, "revised_prompt", revised(&order.prompt));
            }
            data.push(entry);
        }
        let mut body = json!({"created": SystemClock.now().timestamp().as_second(), "data": data});
        if let Some(usage) = usage(order) {
            let (width, height) = order.size;
            set(&mut body, "background", order.background.as_str());
            set(&mut body, "output_format", order.format.as_str());
            set(&mut body, "quality", order.quality.as_str());
            set(&mut body, "size", format!("{width}x{height}"));
            if *fault != Some(Fault::NoUsage) {
                set(&mut body, "usage", usage);
            }
        }
        Ok(body.to_string())
    }

    fn picture(&self, index: u64) -> Result<Vec<u8>, SimulatorError> {
        let Self { shared, call, order, fault } = self;
        let size = match fault {
            Some(Fault::NotAPicture) => return Ok(b"<p>this is not a picture</p>".to_vec()),
            Some(Fault::OtherSize { width, height }) => (*width, *height),
            _ => order.size,
        };
        let (call, format) = (call.number, order.format);
        let wanted = PictureOrder { prompt: &order.prompt, call, index, size, format };
        let mut bytes = draw::picture(wanted, &shared.config)?;
        if *fault == Some(Fault::HalfAPicture) {
            bytes.truncate(bytes.len() / 2);
        }
        Ok(bytes)
    }

    /// Keeps the bytes under a new address, or gives the one that the fault asks for.
    fn address(&self, index: u64, bytes: Vec<u8>) -> String {
        if let Some(Fault::AsUrl { url: Some(url) }) = &self.fault {
            return url.clone();
        }
        let name = format!("img-{:06}-{index}.png", self.call.number);
        let url = format!("{}/files/{name}", self.shared.base_url);
        let file = StoredFile { bytes: bytes.into(), prompt: self.order.prompt.clone() };
        self.shared.state().files.insert(name, file);
        url
    }
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
    let family = order.model.family;
    let each_or_all = family.price(order.size, &order.quality, tokens(order));
    let times = if family == Family::DallE3 { order.count } else { 1 };
    each_or_all * i64::try_from(times).unwrap_or(i64::MAX)
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

/// A refusal by the content policy, before drawing (`input`) or after (`output`).
fn refusal(order: &ImageCall, stage: &str, call: &Call) -> Answer {
    let message = "Your request was rejected by the safety system.";
    if order.model.family == Family::DallE3 {
        let error = ApiError::new(400, "invalid_request_error", message);
        return error.code("content_policy_violation").answer(call);
    }
    let error = ApiError::new(400, "image_generation_user_error", message).code("moderation_blocked");
    let mut body = error.body();
    if let Some(error) = body.get_mut("error") {
        let details = json!({"moderation_stage": stage, "categories": ["violence"]});
        set(error, "moderation_details", details);
    }
    if let (true, Some(usage)) = (stage == "output", usage(order)) {
        set(&mut body, "usage", usage);
    }
    with_headers(Answer::json(error.status, &body), call)
}
