//! A run along the plan: what it sends, writes and reports, from the transcript to the pictures.

use btcedu_artifacts::{EpisodeLock, LockError, LockHolder};
use btcedu_domain::{
    CallState, EpisodeId, EpisodeStatus, ErrorKind, Kinded, ReviewStage, ReviewStatus, Stage, Usd,
};
use btcedu_pipeline::{
    RunOptions, RunnerEnd, StageRun, check_episode_exists, lock_episode, run_episode, run_stage,
};
use btcedu_stages::{BuiltStage, StageEnd, StageError, StageFlags};

use crate::world::{EP, PICTURE, TEXT, WHOLE, World, id, read, read_json};

fn stages(runs: &[StageRun]) -> Vec<(Stage, &'static str)> {
    runs.iter().map(|run| (run.stage, run.outcome)).collect()
}

#[tokio::test]
async fn a_run_goes_from_a_transcript_to_the_first_review() {
    let world = World::transcribed();
    let report = world.run().await;
    assert_eq!(stages(&report.stages), [(Stage::Correct, "done")]);
    let RunnerEnd::AwaitingReview { message } = &report.end else { panic!("{report:?}") };
    assert!(message.contains("btcedu review approve 1"), "{message}");
    assert_eq!((report.status, report.cost, report.episode_cost), (EpisodeStatus::Corrected, TEXT, TEXT));

    assert_eq!(world.asked(), [Stage::Correct]);
    assert!(world.last_prompt().contains("Heute reden wir über Leitning."), "the transcript is sent");
    assert_eq!(world.calls(), [(Stage::Correct, CallState::Answered)]);
    let corrected = read(&world.dir().corrected_transcript());
    assert!(corrected.contains("Heute reden wir über Lightning."), "{corrected}");
    let diff = read_json(&world.dir().review_diff(ReviewStage::Correct));
    assert_eq!(diff["changes"].as_array().unwrap().len(), 1, "{diff:#}");
    assert_eq!(world.task(ReviewStage::Correct).status, ReviewStatus::Pending);
}

#[tokio::test]
async fn after_the_first_approval_a_run_goes_to_the_second_review() {
    let world = World::at_gate_1().await;
    world.approve(1).await;
    let report = world.run().await;
    assert_eq!(stages(&report.stages), [(Stage::Translate, "done"), (Stage::Adapt, "done")]);
    assert!(matches!(&report.end, RunnerEnd::AwaitingReview { message } if message.contains("approve 2")));
    assert_eq!(world.asked(), [Stage::Correct, Stage::Translate, Stage::Adapt]);
    assert!(read(&world.dir().translation()).starts_with("Türkçe: Heute"));
    assert!(read(&world.dir().script()).starts_with("Türkiye için: Heute"));
    assert_eq!(world.status(), EpisodeStatus::Adapted);
    assert_eq!(report.cost, TEXT + TEXT);
    assert_eq!(report.episode_cost, TEXT + TEXT + TEXT, "what was spent before counts too");
}

#[tokio::test]
async fn after_the_second_approval_a_run_makes_chapters_and_pictures() {
    let world = World::at_gate_2().await;
    world.approve(2).await;
    let report = world.run().await;
    assert_eq!(stages(&report.stages), [(Stage::Chapterize, "done"), (Stage::Imagegen, "done")]);
    assert_eq!(report.end, RunnerEnd::Finished);
    assert_eq!((report.status, report.episode_cost), (EpisodeStatus::ImagesGenerated, WHOLE));
    let chapters = read_json(&world.dir().chapters());
    assert_eq!(chapters["total_chapters"], 2, "{chapters:#}");
    for chapter in ["ch01", "ch02"] {
        assert!(world.dir().chapter_picture(&chapter.parse().unwrap()).exists(), "{chapter}");
    }
    assert_eq!(world.last_prompt(), "picture 2");
    assert!(world.calls().iter().all(|(_, state)| *state == CallState::Answered), "{:?}", world.calls());
    assert_eq!(world.spent(), WHOLE);
}

#[tokio::test]
async fn the_report_on_the_disk_is_the_one_that_is_returned() {
    let world = World::transcribed();
    let report = world.run().await;
    let kept = world.reports();
    assert_eq!(kept, [serde_json::to_value(&report).unwrap()]);
    assert_eq!(kept[0]["command"], "btcedu run ep1");
    assert_eq!(kept[0]["end"]["kind"], "awaiting_review");
    assert_eq!(kept[0]["stages"][0]["stage"], "correct");
    assert!(world.dir().report(report.ended_at).exists(), "its name is the time at which the run ended");
}

#[tokio::test]
async fn a_run_of_a_finished_episode_sends_and_writes_nothing() {
    let world = World::finished().await;
    let (files, calls) = (world.files(), world.ledger());
    let report = world.run().await;
    assert_eq!((report.end, report.stages.len(), report.cost), (RunnerEnd::Finished, 0, Usd::ZERO));
    assert_eq!(report.episode_cost, WHOLE);
    assert_eq!(world.ledger(), calls);
    assert_ne!(files.len(), 0);
    // The lock's file names its last holder.
    let without_lock = |mut files: Vec<_>| {
        files.retain(|(path, _)| *path != world.dir().lock_file());
        files
    };
    assert_eq!(without_lock(world.files()), without_lock(files));
}

#[tokio::test]
async fn a_run_that_meets_an_open_review_names_it_again_and_keeps_no_report() {
    let world = World::at_gate_1().await;
    let report = world.run().await;
    assert!(
        matches!(&report.end, RunnerEnd::AwaitingReview { message } if message.contains("review show 1"))
    );
    assert_eq!(report.stages.len(), 0);
    assert_eq!(world.reports().len(), 1, "only the one of the first run");
    assert_eq!(world.asked(), [Stage::Correct]);
}

#[tokio::test]
async fn an_unknown_episode_is_told_before_a_folder_is_made() {
    let world = World::new();
    let ghost: EpisodeId = "ghost".parse().unwrap();
    let options = RunOptions { command: "btcedu run ghost", refresh: false, announce: &|_| {} };
    let flags = StageFlags::default();
    let errors = [
        run_episode(&world.ctx, &ghost, &options).await.unwrap_err(),
        run_stage(&world.ctx, &ghost, BuiltStage::Correct, &flags, "btcedu correct ghost").await.unwrap_err(),
        lock_episode(&world.ctx, &ghost, "btcedu images").await.unwrap_err(),
        check_episode_exists(&world.ctx, &ghost).await.unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(&error, StageError::UnknownEpisode { episode } if *episode == ghost), "{error:?}");
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
    assert!(!world.ctx.data.episode(&ghost).outputs().exists());
}

#[tokio::test]
async fn an_episode_that_another_run_holds_is_left_alone() {
    let world = World::transcribed();
    let holder = LockHolder::this_process("btcedu imagegen ep1", world.ctx.clock.now());
    let lock = EpisodeLock::acquire(&world.dir(), &holder, world.ctx.clock.as_ref()).await.unwrap();
    let error = world.try_run().await.unwrap_err();
    assert!(matches!(&error, StageError::Lock(LockError::Held { .. })), "{error:?}");
    assert_eq!(error.kind(), ErrorKind::Blocked);
    assert!(error.to_string().contains("btcedu imagegen ep1"), "{error}");
    assert_eq!((world.asked(), world.status()), (vec![], EpisodeStatus::Transcribed));
    drop(lock);
    assert_eq!(world.run().await.status, EpisodeStatus::Corrected);
    let named: LockHolder = world.ctx.data.read_json(&world.dir().lock_file()).unwrap().unwrap();
    assert_eq!(named.command, "btcedu run ep1", "the next that has to wait is told this command");
}

#[tokio::test]
async fn run_stage_runs_that_stage_and_no_other() {
    let world = World::transcribed();
    let flags = StageFlags::default();
    let ep = id();
    let run = |stage| run_stage(&world.ctx, &ep, stage, &flags, "btcedu stage ep1");
    let report = run(BuiltStage::Correct).await.unwrap();
    assert_eq!((report.stage, report.end, report.cost), (Stage::Correct, StageEnd::Done, TEXT));
    assert_eq!((world.asked(), world.status()), (vec![Stage::Correct], EpisodeStatus::Corrected));
    assert_eq!(world.reports().len(), 0, "only a run along the plan keeps a report");
    assert_eq!(run(BuiltStage::Correct).await.unwrap().end, StageEnd::Skipped);
    let error = run(BuiltStage::Chapterize).await.unwrap_err();
    assert!(matches!(error, StageError::WrongStatus { stage: Stage::Chapterize, .. }), "{error:?}");
    assert_eq!((world.asked().len(), world.episode().error_message), (1, None), "a refusal is no failure");
}

#[tokio::test]
async fn the_stages_of_a_run_are_timed_one_after_the_other() {
    let world = World::at_gate_2().await;
    world.approve(2).await;
    let report = world.run().await;
    assert!(report.started_at < report.ended_at);
    assert!(report.stages.iter().all(|run| run.duration_seconds > 0.0), "{report:?}");
    let costs: Vec<Usd> = report.stages.iter().map(|run| run.cost).collect();
    assert_eq!(costs, [TEXT, PICTURE + PICTURE]);
    assert_eq!(report.cost, TEXT + PICTURE + PICTURE);
    assert_eq!(report.episode_id, id());
    assert_eq!(report.stages[0].result.episode_id.as_str(), EP);
}
