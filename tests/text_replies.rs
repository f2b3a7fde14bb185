//! Unusable replies: each text stage reports them, keeps them for a person, and stores none as its text.

use std::fs;

use btcedu_domain::{CallState, EpisodeStatus};
use btcedu_models::episodes;
use btcedu_testkit::{
    TestEnv,
    simulator::{Fault, Rule, StopReason},
};
use serde_json::{Value, json};

use crate::{
    books::{EP, query},
    support::{status_of, texts},
    text_support::{
        ADAPT, CHAPTERIZE, CORRECT, TEXT_STAGES, TRANSCRIPT, TRANSLATE, TextStage, bring_before, json_file,
        long_transcript, run_to_the_end, runs, waiting_reviews,
    },
    world,
};

/// An unusable reply, and its error message.
struct Bad {
    name: &'static str,
    fault: Fault,
    told: &'static str,
    /// Whether it contains text that is worth keeping.
    has_text: bool,
}

fn bad_replies() -> [Bad; 5] {
    let bad = |name, fault, told, has_text| Bad { name, fault, told, has_text };
    [
        bad("cut off", Fault::StopReason(StopReason::MaxTokens), "the text model's answer was cut off", true),
        bad("empty", Fault::EmptyText, "the text model's answer was empty", false),
        bad("refused", Fault::Refuse, "refused to answer (violence)", false),
        bad("no content", Fault::EmptyData, "segment 1 of 1", false),
        bad("malformed", Fault::Text("Gern, hier ist es: …".to_owned()), "segment 1 of 1", true),
    ]
}

/// Asserts that the stage has written none of its files.
fn nothing_is_stored(env: &TestEnv, stage: &TextStage, story: &str) {
    assert!(!stage.output(env).exists(), "{story}");
    assert!(!env.output(EP, &format!("provenance/{}_provenance.json", stage.name)).exists(), "{story}");
    if let Some(diff) = stage.diff {
        assert!(!env.output(EP, diff).exists(), "{story}");
    }
}

async fn is_told_kept_and_retried(stage: &TextStage) {
    for Bad { name, fault, told, has_text } in bad_replies() {
        let story = format!("{}, {name}", stage.name);
        let env = world().await;
        bring_before(&env, stage, TRANSCRIPT).await;
        env.sim.script(texts(fault));
        let failed = env.run(&[stage.name, EP]).await.exits(1);
        let failed = failed.says(told).says(&format!("episode ep1, {}: segment 1 of 1", stage.name));
        let failed = failed.says("btcedu retry ep1");
        if name == "cut off" {
            let _where = failed.says(&format!("raise max_tokens in the template {}", stage.template));
        }
        nothing_is_stored(&env, stage, &story);
        let (status, error) = status_of(&env, EP).await;
        assert_eq!(status, stage.before, "{story}: the status is as it was");
        assert!(error.unwrap().contains(stage.name), "{story}");
        let retries =
            query(&env, |conn| Ok(episodes::find(conn, &EP.parse().unwrap())?.unwrap().retry_count));
        assert_eq!(retries.await, 1, "{story}");
        assert!(waiting_reviews(&env).await.is_empty(), "{story}");
        let last = runs(&env).await.pop().unwrap();
        assert_eq!((last.stage.as_str(), last.status.as_str()), (stage.name, "failed"), "{story}");
        assert!(last.error_message.unwrap().contains("segment 1 of 1"), "{story}");
        let kept = fs::read_to_string(stage.last_reply(&env)).ok();
        assert_eq!(kept.is_some_and(|reply| !reply.trim().is_empty()), has_text, "{story}");
        assert_eq!(stage.last_reply(&env).exists(), has_text, "{story}: an empty reply is no file");
        let ledger = stage.ledger(&env).await;
        assert_eq!(ledger.len(), stage.asked(&env), "{story}");
        assert!(ledger.iter().all(|c| c.state != CallState::Answered), "{story}");
        assert!(ledger.iter().all(|c| c.actual.is_some()), "{story}: what it cost is known");
        // Only chapters that break rules go back to the model.
        let goes_back = stage.name == "chapterize" && name == "malformed";
        assert_eq!(stage.asked(&env), if goes_back { 2 } else { 1 }, "{story}");

        env.sim.clear_rules();
        // The run continues to the next gate, or to the end.
        let _mended = env.run(&["retry", EP]).await.exits(if stage.name == "chapterize" { 0 } else { 3 });
        assert!(stage.output(&env).exists(), "{story}");
        assert!(stage.ledger(&env).await.iter().any(|c| c.state == CallState::Answered), "{story}");
        assert!(!stage.last_reply(&env).exists(), "{story}");
        run_to_the_end(&env).await;
    }
}

#[tokio::test]
async fn a_correction_that_is_none_is_told_kept_and_tried_again() {
    is_told_kept_and_retried(&CORRECT).await;
}

#[tokio::test]
async fn a_translation_that_is_none_is_told_kept_and_tried_again() {
    is_told_kept_and_retried(&TRANSLATE).await;
}

#[tokio::test]
async fn an_adaptation_that_is_none_is_told_kept_and_tried_again() {
    is_told_kept_and_retried(&ADAPT).await;
}

#[tokio::test]
async fn chapters_that_are_none_are_told_kept_and_tried_again() {
    is_told_kept_and_retried(&CHAPTERIZE).await;
}

#[tokio::test]
async fn a_text_that_is_there_is_left_alone_when_a_new_one_cant_be_used() {
    let env = world().await;
    bring_before(&env, &CHAPTERIZE, TRANSCRIPT).await;
    let _waits = env.run(&["chapterize", EP]).await.success();
    for stage in TEXT_STAGES {
        let (text, provenance) = (stage.text(&env), stage.provenance(&env));
        let before = status_of(&env, EP).await.0;
        env.sim.script(texts(Fault::Refuse).times(2));
        let _failed = env.run(&[stage.name, EP, "--force"]).await.exits(1).says("refused");
        assert_eq!((stage.text(&env), stage.provenance(&env)), (text, provenance), "{}", stage.name);
        assert_eq!(status_of(&env, EP).await.0, before, "{}", stage.name);
        assert!(TEXT_STAGES.iter().all(|s| !s.marker(&env).exists()), "{}: nothing is stale", stage.name);
        env.sim.clear_rules();
    }
}

#[tokio::test]
async fn a_reply_that_is_too_short_too_long_or_not_translated_is_no_answer() {
    let long = long_transcript(800);
    for (stage, tag, inner, told) in [
        (CORRECT, "corrected_transcript", "Satz 1.".to_owned(), "too short"),
        (CORRECT, "corrected_transcript", long.repeat(2), "too long"),
        (TRANSLATE, "translation", "Cümle.".to_owned(), "too short"),
        (TRANSLATE, "translation", long.replace("Noud", "Node"), "not a translation"),
        (ADAPT, "adaptation", "Cümle.".to_owned(), "too short"),
        (ADAPT, "adaptation", "Cümle. ".repeat(2_000), "too long"),
    ] {
        let env = world().await;
        bring_before(&env, &stage, &long).await;
        env.sim.script(texts(Fault::Text(format!("<{tag}>{inner}</{tag}>"))));
        let _failed = env.run(&[stage.name, EP]).await.exits(1).says(told).says(stage.name);
        nothing_is_stored(&env, &stage, told);
        assert!(fs::read_to_string(stage.last_reply(&env)).unwrap().contains(inner.trim()));
    }
}

/// A draft of one chapter in which one value is replaced.
fn draft(pointer: &str, value: Value) -> String {
    let mut draft = json!({"title": "Yarılanma", "chapters": [{
        "title": "Yarılanma nedir", "narration": "Ödül yarıya iner.",
        "visual": {"type": "diagram", "description": "Küçülen yığınlar", "image_prompt": "Four piles of coins."},
        "overlays": [], "transitions": {"in": "fade", "out": "cut"}, "notes": null,
    }]});
    *draft.pointer_mut(pointer).unwrap() = value;
    draft.to_string()
}

fn without_a_prompt() -> Rule {
    texts(Fault::Text(draft("/chapters/0/visual/image_prompt", Value::Null))).once()
}

fn without_a_title() -> Rule {
    texts(Fault::Text(draft("/chapters/0/title", " ".into()))).once()
}

#[tokio::test]
async fn chapters_that_break_rules_go_back_once_with_what_is_wrong_and_both_calls_count() {
    let env = world().await;
    bring_before(&env, &CHAPTERIZE, TRANSCRIPT).await;
    env.sim.script(without_a_prompt());
    let done = env.run(&["chapterize", EP, "--json"]).await.success().json();
    let [first, second] = <[String; 2]>::try_from(CHAPTERIZE.prompts(&env)).unwrap();
    assert!(!first.contains("<violations>\n") && !first.contains("<rejected_reply>\n"), "{first}");
    let (_, wrong) = second.split_once("<violations>\n").unwrap();
    assert!(wrong.contains("chapters[0].visual.image_prompt"), "{wrong}");
    assert!(second.contains("<rejected_reply>\n") && second.contains("Küçülen yığınlar"), "{second}");
    let ledger = CHAPTERIZE.ledger(&env).await;
    let states: Vec<CallState> = ledger.iter().map(|c| c.state).collect();
    assert_eq!(states, [CallState::Failed, CallState::Answered]);
    let paid: f64 = ledger.iter().map(|c| c.actual.unwrap().to_string()[1..].parse::<f64>().unwrap()).sum();
    assert!(ledger.iter().all(|c| c.actual.unwrap().micros() > 0));
    assert!((done["cost_usd"].as_f64().unwrap() - paid).abs() < 0.001, "{done:#} {paid}");
    assert!(!CHAPTERIZE.last_reply(&env).exists());
    run_to_the_end(&env).await;
    assert_eq!(CHAPTERIZE.asked(&env), 2);
}

#[tokio::test]
async fn chapters_that_break_rules_twice_fail_with_all_that_is_wrong_and_the_last_reply_is_kept() {
    let env = world().await;
    bring_before(&env, &CHAPTERIZE, TRANSCRIPT).await;
    env.sim.script(without_a_prompt());
    env.sim.script(without_a_title());
    let failed = env.run(&["chapterize", EP]).await.exits(1);
    let _told = failed.says("chapters[0].title").says("chapterize_last_reply.txt");
    assert_eq!(CHAPTERIZE.asked(&env), 2, "once, not for ever");
    nothing_is_stored(&env, &CHAPTERIZE, "twice");
    assert_eq!(
        fs::read_to_string(CHAPTERIZE.last_reply(&env)).unwrap(),
        draft("/chapters/0/title", " ".into())
    );
    assert_eq!(status_of(&env, EP).await.0, EpisodeStatus::Adapted);
    let states: Vec<CallState> = CHAPTERIZE.ledger(&env).await.iter().map(|c| c.state).collect();
    assert_eq!(states, [CallState::Failed, CallState::Failed]);
    let _anew = env.run(&["retry", EP]).await.success();
    assert!(!CHAPTERIZE.prompts(&env)[2].contains("<violations>\n"), "both were of no use: it begins anew");
}

#[tokio::test]
async fn a_second_try_that_did_not_come_is_made_by_the_next_run_and_the_first_is_not_paid_again() {
    let env = world().await;
    bring_before(&env, &CHAPTERIZE, TRANSCRIPT).await;
    env.sim.script(without_a_prompt());
    env.sim.script(texts(Fault::Status { code: 400, retry_after: None }).once());
    let _failed = env.run(&["chapterize", EP]).await.exits(1);
    assert_eq!(CHAPTERIZE.asked(&env), 2);
    let _rest = env.run(&["retry", EP]).await.success();
    let prompts = CHAPTERIZE.prompts(&env);
    assert_eq!((prompts.len(), &prompts[1]), (3, &prompts[2]), "the second try, once more");
    let states: Vec<CallState> = CHAPTERIZE.ledger(&env).await.iter().map(|c| c.state).collect();
    assert_eq!(states, [CallState::Failed, CallState::Failed, CallState::Answered]);
    let provenance = CHAPTERIZE.provenance(&env);
    assert!(provenance["cost_usd"].as_f64().unwrap() > 0.0, "{provenance}");
}

#[tokio::test]
async fn one_bad_segment_of_three_fails_the_stage_and_the_next_run_pays_for_that_one_only() {
    let env = world().await;
    bring_before(&env, &CORRECT, &long_transcript(32_000)).await;
    env.sim.script(texts(Fault::Refuse).when_prompt_contains("Satz 250 "));
    let _failed = env.run(&["correct", EP]).await.exits(1).says("segment 2 of 3: the text model refused");
    let bad = CORRECT.ledger(&env).await.iter().filter(|c| c.state == CallState::Failed).count();
    assert_eq!(bad, 1);
    let answered = CORRECT.ledger(&env).await.iter().filter(|c| c.state == CallState::Answered).count();
    env.sim.clear_rules();
    let again = env.run(&["correct", EP, "--json"]).await.success().json();
    assert_eq!((&again["segments"], &again["reused"]), (&3.into(), &answered.into()));
    assert_eq!(CORRECT.asked(&env), 4, "three, and the bad one once more");
    assert_eq!(CORRECT.provenance(&env)["segments"], 3);
}

#[tokio::test]
async fn a_failure_has_its_place_in_the_report_and_in_json() {
    let env = world().await;
    bring_before(&env, &CORRECT, TRANSCRIPT).await;
    env.sim.script(texts(Fault::EmptyText).once());
    let report = env.run(&["run", EP, "--json"]).await.exits(1).json();
    assert_eq!(
        (&report["end"]["kind"], &report["stages"][0]["outcome"]),
        (&"failed".into(), &"failed".into())
    );
    assert!(report["stages"][0]["cost_usd"].as_f64().unwrap() > 0.0, "an empty answer is paid");
    let kept = json_file(&env.data().join("reports/ep1").join(&env.files("reports/ep1")[0]));
    assert_eq!(kept["end"], report["end"]);
}

#[tokio::test]
async fn chapters_that_leave_out_the_script_or_say_something_else_go_back_and_are_never_stored() {
    let env = world().await;
    bring_before(&env, &CHAPTERIZE, &long_transcript(800)).await;
    env.sim.script(texts(Fault::Text(draft(
        "/chapters/0/narration",
        "Hemen alın, fiyat iki katına çıkacak.".into(),
    ))));
    let failed = env.run(&["chapterize", EP]).await.exits(1);
    let _told = failed.says("leave out").says("chapterize_last_reply.txt");
    assert_eq!(CHAPTERIZE.asked(&env), 2, "it went back once");
    assert!(CHAPTERIZE.prompts(&env)[1].contains("sentence by sentence"));
    nothing_is_stored(&env, &CHAPTERIZE, "unfaithful");
    env.sim.clear_rules();
    run_to_the_end(&env).await;
}

#[tokio::test]
async fn an_adaptation_with_a_tag_that_is_never_closed_is_no_answer() {
    let env = world().await;
    bring_before(&env, &ADAPT, TRANSCRIPT).await;
    let text = format!("{} [T2: cultural_reference: açık kaldı.", TRANSLATE.text(&env));
    env.sim.script(texts(Fault::Text(format!("<adaptation>{text}</adaptation>"))).once());
    let _failed =
        env.run(&["adapt", EP]).await.exits(1).says("a tag is not closed").says("[T2: cultural_ref");
    nothing_is_stored(&env, &ADAPT, "open tag");
    run_to_the_end(&env).await;
}
