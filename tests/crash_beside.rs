//! Killed at files other than the pictures: the stale marker of the film, and the copy of an edited picture.

use std::{fs, path::PathBuf};

use btcedu_domain::{CallKind, CallState, Sha256Hash};
use btcedu_testkit::{Chapters, TestEnv};

use crate::{
    books::{EP, Records, audit, current, scribble, temporary_files},
    crash_support::{KilledRun, chapters, killed_at, points, quick_world, recovers, third_run_sends_nothing},
    support::calls,
};

fn draft(env: &TestEnv) -> PathBuf {
    env.output(EP, "render/draft.mp4")
}

fn marker(env: &TestEnv) -> PathBuf {
    env.output(EP, "render/draft.mp4.stale")
}

/// A world in which every chapter has its picture, and a film was made from them.
async fn rendered_world() -> TestEnv {
    let env = finished_world().await;
    fs::create_dir(env.output(EP, "render")).unwrap();
    scribble(&draft(&env), b"a film");
    env
}

fn is_stale(env: &TestEnv) -> bool {
    let Ok(text) = fs::read(marker(env)) else { return false };
    let marker: serde_json::Value = serde_json::from_slice(&text).expect("a whole marker");
    assert_eq!(marker["invalidated_by"], "imagegen", "{marker}");
    assert_eq!(fs::read(draft(env)).unwrap(), b"a film", "the film itself is left alone");
    true
}

#[tokio::test]
async fn a_film_is_stale_once_a_picture_has_changed_and_not_before() {
    let env = rendered_world().await;
    let _idle = env.run(&["imagegen", EP]).await.success().says("skipped");
    env.replace_chapters(EP, &chapters().edit(1, "/notes", "Yavaş oku."));
    let _same = env.run(&["imagegen", EP]).await.success();
    let _clean = env.run(&["images", "verify", EP, "--repair"]).await.success();
    assert!(!marker(&env).exists(), "no picture has changed");

    let older = current(&env)[1].1.to_string();
    let _anew = env.run(&["imagegen", EP, "--chapter", "ch02"]).await.success();
    assert!(is_stale(&env), "a picture was bought");
    fs::remove_file(marker(&env)).unwrap();
    let _chosen = env.run(&["images", "use", EP, "--chapter", "ch02", &older]).await.success();
    assert!(is_stale(&env), "a picture was chosen");
    fs::remove_file(marker(&env)).unwrap();
    env.replace_chapters(EP, &chapters().edit(2, "/visual/type", "title_card"));
    let _gone = env.run(&["imagegen", EP]).await.success();
    assert!(is_stale(&env), "a picture has gone");
    fs::remove_file(marker(&env)).unwrap();
    env.replace_chapters(EP, &chapters());
    let _back = env.run(&["imagegen", EP]).await.success().says("1 reused");
    assert!(is_stale(&env), "a picture has come back");
}

#[tokio::test]
async fn without_a_film_nothing_is_marked() {
    let env = quick_world().await;
    env.add(EP, &chapters()).await;
    let _first = env.run(&["imagegen", EP]).await.success();
    let _anew = env.run(&["imagegen", EP, "--force"]).await.success();
    assert!(!env.output(EP, "render").exists());
}

#[tokio::test]
async fn killed_while_everything_is_made_anew_a_film_of_replaced_pictures_is_marked() {
    let env = rendered_world().await;
    let beside = ["before-rename-draft.mp4.stale", "after-rename-draft.mp4.stale"].map(ToOwned::to_owned);
    let mut replaced = 0;
    for point in points().into_iter().filter(|p| !p.starts_with("text-")).chain(beside) {
        let before = current(&env);
        killed_at(&env, &point, 0, &["imagegen", EP, "--force"]).await;
        let story = format!("--force with a film, killed at {point}");
        let killed = KilledRun::of_forced_run(&env).await;
        recovers(&env, &killed, &story).await;
        if current(&env) != before {
            assert!(is_stale(&env), "{story}: the film shows pictures that are no longer current");
            replaced += 1;
        }
        // Rendering the film again would remove the marker.
        let _was_there = fs::remove_file(marker(&env));
    }
    // Killed before the first picture arrived, a run replaces none.
    assert!(replaced >= 10, "only {replaced} of the killed runs replaced a picture");
}

#[tokio::test]
async fn killed_while_a_picture_is_chosen_a_film_of_the_other_is_marked() {
    for point in [
        "before-rename-draft.mp4.stale",
        "after-rename-draft.mp4.stale",
        "before-rename-ch02.png",
        "after-rename-ch02.png",
        "after-rename-manifest.json",
        "before-close",
    ] {
        let env = rendered_world().await;
        let older = current(&env)[1].1.to_string();
        let _anew = env.run(&["imagegen", EP, "--chapter", "ch02"]).await.success();
        fs::remove_file(marker(&env)).unwrap();
        let before = current(&env);
        killed_at(&env, point, 0, &["images", "use", EP, "--chapter", "ch02", &older]).await;
        let _run = env.run(&["imagegen", EP]).await.success();
        audit(&env, point).await;
        let is_chosen = current(&env) != before;
        assert!(is_stale(&env) || !is_chosen, "chosen, killed at {point}");
        // From the manifest on, the choice is made.
        let is_published = ["after-rename-manifest.json", "before-close"].contains(&point);
        assert!(is_chosen || !is_published, "chosen, killed at {point}");
    }
}

/// A file that replaced `ch02`'s picture by hand, and the name under which it is kept.
struct Edited {
    bytes: Vec<u8>,
    aside: String,
}

impl Edited {
    /// Replaces `ch02`'s picture with another one, as an image editor does.
    async fn by_hand(env: &TestEnv) -> Self {
        env.add("other", &Chapters::own_prompts(1)).await;
        let _made = env.run(&["imagegen", "other"]).await.success();
        env.sim.reset_stats();
        let bytes = fs::read(env.output("other", "images/ch01.png")).unwrap();
        scribble(&env.output(EP, "images/ch02.png"), &bytes);
        let aside = format!("ch02.edited-{}.png", Sha256Hash::of_bytes(&bytes).short());
        Self { bytes, aside }
    }

    /// Asserts that the edited file is kept once under its own name, and the chapter shows the paid picture.
    async fn has_given_way(&self, env: &TestEnv, story: &str) {
        let kept: Vec<String> =
            env.files("outputs/ep1/images").into_iter().filter(|f| f.contains(".edited-")).collect();
        assert_eq!(kept, std::slice::from_ref(&self.aside), "{story}");
        let beside = env.output(EP, "images").join(&self.aside);
        assert_eq!(fs::read(beside).unwrap(), self.bytes, "{story}");
        assert!(temporary_files(&env.data()).is_empty(), "{story}");
        third_run_sends_nothing(env, story).await;
        let verified = env.run(&["images", "verify", EP]).await;
        assert_eq!(verified.code, Some(0), "{story}: {}", verified.stdout);
    }
}

async fn finished_world() -> TestEnv {
    let env = quick_world().await;
    env.add(EP, &chapters()).await;
    let _first = env.run(&["imagegen", EP]).await.success();
    env
}

/// Crash points of a run that replaces `ch02`'s file; `ASIDE` stands for the copy's name, which depends on its hash.
const REPLACING: [&str; 6] = [
    "before-rename-ASIDE",
    "after-rename-ASIDE",
    "before-rename-ch02.png",
    "after-rename-ch02.png",
    "before-rename-manifest.json",
    "after-rename-manifest.json",
];

#[tokio::test]
async fn killed_while_an_edited_picture_is_set_aside_for_a_new_one_both_are_there() {
    for point in ["stored", "settled"].iter().chain(&REPLACING) {
        let env = finished_world().await;
        let edited = Edited::by_hand(&env).await;
        let story = format!("made anew over an edited file, killed at {point}");
        let point = point.replace("ASIDE", &edited.aside);
        killed_at(&env, &point, 0, &["imagegen", EP, "--force", "--chapter", "ch02"]).await;
        let _recovered = env.run(&["imagegen", EP]).await.success();
        edited.has_given_way(&env, &story).await;
        assert_eq!(calls(&env), (1, 0), "{story}");
        let records = Records::open(&env).await;
        let newest = records.calls(CallKind::Image, CallState::Answered).into_iter().max();
        assert_eq!(newest, Some(current(&env)[1].1), "{story}");
    }
}

#[tokio::test]
async fn killed_while_an_edited_picture_is_set_aside_by_repair_the_next_repair_does_the_rest() {
    for point in REPLACING.iter().filter(|p| !p.contains("manifest")) {
        let env = finished_world().await;
        let edited = Edited::by_hand(&env).await;
        let repair = ["images", "verify", EP, "--repair"];
        killed_at(&env, &point.replace("ASIDE", &edited.aside), 0, &repair).await;
        let _mended = env.run(&repair).await.success();
        edited.has_given_way(&env, &format!("repair killed at {point}")).await;
        assert_eq!(calls(&env), (0, 0));
    }
}

#[tokio::test]
async fn killed_while_an_edited_picture_is_set_aside_for_a_chosen_one_the_choice_can_be_made_again() {
    for point in REPLACING {
        let env = finished_world().await;
        let older = current(&env)[1].1.to_string();
        let _second = env.run(&["imagegen", EP, "--chapter", "ch02"]).await.success();
        let edited = Edited::by_hand(&env).await;
        let choose = ["images", "use", EP, "--chapter", "ch02", &older];
        killed_at(&env, &point.replace("ASIDE", &edited.aside), 0, &choose).await;
        let _chosen = env.run(&choose).await.success();
        let story = format!("chosen over an edited file, killed at {point}");
        edited.has_given_way(&env, &story).await;
        assert_eq!(current(&env)[1].1.to_string(), older, "{story}");
        assert_eq!(calls(&env), (0, 0));
    }
}
