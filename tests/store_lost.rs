//! The store or the whole database is lost: it is rebuilt from what remains as far as possible, and nothing is bought silently.

use std::{collections::BTreeMap, fs};

use btcedu_domain::{CallId, CallKind, CallState, Usd};
use btcedu_testkit::{Chapters, TestEnv};
use serde_json::Value;

use crate::{
    books::{EP, Records, audit, current},
    support::{calls, entry},
    world,
};

fn chapters() -> Chapters {
    Chapters::own_prompts(2).with("diagram", None).with("title_card", None)
}

/// A world with three pictures, one of them from a written prompt.
async fn finished_world() -> TestEnv {
    let env = world().await;
    env.add(EP, &chapters()).await;
    let _done = env.run(&["imagegen", EP]).await.success().says("3 generated");
    env
}

fn lose_store(env: &TestEnv) {
    fs::remove_dir_all(env.output(EP, "images/store")).unwrap();
}

/// The bytes of each chapter's file.
fn chapter_files(env: &TestEnv) -> BTreeMap<String, Vec<u8>> {
    let names = env.files("outputs/ep1/images").into_iter().filter(|f| f.contains(".png"));
    names.map(|name| (name.clone(), fs::read(env.output(EP, &format!("images/{name}"))).unwrap())).collect()
}

#[tokio::test]
async fn a_lost_store_is_told_chapter_by_chapter_and_looking_takes_nothing_away() {
    let env = finished_world().await;
    let (files, sent) = (chapter_files(&env), calls(&env));
    lose_store(&env);
    let told = env.run(&["images", "verify", EP]).await.exits(1);
    let told = told.says("0 pictures in the store").says("--repair` mends what can be mended");
    for chapter in ["ch01", "ch02", "ch03"] {
        let line =
            format!("differs: {chapter}: the stored picture is missing or broken, and the chapter's file");
        assert!(told.stdout.contains(&line), "{}", told.stdout);
    }
    let dry = env.run(&["imagegen", EP, "--dry-run"]).await.success();
    let _told = dry.says("would mend: ch01: ").says("0 pictures to buy");
    assert_eq!((chapter_files(&env), Records::open(&env).await.rows.len()), (files, 3));
    assert!(!env.output(EP, "images/store").exists(), "looking mends nothing");
    assert_eq!(calls(&env), sent);
}

#[tokio::test]
async fn a_lost_store_is_made_again_from_the_chapters_files_by_repair_and_by_a_run() {
    for args in [&["images", "verify", EP, "--repair"][..], &["imagegen", EP]] {
        let env = finished_world().await;
        let (files, sent, now) = (chapter_files(&env), calls(&env), current(&env));
        lose_store(&env);
        let _mended = env.run(args).await.success().says("mended: ");
        let records = audit(&env, "the store is back").await;
        assert_eq!((records.rows.len(), records.count(CallState::Answered)), (3, 4));
        assert_eq!((chapter_files(&env), calls(&env), current(&env)), (files, sent, now), "{args:?}");
        let again = env.run(&["imagegen", EP, "--json"]).await.success().json();
        assert_eq!((&again["generated"], &again["kept"]), (&0.into(), &3.into()), "{args:?}");
        assert_eq!(calls(&env), sent, "{args:?}");
    }
}

#[tokio::test]
async fn what_was_only_in_the_lost_store_is_told_and_written_off_and_the_money_stays_in_the_ledger() {
    let env = finished_world().await;
    let earlier = current(&env);
    let _anew = env.run(&["imagegen", EP, "--force"]).await.success();
    let (sent, spent) = (calls(&env), env.run(&["cost", "--json"]).await.success().json());
    lose_store(&env);
    let told = env.run(&["images", "verify", EP]).await.exits(1);
    for (chapter, call) in &earlier {
        let line =
            format!("differs: {chapter}: call {call} was paid for, and its picture in the store is missing");
        assert!(told.stdout.contains(&line), "{line} is not in {}", told.stdout);
    }
    let _mended = env.run(&["images", "verify", EP, "--repair"]).await.success();
    let _clean =
        env.run(&["images", "verify", EP]).await.success().says("3 pictures in the store, all agree");
    let records = Records::open(&env).await;
    let lost: Vec<CallId> =
        records.calls.iter().filter(|c| c.error.as_deref().is_some()).map(|c| c.call_id).collect();
    let mut expected: Vec<CallId> = earlier.into_iter().map(|(_, call)| call).collect();
    expected.sort();
    assert_eq!(lost, expected);
    assert_eq!(env.run(&["cost", "--json"]).await.success().json(), spent);
    let _idle = env.run(&["imagegen", EP]).await.success().says("0 generated · 3 kept");
    assert_eq!(calls(&env), sent);
}

/// A sidecar can be rebuilt only if the settings that its hashes cover are known.
#[tokio::test]
async fn with_other_settings_a_lost_store_is_told_before_it_is_bought_again_and_no_picture_is_overwritten() {
    let mut env = finished_world().await;
    let (files, sent) = (chapter_files(&env), calls(&env));
    lose_store(&env);
    env.set("IMAGE_GEN_STYLE_PREFIX", "Flat.");
    let told = env.run(&["images", "verify", EP, "--repair"]).await.exits(1);
    let _told =
        told.says("ch01: the manifest names a picture that is not in the store").says("without buying");
    let dry = env.run(&["imagegen", EP, "--dry-run"]).await.success();
    let _told = dry.says("its picture is not in the store").says("3 pictures to buy");
    assert_eq!((chapter_files(&env), calls(&env)), (files.clone(), sent));

    // With the old settings they are repaired for free.
    env.unset("IMAGE_GEN_STYLE_PREFIX");
    let _mended = env.run(&["images", "verify", EP, "--repair"]).await.success();
    audit(&env, "set back").await;
    assert_eq!((chapter_files(&env), calls(&env)), (files.clone(), sent));

    // When new pictures are bought, the old files are kept under other names, since they are the only copies.
    lose_store(&env);
    env.set("IMAGE_GEN_STYLE_PREFIX", "Flat.");
    let _anew = env.run(&["imagegen", EP]).await.success().says("3 generated");
    let now: Vec<Vec<u8>> = chapter_files(&env).into_values().collect();
    assert!(files.values().all(|before| now.contains(before)), "an only copy was overwritten");
    assert_eq!(now.len(), 6);
}

fn lose_database(env: &TestEnv) {
    for file in env.files("").iter().filter(|f| f.starts_with("btcedu.db")) {
        fs::remove_file(env.data().join(file)).unwrap();
    }
}

/// The sum over all sidecars: each picture, and each prompt once, even if several pictures use it.
fn paid_by_sidecars(env: &TestEnv) -> (Usd, usize) {
    let store = env.output(EP, "images/store");
    let sidecars = env.files("outputs/ep1/images/store").into_iter().filter(|f| f.contains(".json"));
    let mut paid: BTreeMap<String, Usd> = BTreeMap::new();
    for name in sidecars {
        let sidecar: Value = serde_json::from_slice(&fs::read(store.join(name)).unwrap()).unwrap();
        for (call, cost) in [("call_id", "cost_usd"), ("prompt_call_id", "prompt_cost_usd")] {
            if let Some(call) = sidecar[call].as_str() {
                let cost = serde_json::from_value(sidecar[cost].clone()).unwrap();
                assert!(paid.insert(call.to_owned(), cost).is_none_or(|before| before == cost));
            }
        }
    }
    (paid.values().copied().sum(), paid.len())
}

#[tokio::test]
async fn a_ledger_made_again_from_the_sidecars_has_the_prompts_too_and_costs_the_same() {
    let env = finished_world().await;
    // Now two pictures share one written prompt.
    let _anew = env.run(&["imagegen", EP, "--force"]).await.success();
    assert_eq!(calls(&env), (6, 1));
    let before = env.run(&["cost", "--by", "model", "--json"]).await.success().json();
    let (sent, pictures) = (calls(&env), current(&env));
    lose_database(&env);
    env.add(EP, &chapters()).await;
    let _nothing = env.run(&["cost"]).await.success().says("nothing was spent yet");
    let told = env.run(&["images", "verify", EP]).await.exits(1);
    let _told = told.says("which wrote the prompt, is not in the ledger").says("--repair");

    let result = env.run(&["imagegen", EP, "--json"]).await.success().json();
    assert_eq!((&result["generated"], &result["kept"]), (&0.into(), &3.into()));
    assert_eq!((calls(&env), current(&env)), (sent, pictures));
    let after = env.run(&["cost", "--by", "model", "--json"]).await.success().json();
    assert_eq!(after, before, "`cost` says what it said before");
    let (paid, count) = paid_by_sidecars(&env);
    assert_eq!((serde_json::to_value(paid).unwrap(), count), (after["total_usd"].clone(), 7));
    assert_eq!(result["episode_cost_usd"], after["total_usd"]);
    let records = audit(&env, "a lost database").await;
    assert_eq!(records.calls(CallKind::Text, CallState::Answered).len(), 1);
    assert_eq!(entry(&env, EP, "ch03")["prompt_source"], "template");
    let _idle = env.run(&["imagegen", EP]).await.success().says("skipped");
    assert_eq!(calls(&env), sent);
}

#[tokio::test]
async fn a_ledger_made_again_counts_against_the_cap() {
    let mut env = finished_world().await;
    let (paid, _) = paid_by_sidecars(&env);
    lose_database(&env);
    env.add(EP, &chapters()).await;
    env.set("MAX_EPISODE_COST_USD", &paid.to_string().replace('$', ""));
    let sent = calls(&env);
    let blocked = env.run(&["imagegen", EP, "--chapter", "ch01"]).await.exits(3);
    let _told = blocked.says(&format!("the episode has cost {paid}")).says("MAX_EPISODE_COST_USD");
    assert_eq!(calls(&env), sent);
}
