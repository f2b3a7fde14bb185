//! Later runs are killed: forced ones, after an edit, while choosing or repairing, and during recovery itself.

use btcedu_domain::{CallKind, CallState};
use btcedu_testkit::TestEnv;

use crate::{
    books::{EP, Records, audit, current},
    crash_support::{
        KilledRun, PICTURES, chapters, killed_at, points, quick_world, recovers, third_run_sends_nothing,
    },
    support::calls,
};

/// A world in which every chapter has its picture already.
async fn finished_world() -> TestEnv {
    let env = quick_world().await;
    env.add(EP, &chapters()).await;
    let _first = env.run(&["imagegen", EP]).await.success();
    env
}

/// Crash points that a forced run passes; its texts are paid for already.
fn points_of_a_forced_run() -> Vec<String> {
    points().into_iter().filter(|p| !p.starts_with("text-")).collect()
}

/// After a forced run: the newest picture that arrived for each chapter is the current one.
fn newest_is_current(env: &TestEnv, records: &Records, story: &str) {
    for (chapter, call) in current(env) {
        let answered = records.calls.iter().filter(|c| {
            c.kind == CallKind::Image
                && c.state == CallState::Answered
                && c.chapter_id.as_ref().is_some_and(|id| id.as_str() == chapter)
        });
        let newest = answered.map(|c| c.call_id).max();
        assert_eq!(newest, Some(call), "{story}: {chapter} shows the newest picture that was paid for");
    }
}

#[tokio::test]
async fn killed_while_everything_is_made_anew_what_arrived_is_current_and_nothing_is_bought() {
    // One world for all points: what one kill leaves must not disturb the next run either.
    let env = finished_world().await;
    for point in points_of_a_forced_run() {
        killed_at(&env, &point, 0, &["imagegen", EP, "--force"]).await;
        let story = format!("--force killed at {point}");
        let killed = KilledRun::of_forced_run(&env).await;
        let records = recovers(&env, &killed, &story).await;
        newest_is_current(&env, &records, &story);
    }
}

#[tokio::test]
async fn killed_in_the_recovery_of_a_first_run_the_next_one_recovers() {
    // The state after the first kill decides which points the recovery passes.
    for (first, passes, then) in [
        ("picture-staged", 1, "before-rename-sidecar"),
        ("picture-staged", 1, "after-rename-sidecar"),
        ("after-rename-sidecar", 0, "after-rename-picture"),
        ("before-rename-picture", 2, "before-rename-picture"),
        ("picture-staged", 1, "run-opened"),
        ("sidecar-staged", 1, "run-opened"),
        ("reserved", 2, "reserved"),
        ("answered", 1, "stored"),
        ("stored", 2, "manifest-published"),
        ("settled", 0, "before-rename-manifest.json"),
        ("after-rename-ch02.png", 0, "after-rename-imagegen_provenance.json"),
        ("before-close", 0, "before-close"),
        ("text-answered", 0, "text-settled"),
    ] {
        let mut env = quick_world().await;
        // One at a time: pictures that arrive together pass a point together.
        env.set("IMAGE_GEN_CONCURRENCY", "1");
        let story = format!("killed at {first} after {passes}, and the recovery at {then}");
        env.add(EP, &chapters()).await;
        killed_at(&env, first, passes, &["imagegen", EP]).await;
        let again = env.command(&["imagegen", EP]).env("FAILPOINTS", format!("{then}=return")).spawn();
        let _killed_or_done = env.wait(again.unwrap()).await;
        let unknown = Records::open(&env).await.count(CallState::Unknown);
        let killed = KilledRun::of_first_run(&env).await;
        let records = recovers(&env, &killed, &story).await;
        assert!(records.count(CallState::Unknown) >= unknown, "{story}");
    }
}

#[tokio::test]
async fn killed_in_the_recovery_of_a_forced_run_what_arrived_still_becomes_current() {
    for (first, then) in [
        ("settled", "manifest-published"),
        ("stored", "before-rename-manifest.json"),
        ("after-rename-ch02.png", "after-rename-manifest.json"),
        ("before-rename-ch02.png", "before-rename-ch02.png"),
        ("picture-staged", "before-rename-picture"),
        ("after-rename-picture", "before-close"),
        ("settled", "after-rename-imagegen_provenance.json"),
    ] {
        let env = finished_world().await;
        let story = format!("--force killed at {first}, and the recovery at {then}");
        killed_at(&env, first, 0, &["imagegen", EP, "--force", "--chapter", "ch02"]).await;
        killed_at(&env, then, 0, &["imagegen", EP]).await;
        let killed = KilledRun::of_forced_run(&env).await;
        let records = recovers(&env, &killed, &story).await;
        newest_is_current(&env, &records, &story);
    }
}

#[tokio::test]
async fn killed_after_an_edit_the_picture_that_arrived_is_used_and_nothing_is_set_aside() {
    let env = finished_world().await;
    for (n, point) in (1..).zip(points_of_a_forced_run()) {
        let prompt = format!("A coin on table {n}.");
        env.replace_chapters(EP, &chapters().edit(2, "/visual/image_prompt", prompt));
        killed_at(&env, &point, 0, &["imagegen", EP]).await;
        let story = format!("edited, then killed at {point}");
        let _again = env.run(&["imagegen", EP]).await.success();
        let records = audit(&env, &story).await;
        let answered = records.count(CallState::Answered) as u64;
        assert_eq!(answered, PICTURES + n + 2, "{story}: one more picture each time, and the two texts");
        assert!(
            env.files("outputs/ep1/images").iter().all(|f| !f.contains("edited")),
            "{story}: our own picture was taken for an edited one"
        );
        third_run_sends_nothing(&env, &story).await;
    }
}

#[tokio::test]
async fn killed_while_a_picture_is_chosen_the_choice_is_made_or_not_and_all_agrees() {
    for point in [
        "before-rename-ch02.png",
        "after-rename-ch02.png",
        "before-rename-manifest.json",
        "after-rename-manifest.json",
        "manifest-published",
        "before-rename-imagegen_provenance.json",
        "after-rename-imagegen_provenance.json",
        "before-close",
        "closed",
    ] {
        let env = finished_world().await;
        let story = format!("choosing killed at {point}");
        let first = call_of(&env, "ch02");
        let _anew = env.run(&["imagegen", EP, "--chapter", "ch02"]).await.success();
        let newest = call_of(&env, "ch02");
        killed_at(&env, point, 0, &["images", "use", EP, "--chapter", "ch02", &first]).await;
        let before = calls(&env);
        let _again = env.run(&["imagegen", EP]).await.success();
        audit(&env, &story).await;
        assert!([&first, &newest].contains(&&call_of(&env, "ch02")), "{story}");
        assert_eq!(calls(&env), before, "{story}: choosing is free");
        let _chosen = env.run(&["images", "use", EP, "--chapter", "ch02", &first]).await.success();
        assert_eq!(call_of(&env, "ch02"), first, "{story}: it can be chosen after all");
        audit(&env, &story).await;
    }
}

#[tokio::test]
async fn killed_while_mending_the_next_repair_mends_the_rest() {
    let env = finished_world().await;
    let stored = stored_picture(&env, "ch01");
    for (harm, point) in [
        ("store", "sidecar-staged"),
        ("store", "picture-staged"),
        ("store", "after-rename-sidecar"),
        ("store", "before-rename-picture"),
        ("store", "after-rename-picture"),
        ("chapter", "before-rename-ch02.png"),
        ("chapter", "after-rename-ch02.png"),
        ("manifest", "before-rename-manifest.json"),
        ("manifest", "after-rename-manifest.json"),
        ("manifest", "manifest-published"),
    ] {
        let story = format!("{harm} harmed, repair killed at {point}");
        let file = match harm {
            "store" => env.output(EP, &format!("images/store/{stored}")),
            "chapter" => env.output(EP, "images/ch02.png"),
            _ => env.output(EP, "images/manifest.json"),
        };
        std::fs::remove_file(file).unwrap();
        killed_at(&env, point, 0, &["images", "verify", EP, "--repair"]).await;
        let _mended = env.run(&["images", "verify", EP, "--repair"]).await.success();
        audit(&env, &story).await;
        third_run_sends_nothing(&env, &story).await;
    }
}

#[tokio::test]
async fn killed_while_an_episode_is_added_it_can_be_added_again() {
    for point in ["before-rename-chapters.json", "after-rename-chapters.json"] {
        let env = quick_world().await;
        let file = env.write("chapters.json", &chapters().json(EP)).display().to_string();
        let add = ["add", "--id", EP, "--title", "Blok zinciri", "--chapters", &file];
        killed_at(&env, point, 0, &add).await;
        let _added = env.run(&add).await.success();
        let _run = env.run(&["imagegen", EP]).await.success();
        audit(&env, &format!("adding killed at {point}")).await;
    }
}

/// Returns the call of a chapter's current picture.
fn call_of(env: &TestEnv, chapter: &str) -> String {
    let (_, call) = current(env).into_iter().find(|(id, _)| id == chapter).expect("a picture");
    call.to_string()
}

/// Returns the name of a chapter's current picture in the store.
fn stored_picture(env: &TestEnv, chapter: &str) -> String {
    let end = format!("-{}.png", call_of(env, chapter));
    env.files("outputs/ep1/images/store").into_iter().find(|f| f.ends_with(&end)).expect("a stored picture")
}
