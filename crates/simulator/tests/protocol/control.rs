//! Scripting and counting over HTTP, as another process does it, and what is recorded.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use btcedu_simulator::{RecordedRequest, Stats};

use super::*;

#[tokio::test]
async fn rules_and_counts_work_over_http() {
    let scene = Scene::new().await;
    let post =
        |path: &str, body: Value| scene.client.post(format!("{}{path}", scene.sim.base_url())).json(&body);
    let rule = json!({"endpoint": "images", "times": 1, "fault": {"rate_limit": {"retry_after": 1}}});
    let rules = json!([rule, {"endpoint": "images", "times": 1, "fault": "quota"}]);
    assert_eq!(status_and_json(post("/__sim/rules", rules)).await, (200, json!({"added": 2})));
    assert_eq!(status_and_json(scene.image(&gpt("bir"))).await.0, 429);
    assert_eq!(
        status_and_json(post("/__sim/rules", json!({"endpoint": "moon", "fault": "quota"}))).await.0,
        400
    );

    let (_, stats) = status_and_json(scene.get("/__sim/stats")).await;
    assert_eq!(serde_json::from_value::<Stats>(stats).unwrap(), scene.sim.stats());
    assert_eq!(scene.sim.stats().prompts, ["bir"]);
    assert_eq!(status_and_json(post("/__sim/reset", Value::Null)).await.0, 200);
    assert_eq!(scene.sim.stats(), Stats::default());
    assert_eq!(status_and_json(scene.image(&gpt("iki"))).await.0, 200, "the second rule is gone as well");
}

#[tokio::test]
async fn requests_are_recorded_in_order_without_keys() {
    let scene = Scene::new().await;
    status_and_json(scene.image(&gpt("bir"))).await;
    status_and_json(scene.message(&claude("iki"))).await;
    let requests = scene.sim.requests();
    assert_eq!(
        requests.iter().map(|r| r.endpoint).collect::<Vec<_>>(),
        [Endpoint::Images, Endpoint::Messages]
    );
    assert_eq!(requests[0].body, gpt("bir"));
    assert_eq!(requests[0].headers["content-type"], "application/json");
    assert_eq!(requests[1].headers["anthropic-version"], "2026-10-21");
    assert!(!serde_json::to_string(&requests).unwrap().contains("sk-sim"));
    let (_, listed) = status_and_json(scene.get("/__sim/requests")).await;
    assert_eq!(serde_json::from_value::<Vec<RecordedRequest>>(listed).unwrap(), requests);
}

#[tokio::test]
async fn an_unknown_path_is_a_404() {
    let scene = Scene::new().await;
    for path in ["/v1/chat/completions", "/images/generations", "/__sim/none", "/"] {
        assert_eq!(scene.get(path).send().await.unwrap().status(), 404, "{path}");
    }
    assert_eq!(scene.get("/v1/messages").send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn the_program_says_where_it_listens_and_answers_there() {
    let scene = Scene::new().await;
    let mut program = Command::new(env!("CARGO_BIN_EXE_btcedu-simulator"))
        .args(["--signed", "--image-latency-ms", "1"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(program.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let base_url = line.strip_prefix("listening on ").unwrap().trim_end();
    let url = format!("{base_url}/v1/images/generations");
    let (status, answer) =
        status_and_json(scene.client.post(url).bearer_auth("sk-sim-1").json(&gpt("x"))).await;
    program.kill().unwrap();
    program.wait().unwrap();
    assert_eq!(status, 200);
    assert!(picture_bytes(&answer).windows(4).any(|four| four == b"caBX"));
}

#[test]
fn the_program_says_what_is_wrong_with_its_flags() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_btcedu-simulator")).args(["--port", "big"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("--port"));
}

#[test]
fn the_program_ends_when_its_stdin_closes() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_btcedu-simulator"))
        .arg("--until-stdin-closes")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(program.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(program.try_wait().unwrap(), None, "it listens while its stdin is open");
    drop(program.stdin.take());
    assert!(program.wait().unwrap().success());
}
