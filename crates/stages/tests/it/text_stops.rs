//! Text runs that end early: at the cap, by a signal, by a crash. Nothing is paid twice, whatever the clock says.

use std::time::Duration;

use async_trait::async_trait;
use btcedu_artifacts::TEMP_PREFIX;
use btcedu_clients::{ApiFailure, LanguageModel, MockLanguageModel, TextReply, TextRequest};
use btcedu_domain::{CallState, EpisodeStatus, ReviewStage, RunStatus, Usd};
use btcedu_stages::{BuiltStage, Signal, StageEnd, StageFlags};

use crate::{
    text_world::{
        ESTIMATE, FORCE, PLAIN, TextRun, answer, first_paragraph, long_transcript, read, too_many, write,
    },
    world::{TEXT, World},
};

const HOUR: Duration = Duration::from_hours(1);
const INTERRUPTED: StageEnd = StageEnd::Interrupted { signal: Signal::Interrupt };

/// An episode whose transcript is cut into so many segments.
fn long(segments: usize) -> World {
    World::with_transcript(EpisodeStatus::Transcribed, &long_transcript(segments))
}

/// As [`long`], corrected and approved.
async fn long_and_corrected(segments: usize) -> World {
    let world = long(segments);
    world.make(BuiltStage::Correct).await;
    world.approve(ReviewStage::Correct).await;
    world
}

/// Leaves room under the cap for so many more texts.
async fn cap_after(world: &mut World, texts: i64) {
    let spent: i64 = world.ledger().await.iter().map(|c| c.actual.unwrap_or(c.estimated).micros()).sum();
    world.settings.max_episode_cost = Usd::from_micros(spent + texts * TEXT.micros() + 500);
}

fn lift_cap(world: &mut World) {
    world.settings.max_episode_cost = Usd::from_micros(10_000_000);
}

/// Raises a signal in the first call, which is answered all the same.
async fn interrupted(world: &World, stage: BuiltStage, flags: &StageFlags) -> TextRun {
    let signal = world.interrupting();
    let run = world.ask(stage, flags, move |request, _| {
        signal();
        answer(request)
    });
    run.await.unwrap()
}

/// The signal is over: a program that is started again knows nothing of it.
fn start_again(world: &mut World) {
    world.interrupt = btcedu_stages::Interrupt::default();
}

/// The segments that were asked for so far, each by the number of its first paragraph.
fn segments_asked(world: &World) -> Vec<u64> {
    world.asked().iter().map(first_paragraph).collect()
}

#[tokio::test(start_paused = true)]
async fn a_cap_that_is_reached_stops_a_stage_and_a_higher_one_goes_on_without_paying_twice() {
    let mut world = long(3);
    cap_after(&mut world, 1).await;
    let run = world.ask(BuiltStage::Correct, &PLAIN, |request, _| answer(request)).await.unwrap();
    let StageEnd::CapReached { message } = &run.report.end else { panic!("{run:?}") };
    for part in ["about $0.001", "MAX_EPISODE_COST_USD", "btcedu run testEp001"] {
        assert!(message.contains(part), "{part} is not in: {message}");
    }
    let episode = world.episode().await;
    assert_eq!((episode.status, episode.error_message.as_ref()), (EpisodeStatus::CostLimit, Some(message)));
    assert_eq!((run.report.cost, segments_asked(&world)), (TEXT, vec![1]));
    assert!(!world.output(BuiltStage::Correct).exists());

    let still = world.unasked(BuiltStage::Correct, &PLAIN).await.unwrap();
    assert!(matches!(still.report.end, StageEnd::CapReached { .. }));
    assert_eq!(world.runs().await.len(), 1, "the same cap opens no run");

    lift_cap(&mut world);
    let run = world.make(BuiltStage::Correct).await;
    assert_eq!((run.text.segments, run.text.reused), (3, 1));
    assert_eq!(segments_asked(&world), [1, 15, 29], "each is paid once");
    assert_eq!(run.report.episode_cost, Usd::from_micros(2_100));
    let episode = world.episode().await;
    assert_eq!((episode.status, episode.error_message), (EpisodeStatus::Corrected, None));
}

#[tokio::test(start_paused = true)]
async fn a_cap_reached_in_a_later_stage_is_resumed_there() {
    let mut world = World::at(EpisodeStatus::Corrected);
    world.approve(ReviewStage::Correct).await;
    world.settings.max_episode_cost = Usd::from_micros(500);
    let run = world.unasked(BuiltStage::Translate, &PLAIN).await.unwrap();
    assert!(matches!(run.report.end, StageEnd::CapReached { .. }));
    assert_eq!(world.status().await, EpisodeStatus::CostLimit);
    assert!(world.unasked(BuiltStage::Adapt, &PLAIN).await.is_err(), "the stage after it was not reached");
    lift_cap(&mut world);
    world.make(BuiltStage::Translate).await;
    assert_eq!(world.status().await, EpisodeStatus::Translated);
}

#[tokio::test(start_paused = true)]
async fn a_signal_sends_nothing_more_and_the_next_run_sends_the_rest() {
    let mut world = long(3);
    let run = interrupted(&world, BuiltStage::Correct, &PLAIN).await;
    assert_eq!((run.report.end, run.report.cost), (INTERRUPTED, TEXT));
    assert_eq!((segments_asked(&world), world.states().await), (vec![1], vec![CallState::Answered]));
    let ended = &world.runs().await[0];
    let told = "the run was interrupted by a signal";
    assert_eq!((ended.status, ended.error_message.as_deref()), (RunStatus::Failed, Some(told)));
    let episode = world.episode().await;
    assert_eq!((episode.status, episode.error_message), (EpisodeStatus::Transcribed, None));

    start_again(&mut world);
    let run = world.make(BuiltStage::Correct).await;
    assert_eq!((run.text.reused, segments_asked(&world)), (1, vec![1, 15, 29]));
}

#[tokio::test(start_paused = true)]
async fn a_signal_in_the_last_call_still_writes_the_text() {
    let world = World::at(EpisodeStatus::Transcribed);
    let run = interrupted(&world, BuiltStage::Correct, &PLAIN).await;
    assert_eq!(run.report.end, StageEnd::Done);
    assert!(world.text_of(BuiltStage::Correct).contains("Halving"));
    assert_eq!(world.status().await, EpisodeStatus::Corrected);
}

#[tokio::test(start_paused = true)]
async fn a_signal_ends_the_wait_for_another_attempt() {
    let world = World::at(EpisodeStatus::Transcribed);
    let signal = world.interrupting();
    let run = world.ask(BuiltStage::Correct, &PLAIN, move |_, _| {
        signal();
        Err(too_many(50))
    });
    assert_eq!(run.await.unwrap().report.end, INTERRUPTED);
    assert!(world.clock.passed() < Duration::from_secs(50));
    assert_eq!(world.states().await, [CallState::Failed]);
}

/// A model that is asked and never answers.
struct Silent(MockLanguageModel);

#[async_trait]
impl LanguageModel for Silent {
    async fn complete(&self, _request: &TextRequest) -> Result<TextReply, ApiFailure> {
        std::future::pending().await
    }

    fn check_ready(&self, model: &str) -> Result<(), ApiFailure> {
        self.0.check_ready(model)
    }

    fn estimate(&self, request: &TextRequest) -> Option<Usd> {
        self.0.estimate(request)
    }

    fn request_body(&self, request: &TextRequest) -> serde_json::Value {
        self.0.request_body(request)
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_run_left_that_was_killed_is_mended_by_the_next_one() {
    let world = World::at(EpisodeStatus::Transcribed);
    let silent = Silent(world.model(|request, _| answer(request)));
    let killed = tokio::time::timeout(HOUR, world.run_text(BuiltStage::Correct, &PLAIN, silent));
    assert!(killed.await.is_err());
    assert_eq!(world.states().await, [CallState::Sent]);
    assert_eq!(world.runs().await[0].status, RunStatus::Running);
    let torn = world.dir().outputs().join(format!("provenance/{TEMP_PREFIX}1"));
    write(&torn, "half a docu");

    let run = world.make(BuiltStage::Correct).await;
    assert_eq!(world.states().await, [CallState::Unknown, CallState::Answered]);
    assert_eq!((run.report.cost, run.report.episode_cost), (TEXT, TEXT + ESTIMATE));
    let [_, before] = <[_; 2]>::try_from(world.runs().await).unwrap();
    assert_eq!((before.status, before.estimated_cost_usd), (RunStatus::Failed, ESTIMATE));
    assert_eq!(before.error_message.as_deref(), Some("the run was interrupted"));
    assert!(world.ledger().await[0].error.as_deref().unwrap().contains("interrupted before an answer"));
    assert!(!torn.exists());
}

/// Answers a forced run otherwise than before, so that its answers can be told from the earlier ones.
fn answer_otherwise(request: &TextRequest) -> Result<TextReply, ApiFailure> {
    let mut reply = answer(request)?;
    reply.text = reply.text.replace("Absatz", "Abschnitt");
    Ok(reply)
}

/// Goes on after a forced run of three segments that was stopped after its first answer: a forced run and a plain
/// one make the others anew, too. Nothing is paid twice.
async fn goes_on(world: &World, flags: &StageFlags, asked_before: usize) {
    let run = world.ask(BuiltStage::Correct, flags, |request, _| answer_otherwise(request)).await.unwrap();
    assert_eq!(run.report.end, StageEnd::Done);
    assert_eq!(segments_asked(world)[asked_before..], [1, 15, 29], "{flags:?}: {}", run.text.reason);
    assert_eq!((run.text.segments, run.text.reused), (3, 1), "{flags:?}");
    let text = world.text_of(BuiltStage::Correct);
    assert_eq!(text.matches("Abschnitt").count(), 42, "{flags:?}: the answer that was paid is used");
    assert!(text.starts_with("Abschnitt 1."));
    let next = world.unasked(BuiltStage::Correct, &PLAIN).await.unwrap();
    assert_eq!((next.report.end, next.text.reason.as_str()), (StageEnd::Skipped, ""));
}

#[tokio::test(start_paused = true)]
async fn a_forced_run_that_was_capped_is_gone_on_with_by_the_next_forced_run_and_by_a_plain_one() {
    for flags in [&FORCE, &PLAIN] {
        let mut world = long_and_corrected(3).await;
        cap_after(&mut world, 1).await;
        let run = world.ask(BuiltStage::Correct, &FORCE, |request, _| answer_otherwise(request));
        let run = run.await.unwrap();
        assert!(matches!(run.report.end, StageEnd::CapReached { .. }), "{run:?}");
        assert_eq!((run.text.reused, run.report.cost), (0, TEXT), "what is made anew is paid anew");
        assert_eq!(world.status().await, EpisodeStatus::CostLimit);
        lift_cap(&mut world);
        goes_on(&world, flags, 3).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_forced_run_that_a_signal_ended_is_gone_on_with_by_the_next_forced_run_and_by_a_plain_one() {
    for flags in [&FORCE, &PLAIN] {
        let mut world = long_and_corrected(3).await;
        world.make(BuiltStage::Translate).await;
        let asked = world.asked_times();
        let signal = world.interrupting();
        let run = world.ask(BuiltStage::Correct, &FORCE, move |request, _| {
            signal();
            answer_otherwise(request)
        });
        let run = run.await.unwrap();
        assert_eq!((run.report.end, run.text.reused, run.report.cost), (INTERRUPTED, 0, TEXT));
        assert_eq!(world.status().await, EpisodeStatus::Transcribed, "`run` comes to the stage");
        start_again(&mut world);
        goes_on(&world, flags, asked).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_plain_run_says_that_a_forced_one_was_stopped() {
    let mut world = long_and_corrected(3).await;
    interrupted(&world, BuiltStage::Correct, &FORCE).await;
    start_again(&mut world);
    let seen = world.preview(BuiltStage::Correct, &PLAIN).await.unwrap();
    assert_eq!(seen.summary(), "a run with --force was stopped, and 1 of its 3 answers are paid");
    assert_eq!(seen.estimate, ESTIMATE + ESTIMATE, "the others are made anew");
}

#[tokio::test(start_paused = true)]
async fn a_forced_run_that_has_paid_for_nothing_changes_nothing() {
    let mut world = long_and_corrected(3).await;
    world.make(BuiltStage::Translate).await;
    let signal = world.interrupting();
    let run = world.ask(BuiltStage::Correct, &FORCE, move |_, _| {
        signal();
        Err(too_many(50))
    });
    assert_eq!(run.await.unwrap().report.end, INTERRUPTED);
    assert_eq!(world.status().await, EpisodeStatus::Translated);
    start_again(&mut world);
    assert_eq!(world.unasked(BuiltStage::Correct, &PLAIN).await.unwrap().report.end, StageEnd::Skipped);
}

#[tokio::test(start_paused = true)]
async fn with_the_clock_set_back_the_answers_of_a_stopped_run_are_not_bought_again() {
    for flags in [&FORCE, &PLAIN] {
        let mut world = long_and_corrected(3).await;
        world.clock.set_back(HOUR);
        cap_after(&mut world, 1).await;
        world.ask(BuiltStage::Correct, &FORCE, |request, _| answer_otherwise(request)).await.unwrap();
        let (calls, runs) = (world.ledger().await, world.runs().await);
        let (stopped, before) = (&calls[3], &runs[1]);
        assert_eq!(stopped.run_id, Some(runs[0].id));
        assert!(Some(stopped.sent_at) < before.completed_at, "the clock went back indeed");
        lift_cap(&mut world);
        goes_on(&world, flags, 3).await;
    }
}

#[tokio::test(start_paused = true)]
async fn with_the_clock_set_back_what_was_paid_after_a_review_is_not_bought_again() {
    let mut world = long(3);
    world.make(BuiltStage::Correct).await;
    world.send_back(ReviewStage::Correct, Some("Mehr Kommas.")).await;
    world.clock.set_back(HOUR);
    cap_after(&mut world, 1).await;
    world.ask(BuiltStage::Correct, &PLAIN, |request, _| answer(request)).await.unwrap();
    let reviewed_at = world.tasks().await[0].reviewed_at;
    assert!(Some(world.ledger().await[3].sent_at) < reviewed_at, "the clock went back indeed");
    lift_cap(&mut world);
    let run = world.make(BuiltStage::Correct).await;
    assert_eq!((run.text.reused, segments_asked(&world)[3..].to_vec()), (1, vec![1, 15, 29]));
    assert!(read(&world.dir().provenance(btcedu_domain::Stage::Correct)).contains("Mehr Kommas."));
}
