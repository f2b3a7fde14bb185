//! Ctrl-C and SIGTERM: calls in flight are finished and kept, nothing more is sent, and waits end at once.

use std::time::Duration;

use btcedu_domain::{CallKind, CallState, EpisodeStatus};
use btcedu_testkit::{
    Chapters, Finished, TestEnv,
    simulator::{Endpoint, Fault, Rule},
};
use tokio::process::{Child, Command};

use crate::{
    books::{EP, Records, audit, until},
    support::{calls, pictures, texts},
    world,
};

/// Enough time for any machine, and far less than any wait that a signal must end.
const AT_ONCE: Duration = Duration::from_secs(15);

async fn signal(child: &Child, name: &str) {
    let pid = child.id().expect("it is still running");
    let sent = Command::new("sh").args(["-c", &format!("kill -{name} {pid}")]).status().await;
    assert!(sent.unwrap().success());
}

/// Waits for a program that must end without finishing its wait.
async fn ends_at_once(env: &TestEnv, child: Child) -> Finished {
    tokio::time::timeout(AT_ONCE, env.wait(child)).await.expect("it ends at once")
}

fn slow(endpoint: Endpoint) -> Rule {
    Rule::new(endpoint, Fault::Delay(Duration::from_millis(500)))
}

#[tokio::test]
async fn calls_in_flight_are_finished_and_kept_and_the_next_run_buys_the_rest() {
    for (name, code) in [("INT", 130), ("TERM", 143)] {
        let mut env = world().await;
        env.set("IMAGE_GEN_CONCURRENCY", "2");
        env.add(EP, &Chapters::own_prompts(5)).await;
        env.sim.script(slow(Endpoint::Images));
        let child = env.spawn(&["imagegen", EP, "--json"]);
        until("two pictures are on their way", || env.sim.stats().images_in_flight == 2).await;
        signal(&child, name).await;
        let ended = ends_at_once(&env, child).await.exits(code).says("stopping").json();
        assert_eq!(ended["end"]["kind"], "interrupted");
        assert_eq!((&ended["generated"], &ended["pending"]), (&2.into(), &3.into()), "{name}");
        assert_eq!(env.sim.stats().image_calls, 2, "{name}: nothing more is sent");
        let records = audit(&env, name).await;
        assert_eq!(records.calls(CallKind::Image, CallState::Answered).len(), 2, "{name}");
        assert_eq!(records.count(CallState::Unknown), 0, "{name}: nothing is lost");
        assert_eq!(records.episode.status, EpisodeStatus::Chapterized, "{name}: the status is as it was");
        env.sim.clear_rules();
        let _rest = env.run(&["imagegen", EP]).await.success();
        assert_eq!(env.sim.stats().image_calls, 5, "{name}: the rest only");
        audit(&env, name).await;
    }
}

#[tokio::test]
async fn a_prompt_that_is_being_written_is_kept_and_its_picture_is_left_for_the_next_run() {
    let env = world().await;
    env.add(EP, &Chapters::without_prompts(2)).await;
    env.sim.script(slow(Endpoint::Messages));
    let child = env.spawn(&["imagegen", EP]);
    until("two prompts are being written", || env.sim.stats().texts_in_flight == 2).await;
    signal(&child, "TERM").await;
    let _stopped = ends_at_once(&env, child).await.exits(143);
    assert_eq!(calls(&env), (0, 2));
    let records = audit(&env, "prompts in flight").await;
    assert_eq!(records.calls(CallKind::Text, CallState::Answered).len(), 2);
    let _rest = env.run(&["imagegen", EP]).await.success();
    assert_eq!(calls(&env), (2, 2), "the paid prompts are used");
}

#[tokio::test]
async fn a_wait_that_the_provider_asked_for_ends_at_once() {
    let env = world().await;
    env.add(EP, &Chapters::own_prompts(2)).await;
    env.sim.script(pictures(Fault::RateLimit { retry_after: Some(30) }));
    let child = env.spawn(&["imagegen", EP]);
    until("the provider asks to wait", || env.sim.stats().statuses.contains_key(&429)).await;
    signal(&child, "INT").await;
    let _stopped = ends_at_once(&env, child).await.exits(130);
    env.sim.clear_rules();
    let records = audit(&env, "waiting for the provider").await;
    assert_eq!(records.count(CallState::Unknown), 0);
    let sent = env.sim.stats().image_calls;
    let _all = env.run(&["imagegen", EP]).await.success();
    assert_eq!(env.sim.stats().image_calls, sent + 2);
}

#[tokio::test]
async fn a_wait_before_the_next_try_ends_at_once() {
    let env = world().await;
    env.add(EP, &Chapters::without_prompts(1)).await;
    env.sim.script(texts(Fault::Status { code: 529, retry_after: Some(30) }));
    let child = env.spawn(&["imagegen", EP]);
    until("the text model is overloaded", || env.sim.stats().statuses.contains_key(&529)).await;
    signal(&child, "INT").await;
    let _stopped = ends_at_once(&env, child).await.exits(130);
    env.sim.clear_rules();
    let (pictures, texts) = calls(&env);
    let _all = env.run(&["imagegen", EP]).await.success();
    assert_eq!((pictures, calls(&env)), (0, (1, texts + 1)));
    audit(&env, "waiting for the next try").await;
}

#[tokio::test]
async fn the_wait_of_the_pace_ends_at_once() {
    let mut env = world().await;
    env.set("IMAGE_GEN_PER_MINUTE", "1");
    env.add(EP, &Chapters::own_prompts(3)).await;
    let child = env.spawn(&["imagegen", EP, "--json"]);
    let manifest = env.output(EP, "images/manifest.json");
    until("the first picture is published", || manifest.exists()).await;
    signal(&child, "TERM").await;
    let ended = ends_at_once(&env, child).await.exits(143).json();
    assert_eq!((&ended["generated"], &ended["pending"]), (&1.into(), &2.into()));
    assert_eq!(env.sim.stats().image_calls, 1);
    assert_eq!(audit(&env, "pace").await.count(CallState::Answered), 1);
}

#[tokio::test]
async fn a_second_signal_stops_at_once_and_the_open_call_is_written_down_by_the_next_run() {
    let env = world().await;
    env.add(EP, &Chapters::own_prompts(1)).await;
    env.sim.script(pictures(Fault::HangForever { billed: true }).once());
    let mut child = env.spawn(&["imagegen", EP]);
    until("the call hangs", || env.sim.stats().images_in_flight == 1).await;
    signal(&child, "INT").await;
    // The second signal is sent only after the program has reported the first.
    let mut said = tokio::io::BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("once more stops at once") {
        line.clear();
        let read = tokio::io::AsyncBufReadExt::read_line(&mut said, &mut line).await.unwrap();
        assert!(read > 0, "it ended without a word");
    }
    signal(&child, "INT").await;
    let _stopped = ends_at_once(&env, child).await.exits(130);
    assert_eq!(Records::open(&env).await.count(CallState::Sent), 1);
    let next = env.run(&["imagegen", EP]).await.success();
    let _told = next.says("1 call of this episode may have been billed");
    assert_eq!(audit(&env, "second signal").await.count(CallState::Unknown), 1);
}

#[tokio::test]
async fn episodes_whose_turn_has_not_come_are_named_and_the_command_ends_as_stopped() {
    let env = world().await;
    env.add(EP, &Chapters::own_prompts(1)).await;
    env.add("ep2", &Chapters::own_prompts(1)).await;
    env.sim.script(slow(Endpoint::Images));
    let child = env.spawn(&["imagegen", EP, "ep2"]);
    until("the only picture of the first is on its way", || env.sim.stats().images_in_flight == 1).await;
    signal(&child, "INT").await;
    let _stopped = ends_at_once(&env, child).await.exits(130).says("ep2: not started");
    assert_eq!(env.sim.stats().image_calls, 1);
    assert_eq!(audit(&env, "several").await.episode.status, EpisodeStatus::ImagesGenerated);
}
