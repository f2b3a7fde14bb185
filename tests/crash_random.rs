//! Runs are killed many times at random moments; ledger, rows, store and manifest must agree afterwards.

use std::{process::Stdio, time::Duration};

use btcedu_domain::CallState;
use btcedu_testkit::{Chapters, TestEnv, simulator::SimulatorConfig};

use crate::{
    books::{EP, audit, current},
    world_with,
};

const SIZE: &str = "1024x640";

/// A small random generator (`SplitMix64`), so that a seed always gives the same moments.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }
}

async fn slow_world() -> TestEnv {
    let config = SimulatorConfig {
        image_latency: Duration::from_millis(30),
        text_latency: Duration::from_millis(15),
        ..SimulatorConfig::default()
    };
    let mut env = world_with(config).await;
    env.set("IMAGE_GEN_SIZE", SIZE);
    env.set("IMAGE_GEN_CONCURRENCY", "3");
    env.set("MAX_EPISODE_COST_USD", "100000");
    env
}

/// Six chapters whose pictures all have to be bought in this round.
fn chapters(round: u64) -> Chapters {
    let own = Chapters::own_prompts(4).with("b_roll", None).with("diagram", None);
    let edited = (1..=4)
        .fold(own, |doc, n| doc.edit(n, "/visual/image_prompt", format!("Coin {n} of round {round}.")));
    (5..=6).fold(edited, |doc, n| doc.edit(n, "/visual/description", format!("Chain {n} of round {round}.")))
}

/// Kills a run when the simulator has seen so many more calls, and a little later.
async fn kill_after(env: &TestEnv, args: &[&str], calls: u64, then: Duration) {
    let seen = || env.sim.stats().image_calls + env.sim.stats().text_calls;
    let target = seen() + calls;
    let mut child = env.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while seen() < target && child.try_wait().unwrap().is_none() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tokio::time::sleep(then).await;
    child.start_kill().unwrap();
    child.wait().await.unwrap();
}

/// Kills one run after the other, and audits after every few of them.
async fn killed_many_times(seed: u64, kills: u64) {
    let env = slow_world().await;
    env.add(EP, &chapters(0)).await;
    let mut random = Random(seed);
    for round in 0..kills {
        if random.below(2) == 0 {
            env.replace_chapters(EP, &chapters(round));
        }
        let forced = random.below(3) == 0;
        let args: &[&str] = if forced { &["imagegen", EP, "--force"] } else { &["imagegen", EP] };
        let (calls, then) = (random.below(9), Duration::from_millis(random.below(60)));
        kill_after(&env, args, calls, then).await;
        if random.below(3) == 0 {
            let story = format!("seed {seed}, kill {round}, {calls} calls and {then:?} into {args:?}");
            let before = crate::books::arrived(&env).len();
            let _recovered = env.run(&["imagegen", EP]).await.success();
            let records = audit(&env, &story).await;
            assert!(records.count(CallState::Answered) >= before, "{story}: what arrived is kept");
            let sent = env.sim.stats().image_calls;
            let _idle = env.run(&["imagegen", EP]).await.success();
            assert_eq!(env.sim.stats().image_calls, sent, "{story}: nothing is bought once all is there");
        }
    }
    let _recovered = env.run(&["imagegen", EP]).await.success();
    let records = audit(&env, &format!("seed {seed}, after the last kill")).await;
    assert_eq!(current(&env).len(), 6);
    assert!(records.count(CallState::Answered) > 6, "more than one round was bought");
}

#[tokio::test]
async fn killed_at_random_moments_many_times_ledger_and_files_agree_with_one_seed() {
    killed_many_times(20_261_122, 30).await;
}

#[tokio::test]
async fn killed_at_random_moments_many_times_ledger_and_files_agree_with_another_seed() {
    killed_many_times(7, 30).await;
}

#[tokio::test]
async fn killed_in_the_first_migration_the_next_command_migrates() {
    for moment in 0..12 {
        let env = slow_world().await;
        let mut child = env.spawn(&["migrate"]);
        // The kill comes after the file appears, a little later each time.
        let database = env.data().join("btcedu.db");
        while !database.exists() && child.try_wait().unwrap().is_none() {
            tokio::task::yield_now().await;
        }
        tokio::time::sleep(Duration::from_millis(moment)).await;
        child.start_kill().unwrap();
        child.wait().await.unwrap();
        let applied = env.run(&["migrate-status", "--json"]).await.success().json();
        let applied: Vec<bool> =
            applied.as_array().unwrap().iter().map(|s| s["applied"].as_bool().unwrap()).collect();
        let all_or_nothing = !applied.is_empty() && applied.windows(2).all(|w| w[0] == w[1]);
        assert!(all_or_nothing, "{moment} ms in: {applied:?}");
        env.add(EP, &chapters(0)).await;
        let _run = env.run(&["imagegen", EP]).await.success();
        audit(&env, &format!("migration killed {moment} ms in")).await;
        assert_eq!(current(&env).len(), 6);
    }
}
