//! What the dashboard is given: everything to look and to decide, and no way to run a stage.

use btcedu_domain::{EpisodeStatus, ReviewStatus};
use btcedu_models::{prompt_versions, review_tasks::TaskSelection};
use btcedu_pipeline::{Decision, Desk, DeskError, OverviewFilter, PlannedStep, Verdict, WaitingFor};

use crate::world::{EP, World, edit, id};

#[tokio::test]
async fn a_desk_shows_and_decides_what_the_functions_do() {
    let world = World::at_gate_1().await;
    let desk = Desk::new(world.ctx.clone());
    assert_eq!(desk.cap(), world.ctx.settings.max_episode_cost);
    assert_eq!(desk.data().root(), world.ctx.data.root());
    assert_eq!(desk.db().path(), world.ctx.db.path());

    let list = desk.list_episodes(OverviewFilter::default()).await.unwrap();
    assert_eq!((list.matching, list.episodes[0].episode_id.as_str()), (1, EP));
    assert!(matches!(list.episodes[0].waiting_for, WaitingFor::Review { task: Some(1), .. }));
    assert_eq!(list.episodes[0].cap, desk.cap());

    assert_eq!(desk.open_review(1).await.unwrap().status, ReviewStatus::InReview);
    let open = desk.list_reviews(TaskSelection::Open).await.unwrap();
    assert_eq!(open, [desk.find_review(1).await.unwrap()]);
    let accepted = desk.accept_edit(1, "btcedu web").await.unwrap();
    assert_eq!(accepted, open[0], "the text is as the review knows it");
    let decision =
        Decision { task: 1, verdict: &Verdict::Approve, seen: open[0].artifact_hash, command: "btcedu web" };
    assert_eq!(desk.decide_review(decision).await.unwrap().status, ReviewStatus::Approved);

    let next = desk.preview_next(&id()).await.unwrap();
    assert_eq!(next.plan.next().map(PlannedStep::name), Some("translate"));
    assert!(next.preview.unwrap().would_run());
    assert_eq!(world.asked().len(), 1, "nobody was asked for anything but the correction");
    assert!(desk.clock().now() > world.episode().detected_at);
}

#[tokio::test]
async fn templates_are_registered_so_that_they_are_shown_before_a_run() {
    let mut world = World::new();
    world.use_template_folder();
    world.add(EP, EpisodeStatus::Transcribed);
    let desk = Desk::new(world.ctx.clone());
    let versions = || world.query(|conn| prompt_versions::list(conn, "adapt")).len();
    assert_eq!(versions(), 0);
    desk.register_prompts().await.unwrap();
    desk.register_prompts().await.unwrap();
    assert_eq!(versions(), 1, "the same text is one version");
    edit(&world.template("adapt"), "no front matter");
    let error = desk.register_prompts().await.unwrap_err();
    assert!(matches!(error, DeskError::Prompt(_)), "{error:?}");
    assert!(error.to_string().contains("adapt.md"), "{error}");
    assert_eq!(versions(), 1);
}
