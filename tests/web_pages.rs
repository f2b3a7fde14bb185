//! Every page and its twin under `/api/v1`: they hold what database and disk hold.

use std::{collections::BTreeSet, fs};

use btcedu_domain::Usd;
use btcedu_testkit::{Dashboard, TestEnv};
use serde_json::Value;

use crate::{
    books::EP,
    support::ledger,
    text_support::{ADAPT, CHAPTERIZE, CORRECT, TRANSLATE, json_file},
    web_support::{TEXTS, finished_episode},
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
