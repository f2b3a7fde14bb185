//! How every answer is made: compressed, with a tag to ask again by, with safe headers, and errors as pages or JSON.

use std::io::{Read, Write};

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    body::{BoxBody, EitherBody, MessageBody},
    dev::ServiceResponse,
    http::{
        StatusCode,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
};
use btcedu_domain::Sha256Hash;
use bytes::Bytes;
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    access::random_word,
    error::WebError,
    state::AppState,
    templates::{Page, PageName},
};

/// Compressing less than this is not worth a header.
const WORTH_COMPRESSING: usize = 1024;

/// A page is made as often as something changes, so making it quickly counts for more than its last tenth.
const LEVEL: Compression = Compression::new(3);

/// How long a browser may keep an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// The address holds the content's hash.
    Forever,
    /// Ask each time whether it has changed.
    AskAgain,
    /// Nobody keeps it.
    Never,
}

impl Freshness {
    pub(crate) fn header(self) -> &'static str {
        match self {
            Self::Forever => "private, max-age=31536000, immutable",
            Self::AskAgain => "private, no-cache",
            Self::Never => "no-store",
        }
    }
}

/// A body with its tag, compressed where that makes it shorter.
#[derive(Debug, Clone)]
pub(crate) struct Body {
    media_type: &'static str,
    bytes: Bytes,
    is_gzip: bool,
    etag: String,
}

pub(crate) const HTML: &str = "text/html; charset=utf-8";
pub(crate) const JSON: &str = "application/json";

impl Body {
    pub(crate) fn new(plain: Bytes, media_type: &'static str) -> Self {
        let hash = Sha256Hash::of_bytes(&plain).to_string();
        let etag = format!("\"{}\"", hash.get(..32).unwrap_or(&hash));
        let gzip = if plain.len() < WORTH_COMPRESSING { None } else { compressed(&plain) };
        match gzip.filter(|gzip| gzip.len() < plain.len()) {
            Some(gzip) => Self { media_type, bytes: gzip, is_gzip: true, etag },
            None => Self { media_type, bytes: plain, is_gzip: false, etag },
        }
    }

    pub(crate) fn json(value: &impl Serialize) -> Result<Self, WebError> {
        Ok(Self::new(serde_json::to_vec(value).map_err(WebError::internal)?.into(), JSON))
    }

    /// Returns about how much memory it takes, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.bytes.len() + self.etag.len()
    }

    /// Answers with it, or says that what the browser has is the same.
    pub(crate) fn respond(&self, request: &HttpRequest, freshness: Freshness) -> HttpResponse {
        if freshness != Freshness::Never && knows(request, &self.etag) {
            let mut response = HttpResponse::NotModified();
            self.put_headers(&mut response, freshness);
            return response.finish();
        }
        let mut response = HttpResponse::Ok();
        self.put_headers(&mut response, freshness);
        response.insert_header((header::CONTENT_TYPE, self.media_type));
        if self.is_gzip && takes_gzip(request) {
            return response.insert_header((header::CONTENT_ENCODING, "gzip")).body(self.bytes.clone());
        }
        match self.plain() {
            Ok(plain) => response.body(plain),
            Err(error) => HttpResponse::from_error(WebError::internal(error)),
        }
    }

    /// Returns it as it was; only those who take no compression need it.
    fn plain(&self) -> std::io::Result<Bytes> {
        if !self.is_gzip {
            return Ok(self.bytes.clone());
        }
        let mut plain = Vec::new();
        GzDecoder::new(self.bytes.as_ref()).read_to_end(&mut plain)?;
        Ok(plain.into())
    }

    fn put_headers(&self, response: &mut HttpResponseBuilder, freshness: Freshness) {
        if freshness != Freshness::Never {
            response.insert_header((header::ETAG, self.etag.as_str()));
        }
        response.insert_header((header::CACHE_CONTROL, freshness.header()));
        response.insert_header((header::VARY, "Accept-Encoding, Cookie"));
    }
}

fn compressed(plain: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), LEVEL);
    encoder.write_all(plain).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

fn text_of<'a>(request: &'a HttpRequest, name: &HeaderName) -> &'a str {
    request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Tells whether the browser has the answer with this tag.
pub(crate) fn knows(request: &HttpRequest, etag: &str) -> bool {
    let known = text_of(request, &header::IF_NONE_MATCH);
    known.split(',').any(|tag| matches!(tag.trim(), "*") || tag.trim().trim_start_matches("W/") == etag)
}

fn takes_gzip(request: &HttpRequest) -> bool {
    text_of(request, &header::ACCEPT_ENCODING).split(',').any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        parts.next() == Some("gzip") && parts.next() != Some("q=0")
    })
}

/// Returns the `v` of an address, which names the content's hash.
pub(crate) fn asked_version(request: &HttpRequest) -> Option<&str> {
    request.query_string().split('&').find_map(|pair| pair.strip_prefix("v="))
}

/// Sent with everything (owasp.org/www-project-secure-headers).
const SAFE_HEADERS: [(HeaderName, &str); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

fn put_safe_headers(headers: &mut HeaderMap) {
    for (name, value) in SAFE_HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

/// What an error page, or its JSON, says.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorView {
    /// The HTTP status.
    status: u16,
    /// In a few words.
    heading: &'static str,
    /// In a sentence.
    message: String,
    /// Stands in the log too; empty where there is nothing to look up.
    id: String,
}

/// Gives an answer its safe headers; an error without a body gets a page, or JSON where a program asks.
pub(crate) fn finish<B: MessageBody + 'static>(
    state: &AppState,
    response: ServiceResponse<B>,
) -> ServiceResponse<EitherBody<B, BoxBody>> {
    let status = response.status();
    let is_ours = response.response().error().is_none() && !is_bare(&response);
    let mut response = if is_ours || !(status.is_client_error() || status.is_server_error()) {
        response.map_into_left_body()
    } else {
        let (request, response) = response.into_parts();
        let told = tell(&request, status, response.error());
        let body = if is_api(&request) {
            Body::json(&serde_json::json!({ "error": told }))
                .unwrap_or_else(|_unlikely| Body::new(Bytes::new(), JSON))
        } else {
            error_page(state, &told)
        };
        let mut page = HttpResponse::build(status);
        page.insert_header((header::CONTENT_TYPE, body.media_type));
        for name in [header::ALLOW, header::WWW_AUTHENTICATE, header::RETRY_AFTER] {
            if let Some(value) = response.headers().get(&name) {
                page.insert_header((name, value.clone()));
            }
        }
        if status == StatusCode::UNAUTHORIZED && takes_passwords(&request) {
            page.insert_header((header::WWW_AUTHENTICATE, "Basic realm=\"btcedu\", charset=\"UTF-8\""));
        }
        if status == StatusCode::TOO_MANY_REQUESTS {
            page.insert_header((header::RETRY_AFTER, "60"));
        }
        let plain = body.plain().unwrap_or_default();
        ServiceResponse::new(request, page.body(plain)).map_into_right_body()
    };
    put_safe_headers(response.headers_mut());
    response
}

/// The framework's own errors come without a body, or with one line of text.
fn is_bare<B: MessageBody>(response: &ServiceResponse<B>) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_none_or(|kind| kind.starts_with("text/plain") && response.status() != StatusCode::OK)
}

/// On pages there is a form for that, and no need for the browser's own window.
fn takes_passwords(request: &HttpRequest) -> bool {
    is_api(request) || request.path().ends_with("/metrics")
}

fn is_api(request: &HttpRequest) -> bool {
    request.path().contains("/api/v1/")
}

fn tell(request: &HttpRequest, status: StatusCode, error: Option<&actix_web::Error>) -> ErrorView {
    let ours = error.and_then(|error| error.as_error::<WebError>());
    let mut id = String::new();
    let message = match ours {
        Some(error @ WebError::Internal(cause)) => {
            id = random_word(8);
            let (path, error_id) = (request.path(), id.as_str());
            tracing::error!(error_id, path, cause = chain(cause.as_ref()), "a page could not be made");
            format!("{error}; the log of `btcedu web` says more about it under the id below")
        }
        Some(error) => error.to_string(),
        None => match status {
            StatusCode::NOT_FOUND => "there is nothing at this address".to_owned(),
            StatusCode::METHOD_NOT_ALLOWED => "this address doesn't take that method".to_owned(),
            StatusCode::PAYLOAD_TOO_LARGE => "that is more than a form may send".to_owned(),
            StatusCode::REQUEST_TIMEOUT => WebError::TooSlow.to_string(),
            other if other.is_client_error() => "the request can't be read".to_owned(),
            other => {
                id = random_word(8);
                let (path, error_id) = (request.path(), id.as_str());
                let cause = error.map(ToString::to_string).unwrap_or_default();
                tracing::error!(error_id, path, status = other.as_u16(), cause, "a page could not be made");
                "something went wrong here; the log of `btcedu web` says more about it under the id below"
                    .to_owned()
            }
        },
    };
    ErrorView { status: status.as_u16(), heading: heading(status), message, id }
}

fn heading(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "Not found",
        StatusCode::METHOD_NOT_ALLOWED => "Not like this",
        StatusCode::CONFLICT => "Something has changed meanwhile",
        StatusCode::FORBIDDEN | StatusCode::MISDIRECTED_REQUEST => "Not allowed",
        StatusCode::UNAUTHORIZED => "Sign in first",
        StatusCode::TOO_MANY_REQUESTS => "Too many tries",
        other if other.is_client_error() => "That didn't work",
        _ => "Something went wrong",
    }
}

fn error_page(state: &AppState, told: &ErrorView) -> Body {
    // Whoever meets an error may be nobody who has signed in.
    let page = Page::new(state, PageName::Error, told.heading).signed_out();
    match state.templates.render(&page, told) {
        Ok(html) => Body::new(html.into(), HTML),
        Err(error) => {
            tracing::error!(cause = chain(&error), "the error page could not be made");
            Body::new(Bytes::from_static(b"something went wrong"), "text/plain; charset=utf-8")
        }
    }
}

/// Writes an error with its causes.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
