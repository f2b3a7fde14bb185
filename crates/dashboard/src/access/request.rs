//! What a request says about where it comes from.

use std::net::IpAddr;

use actix_web::{
    HttpRequest,
    http::header::{self, HeaderName},
};
use base64::{Engine, prelude::BASE64_STANDARD};

/// A name and a password, as a program sends them.
pub(super) struct BasicSignIn {
    pub(super) user: String,
    pub(super) password: String,
}

impl BasicSignIn {
    /// Reads `Basic`, base64 of `user:password` (RFC 7617).
    pub(super) fn parse(authorization: &str) -> Option<Self> {
        let (scheme, coded) = authorization.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let text = String::from_utf8(BASE64_STANDARD.decode(coded.trim()).ok()?).ok()?;
        let (user, password) = text.split_once(':')?;
        Some(Self { user: user.to_owned(), password: password.to_owned() })
    }
}

/// Returns a header's value, where it is text.
pub(super) fn text_of<'a>(request: &'a HttpRequest, name: &HeaderName) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}

/// Tells whether the request names this machine, or a name that was allowed.
pub(super) fn is_allowed_host(request: &HttpRequest, allowed: &[String]) -> bool {
    let Some(host) = text_of(request, &header::HOST) else { return false };
    let name = host_name(host);
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
        || allowed.iter().any(|allowed| name.eq_ignore_ascii_case(allowed))
}

/// Takes the port away, and the brackets of an IPv6 address.
fn host_name(host: &str) -> &str {
    match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    }
}

/// Tells whether a form comes from our own pages: the browser says so, and a page can't change what it says.
///
/// `Sec-Fetch-Site` is sent where the connection is safe or local (w3.org/TR/fetch-metadata). Without it the
/// origin must be the host that was asked, or the one that a proxy was asked for.
pub(super) fn is_same_origin(request: &HttpRequest) -> bool {
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
            assert!(is_allowed_host(&request, &allowed), "{host}");
        }
        for host in
            ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "192.168.1.9", "[::2]", ""]
        {
            let request = TestRequest::default().insert_header((header::HOST, host)).to_http_request();
            assert!(!is_allowed_host(&request, &allowed), "{host}");
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
    fn a_basic_sign_in_is_base64_of_name_and_password() {
        let parse = |text: &str| BasicSignIn::parse(text).map(|sign_in| (sign_in.user, sign_in.password));
        let both = Some(("ayşe".to_owned(), "a:b".to_owned()));
        assert_eq!(parse(&format!("basic {}", BASE64_STANDARD.encode("ayşe:a:b"))), both);
        for text in ["", "Basic", "Basic ?", "Bearer YTpi", "Basic YQ==", "Basic /////w=="] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
