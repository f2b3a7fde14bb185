//! Prompts at the model's limit: what is over it is cut at a sentence end and told; what just fits is sent whole.

use btcedu_testkit::{Chapters, TestEnv, simulator::Fault};

use crate::{
    books::EP,
    support::{entry, texts},
    world,
};

/// What dall-e-3 takes, in characters (`data/models.toml`).
const LIMIT: usize = 4000;

async fn short_of_breath() -> TestEnv {
    let mut env = world().await;
    env.set("IMAGE_GEN_MODEL", "dall-e-3");
    env
}

/// A text of so many characters: sentences of 40 that are more bytes than characters, and an end that is none.
fn text_of(length: usize) -> String {
    let sentence = "Altın bir köprü, üstünde ışıklı zincir. ";
    assert_eq!(sentence.chars().count(), 40);
    let text: String = sentence.chars().cycle().take(length - 1).collect();
    format!("{text}x")
}

fn sent(env: &TestEnv) -> String {
    env.sim.stats().prompts.last().expect("a prompt was sent").clone()
}

/// Draws one chapter with a prompt of its own; returns what was sent and what the manifest warns of.
async fn drawn(prefix: &str, prompt: &str) -> (String, Vec<String>, TestEnv) {
    let mut env = short_of_breath().await;
    env.set("IMAGE_GEN_STYLE_PREFIX", prefix);
    env.add(EP, &Chapters::none().with("diagram", Some(prompt))).await;
    let _made = env.run(&["imagegen", EP]).await.success().says("1 generated");
    let made = entry(&env, EP, "ch01");
    assert_eq!(made["prompt"], sent(&env), "the manifest has the prompt as sent");
    let warnings = made["warnings"].as_array().unwrap().iter().map(|w| w.as_str().unwrap().to_owned());
    (sent(&env), warnings.collect(), env)
}

#[tokio::test]
async fn a_prompt_of_exactly_the_limit_is_sent_whole() {
    let whole = text_of(LIMIT);
    let (sent, warnings, _env) = drawn("", &whole).await;
    assert_eq!((sent, warnings), (whole, Vec::<String>::new()));
}

#[tokio::test]
async fn one_character_more_is_cut_at_a_sentence_end_and_the_manifest_says_so() {
    let long = text_of(LIMIT + 1);
    let (sent, warnings, env) = drawn("", &long).await;
    // A hundred sentences of 40 fill the limit but for the last one's space.
    assert_eq!(sent.chars().count(), LIMIT - 1);
    assert!(long.starts_with(&sent) && sent.ends_with("zincir."), "…{}", &sent[sent.len() - 60..]);
    assert_eq!(warnings, ["the prompt of 4001 characters was cut to 3999 (the model takes 4000)"]);
    let again = env.run(&["imagegen", EP]).await.success().says("1 kept");
    let _still_told = again.says("warning: ch01: the prompt of 4001 characters was cut");
}

#[tokio::test]
async fn the_style_prefix_counts_and_stays_in_front() {
    let prefix = "Flat style.";
    let room = LIMIT - prefix.len() - 1;
    let fits = text_of(room);
    let (sent, warnings, _env) = drawn(prefix, &fits).await;
    assert_eq!((sent.chars().count(), sent.clone()), (LIMIT, format!("{prefix} {fits}")));
    assert!(warnings.is_empty(), "{warnings:?}");

    let (sent, warnings, _env) = drawn(prefix, &text_of(room + 1)).await;
    assert!(sent.starts_with("Flat style. Altın") && sent.ends_with("zincir."));
    assert!(sent.chars().count() < LIMIT);
    assert!(warnings.len() == 1 && warnings[0].contains("of 4001 characters"), "{warnings:?}");

    // One that begins with the prefix already gets no second one, so it fits.
    let begins_with_it = format!("{prefix} {fits}");
    let (sent, warnings, _env) = drawn(prefix, &begins_with_it).await;
    assert_eq!((sent, warnings), (begins_with_it, Vec::<String>::new()));
}

#[tokio::test]
async fn a_written_prompt_is_cut_like_the_chapters_own_and_dry_run_shows_what_is_sent() {
    let env = short_of_breath().await;
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
}
