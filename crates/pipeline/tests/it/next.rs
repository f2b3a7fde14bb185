//! What comes next, and what it would do: from rows and files, without a trace.

use btcedu_domain::{EpisodeStatus, Stage, Usd};
use btcedu_models::{pipeline_runs, testing};
use btcedu_pipeline::{NextStep, PlanFlags, PlannedStep, PreviewDetails, StepState, load_plan, preview_next};
use btcedu_stages::StageError;

use crate::world::{EP, PICTURE, TEXT, World, edit, id};

const REFRESH: PlanFlags = PlanFlags { refresh: true };

async fn next(world: &World, flags: PlanFlags) -> NextStep {
    preview_next(&world.ctx, &id(), flags).await.unwrap()
}

/// The stage that a preview is of.
fn previewed(next: &NextStep) -> Option<Stage> {
    next.preview.as_ref().map(|preview| match &preview.details {
        PreviewDetails::Text(text) => text.stage,
        PreviewDetails::Pictures(_) => Stage::Imagegen,
    })
}

#[tokio::test]
async fn each_step_on_the_way_is_previewed_as_the_run_then_does_it() {
    let world = World::transcribed();
    for (step, stage, estimate) in [
        ("correct", Some(Stage::Correct), TEXT),
        ("review gate 1", None, Usd::ZERO),
        ("translate", Some(Stage::Translate), TEXT),
        ("review gate 2", None, Usd::ZERO),
        ("chapterize", Some(Stage::Chapterize), TEXT),
    ] {
        let next = next(&world, PlanFlags::default()).await;
        assert_eq!(next.plan.next().map(PlannedStep::name), Some(step));
        assert_eq!((previewed(&next), &next.problem), (stage, &None), "{step}");
        let asked = world.asked().len();
        match (step, next.preview) {
            ("review gate 1", None) => world.approve(1).await,
            ("review gate 2", None) => world.approve(2).await,
            (_, preview) => {
                let preview = preview.unwrap();
                assert!(preview.would_run());
                assert_eq!(preview.estimate, estimate);
                world.run().await;
                assert_eq!(world.asked().get(asked), stage.as_ref());
            }
        }
    }
    let next = next(&world, PlanFlags::default()).await;
    assert!(next.plan.next().is_none() && next.preview.is_none() && next.problem.is_none(), "{next:?}");
}

#[tokio::test]
async fn pictures_are_previewed_chapter_by_chapter() {
    let world = World::finished().await;
    world.set_status(EpisodeStatus::Chapterized);
    std::fs::remove_dir_all(world.dir().images()).unwrap();
    let next = next(&world, PlanFlags::default()).await;
    let preview = next.preview.unwrap();
    let PreviewDetails::Pictures(pictures) = &preview.details else { panic!("{preview:?}") };
    assert_eq!(pictures.items.len(), 2);
    assert_eq!((pictures.pictures_to_buy(), preview.estimate), (2, PICTURE + PICTURE));
    assert_eq!(preview.summary(), "2 pictures would be bought");
}

#[tokio::test]
async fn statuses_without_a_stage_of_this_version_have_a_plan_and_no_preview() {
    use EpisodeStatus as S;
    for (status, state) in [
        (S::New, Some(StepState::NotBuilt)),
        (S::Downloaded, Some(StepState::NotBuilt)),
        (S::Corrected, Some(StepState::Waiting)),
        (S::Adapted, Some(StepState::Waiting)),
        (S::ImagesGenerated, None),
        (S::TtsDone, None),
        (S::Rendered, None),
        (S::Approved, None),
        (S::Published, None),
        (S::Completed, None),
    ] {
        let world = World::new();
        world.add(EP, status);
        let next = next(&world, PlanFlags::default()).await;
        assert_eq!(next.plan.next().map(|step| step.state), state, "{status}");
        assert!(next.preview.is_none() && next.problem.is_none(), "{status}: {next:?}");
    }
    let world = World::new();
    world.add_v1(EP, S::Transcribed);
    let next = next(&world, PlanFlags::default()).await;
    assert_eq!((next.plan.pipeline_version, next.plan.next().map(PlannedStep::name)), (1, Some("chunk")));
    assert!(next.preview.is_none());
}

#[tokio::test]
async fn what_is_wrong_with_the_next_stage_is_said_and_no_error() {
    let world = World::transcribed();
    std::fs::remove_file(world.dir().clean_transcript()).unwrap();
    let missing = next(&world, PlanFlags::default()).await;
    assert!(missing.preview.is_none());
    assert!(missing.problem.unwrap().contains("transcript.clean.de.txt"));

    edit(&world.dir().clean_transcript(), " \n");
    let empty = next(&world, PlanFlags::default()).await;
    assert!(empty.problem.unwrap().contains("is empty"));

    let world = World::at_gate_1().await;
    world.approve(1).await;
    edit(&world.dir().corrected_transcript(), "Ein anderer Text.");
    let closed = next(&world, PlanFlags::default()).await;
    assert!(closed.preview.is_none());
    assert!(closed.problem.unwrap().contains("was changed after review 1 had approved it"));
}

#[tokio::test]
async fn a_preview_writes_no_file_and_no_row_and_asks_nobody() {
    let world = World::transcribed();
    let (files, row) = (world.files(), world.episode());
    assert!(next(&world, REFRESH).await.preview.is_some());
    assert_eq!((world.files(), world.episode()), (files, row));
    assert_eq!((world.asked().len(), world.ledger().len()), (0, 0));
    let versions = world.query(|conn| btcedu_models::prompt_versions::list(conn, "correct_transcript"));
    assert_eq!(versions.len(), 0, "a template is registered by a run");
}

#[tokio::test]
async fn refresh_looks_at_pictures_that_are_there_too() {
    let mut world = World::finished().await;
    assert!(next(&world, PlanFlags::default()).await.preview.is_none());
    let same = next(&world, REFRESH).await.preview.unwrap();
    assert!(!same.would_run());
    world.ctx.settings.image.style_prefix = "Watercolor.".to_owned();
    let other = next(&world, REFRESH).await.preview.unwrap();
    assert_eq!((other.would_run(), other.estimate), (true, PICTURE + PICTURE));
}

#[tokio::test]
async fn an_unknown_episode_has_no_plan() {
    let world = World::new();
    let errors = [
        load_plan(&world.ctx, &id(), PlanFlags::default()).await.unwrap_err(),
        preview_next(&world.ctx, &id(), PlanFlags::default()).await.unwrap_err(),
    ];
    assert!(errors.iter().all(|error| matches!(error, StageError::UnknownEpisode { .. })), "{errors:?}");
}

#[tokio::test]
async fn a_capped_episode_is_planned_from_the_stage_that_ran_last() {
    for stage in [Stage::Correct, Stage::Translate, Stage::Adapt, Stage::Chapterize, Stage::Imagegen] {
        let world = World::new();
        world.add(EP, EpisodeStatus::CostLimit);
        let episode = world.episode();
        let unknown = load_plan(&world.ctx, &id(), PlanFlags::default()).await.unwrap();
        assert_eq!(unknown.next().map(PlannedStep::name), Some("download"), "no run tells how far it is");

        world.query(|conn| {
            testing::pipeline_run(conn, &episode, Stage::Correct);
            testing::pipeline_run(conn, &episode, stage);
            Ok(())
        });
        let plan = load_plan(&world.ctx, &id(), PlanFlags::default()).await.unwrap();
        let next = plan.next().unwrap();
        assert_eq!((next.name(), next.state), (stage.as_str(), StepState::Next));
        assert!(next.note.contains("raise MAX_EPISODE_COST_USD"), "{}", next.note);
        let before = plan.steps.iter().take_while(|step| step.state == StepState::Done).count();
        assert_eq!(plan.steps[before].name(), stage.as_str(), "all in front of it is done");
        let last = world.query(|conn| pipeline_runs::find_latest(conn, episode.id)).unwrap();
        assert_eq!(last.stage, stage);
    }
}
