//! What needs no network, and answers that only an unusual gateway gives.

#![expect(clippy::unwrap_used, reason = "helpers of tests may stop them")]

use btcedu_domain::{Billing, FailureClass, Usd};
use btcedu_http::testing::{Canned, Responder};
use btcedu_imagegen::{
    FailureKind, ImageGenError, ImageGenService, ImageOutcome, ImageRequest, OpenAiConfig, OpenAiImages,
};

const KEY: &str = "gateway-key-without-a-known-form";

fn offline() -> OpenAiImages {
    OpenAiImages::new(OpenAiConfig::default().with_key(KEY)).unwrap()
}

async fn against(canned: Canned, model: &str) -> (Result<ImageOutcome, ImageGenError>, usize) {
    let server = Responder::start(vec![canned]).await.unwrap();
    let config = OpenAiConfig::default().with_key(KEY).with_base_url(&server.url());
    let service = OpenAiImages::new(config).unwrap();
    let request = service.request(model, "a coin").unwrap();
    let result = service.generate_image(&request).await;
    let said = match &result {
        Ok(outcome) => format!("{outcome:?}"),
        Err(error) => format!("{error} {error:?}"),
    };
    assert!(!said.contains(KEY), "{said}");
    (result, server.received().len())
}

#[tokio::test]
async fn without_a_key_everything_works_but_sending() {
    let service = OpenAiImages::new(OpenAiConfig::default().with_key("  ")).unwrap();
    let request = service.request("gpt-image-2.6-flare", "a coin").unwrap();
    assert!(service.estimate(&request).is_some());
    assert_eq!(service.request_body(&request)["model"], "gpt-image-2.6-flare");
    let error = service.generate_image(&request).await.unwrap_err();
    assert_eq!((error.kind.class(), error.billing), (FailureClass::Fatal, Billing::NotSent));
    assert!(error.to_string().contains("OPENAI_API_KEY"));
}

#[tokio::test]
async fn a_request_without_a_price_is_not_sent() {
    let service = offline();
    let error = service.request("gpt-image-99", "a coin").unwrap_err();
    assert_eq!(error.kind, FailureKind::BadSetting);
    assert!(error.source.is_some_and(|source| source.is::<btcedu_catalog::CatalogError>()));
    let good = service.request("gpt-image-2", "a coin").unwrap();
    for (bad, said) in [
        (ImageRequest { size: "auto".to_owned(), ..good.clone() }, "IMAGE_GEN_SIZE 'auto'"),
        (ImageRequest { quality: "ultra".to_owned(), ..good.clone() }, "IMAGE_GEN_QUALITY 'ultra'"),
    ] {
        let error = service.generate_image(&bad).await.unwrap_err();
        assert_eq!((error.kind.class(), error.billing), (FailureClass::Fatal, Billing::NotSent));
        assert!(error.to_string().contains(said), "{error}");
    }
    assert_eq!(service.estimate(&ImageRequest { model: "gpt-image-99".to_owned(), ..good }), None);
}

#[test]
fn a_price_makes_an_unlisted_model_usable_in_the_shape_of_its_family() {
    let config = OpenAiConfig::default().with_price_usd(0.05).unwrap();
    let service = OpenAiImages::new(config).unwrap();
    let request = service.request("gpt-image-99", "a coin").unwrap();
    assert_eq!(service.estimate(&request), Some(Usd::from_micros(50_000)));
    assert_eq!(service.request_body(&request)["output_format"], "png");
    let old = service.request("dall-e-9", "a coin").unwrap();
    assert_eq!(service.request_body(&old)["response_format"], "b64_json");
    assert!(OpenAiConfig::default().with_price_usd(-1.0).is_err());
}

#[test]
fn a_bad_base_url_is_named_by_its_setting() {
    for base in ["nonsense", "http://203.0.113.9.example:x", "https://me:secret@x.example", "http://8.8.8.8"]
    {
        let error = OpenAiImages::new(OpenAiConfig::default().with_base_url(base)).unwrap_err();
        assert_eq!((error.kind.class(), error.billing), (FailureClass::Fatal, Billing::NotSent));
        assert!(error.to_string().contains("OPENAI_BASE_URL"));
        assert!(!format!("{error:?}").contains("secret"));
    }
}

#[test]
fn a_key_is_in_no_debug_output() {
    let config = OpenAiConfig::default().with_key(KEY).with_base_url("https://x.example/?token=abc");
    assert!(!format!("{config:?}").contains(KEY) && !format!("{config:?}").contains("abc"));
    let service = OpenAiImages::new(config).unwrap();
    assert!(!format!("{service:?}").contains(KEY) && !format!("{service:?}").contains("abc"));
}

#[tokio::test]
async fn a_key_in_the_providers_answer_is_removed() {
    let body = format!(
        r#"{{"error":{{"message":"Incorrect API key provided: {KEY}, or sk-proj-a*****z","code":"invalid_api_key"}}}}"#
    );
    let (result, calls) = against(Canned::json(401, &body), "dall-e-3").await;
    let error = result.unwrap_err();
    assert!(error.to_string().contains("provided: [redacted], or [redacted]"), "{error}");
    assert_eq!(calls, 1);
}

#[tokio::test]
async fn the_code_counts_before_type_and_status() {
    use FailureClass::{Fatal, Transient};
    use FailureKind::{
        AccessDenied, BadAnswer, BadRequest, KeyRefused, ModelUnavailable, QuotaExhausted, RateLimited,
        Unavailable, WrongAddress,
    };
    let error = |fields: &str| format!(r#"{{"error":{{"message":"m",{fields}}}}}"#);
    for (status, body, class, kind) in [
        (429, error(r#""type":"insufficient_quota","code":"something_new""#), Fatal, QuotaExhausted),
        (429, error(r#""type":"requests","code":"project_spend_limit_exceeded""#), Fatal, QuotaExhausted),
        (400, error(r#""code":"billing_hard_limit_reached""#), Fatal, QuotaExhausted),
        (429, error(r#""type":"requests","code":"slow_down""#), Transient, RateLimited),
        (429, "<html>".to_owned(), Transient, RateLimited),
        (400, error(r#""code":"model_not_found""#), Fatal, ModelUnavailable),
        (403, error(r#""code":"model_not_found""#), Fatal, ModelUnavailable),
        (400, error(r#""code":"invalid_value","param":"model""#), Fatal, ModelUnavailable),
        (400, error(r#""code":"invalid_value","param":"size""#), FailureClass::BadRequest, BadRequest),
        (401, "nope".to_owned(), Fatal, KeyRefused),
        (402, String::new(), Fatal, QuotaExhausted),
        (403, "<html>".to_owned(), Fatal, AccessDenied),
        (404, "<html>".to_owned(), Fatal, WrongAddress),
        (404, error(r#""code":null"#), Fatal, WrongAddress),
        (405, String::new(), Fatal, WrongAddress),
        (307, String::new(), Fatal, WrongAddress),
        (413, error(r#""type":"server_error""#), FailureClass::BadRequest, BadRequest),
        (500, "<html>".to_owned(), Transient, Unavailable),
        (520, String::new(), Transient, Unavailable),
        (200, "<html>captive portal".to_owned(), Transient, BadAnswer),
        (200, r#"{"data":[{"b64_json":""}]}"#.to_owned(), Transient, BadAnswer),
    ] {
        let (result, calls) = against(Canned::json(status, &body), "dall-e-3").await;
        let error = result.unwrap_err();
        assert_eq!(error.kind.class(), class, "{status} {body}: {error:?}");
        assert_eq!(error.kind, kind, "{status} {body}: {error:?}");
        assert_eq!(calls, 1, "one attempt");
        let from_between = status >= 500 || status == 200;
        assert_eq!(error.billing == Billing::MaybeBilled, from_between, "{status} {body}");
    }
}

#[tokio::test]
async fn the_words_of_the_safety_system_are_enough() {
    let body = r#"{"error":{"message":"Your request was rejected as a result of our safety system.","type":"invalid_request_error","param":null,"code":null}}"#;
    let (result, _) = against(Canned::json(400, body), "dall-e-3").await;
    assert!(matches!(result, Ok(ImageOutcome::Rejected(_))), "{result:?}");
    let (result, _) = against(Canned::json(500, body), "dall-e-3").await;
    assert_eq!(result.unwrap_err().kind, FailureKind::Unavailable, "only a 400 refuses");
}

#[cfg(feature = "mock")]
#[tokio::test]
async fn the_trait_can_be_mocked_behind_a_pointer() {
    use btcedu_imagegen::MockImageGenService;
    use std::sync::Arc;

    let mut mock = MockImageGenService::new();
    mock.expect_estimate().return_const(Some(Usd::from_micros(1)));
    mock.expect_generate_image().returning(|_| Err(ImageGenError::new(FailureKind::MissingKey, "no key")));
    let service: Arc<dyn ImageGenService> = Arc::new(mock);
    let request = offline().request("gpt-image-2", "a coin").unwrap();
    assert_eq!(service.estimate(&request), Some(Usd::from_micros(1)));
    assert!(service.generate_image(&request).await.is_err());
}

#[tokio::test]
async fn each_failure_says_what_happened_and_what_to_do() {
    let said = r#""message":"m.""#;
    for (status, fields, words) in [
        (401, "", "OpenAI refused the key: m.; check OPENAI_API_KEY"),
        (
            403,
            "",
            "OpenAI denied access: m.; check the organization behind OPENAI_API_KEY, or set IMAGE_GEN_MODEL to a model that it may use",
        ),
        (
            402,
            "",
            "OpenAI's quota is used up: m.; add credit or raise the limit in the account of OPENAI_API_KEY, then run again",
        ),
        (
            404,
            r#","code":"model_not_found""#,
            "image model 'gpt-image-1.5' is not served: m.; set IMAGE_GEN_MODEL to its successor gpt-image-2.6-flare",
        ),
        (429, "", "OpenAI asks to slow down: m.; lower IMAGE_GEN_CONCURRENCY or set IMAGE_GEN_PER_MINUTE"),
        (503, "", "OpenAI's side failed with status 503: m.; try again later"),
        (400, "", "OpenAI refused the request: m.; check the chapter's prompt and the image settings"),
        (
            400,
            r#","param":"size""#,
            "OpenAI refused the request: m.; set IMAGE_GEN_SIZE to what the model takes",
        ),
        (
            400,
            r#","param":"quality""#,
            "OpenAI refused the request: m.; set IMAGE_GEN_QUALITY to what the model takes",
        ),
        (
            404,
            r#","code":"x","param":"prompt""#,
            "OpenAI refused the request: m.; change the chapter's prompt",
        ),
    ] {
        let body = format!(r#"{{"error":{{{said}{fields}}}}}"#);
        let (result, _) = against(Canned::json(status, &body), "gpt-image-1.5").await;
        assert_eq!(result.unwrap_err().to_string(), words, "{status} {fields}");
    }
    for (status, body, words) in [
        (
            500,
            r#"{"error":"plain text"}"#,
            "OpenAI's side failed with status 500: plain text; try again later",
        ),
        (500, "<html>", "OpenAI's side failed with status 500: no reason was given; try again later"),
        (
            200,
            r#"{"data":[]}"#,
            "OpenAI's answer holds no picture: its list 'data' is empty; it may be billed all the same",
        ),
    ] {
        let (result, _) = against(Canned::json(status, body), "gpt-image-2").await;
        assert_eq!(result.unwrap_err().to_string(), words, "{status} {body}");
    }
}

#[tokio::test]
async fn a_failure_of_the_network_has_its_causes() {
    let server = Responder::start(vec![
        Canned::Close,
        Canned::json(302, ""),
        Canned::json(200, r#"{"data":[{"url":"http://example.com/x"}]}"#),
    ])
    .await
    .unwrap();
    let host = server.url().trim_start_matches("http://").to_owned();
    let service =
        OpenAiImages::new(OpenAiConfig::default().with_key(KEY).with_base_url(&server.url())).unwrap();
    let request = service.request("gpt-image-2", "a coin").unwrap();
    for (words, cause) in [
        (
            "the call of the Images API failed; check OPENAI_BASE_URL if it stays so".to_owned(),
            format!(
                "the connection to {host} broke before the whole answer was there; it may have done the work"
            ),
        ),
        (
            format!("{host} answered with status 302 where the Images API should be; check OPENAI_BASE_URL"),
            String::new(),
        ),
        (
            "the picture was made but not fetched".to_owned(),
            "example.com was refused: only https is allowed; check the base URL".to_owned(),
        ),
    ] {
        let error = service.generate_image(&request).await.unwrap_err();
        let below = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        assert_eq!((error.to_string(), below), (words, cause));
    }
    let error = OpenAiImages::new(OpenAiConfig::default().with_base_url("x")).unwrap_err();
    assert_eq!(error.to_string(), "OPENAI_BASE_URL can't be used");
    let below = std::error::Error::source(&error).map(ToString::to_string);
    assert_eq!(
        below.as_deref(),
        Some("it is not an http or https URL; write it like https://api.example.com/v1")
    );
}
