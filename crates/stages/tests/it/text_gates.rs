//! The two reviews on both sides of a text stage: what waits for them, and what becomes of what they send back.

use btcedu_clients::StopReason;
use btcedu_domain::{EpisodeStatus, ErrorKind, Kinded, ReviewStage, ReviewStatus};
use btcedu_models::review_decisions;
use btcedu_stages::{BuiltStage, StageEnd, StageError, review_tasks::ReviewHistory};
use btcedu_texts::CorrectionDiff;

use crate::{
    text_world::{
        CORRECTED, FORCE, PLAIN, TRANSCRIPT, answer, between, hash, long_transcript, mark, read, wrapped,
    },
    world::{World, id, no_images, text},
};

/// The stages that wait for a review, and the status in which they do.
const GATED: [(BuiltStage, ReviewStage, EpisodeStatus); 2] = [
    (BuiltStage::Translate, ReviewStage::Correct, EpisodeStatus::Corrected),
    (BuiltStage::Chapterize, ReviewStage::Adapt, EpisodeStatus::Adapted),
];

#[tokio::test(start_paused = true)]
async fn a_text_that_nobody_was_asked_about_opens_its_review_and_is_not_used() {
    for (stage, gate, status) in GATED {
        let world = World::at(status);
        let looked = world.preview(stage, &PLAIN).await.unwrap_err();
        assert!(looked.to_string().contains("nobody has approved the text yet"), "{looked}");
        assert!(world.tasks().await.is_empty(), "looking opens nothing");

        let error = world.unasked(stage, &PLAIN).await.unwrap_err();
        let task = world.waiting().await;
        assert!(
            matches!(&error, StageError::AwaitingReview { task: Some(id), .. } if *id == task.id),
            "{error}"
        );
        assert_eq!(error.kind(), ErrorKind::Blocked);
        assert!(error.to_string().contains(&format!("btcedu review approve {}", task.id)), "{error}");
        assert_eq!((task.stage, task.artifact_hash), (gate, Some(hash(&world.dir().reviewed_text(gate)))));
        assert!(world.dir().review_diff(gate).exists());
        let history: ReviewHistory = serde_json::from_str(&read(&world.dir().review_history())).unwrap();
        assert_eq!((history.reviews.len(), history.reviews[0].status), (1, ReviewStatus::Pending));

        world.unasked(stage, &FORCE).await.unwrap_err();
        assert_eq!(world.waiting().await.id, task.id, "--force passes no gate, and asks once");
        assert!(world.runs().await.is_empty());
        let episode = world.episode().await;
        assert_eq!((episode.status, episode.error_message), (status, None));
        assert_eq!(episode.review_status, Some(ReviewStatus::Pending));
        world.approve(gate).await;
        world.make(stage).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_approval_holds_for_one_text_only() {
    let world = World::at(EpisodeStatus::Corrected);
    let approved = world.approve(ReviewStage::Correct).await;
    world.edit(BuiltStage::Correct, &CORRECTED.replace("Hälfte", "halbe Belohnung"));
    let error = world.unasked(BuiltStage::Translate, &PLAIN).await.unwrap_err();
    let told = format!("the text was changed after review {approved} had approved it");
    assert!(error.to_string().contains(&told), "{error}");
    let task = world.waiting().await;
    assert_ne!(task.id, approved);
    let diff: CorrectionDiff =
        serde_json::from_str(&read(&world.dir().review_diff(ReviewStage::Correct))).unwrap();
    assert!(diff.changes.iter().any(|change| change.corrected.contains("Belohnung")), "{diff:?}");

    world.edit(BuiltStage::Correct, CORRECTED);
    world.unasked(BuiltStage::Translate, &PLAIN).await.unwrap_err();
    assert_eq!(world.waiting().await.artifact_hash, Some(hash(&world.output(BuiltStage::Correct))));
    world.approve(ReviewStage::Correct).await;
    world.make(BuiltStage::Translate).await;
}

#[tokio::test(start_paused = true)]
async fn a_text_that_somebody_has_opened_and_that_changes_is_to_be_opened_again() {
    let world = World::at(EpisodeStatus::Corrected);
    world.unasked(BuiltStage::Translate, &PLAIN).await.unwrap_err();
    let task = world.waiting().await.id;
    world
        .rows(move |conn, _| {
            btcedu_models::review_tasks::set_status(conn, task, ReviewStatus::InReview, None, None)
        })
        .await;
    world.unasked(BuiltStage::Translate, &PLAIN).await.unwrap_err();
    assert_eq!(world.waiting().await.status, ReviewStatus::InReview, "the same text, the same reader");
    world.edit(BuiltStage::Correct, "Ein anderer Text.");
    world.unasked(BuiltStage::Translate, &PLAIN).await.unwrap_err();
    let waiting = world.waiting().await;
    assert_eq!((waiting.id, waiting.status), (task, ReviewStatus::Pending));
}

#[tokio::test(start_paused = true)]
async fn what_a_reviewer_asks_for_is_told_once() {
    for (stage, gate, before) in [
        (BuiltStage::Correct, ReviewStage::Correct, EpisodeStatus::Transcribed),
        (BuiltStage::Adapt, ReviewStage::Adapt, EpisodeStatus::Translated),
    ] {
        let world = World::at(before);
        world.make(stage).await;
        let review = world.send_back(gate, Some("Weniger Kommas.")).await;
        assert_eq!(world.status().await, before);
        let run = world.make(stage).await;
        assert!(run.text.reason.contains(&format!("review {review}")), "{}", run.text.reason);
        assert_eq!(run.text.reused, 0, "a text that was sent back is not made from the same answers");
        let feedback =
            |nth: usize| between(&world.asked()[nth].prompt, "reviewer_feedback").map(str::to_owned);
        assert_eq!((feedback(0), feedback(1).as_deref()), (None, Some("Weniger Kommas.")));
        assert_eq!(world.provenance(stage).extra.reviewer_feedback.as_deref(), Some("Weniger Kommas."));
        assert_eq!(world.marker(stage), None);
        assert_ne!(world.waiting().await.id, review, "the text that comes after gets a review of its own");

        world.make_with(stage, &FORCE).await;
        assert_eq!(feedback(2), None, "{stage:?}: it was carried out");
    }
}

#[tokio::test(start_paused = true)]
async fn a_text_that_is_sent_back_without_notes_is_made_anew_and_paid_anew() {
    let world = World::at(EpisodeStatus::Transcribed);
    world.make(BuiltStage::Correct).await;
    world.send_back(ReviewStage::Correct, None).await;
    let run = world.make(BuiltStage::Correct).await;
    assert_eq!((run.text.reused, world.asked_times()), (0, 2));
    assert_eq!(between(&world.asked()[1].prompt, "reviewer_feedback"), None);
    assert_eq!(world.waiting().await.status, ReviewStatus::Pending, "the same text is looked at once more");
    assert_eq!(world.status().await, EpisodeStatus::Corrected);
}

#[tokio::test(start_paused = true)]
async fn a_long_text_that_is_sent_back_is_paid_once_more_and_not_twice() {
    let world = World::with_transcript(EpisodeStatus::Transcribed, &long_transcript(3));
    world.make(BuiltStage::Correct).await;
    world.send_back(ReviewStage::Correct, Some("Mehr Absätze.")).await;
    let run = world.ask(BuiltStage::Correct, &PLAIN, |request, nth| {
        if nth == 1 { answer(request) } else { Err(crate::text_world::bad_request()) }
    });
    assert!(matches!(run.await.unwrap().report.end, StageEnd::Failed { .. }));
    let run = world.make(BuiltStage::Correct).await;
    assert_eq!((run.text.segments, run.text.reused), (3, 1), "{}", run.text.reason);
}

#[tokio::test(start_paused = true)]
async fn the_stage_behind_a_text_that_was_sent_back_waits() {
    let world = World::with_all_texts().await;
    let review = world.send_back(ReviewStage::Correct, Some("Nein.")).await;
    world.set_status(EpisodeStatus::Chapterized).await;
    for stage in [BuiltStage::Translate, BuiltStage::Adapt] {
        let error = world.unasked(stage, &FORCE).await.unwrap_err();
        assert!(matches!(error, StageError::StaleInput { .. }), "{error}");
        assert!(error.to_string().contains(&format!("review {review}: changes_requested")), "{error}");
    }
    btcedu_artifacts::StaleMarker::remove(&world.output(BuiltStage::Correct)).unwrap();
    let error = world.unasked(BuiltStage::Translate, &FORCE).await.unwrap_err();
    assert!(error.to_string().contains("the review sent the text back"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_marker_of_a_decision_that_was_never_recorded_keeps_no_stage_waiting() {
    let world = World::at(EpisodeStatus::Corrected);
    let review = world.approve(ReviewStage::Correct).await;
    mark(&world.output(BuiltStage::Correct), &format!("review {review}"), "review 1: rejected");
    world.make(BuiltStage::Translate).await;
    assert_eq!(world.status().await, EpisodeStatus::Translated);
}

#[tokio::test(start_paused = true)]
async fn a_text_that_was_edited_by_hand_after_it_was_sent_back_is_asked_for_as_it_is() {
    let world = World::at(EpisodeStatus::Transcribed);
    world.make(BuiltStage::Correct).await;
    let review = world.send_back(ReviewStage::Correct, Some("Den ersten Satz streichen.")).await;
    world.edit(BuiltStage::Correct, "Alle vier Jahre bekommt der Miner nur noch die Hälfte.");
    let run = world.unasked(BuiltStage::Correct, &PLAIN).await.unwrap();
    assert_eq!(run.report.end, StageEnd::Skipped);
    assert!(
        run.text.reason.contains(&format!("after review {review} had sent it back")),
        "{}",
        run.text.reason
    );
    assert_eq!(world.marker(BuiltStage::Correct), None);
    let task = world.waiting().await;
    assert_eq!(
        (Some(task.id), task.artifact_hash),
        (run.text.review_task, Some(hash(&world.output(BuiltStage::Correct))))
    );
    assert_eq!(world.status().await, EpisodeStatus::Corrected);
    let diff: CorrectionDiff =
        serde_json::from_str(&read(&world.dir().review_diff(ReviewStage::Correct))).unwrap();
    assert_eq!(diff.corrected_length, 54, "the reviewer sees the text as it is now");
}

#[tokio::test(start_paused = true)]
async fn force_makes_a_text_anew_that_was_edited_after_it_was_sent_back() {
    let world = World::at(EpisodeStatus::Transcribed);
    world.make(BuiltStage::Correct).await;
    world.send_back(ReviewStage::Correct, Some("Kürzer.")).await;
    world.edit(BuiltStage::Correct, "Mein Text.");
    world.make_with(BuiltStage::Correct, &FORCE).await;
    assert_eq!(between(&world.asked()[1].prompt, "reviewer_feedback"), Some("Kürzer."));
    assert!(world.text_of(BuiltStage::Correct).contains("Halving"));
}

/// A transcript whose correction changes one comma.
const ONE_COMMA: &str = "Schön dass du da bist.";

/// Corrects with the setting on, and returns whether a person has still to look.
async fn correct(world: &World, reply: &'static str) -> bool {
    let run = world.ask(BuiltStage::Correct, &PLAIN, move |_, _| {
        text(&wrapped("corrected_transcript", reply), StopReason::EndTurn)
    });
    assert_eq!(run.await.unwrap().report.end, StageEnd::Done);
    world.tasks().await[0].status.is_open()
}

#[tokio::test(start_paused = true)]
async fn a_trivial_correction_is_approved_by_the_program_where_a_person_has_said_so() {
    let mut world = World::with_transcript(EpisodeStatus::Transcribed, ONE_COMMA);
    assert!(correct(&world, "Schön, dass du da bist.").await, "nobody has said so");

    world = World::with_transcript(EpisodeStatus::Transcribed, ONE_COMMA);
    world.settings.auto_approve_trivial = true;
    assert!(!correct(&world, "Schön, dass du da bist.").await);
    let decisions = world.rows(|conn, episode| review_decisions::list_for_episode(conn, &episode.episode_id));
    let [decision] = <[_; 1]>::try_from(decisions.await).unwrap();
    assert_eq!(decision.decision, ReviewStatus::Approved);
    assert_eq!(decision.notes.as_deref(), Some("approved by btcedu: 1 change(s), punctuation only"));
    assert!(read(&world.dir().review_history()).contains("approved by btcedu"));
    world.make(BuiltStage::Translate).await;
}

#[tokio::test(start_paused = true)]
async fn a_correction_of_a_word_or_one_that_was_sent_back_is_for_a_person() {
    let mut world = World::with_transcript(EpisodeStatus::Transcribed, ONE_COMMA);
    world.settings.auto_approve_trivial = true;
    assert!(correct(&world, "Schön, dass ihr da seid.").await, "words have changed");

    let mut world = World::with_transcript(EpisodeStatus::Transcribed, ONE_COMMA);
    assert!(correct(&world, "Schön, dass du da bist.").await);
    world.send_back(ReviewStage::Correct, Some("Ohne Komma.")).await;
    world.settings.auto_approve_trivial = true;
    assert!(correct(&world, "Schön dass du da bist!").await, "who has sent it back wants to see it");
}

#[tokio::test(start_paused = true)]
async fn a_first_review_without_an_earlier_one_shows_the_whole_correction() {
    let world = World::at(EpisodeStatus::Corrected);
    let ctx = world.context(no_images(), world.model(|request, _| answer(request)));
    let gate = ReviewStage::Correct;
    let path = btcedu_stages::review_tasks::refresh_review_diff(&ctx, &id(), gate).await.unwrap();
    assert!(path.unwrap().ends_with("review/correction_diff.json"));
    let diff: CorrectionDiff = serde_json::from_str(&read(&world.dir().review_diff(gate))).unwrap();
    assert_eq!(diff.original_length, TRANSCRIPT.chars().count());
    assert!(diff.changes.iter().any(|change| change.original == "Halfing"), "{diff:?}");
    std::fs::remove_file(world.dir().clean_transcript()).unwrap();
    let path = btcedu_stages::review_tasks::refresh_review_diff(&ctx, &id(), gate).await.unwrap();
    assert_eq!(path, None, "nothing to compare with");
}
