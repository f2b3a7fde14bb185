//! Every page and its twin under `/api/v1`: they hold what database and disk hold, quickly and for caches.

use std::{collections::BTreeSet, fs};

use btcedu_domain::Usd;
use btcedu_testkit::{Answer, Dashboard, RawAnswer, TestEnv};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    books::{EP, scribble},
    support::ledger,
    text_support::{ADAPT, CHAPTERIZE, CORRECT, TEXT_STAGES, TRANSLATE, add_transcript, approve, json_file},
    web_support::{
        NOWHERE, TEXTS, add_sample_chapters, every_page, finished_episode, full, hour_of_talk,
        insert_episodes, move_away, wait_at_gate_1, waiting_episode,
    },
    world,
};

const HTML: &str = "text/html; charset=utf-8";

/// What a text says, whatever its white space.
fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

fn strings(list: &Value) -> Vec<&str> {
    list.as_array().expect("a list").iter().map(|one| one.as_str().expect("a text")).collect()
}

async fn paid(env: &TestEnv) -> f64 {
    let total: Usd = ledger(env, EP).await.iter().filter_map(|call| call.actual).sum();
    total.dollars()
}

fn same_money(shown: &Value, paid: f64) {
    let shown = shown.as_f64().expect("an amount");
    assert!((shown - paid).abs() < 1e-6, "{shown} is shown, {paid} was paid");
}

#[tokio::test]
async fn each_page_of_a_finished_episode_and_its_twin_hold_what_database_and_disk_hold() {
    let env = finished_episode().await;
    let dashboard = Dashboard::start(&env, &[]).await;
    episodes_are_listed(&env, &dashboard).await;
    the_episode_is_told(&env, &dashboard).await;
    texts_can_be_read(&env, &dashboard).await;
    chapters_are_those_of_the_document(&env, &dashboard).await;
    pictures_are_those_of_the_manifest(&env, &dashboard).await;
    reviews_are_told(&env, &dashboard).await;
    prompts_are_those_of_the_program(&env, &dashboard).await;
    let costs = dashboard.api("/costs").await;
    same_money(&costs["total_usd"], paid(&env).await);
    assert_eq!(costs["calls"].as_u64().unwrap(), u64::try_from(ledger(&env, EP).await.len()).unwrap());
    assert_eq!(costs["by_episode"][0]["key"], EP);
    let _page = dashboard.get("/costs").await.is(200).says("imagegen").says("Was ist das Halving?");
}

async fn episodes_are_listed(env: &TestEnv, dashboard: &Dashboard) {
    let page = dashboard.get("/").await.is(200).says("data-episode=\"ep1\"").says("Was ist das Halving?");
    assert_eq!(page.header("content-type").to_ascii_lowercase(), HTML);
    let list = dashboard.api("/episodes").await;
    assert_eq!((&list["total"], &list["all"], &list["page"]), (&1.into(), &1.into(), &1.into()));
    let row = &list["episodes"][0];
    assert_eq!((&row["episode_id"], &row["status"]), (&EP.into(), &"images_generated".into()));
    assert_eq!((&row["title"], &row["error"]), (&"Was ist das Halving?".into(), &Value::Null));
    same_money(&row["cost_usd"], paid(env).await);
}

async fn the_episode_is_told(env: &TestEnv, dashboard: &Dashboard) {
    let page = dashboard.get("/episodes/ep1").await.is(200);
    let told = dashboard.api("/episodes/ep1").await;
    let steps = told["steps"].as_array().unwrap();
    for stage in ["correct", "translate", "adapt", "chapterize", "imagegen"] {
        let step = steps.iter().find(|step| step["name"] == stage).expect(stage);
        let runs = step["runs"].as_array().unwrap();
        assert_eq!((&step["state"], runs.len()), (&"done".into(), 1), "{step:#}");
        assert_eq!((&runs[0]["status"], &runs[0]["error"]), (&"success".into(), &Value::Null));
        assert!(page.text().contains(stage), "{stage}");
    }
    let spent: f64 = steps.iter().map(|step| step["cost_usd"].as_f64().unwrap()).sum();
    assert!((spent - paid(env).await).abs() < 1e-6, "{spent}");
    assert_eq!(told["reviews"].as_array().unwrap().len(), 2);
    assert_eq!((&told["has_chapters"], &told["has_images"]), (&true.into(), &true.into()));
    let provenance: BTreeSet<&str> =
        told["provenance"].as_array().unwrap().iter().map(|one| one["stage"].as_str().unwrap()).collect();
    assert_eq!(provenance, BTreeSet::from(["adapt", "chapterize", "correct", "imagegen", "translate"]));
    assert!(told["provenance"].as_array().unwrap().iter().all(|one| one["problem"].is_null()), "{told:#}");
    let kinds: Vec<&str> =
        told["texts"].as_array().unwrap().iter().map(|text| text["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, TEXTS);
}

async fn texts_can_be_read(env: &TestEnv, dashboard: &Dashboard) {
    for (kind, lang, file) in [
        ("raw", "de", "transcripts/ep1/transcript.de.txt"),
        ("clean", "de", "transcripts/ep1/transcript.clean.de.txt"),
        ("corrected", "de", CORRECT.output),
        ("turkish", "tr", TRANSLATE.output),
        ("adapted", "tr", ADAPT.output),
    ] {
        let path = format!("/episodes/ep1/texts/{kind}");
        let _page = dashboard.get(&path).await.is(200).says(&format!("lang=\"{lang}\""));
        let told = dashboard.api(&path).await;
        assert_eq!((&told["text"]["path"], &told["text"]["lang"]), (&file.into(), &lang.into()));
        let on_disk = fs::read_to_string(env.data().join(file)).unwrap();
        assert_eq!(told["text"]["size_bytes"].as_u64().unwrap(), u64::try_from(on_disk.len()).unwrap());
        assert_eq!(words(&strings(&told["paragraphs"]).join("\n\n")), words(&on_disk), "{kind}");
        assert_eq!(told["html"].is_string(), kind == "adapted", "{kind}");
    }
    let adapted = dashboard.api("/episodes/ep1/texts/adapted").await;
    let html = adapted["html"].as_str().unwrap();
    let tags = ADAPT.text(env).matches("[T1: ").count() + ADAPT.text(env).matches("[T2: ").count();
    assert_eq!(html.matches("<mark").count(), tags, "{html}");
}

async fn chapters_are_those_of_the_document(env: &TestEnv, dashboard: &Dashboard) {
    let page = dashboard.get("/episodes/ep1/chapters").await.is(200);
    let told = dashboard.api("/episodes/ep1/chapters").await;
    let document = json_file(&CHAPTERIZE.output(env));
    assert_eq!((&told["problem"], &told["document_title"]), (&Value::Null, &document["title"]));
    let (shown, written) = (told["chapters"].as_array().unwrap(), document["chapters"].as_array().unwrap());
    assert_eq!(shown.len(), written.len());
    let ids = page.attributes("id");
    for (shown, written) in shown.iter().zip(written) {
        for key in ["chapter_id", "title", "order", "notes"] {
            assert_eq!(shown[key], written[key], "{key}");
        }
        assert_eq!(shown["visual_type"], written["visual"]["type"]);
        assert_eq!(shown["visual_description"], written["visual"]["description"]);
        assert_eq!(shown["transition_in"], written["transitions"]["in"]);
        let narration = strings(&shown["narration"]).join("\n\n");
        assert_eq!(words(&narration), words(written["narration"]["text"].as_str().unwrap()));
        assert_eq!(
            shown["overlays"].as_array().unwrap().len(),
            written["overlays"].as_array().map_or(0, Vec::len)
        );
        let id = shown["chapter_id"].as_str().unwrap();
        assert!(ids.iter().any(|found| found == id), "an anchor for {id}");
    }
    let width: f64 = shown.iter().map(|chapter| chapter["width_percent"].as_f64().unwrap()).sum();
    assert!((width - 100.0).abs() < 0.5, "the line is full: {width}");
}

async fn pictures_are_those_of_the_manifest(env: &TestEnv, dashboard: &Dashboard) {
    let page = dashboard.get("/episodes/ep1/images").await.is(200);
    let told = dashboard.api("/episodes/ep1/images").await;
    let manifest = env.manifest(EP);
    let (shown, written) = (told["pictures"].as_array().unwrap(), manifest["images"].as_array().unwrap());
    assert_eq!(shown.len(), written.len());
    assert_eq!(page.attributes("data-chapter").len(), written.len());
    assert_eq!(told["totals"]["generated"], manifest["totals"]["generated"]);
    assert_eq!(told["totals"]["skipped"], manifest["totals"]["skipped"]);
    same_money(&told["totals"]["cost_usd"], manifest["totals"]["cost_usd"].as_f64().unwrap());
    assert_eq!((&told["differing"], &told["problem"]), (&0.into(), &Value::Null));
    for (shown, written) in shown.iter().zip(written) {
        for key in ["chapter_id", "status", "model", "sha256", "prompt", "width", "height", "size_bytes"] {
            assert_eq!(shown[key], written[key], "{key} of {written:#}");
        }
        let is_there = written["status"] == "generated";
        assert_eq!((shown["url"].is_string(), shown["thumb_url"].is_string()), (is_there, is_there));
        if is_there {
            let file = env.output(EP, written["file_path"].as_str().unwrap());
            let picture = dashboard.get(shown["url"].as_str().unwrap()).await.is(200);
            assert_eq!(picture.header("content-type"), "image/png");
            assert_eq!(picture.body, fs::read(file).unwrap(), "the picture as it is on the disk");
        }
    }
}

async fn reviews_are_told(env: &TestEnv, dashboard: &Dashboard) {
    let queue = dashboard.api("/reviews").await;
    assert_eq!((&queue["decided_total"], queue["pending"].as_array().unwrap().len()), (&2.into(), 0));
    let _page = dashboard.get("/reviews").await.is(200).says("data-review=\"2\"");
    let correction = dashboard.api("/reviews/1").await;
    assert_eq!(
        (&correction["review"]["stage"], &correction["review"]["status"]),
        (&"correct".into(), &"approved".into())
    );
    assert_eq!((&correction["decidable"], &correction["problem"]), (&false.into(), &Value::Null));
    let diff = json_file(&env.output(EP, "review/correction_diff.json"));
    assert_eq!(correction["summary"]["total"], diff["summary"]["total_changes"]);
    let text = |side: &str| -> String {
        let passages = correction["passages"].as_array().unwrap().iter();
        let of = |passage: &Value| -> String {
            passage[side].as_array().unwrap().iter().map(|piece| piece["text"].as_str().unwrap()).collect()
        };
        passages.map(|passage| of(passage) + "\n").collect()
    };
    assert_eq!(words(&text("after")), words(&CORRECT.text(env)), "the text after, passage by passage");
    let raw = fs::read_to_string(env.data().join("transcripts/ep1/transcript.de.txt")).unwrap();
    assert_eq!(words(&text("before")), words(&raw), "and the text before");
    let _page = dashboard.get("/reviews/1").await.is(200).says("id=\"change-1\"");
    let _page = dashboard.get("/reviews/1?view=inline").await.is(200).says("id=\"change-1\"");
    let adaptation = dashboard.api("/reviews/2").await;
    let diff = json_file(&env.output(EP, "review/adaptation_diff.json"));
    let listed = adaptation["adaptation"]["adaptations"].as_array().unwrap();
    assert_eq!(listed.len(), diff["adaptations"].as_array().unwrap().len());
    assert_eq!(
        words(&strings(&adaptation["adaptation"]["literal"]).join("\n\n")),
        words(&TRANSLATE.text(env))
    );
    let _page = dashboard.get("/reviews/2").await.is(200).says("id=\"change-1\"");
}

async fn prompts_are_those_of_the_program(env: &TestEnv, dashboard: &Dashboard) {
    let told = dashboard.api("/prompts").await;
    let listed = env.run(&["prompt", "list", "--json"]).await.success().json();
    let names: BTreeSet<&str> =
        told["prompts"].as_array().unwrap().iter().map(|prompt| prompt["name"].as_str().unwrap()).collect();
    let expected: BTreeSet<&str> =
        listed.as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names, expected);
    for row in listed.as_array().unwrap() {
        let path = format!("/prompts/{}", row["name"].as_str().unwrap());
        let _page = dashboard.get(&path).await.is(200);
        let prompt = dashboard.api(&path).await;
        let version = &prompt["versions"][0];
        assert_eq!((&version["content_hash"], &version["is_default"]), (&row["content_hash"], &true.into()));
        assert!(!prompt["body"].as_str().unwrap().is_empty());
    }
    let adapt = dashboard.api("/prompts/adapt").await;
    assert_eq!(adapt["versions"][0]["episodes"][0]["episode_id"], EP);
}

#[tokio::test]
async fn the_list_is_searched_filtered_sorted_and_paged() {
    const ROWS: usize = 120;
    let env = waiting_episode().await;
    insert_episodes(&env, ROWS).await;
    let dashboard = Dashboard::start(&env, &[]).await;
    let ids = |list: &Value| -> Vec<String> {
        let rows = list["episodes"].as_array().unwrap().iter();
        rows.map(|row| row["episode_id"].as_str().unwrap().to_owned()).collect()
    };
    let first = dashboard.api("/episodes?sort=oldest&search=row").await;
    assert_eq!((&first["total"], &first["all"]), (&ROWS.into(), &(ROWS + 1).into()));
    let mut found = Vec::new();
    for page in 1..=first["pages"].as_u64().unwrap() {
        found.extend(ids(&dashboard.api(&format!("/episodes?sort=oldest&search=row&page={page}")).await));
    }
    let expected: Vec<String> = (0..ROWS).map(|n| format!("row{n:03}")).collect();
    assert_eq!(found, expected, "all pages together hold each episode once, the oldest first");
    let newest = dashboard.api("/episodes?search=Nummer").await;
    assert_eq!(ids(&newest)[0], "row119");
    let waiting = dashboard.api("/episodes?waiting=review").await;
    assert_eq!(ids(&waiting), [EP]);
    let status = dashboard.api("/episodes?status=downloaded").await;
    assert_eq!(status["total"], ROWS / 2);
    assert!(status["statuses"].as_array().unwrap().iter().any(|one| one["status"] == "corrected"));
    let dearest = dashboard.api("/episodes?sort=cost").await;
    assert_eq!(ids(&dearest)[0], EP);
    let none = dashboard.get("/?search=nobody+has+this").await.is(200);
    assert!(!none.text().contains("data-episode="), "nothing fits");
    // What no filter can be is no error of the server.
    for odd in ["/?page=99999", "/?page=-1", "/?page=x", "/?status=nonsense", "/?sort=nonsense"] {
        let answer = dashboard.get(odd).await;
        assert!(matches!(answer.status, 200 | 303 | 400 | 404), "{odd}: {}", answer.status);
    }
    // The badge is on every page.
    for path in ["/", "/reviews", "/prompts", "/costs", "/episodes/ep1"] {
        let page = dashboard.get(path).await.is(200).text();
        let badge = page.split("id=\"pending-reviews\"").nth(1).expect(path);
        let text = badge.split_once('>').unwrap().1.split('<').next().unwrap().trim();
        assert_eq!(text, "1", "{path}");
    }
}

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
    // The simulator may draw the same picture for two chapters: then they share a thumbnail.
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
