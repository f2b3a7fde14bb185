//! Prompts over the model's limit are cut at the end of a sentence, and it is told.

use btcedu_testkit::{Chapters, TestEnv, simulator::Fault};

use crate::{
    books::EP,
    support::{entry, texts},
    world,
};

/// What dall-e-3 takes, in characters (`data/models.toml`).
const LIMIT: usize = 4000;

/// A world whose image model takes prompts of [`LIMIT`] characters.
async fn world_of_short_prompts() -> TestEnv {
    let mut env = world().await;
    env.set("IMAGE_GEN_MODEL", "dall-e-3");
    env
}

/// A text of `length` characters: sentences of 40 characters with letters of several bytes, the last one unfinished.
fn text_of(length: usize) -> String {
    let sentence = "Altın bir köprü, üstünde ışıklı zincir. ";
    assert_eq!(sentence.chars().count(), 40);
    let text: String = sentence.chars().cycle().take(length - 1).collect();
    format!("{text}x")
}

#[tokio::test]
async fn a_written_prompt_is_cut_like_the_chapters_own_and_dry_run_shows_what_is_sent() {
    let env = world_of_short_prompts().await;
    env.sim.script(texts(Fault::Text(text_of(LIMIT + 500))));
    env.add(EP, &Chapters::without_prompts(1).with("diagram", Some(&text_of(LIMIT + 7)))).await;
    let _dry = env.run(&["imagegen", EP, "--dry-run"]).await.success();
    let body: serde_json::Value =
        serde_json::from_slice(&std::fs::read(env.output(EP, "dry_run/imagegen/ch02-image.json")).unwrap())
            .unwrap();
    let _made = env.run(&["imagegen", EP]).await.success().says("2 generated");
    for (chapter, length) in [("ch01", LIMIT + 500), ("ch02", LIMIT + 7)] {
        let made = entry(&env, EP, chapter);
        assert!(made["prompt"].as_str().unwrap().chars().count() < LIMIT);
        let told = made["warnings"].to_string();
        assert!(told.contains(&format!("of {length} characters")), "{chapter}: {told}");
    }
    assert_eq!(body["prompt"], entry(&env, EP, "ch02")["prompt"]);
    let again = env.run(&["imagegen", EP]).await.success().says("2 kept");
    let length = LIMIT + 7;
    let _still_told = again.says(&format!("warning: ch02: the prompt of {length} characters was cut"));
}
