//! Runs of the text stages: force and what follows from it, cap, signals, locks, unusable inputs, long texts.

use std::{fs, time::Duration};

use btcedu_domain::{CallState, EpisodeStatus};
use btcedu_testkit::{
    TestEnv,
    simulator::{Fault, Rule},
};
use serde_json::json;

use crate::{
    books::{EP, scribble, until},
    support::{calls, status_of, texts},
    text_support::{
        ADAPT, CHAPTERIZE, CORRECT, TEXT_STAGES, TRANSCRIPT, TRANSLATE, TextStage, add_transcript, approve,
        bring_before, json_file, long_transcript, run_to_the_end, waiting_review, waiting_reviews,
    },
    world,
};

/// A world in which everything is done.
async fn finished() -> TestEnv {
    let env = world().await;
    add_transcript(&env, TRANSCRIPT).await;
    run_to_the_end(&env).await;
    env
}

/// Another correction than the simulator's own.
fn another_correction() -> Rule {
    let text = TRANSCRIPT.replace("Halfing", "Halving");
    texts(Fault::Text(format!("<corrected_transcript>\n{text}\n</corrected_transcript>"))).once()
}

#[tokio::test]
async fn force_makes_anew_and_marks_all_that_was_made_from_it_and_deletes_nothing() {
    let env = finished().await;
    let before: Vec<String> = TEXT_STAGES.iter().map(|stage| stage.text(&env)).collect();
    env.sim.script(another_correction());
    let _forced = env.run(&["correct", EP, "--force"]).await.success().says("--force");
    assert_eq!(status_of(&env, EP).await, (EpisodeStatus::Corrected, None));
    assert_ne!(CORRECT.text(&env), before[0]);
    assert!(!CORRECT.marker(&env).exists());
    for (stage, text) in TEXT_STAGES.iter().zip(&before).skip(1) {
        assert_eq!(stage.text(&env), *text, "{}: no file is deleted", stage.name);
        let marker = json_file(&stage.marker(&env));
        assert_eq!(marker["invalidated_by"], "correct", "{}", stage.name);
        assert!(marker["reason"].as_str().unwrap().contains("transcript.corrected.de.txt"), "{marker}");
    }
    assert_eq!(json_file(&env.output(EP, "images/manifest.json.stale"))["invalidated_by"], "correct");
    let _closed = env.run(&["translate", EP]).await.exits(3).says("changed after review 1 had approved it");
    assert_eq!(waiting_review(&env).await, "3");

    run_to_the_end(&env).await;
    for stage in TEXT_STAGES {
        assert!(!stage.marker(&env).exists(), "{}", stage.name);
        assert_eq!(stage.asked(&env), 2, "{}", stage.name);
    }
    assert!(!env.output(EP, "images/manifest.json.stale").exists());
}

#[tokio::test]
async fn a_forced_run_that_brings_the_same_text_leaves_everything_else_as_it_is() {
    let env = finished().await;
    for stage in TEXT_STAGES {
        let _forced = env.run(&[stage.name, EP, "--force"]).await.success();
        assert_eq!(stage.asked(&env), 2, "{}: it is paid anew", stage.name);
        assert_eq!(status_of(&env, EP).await, (EpisodeStatus::ImagesGenerated, None), "{}", stage.name);
        assert!(TEXT_STAGES.iter().all(|s| !s.marker(&env).exists()), "{}", stage.name);
    }
    assert!(waiting_reviews(&env).await.is_empty(), "the approvals hold for the same texts");
    let sent = calls(&env);
    let _nothing = env.run(&["run", EP]).await.success();
    assert_eq!(calls(&env), sent);
}

#[tokio::test]
async fn what_was_edited_by_hand_is_not_written_over_without_force() {
    let env = finished().await;
    for stage in TEXT_STAGES {
        let made = stage.text(&env);
        let edited = made.replacen(' ', "  ", 1);
        scribble(&stage.output(&env), edited.as_bytes());
        let sent = calls(&env);
        let _left_alone = env.run(&[stage.name, EP]).await.success().says("skipped");
        let marker =
            json!({"invalidated_by": "a test", "invalidated_at": "2026-11-22T10:30:00Z", "reason": "so"});
        scribble(&stage.marker(&env), marker.to_string().as_bytes());
        let refused = env.run(&[stage.name, EP]).await.exits(1).says("was edited by hand");
        let _told = refused.says(stage.output).says(&format!("btcedu {} ep1 --force", stage.name));
        assert_eq!(stage.text(&env), edited, "{}", stage.name);
        assert_eq!(calls(&env), sent, "{}: nothing is sent", stage.name);
        let _forced = env.run(&[stage.name, EP, "--force"]).await.success();
        assert_eq!(stage.text(&env), made, "{}", stage.name);
        assert!(!stage.marker(&env).exists(), "{}", stage.name);
        // The approved text is back, so the texts made from it are still current.
        run_to_the_end(&env).await;
    }
}

#[tokio::test]
async fn a_cap_that_is_reached_stops_a_text_stage_and_a_higher_one_goes_on_without_paying_twice() {
    let mut env = world().await;
    add_transcript(&env, &long_transcript(32_000)).await;
    let preview = env.run(&["correct", EP, "--dry-run", "--json"]).await.success().json();
    assert_eq!(preview["segments"], 3);
    // A little more than the highest price of one of the three calls.
    let cap = preview["estimate_usd"].as_f64().unwrap() / 3.0 * 1.02;
    env.set("MAX_EPISODE_COST_USD", &format!("{cap:.6}"));
    let blocked = env.run(&["run", EP]).await.exits(3);
    let _told = blocked.says("MAX_EPISODE_COST_USD").says("btcedu run ep1");
    assert_eq!(status_of(&env, EP).await.0, EpisodeStatus::CostLimit);
    assert_eq!(CORRECT.asked(&env), 1);
    assert!(!CORRECT.output(&env).exists());
    let _still = env.run(&["run", EP]).await.exits(3).says("MAX_EPISODE_COST_USD");
    assert_eq!(CORRECT.asked(&env), 1, "the same cap sends nothing");
    let _plan = env.run(&["plan", EP]).await.success().says("cap was reached here");

    env.unset("MAX_EPISODE_COST_USD");
    let _waits = env.run(&["run", EP]).await.exits(3).says("review 1");
    assert_eq!(CORRECT.asked(&env), 3, "the rest only");
    assert_eq!(status_of(&env, EP).await, (EpisodeStatus::Corrected, None));
    let billed = env.sim.stats().billed;
    let paid = CORRECT.ledger(&env).await.iter().filter_map(|c| c.actual).sum();
    assert_eq!(billed, paid);
}

#[tokio::test]
async fn a_cap_reached_in_a_later_stage_is_resumed_there() {
    let mut env = world().await;
    bring_before(&env, &ADAPT, TRANSCRIPT).await;
    env.set("MAX_EPISODE_COST_USD", "0.01");
    let _blocked = env.run(&["run", EP]).await.exits(3).says("MAX_EPISODE_COST_USD");
    assert_eq!((status_of(&env, EP).await.0, ADAPT.asked(&env)), (EpisodeStatus::CostLimit, 0));
    env.unset("MAX_EPISODE_COST_USD");
    run_to_the_end(&env).await;
    assert!(TEXT_STAGES.iter().all(|stage| TextStage::asked(stage, &env) == 1));
}

async fn interrupt(child: &tokio::process::Child) {
    let pid = child.id().expect("it is still running").to_string();
    let sent = tokio::process::Command::new("kill").args(["-INT", &pid]).status().await;
    assert!(sent.unwrap().success());
}

#[tokio::test]
async fn ctrl_c_ends_after_the_calls_in_flight_and_the_next_run_makes_the_others() {
    let env = world().await;
    // Six segments: the first is sent alone, then four at once.
    add_transcript(&env, &long_transcript(77_000)).await;
    env.sim.script(texts(Fault::Delay(Duration::from_secs(1))));
    let child = env.spawn(&["run", EP, "--json"]);
    until("four segments are on their way", || env.sim.stats().texts_in_flight == 4).await;
    interrupt(&child).await;
    let ended = env.wait(child).await.exits(130).json();
    assert_eq!(ended["end"]["kind"], "interrupted", "{ended:#}");
    assert_eq!(CORRECT.asked(&env), 5, "nothing more is sent");
    let states: Vec<CallState> = CORRECT.ledger(&env).await.iter().map(|call| call.state).collect();
    assert_eq!(states, [CallState::Answered; 5]);
    assert_eq!(status_of(&env, EP).await, (EpisodeStatus::Transcribed, None), "the status is as it was");
    assert!(!CORRECT.output(&env).exists());
    env.sim.clear_rules();
    let _waits = env.run(&["run", EP]).await.exits(3);
    assert_eq!(CORRECT.asked(&env), 6, "the sixth only");
}

#[tokio::test]
async fn ctrl_c_in_the_last_call_of_a_stage_finishes_that_stage_and_starts_no_other() {
    let env = world().await;
    bring_before(&env, &TRANSLATE, TRANSCRIPT).await;
    env.sim.script(texts(Fault::Delay(Duration::from_millis(700))));
    let child = env.spawn(&["run", EP]);
    until("the translation is on its way", || env.sim.stats().texts_in_flight == 1).await;
    interrupt(&child).await;
    let _ended = env.wait(child).await.exits(130);
    assert_eq!((TRANSLATE.asked(&env), ADAPT.asked(&env)), (1, 0));
    assert_eq!(status_of(&env, EP).await, (EpisodeStatus::Translated, None));
    env.sim.clear_rules();
    run_to_the_end(&env).await;
    assert_eq!(TRANSLATE.asked(&env), 1);
}

#[tokio::test]
async fn a_second_run_says_who_holds_the_episode_and_so_does_a_reviewers_decision() {
    let env = world().await;
    add_transcript(&env, TRANSCRIPT).await;
    let _waits = env.run(&["run", EP]).await.exits(3);
    env.sim.script(texts(Fault::HangForever { billed: false }));
    let at_work = env.spawn(&["correct", EP, "--force"]);
    until("a call is in flight", || env.sim.stats().texts_in_flight == 1).await;
    let pid = format!("process {}", at_work.id().unwrap());
    for command in [&["run", EP][..], &["correct", EP], &["review", "approve", "1"]] {
        let held = env.run(command).await.exits(3);
        let _told = held.says(&pid).says("`btcedu correct ep1 --force`");
    }
    // Commands that only read don't wait.
    let _plan = env.run(&["plan", EP]).await.success();
    let _shown = env.run(&["review", "show", "1"]).await.success();
    assert_eq!(CORRECT.asked(&env), 2);
}

#[tokio::test]
async fn an_input_that_is_no_text_is_told_and_nothing_is_sent() {
    for (stage, input) in [
        (CORRECT, "transcripts/ep1/transcript.clean.de.txt"),
        (TRANSLATE, CORRECT.output),
        (ADAPT, TRANSLATE.output),
        (CHAPTERIZE, ADAPT.output),
    ] {
        let env = world().await;
        bring_before(&env, &stage, TRANSCRIPT).await;
        let (path, sent) = (env.data().join(input), calls(&env));
        for (bytes, told) in [
            (&b""[..], "is empty"),
            (b" \n\t\n", "is empty"),
            ("\u{feff}\n".as_bytes(), "is empty"),
            (b"Gr\xfc\xdfe aus Wien.", "is not text in UTF-8"),
        ] {
            scribble(&path, bytes);
            for command in [stage.name, "run"] {
                let failed = env.run(&[command, EP]).await.exits(1);
                let _told = failed.says(input).says(told).says("nothing was sent");
            }
        }
        fs::remove_file(&path).unwrap();
        let _missing = env.run(&[stage.name, EP]).await.exits(1).says(input).says("is missing");
        assert_eq!(calls(&env), sent, "{}", stage.name);
        assert_eq!(status_of(&env, EP).await.0, stage.before, "{}", stage.name);
        assert!(!stage.output(&env).exists(), "{}", stage.name);
    }
}

#[tokio::test]
async fn a_byte_order_mark_and_line_ends_of_windows_are_no_part_of_the_text() {
    let env = world().await;
    add_transcript(&env, &format!("\u{feff}{}", TRANSCRIPT.replace('\n', "\r\n"))).await;
    let _done = env.run(&["correct", EP]).await.success();
    let text = CORRECT.text(&env);
    assert!(text.starts_with("Willkommen") && !text.contains('\r'), "{text:?}");
    assert_eq!(env.run(&["correct", EP, "--json"]).await.success().json()["end"]["kind"], "skipped");
    let diff = json_file(&env.output(EP, "review/correction_diff.json"));
    assert_eq!(diff["original_length"], TRANSCRIPT.chars().count());
}

#[tokio::test]
async fn a_script_that_was_brought_in_goes_through_its_gate_to_chapters() {
    let mut env = world().await;
    let script =
        env.write("script.md", "Bir blok. [T1: other: \"a\" → \"b\"] Bir zincir.\n").display().to_string();
    let add = ["add", "--id", EP, "--title", "Blok", "--script", &script];
    let _added = env.run(&add).await.success();
    let _waits = env.run(&["run", EP]).await.exits(3).says("nobody has approved the text yet");
    let _shown = env.run(&["review", "show", "1"]).await.success().says("there is no diff");
    approve(&env).await;
    let _done = env.run(&["run", EP]).await.success();
    let chapters = CHAPTERIZE.text(&env);
    assert!(chapters.contains("Bir zincir") && !chapters.contains("[T1"), "{chapters}");
    assert_eq!((ADAPT.asked(&env), CHAPTERIZE.asked(&env)), (0, 1));
    // A stage with nothing to do needs no key.
    env.unset("ANTHROPIC_API_KEY");
    let _skipped = env.run(&["chapterize", EP]).await.success().says("skipped");
}
