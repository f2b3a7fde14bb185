//! Why a run ends before all is done, and how the next one goes on.

use btcedu_clients::{ApiFailure, FailureKind};
use btcedu_domain::{CallState, EpisodeStatus, ErrorKind, Kinded, Stage, Usd};
use btcedu_models::{episodes, testing};
use btcedu_pipeline::{RunReport, RunnerEnd};
use btcedu_stages::{Observer, ResendUnknown, Signal, StageError, StageEvent};

use crate::world::{EP, PICTURE, TEXT, World, id, picture, read, refused, slow_down, usual_reply};

fn outcomes(report: &RunReport) -> Vec<(Stage, &'static str)> {
    report.stages.iter().map(|run| (run.stage, run.outcome)).collect()
}

fn kind(report: &RunReport) -> String {
    serde_json::to_value(&report.end).unwrap()["kind"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_stage_whose_answer_cant_be_used_ends_the_run_and_the_next_run_tries_again() {
    let world = World::transcribed();
    world.answer(Stage::Correct, |_| Ok("Gern, hier ist es: …".to_owned()));
    let report = world.run().await;
    let RunnerEnd::Failed { message } = &report.end else { panic!("{report:?}") };
    assert!(message.contains("<corrected_transcript>") && message.contains("btcedu retry ep1"), "{message}");
    assert_eq!(outcomes(&report), [(Stage::Correct, "failed")]);
    assert_eq!((report.status, report.cost), (EpisodeStatus::Transcribed, TEXT), "an answer is billed");
    assert_eq!(world.calls(), [(Stage::Correct, CallState::Failed)]);
    assert_eq!(world.episode().retry_count, 1);
    assert_eq!(read(&world.dir().last_reply(Stage::Correct)), "Gern, hier ist es: …");
    assert_eq!(world.reports().len(), 1);

    world.answer_as_usual();
    let report = world.run().await;
    assert_eq!((kind(&report).as_str(), report.status), ("awaiting_review", EpisodeStatus::Corrected));
    assert_eq!(world.episode().error_message, None);
    assert!(!world.dir().last_reply(Stage::Correct).exists());
}

#[tokio::test]
async fn an_error_before_anything_was_done_is_the_commands_own() {
    let world = World::transcribed();
    world.lose_the_key();
    let error = world.try_run().await.unwrap_err();
    assert!(matches!(error, StageError::MissingKey(_)), "{error:?}");
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert_eq!((world.asked(), world.ledger().len(), world.reports().len()), (vec![], 0, 0));
}

#[tokio::test]
async fn an_error_behind_a_stage_that_was_done_is_in_the_report() {
    let world = World::at_gate_2().await;
    world.approve(2).await;
    world.retire_the_image_model();
    let report = world.run().await;
    let RunnerEnd::Failed { message } = &report.end else { panic!("{report:?}") };
    assert!(message.contains("IMAGE_GEN_MODEL"), "{message}");
    assert_eq!(outcomes(&report), [(Stage::Chapterize, "done")], "imagegen has not begun");
    assert_eq!(report.status, EpisodeStatus::Chapterized);
    assert_eq!(world.episode().error_message.as_deref(), Some(message.as_str()));
    assert_eq!(world.reports().last().unwrap()["end"]["kind"], "failed");
}

#[tokio::test]
async fn what_a_person_must_allow_blocks_the_run_behind_a_stage_that_was_done() {
    let mut world = World::at_gate_2().await;
    world.approve(2).await;
    world.answer_pictures(|_| Err(ApiFailure::new(FailureKind::TimedOut, "no picture came within 300 s")));
    let report = world.run().await;
    assert_eq!(outcomes(&report)[1].0, Stage::Imagegen, "{report:?}");
    let unknown = world.calls().iter().filter(|(_, state)| *state == CallState::Unknown).count();
    assert!(unknown > 0, "{:?}", world.calls());

    world.answer_as_usual();
    world.ctx.settings.resend_unknown = ResendUnknown::Ask;
    world.set_status(EpisodeStatus::Adapted);
    std::fs::remove_file(world.dir().chapters()).unwrap();
    let asked = world.asked().len();
    let report = world.run().await;
    assert_eq!(outcomes(&report), [(Stage::Chapterize, "done")], "its answer was paid for");
    let RunnerEnd::Blocked { message } = &report.end else { panic!("{report:?}") };
    assert!(message.contains("RESEND_UNKNOWN=yes"), "{message}");
    assert_eq!((world.asked().len(), report.cost), (asked, Usd::ZERO));
}

#[tokio::test]
async fn a_refused_picture_leaves_the_run_partly_done() {
    let world = World::at_gate_2().await;
    world.approve(2).await;
    world.answer_pictures(|prompt| Ok(if prompt.ends_with('1') { refused() } else { picture(prompt) }));
    let report = world.run().await;
    assert_eq!(outcomes(&report), [(Stage::Chapterize, "done"), (Stage::Imagegen, "done_partly")]);
    let RunnerEnd::FinishedPartly { message } = &report.end else { panic!("{report:?}") };
    assert!(message.contains("ch01"), "{message}");
    assert_eq!(report.cost, TEXT + PICTURE);
    assert!(!world.dir().chapter_picture(&"ch01".parse().unwrap()).exists());
    assert!(world.dir().chapter_picture(&"ch02".parse().unwrap()).exists());
}

#[tokio::test]
async fn stages_that_are_not_built_are_named_and_no_report_is_kept() {
    let world = World::new();
    world.add(EP, EpisodeStatus::New);
    let report = world.run().await;
    let RunnerEnd::NotBuilt { message } = &report.end else { panic!("{report:?}") };
    assert!(message.contains("not built yet: download, transcribe;"), "{message}");
    assert!(message.contains("btcedu plan ep1"), "{message}");
    assert_eq!((report.stages.len(), world.asked().len(), world.reports().len()), (0, 0, 0));
    assert_eq!(report.status, EpisodeStatus::New);
}

#[tokio::test]
async fn an_episode_of_pipeline_v1_is_told_its_own_stages() {
    for (status, named) in [
        (EpisodeStatus::New, Some("download, transcribe, chunk, generate, refine")),
        (EpisodeStatus::Transcribed, Some("chunk, generate, refine")),
        (EpisodeStatus::Generated, Some("refine")),
        (EpisodeStatus::Refined, None),
    ] {
        let world = World::new();
        world.add_v1(EP, status);
        let report = world.run().await;
        match (&report.end, named) {
            (RunnerEnd::NotBuilt { message }, Some(named)) => {
                assert!(message.contains(&format!("not built yet: {named};")), "{message}");
            }
            (RunnerEnd::Finished, None) => {}
            (other, _) => panic!("{status}: {other:?}"),
        }
        assert_eq!((world.asked().len(), report.status), (0, status));
    }
}

#[tokio::test]
async fn the_cap_stops_each_text_stage_before_it_sends_and_a_higher_one_goes_on() {
    let mut world = World::transcribed();
    for (spent, stage) in
        [(0, Stage::Correct), (1, Stage::Translate), (2, Stage::Adapt), (3, Stage::Chapterize)]
    {
        let cost = Usd::from_micros(spent * TEXT.micros());
        let asked = world.asked().len();
        world.ctx.settings.max_episode_cost = Usd::from_micros((spent + 1) * TEXT.micros() - 1);
        let report = world.run().await;
        let RunnerEnd::CapReached { message } = &report.end else { panic!("{stage}: {report:?}") };
        assert!(message.contains("MAX_EPISODE_COST_USD"), "{message}");
        assert_eq!(outcomes(&report), [(stage, "cap_reached")]);
        assert_eq!((world.status(), world.asked().len()), (EpisodeStatus::CostLimit, asked), "{stage}");
        assert_eq!((report.cost, report.episode_cost, world.spent()), (Usd::ZERO, cost, cost));

        world.ctx.settings.max_episode_cost = Usd::from_micros((spent + 1) * TEXT.micros());
        let report = world.run().await;
        assert_eq!(outcomes(&report)[0], (stage, "done"), "it goes on where it was stopped");
        assert_eq!(world.spent(), cost + TEXT);
        match stage {
            Stage::Correct => world.approve(1).await,
            Stage::Adapt => world.approve(2).await,
            _ => {}
        }
    }
}

#[tokio::test]
async fn the_cap_stops_imagegen_between_two_pictures_and_a_higher_one_buys_only_the_other() {
    let mut world = World::at_gate_2().await;
    world.approve(2).await;
    world.ctx.settings.max_episode_cost = Usd::from_micros(4 * TEXT.micros() + PICTURE.micros());
    let report = world.run().await;
    assert_eq!(outcomes(&report), [(Stage::Chapterize, "done"), (Stage::Imagegen, "cap_reached")]);
    assert_eq!((report.cost, report.status), (TEXT + PICTURE, EpisodeStatus::CostLimit));
    assert_eq!(world.last_prompt(), "picture 1");

    world.ctx.settings.max_episode_cost = Usd::from_micros(10_000_000);
    let report = world.run().await;
    assert_eq!((report.end, report.cost), (RunnerEnd::Finished, PICTURE));
    assert_eq!((world.last_prompt().as_str(), report.status), ("picture 2", EpisodeStatus::ImagesGenerated));
}

#[tokio::test]
async fn a_timer_that_meets_the_cap_again_keeps_one_report() {
    let mut world = World::transcribed();
    world.ctx.settings.max_episode_cost = Usd::from_micros(1);
    for _tick in 0..3 {
        assert_eq!(kind(&world.run().await), "cap_reached");
    }
    assert_eq!(world.reports().len(), 1);
    // A run that gets further keeps a report again.
    world.ctx.settings.max_episode_cost = TEXT;
    world.run().await;
    assert_eq!(world.reports().len(), 2);
}

#[tokio::test]
async fn a_signal_before_the_first_stage_ends_the_run_before_it_sends() {
    let world = World::transcribed();
    world.ctx.interrupt.raise(Signal::Terminate);
    let report = world.run().await;
    assert_eq!(report.end, RunnerEnd::Interrupted { signal: Signal::Terminate });
    assert_eq!((report.stages.len(), world.asked().len(), world.reports().len()), (0, 0, 0));
}

#[tokio::test]
async fn a_signal_between_two_stages_keeps_what_the_first_has_made() {
    let world = World::at_gate_1().await;
    world.approve(1).await;
    let interrupt = world.ctx.interrupt.clone();
    world.answer(Stage::Translate, move |text| {
        interrupt.raise(Signal::Interrupt);
        Ok(usual_reply(Stage::Translate, text))
    });
    let report = world.run().await;
    assert_eq!(report.end, RunnerEnd::Interrupted { signal: Signal::Interrupt });
    assert_eq!(outcomes(&report), [(Stage::Translate, "done")], "its answer was on the way already");
    assert_eq!(world.asked(), [Stage::Correct, Stage::Translate]);
    assert_eq!((world.status(), report.cost), (EpisodeStatus::Translated, TEXT));
    assert_eq!(world.reports().last().unwrap()["end"]["signal"], "interrupt");
}

#[tokio::test]
async fn a_signal_in_a_stage_ends_its_waits_and_the_run() {
    let world = World::transcribed();
    let interrupt = world.ctx.interrupt.clone();
    world.answer(Stage::Correct, move |_| {
        interrupt.raise(Signal::Interrupt);
        Err(slow_down())
    });
    let report = world.run().await;
    assert_eq!(report.end, RunnerEnd::Interrupted { signal: Signal::Interrupt });
    assert_eq!(outcomes(&report), [(Stage::Correct, "interrupted")]);
    assert_eq!((world.asked().len(), report.cost), (1, Usd::ZERO), "it is not asked again");
    assert_eq!(world.status(), EpisodeStatus::Transcribed);
    assert!(!world.dir().corrected_transcript().exists());
}

#[tokio::test]
async fn a_provider_that_asks_to_slow_down_is_asked_again_in_the_same_run() {
    let world = World::transcribed();
    let mut tries = 0;
    world.answer(Stage::Correct, move |text| {
        tries += 1;
        if tries < 3 { Err(slow_down()) } else { Ok(usual_reply(Stage::Correct, text)) }
    });
    let report = world.run().await;
    assert_eq!(outcomes(&report), [(Stage::Correct, "done")]);
    assert_eq!((world.asked().len(), report.cost), (3, TEXT));
    let states: Vec<CallState> = world.calls().into_iter().map(|(_, state)| state).collect();
    assert_eq!(states, [CallState::Failed, CallState::Failed, CallState::Answered]);
}

#[tokio::test]
async fn a_key_that_the_provider_refuses_fails_the_stage_at_once() {
    let world = World::transcribed();
    world.answer(Stage::Correct, |_| {
        Err(ApiFailure::new(FailureKind::KeyRefused, "the key in ANTHROPIC_API_KEY was refused"))
    });
    let report = world.run().await;
    assert!(matches!(&report.end, RunnerEnd::Failed { message } if message.contains("ANTHROPIC_API_KEY")));
    assert_eq!(
        (world.asked().len(), report.cost, world.status()),
        (1, Usd::ZERO, EpisodeStatus::Transcribed)
    );
}

/// Sends the episode back when imagegen has ended, as nothing in the program does.
struct SendsBack(btcedu_models::Db);

impl Observer for SendsBack {
    fn on_event(&self, event: &StageEvent) {
        if matches!(event, StageEvent::Finished { .. }) {
            let sent_back = testing::run(&self.0, |conn| {
                let row = episodes::find(conn, &id())?.expect("the episode").id;
                episodes::set_status(conn, row, EpisodeStatus::Chapterized)
            });
            sent_back.unwrap();
        }
    }
}

#[tokio::test]
async fn a_stage_is_run_once_even_where_the_episode_does_not_move() {
    let mut world = World::at_gate_2().await;
    world.approve(2).await;
    world.ctx.observer = std::sync::Arc::new(SendsBack(world.ctx.db.clone()));
    let report = world.run().await;
    assert_eq!(outcomes(&report), [(Stage::Chapterize, "done"), (Stage::Imagegen, "done")]);
    let RunnerEnd::Failed { message } = &report.end else { panic!("{report:?}") };
    assert!(message.contains("imagegen has run, and the episode has not moved"), "{message}");
}
