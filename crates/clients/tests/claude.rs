//! Anthropic's Messages API as the simulator speaks it, and answers that only a gateway gives.

#![expect(clippy::unwrap_used, reason = "helpers of tests may stop them")]

use std::time::Duration;

use btcedu_catalog::ModelCatalog;
use btcedu_clients::{
    ANTHROPIC, ANTHROPIC_VERSION, ApiFailure, ClaudeClient, FailureKind, LanguageModel, StopReason,
    TextRequest,
};
use btcedu_domain::{Billing, FailureClass, Usd};
use btcedu_http::{
    Endpoint as ApiEndpoint,
    testing::{Canned, Responder},
};
use btcedu_simulator::{Endpoint, Fault, Rule, Simulator, SimulatorConfig};
use serde_json::json;

const KEY: &str = "sk-sim-0123456789abcdef";
const SONNET: &str = "claude-sonnet-5-5";

async fn simulator() -> Simulator {
    Simulator::start(SimulatorConfig::default()).await.unwrap()
}

fn client(base_url: &str) -> ClaudeClient {
    let mut endpoint = ApiEndpoint::new(&ANTHROPIC).with_key(KEY).with_base_url(base_url);
    endpoint.timeout = Duration::from_secs(2);
    with(endpoint)
}

fn with(endpoint: ApiEndpoint) -> ClaudeClient {
    ClaudeClient::new(endpoint, ModelCatalog::builtin()).unwrap()
}

fn request(model: &str) -> TextRequest {
    TextRequest::new(model, "Describe a chain of blocks as a picture.", 400)
}

async fn error_of(fault: Fault) -> (ApiFailure, u64) {
    let sim = simulator().await;
    sim.script(Rule::new(Endpoint::Messages, fault));
    let error = client(sim.base_url()).complete(&request(SONNET)).await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains(KEY));
    (error, sim.stats().text_calls)
}

async fn against(status: u16, body: &str) -> ApiFailure {
    let server = Responder::start(vec![Canned::json(status, body)]).await.unwrap();
    client(&server.url()).complete(&request(SONNET)).await.unwrap_err()
}

#[tokio::test]
async fn the_answer_is_its_text_without_the_thinking_at_the_price_of_the_bill() {
    let sim = simulator().await;
    let client = client(sim.base_url());
    for model in [SONNET, "claude-haiku-5-5", "claude-sonnet-5", "claude-sonnet-4-6", "claude-haiku-4-5"] {
        sim.reset_stats();
        let reply = client.complete(&request(model)).await.unwrap();
        assert_eq!(reply.stop_reason, StopReason::EndTurn, "{model}");
        assert!(!reply.text.trim().is_empty(), "{model}");
        assert_eq!((reply.cost, reply.cost_is_estimate), (Some(sim.stats().billed), false), "{model}");
        assert!(reply.cost <= client.estimate(&request(model)), "{model}");
        assert!(reply.usage.input_tokens > 0 && reply.usage.output_tokens > 0);
        assert!(reply.request_id.is_some_and(|id| id.starts_with("req_")));
    }
}

#[tokio::test]
async fn what_is_sent_is_what_a_dry_run_shows() {
    let sim = simulator().await;
    let client = client(sim.base_url());
    let mut asked = request(SONNET);
    asked.system = Some("Kısa yaz.".to_owned());
    asked.json_schema = Some(json!({"type": "object", "properties": {}, "additionalProperties": false}));
    client.complete(&asked).await.unwrap();
    let sent = &sim.requests()[0];
    assert_eq!(sent.headers["anthropic-version"], ANTHROPIC_VERSION);
    assert_eq!(sent.body, client.request_body(&asked));
    assert_eq!(
        sent.body,
        json!({
            "model": SONNET,
            "max_tokens": 4_400,
            "system": "Kısa yaz.",
            "messages": [{"role": "user", "content": "Describe a chain of blocks as a picture."}],
            "output_config": {
                "effort": "low",
                "format": {"type": "json_schema", "schema": asked.json_schema},
            },
        })
    );
}

#[test]
fn each_model_gets_the_parameters_that_it_takes() {
    let client = with(ApiEndpoint::new(&ANTHROPIC));
    for (model, max_tokens, effort) in [
        (SONNET, 4_400, true),
        ("claude-haiku-5-5", 4_400, true),
        ("claude-haiku-4-5", 400, false),
        ("claude-sonnet-4-6", 400, false),
        ("claude-nobody-listed-9", 4_400, false),
    ] {
        let body = client.request_body(&request(model));
        assert_eq!(body["max_tokens"], max_tokens, "{model}");
        assert_eq!(body.get("output_config").is_some(), effort, "{model}");
        for never in ["temperature", "top_p", "top_k", "thinking", "system"] {
            assert!(body.get(never).is_none(), "{model} {never}");
        }
    }
}

#[tokio::test]
async fn a_reply_says_why_it_ends() {
    use btcedu_simulator::StopReason as Sim;
    for (fault, stop_reason, has_text) in [
        (Fault::StopReason(Sim::MaxTokens), StopReason::MaxTokens, true),
        (Fault::StopReason(Sim::ModelContextWindowExceeded), StopReason::ContextWindowExceeded, true),
        (Fault::StopReason(Sim::Refusal), StopReason::Refusal, false),
        (Fault::Refuse, StopReason::Refusal, false),
        (Fault::EmptyText, StopReason::EndTurn, false),
    ] {
        let sim = simulator().await;
        sim.script(Rule::new(Endpoint::Messages, fault.clone()));
        let reply = client(sim.base_url()).complete(&request(SONNET)).await.unwrap();
        assert_eq!(reply.stop_reason, stop_reason, "{fault:?}");
        assert_eq!(!reply.text.is_empty(), has_text, "{fault:?}");
        assert_eq!(reply.refusal_category.is_some(), stop_reason == StopReason::Refusal, "{fault:?}");
    }
}

#[tokio::test]
async fn each_fault_has_its_class_and_what_is_known_of_the_money() {
    use Billing::{MaybeBilled, NotBilled};
    use FailureClass::{BadRequest, Fatal, Transient};
    let status = |code| Fault::Status { code, retry_after: None };
    for (fault, class, billing, said) in [
        (Fault::RateLimit { retry_after: Some(9) }, Transient, NotBilled, "slow down"),
        (Fault::Quota, Fatal, NotBilled, "ANTHROPIC_API_KEY"),
        (status(402), Fatal, NotBilled, "ANTHROPIC_API_KEY"),
        (Fault::WrongKey, Fatal, NotBilled, "ANTHROPIC_API_KEY"),
        (Fault::Forbidden, Fatal, NotBilled, "ANTHROPIC_API_KEY"),
        (Fault::Retired, Fatal, NotBilled, "CLAUDE_MODEL"),
        (status(400), BadRequest, NotBilled, "refused the request"),
        (status(409), Transient, NotBilled, "409"),
        (status(413), BadRequest, NotBilled, "refused the request"),
        (status(500), Transient, NotBilled, "500"),
        (status(504), Transient, MaybeBilled, "504"),
        (status(529), Transient, NotBilled, "529"),
        (Fault::Html502, Transient, MaybeBilled, "502"),
        (Fault::HangForever { billed: false }, Transient, MaybeBilled, "ANTHROPIC_BASE_URL"),
        (Fault::Reset { billed: true }, Transient, MaybeBilled, "ANTHROPIC_BASE_URL"),
        (Fault::CutOff { billed: true }, Transient, MaybeBilled, "ANTHROPIC_BASE_URL"),
    ] {
        let (error, calls) = error_of(fault.clone()).await;
        assert_eq!((error.kind.class(), error.billing), (class, billing), "{fault:?}: {error:?}");
        assert!(error.to_string().contains(said), "{fault:?}: {error}");
        assert_eq!(calls, 1, "{fault:?} is one attempt");
    }
}

#[tokio::test]
async fn limits_of_speed_and_of_money_are_told_apart() {
    let (error, _) = error_of(Fault::RateLimit { retry_after: Some(9) }).await;
    assert_eq!(error.kind, FailureKind::RateLimited);
    assert_eq!(error.retry_after, Some(Duration::from_secs(9)));
    assert!(error.request_id.is_some());
    let (error, _) = error_of(Fault::Quota).await;
    assert!(error.kind != FailureKind::RateLimited);

    let own = r#"{"type":"error","error":{"type":"invalid_request_error","message":"You have reached your specified API usage limits."}}"#;
    assert_eq!(against(400, own).await.kind, FailureKind::QuotaExhausted);
}

#[tokio::test]
async fn a_retired_model_names_its_successor() {
    let config = SimulatorConfig { real_world: true, ..SimulatorConfig::default() };
    let sim = Simulator::start(config).await.unwrap();
    let error = client(sim.base_url()).complete(&request("claude-sonnet-4-20250514")).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::ModelUnavailable);
    assert_eq!(error.kind.class(), FailureClass::Fatal);
    let said = error.to_string();
    assert!(
        said.contains("'claude-sonnet-4-20250514'") && said.contains("successor claude-sonnet-5-5"),
        "{said}"
    );
}

#[tokio::test]
async fn answers_that_no_provider_gives_are_read_too() {
    for (status, body, class, kind) in [
        (404, "<html>", FailureClass::Fatal, FailureKind::WrongAddress),
        (301, "", FailureClass::Fatal, FailureKind::WrongAddress),
        (401, "nope", FailureClass::Fatal, FailureKind::KeyRefused),
        (503, "<html>", FailureClass::Transient, FailureKind::Unavailable),
        (200, "<html>", FailureClass::Transient, FailureKind::BadAnswer),
        (200, "{}", FailureClass::Transient, FailureKind::BadAnswer),
    ] {
        let error = against(status, body).await;
        assert_eq!(error.kind.class(), class, "{status} {body}: {error:?}");
        assert_eq!(error.kind, kind, "{status} {body}: {error:?}");
    }
}

#[tokio::test]
async fn an_unlisted_model_is_called_without_a_price() {
    let body = r#"{"content":[{"type":"text","text":"hi"}],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":1}}"#;
    let server = Responder::start(vec![Canned::json(200, body)]).await.unwrap();
    let client = client(&server.url());
    let asked = request("claude-nobody-listed-9");
    assert_eq!(client.estimate(&asked), None);
    let reply = client.complete(&asked).await.unwrap();
    assert_eq!((reply.text.as_str(), reply.cost), ("hi", None));
}

#[tokio::test]
async fn a_missing_usage_leaves_the_estimate_and_says_so() {
    let body = r#"{"content":[{"type":"text","text":"hi"}],"stop_reason":"end_turn"}"#;
    let server = Responder::start(vec![Canned::json(200, body)]).await.unwrap();
    let client = client(&server.url());
    let reply = client.complete(&request(SONNET)).await.unwrap();
    assert_eq!((reply.cost, reply.cost_is_estimate), (client.estimate(&request(SONNET)), true));
    assert!(reply.cost > Some(Usd::ZERO));
}

#[tokio::test]
async fn the_base_url_may_have_a_slash_or_a_version_or_not() {
    let sim = simulator().await;
    for end in ["", "/", "/v1", "/v1/"] {
        assert!(
            client(&format!("{}{end}", sim.base_url())).complete(&request(SONNET)).await.is_ok(),
            "{end}"
        );
    }
}

#[tokio::test]
async fn a_key_can_be_checked_for_free() {
    let sim = simulator().await;
    let client = client(sim.base_url());
    assert!(client.list_models().await.unwrap().contains(&SONNET.to_owned()));
    assert_eq!((sim.stats().text_calls, sim.stats().billed), (0, Usd::ZERO));

    let endpoint = ApiEndpoint::new(&ANTHROPIC).with_base_url(sim.base_url());
    let wrong = with(endpoint.clone().with_key("sk-ant-wrong-one"));
    assert_eq!(wrong.list_models().await.unwrap_err().kind, FailureKind::KeyRefused);
    let none = with(endpoint);
    let error = none.complete(&request(SONNET)).await.unwrap_err();
    assert_eq!((error.kind.class(), error.billing), (FailureClass::Fatal, Billing::NotSent));
    assert!(error.to_string().contains("ANTHROPIC_API_KEY"));
    assert!(none.estimate(&request(SONNET)).is_some(), "a dry run needs no key");
}

#[tokio::test]
async fn no_key_is_ever_shown() {
    let key = "a-key-without-a-known-form";
    let body = format!(r#"{{"error":{{"type":"authentication_error","message":"bad x-api-key {key}"}}}}"#);
    let server = Responder::start(vec![Canned::json(401, &body)]).await.unwrap();
    let endpoint = ApiEndpoint::new(&ANTHROPIC).with_key(key).with_base_url(&server.url());
    assert!(!format!("{endpoint:?}").contains(key));
    let client = with(endpoint);
    let error = client.complete(&request(SONNET)).await.unwrap_err();
    let said = format!("{client:?} {error} {error:?}");
    assert!(said.contains("[redacted]") && !said.contains(key), "{said}");
    assert!(server.received()[0].head.contains(key), "it is sent, though");
}

#[cfg(feature = "mock")]
#[tokio::test]
async fn the_trait_can_be_mocked_behind_a_pointer() {
    use btcedu_clients::MockLanguageModel;
    use std::sync::Arc;

    let mut mock = MockLanguageModel::new();
    mock.expect_complete().returning(|_| Err(ApiFailure::new(FailureKind::MissingKey, "no key")));
    let model: Arc<dyn LanguageModel> = Arc::new(mock);
    assert!(model.complete(&request(SONNET)).await.is_err());
}

#[tokio::test]
async fn each_failure_says_what_happened_and_what_to_do() {
    for (status, error_type, words) in [
        (401, "authentication_error", "Anthropic refused the key: m.; check ANTHROPIC_API_KEY"),
        (
            403,
            "permission_error",
            "Anthropic denied access: m.; check what the key in ANTHROPIC_API_KEY may do",
        ),
        (
            402,
            "billing_error",
            "Anthropic's spend limit or credit is used up: m.; add credit or raise the limit in the account of ANTHROPIC_API_KEY, then run again",
        ),
        (
            404,
            "not_found_error",
            "text model 'claude-sonnet-5-5' is not served: m.; set CLAUDE_MODEL, or the model in the prompt template",
        ),
        (429, "rate_limit_error", "Anthropic asks to slow down: m.; try again later"),
        (429, "api_error", "Anthropic asks to slow down: m.; try again later"),
        (529, "overloaded_error", "Anthropic's side failed with status 529: m.; try again later"),
        (400, "timeout_error", "Anthropic's side failed with status 400: m.; try again later"),
        (
            400,
            "invalid_request_error",
            "Anthropic refused the request: m.; check the prompt template and its model",
        ),
    ] {
        let body = format!(r#"{{"error":{{"type":"{error_type}","message":"m."}}}}"#);
        assert_eq!(against(status, &body).await.to_string(), words, "{status} {error_type}");
    }
    for (status, body, words) in [
        (
            500,
            r#"{"error":"text"}"#,
            "Anthropic's side failed with status 500: no reason was given; try again later",
        ),
        (
            200,
            r#"{"content":1}"#,
            "Anthropic's answer can't be read: it has no list 'content'; it may be billed all the same",
        ),
    ] {
        assert_eq!(against(status, body).await.to_string(), words, "{status} {body}");
    }
    assert_eq!(against(503, r#"{"request_id":"req_1"}"#).await.request_id.as_deref(), Some("req_1"));
}
