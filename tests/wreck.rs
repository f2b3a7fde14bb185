//! How the crash tests kill the program, look at what it left, and demand that it recovers.

use std::collections::BTreeSet;

use btcedu_domain::{CallKind, CallState, EpisodeStatus};
use btcedu_testkit::{Chapters, TestEnv};

use crate::{
    books::{Books, EP, arrived, audit, current},
    world,
};

/// Every named step, in the order of the protocol. A step in the code that isn't here fails a test below.
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

/// Every file that a run puts in its place by rename, beside the store's.
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

/// Names of crash points: each step, and before and after each rename.
pub(crate) fn points() -> Vec<String> {
    let renames = REPLACED.iter().flat_map(|f| [format!("before-rename-{f}"), format!("after-rename-{f}")]);
    STEPS.iter().map(|s| (*s).to_owned()).chain(renames).collect()
}

/// Runs the program until it kills itself at a point, after so many times past it.
pub(crate) async fn killed_at(env: &TestEnv, point: &str, passes: u32, args: &[&str]) {
    let armed = format!("{point}={passes}*off->return");
    let child = env.command(args).env("FAILPOINTS", armed).spawn().unwrap();
    let ended = env.wait(child).await;
    assert_eq!(ended.code, None, "{point}: {args:?} came to its end\n{}{}", ended.stdout, ended.stderr);
}

/// What was left by a killed run, and what the next one must therefore buy.
pub(crate) struct Wreck {
    images: u64,
    texts: u64,
    unsettled: BTreeSet<String>,
}

impl Wreck {
    /// Looks at a first run that was killed.
    pub(crate) async fn of_first_run(env: &TestEnv) -> Self {
        let books = Books::open(env).await;
        let arrived = arrived(env);
        let open = books.calls.iter().filter(|c| c.state == CallState::Sent && !arrived.contains(&c.call_id));
        let texts = books.calls(CallKind::Text, CallState::Answered).len() as u64;
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

/// Runs again, and demands that only what is lost is bought, and that it is written down.
pub(crate) async fn recovers(env: &TestEnv, wreck: &Wreck, story: &str) -> Books {
    let unknown_before = Books::open(env).await.count(CallState::Unknown);
    let before = env.sim.stats();
    let result = env.run(&["imagegen", EP, "--json"]).await.success().json();
    let after = env.sim.stats();
    assert_eq!(after.image_calls - before.image_calls, wreck.images, "{story}: pictures bought");
    assert_eq!(after.text_calls - before.text_calls, wreck.texts, "{story}: texts bought");
    let books = audit(env, story).await;
    let unknown = books.calls.iter().filter(|c| c.state == CallState::Unknown);
    let unknown: BTreeSet<String> = unknown.map(|c| c.call_id.to_string()).collect();
    assert!(unknown.is_superset(&wreck.unsettled), "{story}: {:?} in {unknown:?}", wreck.unsettled);
    assert_eq!(unknown.len(), unknown_before + wreck.unsettled.len(), "{story}: {unknown:?}");
    assert_eq!(result["unknown_calls"], unknown.len(), "{story}: in the summary");
    assert_eq!(books.episode.status, EpisodeStatus::ImagesGenerated, "{story}");
    assert_eq!(current(env).len() as u64, PICTURES, "{story}: every chapter has its picture");
    third_run_sends_nothing(env, story).await;
    books
}

/// A run that has nothing to do.
pub(crate) async fn third_run_sends_nothing(env: &TestEnv, story: &str) {
    let before = env.sim.stats();
    let third = env.run(&["imagegen", EP, "--json"]).await.success().json();
    assert_eq!(third["end"]["kind"], "skipped", "{story}: {third:#}");
    let after = env.sim.stats();
    assert_eq!((after.image_calls, after.text_calls), (before.image_calls, before.text_calls), "{story}");
}
