//! Files in `images/` that the program did not make: no run, repair or edit of the chapters removes them.

use std::{collections::BTreeMap, fs};

use btcedu_testkit::{Chapters, TestEnv};

use crate::{
    books::{EP, audit, scribble},
    support::{calls, entry},
    world,
};

/// A title card, then two diagrams.
fn chapters() -> Chapters {
    Chapters::none()
        .with("title_card", None)
        .with("diagram", Some("A plain drawing of number 2."))
        .with("diagram", Some("A plain drawing of number 3."))
}

/// A picture that no episode of this world has in its store.
async fn somebodys_picture(env: &TestEnv) -> Vec<u8> {
    env.add("other", &Chapters::own_prompts(1)).await;
    let _made = env.run(&["imagegen", "other"]).await.success();
    fs::read(env.output("other", "images/ch01.png")).unwrap()
}

/// Puts files into `images/` that a person may keep there.
async fn with_foreign_files(env: &TestEnv) -> BTreeMap<&'static str, Vec<u8>> {
    let brand = somebodys_picture(env).await;
    env.sim.reset_stats();
    let foreign = BTreeMap::from([
        ("images/ch01.png", brand.clone()),
        ("images/notes.txt", b"ask the designer".to_vec()),
        ("images/ch02.psd", b"layers".to_vec()),
        ("images/ch09.png", brand),
        ("images/sketches/ch02.png", b"a sketch".to_vec()),
        ("images/store/readme.txt", b"don't touch".to_vec()),
    ]);
    fs::create_dir_all(env.output(EP, "images/sketches")).unwrap();
    fs::create_dir_all(env.output(EP, "images/store")).unwrap();
    for (file, bytes) in &foreign {
        scribble(&env.output(EP, file), bytes);
    }
    foreign
}

fn are_there(env: &TestEnv, foreign: &BTreeMap<&'static str, Vec<u8>>, story: &str) {
    for (file, bytes) in foreign {
        let found = fs::read(env.output(EP, file)).ok();
        assert_eq!(found.as_ref(), Some(bytes), "{story}: {file}");
    }
}

#[tokio::test]
async fn nothing_that_runs_takes_away_what_is_not_ours() {
    let env = world().await;
    env.add(EP, &chapters()).await;
    let foreign = with_foreign_files(&env).await;
    for args in [
        &["imagegen", EP, "--dry-run"][..],
        &["imagegen", EP],
        &["imagegen", EP],
        &["imagegen", EP, "--chapter", "ch02"],
        &["imagegen", EP, "--force"],
        &["images", "verify", EP],
        &["images", "verify", EP, "--repair"],
    ] {
        let _done = env.run(args).await.success();
        are_there(&env, &foreign, &args.join(" "));
    }
    assert_eq!(entry(&env, EP, "ch01")["status"], "skipped");
    fs::remove_file(env.output(EP, "images/manifest.json")).unwrap();
    let _rebuilt = env.run(&["images", "verify", EP, "--repair"]).await.success();
    are_there(&env, &foreign, "manifest lost");
    assert_eq!(calls(&env), (5, 0));
}

#[tokio::test]
async fn of_a_chapter_that_turns_into_a_title_card_only_our_own_file_goes() {
    let env = world().await;
    env.add(EP, &chapters()).await;
    let _first = env.run(&["imagegen", EP]).await.success();
    let brand = somebodys_picture(&env).await;
    // One card shows what we made, the other what the brand made.
    scribble(&env.output(EP, "images/ch03.png"), &brand);
    let cards = chapters().edit(2, "/visual/type", "title_card").edit(3, "/visual/type", "talking_head");
    env.replace_chapters(EP, &cards);
    let _run = env.run(&["imagegen", EP]).await.success().says("3 skipped");
    assert!(!env.output(EP, "images/ch02.png").exists());
    assert_eq!(fs::read(env.output(EP, "images/ch03.png")).unwrap(), brand);
    assert_eq!(env.files("outputs/ep1/images/store").len(), 4, "what was paid for is in the store");
    let _clean = env.run(&["images", "verify", EP]).await.success();
}

#[tokio::test]
async fn a_brands_picture_gives_way_to_one_that_is_asked_for_and_is_kept_beside() {
    let env = world().await;
    env.add(EP, &chapters()).await;
    let foreign = with_foreign_files(&env).await;
    let _first = env.run(&["imagegen", EP]).await.success();
    env.replace_chapters(
        EP,
        &chapters().edit(1, "/visual/type", "diagram").edit(1, "/visual/image_prompt", "A coin."),
    );
    let _drawn = env.run(&["imagegen", EP]).await.success().says("1 generated");
    let aside = env.files("outputs/ep1/images").into_iter().find(|f| f.starts_with("ch01.edited-")).unwrap();
    assert_eq!(fs::read(env.output(EP, "images").join(aside)).unwrap(), foreign["images/ch01.png"]);
    audit_beside_foreign(&env).await;
}

/// Audits after removing the file in the store that the program did not make.
async fn audit_beside_foreign(env: &TestEnv) {
    fs::remove_file(env.output(EP, "images/store/readme.txt")).unwrap();
    env.sim.reset_stats();
    audit(env, "beside foreign files").await;
}
