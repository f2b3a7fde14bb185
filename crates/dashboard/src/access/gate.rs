//! The gate before every page: the right host name, the right origin, somebody who has signed in.

use std::net::IpAddr;

use actix_session::SessionExt;
use actix_web::{
    HttpRequest, HttpResponse,
    body::{BoxBody, EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method,
        header::{self, HeaderName},
    },
    middleware::Next,
    web,
};

use super::USER;
use crate::{error::WebError, state::AppState};

/// Where nobody has to sign in.
const OPEN_PATHS: [&str; 2] = ["/healthz", "/sign-in"];

/// Lets a request through, or says why not.
pub(crate) async fn gate<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, actix_web::Error> {
    let Some(state) = request.app_data::<web::Data<AppState>>().cloned() else {
        return Err(WebError::internal("the dashboard has no state").into());
    };
    match admit(&state, request.request()).await {
        Ok(Admission::Enter) => {}
        Ok(Admission::SignIn(place)) => {
            let answer = HttpResponse::SeeOther().insert_header((header::LOCATION, place)).finish();
            return Ok(request.into_response(answer).map_into_right_body());
        }
        Err(error) => return Ok(request.error_response(error).map_into_right_body()),
    }
    Ok(next.call(request).await?.map_into_left_body())
}

enum Admission {
    Enter,
    /// Go there first.
    SignIn(String),
}

async fn admit(state: &AppState, request: &HttpRequest) -> Result<Admission, WebError> {
    let access = &state.access;
    // Without a password, a foreign name that leads here would let its pages read ours.
    if access.credentials.is_none() && !is_our_host(request, &access.hosts) {
        return Err(WebError::Misdirected);
    }
    if !is_reading(request.method()) && !is_same_origin(request) {
        return Err(WebError::Forbidden("this form was not sent from one of the dashboard's own pages"));
    }
    let path = below(&state.base, request.path());
    if OPEN_PATHS.contains(&path) || path.starts_with("/static/") {
        return Ok(Admission::Enter);
    }
    let Some(credentials) = &access.credentials else { return Ok(Admission::Enter) };
    let signed_in: Option<String> = request.get_session().get(USER).unwrap_or_default();
    if signed_in.is_some_and(|user| user == credentials.user()) {
        return Ok(Admission::Enter);
    }
    let is_for_programs = path.starts_with("/api/") || path == "/metrics";
    if is_for_programs {
        return if is_authorized(state, request).await? {
            Ok(Admission::Enter)
        } else {
            Err(WebError::Unauthorized)
        };
    }
    // Nobody sees where an event stream is sent to.
    if !is_reading(request.method()) || path == "/events" {
        return Err(WebError::Unauthorized);
    }
    let asked = request.uri().path_and_query().map_or(path, |asked| below(&state.base, asked.as_str()));
    let next: String = url_encoded(asked);
    Ok(Admission::SignIn(format!("{}/sign-in?next={next}", state.base)))
}

/// Returns a path without the base path, which a proxy may have taken away already.
pub(crate) fn below<'a>(base: &str, path: &'a str) -> &'a str {
    match path.strip_prefix(base) {
        Some("") => "/",
        Some(rest) if rest.starts_with('/') => rest,
        _ => path,
    }
}

/// Writes a path and query so that it can stand in a query.
fn url_encoded(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
    text.bytes()
        .map(|byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

fn is_reading(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

async fn is_authorized(state: &AppState, request: &HttpRequest) -> Result<bool, WebError> {
    let Some(authorization) = text_of(request, &header::AUTHORIZATION) else { return Ok(false) };
    if state.access.is_known(authorization) {
        return Ok(true);
    }
    let Some((user, password)) = basic(authorization) else { return Ok(false) };
    let fits = state.access.check(request, user, password).await?;
    if fits {
        state.access.remember(authorization);
    }
    Ok(fits)
}

/// Reads `Basic`, base64 of `user:password` (RFC 7617).
fn basic(authorization: &str) -> Option<(String, String)> {
    let (scheme, coded) = authorization.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text =
        String::from_utf8(base64::Engine::decode(&base64::prelude::BASE64_STANDARD, coded.trim()).ok()?);
    let (user, password) = text.ok()?.split_once(':').map(|(u, p)| (u.to_owned(), p.to_owned()))?;
    Some((user, password))
}

fn text_of<'a>(request: &'a HttpRequest, name: &HeaderName) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}

/// Tells whether the request names this machine, or a name that was allowed.
fn is_our_host(request: &HttpRequest, allowed: &[String]) -> bool {
    let Some(host) = text_of(request, &header::HOST) else { return false };
    let name = host_name(host);
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
        || allowed.iter().any(|allowed| name.eq_ignore_ascii_case(allowed))
}

/// Takes the port and the brackets of an IPv6 address away.
fn host_name(host: &str) -> &str {
    match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    }
}

/// Tells whether a form comes from our own pages: the browser says so, and a page can't make it lie.
///
/// `Sec-Fetch-Site` is sent where the connection is safe or local (w3.org/TR/fetch-metadata); else the origin
/// must be the host that was asked, or the one that a proxy was asked for.
fn is_same_origin(request: &HttpRequest) -> bool {
    if let Some(site) = text_of(request, &HeaderName::from_static("sec-fetch-site")) {
        return site == "same-origin";
    }
    let Some(origin) = text_of(request, &header::ORIGIN) else { return false };
    let Some((_, asked)) = origin.split_once("://") else { return false };
    [header::HOST, header::X_FORWARDED_HOST].iter().any(|name| text_of(request, name) == Some(asked))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn only_names_of_this_machine_or_allowed_ones_are_ours() {
        let allowed = ["reviews.example".to_owned()];
        for host in
            ["localhost", "LOCALHOST:8090", "127.0.0.1:8090", "127.9.9.9", "[::1]:8090", "reviews.example"]
        {
            let request = TestRequest::default().insert_header((header::HOST, host)).to_http_request();
            assert!(is_our_host(&request, &allowed), "{host}");
        }
        for host in
            ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "192.168.1.9", "[::2]", ""]
        {
            let request = TestRequest::default().insert_header((header::HOST, host)).to_http_request();
            assert!(!is_our_host(&request, &allowed), "{host}");
        }
    }

    #[test]
    fn a_form_of_another_origin_is_not_ours() {
        let of = |headers: &[(&'static str, &'static str)]| {
            let request = headers.iter().fold(TestRequest::post(), |r, header| r.insert_header(*header));
            is_same_origin(&request.to_http_request())
        };
        assert!(of(&[("sec-fetch-site", "same-origin")]));
        assert!(of(&[("origin", "http://127.0.0.1:8090"), ("host", "127.0.0.1:8090")]));
        assert!(of(&[
            ("origin", "https://a.example"),
            ("host", "127.0.0.1:1"),
            ("x-forwarded-host", "a.example")
        ]));
        assert!(!of(&[("sec-fetch-site", "cross-site"), ("origin", "http://h"), ("host", "h")]));
        assert!(!of(&[("sec-fetch-site", "same-site")]));
        assert!(!of(&[("origin", "http://evil.example"), ("host", "127.0.0.1:8090")]));
        assert!(!of(&[("origin", "null"), ("host", "null")]));
        assert!(!of(&[("host", "127.0.0.1:8090")]));
    }

    #[test]
    fn the_base_path_is_taken_away_once() {
        for (base, path, rest) in [
            ("", "/costs", "/costs"),
            ("/b", "/b/costs", "/costs"),
            ("/b", "/b", "/"),
            ("/b", "/costs", "/costs"),
            ("/b", "/bad", "/bad"),
            ("/b", "/b/b/x", "/b/x"),
        ] {
            assert_eq!(below(base, path), rest, "{base} {path}");
        }
        assert_eq!(url_encoded("/reviews?view=side&x=ü"), "/reviews%3Fview%3Dside%26x%3D%C3%BC");
    }
}
