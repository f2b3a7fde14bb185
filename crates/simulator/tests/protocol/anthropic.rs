//! Anthropic Messages: answers, refusals, faults.

use btcedu_simulator::{StopReason, Wrapping};

use super::*;

const REQUEST: &str =
    "Write the prompt.\n<visual_description>\nÜç düğüm bir halka kurar\n</visual_description>";

/// The text blocks of an answer.
fn text_of(answer: &Value) -> String {
    let blocks = answer["content"].as_array().unwrap().iter();
    blocks.filter(|block| block["type"] == "text").map(|block| block["text"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn an_image_prompt_is_written_from_the_request() {
    let scene = Scene::new().await;
    let response = scene.message(&claude(REQUEST)).send().await.unwrap();
    assert!(response.headers().contains_key("request-id"));
    let (status, answer) = read(response).await;
    assert_eq!(
        (status, &answer["stop_reason"], &answer["type"]),
        (200, &json!("end_turn"), &json!("message"))
    );
    assert_eq!(answer["content"][0]["type"], "thinking");
    let text = text_of(&answer);
    assert!(text.contains("Üç düğüm bir halka kurar") && text.contains("no text"), "{text}");

    let usage = &answer["usage"];
    let (tokens_in, tokens_out) =
        (usage["input_tokens"].as_i64().unwrap(), usage["output_tokens"].as_i64().unwrap());
    assert!(tokens_out * 4 > i64::try_from(text.chars().count()).unwrap());
    let stats = scene.sim.stats();
    assert_eq!((stats.text_calls, stats.text_answers, stats.billed_texts), (1, 1, 1));
    assert_eq!(stats.billed_for_texts.micros(), tokens_in * 2 + tokens_out * 10);
    let (_, again) = status_and_json(scene.message(&claude(REQUEST))).await;
    assert_eq!(text_of(&again), text);
}

#[tokio::test]
async fn a_tight_cap_cuts_the_text_or_leaves_none() {
    let scene = Scene::new().await;
    let (mut some, mut none) = (claude(REQUEST), claude(REQUEST));
    some["max_tokens"] = 40.into();
    none["max_tokens"] = 5.into();
    let (_, cut) = status_and_json(scene.message(&some)).await;
    assert_eq!((&cut["stop_reason"], &cut["usage"]["output_tokens"]), (&json!("max_tokens"), &json!(40)));
    assert!(!text_of(&cut).is_empty());
    let (_, empty) = status_and_json(scene.message(&none)).await;
    assert_eq!((text_of(&empty), &empty["stop_reason"]), (String::new(), &json!("max_tokens")));
}

#[tokio::test]
async fn what_the_model_or_the_version_refuses_is_a_400() {
    let scene = Scene::new().await;
    let with = |name: &str, value: Value| {
        let mut body = claude("x");
        body[name] = value;
        body
    };
    let prefilled = json!([{"role": "user", "content": "x"}, {"role": "assistant", "content": "{"}]);
    let cases = [
        (with("temperature", json!(0.3)), "temperature"),
        (with("top_p", json!(0.9)), "top_p"),
        (with("top_k", json!(5)), "top_k"),
        (with("seed", json!(5)), "seed"),
        (with("messages", prefilled), "prefilling"),
        (with("messages", json!([])), "messages"),
        (with("messages", json!([{"role": "user", "content": " "}])), "non-empty"),
        (with("thinking", json!({"type": "disabled"})), "thinking"),
        (with("thinking", json!({"type": "enabled", "budget_tokens": 1024})), "budget"),
        (with("tool_choice", json!({"type": "any"})), "tool_choice"),
        (with("output_config", json!({"effort": "some"})), "effort"),
        (with("output_config", json!({"format": {"type": "json"}})), "format"),
        (with("max_tokens", json!(0)), "max_tokens"),
        (with("max_tokens", json!(128_001)), "max_tokens"),
        (json!({"model": "claude-sonnet-5-5", "messages": []}), "max_tokens"),
    ];
    for (body, word) in cases {
        let (status, answer) = status_and_json(scene.message(&body)).await;
        assert_eq!((status, &answer["error"]["type"]), (400, &json!("invalid_request_error")), "{word}");
        assert_eq!(answer["type"], "error");
        assert!(answer["error"]["message"].as_str().unwrap().contains(word), "{answer}");
        assert!(answer["request_id"].is_string());
    }
    assert_eq!(scene.sim.stats().billed_texts, 0);
}

#[tokio::test]
async fn the_older_version_takes_sampling_from_older_models() {
    let scene = Scene::new().await;
    let mut body = claude("x");
    body["model"] = "claude-sonnet-4-6".into();
    body["temperature"] = json!(0.3);
    let older = |body: &Value| {
        let url = format!("{}/v1/messages", scene.sim.base_url());
        let post = scene.client.post(url).header("x-api-key", "sk-sim-1").json(body);
        post.header("anthropic-version", "2023-06-01")
    };
    assert_eq!(status_and_json(older(&body)).await.0, 200);
    body["model"] = "claude-haiku-5-5".into();
    assert_eq!(status_and_json(older(&body)).await.0, 400);
}

#[tokio::test]
async fn key_version_and_model_are_checked() {
    let scene = Scene::new().await;
    let url = format!("{}/v1/messages", scene.sim.base_url());
    let post = || scene.client.post(&url).json(&claude("x"));
    let (status, answer) = status_and_json(post().header("anthropic-version", "2026-10-21")).await;
    assert_eq!((status, &answer["error"]["type"]), (401, &json!("authentication_error")));
    let (status, answer) = status_and_json(post().header("x-api-key", "sk-sim-1")).await;
    assert_eq!((status, &answer["error"]["type"]), (400, &json!("invalid_request_error")));

    let mut body = claude("x");
    body["model"] = "claude-sonnet-9".into();
    let (status, answer) = status_and_json(scene.message(&body)).await;
    assert_eq!((status, &answer["error"]["message"]), (404, &json!("model: claude-sonnet-9")));
    body["model"] = "claude-sonnet-4-20250514".into();
    assert_eq!(status_and_json(scene.message(&body)).await.0, 200);
    let real = Scene::with(SimulatorConfig { real_world: true, ..SimulatorConfig::default() }).await;
    assert_eq!(status_and_json(real.message(&body)).await.0, 404);
}

#[tokio::test]
async fn faults_answer_as_the_provider_documents_them() {
    let cases = [
        (Fault::RateLimit { retry_after: Some(3) }, 429, "rate_limit_error", Some("3")),
        (Fault::Quota, 429, "rate_limit_error", None),
        (Fault::Status { code: 529, retry_after: None }, 529, "overloaded_error", None),
        (Fault::Status { code: 500, retry_after: None }, 500, "api_error", None),
        (Fault::WrongKey, 401, "authentication_error", None),
        (Fault::Forbidden, 403, "permission_error", None),
        (Fault::Retired, 404, "not_found_error", None),
    ];
    for (fault, status, kind, retry_after) in cases {
        let scene = Scene::with_fault(Endpoint::Messages, fault.clone()).await;
        let response = scene.message(&claude("x")).send().await.unwrap();
        let sent = response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(sent.as_deref(), retry_after, "{fault:?}");
        let (found, answer) = read(response).await;
        assert_eq!((found, &answer["error"]["type"]), (status, &json!(kind)), "{fault:?}");
        let quota = answer["error"]["details"]["error_code"] == "enforced_spend_limit_reached";
        assert_eq!(quota, fault == Fault::Quota);
        assert_eq!(scene.sim.stats().billed_texts, 0);
    }
}

#[tokio::test]
async fn texts_can_end_badly_be_empty_or_come_wrapped() {
    let scene = Scene::new().await;
    let answer_to = async |fault: Fault| {
        scene.sim.script(Rule::new(Endpoint::Messages, fault).once());
        status_and_json(scene.message(&claude(REQUEST))).await.1
    };
    let plain = text_of(&status_and_json(scene.message(&claude(REQUEST))).await.1);

    let refused = answer_to(Fault::StopReason(StopReason::Refusal)).await;
    assert_eq!((&refused["stop_reason"], &refused["content"]), (&json!("refusal"), &json!([])));
    assert!(refused["stop_details"]["category"].is_string());
    let cut = answer_to(Fault::StopReason(StopReason::MaxTokens)).await;
    assert_eq!(cut["stop_reason"], "max_tokens");
    assert!(plain.starts_with(&text_of(&cut)) && text_of(&cut).len() < plain.len());
    let empty = answer_to(Fault::EmptyText).await;
    assert_eq!((text_of(&empty).as_str(), &empty["stop_reason"]), ("", &json!("end_turn")));
    assert_eq!(text_of(&answer_to(Fault::Wrapped(Wrapping::Quotes)).await), format!("\"{plain}\""));
    assert!(text_of(&answer_to(Fault::Wrapped(Wrapping::Fence)).await).starts_with("```"));
    assert!(
        text_of(&answer_to(Fault::Wrapped(Wrapping::Preamble)).await).starts_with("Here is your prompt:")
    );
    assert_eq!(text_of(&answer_to(Fault::Text("Kendi metnim".to_owned())).await), "Kendi metnim");
    assert!(answer_to(Fault::NoUsage).await.get("usage").is_none());
}

#[tokio::test]
async fn text_models_are_listed_in_anthropics_way() {
    let scene = Scene::new().await;
    let get = |path: &str| {
        let get = scene.client.get(format!("{}{path}", scene.sim.base_url()));
        get.header("x-api-key", "sk-sim-1").header("anthropic-version", "2026-10-21")
    };
    let (_, list) = status_and_json(get("/v1/models")).await;
    assert_eq!((&list["has_more"], &list["first_id"]), (&json!(false), &list["data"][0]["id"]));
    let (_, model) = status_and_json(get("/v1/models/claude-sonnet-5-5")).await;
    assert_eq!(model["max_tokens"], 128_000);
    assert_eq!(status_and_json(get("/v1/models/none")).await.0, 404);
}
