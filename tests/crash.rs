//! A first run is killed at every crash point: no picture that arrived is lost, and nothing is bought twice unnoticed.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use crate::{
    books::EP,
    crash_support::{KilledRun, REPLACED, STEPS, chapters, killed_at, points, quick_world, recovers},
    text_crash::TEXT_STEPS,
};

#[test]
fn every_step_named_in_the_code_is_tried_here() {
    let mut named = BTreeSet::new();
    let mut computed = 0;
    for file in rust_files(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))) {
        let source = fs::read_to_string(file).unwrap();
        for call in source.split("crash_point(").skip(1) {
            match call.strip_prefix('"').and_then(|c| c.split_once('"')) {
                Some((name, _)) => drop(named.insert(name.to_owned())),
                // The definition has a parameter here; `format!` computes before-rename-… and after-rename-….
                None => computed += usize::from(call.starts_with("&format!(\"")),
            }
        }
    }
    // Crash points of the text stages are tried in `text_crash.rs`.
    let listed: BTreeSet<String> = STEPS.iter().chain(TEXT_STEPS).map(|s| (*s).to_owned()).collect();
    assert_eq!(named, listed);
    assert_eq!(computed, 2, "a step with a computed name needs its own list here");
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() && path.file_name().unwrap() != "target" {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found
}

#[tokio::test]
async fn every_file_that_a_run_replaces_is_tried_here() {
    let env = quick_world().await;
    env.add(EP, &chapters()).await;
    let _run = env.run(&["imagegen", EP]).await.success();
    let folders = ["", "/images", "/provenance"].map(|f| env.files(&format!("outputs/{EP}{f}")));
    let written: BTreeSet<String> =
        folders.into_iter().flatten().filter(|f| f.contains('.') && f != ".lock").collect();
    let pictures = ["ch01.png", "ch02.png", "ch03.png", "ch05.png", "chapters.json"];
    let tried: BTreeSet<String> = REPLACED.iter().chain(&pictures).map(|f| (*f).to_owned()).collect();
    assert_eq!(written, tried);
}

/// Kills a first run at every third point, beginning with one of the first three.
async fn killed_in_a_first_run(part: usize) {
    for point in points().iter().skip(part).step_by(3) {
        let env = quick_world().await;
        env.add(EP, &chapters()).await;
        killed_at(&env, point, 0, &["imagegen", EP]).await;
        let killed = KilledRun::of_first_run(&env).await;
        recovers(&env, &killed, &format!("killed at {point}")).await;
    }
}

#[tokio::test]
async fn killed_in_a_first_run_only_what_is_lost_is_bought_again_part_1() {
    killed_in_a_first_run(0).await;
}

#[tokio::test]
async fn killed_in_a_first_run_only_what_is_lost_is_bought_again_part_2() {
    killed_in_a_first_run(1).await;
}

#[tokio::test]
async fn killed_in_a_first_run_only_what_is_lost_is_bought_again_part_3() {
    killed_in_a_first_run(2).await;
}

#[tokio::test]
async fn killed_after_some_pictures_were_through_those_are_kept() {
    for (point, passes) in [
        ("reserved", 3),
        ("answered", 2),
        ("picture-staged", 2),
        ("stored", 1),
        ("settled", 3),
        ("after-rename-picture", 1),
        ("before-rename-manifest.json", 2),
        ("after-rename-manifest.json", 3),
    ] {
        let mut env = quick_world().await;
        // One at a time: pictures that arrive together are settled and published together.
        env.set("IMAGE_GEN_CONCURRENCY", "1");
        env.add(EP, &chapters()).await;
        killed_at(&env, point, passes, &["imagegen", EP]).await;
        let killed = KilledRun::of_first_run(&env).await;
        recovers(&env, &killed, &format!("killed at {point} after {passes}")).await;
    }
}
