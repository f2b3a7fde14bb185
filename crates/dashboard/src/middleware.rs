//! What happens before and after every handler: access, counting, safe headers, and errors as pages or JSON.

use std::time::Instant;

use actix_session::SessionExt;
use actix_web::{
    HttpRequest, HttpResponse,
    body::{BoxBody, EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        StatusCode,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
    middleware::Next,
    web,
};
use bytes::Bytes;

use crate::{
    access::Admission,
    answer::{Body, HTML, JSON},
    error::WebError,
    forms::signed_in_user,
    random::random_word,
    state::AppState,
    templates::{Page, PageName},
    views::error::ErrorView,
};

/// An answer of a handler, or one that a middleware has put in its place.
type Answer<B> = ServiceResponse<EitherBody<B, BoxBody>>;

/// Lets a request through, or says why not.
pub(crate) async fn admit<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<Answer<B>, actix_web::Error> {
    let state = state_of(&request)?;
    let user = signed_in_user(&request.get_session());
    match state.access.admit(&state.base, request.request(), user.as_deref()).await {
        Ok(Admission::Enter) => Ok(next.call(request).await?.map_into_left_body()),
        Ok(Admission::SignIn(address)) => {
            let answer = HttpResponse::SeeOther().insert_header((header::LOCATION, address)).finish();
            Ok(request.into_response(answer).map_into_right_body())
        }
        Err(error) => Ok(request.error_response(error).map_into_right_body()),
    }
}

/// Counts every answer, gives it its safe headers, and makes a page or JSON of an error.
pub(crate) async fn finish<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<Answer<B>, actix_web::Error> {
    #[expect(clippy::disallowed_methods, reason = "a measurement for /metrics; nothing depends on it")]
    let started = Instant::now();
    let state = state_of(&request)?;
    let response = next.call(request).await?;
    state.metrics.count(response.status().as_u16(), started.elapsed());
    let mut answer = if has_its_body(&response) {
        response.map_into_left_body()
    } else {
        show_error(&state, response).map_into_right_body()
    };
    put_safe_headers(answer.headers_mut());
    Ok(answer)
}

fn state_of(request: &ServiceRequest) -> Result<web::Data<AppState>, WebError> {
    let state = request.app_data::<web::Data<AppState>>().cloned();
    state.ok_or_else(|| WebError::internal("the dashboard has no state"))
}

/// Tells whether an answer is to be sent as it is. The framework's own errors have no body, or a line of text.
fn has_its_body<B: MessageBody>(response: &ServiceResponse<B>) -> bool {
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) {
        return true;
    }
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    response.response().error().is_none() && kind.is_some_and(|kind| !kind.starts_with("text/plain"))
}

fn show_error<B: MessageBody>(state: &AppState, response: ServiceResponse<B>) -> ServiceResponse {
    let (request, response) = response.into_parts();
    let status = response.status();
    let view = error_view(&request, status, response.error());
    let body = if is_api(&request) {
        Body::json(&serde_json::json!({ "error": view }))
            .unwrap_or_else(|_unlikely| Body::new(Bytes::new(), JSON))
    } else {
        error_page(state, &view)
    };
    let mut answer = HttpResponse::build(status);
    answer.insert_header((header::CONTENT_TYPE, body.media_type()));
    for name in [header::ALLOW, header::WWW_AUTHENTICATE, header::RETRY_AFTER] {
        if let Some(value) = response.headers().get(&name) {
            answer.insert_header((name, value.clone()));
        }
    }
    if status == StatusCode::UNAUTHORIZED && takes_passwords(&request) {
        answer.insert_header((header::WWW_AUTHENTICATE, "Basic realm=\"btcedu\", charset=\"UTF-8\""));
    }
    if status == StatusCode::TOO_MANY_REQUESTS {
        answer.insert_header((header::RETRY_AFTER, "60"));
    }
    let plain = body.plain().unwrap_or_default();
    ServiceResponse::new(request, answer.body(plain))
}

/// People have a form to sign in, so their browser's own window is not asked for.
fn takes_passwords(request: &HttpRequest) -> bool {
    is_api(request) || request.path().ends_with("/metrics")
}

fn is_api(request: &HttpRequest) -> bool {
    request.path().contains("/api/v1/")
}

fn error_view(request: &HttpRequest, status: StatusCode, error: Option<&actix_web::Error>) -> ErrorView {
    let (mut message, mut id) = (String::new(), String::new());
    match error.and_then(|error| error.as_error::<WebError>()) {
        Some(error @ WebError::Internal(cause)) => {
            id = log_failure(request, status, &with_causes(cause.as_ref()));
            message.push_str(&error.to_string());
        }
        Some(error) => message.push_str(&error.to_string()),
        None => {
            if let Some(known) = framework_message(status) {
                message.push_str(&known);
            } else {
                id = log_failure(request, status, &error.map(ToString::to_string).unwrap_or_default());
                message.push_str("something went wrong here");
            }
        }
    }
    if !id.is_empty() {
        message.push_str("; the log of `btcedu web` says more about it under the id below");
    }
    ErrorView { status: status.as_u16(), heading: heading(status), message, id }
}

/// Says what an error of the framework means; none where the fault is ours.
fn framework_message(status: StatusCode) -> Option<String> {
    Some(match status {
        StatusCode::NOT_FOUND => "there is nothing at this address".to_owned(),
        StatusCode::METHOD_NOT_ALLOWED => "this address doesn't take that method".to_owned(),
        StatusCode::PAYLOAD_TOO_LARGE => "that is more than a form may send".to_owned(),
        StatusCode::REQUEST_TIMEOUT => WebError::TooSlow.to_string(),
        other if other.is_client_error() => "the request can't be read".to_owned(),
        _ => return None,
    })
}

/// Logs a failure that is ours, and returns the id that the visitor is told.
fn log_failure(request: &HttpRequest, status: StatusCode, cause: &str) -> String {
    // Without random numbers the failure is logged under no id.
    let error_id = random_word::<4>().unwrap_or_default();
    let (path, status) = (request.path(), status.as_u16());
    tracing::error!(error_id, path, status, cause, "a page could not be made");
    error_id
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

fn error_page(state: &AppState, view: &ErrorView) -> Body {
    // The visitor may not have signed in.
    let page = Page::new(state.site(), PageName::Error, view.heading).signed_out();
    match state.templates.render(&page, view) {
        Ok(html) => Body::new(html.into(), HTML),
        Err(error) => {
            tracing::error!(cause = with_causes(&error), "the error page could not be made");
            Body::new(Bytes::from_static(b"something went wrong"), "text/plain; charset=utf-8")
        }
    }
}

/// Writes an error with its causes.
fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Sent with every answer (owasp.org/www-project-secure-headers).
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
