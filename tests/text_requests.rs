//! Requests of the text stages: cache markers, parts of long texts, and equality with the dry run.

use btcedu_testkit::{KEY, TestEnv};
use serde_json::{Value, json};

use crate::{
    books::EP,
    support::calls,
    text_support::{
        ADAPT, CHAPTERIZE, CORRECT, TEXT_STAGES, TRANSCRIPT, TRANSLATE, TextStage, add_transcript,
        bring_before, json_file, long_transcript, run_to_the_end, runs, user_text,
    },
    world,
};

#[tokio::test]
async fn a_dry_run_sends_nothing_tells_the_price_and_writes_just_what_would_be_sent() {
    for stage in TEXT_STAGES {
        let env = world().await;
        bring_before(&env, &stage, TRANSCRIPT).await;
        let (sent, rows) = (calls(&env), runs(&env).await.len());
        let _told = env.run(&[stage.name, EP, "--dry-run"]).await.success().says("1 call to send");
        let preview = env.run(&[stage.name, EP, "--dry-run", "--json"]).await.success().json();
        assert_eq!((&preview["would_run"], &preview["segments"]), (&true.into(), &1.into()));
        let estimate = preview["estimate_usd"].as_f64().unwrap();
        assert_eq!((calls(&env), runs(&env).await.len()), (sent, rows), "{}", stage.name);
        let folder = format!("outputs/ep1/dry_run/{}", stage.name);
        assert_eq!(env.files(&folder), ["segment-01.json"]);
        let body = json_file(&env.data().join(folder).join("segment-01.json"));
        assert!(!body.to_string().contains(KEY));
        assert!(!stage.output(&env).exists(), "{}", stage.name);

        let done = env.run(&[stage.name, EP, "--json"]).await.success().json();
        assert_eq!(stage.bodies(&env), [body], "{}", stage.name);
        let cost = done["cost_usd"].as_f64().unwrap();
        assert!(0.0 < cost && cost <= estimate, "{}: {estimate} {done:#}", stage.name);
        let nothing = env.run(&[stage.name, EP, "--dry-run", "--json"]).await.success().json();
        assert_eq!((&nothing["would_run"], &nothing["files"]), (&false.into(), &json!([])));
    }
}

/// Asserts that all requests of a stage begin with the same block, marked for the cache; returns the system prompt.
fn beginnings_are_marked(env: &TestEnv, stage: &TextStage) -> Value {
    let bodies = stage.bodies(env);
    let first = &bodies[0];
    for body in &bodies {
        let blocks = body["messages"][0]["content"].as_array().unwrap();
        assert_eq!(blocks.len(), 2, "{}", stage.name);
        assert_eq!(blocks[0]["cache_control"], json!({"type": "ephemeral"}), "{}", stage.name);
        assert_eq!(blocks[1].get("cache_control"), None, "{}", stage.name);
        assert_eq!(blocks[0], first["messages"][0]["content"][0], "{}: the same in every call", stage.name);
        let text = user_text(body);
        assert!(
            !text.contains("variable part") && !text.contains("{{") && !text.contains("{%"),
            "{}",
            stage.name
        );
        assert!(body.get("temperature").is_none(), "current models refuse it");
        let has_schema = body.pointer("/output_config/format/schema").is_some();
        assert_eq!(has_schema, stage.name == "chapterize", "{}", stage.name);
    }
    first["system"].clone()
}

#[tokio::test]
async fn a_long_text_is_made_in_parts_that_are_joined_without_loss() {
    let env = world().await;
    let long = long_transcript(32_000);
    add_transcript(&env, &long).await;
    run_to_the_end(&env).await;

    assert_eq!(CORRECT.asked(&env), 3);
    assert_eq!(CORRECT.text(&env), long.replace("Noud", "Node"));
    for prompt in CORRECT.prompts(&env) {
        let (_, part) = prompt.split_once("<transcript>\n").unwrap();
        let (part, _) = part.split_once("\n</transcript>").unwrap();
        assert!(part.starts_with("Satz ") && part.ends_with("prüft."), "cut between sentences: {part}");
        assert!(part.chars().count() <= 15_000 && long.contains(part));
    }
    assert_eq!(TRANSLATE.asked(&env), 3);
    let paragraphs = |text: &str| text.trim().split("\n\n").count();
    assert_eq!(paragraphs(&TRANSLATE.text(&env)), paragraphs(&long));
    let sentences = |text: &str| text.matches(['.', '?']).count();
    assert_eq!(sentences(&TRANSLATE.text(&env)), sentences(&long));
    assert_eq!(
        TRANSLATE.text(&env).matches("(Blockchain)").count(),
        1,
        "only the first use has its original"
    );

    let adapted = ADAPT.prompts(&env);
    assert!(adapted.len() >= 2, "{}", adapted.len());
    for prompt in &adapted {
        let (_, german) = prompt.split_once("<german_original>\n").unwrap();
        let (german, _) = german.split_once("\n</german_original>").unwrap();
        let share = german.chars().count() * adapted.len() * 10 / long.chars().count();
        assert!((7..=15).contains(&share), "the passage that belongs to it, not all: {share} tenths");
    }
    assert_eq!(sentences(&ADAPT.text(&env)), sentences(&long));

    let parts = CHAPTERIZE.asked(&env);
    assert!(parts >= 2, "{parts}");
    let document = json_file(&CHAPTERIZE.output(&env));
    let chapters = document["chapters"].as_array().unwrap();
    for (number, chapter) in (1..).zip(chapters) {
        assert_eq!(
            (&chapter["order"], &chapter["chapter_id"]),
            (&number.into(), &format!("ch{number:02}").into())
        );
        let narration = chapter["narration"]["text"].as_str().unwrap();
        assert_eq!(chapter["narration"]["word_count"], narration.split_whitespace().count());
    }
    let _valid = env.run(&["chapters", EP]).await.success();
    let system = beginnings_are_marked(&env, &CORRECT);
    for stage in [TRANSLATE, ADAPT, CHAPTERIZE] {
        assert_eq!(beginnings_are_marked(&env, &stage), system, "{}: one system prompt", stage.name);
    }
    let bodies = ADAPT.bodies(&env);
    let marked = bodies[0]["messages"][0]["content"][0]["text"].as_str().unwrap();
    assert!(marked.contains("<institutions>\nBaFin → "), "the list never changes, so it is marked as well");
    for stage in TEXT_STAGES {
        assert_eq!(stage.provenance(&env)["segments"], stage.asked(&env), "{}", stage.name);
    }
}

#[tokio::test]
async fn segments_after_the_first_read_what_they_share_from_the_cache() {
    let env = world().await;
    bring_before(&env, &CORRECT, &long_transcript(47_000)).await;
    let _corrected = env.run(&["correct", EP]).await.success();
    assert_eq!(CORRECT.asked(&env), 4);
    let stats = env.sim.stats();
    let (written, read) = (stats.text_cache_write_tokens, stats.text_cache_read_tokens);
    assert!(written > 0 && read == 3 * written, "written once, read by the three others: {written}, {read}");
}
