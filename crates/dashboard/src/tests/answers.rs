//! Errors, methods, headers, prefixes and the pages for programs.

use actix_web::test::TestRequest;
use btcedu_artifacts::write_atomic;
use btcedu_domain::EpisodeStatus;
use btcedu_models::testing;
use serde_json::{Value, json};

use super::world::{EP, PICTURES, World};
use crate::{config::DashboardConfig, openapi_json};

#[actix_web::test]
async fn an_address_of_nothing_is_404_as_a_page_or_as_json() {
    let visitor = World::new().visitor().await;
    for path in [
        "/nothing",
        "/episodes/nobody",
        "/episodes/has%20space",
        "/episodes/ep1/texts/secret",
        "/reviews/7",
        "/reviews/x",
        "/prompts/nothing",
        "/static/x.css",
    ] {
        let answer = visitor.get(path).await.is(404).says("data-page=\"error\"").says("Not found");
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8", "{path}");
    }
    for path in
        ["/nothing", "/episodes/nobody", "/episodes/ep1/texts/secret", "/reviews/7", "/prompts/nothing"]
    {
        let error = visitor.get(&format!("/api/v1{path}")).await.is(404).json();
        assert_eq!((&error["error"]["status"], &error["error"]["id"]), (&json!(404), &json!("")), "{path}");
    }
    let named = visitor.get("/api/v1/episodes/nobody").await.json();
    assert_eq!(named["error"]["message"], "there is no episode 'nobody'");
}

#[actix_web::test]
async fn a_wrong_method_is_405() {
    let visitor = World::new().visitor().await;
    for (request, path) in [
        (TestRequest::delete(), "/episodes/ep1"),
        (TestRequest::put(), "/costs"),
        (TestRequest::post(), "/healthz"),
        (TestRequest::get(), "/reviews/1/approve"),
        (TestRequest::get(), "/prompts/adapt/promote"),
        (TestRequest::patch(), "/api/v1/episodes"),
    ] {
        let answer = visitor.send(request.uri(path).insert_header(("sec-fetch-site", "same-origin"))).await;
        let _told = answer.is(405).says("this address doesn");
    }
}

#[actix_web::test]
async fn head_has_the_headers_of_get() {
    let visitor = World::new().visitor().await;
    for path in ["/", "/episodes/ep1", "/api/v1/episodes", "/healthz"] {
        let get = visitor.get(path).await.is(200);
        let head =
            visitor.send(TestRequest::with_uri(path).method(actix_web::http::Method::HEAD)).await.is(200);
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
    }
}

#[actix_web::test]
async fn every_answer_has_the_headers_that_guard_it() {
    let visitor = World::new().visitor().await;
    let picture = format!("/episodes/{PICTURES}/images/ch02.png");
    for path in
        ["/", "/nothing", "/episodes/ep1", &picture, "/api/v1/episodes", "/api/v1/nothing", "/healthz"]
    {
        let answer = visitor.get(path).await;
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
        assert_eq!(answer.header("referrer-policy"), "same-origin", "{path}");
        assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin", "{path}");
        assert!(!answer.header("cache-control").is_empty(), "{path}");
    }
}

#[actix_web::test]
async fn a_failure_of_ours_shows_an_id_and_no_internals() {
    let world = World::new();
    let visitor = world.visitor().await;
    assert!(testing::revert_all(&world.ctx().db) > 0, "the tables are gone");
    let page = visitor.get("/costs").await.is(500).says("something went wrong here").says("id=\"error-id\"");
    let _nothing = page.says_nothing_of("provider_calls").says_nothing_of("SELECT");
    let error = visitor.get("/api/v1/costs").await.is(500).json();
    assert_eq!(error["error"]["id"].as_str().unwrap().len(), 8);
    assert!(!error.to_string().contains("provider_calls"), "{error}");
}

#[actix_web::test]
async fn below_a_prefix_every_link_has_it_whether_or_not_the_proxy_takes_it_away() {
    let world = World::new();
    let config = DashboardConfig { base_path: "/btcedu".parse().unwrap(), ..DashboardConfig::default() };
    let visitor = world.visitor_with(config).await;
    for path in ["/", "/episodes/ep1", "/reviews", "/reviews/1", "/prompts/adapt", "/costs"] {
        for asked in [path.to_owned(), format!("/btcedu{path}")] {
            let page = visitor.get(&asked).await.is(200).says("data-base=\"/btcedu\"");
            for name in ["href=\"/", "src=\"/", "action=\"/"] {
                for link in page.text().split(name).skip(1) {
                    assert!(link.starts_with("btcedu/"), "{asked} leads to {}", &link[..20]);
                }
            }
        }
    }
    assert_eq!(visitor.get("/btcedu").await.is(308).header("location"), "/btcedu/");
    let done = visitor.submit("/reviews/1", "/btcedu/reviews/1/open", &[]).await.is(303);
    assert_eq!(done.header("location"), "/btcedu/reviews/1");
}

#[actix_web::test]
async fn the_openapi_document_is_served_as_it_is_generated() {
    let visitor = World::new().visitor().await;
    let answer = visitor.get("/api/v1/openapi.json").await.is(200);
    assert_eq!(answer.text(), openapi_json());
    assert_eq!(answer.header("content-type"), "application/json");
    let document = answer.json();
    let references = references(&document);
    assert!(references.len() > 20);
    for reference in references {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference} leads nowhere");
    }
}

fn references(value: &Value) -> Vec<&str> {
    match value {
        Value::Object(map) => {
            let own = map.get("$ref").and_then(Value::as_str);
            own.into_iter().chain(map.values().flat_map(references)).collect()
        }
        Value::Array(list) => list.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

#[actix_web::test]
async fn no_page_has_style_or_script_of_its_own_or_leads_to_another_host() {
    let visitor = World::new().visitor().await;
    let images = format!("/episodes/{PICTURES}/images");
    for path in
        ["/", "/episodes/ep1", &images, "/reviews", "/reviews/1", "/prompts/adapt", "/costs", "/nothing"]
    {
        let page = visitor.get(path).await;
        let page = page.says_nothing_of("<style").says_nothing_of(" style=\"").says_nothing_of(" onclick");
        let text = page.says_nothing_of("javascript:").text();
        for script in text.split("<script").skip(1) {
            assert!(script.starts_with(" type=\"module\" src=\"/static/"), "{path}: <script{script}");
        }
        for name in ["href=\"", "src=\"", "action=\""] {
            for link in text.split(name).skip(1) {
                assert!(
                    link.starts_with(['/', '#', '?', '"']) && !link.starts_with("//"),
                    "{path} leads to {link}"
                );
            }
        }
    }
}

#[actix_web::test]
async fn every_key_of_an_answer_is_in_the_openapi_document() {
    let world = World::new();
    let visitor = world.visitor().await;
    let document = visitor.api("/openapi.json").await;
    let schemas = &document["components"]["schemas"];
    for (path, schema) in [
        ("/episodes".to_owned(), "EpisodesView"),
        (format!("/episodes/{EP}"), "EpisodeView"),
        (format!("/episodes/{PICTURES}/images"), "GalleryView"),
        (format!("/episodes/{PICTURES}/chapters"), "ChaptersView"),
        ("/reviews/1".to_owned(), "ReviewPageView"),
        ("/costs".to_owned(), "CostsView"),
    ] {
        let answer = visitor.api(&path).await;
        let mut keys: Vec<&String> = answer.as_object().unwrap().keys().collect();
        let mut described: Vec<&String> = schemas[schema]["properties"].as_object().unwrap().keys().collect();
        keys.sort();
        described.sort();
        assert_eq!(keys, described, "{path}");
    }
}

#[actix_web::test]
async fn health_is_told_without_signing_in_and_without_paths() {
    let world = World::new();
    let visitor = world.visitor().await;
    let well = visitor.get("/healthz").await.is(200);
    assert_eq!(well.json(), json!({"status": "ok", "database": "ok", "workspace": "ok"}));
    assert_eq!(well.header("cache-control"), "no-store");
    std::fs::remove_dir_all(world.ctx().data.root()).unwrap();
    let sick = visitor.get("/healthz").await.is(503).says_nothing_of("/tmp");
    assert_eq!(sick.json(), json!({"status": "failed", "database": "failed", "workspace": "failed"}));
}

#[actix_web::test]
async fn metrics_count_answers_episodes_and_reviews() {
    let visitor = World::new().visitor().await;
    let _page = visitor.get("/").await.is(200);
    let _missing = visitor.get("/nothing").await.is(404);
    let metrics = visitor.get("/metrics").await.is(200);
    assert_eq!(metrics.header("content-type"), "text/plain; version=0.0.4");
    for line in [
        "btcedu_http_requests_total{status=\"200\"} 1",
        "btcedu_http_requests_total{status=\"404\"} 1",
        "btcedu_episodes{status=\"corrected\"} 1",
        "btcedu_episodes{status=\"new\"} 0",
        "btcedu_reviews_waiting 1",
    ] {
        assert!(metrics.text().lines().any(|known| known == line), "{line}: {}", metrics.text());
    }
}

#[actix_web::test]
async fn the_first_event_is_the_version_of_the_page() {
    let world = World::new();
    let visitor = world.visitor().await;
    let version = visitor.state.version(Some(&EP.parse().unwrap())).await.unwrap();
    let _page = visitor.get("/episodes/ep1").await.says(&format!("data-version=\"{version}\""));
    let _live = visitor.get("/episodes/ep1").await.says("data-live=\"/events?episode=ep1\"");
    write_atomic(&world.dir(EP).translation(), b"Merhaba.\n").unwrap();
    let changed = visitor.state.version(Some(&EP.parse().unwrap())).await.unwrap();
    assert_ne!(changed, version);
    let other = visitor.state.version(Some(&PICTURES.parse().unwrap())).await.unwrap();
    world.rows(|conn| Ok(testing::episode(conn, "ep9", EpisodeStatus::New)));
    assert_ne!(visitor.state.version(Some(&PICTURES.parse().unwrap())).await.unwrap(), other);
}

#[actix_web::test]
async fn a_form_that_is_too_large_is_refused() {
    let world = World::new();
    let visitor = world.visitor().await;
    let notes = "x".repeat(100_000);
    let refused = visitor.submit("/reviews/1", "/reviews/1/reject", &[("notes", notes.as_str())]).await;
    let _told = refused.is(413).says("more than a form may send");
    assert_eq!(visitor.api("/reviews/1").await["review"]["status"], Value::from("pending"));
}
