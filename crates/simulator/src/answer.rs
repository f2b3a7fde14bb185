//! The result of a handler: an answer, or none.

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http_body_util::{BodyExt, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    Response, StatusCode,
    body::Frame,
    header::{CONTENT_LENGTH, HeaderName, HeaderValue},
};
use serde_json::Value;

use crate::{Endpoint, Fault, shared::InFlight};

const CONTENT_TYPE: &str = "content-type";

/// Largest frame. Bodies are sent in small frames, so that a call counts as in flight while they are sent.
const FRAME_BYTES: usize = 64 * 1024;

/// What an oversized answer consists of.
static FILLER: [u8; FRAME_BYTES] = [b' '; FRAME_BYTES];

/// How a request ends.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// With an answer.
    Answer(Answer),
    /// With no answer, as long as the client waits.
    Hang,
    /// With a reset of the connection.
    Reset,
}

impl Outcome {
    /// Makes the outcome of a fault that prevents any work; `None` for faults of another kind.
    ///
    /// A billed fault comes after the work, if the endpoint bills any. `answer` gives the answer to other
    /// faults.
    pub(crate) fn without_work(
        fault: Option<&Fault>,
        endpoint: Endpoint,
        answer: impl FnOnce(&Fault) -> Option<Answer>,
    ) -> Option<Self> {
        let bills = matches!(endpoint, Endpoint::Images | Endpoint::Messages);
        match fault? {
            Fault::HangForever { billed } if !(bills && *billed) => Some(Self::Hang),
            Fault::Reset { billed } if !(bills && *billed) => Some(Self::Reset),
            fault => answer(fault).map(Self::Answer),
        }
    }

    /// Runs billed work to its end, then answers as the fault says.
    ///
    /// The work runs in its own task, so a client that disconnects stops neither it nor its bill.
    pub(crate) async fn of_work(
        work: impl Future<Output = Answer> + Send + 'static,
        fault: Option<&Fault>,
    ) -> Self {
        let Ok(answer) = tokio::spawn(work).await else { return Self::Reset };
        match fault {
            Some(Fault::HangForever { .. }) => Self::Hang,
            Some(Fault::Reset { .. }) => Self::Reset,
            Some(Fault::CutOff { .. }) => Self::Answer(answer.cut_off()),
            _ => Self::Answer(answer),
        }
    }
}

/// Status, headers and body.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: u16,
    headers: Vec<(&'static str, String)>,
    payload: Payload,
}

#[derive(Debug)]
enum Payload {
    Whole(Bytes),
    CutOff(Bytes),
    Filler(usize),
}

impl Answer {
    /// Makes an answer of any type.
    pub(crate) fn new(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        let headers = vec![(CONTENT_TYPE, content_type.to_owned())];
        Self { status, headers, payload: Payload::Whole(body.into()) }
    }

    /// Makes a JSON answer.
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::new(status, "application/json", body.to_string())
    }

    /// Makes a 200 with a body of this many bytes, without `content-length`.
    pub(crate) fn oversized(bytes: u64) -> Self {
        let headers = vec![(CONTENT_TYPE, "application/json".to_owned())];
        let length = usize::try_from(bytes).unwrap_or(usize::MAX);
        Self { status: 200, headers, payload: Payload::Filler(length) }
    }

    /// Makes what an edge proxy says when the service behind it is gone.
    pub(crate) fn bad_gateway() -> Self {
        let html = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n\
                    <body><center><h1>502 Bad Gateway</h1></center></body>\r\n</html>\r\n";
        Self::new(502, "text/html", html)
    }

    /// Adds a header.
    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Adds `retry-after` in seconds, if there is one.
    #[must_use]
    pub(crate) fn with_retry_after(self, seconds: Option<u64>) -> Self {
        match seconds {
            Some(seconds) => self.with("retry-after", seconds.to_string()),
            None => self,
        }
    }

    /// Makes the body end half-way.
    #[must_use]
    pub(crate) fn cut_off(mut self) -> Self {
        if let Payload::Whole(bytes) = self.payload {
            self.payload = Payload::CutOff(bytes);
        }
        self
    }

    /// Tells whether all of the body goes out.
    pub(crate) fn is_whole(&self) -> bool {
        matches!(self.payload, Payload::Whole(_))
    }

    /// Turns it into hyper's response; `in_flight` ends with the last byte.
    pub(crate) fn into_response(self, in_flight: Option<InFlight>) -> Response<AnswerBody> {
        let announced = match &self.payload {
            Payload::Whole(bytes) | Payload::CutOff(bytes) => Some(bytes.len()),
            Payload::Filler(_) => None,
        };
        let mut response = Response::new(body(self.payload, in_flight));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().append(HeaderName::from_static(name), value);
            }
        }
        if let Some(length) = announced {
            response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        response
    }
}

/// A body that can end before its announced length.
pub(crate) type AnswerBody = UnsyncBoxBody<Bytes, CutOff>;

/// The body ended on purpose before its announced length.
#[derive(Debug, thiserror::Error)]
#[error("the simulated answer is cut off")]
pub(crate) struct CutOff;

fn body(payload: Payload, mut in_flight: Option<InFlight>) -> AnswerBody {
    let (length, breaks) = match &payload {
        Payload::Whole(bytes) => (bytes.len(), None),
        Payload::CutOff(bytes) => (bytes.len() / 2, Some(CutOff)),
        Payload::Filler(length) => (*length, None),
    };
    let frames = (0..length).step_by(FRAME_BYTES).map(move |start| {
        let end = length.min(start.saturating_add(FRAME_BYTES));
        if end == length {
            // Before the client can see the last byte and send its next request.
            drop(in_flight.take());
        }
        Ok(Frame::data(match &payload {
            Payload::Whole(bytes) | Payload::CutOff(bytes) => bytes.slice(start..end),
            Payload::Filler(_) => Bytes::from_static(&FILLER).slice(..end - start),
        }))
    });
    // hyper sends what it has buffered when the body is not ready, so the first half arrives.
    let breaks = stream::iter(breaks).then(async |cut_off| {
        tokio::task::yield_now().await;
        Err(cut_off)
    });
    StreamBody::new(stream::iter(frames).chain(breaks)).boxed_unsync()
}

/// Sets a field of a JSON object.
pub(crate) fn set(object: &mut Value, name: &str, value: impl Into<Value>) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(name.to_owned(), value.into());
    }
}
