//! The two gates: a decision is for one text and final, and a text that was sent back is made again with the notes.

use btcedu_domain::EpisodeStatus;
use btcedu_testkit::{TestEnv, simulator::Fault};
use serde_json::Value;

use crate::{
    books::{EP, scribble},
    support::{calls, status_of, texts},
    text_support::{
        ADAPT, CHAPTERIZE, CORRECT, TRANSCRIPT, TRANSLATE, TextStage, add_transcript, approve, bring_before,
        json_file, run_to_the_end, waiting_review, waiting_reviews,
    },
    world,
};

const BY_HAND: &str = "Von Hand ergänzt.";

/// Adds a sentence to what a stage wrote, as a person's editor does.
fn edit(env: &TestEnv, stage: &TextStage) {
    scribble(&stage.output(env), format!("{}{BY_HAND}\n", stage.text(env)).as_bytes());
}

fn diff_shows_the_edit(env: &TestEnv) {
    let diff = json_file(&env.output(EP, "review/correction_diff.json"));
    assert!(
        diff["changes"].as_array().unwrap().last().unwrap()["corrected"].as_str().unwrap().contains(BY_HAND)
    );
    assert_eq!(diff["corrected_length"], CORRECT.text(env).chars().count());
}

/// A world in which the correction waits for its first decision, as review 1.
async fn at_gate_1() -> TestEnv {
    let env = world().await;
    add_transcript(&env, TRANSCRIPT).await;
    let _waits = env.run(&["run", EP]).await.exits(3);
    assert_eq!(waiting_review(&env).await, "1");
    env
}

#[tokio::test]
async fn a_text_changed_by_hand_after_its_approval_blocks_what_follows_until_it_is_approved_as_it_is() {
    let env = at_gate_1().await;
    approve(&env).await;
    edit(&env, &CORRECT);
    let sent = calls(&env);
    let why = "the text was changed after review 1 had approved it";
    let looked = env.run(&["translate", EP, "--dry-run"]).await.exits(3);
    let _told = looked.says(why).says("`btcedu translate ep1` asks for it");
    // The first command that may write opens a new review; the others wait for it.
    for command in [&["run", EP][..], &["translate", EP], &["run", EP], &["translate", EP, "--force"]] {
        let _told = env.run(command).await.exits(3).says(why).says("btcedu review approve 2");
    }
    assert_eq!(calls(&env), sent, "nothing is sent");
    assert_eq!(status_of(&env, EP).await, (EpisodeStatus::Corrected, None), "a closed gate is no failure");
    let waiting = waiting_reviews(&env).await;
    assert_eq!((waiting.len(), &waiting[0]["id"], &waiting[0]["status"]), (1, &2.into(), &"pending".into()));
    diff_shows_the_edit(&env);
    let _shown = env.run(&["review", "show", "2"]).await.success().says(BY_HAND);

    approve(&env).await;
    let _goes_on = env.run(&["run", EP]).await.exits(3);
    assert_eq!(status_of(&env, EP).await.0, EpisodeStatus::Adapted);
    assert!(TRANSLATE.prompts(&env)[0].contains(BY_HAND), "the edited text is what is translated");
}

#[tokio::test]
async fn a_script_changed_by_hand_after_its_approval_blocks_the_chapters() {
    let env = world().await;
    bring_before(&env, &CHAPTERIZE, TRANSCRIPT).await;
    edit(&env, &ADAPT);
    let _blocked = env.run(&["chapterize", EP]).await.exits(3).says("had approved it");
    assert_eq!(CHAPTERIZE.asked(&env), 0);
    let waiting = waiting_reviews(&env).await;
    assert_eq!((&waiting[0]["stage"], &waiting[0]["status"]), (&"adapt".into(), &"pending".into()));
    run_to_the_end(&env).await;
    let chapters = CHAPTERIZE.text(&env);
    assert!(chapters.contains(BY_HAND), "{chapters}");
}

#[tokio::test]
async fn deciding_on_a_text_that_changed_meanwhile_is_refused_once_and_the_review_is_brought_up_to_date() {
    for words in [&["approve", "1"][..], &["reject", "1"], &["request-changes", "1", "--notes", "Kürzer."]] {
        let env = at_gate_1().await;
        let _opened = env.run(&["review", "show", "1"]).await.success();
        edit(&env, &CORRECT);
        let _warned = env.run(&["review", "show", "1"]).await.success().says("the text was changed since");
        let command = [&["review"], words].concat();
        let _refused = env.run(&command).await.exits(3).says("review 1").says("was changed since");
        let waiting = waiting_reviews(&env).await;
        assert_eq!((&waiting[0]["status"], &waiting[0]["text_changed"]), (&"pending".into(), &false.into()));
        diff_shows_the_edit(&env);
        assert_eq!(status_of(&env, EP).await.0, EpisodeStatus::Corrected, "nothing was decided");
        let _decided = env.run(&command).await.success();
    }
}

#[tokio::test]
async fn a_rejection_without_notes_sends_back_and_the_next_run_asks_the_model_anew() {
    let env = at_gate_1().await;
    let _rejected = env.run(&["review", "reject", "1"]).await.success().says("makes it anew");
    assert_eq!(status_of(&env, EP).await, (EpisodeStatus::Transcribed, None));
    let marker = json_file(&CORRECT.marker(&env));
    assert_eq!(marker["invalidated_by"], "review 1");
    assert!(marker["reason"].as_str().unwrap().contains("rejected"), "{marker}");
    assert!(CORRECT.output(&env).exists(), "no file is deleted");
    assert!(waiting_reviews(&env).await.is_empty());
    let _translate = env.run(&["translate", EP]).await.exits(1).says("'transcribed'");

    let other = TRANSCRIPT.replace("Halfing", "Halving").replace("Leitning", "Lightning");
    env.sim
        .script(texts(Fault::Text(format!("<corrected_transcript>{other}</corrected_transcript>"))).once());
    let _anew = env.run(&["run", EP]).await.exits(3);
    assert_eq!(CORRECT.asked(&env), 2, "an answer that was rejected isn't taken again");
    assert_eq!(CORRECT.prompts(&env)[0], CORRECT.prompts(&env)[1], "there are no notes");
    assert_eq!(CORRECT.text(&env).trim(), other.trim());
    assert_eq!(waiting_review(&env).await, "2");
    assert!(!CORRECT.marker(&env).exists());
    run_to_the_end(&env).await;
}

#[tokio::test]
async fn the_same_notes_given_twice_are_followed_twice() {
    let env = at_gate_1().await;
    for review in ["1", "2"] {
        let _back = env.run(&["review", "request-changes", review, "--notes", "Kürzer."]).await.success();
        let _anew = env.run(&["run", EP]).await.exits(3);
    }
    assert_eq!(CORRECT.asked(&env), 3);
    assert_eq!(waiting_review(&env).await, "3");
}

#[tokio::test]
async fn a_rejected_adaptation_is_made_anew_with_the_notes_in_its_prompt_once() {
    const NOTES: &str = "Daha sıcak bir dille, lütfen";
    let env = world().await;
    bring_before(&env, &ADAPT, TRANSCRIPT).await;
    let _waits = env.run(&["run", EP]).await.exits(3);
    let before = ADAPT.text(&env);
    let task = waiting_review(&env).await;
    let _rejected = env.run(&["review", "reject", &task, "--notes", NOTES]).await.success();
    assert_eq!(status_of(&env, EP).await, (EpisodeStatus::Translated, None));
    assert!(
        ADAPT.marker(&env).exists() && !CORRECT.marker(&env).exists() && !TRANSLATE.marker(&env).exists()
    );
    let _anew = env.run(&["run", EP]).await.exits(3);
    assert_ne!(ADAPT.text(&env), before);
    let prompts = ADAPT.prompts(&env);
    assert_eq!(prompts.len(), 2);
    assert!(!prompts[0].contains("<reviewer_feedback>\n") && prompts[1].matches(NOTES).count() == 1);
    // A third adaptation for another reason doesn't get the notes again.
    let _forced = env.run(&["adapt", EP, "--force"]).await.success();
    assert!(!ADAPT.prompts(&env)[2].contains(NOTES));
    run_to_the_end(&env).await;
    let told: Vec<String> = env.sim.requests().iter().map(|r| r.body.to_string()).collect();
    assert_eq!(told.iter().filter(|body| body.contains(NOTES)).count(), 1);
    assert_eq!((CORRECT.asked(&env), TRANSLATE.asked(&env)), (1, 1), "what came before stays");
}

/// A rule that answers the next request with this correction.
fn corrected(text: &str) -> btcedu_testkit::simulator::Rule {
    texts(Fault::Text(format!("<corrected_transcript>\n{text}\n</corrected_transcript>"))).once()
}

const PLAIN: &str = "Eins zwei drei vier fünf. Alle 210.000 Blöcke sechs sieben acht neun zehn.";

#[tokio::test]
async fn only_where_it_is_set_a_few_changes_of_punctuation_need_no_reviewer() {
    let four = "Eins, zwei, drei, vier, fünf. Alle 210.000 Blöcke sechs sieben acht neun zehn.";
    let five = "Eins, zwei, drei, vier, fünf. Alle 210.000 Blöcke sechs, sieben acht neun zehn.";
    let number = PLAIN.replace("210.000", "210,000");
    let word = PLAIN.replace("zehn", "Zehn");
    let cases = [
        (Some("yes"), four, true),
        (Some("yes"), PLAIN, true),
        (Some("yes"), five, false),
        (Some("yes"), &number, false),
        (Some("yes"), &word, false),
        (Some("no"), four, false),
        (None, four, false),
    ];
    for (setting, answer, goes_on) in cases {
        let story = format!("AUTO_APPROVE_TRIVIAL={setting:?}, {answer}");
        let mut env = world().await;
        if let Some(setting) = setting {
            env.set("AUTO_APPROVE_TRIVIAL", setting);
        }
        add_transcript(&env, PLAIN).await;
        env.sim.script(corrected(answer));
        let _waits = env.run(&["run", EP]).await.exits(3);
        let history = json_file(&env.output(EP, "review/review_history.json"));
        let (first, decisions) = (&history["reviews"][0], &history["reviews"][0]["decisions"]);
        if goes_on {
            assert_eq!(status_of(&env, EP).await.0, EpisodeStatus::Adapted, "{story}");
            assert_eq!(
                (&first["status"], &decisions[0]["decision"]),
                (&"approved".into(), &"approved".into())
            );
            let why = decisions[0]["notes"].as_str().unwrap();
            assert!(why.contains("approved by btcedu") && why.contains("punctuation only"), "{story}: {why}");
        } else {
            assert_eq!(status_of(&env, EP).await.0, EpisodeStatus::Corrected, "{story}");
            assert_eq!(
                (&first["status"], decisions),
                (&"pending".into(), &Value::Array(Vec::new())),
                "{story}"
            );
        }
    }
}

#[tokio::test]
async fn a_text_that_was_approved_by_itself_and_then_edited_needs_a_person() {
    let mut env = world().await;
    env.set("AUTO_APPROVE_TRIVIAL", "yes");
    add_transcript(&env, PLAIN).await;
    env.sim.script(corrected(PLAIN));
    let _done = env.run(&["correct", EP]).await.success();
    edit(&env, &CORRECT);
    let _blocked = env.run(&["run", EP]).await.exits(3).says("had approved it");
    assert_eq!(waiting_review(&env).await, "2");
    assert_eq!(TRANSLATE.asked(&env), 0);
}

#[tokio::test]
async fn a_text_that_an_earlier_stage_has_made_out_of_date_is_not_decided_on() {
    let env = world().await;
    bring_before(&env, &ADAPT, TRANSCRIPT).await;
    let _waits = env.run(&["run", EP]).await.exits(3).says("btcedu review show 2");
    let other = CORRECT.text(&env).replace("Willkommen", "Herzlich willkommen");
    env.sim
        .script(texts(Fault::Text(format!("<corrected_transcript>{other}</corrected_transcript>"))).once());
    let _new = env.run(&["correct", EP, "--force"]).await.success();
    for words in [&["approve", "2"][..], &["reject", "2"], &["request-changes", "2", "--notes", "Kürzer."]] {
        let refused = env.run(&[&["review"], words].concat()).await.exits(3);
        let _told = refused.says("review 2 is out of date").says("btcedu run ep1");
    }
    assert_eq!(status_of(&env, EP).await, (EpisodeStatus::Corrected, None), "it is not moved past gate 1");
    let _listed = env.run(&["review", "list"]).await.success().says("out of date, will be made anew");
    let _shown = env.run(&["review", "show", "2"]).await.success().says("out of date");

    let _approved = env.run(&["review", "approve", "3"]).await.success();
    let _waits = env.run(&["run", EP]).await.exits(3).says("btcedu review approve 2");
    run_to_the_end(&env).await;
}

#[tokio::test]
async fn an_edited_text_that_is_approved_late_is_what_everything_after_it_is_made_from() {
    let env = world().await;
    add_transcript(&env, TRANSCRIPT).await;
    run_to_the_end(&env).await;
    edit(&env, &CORRECT);
    let _plain = env.run(&["run", EP]).await.success().says("nothing is left to do");
    let asks = env.run(&["run", EP, "--refresh"]).await.exits(3);
    let _told = asks.says("the text was changed after review 1 had approved it").says("btcedu review show 3");
    let _approved = env.run(&["review", "approve", "3"]).await.success().says("`btcedu run ep1` goes on");
    assert_eq!(status_of(&env, EP).await, (EpisodeStatus::Corrected, None));
    assert_eq!(json_file(&TRANSLATE.marker(&env))["invalidated_by"], "review 3");
    let _waits = env.run(&["run", EP]).await.exits(3);
    assert!(TRANSLATE.prompts(&env)[1].contains(BY_HAND));
    assert_eq!((CORRECT.asked(&env), TRANSLATE.asked(&env), ADAPT.asked(&env)), (1, 2, 2));
    run_to_the_end(&env).await;
}

#[tokio::test]
async fn a_text_that_a_person_mends_after_it_was_sent_back_is_asked_for_as_it_is() {
    let env = at_gate_1().await;
    let _back = env.run(&["review", "request-changes", "1", "--notes", "Den Namen richtig."]).await.success();
    edit(&env, &CORRECT);
    let sent = calls(&env);
    let waits = env.run(&["run", EP]).await.exits(3);
    let _told = waits.says("edited by hand after review 1 had sent it back").says("btcedu review show 2");
    assert_eq!(calls(&env), sent, "nothing is bought");
    assert!(!CORRECT.marker(&env).exists() && CORRECT.text(&env).contains(BY_HAND));
    diff_shows_the_edit(&env);
    approve(&env).await;
    run_to_the_end(&env).await;
    assert!(TRANSLATE.prompts(&env)[0].contains(BY_HAND));
    assert_eq!(CORRECT.asked(&env), 1);
}
