//! Store, ledger, rows, files and manifest are made to disagree: `images verify` reports it, and repairs it where that is free.

use std::{fs, path::PathBuf};

use btcedu_domain::{CallState, ChapterId, EpisodeId};
use btcedu_models::media_assets::{self, NewMediaAsset};
use btcedu_testkit::{Chapters, Finished, TestEnv};
use serde_json::{Value, json};

use crate::{
    books::{EP, Records, audit, current, query, scribble},
    support::calls,
    world,
};

fn chapters() -> Chapters {
    Chapters::own_prompts(2).with("title_card", None).with("diagram", None)
}

/// A world with three pictures, and one of another episode to swap in.
async fn finished_world() -> TestEnv {
    let env = world().await;
    env.add("ep2", &Chapters::own_prompts(1)).await;
    let _other = env.run(&["imagegen", "ep2"]).await.success();
    env.sim.reset_stats();
    env.add(EP, &chapters()).await;
    let _done = env.run(&["imagegen", EP]).await.success();
    let _clean =
        env.run(&["images", "verify", EP]).await.success().says("3 pictures in the store, all agree");
    env
}

fn chapter_file(env: &TestEnv, chapter: &str) -> PathBuf {
    env.output(EP, &format!("images/{chapter}.png"))
}

fn call_of(env: &TestEnv, chapter: &str) -> String {
    let (_, call) = current(env).into_iter().find(|(id, _)| id == chapter).expect("a picture");
    call.to_string()
}

/// The stored file of a chapter's current picture: `png` or `json`.
fn stored(env: &TestEnv, chapter: &str, end: &str) -> PathBuf {
    let end = format!("-{}.{end}", call_of(env, chapter));
    let name = env.files("outputs/ep1/images/store").into_iter().find(|f| f.ends_with(&end));
    env.output(EP, "images/store").join(name.expect("a stored file"))
}

fn truncate(file: &PathBuf) {
    let bytes = fs::read(file).unwrap();
    scribble(file, &bytes[..bytes.len() / 2]);
}

fn edit_manifest(env: &TestEnv, edit: impl FnOnce(&mut Value)) {
    let mut manifest = env.manifest(EP);
    edit(&mut manifest);
    scribble(&env.output(EP, "images/manifest.json"), manifest.to_string().as_bytes());
}

async fn verify(env: &TestEnv) -> Finished {
    env.run(&["images", "verify", EP]).await
}

/// Asserts that damage is reported with its chapter, and repaired without a call.
async fn is_mended_free(env: &TestEnv, harm: &str, chapter: Option<&str>, told: &str) {
    let before = (calls(env), current_before(env));
    let found = verify(env).await.exits(1).says(told);
    if let Some(chapter) = chapter {
        let _named = found.says(&format!("differs: {chapter}: "));
    }
    let report = env.run(&["images", "verify", EP, "--repair", "--json"]).await.success().json();
    assert!(!report["mended"].as_array().unwrap().is_empty(), "{harm}: {report:#}");
    audit(env, harm).await;
    let result = env.run(&["imagegen", EP, "--json"]).await.success().json();
    assert_eq!(result["generated"], 0, "{harm}");
    assert_eq!((calls(env), Some(current(env))), (before.0, before.1.or(Some(current(env)))), "{harm}");
    audit(env, harm).await;
}

/// The current pictures, if the manifest can still be read.
fn current_before(env: &TestEnv) -> Option<Vec<(String, btcedu_domain::CallId)>> {
    let text = fs::read(env.output(EP, "images/manifest.json")).ok()?;
    let manifest: Value = serde_json::from_slice(&text).ok()?;
    let whole = manifest["images"].as_array()?.len() == 4;
    whole.then(|| current(env))
}

#[tokio::test]
async fn a_harmed_chapter_file_is_told_and_mended_free() {
    let env = finished_world().await;
    fs::remove_file(chapter_file(&env, "ch02")).unwrap();
    is_mended_free(&env, "deleted", Some("ch02"), "images/ch02.png is missing").await;
    truncate(&chapter_file(&env, "ch04"));
    is_mended_free(&env, "truncated", Some("ch04"), "images/ch04.png is broken").await;
    scribble(&chapter_file(&env, "ch01"), b"no picture");
    is_mended_free(&env, "no picture", Some("ch01"), "images/ch01.png is broken").await;
    fs::copy(stored(&env, "ch01", "png"), chapter_file(&env, "ch02")).unwrap();
    is_mended_free(&env, "another of ours", Some("ch02"), "shows another picture of the store").await;
    scribble(&chapter_file(&env, "ch09"), &fs::read(chapter_file(&env, "ch01")).unwrap());
    is_mended_free(&env, "orphan", None, "images/ch09.png belongs to no chapter").await;
    assert!(!chapter_file(&env, "ch09").exists());
    fs::copy(chapter_file(&env, "ch01"), chapter_file(&env, "ch03")).unwrap();
    is_mended_free(&env, "a card's file", Some("ch03"), "the manifest knows no picture").await;
}

#[tokio::test]
async fn a_picture_edited_by_hand_is_left_alone_until_repair_puts_the_paid_one_back() {
    let env = finished_world().await;
    let (before, paid) = (calls(&env), fs::read(chapter_file(&env, "ch02")).unwrap());
    let edited = fs::read(env.output("ep2", "images/ch01.png")).unwrap();
    scribble(&chapter_file(&env, "ch02"), &edited);
    let _told = verify(&env).await.exits(1).says("differs: ch02: images/ch02.png was edited by hand");
    for _ in 0..2 {
        let kept = env.run(&["imagegen", EP]).await.success();
        let _told = kept.says("images/ch02.png was edited by hand and is left alone");
        assert_eq!(fs::read(chapter_file(&env, "ch02")).unwrap(), edited);
    }
    let _told = verify(&env).await.exits(1).says("edited by hand");
    let _mended = env.run(&["images", "verify", EP, "--repair"]).await.success();
    assert_eq!(fs::read(chapter_file(&env, "ch02")).unwrap(), paid);
    let kept = env.files("outputs/ep1/images").into_iter().find(|f| f.starts_with("ch02.edited-")).unwrap();
    assert_eq!(fs::read(env.output(EP, "images").join(kept)).unwrap(), edited, "what was edited is kept");
    audit(&env, "edited").await;
    let quiet = env.run(&["imagegen", EP]).await.success();
    assert!(!quiet.stdout.contains("edited"), "{}", quiet.stdout);
    assert_eq!(calls(&env), before);
}

#[tokio::test]
async fn a_picture_that_is_lost_everywhere_is_bought_again_and_no_other() {
    for truncated in [false, true] {
        let env = finished_world().await;
        let before = calls(&env);
        for file in [stored(&env, "ch02", "png"), chapter_file(&env, "ch02")] {
            if truncated { truncate(&file) } else { fs::remove_file(&file).unwrap() }
        }
        let _told = verify(&env).await.exits(1).says("differs: ch02: ").says("missing or broken");
        let repair = env.run(&["images", "verify", EP, "--repair"]).await.exits(1);
        let _told = repair.says("ch02").says("can't be mended without buying");
        let _told = verify(&env).await.exits(1).says("`btcedu imagegen ep1` buys what is lost");
        assert_eq!(calls(&env), before, "looking and mending are free");
        let result = env.run(&["imagegen", EP, "--json"]).await.success().json();
        assert_eq!(result["generated"], 1);
        assert_eq!(calls(&env), (before.0 + 1, before.1));
        let _clean = verify(&env).await.success();
        let _idle = env.run(&["imagegen", EP]).await.success().says("skipped");
    }
}

#[tokio::test]
async fn an_earlier_picture_that_is_lost_is_told_once_and_written_off() {
    let env = finished_world().await;
    let earlier = stored(&env, "ch01", "png");
    let _anew = env.run(&["imagegen", EP, "--chapter", "ch01"]).await.success();
    let before = calls(&env);
    fs::remove_file(earlier).unwrap();
    let _told = verify(&env).await.exits(1).says("differs: ch01: ").says("was paid for");
    let _written_off = env.run(&["images", "verify", EP, "--repair"]).await.success();
    let _clean = verify(&env).await.success();
    let _told = env.run(&["images", "history", EP]).await.success().says("its file is missing or broken");
    let records = Records::open(&env).await;
    let lost: Vec<_> = records.calls.iter().filter(|c| c.error.is_some()).collect();
    assert_eq!(lost.len(), 1);
    assert!(
        lost[0].state == CallState::Answered && lost[0].actual.is_some(),
        "the money stays in the ledger"
    );
    assert_eq!(calls(&env), before);
}

#[tokio::test]
async fn a_lost_or_garbled_sidecar_is_made_anew_from_the_manifest() {
    let env = finished_world().await;
    fs::remove_file(stored(&env, "ch01", "json")).unwrap();
    is_mended_free(&env, "deleted", Some("ch01"), "the stored picture is missing or broken").await;
    scribble(&stored(&env, "ch04", "json"), b"{");
    is_mended_free(&env, "garbled", Some("ch04"), "the stored picture is missing or broken").await;
}

#[tokio::test]
async fn a_picture_whose_sidecar_is_lost_for_good_is_told_and_left_where_it_is() {
    let env = finished_world().await;
    let (sidecar, picture) = (stored(&env, "ch01", "json"), stored(&env, "ch01", "png"));
    let kept = fs::read(&sidecar).unwrap();
    fs::remove_file(&sidecar).unwrap();
    env.replace_chapters(EP, &chapters().edit(1, "/visual/image_prompt", "A coin on a table."));
    let found = verify(&env).await.exits(1).says("has no usable other half");
    let _named = found.says("differs: ch01: the manifest names a picture that is not in the store");
    let _told = env.run(&["images", "verify", EP, "--repair"]).await.exits(1).says("no usable other half");
    assert!(picture.exists(), "it was paid for, so it is never removed");
    // When the sidecar is back, nothing is wrong any more.
    scribble(&sidecar, &kept);
    let _mended = env.run(&["images", "verify", EP, "--repair"]).await.success();
    let _clean = verify(&env).await.success();
}

#[tokio::test]
async fn a_harmed_manifest_is_told_and_rebuilt_free() {
    let env = finished_world().await;
    let path = env.output(EP, "images/manifest.json");
    fs::remove_file(&path).unwrap();
    is_mended_free(&env, "deleted", None, "choices made by hand are gone").await;
    scribble(&path, b"{\"episode_id\": ");
    is_mended_free(&env, "garbled", None, "choices made by hand are gone").await;
    edit_manifest(&env, |m| drop(m["images"].as_array_mut().unwrap().remove(1)));
    is_mended_free(&env, "an entry is gone", None, "one entry per chapter").await;
    edit_manifest(&env, |m| m["images"].as_array_mut().unwrap().swap(0, 1));
    is_mended_free(&env, "out of order", None, "one entry per chapter").await;
    edit_manifest(&env, |m| m["images"][0]["sha256"] = json!("0".repeat(64)));
    is_mended_free(&env, "another hash", Some("ch01"), "another hash than the picture").await;
}

#[tokio::test]
async fn harmed_rows_are_told_and_mended_free() {
    let env = finished_world().await;
    let id: EpisodeId = EP.parse().unwrap();
    let chapter: ChapterId = "ch02".parse().unwrap();
    let deleted = query(&env, move |conn| media_assets::delete_image(conn, &id, &chapter)).await;
    assert!(deleted);
    is_mended_free(&env, "a row is gone", Some("ch02"), "media_assets has no row").await;
    let other = Records::open(&env).await.rows[0].metadata.clone();
    query(&env, move |conn| {
        let rows = media_assets::list_images(conn, &EP.parse().unwrap())?;
        media_assets::set_metadata(conn, rows[1].id, other.as_deref())
    })
    .await;
    is_mended_free(&env, "another picture's row", Some("ch02"), "names another picture").await;
    query(&env, |conn| {
        let (id, chapter): (EpisodeId, ChapterId) = (EP.parse().unwrap(), "ch03".parse().unwrap());
        let like = media_assets::list_images(conn, &id)?.remove(0);
        let extra = NewMediaAsset {
            episode_id: &id,
            asset_type: like.asset_type,
            chapter_id: Some(&chapter),
            file_path: None,
            mime_type: None,
            size_bytes: None,
            duration_seconds: None,
            metadata: like.metadata.as_deref(),
            prompt_version_id: None,
            created_at: like.created_at.unwrap(),
        };
        media_assets::insert(conn, &extra)
    })
    .await;
    is_mended_free(&env, "a row too many", Some("ch03"), "media_assets has a row").await;
}

#[tokio::test]
async fn a_lost_database_is_filled_again_from_the_store_and_nothing_is_bought_again() {
    for manifest_too in [false, true] {
        let env = finished_world().await;
        let (sent, costs) = (calls(&env), Records::open(&env).await);
        for file in env.files("").iter().filter(|f| f.starts_with("btcedu.db")) {
            fs::remove_file(env.data().join(file)).unwrap();
        }
        if manifest_too {
            fs::remove_file(env.output(EP, "images/manifest.json")).unwrap();
        }
        // The workspace already has the chapter document that is added.
        env.add(EP, &chapters()).await;
        let found = verify(&env).await.exits(1).says("is not in the ledger, and its picture is in the store");
        let _named = found.says("differs: ch01: ").says("differs: ch04: ");
        let result = env.run(&["imagegen", EP, "--json"]).await.success().json();
        assert_eq!(result["generated"], 0);
        assert_eq!(calls(&env), sent);
        let records = audit(&env, "a lost database").await;
        let image_cost = |records: &Records| -> Vec<_> {
            let images = records.calls.iter().filter(|c| c.kind == btcedu_domain::CallKind::Image);
            images.map(|c| (c.call_id, c.actual, c.request_hash, c.sent_at)).collect()
        };
        assert_eq!(image_cost(&records), image_cost(&costs));
        assert_eq!(records.rows.len(), 3);
    }
}
