//! A choice by hand survives an interrupted run, and choosing doesn't change the episode's status.

use btcedu_domain::{CallState, EpisodeStatus};
use btcedu_testkit::{Chapters, TestEnv};

use crate::{
    books::{EP, Records, audit, current},
    crash_support::killed_at,
    support::{calls, entry, set_status, status_of},
    world,
};

fn chapters() -> Chapters {
    Chapters::own_prompts(3)
}

fn call_of(env: &TestEnv, chapter: &str) -> String {
    let (_, call) = current(env).into_iter().find(|(id, _)| id == chapter).expect("a picture");
    call.to_string()
}

async fn choose(env: &TestEnv, chapter: &str, call: &str) {
    let _chosen = env.run(&["images", "use", EP, "--chapter", chapter, call]).await.success();
    assert_eq!(call_of(env, chapter), call);
}

/// A world in which `ch01` has two pictures, and the older one was chosen by hand.
struct Choice {
    env: TestEnv,
    /// The call of the older picture.
    older: String,
    /// The call of the newer picture.
    newer: String,
}

async fn world_with_a_choice() -> Choice {
    let env = world().await;
    env.add(EP, &chapters()).await;
    let _first = env.run(&["imagegen", EP]).await.success();
    let older = call_of(&env, "ch01");
    let _second = env.run(&["imagegen", EP, "--chapter", "ch01"]).await.success();
    let newer = call_of(&env, "ch01");
    choose(&env, "ch01", &older).await;
    Choice { env, older, newer }
}

#[tokio::test]
async fn what_an_interrupted_run_had_bought_does_not_push_a_choice_aside() {
    for point in ["stored", "settled", "before-rename-ch01.png"] {
        let Choice { env, older, newer } = world_with_a_choice().await;
        let before = calls(&env).0;
        killed_at(&env, point, 0, &["imagegen", EP, "--force", "--chapter", "ch01"]).await;
        assert_eq!(calls(&env).0, before + 1);
        let _adopted = env.run(&["imagegen", EP]).await.success().says("mended: ");
        assert_eq!(call_of(&env, "ch01"), older, "{point}: {:#}", entry(&env, EP, "ch01"));
        let records = audit(&env, point).await;
        assert_eq!(records.count(CallState::Answered) as u64, before + 1, "{point}: what arrived is kept");
        let history = env.run(&["images", "history", EP, "--chapter", "ch01", "--json"]).await.success();
        let all = history.json()["pictures"].as_array().unwrap().clone();
        let arrived = all.last().unwrap()["call_id"].as_str().unwrap().to_owned();
        assert!(all.len() == 3 && arrived != older && arrived != newer, "{point}: {all:?}");
        choose(&env, "ch01", &arrived).await;
        let _plain = env.run(&["imagegen", EP]).await.success();
        assert_eq!((call_of(&env, "ch01"), calls(&env).0), (arrived, before + 1), "{point}");
    }
}

#[tokio::test]
async fn a_choice_made_after_an_interrupted_run_is_not_undone_by_what_that_run_had_bought() {
    let env = world().await;
    env.add(EP, &chapters()).await;
    let _first = env.run(&["imagegen", EP]).await.success();
    let older = call_of(&env, "ch01");
    killed_at(&env, "settled", 0, &["imagegen", EP, "--force", "--chapter", "ch01"]).await;
    choose(&env, "ch01", &older).await;
    let before = calls(&env);
    for _ in 0..2 {
        let _plain = env.run(&["imagegen", EP]).await.success();
        assert_eq!((call_of(&env, "ch01"), calls(&env)), (older.clone(), before));
    }
    audit(&env, "chosen after a kill").await;
}

#[tokio::test]
async fn without_a_choice_what_an_interrupted_run_had_bought_becomes_current() {
    let env = world().await;
    env.add(EP, &chapters()).await;
    let _first = env.run(&["imagegen", EP]).await.success();
    let older = call_of(&env, "ch01");
    killed_at(&env, "settled", 0, &["imagegen", EP, "--force", "--chapter", "ch01"]).await;
    let adopted = env.run(&["imagegen", EP]).await.success();
    let _told = adopted.says("ch01: the picture of an interrupted run becomes the current one");
    assert_ne!(call_of(&env, "ch01"), older);
    audit(&env, "taken up").await;
}

#[tokio::test]
async fn choosing_a_picture_leaves_the_episode_where_it_is() {
    let Choice { env, older, newer } = world_with_a_choice().await;
    for status in [
        EpisodeStatus::Chapterized,
        EpisodeStatus::ImagesGenerated,
        EpisodeStatus::TtsDone,
        EpisodeStatus::Rendered,
        EpisodeStatus::Approved,
        EpisodeStatus::Published,
    ] {
        set_status(&env, EP, status).await;
        choose(&env, "ch01", &newer).await;
        assert_eq!(status_of(&env, EP).await, (status, None));
        choose(&env, "ch01", &older).await;
        assert_eq!(status_of(&env, EP).await, (status, None));
    }
}

#[tokio::test]
async fn choosing_a_picture_keeps_a_reached_cap_and_what_was_told_of_it() {
    let Choice { mut env, newer, .. } = world_with_a_choice().await;
    env.set("MAX_EPISODE_COST_USD", "0.1");
    let _blocked = env.run(&["imagegen", EP, "--force"]).await.exits(3);
    let before = status_of(&env, EP).await;
    assert_eq!(before.0, EpisodeStatus::CostLimit);
    choose(&env, "ch01", &newer).await;
    assert_eq!(status_of(&env, EP).await, before);
    let last = Records::open(&env).await.runs.remove(0);
    assert!(last.completed_at.is_some() && last.error_message.is_none(), "choosing went well: {last:?}");
    env.unset("MAX_EPISODE_COST_USD");
    let _on = env.run(&["imagegen", EP]).await.success();
    assert_eq!(status_of(&env, EP).await, (EpisodeStatus::ImagesGenerated, None));
    assert_eq!(call_of(&env, "ch01"), newer);
}
