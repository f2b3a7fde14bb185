//! What an answer of failure means by its status, and what messages are made of it.

use std::time::Duration;

use btcedu_domain::FailureClass;
use reqwest::header::HeaderMap;

use super::*;

static PROVIDER: Provider = Provider {
    name: "Example",
    api: "Example API",
    host: "api.example.com",
    product: "poem",
    budget: "quota",
    key_setting: "EXAMPLE_API_KEY",
    base_url_setting: "EXAMPLE_BASE_URL",
    timeout: Duration::from_secs(5),
    words_at: &["/error/message", "/error"],
};

fn failure(status: u16, body: &str) -> ApiFailure {
    let endpoint = Endpoint::new(&PROVIDER).with_key("a-secret-key");
    let reply = Reply::new(status, &HeaderMap::new(), body.as_bytes().to_vec());
    let reply = endpoint.read_error(&reply);
    let kind = reply.kind_by_status();
    reply.into_failure(kind, "m", "do this")
}

#[test]
fn each_status_has_a_kind_a_class_and_what_is_known_of_the_money() {
    use Billing::{MaybeBilled, NotBilled};
    use FailureClass::{Fatal, Transient};
    let own = r#"{"error":{"message":"no"}}"#;
    for (status, body, kind, class, billing) in [
        (307, "", FailureKind::WrongAddress, Fatal, NotBilled),
        (400, own, FailureKind::BadRequest, FailureClass::BadRequest, NotBilled),
        (401, own, FailureKind::KeyRefused, Fatal, NotBilled),
        (402, own, FailureKind::QuotaExhausted, Fatal, NotBilled),
        (403, own, FailureKind::AccessDenied, Fatal, NotBilled),
        (404, own, FailureKind::WrongAddress, Fatal, NotBilled),
        (408, own, FailureKind::Unavailable, Transient, NotBilled),
        (418, "", FailureKind::BadRequest, FailureClass::BadRequest, NotBilled),
        (429, own, FailureKind::RateLimited, Transient, NotBilled),
        (500, own, FailureKind::Unavailable, Transient, NotBilled),
        (500, r#"{"error":"a gateway's text"}"#, FailureKind::Unavailable, Transient, MaybeBilled),
        (502, own, FailureKind::Unavailable, Transient, MaybeBilled),
        (503, "<html>", FailureKind::Unavailable, Transient, MaybeBilled),
        (504, own, FailureKind::Unavailable, Transient, MaybeBilled),
    ] {
        let failure = failure(status, body);
        assert_eq!((failure.kind, failure.kind.class()), (kind, class), "{status} {body}");
        assert_eq!((failure.billing, failure.status), (billing, Some(status)), "{status} {body}");
    }
}

#[test]
fn the_message_has_the_providers_words_without_keys() {
    for (body, words) in [
        (r#"{"error":{"message":"a-secret-key is bad"}}"#, "[redacted] is bad"),
        (r#"{"error":"only text"}"#, "only text"),
        (r#"{"error":{"message":""}}"#, "no reason was given"),
        (r#"["error"]"#, "no reason was given"),
        ("<html>", "no reason was given"),
    ] {
        let said = failure(401, body).to_string();
        assert_eq!(said, format!("Example refused the key: {words}; check EXAMPLE_API_KEY"));
    }
    assert_eq!(
        failure(404, "").to_string(),
        "api.example.com answered with status 404 where the Example API should be; check EXAMPLE_BASE_URL"
    );
}

#[test]
fn an_endpoint_names_its_settings() {
    let endpoint = Endpoint::new(&PROVIDER);
    assert!(endpoint.is_public() && endpoint.check().is_ok());
    let missing = endpoint.key().unwrap_err();
    assert_eq!((missing.kind, missing.billing), (FailureKind::MissingKey, Billing::NotSent));
    assert_eq!(missing.to_string(), "no Example key is set; set EXAMPLE_API_KEY");
    let bad = endpoint.with_base_url("https://me:secret@x.example").with_key("a-secret-key");
    assert!(!bad.is_public() && !format!("{bad:?}").contains("secret"));
    let error = bad.check().unwrap_err();
    assert_eq!(
        (error.kind, error.to_string().as_str()),
        (FailureKind::BadSetting, "EXAMPLE_BASE_URL can't be used")
    );
}
