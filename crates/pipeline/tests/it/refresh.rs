//! Looking back: what a new template or model would make differently, its price, and making it anew.

use btcedu_domain::{EpisodeStatus, Stage, Usd};
use btcedu_pipeline::{RefreshPlan, RunReport, RunnerEnd, plan_refresh};
use btcedu_stages::StageError;

use crate::world::{PICTURE, TEXT, WHOLE, World, edit, id, read, tagged, usual_reply};

fn ran(report: &RunReport) -> Vec<Stage> {
    report.stages.iter().map(|run| run.stage).collect()
}

async fn again(world: &World) -> Option<RefreshPlan> {
    plan_refresh(&world.ctx, &id()).await.unwrap()
}

/// A finished episode, and a template that has changed since.
async fn finished_before_a_change_of(template: &str) -> World {
    let mut world = World::transcribed();
    world.use_template_folder();
    world.run().await;
    world.approve(1).await;
    world.run().await;
    world.approve(2).await;
    assert_eq!(world.run().await.end, RunnerEnd::Finished);
    change(&world, template);
    world
}

fn change(world: &World, template: &str) {
    let path = world.template(template);
    edit(&path, &format!("{}\nWrite briefly.\n", read(&path)));
}

/// Makes adapt write another text than before.
fn adapt_otherwise(world: &World) {
    world.answer(Stage::Adapt, |text| Ok(tagged(Stage::Adapt, &text.replace("Türkçe", "Kısaca"))));
}

#[tokio::test]
async fn nothing_is_made_anew_where_nothing_has_changed() {
    let world = World::finished().await;
    assert_eq!(again(&world).await, None);
    let (report, announced) = world.refresh().await;
    assert_eq!((report.end, report.stages.len(), announced), (RunnerEnd::Finished, 0, vec![]));
    assert_eq!(world.spent(), WHOLE);
}

#[tokio::test]
async fn looking_back_names_the_first_stage_its_price_and_what_the_later_ones_have_cost() {
    let world = finished_before_a_change_of("adapt").await;
    // A later run that cost nothing doesn't hide what the stage has cost.
    world.set_status(EpisodeStatus::Adapted);
    std::fs::remove_file(world.dir().chapters()).unwrap();
    let flags = btcedu_stages::StageFlags::default();
    let stage = btcedu_stages::BuiltStage::Chapterize;
    let free = btcedu_pipeline::run_stage(&world.ctx, &id(), stage, &flags, "btcedu chapterize").await;
    assert_eq!(free.unwrap().cost, Usd::ZERO);
    world.set_status(EpisodeStatus::ImagesGenerated);

    let files = world.files();
    let found = again(&world).await.unwrap();
    assert_eq!((found.stage, found.estimate), (Stage::Adapt, TEXT));
    assert!(found.reason.contains("the template adapt has changed"), "{}", found.reason);
    assert_eq!(found.then, [Stage::Chapterize, Stage::Imagegen]);
    assert_eq!(found.then_cost_before, TEXT + PICTURE + PICTURE);
    assert_eq!(world.files(), files, "it only looks");
    assert_eq!(world.spent(), WHOLE);
}

#[tokio::test]
async fn only_stages_behind_the_episode_are_looked_at() {
    let mut world = World::at_gate_1().await;
    world.ctx.settings.claude_model = Some("claude-haiku-5".to_owned());
    let found = again(&world).await.unwrap();
    assert_eq!((found.stage, found.then, found.then_cost_before), (Stage::Correct, vec![], Usd::ZERO));
    assert!(found.reason.contains("text model"), "{}", found.reason);
}

#[tokio::test]
async fn other_image_settings_make_pictures_anew_and_no_text() {
    let mut world = World::finished().await;
    world.ctx.settings.image.style_prefix = "Watercolor.".to_owned();
    let found = again(&world).await.unwrap();
    assert_eq!((found.stage, found.estimate), (Stage::Imagegen, PICTURE + PICTURE));
    assert_eq!(found.reason, "2 picture(s) would come out differently");
    let (report, announced) = world.refresh().await;
    assert_eq!((ran(&report), report.cost), (vec![Stage::Imagegen], PICTURE + PICTURE));
    assert_eq!(announced, [found]);
    assert!(world.last_prompt().starts_with("Watercolor."), "{}", world.last_prompt());
}

#[tokio::test]
async fn the_price_is_announced_before_anything_is_sent() {
    let world = finished_before_a_change_of("adapt").await;
    let asked_before = world.asked().len();
    let asked_then = std::sync::Mutex::new(Vec::new());
    let options = btcedu_pipeline::RunOptions {
        command: "btcedu run ep1 --refresh",
        refresh: true,
        announce: &|again| asked_then.lock().unwrap().push((again.stage, world.asked().len())),
    };
    btcedu_pipeline::run_episode(&world.ctx, &id(), &options).await.unwrap();
    assert_eq!(asked_then.into_inner().unwrap(), [(Stage::Adapt, asked_before)]);
}

#[tokio::test]
async fn another_text_is_asked_for_and_what_was_made_from_the_old_one_is_out_of_date() {
    let world = finished_before_a_change_of("adapt").await;
    adapt_otherwise(&world);
    let (report, announced) = world.refresh().await;
    assert_eq!(announced.iter().map(|again| again.stage).collect::<Vec<_>>(), [Stage::Adapt]);
    assert_eq!(ran(&report), [Stage::Adapt]);
    assert!(matches!(&report.end, RunnerEnd::AwaitingReview { message } if message.contains("approve 3")));
    assert_eq!((report.status, report.cost), (EpisodeStatus::Adapted, TEXT));
    assert!(read(&world.dir().script()).starts_with("Kısaca"));
    for later in [world.dir().chapters(), world.dir().manifest()] {
        assert!(later.exists() && btcedu_artifacts::stale_path(&later).exists(), "{}", later.display());
    }

    world.answer_as_usual();
    world.approve(3).await;
    let report = world.run().await;
    assert_eq!((ran(&report), report.end), (vec![Stage::Chapterize, Stage::Imagegen], RunnerEnd::Finished));
}

#[tokio::test]
async fn the_same_text_made_anew_leaves_later_ones_alone() {
    let world = finished_before_a_change_of("adapt").await;
    let (script, chapters) = (read(&world.dir().script()), read(&world.dir().chapters()));
    let (report, _) = world.refresh().await;
    assert_eq!((ran(&report), report.end), (vec![Stage::Adapt], RunnerEnd::Finished));
    assert_eq!((report.status, report.cost), (EpisodeStatus::ImagesGenerated, TEXT));
    assert_eq!((read(&world.dir().script()), read(&world.dir().chapters())), (script, chapters));
    assert!(!btcedu_artifacts::stale_path(&world.dir().chapters()).exists());
    assert_eq!(again(&world).await, None);
}

#[tokio::test]
async fn every_stage_that_the_shared_template_touches_is_made_anew_once() {
    let world = finished_before_a_change_of("system").await;
    let (report, announced) = world.refresh().await;
    let texts = [Stage::Correct, Stage::Translate, Stage::Adapt, Stage::Chapterize];
    assert_eq!(ran(&report), texts);
    assert_eq!(announced.iter().map(|again| again.stage).collect::<Vec<_>>(), texts);
    assert_eq!((report.end, world.status()), (RunnerEnd::Finished, EpisodeStatus::ImagesGenerated));
    assert_eq!(world.spent().micros(), WHOLE.micros() + 4 * TEXT.micros());
}

#[tokio::test]
async fn a_stage_that_would_be_made_anew_a_second_time_ends_the_run() {
    let world = finished_before_a_change_of("adapt").await;
    let path = world.template("adapt");
    world.answer(Stage::Adapt, move |text| {
        // A person saves the template again while the stage waits for its answer.
        edit(&path, &format!("{}\nWrite more briefly.\n", read(&path)));
        Ok(usual_reply(Stage::Adapt, text))
    });
    let (report, announced) = world.refresh().await;
    assert_eq!((ran(&report), announced.len()), (vec![Stage::Adapt], 1));
    let RunnerEnd::Failed { message } = &report.end else { panic!("{report:?}") };
    assert!(message.contains("adapt has run, and would be made anew again"), "{message}");
    assert_eq!(report.cost, TEXT, "it is not paid in a circle");
}

#[tokio::test]
async fn a_refresh_asks_for_the_review_that_an_edited_text_needs() {
    let world = finished_before_a_change_of("translate").await;
    edit(&world.dir().corrected_transcript(), "Ein anderer Text.");
    let (report, announced) = world.refresh().await;
    assert_eq!((ran(&report), announced.len()), (vec![], 0));
    assert!(matches!(&report.end, RunnerEnd::AwaitingReview { message } if message.contains("approve 3")));
    assert_eq!(world.task(btcedu_domain::ReviewStage::Correct).id, 3);
    assert_eq!(world.spent(), WHOLE);
}

#[tokio::test]
async fn a_text_that_a_person_brought_in_or_edited_stands_as_it_is() {
    let world = finished_before_a_change_of("chapterize").await;
    // Without its input a stage can't make its text anew.
    std::fs::remove_file(world.dir().clean_transcript()).unwrap();
    // An edit that is up to date stands, though its template has changed.
    let chapters = world.dir().chapters();
    edit(&chapters, &read(&chapters).replace("Bölüm 1", "Birinci bölüm"));
    assert_eq!(again(&world).await, None);
}

#[tokio::test]
async fn an_edited_text_that_is_out_of_date_is_told() {
    let world = finished_before_a_change_of("adapt").await;
    adapt_otherwise(&world);
    world.refresh().await;
    world.approve(3).await;
    world.set_status(EpisodeStatus::ImagesGenerated);
    let chapters = world.dir().chapters();
    edit(&chapters, &read(&chapters).replace("Bölüm 1", "Birinci bölüm"));
    let error = plan_refresh(&world.ctx, &id()).await.unwrap_err();
    assert!(matches!(error, StageError::EditedByHand { stage: Stage::Chapterize, .. }), "{error:?}");
}

#[tokio::test]
async fn a_refresh_goes_on_to_what_comes_next() {
    let world = World::transcribed();
    let (report, announced) = world.refresh().await;
    assert_eq!((ran(&report), announced.len()), (vec![Stage::Correct], 0));
    assert_eq!(report.status, EpisodeStatus::Corrected);
}
