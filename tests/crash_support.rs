//! Helpers of the crash tests: they kill the program, look at what it left, and assert that the next run recovers.

use std::collections::BTreeSet;

use btcedu_domain::{CallKind, CallState, EpisodeStatus};
use btcedu_testkit::{Chapters, TestEnv};

use crate::{
    books::{EP, Records, arrived, audit, current},
    world,
};

/// Every crash point of imagegen, in the order in which a run passes them. `crash.rs` compares them with the sources.
pub(crate) const STEPS: &[&str] = &[
    "run-opened",
    "reserved",
    "text-answered",
    "text-settled",
    "answered",
    "sidecar-staged",
    "picture-staged",
    "before-rename-sidecar",
    "after-rename-sidecar",
    "before-rename-picture",
    "after-rename-picture",
    "stored",
    "settled",
    "manifest-published",
    "before-close",
    "closed",
];

/// Every file outside the store that a run replaces by rename.
pub(crate) const REPLACED: &[&str] = &["ch02.png", "manifest.json", "imagegen_provenance.json"];

/// Two chapters with a prompt of their own, two without, one that gets no picture.
pub(crate) fn chapters() -> Chapters {
    Chapters::own_prompts(2).with("b_roll", None).with("title_card", None).with("diagram", None)
}

/// How many chapters of [`chapters`] get a picture.
pub(crate) const PICTURES: u64 = 4;

pub(crate) async fn quick_world() -> TestEnv {
    let mut env = world().await;
    env.set("IMAGE_GEN_SIZE", "1024x640");
    env
}

/// The names of all crash points: each step, and before and after each rename.
pub(crate) fn points() -> Vec<String> {
    let renames = REPLACED.iter().flat_map(|f| [format!("before-rename-{f}"), format!("after-rename-{f}")]);
    STEPS.iter().map(|s| (*s).to_owned()).chain(renames).collect()
}

/// Runs the program until it kills itself at a crash point that it has passed `passes` times before.
pub(crate) async fn killed_at(env: &TestEnv, point: &str, passes: u32, args: &[&str]) {
    let armed = format!("{point}={passes}*off->return");
    let child = env.command(args).env("FAILPOINTS", armed).spawn().unwrap();
    let ended = env.wait(child).await;
    assert_eq!(ended.code, None, "{point}: {args:?} came to its end\n{}{}", ended.stdout, ended.stderr);
}

/// What a killed run left, and what the next run must therefore buy.
pub(crate) struct KilledRun {
    images: u64,
    texts: u64,
    unsettled: BTreeSet<String>,
}

impl KilledRun {
    /// Looks at a first run that was killed.
    pub(crate) async fn of_first_run(env: &TestEnv) -> Self {
        let records = Records::open(env).await;
        let arrived = arrived(env);
        let open =
            records.calls.iter().filter(|c| c.state == CallState::Sent && !arrived.contains(&c.call_id));
        let texts = records.calls(CallKind::Text, CallState::Answered).len() as u64;
        Self {
            images: PICTURES.saturating_sub(arrived.len() as u64),
            texts: 2u64.saturating_sub(texts),
            unsettled: open.map(|c| c.call_id.to_string()).collect(),
        }
    }

    /// Looks at a run that was killed while it made everything anew.
    pub(crate) async fn of_forced_run(env: &TestEnv) -> Self {
        Self { images: 0, texts: 0, ..Self::of_first_run(env).await }
    }
}

/// Runs again, and asserts that only lost pictures and texts are bought, and that every lost call is recorded.
pub(crate) async fn recovers(env: &TestEnv, killed: &KilledRun, story: &str) -> Records {
    let unknown_before = Records::open(env).await.count(CallState::Unknown);
    let before = env.sim.stats();
    let result = env.run(&["imagegen", EP, "--json"]).await.success().json();
    let after = env.sim.stats();
    assert_eq!(after.image_calls - before.image_calls, killed.images, "{story}: pictures bought");
    assert_eq!(after.text_calls - before.text_calls, killed.texts, "{story}: texts bought");
    let records = audit(env, story).await;
    let unknown = records.calls.iter().filter(|c| c.state == CallState::Unknown);
    let unknown: BTreeSet<String> = unknown.map(|c| c.call_id.to_string()).collect();
    assert!(unknown.is_superset(&killed.unsettled), "{story}: {:?} in {unknown:?}", killed.unsettled);
    assert_eq!(unknown.len(), unknown_before + killed.unsettled.len(), "{story}: {unknown:?}");
    assert_eq!(result["unknown_calls"], unknown.len(), "{story}: in the summary");
    assert_eq!(records.episode.status, EpisodeStatus::ImagesGenerated, "{story}");
    assert_eq!(current(env).len() as u64, PICTURES, "{story}: every chapter has its picture");
    third_run_sends_nothing(env, story).await;
    records
}

/// Runs once more, and asserts that nothing is sent.
pub(crate) async fn third_run_sends_nothing(env: &TestEnv, story: &str) {
    let before = env.sim.stats();
    let third = env.run(&["imagegen", EP, "--json"]).await.success().json();
    assert_eq!(third["end"]["kind"], "skipped", "{story}: {third:#}");
    let after = env.sim.stats();
    assert_eq!((after.image_calls, after.text_calls), (before.image_calls, before.text_calls), "{story}");
}
