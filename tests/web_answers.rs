//! How the dashboard answers: errors, caches, thumbnails, prefixes, sizes, events, and its own description.

use std::{collections::BTreeSet, fs};

use btcedu_testkit::{Answer, Dashboard, RawAnswer, TestEnv};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    books::{EP, scribble},
    text_support::{TEXT_STAGES, add_transcript, approve},
    web_support::{
        NOWHERE, TEXTS, add_sample_chapters, every_page, finished_episode, full, hour_of_talk, move_away,
        wait_at_gate_1,
    },
    world,
};

#[tokio::test]
async fn what_is_not_there_is_404_a_wrong_method_405_and_an_error_shows_no_internals() {
    let env = full().await;
    let dashboard = Dashboard::start(&env, &[]).await;
    for path in [
        NOWHERE,
        "/episodes/nobody",
        "/episodes/has%20space",
        "/episodes/ep1.json",
        "/episodes/ep1/texts/secret",
        "/episodes/ep1/texts/corrected.txt",
        "/episodes/ep1/images/ch99.png",
        "/episodes/ep1/images/ch01.jpg",
        "/episodes/ep1/images/ch01/thumb/x",
        "/episodes/nobody/images/ch01.png",
        "/reviews/0",
        "/reviews/-1",
        "/reviews/abc",
        "/reviews/99999999999999999999",
        "/prompts/nothing",
        "/prompts/Adapt%2F",
        "/static/nothing.css",
        "/static/",
        "/api/v1/nothing",
        "/api/v1/episodes/nobody",
        "/api/v1/episodes/ep1/texts/secret",
        "/api/v1/reviews/77",
        "/api/v1/prompts/nothing",
    ] {
        let answer = dashboard.get(path).await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.text());
        let is_json = answer.header("content-type").starts_with("application/json");
        assert_eq!(is_json, path.starts_with("/api/"), "{path}: {}", answer.header("content-type"));
        no_internals(&env, &answer);
    }
    let page = dashboard.get(NOWHERE).await.is(404).says("data-page=\"error\"");
    assert!(page.text().contains("href=\"/\""), "a way back");
    for (method, path) in [
        ("POST", "/"),
        ("DELETE", "/episodes/ep1"),
        ("PUT", "/episodes/ep1/images"),
        ("POST", "/costs"),
        ("POST", "/healthz"),
        ("GET", "/reviews/3/approve"),
        ("GET", "/reviews/3/open"),
        ("GET", "/reviews/approve"),
        ("GET", "/prompts/adapt/promote"),
        ("PATCH", "/api/v1/episodes"),
        ("POST", "/api/v1/reviews/3"),
        ("DELETE", "/static/dashboard.css"),
    ] {
        let answer = dashboard.send(method, path, &[("sec-fetch-site", "same-origin")], Vec::new()).await;
        let status = answer.status;
        // GET of a number's place: there is no review called `approve`.
        let odd = path == "/reviews/approve" && status == 404;
        assert!(status == 405 || odd, "{method} {path}: {status}\n{}", answer.text());
        no_internals(&env, &answer);
    }
    // No method does anything that only a form may do.
    let waiting = dashboard.api("/reviews/3").await;
    assert_eq!(waiting["review"]["status"], "pending");
}

fn no_internals(env: &TestEnv, answer: &Answer) {
    let text = answer.text();
    for word in [env.folder().to_str().unwrap(), "panicked", "src/", ".rs:", "SELECT ", "os error"] {
        assert!(!text.contains(word), "'{word}' in\n{text}");
    }
}

#[tokio::test]
async fn what_a_visitor_has_already_is_not_sent_again() {
    let env = finished_episode().await;
    let dashboard = Dashboard::start(&env, &[]).await;
    let gallery = dashboard.get("/episodes/ep1/images").await.is(200);
    let told = dashboard.api("/episodes/ep1/images").await;
    let pictures = told["pictures"].as_array().unwrap();
    let made = pictures.iter().find(|one| one["url"].is_string()).expect("a picture");
    let (picture, thumb) = (made["url"].as_str().unwrap(), made["thumb_url"].as_str().unwrap());
    assert!(gallery.text().contains(&picture.replace('&', "&amp;")) || gallery.text().contains(picture));
    let of_page = |name: &str, end: &str| -> String {
        let found = gallery.attributes(name).into_iter().find(|link| link.contains(end));
        found.unwrap_or_else(|| panic!("{end} on the page"))
    };
    let (css, js) = (of_page("href", "dashboard.css"), of_page("src", "dashboard.js"));
    for (path, kind) in [
        (picture, "image/png"),
        (thumb, "image/jpeg"),
        (css.as_str(), "text/css"),
        (js.as_str(), "text/javascript"),
    ] {
        assert!(path.contains("?v="), "{path}");
        let first = dashboard.get(path).await.is(200);
        assert!(first.header("content-type").starts_with(kind), "{path}: {}", first.header("content-type"));
        let caching = first.header("cache-control");
        assert!(caching.contains("immutable") && caching.contains("max-age=31536000"), "{path}: {caching}");
        let tag = first.header("etag");
        assert!(tag.starts_with('"') || tag.starts_with("W/\""), "{path}: {tag}");
        let again = dashboard.get_with(path, &[("if-none-match", tag)]).await.is(304);
        assert!(again.body.is_empty(), "{path}");
        let other = dashboard.get_with(path, &[("if-none-match", "\"other\"")]).await.is(200);
        assert_eq!(other.body, first.body);
        // Without its hash, or with another, it may be another file tomorrow.
        for changing in [path.split('?').next().unwrap().to_owned(), format!("{path}0")] {
            let answer = dashboard.get(&changing).await;
            let caching = answer.header("cache-control").to_owned();
            assert!(
                matches!(answer.status, 200 | 404) && !caching.contains("immutable"),
                "{changing}: {caching}"
            );
        }
    }
    for path in ["/", "/episodes/ep1/images", "/api/v1/episodes", "/api/v1/episodes/ep1/images"] {
        let first = dashboard.get(path).await.is(200);
        assert!(!first.header("cache-control").contains("immutable"), "{path}");
        let tag = first.header("etag");
        assert!(!tag.is_empty(), "{path} has an ETag");
        let again = dashboard.get_with(path, &[("if-none-match", tag)]).await;
        assert!(again.status == 304 && again.body.is_empty(), "{path}: {}", again.status);
    }
}

#[tokio::test]
async fn thumbnails_are_small_marked_as_made_by_a_machine_and_made_once() {
    let env = finished_episode().await;
    let dashboard = Dashboard::start(&env, &[]).await;
    let told = dashboard.api("/episodes/ep1/images").await;
    let mut made = 0;
    for one in told["pictures"].as_array().unwrap().iter().filter(|one| one["thumb_url"].is_string()) {
        let thumb = dashboard.get(one["thumb_url"].as_str().unwrap()).await.is(200);
        assert_eq!(thumb.body.get(..3), Some(&[0xFF, 0xD8, 0xFF][..]), "a JPEG");
        let picture = image::load_from_memory(&thumb.body).unwrap();
        assert_eq!(picture.width(), 480);
        assert!(thumb.body.len() < 100_000, "{} bytes", thumb.body.len());
        assert!(thumb.text().contains("trainedAlgorithmicMedia"), "the mark of a machine's work");
        made += 1;
    }
    assert!(made > 0);
    let folder = env.output(EP, "images/thumbs");
    let files = || -> Vec<(String, std::time::SystemTime)> {
        let mut found: Vec<_> = fs::read_dir(&folder)
            .unwrap()
            .flatten()
            .map(|e| {
                (e.file_name().to_string_lossy().into_owned(), e.metadata().unwrap().modified().unwrap())
            })
            .collect();
        found.sort();
        found
    };
    let first = files();
    // Equal pictures share a thumbnail.
    let different: BTreeSet<&str> =
        told["pictures"].as_array().unwrap().iter().filter_map(|one| one["sha256"].as_str()).collect();
    assert_eq!(first.len(), different.len(), "one file per picture: {first:?}");
    drop(dashboard);
    let dashboard = Dashboard::start(&env, &[]).await;
    for one in told["pictures"].as_array().unwrap().iter().filter(|one| one["thumb_url"].is_string()) {
        let _thumb = dashboard.get(one["thumb_url"].as_str().unwrap()).await.is(200);
    }
    assert_eq!(files(), first, "nothing is made twice");
    let _verified = env.run(&["images", "verify", EP]).await.success();
}

#[tokio::test]
async fn the_api_describes_itself_and_the_program_can_be_watched() {
    let env = finished_episode().await;
    let dashboard = Dashboard::start(&env, &[]).await;
    let document = dashboard.api("/openapi.json").await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3."), "{document:#}");
    let plain = |path: &str| -> String {
        let parts = path.trim_start_matches("/api/v1").split('/');
        parts.map(|part| if part.starts_with('{') { "{}" } else { part }).collect::<Vec<_>>().join("/")
    };
    let described: BTreeSet<String> =
        document["paths"].as_object().unwrap().keys().map(|path| plain(path)).collect();
    for path in [
        "/episodes",
        "/episodes/{}",
        "/episodes/{}/texts/{}",
        "/episodes/{}/chapters",
        "/episodes/{}/images",
        "/reviews",
        "/reviews/{}",
        "/prompts",
        "/prompts/{}",
        "/costs",
    ] {
        assert!(described.contains(path), "{path} is not among {described:?}");
    }
    for reference in references(&document) {
        let place = reference.trim_start_matches('#');
        assert!(document.pointer(place).is_some(), "{reference} leads nowhere");
    }
    let health = dashboard.get("/healthz").await.is(200);
    assert_eq!(health.header("cache-control"), "no-store");
    let metrics = dashboard.get("/metrics").await.is(200);
    assert!(metrics.header("content-type").starts_with("text/plain"));
    assert!(metrics.text().lines().any(|line| line.starts_with("# TYPE ")), "{}", metrics.text());
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

fn references(value: &Value) -> Vec<String> {
    match value {
        Value::Object(map) => {
            let own = map.get("$ref").and_then(Value::as_str).map(str::to_owned);
            own.into_iter().chain(map.values().flat_map(references)).collect()
        }
        Value::Array(list) => list.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

#[tokio::test]
async fn below_a_prefix_every_link_has_it_whether_or_not_the_proxy_takes_it_away() {
    let env = full().await;
    let dashboard = Dashboard::start(&env, &["--base-path", "/btcedu"]).await;
    for page in every_page() {
        let kept = dashboard.get(&format!("/btcedu{}", page.path)).await;
        let taken = dashboard.get(&page.path).await;
        let expected = if page.path == NOWHERE { 404 } else { 200 };
        assert_eq!((kept.status, taken.status), (expected, expected), "{}", page.path);
        for answer in [kept, taken] {
            for name in ["href", "src", "action"] {
                for link in answer.attributes(name).iter().filter(|link| link.starts_with('/')) {
                    assert!(link.starts_with("/btcedu/"), "{} leads to {link}", page.path);
                }
            }
            assert!(answer.text().contains("data-base=\"/btcedu\""), "{}", page.path);
        }
    }
    let page = dashboard.get("/btcedu/episodes/ep1/images").await.is(200);
    for link in page.attributes("src") {
        let _there = dashboard.get(&link).await.is(200);
    }
    let token = dashboard.get("/btcedu/reviews/3").await.is(200).field("csrf").unwrap();
    let opened = dashboard.post("/btcedu/reviews/3/open", &[("csrf", token.as_str())]).await;
    if opened.status == 303 {
        let to = opened.header("location");
        assert!(to.starts_with("/btcedu/"), "{to}");
    }
    assert_eq!(dashboard.api("/reviews/3").await["review"]["status"], "in_review");
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
async fn head_is_get_without_a_body() {
    let env = full().await;
    let dashboard = Dashboard::start(&env, &[]).await;
    let mut paths: Vec<String> = every_page().into_iter().map(|page| page.path).collect();
    let told = dashboard.api("/episodes/ep1/images").await;
    let made = told["pictures"].as_array().unwrap().iter().find(|one| one["url"].is_string()).unwrap();
    paths.extend(["url", "thumb_url"].map(|key| made[key].as_str().unwrap().to_owned()));
    paths.extend(["/healthz", "/api/v1/episodes", "/api/v1/costs"].map(str::to_owned));
    for path in paths {
        let got = dashboard.get(&path).await;
        let head = dashboard.send("HEAD", &path, &[], Vec::new()).await;
        assert_eq!(head.status, got.status, "{path}");
        assert_eq!(head.header("content-type"), got.header("content-type"), "{path}");
        assert!(head.body.is_empty(), "{path}");
    }
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
