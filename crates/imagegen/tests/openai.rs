//! `OpenAI`'s Images API as the simulator speaks it: both families, both answers, each fault.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may stop them")]

use std::time::Duration;

use btcedu_domain::{Billing, FailureClass, Usd};
use btcedu_imagegen::{
    FailureKind, GeneratedImage, ImageGenError, ImageGenService, ImageOutcome, ImageRequest, ModelCheck,
    OpenAiConfig, OpenAiImages,
};
use btcedu_simulator::{Endpoint, Fault, Rule, Simulator, SimulatorConfig};

const KEY: &str = "sk-sim-0123456789abcdef";
const FLARE: &str = "gpt-image-2.6-flare";

async fn simulator() -> Simulator {
    Simulator::start(SimulatorConfig::default()).await.unwrap()
}

fn config(base_url: &str) -> OpenAiConfig {
    OpenAiConfig::default().with_key(KEY).with_base_url(base_url)
}

fn service(sim: &Simulator) -> OpenAiImages {
    OpenAiImages::new(config(sim.base_url())).unwrap()
}

async fn picture(service: &OpenAiImages, request: &ImageRequest) -> GeneratedImage {
    match service.generate_image(request).await.unwrap() {
        ImageOutcome::Generated(picture) => picture,
        ImageOutcome::Rejected(rejection) => panic!("{rejection:?}"),
    }
}

/// Scripts a fault, asks for one picture, and returns the error and how many calls arrived.
async fn error_of(fault: Fault, model: &str) -> (ImageGenError, u64) {
    let sim = simulator().await;
    sim.script(Rule::new(Endpoint::Images, fault));
    let service = OpenAiImages::new(config(sim.base_url()).with_timeout(Duration::from_secs(2))).unwrap();
    let request = service.request(model, "a coin").unwrap();
    let error = service.generate_image(&request).await.unwrap_err();
    let said = format!("{error} {error:?} {service:?}");
    assert!(!said.contains(KEY) && !said.contains("Bearer"), "{said}");
    (error, sim.stats().image_calls)
}

#[tokio::test]
async fn dall_e_3_answers_with_a_picture_at_the_price_of_the_table() {
    let sim = simulator().await;
    let service = service(&sim);
    let mut request = service.request("dall-e-3", "Bir blok zinciri, ğüşıöç").unwrap();
    request.style = Some("natural".to_owned());
    let got = picture(&service, &request).await;
    assert_eq!((got.media_type.as_str(), got.size.as_str()), ("image/png", "1792x1024"));
    assert_eq!((got.cost, got.cost_is_estimate, got.usage), (Usd::from_micros(80_000), false, None));
    assert_eq!((got.prompt.as_str(), got.model.as_str()), ("Bir blok zinciri, ğüşıöç", "dall-e-3"));
    assert!(got.revised_prompt.is_some_and(|revised| revised.contains("ğüşıöç")));
    assert!(got.request_id.is_some_and(|id| id.starts_with("req_")));
    assert_eq!(sim.requests()[0].body, service.request_body(&request), "a dry run shows what is sent");
    assert_eq!(sim.requests()[0].body["response_format"], "b64_json");
    assert_eq!(sim.requests()[0].body["style"], "natural");
}

#[tokio::test]
async fn gpt_image_is_paid_by_its_usage() {
    let sim = simulator().await;
    let service = service(&sim);
    let mut request = service.request(FLARE, "a chain of blocks").unwrap();
    request.style = Some("vivid".to_owned());
    let got = picture(&service, &request).await;
    assert_eq!((got.size.as_str(), got.cost_is_estimate, got.revised_prompt), ("1536x864", false, None));
    assert_eq!(got.cost, sim.stats().billed, "to the micro-dollar");
    assert!(got.usage.is_some_and(|usage| usage.output_tokens > 0 && usage.input_tokens > 0));
    assert!(got.cost <= service.estimate(&request).unwrap());
    assert!(sim.requests()[0].body.get("style").is_none(), "only sent to models that take one");
    assert_eq!(sim.requests()[0].body["output_format"], "png");
}

#[tokio::test]
async fn an_estimate_covers_the_bill_for_every_model_size_and_quality() {
    let sim = simulator().await;
    let service = service(&sim);
    for (model, sizes, qualities) in [
        ("dall-e-3", &["1024x1024", "1024x1792"][..], &["standard", "hd"][..]),
        ("gpt-image-1", &["1536x1024"], &["medium"]),
        ("gpt-image-1-mini", &["1024x1024", "1536x1024"], &["low", "high"]),
        ("gpt-image-1.5-2025-12-16", &["1024x1024", "1024x1536"], &["low", "medium"]),
        ("gpt-image-2", &["1024x640", "1536x864"], &["low", "medium"]),
        ("gpt-image-2.5-flare", &["1536x864"], &["low", "xhigh"]),
        ("gpt-image-2.6-sunburst", &["1280x720"], &["low", "max"]),
    ] {
        for size in sizes {
            for quality in qualities {
                let request = ImageRequest {
                    size: (*size).to_owned(),
                    quality: (*quality).to_owned(),
                    ..service.request(model, "Altın bir zincir halkası").unwrap()
                };
                sim.reset_stats();
                let got = picture(&service, &request).await;
                assert_eq!(got.cost, sim.stats().billed, "{model} {size} {quality}");
                let estimate = service.estimate(&request).unwrap();
                assert!(got.cost <= estimate, "{model} {size} {quality}: {} > {estimate}", got.cost);
            }
        }
    }
}

#[tokio::test]
async fn a_url_is_fetched_within_the_attempt() {
    let sim = simulator().await;
    sim.script(Rule::new(Endpoint::Images, Fault::AsUrl { url: None }));
    sim.script(Rule::new(Endpoint::Download, Fault::CutOff { billed: false }).once());
    let service = service(&sim);
    let got = picture(&service, &service.request("dall-e-3", "a coin").unwrap()).await;
    assert_eq!(got.media_type, "image/png");
    assert_eq!((sim.stats().image_calls, sim.stats().downloads), (1, 2), "only the download is repeated");
}

#[tokio::test]
async fn a_download_from_elsewhere_is_refused_and_may_be_billed() {
    for url in ["http://example.com/x.png", "https://127.0.0.1:1/x.png", "https://10.0.0.1/x.png", "nonsense"]
    {
        let (error, calls) = error_of(Fault::AsUrl { url: Some(url.to_owned()) }, "dall-e-3").await;
        assert!(error.to_string().contains("made but not fetched"), "{error:?}");
        assert_eq!((error.kind.class(), error.billing), (FailureClass::Fatal, Billing::MaybeBilled), "{url}");
        assert_eq!(calls, 1);
    }
    let sim = simulator().await;
    sim.script(Rule::new(Endpoint::Images, Fault::AsUrl { url: None }));
    sim.script(Rule::new(Endpoint::Download, Fault::Redirect { to: "https://example.com/x.png".to_owned() }));
    let service = service(&sim);
    let error = service.generate_image(&service.request("dall-e-3", "a coin").unwrap()).await.unwrap_err();
    assert_eq!((error.kind.class(), error.billing), (FailureClass::Fatal, Billing::MaybeBilled));
    assert_eq!(sim.stats().downloads, 1);
}

#[tokio::test]
async fn an_answer_over_the_size_limit_is_dropped() {
    const MIB: u64 = 1024 * 1024;
    let (error, _) = error_of(Fault::Oversized { bytes: 90 * MIB }, FLARE).await;
    assert_eq!(
        (error.kind.class(), error.billing),
        (FailureClass::Transient, Billing::MaybeBilled),
        "{error:?}"
    );
    let sim = simulator().await;
    sim.script(Rule::new(Endpoint::Images, Fault::AsUrl { url: None }));
    sim.script(Rule::new(Endpoint::Download, Fault::Oversized { bytes: 65 * MIB }));
    let service = service(&sim);
    let error = service.generate_image(&service.request(FLARE, "a coin").unwrap()).await.unwrap_err();
    assert!(error.to_string().contains("made but not fetched"), "{error:?}");
    assert_eq!(
        (error.kind.class(), error.billing),
        (FailureClass::Transient, Billing::MaybeBilled),
        "{error:?}"
    );
    assert_eq!(sim.stats().downloads, 1, "the next try would be as large");
}

#[tokio::test]
async fn a_missing_usage_leaves_the_estimate_and_says_so() {
    let sim = simulator().await;
    sim.script(Rule::new(Endpoint::Images, Fault::NoUsage));
    let service = service(&sim);
    let request = service.request(FLARE, "a coin").unwrap();
    let got = picture(&service, &request).await;
    assert_eq!((Some(got.cost), got.cost_is_estimate), (service.estimate(&request), true));
}

#[tokio::test]
async fn a_refusal_is_an_outcome_and_costs_what_its_usage_says() {
    for (model, fault, code, paid) in [
        ("dall-e-3", Fault::Refuse, "content_policy_violation", false),
        (FLARE, Fault::Refuse, "moderation_blocked", false),
        (FLARE, Fault::RefuseOutput, "moderation_blocked", true),
    ] {
        let sim = simulator().await;
        sim.script(Rule::new(Endpoint::Images, fault));
        let service = service(&sim);
        let request = service.request(model, "a coin").unwrap();
        let ImageOutcome::Rejected(rejection) = service.generate_image(&request).await.unwrap() else {
            panic!("{model} made a picture");
        };
        assert_eq!(rejection.code.as_deref(), Some(code));
        assert!(rejection.reason.contains("safety system"), "{}", rejection.reason);
        assert_eq!(rejection.cost, sim.stats().billed);
        assert_eq!(rejection.cost > Usd::ZERO, paid, "{model} {code}");
        assert!(rejection.request_id.is_some());
    }
}

#[tokio::test]
async fn each_fault_has_its_class_and_what_is_known_of_the_money() {
    use Billing::{MaybeBilled, NotBilled};
    use FailureClass::{Fatal, Transient};
    let status = |code| Fault::Status { code, retry_after: None };
    for (fault, class, billing, said) in [
        (Fault::RateLimit { retry_after: None }, Transient, NotBilled, "IMAGE_GEN_PER_MINUTE"),
        (Fault::Quota, Fatal, NotBilled, "OPENAI_API_KEY"),
        (Fault::WrongKey, Fatal, NotBilled, "OPENAI_API_KEY"),
        (Fault::Forbidden, Fatal, NotBilled, "IMAGE_GEN_MODEL"),
        (Fault::Retired, Fatal, NotBilled, "IMAGE_GEN_MODEL to its successor gpt-image-2.6-flare"),
        (Fault::ModelNotFound, Fatal, NotBilled, "IMAGE_GEN_MODEL"),
        (status(400), FailureClass::BadRequest, NotBilled, "refused the request"),
        (status(408), Transient, NotBilled, "408"),
        (status(409), Transient, NotBilled, "409"),
        (status(500), Transient, NotBilled, "500"),
        (status(502), Transient, MaybeBilled, "502"),
        (status(503), Transient, NotBilled, "503"),
        (status(504), Transient, MaybeBilled, "504"),
        (status(529), Transient, NotBilled, "529"),
        (Fault::Html502, Transient, MaybeBilled, "502"),
        (Fault::HangForever { billed: false }, Transient, MaybeBilled, "IMAGE_GEN_TIMEOUT_SECONDS"),
        (Fault::Reset { billed: true }, Transient, MaybeBilled, "OPENAI_BASE_URL"),
        (Fault::CutOff { billed: true }, Transient, MaybeBilled, "OPENAI_BASE_URL"),
        (Fault::EmptyData, Transient, MaybeBilled, "'data' is empty"),
    ] {
        let (error, calls) = error_of(fault.clone(), "gpt-image-1.5").await;
        assert_eq!((error.kind.class(), error.billing), (class, billing), "{fault:?}: {error:?}");
        assert!(error.to_string().contains(said), "{fault:?}: {error}");
        assert_eq!(calls, 1, "{fault:?} is one attempt");
    }
}

#[tokio::test]
async fn a_rate_limit_says_how_long_to_wait() {
    for (retry_after, wait) in [(Some(17), Some(Duration::from_secs(17))), (None, None)] {
        let (error, _) = error_of(Fault::RateLimit { retry_after }, FLARE).await;
        assert_eq!(error.kind, FailureKind::RateLimited);
        assert_eq!(error.retry_after, wait);
        assert!(error.request_id.is_some());
    }
    let (error, _) = error_of(Fault::Quota, FLARE).await;
    assert!(error.kind != FailureKind::RateLimited, "waiting doesn't fill an account");
    let (error, _) = error_of(Fault::Status { code: 503, retry_after: Some(3) }, FLARE).await;
    assert_eq!(error.retry_after, Some(Duration::from_secs(3)));
}

#[tokio::test]
async fn bytes_that_are_no_picture_are_left_to_the_caller() {
    let sim = simulator().await;
    sim.script(Rule::new(Endpoint::Images, Fault::NotAPicture));
    let service = service(&sim);
    let got = picture(&service, &service.request(FLARE, "a coin").unwrap()).await;
    assert_eq!(got.media_type, "application/octet-stream");
    assert!(got.cost > Usd::ZERO, "it is billed all the same");
}

#[tokio::test]
async fn a_prompt_that_is_too_long_is_a_bad_request() {
    let sim = simulator().await;
    let service = service(&sim);
    let request = service.request("dall-e-3", &"x".repeat(4_001)).unwrap();
    let error = service.generate_image(&request).await.unwrap_err();
    assert_eq!((error.kind.class(), error.billing), (FailureClass::BadRequest, Billing::NotBilled));
}

#[tokio::test]
async fn the_base_url_may_have_a_slash_or_a_version_or_not() {
    let sim = simulator().await;
    for end in ["", "/", "/v1", "/v1/"] {
        let service = OpenAiImages::new(config(&format!("{}{end}", sim.base_url()))).unwrap();
        picture(&service, &service.request("dall-e-3", "a coin").unwrap()).await;
    }
    let service = OpenAiImages::new(config(&format!("{}/elsewhere", sim.base_url()))).unwrap();
    let error = service.generate_image(&service.request("dall-e-3", "a coin").unwrap()).await.unwrap_err();
    assert_eq!((error.kind, error.status), (FailureKind::WrongAddress, Some(404)));
    assert_eq!(error.kind.class(), FailureClass::Fatal);
    assert!(error.to_string().contains("OPENAI_BASE_URL"));
}

#[tokio::test]
async fn check_model_asks_the_public_api_only() {
    let sim =
        Simulator::start(SimulatorConfig { real_world: true, ..SimulatorConfig::default() }).await.unwrap();
    let here = service(&sim);
    assert_eq!(here.check_model("dall-e-3").await.unwrap(), ModelCheck::NotChecked);
    assert_eq!(sim.stats().model_calls, 0);

    let retired =
        ModelCheck::Retired { since: Some("2026-05-12".parse().unwrap()), successor: Some(FLARE.to_owned()) };
    assert_eq!(here.ask_about_model("dall-e-3").await.unwrap(), retired);
    assert_eq!(here.ask_about_model("gpt-image-77").await.unwrap(), ModelCheck::Missing);
    assert_eq!(here.ask_about_model("../files").await.unwrap(), ModelCheck::Missing);
    let until =
        |date: Option<&str>| ModelCheck::Available { shutdown_date: date.map(|d| d.parse().unwrap()) };
    assert_eq!(here.ask_about_model("gpt-image-1.5").await.unwrap(), until(Some("2026-12-01")));
    assert_eq!(here.ask_about_model(FLARE).await.unwrap(), until(None));
    let listed = here.list_models().await.unwrap();
    assert!(listed.iter().any(|model| model.id == FLARE && model.shutdown_date.is_none()));
    assert!(listed.iter().all(|model| model.id != "dall-e-3"));

    sim.script(Rule::new(Endpoint::Models, Fault::Retired).when_prompt_contains(FLARE));
    assert!(matches!(here.ask_about_model(FLARE).await.unwrap(), ModelCheck::Retired { since: Some(_), .. }));
    sim.clear_rules();
    sim.script(Rule::new(Endpoint::Models, Fault::WrongKey));
    assert_eq!(here.list_models().await.unwrap_err().kind, FailureKind::KeyRefused);

    // The catalogue's date is enough on the public API: nothing is sent, not even the key.
    let public = OpenAiImages::new(OpenAiConfig::default()).unwrap();
    assert_eq!(public.check_model("dall-e-3").await.unwrap(), retired);
}

#[tokio::test]
async fn a_dropped_call_is_cancelled() {
    let sim = simulator().await;
    sim.script(Rule::new(Endpoint::Images, Fault::HangForever { billed: false }));
    let service = service(&sim);
    let request = service.request(FLARE, "a coin").unwrap();
    let mut call = service.generate_image(&request);
    while sim.stats().images_in_flight == 0 {
        let turn = tokio::time::timeout(Duration::from_millis(5), &mut call);
        assert!(turn.await.is_err(), "the simulator hangs");
    }
    drop(call);
    while sim.stats().images_in_flight > 0 {
        tokio::task::yield_now().await;
    }
}
