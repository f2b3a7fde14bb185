//! What is bought again after a change: only pictures that depend on what has changed.

use std::fs;

use btcedu_testkit::{Chapters, TestEnv};

use crate::{
    support::{calls, entry},
    world,
};

/// Three chapters with prompts of their own, then two without.
fn chapters() -> Chapters {
    Chapters::own_prompts(3).with("diagram", None).with("b_roll", None)
}

/// A world in which all five pictures were bought.
async fn bought() -> TestEnv {
    let env = world().await;
    env.add("ep1", &chapters()).await;
    let _first = env.run(&["imagegen", "ep1"]).await.success().says("5 generated");
    env
}

/// What a run has bought.
#[derive(Debug, PartialEq, Eq)]
struct Bought {
    chapters: Vec<String>,
    pictures: u64,
    texts: u64,
}

impl Bought {
    fn nothing() -> Self {
        Self { chapters: Vec::new(), pictures: 0, texts: 0 }
    }

    /// One picture of a chapter, and perhaps a text.
    fn one(chapter: &str, texts: u64) -> Self {
        Self { chapters: vec![chapter.to_owned()], pictures: 1, texts }
    }
}

/// Runs again with another document.
async fn after(env: &TestEnv, chapters: &Chapters) -> Bought {
    env.replace_chapters("ep1", chapters);
    run(env, &["imagegen", "ep1", "--json"]).await
}

async fn run(env: &TestEnv, args: &[&str]) -> Bought {
    let before = calls(env);
    let result = env.run(args).await.success().json();
    let after = calls(env);
    let chapters = result["chapters"].as_array().unwrap().iter();
    let bought = chapters.filter(|c| c["decision"] == "generate");
    let chapters = bought.map(|c| c["chapter_id"].as_str().unwrap().to_owned()).collect();
    Bought { chapters, pictures: after.0 - before.0, texts: after.1 - before.1 }
}

fn picture(env: &TestEnv, chapter: &str) -> Vec<u8> {
    fs::read(env.output("ep1", &format!("images/{chapter}.png"))).unwrap()
}

#[tokio::test]
async fn whatever_a_written_prompt_depends_on_buys_one_text_and_one_picture() {
    let env = bought().await;
    let mut document = chapters();
    for (pointer, value) in [
        ("/visual/description", "Taştan bir köprü"),
        ("/title", "Köprü"),
        ("/visual/type", "screen_share"),
        ("/narration/text", "Baştan sona başka bir anlatım."),
    ] {
        document = document.edit(4, pointer, value);
        assert_eq!(after(&env, &document).await, Bought::one("ch04", 1), "{pointer}");
    }
}

#[tokio::test]
async fn what_is_not_sent_for_a_chapter_with_its_own_prompt_buys_nothing() {
    let env = bought().await;
    let edited = chapters()
        .edit(1, "/narration/text", "Baştan sona başka bir anlatım.")
        .edit(1, "/narration/estimated_duration_seconds", 9)
        .edit(1, "/notes", "Yavaş oku.")
        .edit(2, "/visual/description", "Taştan bir köprü")
        .edit(2, "/title", "Köprü")
        .edit(2, "/transitions/in", "dissolve")
        .edit(3, "/visual/image_prompt", "  A plain drawing of number 3. \n")
        .edit(3, "/visual/type", "b_roll");
    assert_eq!(after(&env, &edited).await, Bought::nothing());
    assert_eq!(
        entry(&env, "ep1", "ch02")["chapter_title"],
        "Köprü",
        "the manifest is up to date all the same"
    );
}

#[tokio::test]
async fn renumbering_buys_nothing_and_the_pictures_follow_their_texts() {
    let env = bought().await;
    let before = ["ch01", "ch03", "ch05"].map(|id| picture(&env, id));
    assert_eq!(after(&env, &chapters().renumber(1, 3)).await, Bought::nothing());
    assert_eq!(picture(&env, "ch03"), before[0]);
    assert_eq!(picture(&env, "ch01"), before[1]);
    assert_eq!(picture(&env, "ch05"), before[2]);
    let _clean = env.run(&["images", "verify", "ep1"]).await.success();
}

#[tokio::test]
async fn a_chapter_that_goes_takes_its_file_along_and_not_its_stored_picture() {
    let env = bought().await;
    assert_eq!(after(&env, &Chapters::own_prompts(3)).await, Bought::nothing());
    assert!(!env.output("ep1", "images/ch04.png").exists());
    assert_eq!(env.files("outputs/ep1/images/store").len(), 10, "five pictures, each with its sidecar");
    assert_eq!(env.manifest("ep1")["images"].as_array().unwrap().len(), 3);
    assert_eq!(after(&env, &chapters()).await, Bought::nothing(), "and it comes back free");
    let _clean = env.run(&["images", "verify", "ep1"]).await.success();
}

#[tokio::test]
async fn other_settings_buy_nothing_without_refresh_and_it_says_so() {
    for (name, value, told) in [
        ("IMAGE_GEN_STYLE_PREFIX", "Flat style.", "style prefix: '' → 'Flat style.'; the rest is the same"),
        ("IMAGE_GEN_MODEL", "gpt-image-2", "'gpt-image-2.6-flare' → 'gpt-image-2'"),
        ("IMAGE_GEN_QUALITY", "low", "'medium' → 'low'"),
        ("IMAGE_GEN_SIZE", "1040x1024", "'1024x1024' → '1040x1024'"),
    ] {
        let mut env = bought().await;
        let before = picture(&env, "ch01");
        env.set(name, value);
        let kept = env.run(&["imagegen", "ep1"]).await.success().says("5 kept");
        let said: String = kept.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains("made with other settings") && said.contains("--refresh"), "{said}");
        assert_eq!(calls(&env), (5, 2), "{name}");
        assert!(entry(&env, "ep1", "ch01")["reason"].as_str().unwrap().contains(told), "{name}");

        let refreshed = run(&env, &["imagegen", "ep1", "--refresh", "--json"]).await;
        assert_eq!((refreshed.chapters.len(), refreshed.pictures), (5, 5), "{name}");
        // Only the style prefix is part of what the text model is asked.
        assert_eq!(refreshed.texts, if name == "IMAGE_GEN_STYLE_PREFIX" { 2 } else { 0 }, "{name}");
        assert_ne!(picture(&env, "ch01"), before);
        env.unset(name);
        if name == "IMAGE_GEN_MODEL" {
            env.set(name, "gpt-image-2.6-flare");
        } else if name == "IMAGE_GEN_SIZE" {
            env.set(name, "1024x1024");
        }
        assert_eq!(run(&env, &["imagegen", "ep1", "--json"]).await, Bought::nothing(), "{name}");
        assert_eq!(picture(&env, "ch01"), before, "the picture of the old setting returns");
    }
}

#[tokio::test]
async fn one_chapter_asked_for_leaves_all_other_entries_as_they_were() {
    let env = bought().await;
    for extra in [None, Some("--force"), Some("--refresh")] {
        // Another chapter has changed and would be bought otherwise.
        env.replace_chapters("ep1", &chapters().edit(1, "/visual/image_prompt", "A bridge of coins."));
        let before = env.manifest("ep1");
        let args: Vec<&str> =
            ["imagegen", "ep1", "--json", "--chapter", "ch03"].into_iter().chain(extra).collect();
        assert_eq!(run(&env, &args).await, Bought::one("ch03", 0), "{extra:?}");
        let now = env.manifest("ep1");
        for n in 0..5 {
            assert_eq!(before["images"][n] == now["images"][n], n != 2, "{extra:?} {}", now["images"][n]);
        }
    }
}

#[tokio::test]
async fn a_changed_template_keeps_pictures_until_refresh_and_an_earlier_text_comes_back() {
    let mut env = bought().await;
    let folder = env.folder().join("prompts");
    fs::create_dir(&folder).unwrap();
    let front = "---\nname: imagegen\nmodel: claude-sonnet-5-5\ntemperature: 0.7\nmax_tokens: 1024\ndescription: d\nauthor: a\n---\n";
    env.write("prompts/imagegen.md", &format!("{front}Draw {{{{ visual_description }}}}.\n"));
    env.set("PROMPTS_DIR", &folder.display().to_string());
    let kept = env.run(&["imagegen", "ep1"]).await.success();
    let _said = kept.says("made with other settings");
    assert_eq!(calls(&env), (5, 2));
    let refreshed = run(&env, &["imagegen", "ep1", "--json", "--refresh"]).await;
    assert_eq!(refreshed.chapters, ["ch04", "ch05"], "own prompts don't depend on it");
    assert_eq!((refreshed.pictures, refreshed.texts), (2, 2));
    env.unset("PROMPTS_DIR");
    assert_eq!(run(&env, &["imagegen", "ep1", "--json"]).await, Bought::nothing());
}
