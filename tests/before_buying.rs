//! Warnings and refusals before anything is paid for: a retired text model, calls that may have been billed, a reached cap.

use std::time::Duration;

use btcedu_domain::{CallState, EpisodeStatus, RunStatus, Stage};
use btcedu_models::pipeline_runs::{self, NewRun};
use btcedu_testkit::{Chapters, TestEnv, simulator::Fault};

use crate::{
    books::{EP, Records, audit},
    crash_support::killed_at,
    support::{calls, database, ledger, pictures, set_status, status_of},
    world,
};

/// The catalogue of the program, with Sonnet 5.5 retired long ago.
fn catalogue_of_later_days() -> String {
    let listed = "id = \"claude-sonnet-5-5\"";
    let retired = format!("{listed}\nretires = \"2026-10-01\"\nsuccessor = \"claude-haiku-5-5\"");
    let today = include_str!("../data/models.toml");
    assert_eq!(today.matches(listed).count(), 1);
    today.replace(listed, &retired)
}

#[tokio::test]
async fn a_text_model_that_the_public_api_has_retired_is_told_before_anything_is_sent() {
    let mut env = world().await;
    let models = env.write("models.toml", &catalogue_of_later_days()).display().to_string();
    env.set("MODELS_FILE", &models);
    // Without it the program would use the public API; the test shows that it sends nothing there.
    env.unset("ANTHROPIC_BASE_URL");
    env.add(EP, &Chapters::own_prompts(2).with("diagram", None)).await;
    let stopped = env.run(&["imagegen", EP]).await.exits(1);
    let _told = stopped.says("claude-sonnet-5-5").says("claude-haiku-5-5").says("CLAUDE_MODEL");
    assert_eq!(calls(&env), (0, 0), "own prompts too wait until it is mended");
    assert!(ledger(&env, EP).await.is_empty());
    let (status, error) = status_of(&env, EP).await;
    assert_eq!(status, EpisodeStatus::Chapterized);
    assert!(error.unwrap().contains("claude-sonnet-5-5"));
    let _doctor = env.run(&["doctor", "--offline"]).await.exits(1).says("retired since 2026-10-01");

    // Where no prompt has to be written, the text model is not needed.
    env.replace_chapters(EP, &Chapters::own_prompts(3));
    let _made = env.run(&["imagegen", EP]).await.success().says("3 generated");
}

#[tokio::test]
async fn a_gateway_may_serve_a_text_model_that_the_public_api_has_retired() {
    let mut env = world().await;
    let models = env.write("models.toml", &catalogue_of_later_days()).display().to_string();
    env.set("MODELS_FILE", &models);
    env.add(EP, &Chapters::without_prompts(1)).await;
    let _made = env.run(&["imagegen", EP]).await.success().says("1 generated");
    assert_eq!(calls(&env), (1, 1));
}

#[tokio::test]
async fn a_key_that_is_needed_no_more_is_not_asked_for() {
    let mut env = world().await;
    env.add(EP, &Chapters::own_prompts(1).with("diagram", None)).await;
    env.sim
        .script(pictures(Fault::Status { code: 400, retry_after: None }).when_prompt_contains("number 1."));
    let _first = env.run(&["imagegen", EP]).await.success().says("1 generated · 1 failed");
    env.sim.clear_rules();
    env.unset("ANTHROPIC_API_KEY");
    let _rest = env.run(&["imagegen", EP]).await.success().says("1 generated · 1 kept");
    // Its prompt is paid for already, so a new picture needs no text model either.
    let _anew = env.run(&["imagegen", EP, "--chapter", "ch02"]).await.success().says("1 generated");
    assert_eq!(calls(&env).1, 1);
}

/// A world in which a run was killed: one picture was in the store but not settled, and another call was in flight.
async fn killed_with_one_stored_and_one_sent() -> TestEnv {
    let mut env = world().await;
    env.set("IMAGE_GEN_CONCURRENCY", "2");
    env.add(EP, &Chapters::own_prompts(3)).await;
    env.sim.script(pictures(Fault::Delay(Duration::from_millis(400))).when_prompt_contains("number 1."));
    // The third too: it starts as soon as the first has arrived, and might be stored before it.
    for hangs in ["number 2.", "number 3."] {
        env.sim.script(pictures(Fault::HangForever { billed: true }).when_prompt_contains(hangs));
    }
    killed_at(&env, "stored", 0, &["imagegen", EP]).await;
    env.sim.clear_rules();
    env
}

#[tokio::test]
async fn who_wants_to_be_asked_is_asked_after_all_was_adopted_and_mended() {
    let mut env = killed_with_one_stored_and_one_sent().await;
    env.set("RESEND_UNKNOWN", "ask");
    let sent = calls(&env);
    for run in 1..=2 {
        let asked = env.run(&["imagegen", EP]).await.exits(3);
        let asked = asked.says("may have been billed").says("ch02").says("RESEND_UNKNOWN=yes");
        assert!(!asked.stderr.contains("ch01"), "{}", asked.stderr);
        assert_eq!(calls(&env), sent, "run {run}");
        let records = Records::open(&env).await;
        assert_eq!((records.count(CallState::Answered), records.count(CallState::Sent)), (1, 0), "run {run}");
        assert!(records.count(CallState::Unknown) >= 1, "run {run}");
        assert!(
            records.runs.len() == 1 && records.runs[0].completed_at.is_some(),
            "run {run}: {:?}",
            records.runs
        );
        assert_eq!(
            status_of(&env, EP).await,
            (EpisodeStatus::Chapterized, None),
            "to be asked is no failure"
        );
    }
    // A run that needs none of these calls goes on.
    let _third = env.run(&["imagegen", EP, "--chapter", "ch01"]).await.success().says("1 generated");
    let before = calls(&env).0;
    env.set("RESEND_UNKNOWN", "yes");
    let allowed = env.run(&["imagegen", EP]).await.success();
    let _told = allowed.says("2 generated · 1 kept").says("may have been billed without an answer");
    assert_eq!(calls(&env).0, before + 2);
    audit(&env, "allowed").await;
}

#[tokio::test]
async fn without_being_asked_what_may_have_been_billed_is_made_again_and_told() {
    let env = killed_with_one_stored_and_one_sent().await;
    let result = env.run(&["imagegen", EP, "--json"]).await.success().json();
    assert_eq!((&result["generated"], &result["kept"]), (&2.into(), &1.into()), "{result:#}");
    assert!(result["unknown_calls"].as_u64().unwrap() >= 1);
    audit(&env, "not asked").await;
}

#[tokio::test]
async fn a_cap_that_is_reached_before_the_first_call_is_one_failed_run_and_a_higher_one_goes_on() {
    let mut env = world().await;
    env.set("IMAGE_GEN_MODEL", "dall-e-3");
    env.set("MAX_EPISODE_COST_USD", "0.03");
    env.add(EP, &Chapters::own_prompts(2)).await;
    for run in 1..=3 {
        let blocked = env.run(&["imagegen", EP]).await.exits(3);
        let blocked = blocked.says("the cost cap of $0.03 is reached").says("needs up to $0.04");
        let _how = blocked.says("raise MAX_EPISODE_COST_USD and run `btcedu imagegen ep1` again");
        let (status, error) = status_of(&env, EP).await;
        assert_eq!(status, EpisodeStatus::CostLimit, "run {run}");
        assert!(error.unwrap().contains("MAX_EPISODE_COST_USD"), "run {run}");
        // The first run records in which stage the cap was reached; later runs add nothing.
        let runs = Records::open(&env).await.runs;
        let ended: Vec<RunStatus> = runs.iter().map(|r| r.status).collect();
        assert_eq!(ended, [RunStatus::Failed], "run {run}");
        assert!(runs[0].error_message.as_ref().unwrap().contains("cost cap"), "run {run}");
    }
    let json = env.run(&["imagegen", EP, "--json"]).await.exits(3).json();
    assert_eq!((&json["end"]["kind"], &json["pending"]), (&"cap_reached".into(), &2.into()));
    assert!(ledger(&env, EP).await.is_empty());
    assert_eq!(calls(&env), (0, 0));

    // Enough for one, then for both.
    env.set("MAX_EPISODE_COST_USD", "0.05");
    let _one = env.run(&["imagegen", EP]).await.exits(3).says("1 generated · 1 pending");
    env.set("MAX_EPISODE_COST_USD", "0.08");
    let _rest = env.run(&["imagegen", EP]).await.success().says("1 generated · 1 kept");
    assert_eq!(status_of(&env, EP).await, (EpisodeStatus::ImagesGenerated, None));
    assert_eq!(calls(&env), (2, 0));
    audit(&env, "the cap raised twice").await;
}

/// The last run tells in which stage the cap was reached. Here another stage has run since.
#[tokio::test]
async fn a_cap_that_a_run_reaches_after_another_stage_ran_is_known_to_be_this_stages() {
    let mut env = world().await;
    env.add(EP, &Chapters::own_prompts(2)).await;
    let _first = env.run(&["imagegen", EP]).await.success();
    let episode = Records::open(&env).await.episode.id;
    database(&env)
        .transaction(move |conn| {
            let started_at = "2026-11-22T12:00:00Z".parse().unwrap();
            let again = NewRun { episode_id: episode, stage: Stage::Chapterize, started_at };
            let run = pipeline_runs::insert(conn, &again)?;
            pipeline_runs::set_finished(conn, run, RunStatus::Success, started_at, None)
        })
        .await
        .unwrap();
    set_status(&env, EP, EpisodeStatus::Chapterized).await;
    env.set("MAX_EPISODE_COST_USD", "0.01");
    let _blocked = env.run(&["imagegen", EP, "--force"]).await.exits(3).says("2 kept");
    assert_eq!(status_of(&env, EP).await.0, EpisodeStatus::CostLimit);
    let last = Records::open(&env).await.runs.remove(0);
    assert_eq!((last.stage, last.status), (Stage::Imagegen, RunStatus::Failed));
    // All pictures are there, so nothing needs the cap to be raised.
    let _done = env.run(&["imagegen", EP]).await.success();
    assert_eq!(status_of(&env, EP).await, (EpisodeStatus::ImagesGenerated, None));
    assert_eq!(calls(&env), (2, 0));
}
