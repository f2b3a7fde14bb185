//! Two programs at once: one buys, the other waits or names the holder of the lock; readers never wait.

use std::{os::unix::fs::MetadataExt, time::Duration};

use btcedu_domain::CallState;
use btcedu_testkit::{
    Chapters, TestEnv,
    simulator::{Endpoint, Fault, Rule},
};
use tokio::process::Child;

use crate::{
    books::{EP, audit, until},
    world,
};

/// A run whose first call hangs until the rule is removed.
async fn run_at_work(env: &TestEnv) -> Child {
    env.sim.script(Rule::new(Endpoint::Images, Fault::HangForever { billed: false }));
    let child = env.spawn(&["imagegen", EP]);
    until("a call is in flight", || env.sim.stats().images_in_flight > 0).await;
    child
}

#[tokio::test]
async fn two_started_together_buy_each_picture_once_and_one_says_who_holds_the_episode() {
    let mut env = world().await;
    env.set("IMAGE_GEN_CONCURRENCY", "1");
    env.add(EP, &Chapters::own_prompts(4)).await;
    // In all this takes longer than the second program waits for the lock.
    env.sim.script(Rule::new(Endpoint::Images, Fault::Delay(Duration::from_millis(600))));
    let (one, other) = (env.spawn(&["imagegen", EP]), env.spawn(&["imagegen", EP]));
    let pids = [one.id().unwrap(), other.id().unwrap()];
    let ended = tokio::join!(env.wait(one), env.wait(other));
    let (winner, loser, pid) = match (ended.0.code, ended.1.code) {
        (Some(0), Some(3)) => (ended.0, ended.1, pids[0]),
        (Some(3), Some(0)) => (ended.1, ended.0, pids[1]),
        codes => panic!("{codes:?}\n{}\n{}", ended.0.stderr, ended.1.stderr),
    };
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let loser = loser.says(EP).says(&format!("process {pid} on {}", host.trim()));
    let _told = loser.says("`btcedu imagegen ep1`").says("since 2");
    let _counted = winner.says("4 generated");
    assert_eq!(env.sim.stats().image_calls, 4);
    assert_eq!(env.sim.stats().max_concurrent_images, 1);
    audit(&env, "two at once").await;
}

#[tokio::test]
async fn many_started_together_on_a_short_run_buy_each_picture_once() {
    let env = world().await;
    env.add(EP, &Chapters::own_prompts(2).with("diagram", None)).await;
    let children: Vec<Child> = (0..4).map(|_| env.spawn(&["imagegen", EP])).collect();
    for child in children {
        let ended = env.wait(child).await;
        assert!(matches!(ended.code, Some(0 | 3)), "{}{}", ended.stdout, ended.stderr);
    }
    assert_eq!((env.sim.stats().image_calls, env.sim.stats().text_calls), (3, 1));
    audit(&env, "four at once").await;
}

#[tokio::test]
async fn two_episodes_at_once_are_both_worked_on() {
    let env = world().await;
    for id in [EP, "ep2", "ep3"] {
        env.add(id, &Chapters::own_prompts(3)).await;
    }
    let children = [EP, "ep2", "ep3"].map(|id| env.spawn(&["imagegen", id]));
    for child in children {
        let _done = env.wait(child).await.success();
    }
    assert_eq!(env.sim.stats().image_calls, 9);
    let _clean = env.run(&["images", "verify", EP, "ep2", "ep3"]).await.success();
}

#[tokio::test]
async fn first_commands_in_an_empty_workspace_at_once_all_work() {
    let env = world().await;
    let ids: Vec<String> = (1..=6).map(|n| format!("ep{n}")).collect();
    let mut children = Vec::new();
    for id in &ids {
        let file = env.write(&format!("{id}.json"), &Chapters::own_prompts(1).json(id));
        let file = file.display().to_string();
        children.push(env.spawn(&["add", "--id", id, "--title", "Blok zinciri", "--chapters", &file]));
    }
    for child in children {
        let _added = env.wait(child).await.success();
    }
    let listed = env.run(&["status", "--json"]).await.success().json();
    assert_eq!(listed.as_array().unwrap().len(), 6);
}

#[tokio::test]
async fn one_id_added_twice_at_once_is_added_once_and_has_the_winners_file() {
    let env = world().await;
    let mut children = Vec::new();
    for n in 1..=4 {
        let file = env.write(&format!("{n}.json"), &Chapters::own_prompts(n).json(EP));
        let (title, file) = (format!("{n} chapters"), file.display().to_string());
        children.push(env.spawn(&["add", "--id", EP, "--title", &title, "--chapters", &file]));
    }
    let mut codes = Vec::new();
    for child in children {
        codes.push(env.wait(child).await.code.unwrap());
    }
    assert_eq!(codes.iter().filter(|c| **c == 0).count(), 1, "{codes:?}");
    let title = env.run(&["status", EP, "--json"]).await.success().json()[0]["title"].clone();
    let result = env.run(&["imagegen", EP, "--json"]).await.success().json();
    assert_eq!(title, format!("{} chapters", result["generated"]));
}

#[tokio::test]
async fn readers_work_while_a_run_is_on() {
    let env = world().await;
    env.add(EP, &Chapters::own_prompts(2)).await;
    let _first = env.run(&["imagegen", EP]).await.success();
    env.replace_chapters(EP, &Chapters::own_prompts(2).edit(1, "/visual/image_prompt", "A coin."));
    let child = run_at_work(&env).await;
    for args in [
        ["images", "list", EP].as_slice(),
        &["images", "history", EP],
        &["status"],
        &["plan", EP],
        &["cost"],
        &["chapters", EP],
        &["prompt", "list"],
        &["migrate-status"],
    ] {
        let _works = env.run(args).await.success();
    }
    // An open row may belong to a run that is still active, and is reported as such.
    let dry = env.run(&["imagegen", EP, "--dry-run"]).await.success();
    let _told = dry.says("is in flight or was interrupted").says("run 2 is at work or was interrupted");
    let verified = env.run(&["images", "verify", EP]).await.exits(1);
    let _told = verified.says("is in flight or was interrupted");
    drop(child);
}

#[tokio::test]
async fn who_would_write_is_blocked_while_a_run_is_on() {
    let env = world().await;
    env.add(EP, &Chapters::own_prompts(1)).await;
    let call = "019a0000-0000-7000-8000-000000000000";
    let child = run_at_work(&env).await;
    for args in [
        ["imagegen", EP].as_slice(),
        &["run", EP],
        &["images", "verify", EP, "--repair"],
        &["images", "use", EP, "--chapter", "ch01", call],
    ] {
        let _blocked = env.run(args).await.exits(3).says("is held by process");
    }
    drop(child);
}

#[tokio::test]
async fn a_killed_holder_frees_the_episode_and_the_lock_file_stays_the_same_file() {
    let env = world().await;
    env.add(EP, &Chapters::own_prompts(1)).await;
    let inode = || std::fs::metadata(env.output(EP, ".lock")).unwrap().ino();
    let mut child = run_at_work(&env).await;
    let before = inode();
    child.start_kill().unwrap();
    child.wait().await.unwrap();
    env.sim.clear_rules();
    let _next = env.run(&["imagegen", EP]).await.success().says("1 generated");
    let _clean = env.run(&["images", "verify", EP, "--repair"]).await.success();
    assert_eq!(inode(), before);
    assert_eq!(audit(&env, "killed holder").await.count(CallState::Unknown), 1);
}
