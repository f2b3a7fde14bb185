//! Text stages are killed at every crash point: settled answers are not paid again, and the next run finishes.

use std::collections::BTreeSet;

use btcedu_domain::{CallState, EpisodeStatus, Usd};
use btcedu_models::provider_calls::ProviderCall;
use btcedu_testkit::{TestEnv, simulator::Fault};

use crate::{
    books::{EP, Records, scribble, temporary_files},
    crash_support::killed_at,
    support::{calls, status_of, texts},
    text_support::{
        ADAPT, CHAPTERIZE, CORRECT, TEXT_STAGES, TRANSCRIPT, TRANSLATE, TextStage, add_transcript, approve,
        bring_before, hash_of, json_file, long_transcript, run_to_the_end, waiting_review, waiting_reviews,
    },
    world,
};

/// The steps that only text stages have, in their order; `tests/crash.rs` compares them with the sources.
pub(crate) const TEXT_STEPS: &[&str] = &["text-run-opened", "text-taken-back", "text-written", "text-closed"];

/// The steps of one call, which imagegen has too.
const CALL_STEPS: &[&str] = &["reserved", "text-answered", "text-settled"];

/// Every file that a stage puts in its place by rename.
fn replaced(stage: &TextStage) -> Vec<&'static str> {
    match stage.name {
        "correct" => vec![
            "transcript.corrected.de.txt.stale",
            "transcript.corrected.de.txt",
            "correction_diff.json",
            "correct_provenance.json",
            "review_history.json",
        ],
        "translate" => vec!["transcript.tr.txt.stale", "transcript.tr.txt", "translate_provenance.json"],
        "adapt" => vec![
            "script.adapted.tr.md.stale",
            "script.adapted.tr.md",
            "adaptation_diff.json",
            "adapt_provenance.json",
            "review_history.json",
        ],
        _ => vec!["chapters.json.stale", "chapters.json", "chapterize_provenance.json"],
    }
}

fn points(stage: &TextStage) -> Vec<String> {
    let steps = TEXT_STEPS.iter().chain(CALL_STEPS).map(|step| (*step).to_owned());
    let around = |file: &str| [format!("before-rename-{file}"), format!("after-rename-{file}")];
    steps.chain(replaced(stage).into_iter().flat_map(around)).collect()
}

/// Counts the settled calls of a killed run; they must never be sent again.
async fn settled(stage: &TextStage, env: &TestEnv) -> usize {
    stage.ledger(env).await.iter().filter(|call| call.state == CallState::Answered).count()
}

/// Asserts everything that must hold while no run is active.
async fn audit(env: &TestEnv, story: &str) {
    let records = Records::open(env).await;
    assert_eq!(records.count(CallState::Sent), 0, "{story}: every call is settled");
    assert!(records.runs.iter().all(|run| run.completed_at.is_some()), "{story}: no run is left open");
    let left = temporary_files(&env.data());
    assert!(left.is_empty(), "{story}: left behind: {left:?}");
    let billed = usize::try_from(env.sim.stats().billed_texts).unwrap();
    let free = |call: &&ProviderCall| call.state == CallState::Failed && call.actual == Some(Usd::ZERO);
    let known = records.calls.len() - records.calls.iter().filter(free).count();
    assert!(billed <= known, "{story}: {billed} billed, {known} known");
    for stage in TEXT_STAGES.iter().filter(|stage| stage.output(env).exists()) {
        let provenance = stage.provenance(env);
        assert_eq!(
            provenance["output_hashes"][0],
            hash_of(&stage.output(env)).as_str(),
            "{story}: {}",
            stage.name
        );
    }
}

/// Runs a stage again after a kill, and demands that it finishes and pays for what is lost only.
async fn finishes(env: &TestEnv, stage: &TextStage, segments: usize, story: &str) {
    let (kept, sent) = (settled(stage, env).await, stage.asked(env));
    let again = env.run(&[stage.name, EP, "--json"]).await.success().json();
    assert!(["done", "skipped"].contains(&again["end"]["kind"].as_str().unwrap()), "{story}: {again:#}");
    assert_eq!(stage.asked(env) - sent, segments - kept, "{story}: only what is lost is asked again");
    assert_eq!(status_of(env, EP).await, (stage.after, None), "{story}");
    audit(env, story).await;
    if let Some(diff) = stage.diff {
        let reviews = waiting_reviews(env).await;
        assert_eq!(reviews.len(), 1, "{story}: {reviews:#?}");
        assert_eq!(reviews[0]["artifact_hash"], hash_of(&stage.output(env)).as_str(), "{story}");
        assert!(env.output(EP, diff).exists(), "{story}");
        let history = json_file(&env.output(EP, "review/review_history.json"));
        assert_eq!(history["reviews"].as_array().unwrap().last().unwrap()["id"], reviews[0]["id"], "{story}");
    }
    let sent = stage.asked(env);
    let third = env.run(&[stage.name, EP, "--json"]).await.success().json();
    assert_eq!((&third["end"]["kind"], stage.asked(env)), (&"skipped".into(), sent), "{story}");
}

/// Kills the first run of a stage at each point, one world each.
async fn killed_everywhere(stage: &TextStage, transcript: &str, segments: usize) {
    for point in points(stage) {
        let story = format!("{} killed at {point}", stage.name);
        let env = world().await;
        bring_before(&env, stage, transcript).await;
        killed_at(&env, &point, 0, &[stage.name, EP]).await;
        finishes(&env, stage, segments, &story).await;
        assert!(stage.asked(&env) <= segments + 1, "{story}: at most one call more than without the kill");
    }
}

#[tokio::test]
async fn killed_anywhere_in_correct_the_next_run_finishes() {
    killed_everywhere(&CORRECT, TRANSCRIPT, 1).await;
}

#[tokio::test]
async fn killed_anywhere_in_translate_the_next_run_finishes() {
    killed_everywhere(&TRANSLATE, TRANSCRIPT, 1).await;
}

#[tokio::test]
async fn killed_anywhere_in_adapt_the_next_run_finishes() {
    killed_everywhere(&ADAPT, TRANSCRIPT, 1).await;
}

#[tokio::test]
async fn killed_anywhere_in_chapterize_the_next_run_finishes() {
    killed_everywhere(&CHAPTERIZE, TRANSCRIPT, 1).await;
}

#[tokio::test]
async fn every_file_that_a_text_stage_replaces_is_tried_here() {
    let env = world().await;
    add_transcript(&env, TRANSCRIPT).await;
    let given = ["transcripts/ep1", "outputs/ep1", "outputs/ep1/review", "outputs/ep1/provenance"]
        .map(|folder| (folder, env.files(folder)));
    bring_before_pictures(&env).await;
    let mut written: BTreeSet<String> = BTreeSet::new();
    for (folder, before) in given {
        let new = env.files(folder).into_iter().filter(|file| file.contains('.') && !before.contains(file));
        written.extend(new);
    }
    let tried: BTreeSet<String> = TEXT_STAGES
        .iter()
        .flat_map(replaced)
        .filter(|file| !file.contains(".stale"))
        .map(str::to_owned)
        .collect();
    assert_eq!(written, tried);
}

async fn bring_before_pictures(env: &TestEnv) {
    for stage in TEXT_STAGES {
        let _done = env.run(&[stage.name, EP]).await.success();
        if stage.diff.is_some() {
            approve(env).await;
        }
    }
}

#[tokio::test]
async fn killed_while_a_long_text_is_made_segments_that_arrived_are_kept() {
    let long = long_transcript(32_000);
    for (point, passes) in [
        ("reserved", 0),
        ("reserved", 2),
        ("text-answered", 1),
        ("text-settled", 0),
        ("text-settled", 1),
        ("text-settled", 2),
        ("after-rename-transcript.corrected.de.txt", 0),
        ("text-written", 0),
    ] {
        let story = format!("a long text killed at {point} after {passes}");
        let env = world().await;
        add_transcript(&env, &long).await;
        killed_at(&env, point, passes, &["correct", EP]).await;
        let kept = settled(&CORRECT, &env).await;
        if point == "text-settled" {
            assert!(kept > usize::try_from(passes).unwrap(), "{story}: {kept}");
        }
        finishes(&env, &CORRECT, 3, &story).await;
        assert_eq!(CORRECT.text(&env), long.replace("Noud", "Node"), "{story}: nothing is lost or doubled");
    }
}

/// Kills a run that makes a text anew at every third point, beginning with one of the first three.
async fn killed_while_made_anew(part: usize) {
    let stale = ["transcript.tr.txt.stale", "script.adapted.tr.md.stale"];
    let markers = stale.iter().flat_map(|m| [format!("before-rename-{m}"), format!("after-rename-{m}")]);
    for point in points(&CORRECT).into_iter().chain(markers).skip(part).step_by(3) {
        let story = format!("made anew, killed at {point}");
        let env = world().await;
        // The simulator corrects "Verordnung Mika" only after a reviewer's note.
        bring_before(&env, &CHAPTERIZE, &format!("{TRANSCRIPT}\nDie Verordnung Mika gilt.\n")).await;
        correct_otherwise(&env).await;
        let review = waiting_review(&env).await;
        let notes = ["review", "request-changes", &review, "--notes", "MiCA ist ein Name."];
        let _back = env.run(&notes).await.success();
        killed_at(&env, &point, 0, &["run", EP]).await;
        let _finished = env.run(&["run", EP]).await.exits(3);
        audit(&env, &story).await;
        assert!(CORRECT.text(&env).contains("Verordnung MiCA"), "{story}: {}", CORRECT.text(&env));
        let asked = CORRECT.prompts(&env);
        assert!((3..=4).contains(&asked.len()), "{story}: {}", asked.len());
        assert!(asked.iter().skip(2).all(|prompt| prompt.contains("MiCA ist ein Name.")), "{story}");
        assert_eq!(status_of(&env, EP).await.0, EpisodeStatus::Corrected, "{story}");
        run_to_the_end(&env).await;
        assert!(TEXT_STAGES.iter().all(|stage| !stage.marker(&env).exists()), "{story}");
    }
}

#[tokio::test]
async fn killed_while_a_text_is_made_anew_for_a_reviewer_the_notes_still_reach_it_part_1() {
    killed_while_made_anew(0).await;
}

#[tokio::test]
async fn killed_while_a_text_is_made_anew_for_a_reviewer_the_notes_still_reach_it_part_2() {
    killed_while_made_anew(1).await;
}

#[tokio::test]
async fn killed_while_a_text_is_made_anew_for_a_reviewer_the_notes_still_reach_it_part_3() {
    killed_while_made_anew(2).await;
}

#[tokio::test]
async fn what_a_killed_run_had_written_is_no_edit_even_after_a_run_that_failed() {
    let env = world().await;
    add_transcript(&env, TRANSCRIPT).await;
    killed_at(&env, "after-rename-transcript.corrected.de.txt", 0, &["correct", EP]).await;
    let other = TRANSCRIPT.replace("Tatort", "Krimi");
    scribble(&env.data().join("transcripts/ep1/transcript.clean.de.txt"), other.as_bytes());
    env.sim.script(texts(Fault::Refuse).once());
    let _failed = env.run(&["correct", EP]).await.exits(1).says("refused");
    let _done = env.run(&["correct", EP]).await.success();
    assert!(CORRECT.text(&env).contains("Krimi") && CORRECT.asked(&env) == 3);
    audit(&env, "a failed run after a killed one").await;
}

/// Makes another correction than before, which nobody has approved.
async fn correct_otherwise(env: &TestEnv) {
    let other = format!("<corrected_transcript>\n{TRANSCRIPT}\n</corrected_transcript>");
    env.sim.script(texts(Fault::Text(other)).once());
    let _other = env.run(&["correct", EP, "--force"]).await.success();
}

#[tokio::test]
async fn killed_while_a_review_is_decided_it_can_be_decided_again_either_way() {
    let marker = "transcript.corrected.de.txt.stale";
    for point in [format!("before-rename-{marker}"), format!("after-rename-{marker}")] {
        for approves in [true, false] {
            let story = format!("a request for changes killed at {point}, then approved: {approves}");
            let env = world().await;
            add_transcript(&env, TRANSCRIPT).await;
            let _waits = env.run(&["run", EP]).await.exits(3);
            let ask = ["review", "request-changes", "1", "--notes", "Kürzer."];
            killed_at(&env, &point, 0, &ask).await;
            assert_eq!(waiting_review(&env).await, "1", "{story}: nothing was decided yet");
            let _waits = env.run(&["run", EP]).await.exits(3).says("btcedu review show 1");
            if approves {
                approve(&env).await;
                let _goes_on = env.run(&["run", EP]).await.exits(3);
                assert_eq!(status_of(&env, EP).await, (EpisodeStatus::Adapted, None), "{story}");
                assert_eq!(CORRECT.asked(&env), 1, "{story}");
            } else {
                let _asked = env.run(&ask).await.success();
                let _anew = env.run(&["run", EP]).await.exits(3);
                assert_eq!(CORRECT.asked(&env), 2, "{story}");
            }
            run_to_the_end(&env).await;
        }
    }
    for point in ["before-rename-review_history.json", "after-rename-review_history.json"] {
        let env = world().await;
        add_transcript(&env, TRANSCRIPT).await;
        let _waits = env.run(&["run", EP]).await.exits(3);
        killed_at(&env, point, 0, &["review", "approve", "1"]).await;
        let _decided = env.run(&["review", "approve", "1"]).await.exits(1).says("decided already");
        run_to_the_end(&env).await;
        let history = json_file(&env.output(EP, "review/review_history.json"));
        assert_eq!(history["reviews"][0]["status"], "approved", "{point}");
        assert!(temporary_files(&env.data()).is_empty(), "{point}");
    }
}

#[tokio::test]
async fn killed_while_everything_is_forced_anew_a_plain_run_brings_it_to_the_end() {
    for point in points(&TRANSLATE) {
        let story = format!("translate --force killed at {point}");
        let env = world().await;
        add_transcript(&env, TRANSCRIPT).await;
        bring_before_pictures(&env).await;
        // The text differs from the one before, so the stages after it must run again.
        let other = format!("<translation>\n{}\n\nYeni çeviri.\n</translation>", TRANSLATE.text(&env));
        env.sim.script(texts(Fault::Text(other)).when_prompt_contains("The segment to translate:"));
        killed_at(&env, &point, 0, &["translate", EP, "--force"]).await;
        let (images, _) = calls(&env);
        assert_eq!(images, 0);
        let _again = env.run(&["translate", EP]).await.success();
        audit(&env, &story).await;
        run_to_the_end(&env).await;
        let consistent = ADAPT.provenance(&env)["input_files"].as_array().unwrap().len() == 2
            && CHAPTERIZE.provenance(&env)["input_content_hash"] == hash_of(&ADAPT.output(&env)).as_str();
        assert!(consistent, "{story}");
        let (asked, is_new) = (TRANSLATE.asked(&env), TRANSLATE.text(&env).contains("Yeni çeviri"));
        match point.as_str() {
            "text-run-opened" | "reserved" => {
                assert_eq!((asked, is_new), (1, false), "{story}: nothing was sent");
            }
            // The answer was lost, so the call may be repeated.
            "text-answered" => assert!((2..=3).contains(&asked), "{story}: {asked}"),
            _ => assert_eq!(asked, 2, "{story}: a settled answer is not paid again"),
        }
        // Once the answer is settled, the stage is finished with the new text.
        if !["text-run-opened", "reserved", "text-answered"].contains(&point.as_str()) {
            assert!(is_new, "{story}: the answer that was paid is not used");
        }
        assert_eq!(ADAPT.text(&env).contains("Yeni çeviri"), is_new, "{story}: what follows is made of it");
    }
}

#[tokio::test]
async fn a_text_stage_takes_no_picture_away_that_an_interrupted_run_had_paid_for() {
    let mut env = world().await;
    env.set("IMAGE_GEN_CONCURRENCY", "1");
    bring_before(&env, &CHAPTERIZE, TRANSCRIPT).await;
    let _chapters = env.run(&["chapterize", EP]).await.success();
    killed_at(&env, "picture-staged", 0, &["imagegen", EP]).await;
    let first = env.sim.stats().prompts[0].clone();
    // It has nothing to do, and removes only temporary files of text stages.
    let _current = env.run(&["chapterize", EP]).await.success().says("skipped");
    let _made = env.run(&["imagegen", EP]).await.success();
    let sent = env.sim.stats().prompts;
    assert_eq!(sent.iter().filter(|prompt| **prompt == first).count(), 1, "{sent:#?}");
    let _clean = env.run(&["images", "verify", EP]).await.success();
}
