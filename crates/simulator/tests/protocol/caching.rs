//! Prompt caching: what is written, what is read, and what both cost.

use super::*;

/// A text of so many tokens as the simulator counts them.
fn tokens(count: usize, letter: &str) -> String {
    letter.repeat(count * 4)
}

fn marked(text: &str) -> Value {
    json!({"type": "text", "text": text, "cache_control": {"type": "ephemeral"}})
}

/// A message of these blocks, with a system prompt before it.
fn body(system: Value, blocks: Value) -> Value {
    let mut body = claude("");
    body["system"] = system;
    body["messages"][0]["content"] = blocks;
    body
}

/// Sends it and returns uncached, written and read tokens, and what it cost in millionths of a dollar.
async fn send(scene: &Scene, body: &Value) -> (u64, u64, u64, i64) {
    let before = scene.sim.stats().billed_for_texts.micros();
    let (status, answer) = status_and_json(scene.message(body)).await;
    assert_eq!(status, 200, "{answer}");
    let of = |name: &str| answer["usage"][name].as_u64().unwrap();
    let output = i64::try_from(of("output_tokens")).unwrap() * 10;
    let cost = scene.sim.stats().billed_for_texts.micros() - before - output;
    (of("input_tokens"), of("cache_creation_input_tokens"), of("cache_read_input_tokens"), cost)
}

#[tokio::test]
async fn the_first_request_writes_and_later_ones_read() {
    let scene = Scene::new().await;
    let with = |rest: &str| {
        let prefix = marked(&tokens(400, "a"));
        body(json!(tokens(200, "s")), json!([prefix, {"type": "text", "text": rest}]))
    };
    // Two tokens of text and the newline before it, and eight around it all.
    assert_eq!(send(&scene, &with("eins zwo")).await, (11, 600, 0, 22 + 1500));
    assert_eq!(send(&scene, &with("drei")).await, (10, 0, 600, 20 + 60));
    assert_eq!(send(&scene, &with("eins zwo")).await, (11, 0, 600, 22 + 60));
    let stats = scene.sim.stats();
    let counted = (stats.text_input_tokens, stats.text_cache_write_tokens, stats.text_cache_read_tokens);
    assert_eq!(counted, (32, 600, 1200));

    let reset = scene.client.post(format!("{}/__sim/reset", scene.sim.base_url()));
    assert_eq!(status_and_json(reset).await.0, 200);
    assert_eq!(scene.sim.stats().text_cache_read_tokens, 0);
    assert_eq!(send(&scene, &with("drei")).await.1, 600, "the cache is empty again");
}

#[tokio::test]
async fn another_beginning_model_or_place_is_another_entry() {
    let scene = Scene::new().await;
    let blocks = |letter: &str| json!([marked(&tokens(600, letter)), {"type": "text", "text": "x"}]);
    let first = body(json!("system"), blocks("a"));
    assert_eq!(send(&scene, &first).await.1, 602);
    let mut other_model = first.clone();
    other_model["model"] = "claude-opus-5-5".into();
    for body in [
        body(json!("other"), blocks("a")),
        body(json!("system"), blocks("b")),
        body(json!([marked(&tokens(600, "a"))]), json!("x")),
        other_model,
    ] {
        assert_eq!((send(&scene, &body).await.2, send(&scene, &body).await.1), (0, 0), "{body}");
    }
    assert_eq!(send(&scene, &first).await.2, 602);
}

#[tokio::test]
async fn what_is_too_short_for_the_model_is_not_cached() {
    let scene = Scene::new().await;
    let of = |model: &str, count: usize| {
        let mut body = body(json!(""), json!([marked(&tokens(count, "a"))]));
        body["model"] = model.into();
        body
    };
    for (model, fewest) in [
        ("claude-sonnet-5-5", 512),
        ("claude-opus-5", 512),
        ("claude-sonnet-5", 1024),
        ("claude-haiku-4-5", 4096),
    ] {
        let short = send(&scene, &of(model, fewest - 1)).await;
        assert_eq!((short.0, short.1, short.2), (fewest as u64 + 7, 0, 0), "{model}");
        assert_eq!(send(&scene, &of(model, fewest)).await.1, fewest as u64, "{model}");
    }
}

#[tokio::test]
async fn a_longer_marked_part_reads_the_shorter_one_and_writes_the_rest() {
    let scene = Scene::new().await;
    let system = json!([marked(&tokens(600, "s"))]);
    let short = body(system.clone(), json!("x"));
    assert_eq!(send(&scene, &short).await.1, 600);
    let long = body(system.clone(), json!([marked(&tokens(100, "a")), {"type": "text", "text": "y"}]));
    let (_, written, read, _) = send(&scene, &long).await;
    assert_eq!((written, read), (100, 600));
    let (_, written, read, _) = send(&scene, &long).await;
    assert_eq!((written, read), (0, 700));
    let mut at_top = body(system, json!([{"type": "text", "text": tokens(100, "b")}]));
    at_top["cache_control"] = json!({"type": "ephemeral", "ttl": "1h"});
    let (status, answer) = status_and_json(scene.message(&at_top)).await;
    assert_eq!((status, &answer["usage"]["cache_creation"]["ephemeral_1h_input_tokens"]), (200, &json!(100)));
}

#[tokio::test]
async fn marks_that_the_server_does_not_take_are_a_400() {
    let scene = Scene::new().await;
    let with =
        |control: Value| body(json!("s"), json!([{"type": "text", "text": "x", "cache_control": control}]));
    let five: Vec<Value> = (0..5).map(|_| marked("x")).collect();
    for (body, word) in [
        (with(json!({"type": "forever"})), "messages.0.content.0.cache_control.type"),
        (with(json!({"type": "ephemeral", "ttl": "2d"})), "ttl"),
        (body(json!("s"), json!(five)), "Found 5"),
        (body(json!([marked("")]), json!("x")), "system.0: cache_control"),
    ] {
        let (status, answer) = status_and_json(scene.message(&body)).await;
        assert_eq!((status, &answer["error"]["type"]), (400, &json!("invalid_request_error")));
        assert!(answer["error"]["message"].as_str().unwrap().contains(word), "{answer}");
    }
    let four: Vec<Value> = (0..4).map(|_| marked("x")).collect();
    assert_eq!(status_and_json(scene.message(&body(json!("s"), json!(four)))).await.0, 200);
}

#[tokio::test]
async fn what_was_not_answered_is_not_in_the_cache() {
    let scene = Scene::new().await;
    let request = body(json!(""), json!([marked(&tokens(600, "a"))]));
    scene.sim.script(Rule::new(Endpoint::Messages, Fault::Status { code: 529, retry_after: None }).once());
    assert_eq!(status_and_json(scene.message(&request)).await.0, 529);
    assert_eq!(send(&scene, &request).await.1, 600);
    assert_eq!(send(&scene, &request).await.2, 600);
}

#[test]
fn counts_without_the_newer_totals_can_still_be_read() {
    let mut old = serde_json::to_value(btcedu_simulator::Stats::default()).unwrap();
    let fields = old.as_object_mut().unwrap();
    for name in ["text_input_tokens", "text_cache_read_tokens", "text_cache_write_tokens"] {
        assert!(fields.remove(name).is_some());
    }
    assert_eq!(serde_json::from_value::<btcedu_simulator::Stats>(old).unwrap().text_input_tokens, 0);
}
