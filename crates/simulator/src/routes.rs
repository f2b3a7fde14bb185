//! The routes, and the steps before and after every handler: reading, recording, counting.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::{HeaderMap, Method, Request, Response, body::Incoming};
use serde_json::Value;
use tokio::time::Instant;

use crate::{
    Endpoint, RecordedRequest,
    answer::{AnswerBody, Outcome},
    anthropic,
    call::Call,
    control, openai,
    shared::{InFlight, Shared},
};

/// Largest request body: Anthropic takes 32 MB (platform.claude.com/docs/en/api/errors).
const MAX_BODY_BYTES: usize = 32 * 1024 * 1024;

/// The connection ends without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the simulated connection is reset")]
pub(crate) struct NoAnswer;

/// Answers a request, or says that its connection is to be reset.
pub(crate) async fn route(
    request: Request<Incoming>,
    shared: &Arc<Shared>,
) -> Result<Response<AnswerBody>, NoAnswer> {
    let arrived = Instant::now();
    let path = request.uri().path().to_owned();
    let endpoint = match (request.method(), path.as_str()) {
        (method, path) if path.starts_with("/__sim/") => {
            let method = method.clone();
            let body = read_body(request.into_body()).await;
            return Ok(control::answer(&method, path, body.as_deref(), shared).into_response(None));
        }
        (&Method::POST, "/v1/images/generations") => Endpoint::Images,
        (&Method::POST, "/v1/messages") => Endpoint::Messages,
        (&Method::GET, path) if path == "/v1/models" || path.starts_with("/v1/models/") => Endpoint::Models,
        (&Method::GET, path) if path.starts_with("/files/") => Endpoint::Download,
        (method, path) => return Ok(openai::no_such_route(method, path).into_response(None)),
    };

    let in_flight = InFlight::enter(shared, endpoint);
    let (head, body) = request.into_parts();
    let recorded_path = head.uri.path_and_query().map_or_else(|| path.clone(), ToString::to_string);
    let body = read_body(body).await;
    let too_large = body.is_none();
    let body: Option<Value> = body.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let number = shared.record(RecordedRequest {
        endpoint,
        method: head.method.to_string(),
        path: recorded_path,
        headers: recordable(&head.headers),
        body: body.clone().unwrap_or_default(),
    });
    let call = Arc::new(Call { number, arrived, path, headers: head.headers, body });
    let openai_error = |error: openai::ApiError| Outcome::Answer(error.answer(&call));
    let anthropic_error = |error: anthropic::ApiError| Outcome::Answer(error.answer(&call));

    let outcome = match endpoint {
        Endpoint::Images if too_large => Outcome::Answer(openai::too_large()),
        Endpoint::Images => openai::images::generate(shared, &call).await.unwrap_or_else(openai_error),
        Endpoint::Download => openai::files::download(shared, &call).await,
        Endpoint::Models if call.headers.contains_key("x-api-key") => {
            anthropic::listing::models(shared, &call).unwrap_or_else(anthropic_error)
        }
        Endpoint::Models => openai::listing::models(shared, &call).unwrap_or_else(openai_error),
        Endpoint::Messages if too_large => Outcome::Answer(anthropic::too_large(&call)),
        Endpoint::Messages => {
            anthropic::messages::create(shared, &call).await.unwrap_or_else(anthropic_error)
        }
    };
    finish(outcome, endpoint, in_flight, shared).await
}

async fn finish(
    outcome: Outcome,
    endpoint: Endpoint,
    in_flight: InFlight,
    shared: &Shared,
) -> Result<Response<AnswerBody>, NoAnswer> {
    match outcome {
        Outcome::Answer(answer) => {
            shared.count_answer(endpoint, answer.status, answer.is_whole());
            Ok(answer.into_response(Some(in_flight)))
        }
        Outcome::Reset => Err(NoAnswer),
        // hyper drops this future when the client closes the connection, and the count with it.
        Outcome::Hang => std::future::pending().await,
    }
}

/// Reads a body; `None` if it is too large or the client has disconnected.
async fn read_body(body: Incoming) -> Option<Bytes> {
    Some(Limited::new(body, MAX_BODY_BYTES).collect().await.ok()?.to_bytes())
}

fn recordable(headers: &HeaderMap) -> BTreeMap<String, String> {
    let secret = |name: &str| matches!(name, "authorization" | "x-api-key" | "cookie");
    let text = |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers
        .iter()
        .filter(|(name, _)| !secret(name.as_str()))
        .map(|(name, value)| (name.as_str().to_owned(), text(value)))
        .collect()
}
