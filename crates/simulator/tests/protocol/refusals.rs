//! What the real image API refuses, and the faults that answer in place of a picture.

use super::*;

/// Status, type, code and param of an error answer.
fn told(status: u16, answer: &Value) -> (u16, &str, &str, &str) {
    let field = |name: &str| answer["error"][name].as_str().unwrap_or("-");
    (status, field("type"), field("code"), field("param"))
}

#[tokio::test]
async fn bad_fields_are_refused_by_name() {
    let scene = Scene::new().await;
    let mini = |extra: Value| {
        let mut body = json!({"model": "gpt-image-1-mini", "prompt": "x"});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        body
    };
    let with = |mut body: Value, name: &str, value: Value| {
        body[name] = value;
        body
    };
    let cases = [
        (with(dall_e_3("x"), "size", json!("1536x864")), "invalid_value", "size"),
        (with(dall_e_3("x"), "size", json!("auto")), "invalid_value", "size"),
        (with(dall_e_3("x"), "quality", json!("high")), "invalid_value", "quality"),
        (with(dall_e_3("x"), "style", json!("flat")), "invalid_value", "style"),
        (with(dall_e_3("x"), "n", json!(2)), "invalid_value", "n"),
        (with(dall_e_3("x"), "output_format", json!("png")), "unknown_parameter", "output_format"),
        (with(dall_e_3("x"), "seed", json!(1)), "unknown_parameter", "seed"),
        (dall_e_3(&"ş".repeat(4001)), "string_above_max_length", "prompt"),
        (dall_e_3("  "), "empty_string", "prompt"),
        (json!({"model": "dall-e-3"}), "missing_required_parameter", "prompt"),
        (mini(json!({"size": "1536x864"})), "invalid_value", "size"),
        (mini(json!({"quality": "xhigh"})), "invalid_value", "quality"),
        (mini(json!({"response_format": "b64_json"})), "unknown_parameter", "response_format"),
        (mini(json!({"style": "vivid"})), "unknown_parameter", "style"),
        (mini(json!({"complexity": "low"})), "unknown_parameter", "complexity"),
        (mini(json!({"n": 11})), "invalid_value", "n"),
        (mini(json!({"output_compression": 50})), "invalid_value", "output_compression"),
        (mini(json!({"output_format": "jpeg", "background": "transparent"})), "invalid_value", "background"),
        (with(gpt("x"), "size", json!("1530x864")), "invalid_value", "size"),
        (with(gpt("x"), "quality", json!("standard")), "invalid_value", "quality"),
        (with(gpt("x"), "prompt", json!(7)), "invalid_type", "prompt"),
        (gpt(&"x".repeat(32_001)), "string_above_max_length", "prompt"),
    ];
    for (body, code, param) in cases {
        let (status, answer) = status_and_json(scene.image(&body)).await;
        assert_eq!(told(status, &answer), (400, "invalid_request_error", code, param));
    }
    assert_eq!(scene.sim.stats().billed_images, 0);
}

#[tokio::test]
async fn limits_themselves_are_taken() {
    let scene = Scene::new().await;
    for body in [dall_e_3(&"ş".repeat(4000)), gpt(&"x".repeat(32_000))] {
        assert_eq!(status_and_json(scene.image(&body)).await.0, 200);
    }
}

#[tokio::test]
async fn a_missing_or_wrong_key_is_a_401() {
    let scene = Scene::new().await;
    let url = format!("{}/v1/images/generations", scene.sim.base_url());
    let (status, answer) = status_and_json(scene.client.post(&url).json(&gpt("x"))).await;
    assert_eq!((status, &answer["error"]["code"]), (401, &Value::Null));
    let wrong = scene.client.post(&url).bearer_auth("sk-proj-1").json(&gpt("x"));
    let (status, answer) = status_and_json(wrong).await;
    assert_eq!(told(status, &answer), (401, "invalid_request_error", "invalid_api_key", "-"));
}

#[tokio::test]
async fn faults_answer_as_the_provider_documents_them() {
    let limit = |retry_after| Fault::RateLimit { retry_after };
    let status = |code| Fault::Status { code, retry_after: None };
    let cases = [
        (limit(None), (429, "rate_limit_error", "rate_limit_exceeded", "-")),
        (Fault::Quota, (429, "insufficient_quota", "insufficient_quota", "-")),
        (status(500), (500, "server_error", "-", "-")),
        (status(503), (503, "service_unavailable_error", "server_is_overloaded", "-")),
        (Fault::WrongKey, (401, "invalid_request_error", "invalid_api_key", "-")),
        (Fault::Forbidden, (403, "invalid_request_error", "-", "-")),
        (Fault::Retired, (404, "invalid_request_error", "model_not_found", "-")),
        (Fault::ModelNotFound, (404, "invalid_request_error", "model_not_found", "-")),
        (Fault::Refuse, (400, "image_generation_user_error", "moderation_blocked", "-")),
    ];
    for (fault, expected) in cases {
        let scene = Scene::with_fault(Endpoint::Images, fault.clone()).await;
        let (status, answer) = status_and_json(scene.image(&gpt("x"))).await;
        assert_eq!(told(status, &answer), expected, "{fault:?}");
        let stats = scene.sim.stats();
        assert_eq!((stats.image_calls, stats.image_answers, stats.billed_images), (1, 0, 0), "{fault:?}");
        assert_eq!(stats.statuses[&status], 1);
    }
}

#[tokio::test]
async fn retry_after_comes_only_where_it_is_asked_for() {
    let scene = Scene::new().await;
    scene.sim.script(Rule::new(Endpoint::Images, Fault::RateLimit { retry_after: Some(7) }).once());
    scene.sim.script(Rule::new(Endpoint::Images, Fault::RateLimit { retry_after: None }).once());
    let first = scene.image(&gpt("x")).send().await.unwrap();
    assert_eq!(first.headers()["retry-after"], "7");
    let second = scene.image(&gpt("x")).send().await.unwrap();
    assert!(!second.headers().contains_key("retry-after"));
    assert_eq!(scene.image(&gpt("x")).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn refusals_are_worded_by_family_and_chosen_by_prompt() {
    let scene = Scene::new().await;
    scene.sim.script(Rule::new(Endpoint::Images, Fault::Refuse).when_prompt_contains("savaş"));
    let (_, dalle) = status_and_json(scene.image(&dall_e_3("bir savaş"))).await;
    assert_eq!(dalle["error"]["code"], "content_policy_violation");
    let (_, gpt_image) = status_and_json(scene.image(&gpt("bir savaş"))).await;
    assert_eq!(gpt_image["error"]["moderation_details"]["moderation_stage"], "input");
    assert_eq!(status_and_json(scene.image(&gpt("barış"))).await.0, 200);
}

#[tokio::test]
async fn a_refused_output_is_billed_and_says_so() {
    let scene = Scene::with_fault(Endpoint::Images, Fault::RefuseOutput).await;
    let (status, answer) = status_and_json(scene.image(&gpt("x"))).await;
    assert_eq!((status, &answer["error"]["moderation_details"]["moderation_stage"]), (400, &json!("output")));
    assert!(answer["usage"]["output_tokens"].as_u64().unwrap() > 0);
    assert_eq!(scene.sim.stats().billed_images, 1);
}

#[tokio::test]
async fn a_proxys_page_is_no_json() {
    let scene = Scene::with_fault(Endpoint::Images, Fault::Html502).await;
    let answer = scene.image(&gpt("x")).send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["content-type"]),
        (502, &"text/html".parse().unwrap())
    );
    assert!(answer.text().await.unwrap().starts_with("<html>"));
}

#[tokio::test]
async fn answers_of_status_200_can_be_useless() {
    let cases = [
        (Fault::NotAPicture, 1),
        (Fault::HalfAPicture, 1),
        (Fault::EmptyData, 0),
        (Fault::OtherSize { width: 512, height: 288 }, 1),
        (Fault::NoUsage, 1),
        (Fault::AsUrl { url: Some("https://example.com/x.png".to_owned()) }, 1),
    ];
    for (fault, billed) in cases {
        let scene = Scene::with_fault(Endpoint::Images, fault.clone()).await;
        let (status, answer) = status_and_json(scene.image(&gpt("x"))).await;
        assert_eq!(status, 200);
        assert_eq!(scene.sim.stats().billed_images, billed, "{fault:?}");
        let decoded = || image::load_from_memory(&picture_bytes(&answer));
        match fault {
            Fault::EmptyData => assert_eq!(answer["data"], json!([])),
            Fault::OtherSize { width, .. } => assert_eq!(decoded().unwrap().width(), width),
            Fault::NoUsage => assert!(answer.get("usage").is_none() && decoded().is_ok()),
            Fault::AsUrl { .. } => assert_eq!(answer["data"][0]["url"], "https://example.com/x.png"),
            _ => assert!(decoded().is_err(), "{fault:?}"),
        }
    }
}
