//! How a run ends when some chapters failed or nothing was to buy: counts, manifest entries, files.

use std::fs;

use btcedu_domain::{EpisodeStatus, RunStatus};
use btcedu_testkit::{Chapters, TestEnv, simulator::Fault};
use serde_json::Value;

use crate::{
    books::{EP, Records, audit, current, scribble},
    support::{calls, entry, pictures, status_of},
    world,
};

const COUNTS: [&str; 7] = ["generated", "kept", "reused", "skipped", "rejected", "failed", "pending"];

/// Returns the counts of a result, after asserting that they add up to its chapters.
fn counts(result: &Value) -> [u64; 7] {
    let counts = COUNTS.map(|name| result[name].as_u64().unwrap());
    assert_eq!(counts.iter().sum::<u64>(), result["chapters"].as_array().unwrap().len() as u64, "{result:#}");
    counts
}

/// A world with four pictures and a title card.
async fn finished_world() -> TestEnv {
    let env = world().await;
    env.add(EP, &Chapters::own_prompts(4).with("title_card", None)).await;
    let first = env.run(&["imagegen", EP, "--json"]).await.success().json();
    assert_eq!(counts(&first), [4, 0, 0, 1, 0, 0, 0]);
    env
}

fn refuse_one_and_break_one(env: &TestEnv) {
    env.sim.script(pictures(Fault::Refuse).when_prompt_contains("number 2."));
    let broken = Fault::Status { code: 400, retry_after: None };
    env.sim.script(pictures(broken).when_prompt_contains("number 3."));
}

#[tokio::test]
async fn a_forced_run_that_misses_some_counts_each_chapter_once_and_keeps_their_pictures() {
    let env = finished_world().await;
    let before = current(&env);
    refuse_one_and_break_one(&env);
    let result = env.run(&["imagegen", EP, "--force", "--json"]).await.success().json();
    assert_eq!(counts(&result), [2, 0, 0, 1, 1, 1, 0]);
    assert_eq!(calls(&env).0, 4 + 4, "neither a refusal nor a bad request is sent twice");
    assert_eq!(result["end"]["kind"], "done_partly", "{result:#}");
    let told = result["end"]["message"].as_str().unwrap();
    assert!(told.contains("ch02, ch03 could not be made anew and keeps the picture it had"), "{told}");
    for n in [1, 2] {
        let chapter = &result["chapters"][n];
        assert_eq!(chapter["status"], "generated", "its earlier picture is current");
        assert!(chapter["error"].is_string() && chapter["file"].is_string(), "{chapter}");
        let id = chapter["chapter_id"].as_str().unwrap();
        let warning = entry(&env, EP, id)["warnings"][0].as_str().unwrap().to_owned();
        assert!(warning.contains("a new picture was asked for and not made"), "{warning}");
        assert!(result["warnings"].as_array().unwrap().contains(&format!("{id}: {warning}").into()));
    }
    let kept: Vec<bool> = before.iter().zip(current(&env)).map(|(was, is)| *was == is).collect();
    assert_eq!(kept, [false, true, true, false]);
    assert_eq!(env.manifest(EP)["totals"]["generated"], 4, "the manifest counts what is current");
    assert_eq!(status_of(&env, EP).await, (EpisodeStatus::ImagesGenerated, None));
    audit(&env, "some missed").await;
    // The next runs have nothing to do.
    let plain = env.run(&["imagegen", EP, "--json"]).await.success().json();
    assert_eq!(counts(&plain), [0, 4, 0, 1, 0, 0, 0]);
    let idle = env.run(&["imagegen", EP, "--json"]).await.success().json();
    assert_eq!(idle["end"]["kind"], "skipped", "{idle:#}");
    assert_eq!(calls(&env).0, 4 + 4);
}

#[tokio::test]
async fn counts_add_up_however_a_run_ends() {
    let mut env = finished_world().await;
    env.sim.script(pictures(Fault::Quota).when_prompt_contains("number 2."));
    let stopped = env.run(&["imagegen", EP, "--force", "--json"]).await.exits(1).json();
    assert_eq!(counts(&stopped)[3], 1);
    env.sim.clear_rules();
    env.set("MAX_EPISODE_COST_USD", "0.01");
    let capped = env.run(&["imagegen", EP, "--force", "--json"]).await.exits(3).json();
    assert_eq!(counts(&capped), [0, 4, 0, 1, 0, 0, 0]);
    env.unset("MAX_EPISODE_COST_USD");
    env.replace_chapters(EP, &Chapters::own_prompts(4).with("title_card", None).with("diagram", None));
    let named = env.run(&["imagegen", EP, "--chapter", "ch01", "--json"]).await.success().json();
    assert_eq!(counts(&named), [1, 3, 0, 1, 0, 0, 1]);
}

#[tokio::test]
async fn a_title_card_that_becomes_a_diagram_is_pending_while_another_chapter_is_asked_for() {
    let env = world().await;
    let chapters = Chapters::none().with("title_card", Some("A coin.")).with("diagram", Some("A chain."));
    env.add(EP, &chapters).await;
    let _first = env.run(&["imagegen", EP]).await.success();
    assert_eq!(entry(&env, EP, "ch01")["status"], "skipped");
    env.replace_chapters(EP, &chapters.edit(1, "/visual/type", "diagram"));
    let named = env.run(&["imagegen", EP, "--chapter", "ch02", "--json"]).await.success().json();
    assert_eq!((&named["end"]["kind"], &named["pending"]), (&"still_pending".into(), &1.into()));
    let waiting = entry(&env, EP, "ch01");
    assert_eq!((&waiting["status"], &waiting["visual_type"]), (&"pending".into(), &"diagram".into()));
    assert_eq!(status_of(&env, EP).await.0, EpisodeStatus::ImagesGenerated, "unchanged");
    audit(&env, "pending").await;
    let _rest = env.run(&["imagegen", EP]).await.success().says("1 generated · 1 kept");
    assert_eq!(calls(&env), (3, 0));
}

#[tokio::test]
async fn a_diagram_that_becomes_a_title_card_is_skipped_while_another_chapter_is_asked_for() {
    let env = world().await;
    env.add(EP, &Chapters::own_prompts(2)).await;
    let _first = env.run(&["imagegen", EP]).await.success();
    env.replace_chapters(EP, &Chapters::own_prompts(2).edit(1, "/visual/type", "title_card"));
    let _named = env.run(&["imagegen", EP, "--chapter", "ch02"]).await.success();
    assert_eq!(entry(&env, EP, "ch01")["status"], "skipped");
    assert!(!env.output(EP, "images/ch01.png").exists());
    audit(&env, "skipped").await;
}

#[tokio::test]
async fn a_stale_marker_beside_a_manifest_that_is_right_is_taken_away_free() {
    let env = finished_world().await;
    let (before, manifest) = (calls(&env), env.manifest(EP));
    let marker = env.output(EP, "images/manifest.json.stale");
    scribble(&marker, b"{\"invalidated_by\": \"chapterize\", \"reason\": \"the chapters have changed\"}");
    let dry = env.run(&["imagegen", EP, "--dry-run"]).await.success();
    let _told = dry.says("0 pictures to buy");
    assert!(marker.exists(), "looking takes nothing away");
    let first = env.run(&["imagegen", EP, "--json"]).await.success().json();
    assert_eq!((&first["end"]["kind"], &first["kept"]), (&"done".into(), &4.into()), "{first:#}");
    assert!(!marker.exists());
    assert_eq!(Records::open(&env).await.runs.len(), 2, "taking it away is a run");
    let second = env.run(&["imagegen", EP, "--json"]).await.success().json();
    assert_eq!(second["end"]["kind"], "skipped");
    assert_eq!((calls(&env), env.manifest(EP)), (before, manifest));
}

#[tokio::test]
async fn a_run_that_cannot_be_finished_still_says_what_was_bought_and_the_next_one_finishes_it() {
    let env = world().await;
    env.add(EP, &Chapters::own_prompts(2).with("title_card", None)).await;
    // A folder in place of the file: not even root can write it.
    fs::create_dir_all(env.output(EP, "provenance/imagegen_provenance.json/in-the-way")).unwrap();
    let stopped = env.run(&["imagegen", EP]).await.exits(1);
    let stopped =
        stopped.says("error: ").says("imagegen_provenance.json").says("ep1: 2 generated · 1 skipped");
    let cost = stopped.stdout.trim_end().lines().last().unwrap();
    assert!(cost.starts_with("cost: $0.09229 in this run"), "{cost}");
    let (status, error) = status_of(&env, EP).await;
    assert_eq!(status, EpisodeStatus::Chapterized);
    assert!(error.unwrap().contains("imagegen_provenance.json"));
    let runs = Records::open(&env).await.runs;
    assert!(runs.len() == 1 && runs[0].status == RunStatus::Failed, "{runs:?}");
    assert_eq!(runs[0].estimated_cost_usd.to_string(), "$0.09229", "the run's cost is on its row");

    let json = env.run(&["imagegen", EP, "--chapter", "ch01", "--json"]).await.exits(1).json();
    assert_eq!((&json["generated"], &json["kept"]), (&1.into(), &1.into()), "{json:#}");
    assert_eq!(json["end"]["kind"], "failed");
    let _nothing_bought = env.run(&["imagegen", EP]).await.exits(1).says("imagegen_provenance.json");
    assert_eq!(calls(&env), (3, 0));

    fs::remove_dir_all(env.output(EP, "provenance")).unwrap();
    let _done = env.run(&["imagegen", EP]).await.success();
    assert_eq!(status_of(&env, EP).await, (EpisodeStatus::ImagesGenerated, None));
    assert_eq!(calls(&env), (3, 0));
    audit(&env, "finished at last").await;
}

#[tokio::test]
async fn a_folder_that_cannot_be_read_stops_the_run_before_anything_is_bought() {
    let env = world().await;
    env.add(EP, &Chapters::own_prompts(2)).await;
    scribble(&env.output(EP, "provenance"), b"a file in the folder's place");
    let _stopped = env.run(&["imagegen", EP]).await.exits(1).says("data/outputs/ep1/provenance");
    assert_eq!(calls(&env), (0, 0));
    fs::remove_file(env.output(EP, "provenance")).unwrap();
    let _done = env.run(&["imagegen", EP]).await.success().says("2 generated");
}
