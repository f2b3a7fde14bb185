//! How the dashboard answers: errors, caches, thumbnails, prefixes, sizes, events, and its own description.

use std::fs;

use btcedu_testkit::{Answer, Dashboard, RawAnswer, TestEnv};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    books::{EP, scribble},
    text_support::{TEXT_STAGES, add_transcript, approve},
    web_support::{
        TEXTS, add_sample_chapters, every_page, finished_episode, hour_of_talk, move_away, wait_at_gate_1,
    },
    world,
};

fn no_internals(env: &TestEnv, answer: &Answer) {
    let text = answer.text();
    for word in [env.folder().to_str().unwrap(), "panicked", "src/", ".rs:", "SELECT ", "os error"] {
        assert!(!text.contains(word), "'{word}' in\n{text}");
    }
}

#[tokio::test]
async fn a_page_that_cant_be_made_gives_a_number_to_look_for_in_the_log_and_nothing_else() {
    let env = finished_episode().await;
    let dashboard = Dashboard::start(&env, &[]).await;
    let _well = dashboard.get("/healthz").await.is(200);
    let size = usize::try_from(fs::metadata(env.data().join("btcedu.db")).unwrap().len()).unwrap();
    scribble(&env.data().join("btcedu.db"), &vec![0xAA; size]);
    let mut failed = 0;
    for path in ["/costs", "/episodes/ep1", "/prompts/adapt", "/reviews", "/api/v1/costs"] {
        let answer = dashboard.get(path).await;
        no_internals(&env, &answer);
        if answer.status == 500 && !path.starts_with("/api") {
            let page = answer.text();
            let id = page.split("id=\"error-id\"").nth(1).expect("an id").split_once('>').unwrap().1;
            let id = id.split('<').next().unwrap().trim();
            let logs = env.files("logs").into_iter();
            let read = |log: String| fs::read_to_string(env.data().join("logs").join(log)).unwrap();
            let logs = logs.map(read).collect::<String>() + &dashboard.said();
            assert!(!id.is_empty() && logs.contains(id), "the log knows '{id}'");
            failed += 1;
        }
    }
    assert!(failed > 0, "a database of nonsense is no ground for a page");
    move_away(env.data(), env.folder().join("elsewhere"));
    let sick = dashboard.get("/healthz").await.is(503);
    no_internals(&env, &sick);
}

#[tokio::test]
async fn no_page_of_an_hour_of_talk_is_over_100_kilobytes_compressed() {
    let mut env = world().await;
    env.set("MAX_EPISODE_COST_USD", "1000");
    add_transcript(&env, &hour_of_talk()).await;
    for stage in TEXT_STAGES {
        let _done = env.run(&[stage.name, EP]).await.success();
        if stage.diff.is_some() {
            approve(&env).await;
        }
    }
    let _planned = env.run(&["imagegen", EP]).await;
    let dashboard = Dashboard::start(&env, &[]).await;
    let changes = dashboard.api("/reviews/1").await["summary"]["total"].as_u64().unwrap();
    assert!(changes >= 600, "{changes}");
    let mut pages: Vec<String> = every_page().into_iter().map(|page| page.path).collect();
    pages.extend(TEXTS.iter().map(|kind| format!("/episodes/ep1/texts/{kind}")));
    pages.extend(["/reviews/1?view=side", "/reviews/1?view=inline"].map(str::to_owned));
    for path in pages.iter().filter(|path| !path.contains("sampleEp001") && !path.contains("/reviews/3")) {
        let answer = dashboard.get_with(path, &[("accept-encoding", "gzip")]).await;
        assert!(answer.body.len() < 100_000, "{path}: {} bytes", answer.body.len());
        if answer.status == 200 && path.contains("ep1") {
            assert_eq!(answer.header("content-encoding"), "gzip", "{path}");
            assert!(answer.header("vary").to_ascii_lowercase().contains("accept-encoding"), "{path}");
        }
    }
    // Pictures don't get smaller.
    let told = dashboard.api("/episodes/ep1/images").await;
    let pictures = told["pictures"].as_array().unwrap();
    let url = pictures.iter().find_map(|one| one["url"].as_str()).expect("a picture");
    let picture = dashboard.get_with(url, &[("accept-encoding", "gzip")]).await.is(200);
    assert_eq!(picture.header("content-encoding"), "");
}

#[tokio::test]
async fn events_tell_when_another_process_has_changed_something() {
    let env = world().await;
    add_sample_chapters(&env).await;
    let dashboard = Dashboard::start(&env, &[]).await;
    for path in ["/events", "/events?episode=sampleEp001"] {
        let mut stream = dashboard.connect().await;
        let head = format!(
            "GET {path} HTTP/1.1\r\nhost: {}\r\naccept: text/event-stream\r\n\r\n",
            dashboard.address()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut seen = Vec::new();
        read_until(&mut stream, &mut seen, "\r\n\r\n").await;
        let text = String::from_utf8_lossy(&seen).to_ascii_lowercase();
        assert!(text.starts_with("http/1.1 200") && text.contains("text/event-stream"), "{path}: {text}");
        assert!(text.contains("cache-control: no"), "{path}: {text}");
        // The first message says where things stand; the next comes when they have changed.
        read_until(&mut stream, &mut seen, "data:").await;
        let before = String::from_utf8_lossy(&seen).matches("data:").count();
        if path == "/events" {
            wait_at_gate_1(&env, "ep2", crate::text_support::TRANSCRIPT).await;
        } else {
            let _made = env.run(&["imagegen", "sampleEp001"]).await.success();
        }
        while String::from_utf8_lossy(&seen).matches("data:").count() <= before {
            more(&mut stream, &mut seen).await;
        }
    }
    let unknown: RawAnswer = dashboard.raw_get("/events?episode=../../etc").await;
    assert!(matches!(unknown.status, Some(400 | 404)), "{}", unknown.text);
}

async fn read_until(stream: &mut tokio::net::TcpStream, seen: &mut Vec<u8>, text: &str) {
    while !String::from_utf8_lossy(seen).contains(text) {
        more(stream, seen).await;
    }
}

async fn more(stream: &mut tokio::net::TcpStream, seen: &mut Vec<u8>) {
    let mut buffer = [0; 4096];
    let patience = std::time::Duration::from_secs(15);
    let read = tokio::time::timeout(patience, stream.read(&mut buffer)).await;
    let count = read.unwrap_or_else(|_| panic!("nothing more comes after {}", String::from_utf8_lossy(seen)));
    let count = count.expect("the stream can be read");
    assert!(count > 0, "the stream ended after {}", String::from_utf8_lossy(seen));
    seen.extend_from_slice(&buffer[..count]);
}
