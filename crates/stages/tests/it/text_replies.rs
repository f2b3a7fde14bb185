//! Replies that can't be used, and calls without one.

use std::time::Duration;

use btcedu_clients::{StopReason, TextReply, TextRequest};
use btcedu_domain::{
    Billing, CallState, EpisodeStatus, ErrorKind, Kinded, ReviewStage, RunStatus, Stage, Usd,
};
use btcedu_stages::{BuiltStage, ResendUnknown, StageEnd, StageEvent};

use crate::{
    text_world::{
        ESTIMATE, PLAIN, answer, bad_request, between, draft, long_transcript, no_credit, read, source_of,
        too_many, unavailable, wrapped,
    },
    world::{TEXT, World, text},
};

/// An episode whose script waits to be cut into chapters.
async fn adapted() -> World {
    let world = World::at(EpisodeStatus::Adapted);
    world.approve(ReviewStage::Adapt).await;
    world
}

fn failure(end: &StageEnd) -> &str {
    let StageEnd::Failed { message } = end else { panic!("{end:?}") };
    message
}

/// Chapters that leave out most of the script.
fn too_short() -> String {
    draft("Türkçe: Heute reden wir").to_string()
}

fn reply(words: &str) -> Result<TextReply, btcedu_clients::ApiFailure> {
    text(words, StopReason::EndTurn)
}

#[tokio::test(start_paused = true)]
async fn a_draft_that_cant_be_used_is_sent_back_once_with_what_is_wrong_with_it() {
    let world = adapted().await;
    let run = world.ask(BuiltStage::Chapterize, &PLAIN, |request, nth| {
        if nth == 1 { reply(&too_short()) } else { answer(request) }
    });
    let run = run.await.unwrap();
    assert_eq!((run.report.end, run.report.cost), (StageEnd::Done, TEXT + TEXT));
    let second = &world.asked()[1];
    assert_eq!(between(&second.prompt, "rejected_reply"), Some(too_short().as_str()));
    assert!(between(&second.prompt, "violations").unwrap().contains("leave out"), "{}", second.prompt);
    assert_eq!(source_of(second), source_of(&world.asked()[0]));
    assert_eq!(world.states().await, [CallState::Failed, CallState::Answered]);
    let rejected = &world.ledger().await[0];
    assert_eq!((rejected.actual, rejected.reply.as_deref()), (Some(TEXT), Some(too_short().as_str())));
    assert!(world.text_of(BuiltStage::Chapterize).contains("Hälfte"));
    assert_eq!(world.provenance(BuiltStage::Chapterize).cost_usd, TEXT, "what the text is made of");
}

#[tokio::test(start_paused = true)]
async fn two_drafts_that_cant_be_used_fail_the_run_and_the_last_reply_is_kept() {
    let world = adapted().await;
    let run = world.ask(BuiltStage::Chapterize, &PLAIN, |_, nth| {
        reply(&if nth == 1 { too_short() } else { "{\"title\": 1}".to_owned() })
    });
    let run = run.await.unwrap();
    let kept = world.dir().last_reply(Stage::Chapterize);
    let message = failure(&run.report.end);
    for part in ["segment 1 of 1", kept.to_str().unwrap(), "`btcedu retry"] {
        assert!(message.contains(part), "{part} is not in: {message}");
    }
    assert_eq!(read(&kept), "{\"title\": 1}");
    assert!(!world.output(BuiltStage::Chapterize).exists());
    let episode = world.episode().await;
    assert_eq!((episode.status, episode.error_message.as_deref()), (EpisodeStatus::Adapted, Some(message)));
    let ended = &world.runs().await[0];
    assert_eq!((ended.status, ended.error_message.as_deref()), (RunStatus::Failed, Some(message)));
    assert_eq!(ended.estimated_cost_usd, TEXT + TEXT);

    let again = world.make(BuiltStage::Chapterize).await;
    assert_eq!((again.text.reused, world.asked_times()), (0, 3), "both were of no use, so it begins anew");
    assert!(between(&world.asked()[2].prompt, "violations").is_none());
    assert!(!kept.exists(), "what was kept of the failure is history");
    assert_eq!(world.episode().await.error_message, None);
}

#[tokio::test(start_paused = true)]
async fn the_next_run_goes_on_with_the_second_try_of_a_draft_that_is_paid() {
    let world = adapted().await;
    let run = world.ask(BuiltStage::Chapterize, &PLAIN, |_, nth| {
        if nth == 1 { reply(&too_short()) } else { Err(bad_request()) }
    });
    let run = run.await.unwrap();
    assert!(failure(&run.report.end).contains("refused the request"));
    assert_eq!(read(&world.dir().last_reply(Stage::Chapterize)), too_short());
    world.make(BuiltStage::Chapterize).await;
    let sent = world.asked();
    assert_eq!((sent.len(), &sent[2]), (3, &sent[1]), "the first draft is not bought again");
    assert_eq!(world.episode().await.status, EpisodeStatus::Chapterized);
}

#[tokio::test(start_paused = true)]
async fn a_correction_that_cant_be_used_fails_at_once_and_is_kept() {
    let tagged = |words: &str| wrapped("corrected_transcript", words);
    let half = "Ein Block kommt im Mittel alle zehn Minuten. ".repeat(5);
    for (words, stop, told) in [
        ("Gern!".to_owned(), StopReason::EndTurn, "the reply has no <corrected_transcript>"),
        ("<corrected_transcript>\nHeute".to_owned(), StopReason::EndTurn, "it was cut off"),
        (tagged(&half), StopReason::EndTurn, "the answer is too short"),
        (tagged("Heute"), StopReason::MaxTokens, "raise max_tokens in the template correct_transcript"),
        ("I can't.".to_owned(), StopReason::Refusal, "refused to answer"),
        (tagged("Heute"), StopReason::ToolUse, "ended with 'tool_use'"),
    ] {
        let world = World::with_transcript(EpisodeStatus::Transcribed, &half.repeat(2));
        let sent = (words.clone(), stop);
        let run = world.ask(BuiltStage::Correct, &PLAIN, move |_, _| text(&sent.0, sent.1.clone()));
        let run = run.await.unwrap();
        let message = failure(&run.report.end);
        assert!(message.contains(told), "{told} is not in: {message}");
        assert_eq!(read(&world.dir().last_reply(Stage::Correct)), words);
        assert_eq!((world.asked_times(), world.states().await), (1, vec![CallState::Failed]), "{told}");
        assert_eq!(run.report.cost, TEXT, "{told}: it was paid for");
        assert_eq!(world.status().await, EpisodeStatus::Transcribed);
        assert!(!world.output(BuiltStage::Correct).exists());
    }
}

#[tokio::test(start_paused = true)]
async fn an_empty_reply_is_no_file() {
    let world = World::at(EpisodeStatus::Transcribed);
    let run = world.ask(BuiltStage::Correct, &PLAIN, |_, _| reply(" \n")).await.unwrap();
    assert!(failure(&run.report.end).contains("answer was empty"));
    assert!(!failure(&run.report.end).contains("last reply"));
    assert!(!world.dir().last_reply(Stage::Correct).exists());
}

#[tokio::test(start_paused = true)]
async fn a_german_text_is_no_translation() {
    let german = "Ein Block kommt im Mittel alle zehn Minuten, und der Miner bekommt seinen Lohn. ".repeat(3);
    let world = World::with_transcript(EpisodeStatus::Corrected, &german);
    world.approve(ReviewStage::Correct).await;
    let run = world.ask(BuiltStage::Translate, &PLAIN, |request: &TextRequest, _| {
        reply(&wrapped("translation", source_of(request)))
    });
    assert!(failure(&run.await.unwrap().report.end).contains("the answer is the German text"));
}

#[tokio::test(start_paused = true)]
async fn after_a_failure_only_what_is_not_paid_is_asked_for() {
    let world = World::with_transcript(EpisodeStatus::Transcribed, &long_transcript(3));
    // By its text, since the second and the third segment may be sent in either order.
    let is_second = |request: &TextRequest| source_of(request).starts_with("Absatz 15.");
    let run = world.ask(BuiltStage::Correct, &PLAIN, move |request, _| {
        if is_second(request) { Err(bad_request()) } else { answer(request) }
    });
    let message = run.await.unwrap().report.end;
    assert!(failure(&message).contains("segment 2 of 3"), "{message:?}");
    let paid = world.states().await.iter().filter(|state| **state == CallState::Answered).count();
    assert!(paid >= 1);
    let again = world.make(BuiltStage::Correct).await;
    assert_eq!(again.text.reused, paid);
    let answered = world.states().await.iter().filter(|state| **state == CallState::Answered).count();
    assert_eq!(answered, 3, "each segment is paid once");
    assert_eq!(world.text_of(BuiltStage::Correct), long_transcript(3));
}

#[tokio::test(start_paused = true)]
async fn a_first_segment_that_fails_keeps_the_others_from_being_sent() {
    for error in [bad_request, no_credit] {
        let world = World::with_transcript(EpisodeStatus::Transcribed, &long_transcript(6));
        let run = world.ask(BuiltStage::Correct, &PLAIN, move |_, _| Err(error())).await.unwrap();
        assert!(matches!(run.report.end, StageEnd::Failed { .. }));
        assert_eq!(world.asked_times(), 1);
        assert_eq!((run.report.cost, world.states().await), (Usd::ZERO, vec![CallState::Failed]));
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_may_pass_is_tried_again_and_told() {
    let world = World::at(EpisodeStatus::Transcribed);
    let run = world.ask(BuiltStage::Correct, &PLAIN, |request, nth| match nth {
        1 => Err(too_many(5)),
        2 => Err(unavailable(Billing::MaybeBilled)),
        _ => answer(request),
    });
    let run = run.await.unwrap();
    assert_eq!(run.report.end, StageEnd::Done);
    assert_eq!(world.states().await, [CallState::Failed, CallState::Unknown, CallState::Answered]);
    assert_eq!(run.report.cost, ESTIMATE + TEXT, "what may have been billed counts at its estimate");
    let waits = world.clock.sleeps();
    assert_eq!((waits.len(), waits[0]), (2, Duration::from_secs(5)));
    let told: Vec<(u32, Duration)> = world
        .events()
        .iter()
        .filter_map(|event| match event {
            StageEvent::SegmentRetrying { stage: Stage::Correct, number: 1, attempt, wait, .. } => {
                Some((*attempt, *wait))
            }
            _ => None,
        })
        .collect();
    assert_eq!(told, [(1, waits[0]), (2, waits[1])]);
}

#[tokio::test(start_paused = true)]
async fn after_three_more_attempts_a_text_is_given_up() {
    let world = World::at(EpisodeStatus::Transcribed);
    let run = world.ask(BuiltStage::Correct, &PLAIN, |_, _| Err(unavailable(Billing::NotBilled)));
    let run = run.await.unwrap();
    assert!(failure(&run.report.end).contains("(4 attempts)"));
    assert_eq!((world.states().await, run.report.cost), (vec![CallState::Failed; 4], Usd::ZERO));

    let run = world.ask(BuiltStage::Correct, &PLAIN, |_, _| Err(too_many(61))).await.unwrap();
    assert!(failure(&run.report.end).contains("asks to wait 61 seconds"));
    assert_eq!(world.asked_times(), 5, "so long a wait is the person's");
}

#[tokio::test(start_paused = true)]
async fn a_person_who_wants_to_be_asked_is_asked_before_a_text_is_repeated() {
    let mut world = World::at(EpisodeStatus::Transcribed);
    world.settings.resend_unknown = ResendUnknown::Ask;
    let run = world.ask(BuiltStage::Correct, &PLAIN, |_, _| Err(unavailable(Billing::MaybeBilled)));
    let run = run.await.unwrap();
    assert!(failure(&run.report.end).contains("RESEND_UNKNOWN=ask"));
    assert_eq!(world.states().await, [CallState::Unknown], "it was sent once");

    let error = world.unasked(BuiltStage::Correct, &PLAIN).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Blocked);
    for part in ["1 call", "stage correct", "RESEND_UNKNOWN=yes"] {
        assert!(error.to_string().contains(part), "{part} is not in: {error}");
    }
    world.settings.resend_unknown = ResendUnknown::Yes;
    let run = world.make(BuiltStage::Correct).await;
    assert_eq!(world.states().await, [CallState::Unknown, CallState::Answered]);
    assert_eq!(run.report.episode_cost, ESTIMATE + TEXT);
}
