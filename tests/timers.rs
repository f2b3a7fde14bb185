//! Commands for timers (run-pending, run-latest), and what a person reads afterwards (status, report, cost).

use btcedu_domain::EpisodeStatus;
use btcedu_testkit::{Chapters, TestEnv, simulator::Fault};
use serde_json::Value;

use crate::{
    support::{calls, ledger, status_of, texts},
    text_support::{TRANSCRIPT, json_file},
    world,
};

async fn add_transcript_of(env: &TestEnv, id: &str, title: &str) {
    let file = env.write("transcript.txt", TRANSCRIPT).display().to_string();
    let add = ["add", "--id", id, "--title", title, "--transcript", &file];
    let _added = env.run(&add).await.success();
}

/// Four episodes, oldest first: `told` waits at gate 1, `drawn` for its pictures, `old` is v1, `fresh` is new.
async fn four_episodes() -> TestEnv {
    let mut env = world().await;
    add_transcript_of(&env, "told", "Was ist ein Satoshi?").await;
    let _waits = env.run(&["run", "told"]).await.exits(3);
    env.add("drawn", &Chapters::own_prompts(1)).await;
    env.set("PIPELINE_VERSION", "1");
    add_transcript_of(&env, "old", "Aus der Zeit davor").await;
    env.unset("PIPELINE_VERSION");
    add_transcript_of(&env, "fresh", "Was ist das Halving?").await;
    env
}

async fn list(env: &TestEnv, command: &[&str]) -> Vec<Value> {
    let command = [command, &["--json"]].concat();
    env.run(&command).await.success().json().as_array().unwrap().clone()
}

fn column<'a>(rows: &'a [Value], name: &str) -> Vec<&'a str> {
    rows.iter().map(|row| row[name].as_str().unwrap()).collect()
}

#[tokio::test]
async fn run_pending_goes_on_with_all_that_need_no_person_and_only_those() {
    let env = four_episodes().await;
    let before = calls(&env);
    let found = list(&env, &["run-pending", "--dry-run"]).await;
    assert_eq!(column(&found, "episode_id"), ["fresh", "drawn"], "newest first");
    assert_eq!(column(&found, "next"), ["correct", "imagegen"]);
    let _table = env.run(&["run-pending", "--dry-run"]).await.success().says("Was ist das Halving?");
    assert_eq!(calls(&env), before, "a dry run sends nothing");

    let reports = list(&env, &["run-pending"]).await;
    assert_eq!(column(&reports, "episode_id"), ["fresh", "drawn"]);
    let ends: Vec<&str> = reports.iter().map(|r| r["end"]["kind"].as_str().unwrap()).collect();
    assert_eq!(ends, ["awaiting_review", "finished"], "a reviewer comes next, which is no failure");
    assert_eq!(status_of(&env, "drawn").await, (EpisodeStatus::ImagesGenerated, None));
    for left_alone in ["told", "old"] {
        let standing = list(&env, &["status", left_alone]).await;
        assert_eq!(standing[0]["error"], Value::Null, "{left_alone}");
    }

    let sent = calls(&env);
    let nothing = env.run(&["run-pending"]).await.success();
    let _said = nothing.says("no episode can go on without a person").says("btcedu status");
    assert_eq!(list(&env, &["run-pending"]).await, [] as [Value; 0]);
    assert_eq!(calls(&env), sent);
}

#[tokio::test]
async fn a_number_and_a_day_bound_what_a_timer_takes() {
    let env = four_episodes().await;
    assert_eq!(list(&env, &["run-pending", "--dry-run", "--since", "2100-01-01"]).await.len(), 0);
    assert_eq!(list(&env, &["run-pending", "--dry-run", "--since", "2026-01-01"]).await.len(), 2);
    let one = list(&env, &["run-pending", "--max", "1"]).await;
    assert_eq!(column(&one, "episode_id"), ["fresh"]);
    assert_eq!(status_of(&env, "drawn").await.0, EpisodeStatus::Chapterized);
    let latest = list(&env, &["run-latest", "--dry-run"]).await;
    assert_eq!(column(&latest, "episode_id"), ["drawn"], "the newest that can go on");
    let _done = env.run(&["run-latest"]).await.success().says("drawn: all steps are done");
    assert_eq!(status_of(&env, "drawn").await.0, EpisodeStatus::ImagesGenerated);
    for [flag, value] in [["--max", "0"], ["--since", "yesterday"]] {
        let refused = env.run(&["run-pending", flag, value]).await.exits(2);
        let _told = refused.says(&format!("invalid value '{value}' for '{flag}"));
    }
}

#[tokio::test]
async fn what_was_rejected_without_a_word_waits_for_a_person_and_with_notes_for_nobody() {
    let env = four_episodes().await;
    let _rejected = env.run(&["review", "reject", "1"]).await.success();
    let found = list(&env, &["run-pending", "--dry-run"]).await;
    assert_eq!(column(&found, "episode_id"), ["fresh", "drawn"], "a timer leaves it alone");
    let waits = list(&env, &["status", "--waiting-for", "person"]).await;
    assert_eq!(column(&waits, "episode_id"), ["told"]);
    assert!(waits[0]["waiting_for"].as_str().unwrap().contains("review 1"), "{waits:?}");

    let _by_hand = env.run(&["run", "told"]).await.exits(3).says("btcedu review show 2");
    let _rejected = env.run(&["review", "reject", "2", "--notes", "Zu lang."]).await.success();
    let found = list(&env, &["run-pending", "--dry-run"]).await;
    assert_eq!(column(&found, "episode_id"), ["fresh", "drawn", "told"]);
}

#[tokio::test]
async fn status_shows_what_each_waits_for_and_can_be_narrowed_down() {
    let mut env = four_episodes().await;
    let all = list(&env, &["status"]).await;
    assert_eq!(column(&all, "episode_id"), ["fresh", "old", "drawn", "told"]);
    assert_eq!(
        column(&all, "waiting_for"),
        ["correct", "chunk (not built yet)", "imagegen", "review gate 1 (review 1)"]
    );
    env.set("MAX_EPISODE_COST_USD", "0.01");
    let _capped = env.run(&["run", "drawn"]).await.exits(3).says("MAX_EPISODE_COST_USD");
    env.unset("MAX_EPISODE_COST_USD");
    for (narrowed, ids) in [
        (&["--waiting-for", "review"][..], &["told"][..]),
        (&["--waiting-for", "chunk"], &["old"]),
        (&["--waiting-for", "correct"], &["fresh"]),
        (&["--waiting-for", "cap"], &["drawn"]),
        (&["--waiting-for", "nothing"], &[]),
        (&["--status", "transcribed"], &["fresh", "old"]),
        (&["--status", "transcribed", "--waiting-for", "correct"], &["fresh"]),
        (&["--search", "SATOSHI"], &["told"]),
        (&["--search", "100%"], &[]),
        (&["--since", "2100-01-01"], &[]),
        (&["--limit", "2"], &["fresh", "old"]),
        (&["old", "told"], &["old", "told"]),
    ] {
        let found = list(&env, &[&["status"], narrowed].concat()).await;
        assert_eq!(column(&found, "episode_id"), ids, "{narrowed:?}");
    }
    let table = env.run(&["status", "--waiting-for", "cap"]).await.success();
    let _next_step = table.says("drawn").says("cost_limit");
    let _none = env.run(&["status", "--search", "nowhere"]).await.success().says("no episode is like that");
    let _usage = env.run(&["status", "--waiting-for", "rain"]).await.exits(2).says("rain").says("review");
    let _either = env.run(&["status", "told", "--search", "x"]).await.exits(2).says("--search");
    let _unknown = env.run(&["status", "nobody"]).await.exits(1).says("nobody");
}

#[tokio::test]
async fn a_report_tells_of_the_last_run_stage_by_stage() {
    let env = four_episodes().await;
    let shown = env.run(&["report", "told"]).await.success();
    let words = |line: &str| line.split_whitespace().take(2).map(ToOwned::to_owned).collect::<Vec<_>>();
    assert!(shown.stdout.lines().any(|line| words(line) == ["correct", "done"]), "{}", shown.stdout);
    let _end = shown.says("ended: awaiting_review").says("status: corrected").says("btcedu review show 1");
    let _approved = env.run(&["review", "approve", "1"]).await.success();
    let report = env.run(&["run", "told", "--json"]).await.exits(3).json();
    assert_eq!(env.run(&["report", "told", "--json"]).await.success().json(), report, "the newest");
    assert_eq!(env.files("reports/told").len(), 2);
    let stages = report["stages"].as_array().unwrap();
    assert_eq!(column(stages, "stage"), ["translate", "adapt"]);
    assert_eq!(column(stages, "outcome"), ["done", "done"]);
    let parts: f64 = stages.iter().map(|stage| stage["cost_usd"].as_f64().unwrap()).sum();
    assert!((parts - report["cost_usd"].as_f64().unwrap()).abs() < 1e-9, "{report:#}");
    assert!(
        json_file(&env.data().join("reports/told").join(&env.files("reports/told")[0]))["stages"].is_array()
    );

    let _none = env.run(&["report", "fresh"]).await.exits(1).says("btcedu run fresh");
    let _unknown = env.run(&["report", "nobody"]).await.exits(1).says("nobody");
}

#[tokio::test]
async fn costs_are_added_up_by_episode_stage_month_and_model() {
    let env = four_episodes().await;
    let _ran = env.run(&["run-pending"]).await.success();
    let mut spent = 0;
    for episode in ["told", "drawn", "fresh"] {
        spent += ledger(&env, episode).await.iter().map(|call| call.actual.unwrap().micros()).sum::<i64>();
    }
    assert!(spent > 0);
    for (by, keys) in [
        ("episode", vec!["drawn", "fresh", "told"]),
        ("stage", vec!["correct", "imagegen"]),
        ("model", vec!["claude-sonnet-5-5", btcedu_testkit::IMAGE_MODEL]),
    ] {
        let costs = env.run(&["cost", "--by", by, "--json"]).await.success().json();
        let lines = costs["lines"].as_array().unwrap();
        assert_eq!(column(lines, "key"), keys);
        let total = costs["total_usd"].as_f64().unwrap();
        assert!((total * 1e6 - f64::from(i32::try_from(spent).unwrap())).abs() < 0.5, "{by}: {costs:#}");
    }
    let months = env.run(&["cost", "--by", "month", "--json"]).await.success().json();
    assert_eq!(months["lines"].as_array().unwrap().len(), 1, "{months:#}");
    let _table = env.run(&["cost", "--by", "stage"]).await.success().says("imagegen").says("total: $");
}

#[tokio::test]
async fn what_keeps_costing_money_for_nothing_is_left_to_a_person() {
    let env = world().await;
    add_transcript_of(&env, "fresh", "Was ist das Halving?").await;
    env.sim.script(texts(Fault::Text("Gern, hier ist es: …".to_owned())));
    for run in 1..=3 {
        let _failed = env.run(&["run-pending"]).await.exits(1).says("fresh");
        assert_eq!(calls(&env).1, run);
    }
    let _left_alone = env.run(&["run-pending"]).await.success().says("no episode can go on without a person");
    assert_eq!(calls(&env).1, 3);
    let waits = list(&env, &["status", "--waiting-for", "person"]).await;
    assert!(waits[0]["waiting_for"].as_str().unwrap().contains("3 runs in a row"), "{waits:?}");
    env.sim.clear_rules();
    let _by_hand = env.run(&["retry", "fresh"]).await.exits(3).says("btcedu review show 1");
}

#[tokio::test]
async fn what_the_cap_stopped_comes_after_what_can_go_on_and_leaves_no_heap_behind() {
    let mut env = four_episodes().await;
    env.set("MAX_EPISODE_COST_USD", "0.001");
    let _capped = env.run(&["run", "fresh"]).await.exits(3);
    env.unset("MAX_EPISODE_COST_USD");
    let found = list(&env, &["run-pending", "--dry-run"]).await;
    assert_eq!(column(&found, "episode_id"), ["drawn", "fresh"], "though fresh is newer");
    env.set("MAX_EPISODE_COST_USD", "0.001");
    let reports = env.files("reports/fresh").len();
    for _tick in 0..2 {
        let _again = env.run(&["run", "fresh"]).await.exits(3).says("MAX_EPISODE_COST_USD");
    }
    assert_eq!(env.files("reports/fresh").len(), reports, "it is told, and nothing more");
}
