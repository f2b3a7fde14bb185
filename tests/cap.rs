//! The cost cap: what doesn't fit is not started, and a higher cap goes on from there.

use btcedu_domain::{CallState, EpisodeStatus, Usd};
use btcedu_testkit::{Chapters, TestEnv};

use crate::{
    support::{calls, ledger, pictures_in_state, status_of},
    world,
};

/// A world in which a picture costs exactly four cents.
async fn four_cents() -> TestEnv {
    let mut env = world().await;
    env.set("IMAGE_GEN_MODEL", "dall-e-3");
    env.set("IMAGE_GEN_CONCURRENCY", "4");
    env
}

#[tokio::test]
async fn a_cap_for_three_and_a_half_of_eight_pictures_buys_exactly_three_and_a_higher_one_the_other_five() {
    let mut env = four_cents().await;
    env.set("MAX_EPISODE_COST_USD", "0.14");
    env.add("ep1", &Chapters::own_prompts(8)).await;
    let blocked = env.run(&["imagegen", "ep1"]).await.exits(3);
    let _told = blocked
        .says("$0.14")
        .says("MAX_EPISODE_COST_USD")
        .says("btcedu imagegen ep1")
        .says("3 generated · 5 pending")
        .says("cost: $0.12");
    assert_eq!(calls(&env).0, 3);
    let (status, error) = status_of(&env, "ep1").await;
    assert_eq!(status, EpisodeStatus::CostLimit);
    assert!(error.unwrap().contains("the cost cap of $0.14 is reached"));
    let totals = env.manifest("ep1")["totals"].clone();
    assert_eq!((&totals["generated"], &totals["pending"]), (&3.into(), &5.into()));
    let kept: Vec<String> = env.manifest("ep1")["images"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|e| e["sha256"].as_str().map(ToOwned::to_owned))
        .collect();

    let _still = env.run(&["imagegen", "ep1"]).await.exits(3).says("MAX_EPISODE_COST_USD");
    assert_eq!(calls(&env).0, 3, "the same cap starts nothing");

    env.set("MAX_EPISODE_COST_USD", "0.32");
    let rest = env.run(&["imagegen", "ep1", "--json"]).await.success().json();
    assert_eq!((&rest["generated"], &rest["kept"]), (&5.into(), &3.into()));
    assert_eq!(calls(&env).0, 8);
    let now = env.manifest("ep1").to_string();
    assert!(kept.iter().all(|sha256| now.contains(sha256)), "those of the first run are still current");
    assert_eq!(status_of(&env, "ep1").await, (EpisodeStatus::ImagesGenerated, None));
    let rows = ledger(&env, "ep1").await;
    assert_eq!((rows.len(), pictures_in_state(&rows, CallState::Answered)), (8, 8));
    assert_eq!(env.sim.stats().billed.to_string(), "$0.32");
}

#[tokio::test]
async fn where_not_even_one_call_fits_nothing_is_sent() {
    for cap in ["0", "0.03"] {
        let mut env = four_cents().await;
        env.set("MAX_EPISODE_COST_USD", cap);
        env.add("ep1", &Chapters::own_prompts(2).with("diagram", None)).await;
        let _blocked = env.run(&["imagegen", "ep1"]).await.exits(3).says("0 generated · 3 pending");
        assert_eq!(calls(&env), (0, 0), "cap {cap}");
        assert_eq!(status_of(&env, "ep1").await.0, EpisodeStatus::CostLimit);
    }
}

#[tokio::test]
async fn a_blocked_run_with_force_keeps_the_pictures_there_were() {
    let mut env = four_cents().await;
    env.add("ep1", &Chapters::own_prompts(3)).await;
    let _first = env.run(&["imagegen", "ep1"]).await.success();
    env.set("MAX_EPISODE_COST_USD", "0.17");
    let _blocked = env.run(&["imagegen", "ep1", "--force"]).await.exits(3);
    assert_eq!(calls(&env).0, 4);
    assert_eq!(env.manifest("ep1")["totals"]["generated"], 3, "one new, two as before");
    assert_eq!(status_of(&env, "ep1").await.0, EpisodeStatus::CostLimit);
    let _clean = env.run(&["images", "verify", "ep1"]).await.success();
    // All chapters have their picture, so nothing is blocked any more, whatever the cap.
    let _done = env.run(&["imagegen", "ep1"]).await.success();
    assert_eq!(status_of(&env, "ep1").await, (EpisodeStatus::ImagesGenerated, None));
}

#[tokio::test]
async fn written_prompts_count_against_the_cap_too() {
    let mut env = four_cents().await;
    // Two pictures would fit, but not together with their prompts.
    env.set("MAX_EPISODE_COST_USD", "0.08");
    env.add("ep1", &Chapters::without_prompts(3)).await;
    let _blocked = env.run(&["imagegen", "ep1"]).await.exits(3);
    let (pictures, texts) = calls(&env);
    assert_eq!(pictures, 1, "the prompts took what a second picture would need");
    assert!((1..=3).contains(&texts), "{texts}");
    let rows = ledger(&env, "ep1").await;
    let spent: Usd = rows.iter().map(|c| c.actual.unwrap()).sum();
    assert_eq!(spent, env.sim.stats().billed);
    assert!(Usd::from_micros(40_000) < spent && spent <= Usd::from_micros(80_000), "{spent}");
    let costs = env.run(&["cost", "ep1", "--json"]).await.success().json();
    assert_eq!(costs["total_usd"], serde_json::to_value(spent).unwrap());
}

/// Settled prices are below their estimates here, so settling a call makes room under the cap for another.
#[tokio::test]
async fn what_the_cap_allows_does_not_depend_on_how_many_calls_run_at_once() {
    let mut bought = Vec::new();
    for concurrency in ["1", "4", "8"] {
        let mut env = world().await;
        env.set("IMAGE_GEN_CONCURRENCY", concurrency);
        env.set("MAX_EPISODE_COST_USD", "0.3");
        env.add("ep1", &Chapters::own_prompts(8)).await;
        let _blocked = env.run(&["imagegen", "ep1"]).await.exits(3);
        bought.push(calls(&env).0);
    }
    // After six, less is left than a seventh may cost.
    assert_eq!(bought, [6, 6, 6]);
}
