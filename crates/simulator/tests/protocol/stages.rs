//! The four text stages, asked with the product's own instructions.

use super::*;

const SYSTEM: &str = include_str!("../../../../prompts/system.md");
const CORRECT: &str = include_str!("../../../../prompts/correct_transcript.md");
const TRANSLATE: &str = include_str!("../../../../prompts/translate.md");
const ADAPT: &str = include_str!("../../../../prompts/adapt.md");
const CHAPTERIZE: &str = include_str!("../../../../prompts/chapterize.md");
const TRANSCRIPT: &str = include_str!("../../../../data/sample/transcript.de.txt");

/// What a template says before its front matter's end and its variable part.
fn instructions(template: &str) -> &str {
    let body = template.splitn(3, "---\n").nth(2).unwrap();
    body.split("<!-- variable part -->").next().unwrap().trim()
}

/// Asks with a template's instructions, marked for the cache, and these materials.
async fn ask(scene: &Scene, template: &str, materials: &[(&str, &str)]) -> String {
    let part = |(tag, text): &(&str, &str)| format!("<{tag}>\n{text}\n</{tag}>\n");
    let variable: String = materials.iter().map(part).collect();
    let body = json!({
        "model": "claude-sonnet-5-5", "max_tokens": 16_000, "system": instructions(SYSTEM),
        "messages": [{"role": "user", "content": [
            {"type": "text", "text": instructions(template), "cache_control": {"type": "ephemeral"}},
            {"type": "text", "text": variable},
        ]}],
    });
    let (status, answer) = status_and_json(scene.message(&body)).await;
    assert_eq!((status, &answer["stop_reason"]), (200, &json!("end_turn")), "{answer}");
    let blocks = answer["content"].as_array().unwrap();
    blocks.iter().filter_map(|block| block["text"].as_str()).collect()
}

/// What stands between an answer's tags, which are all that it has around it.
fn inside(answer: &str, tag: &str) -> String {
    let inner = answer.strip_prefix(&format!("<{tag}>")).and_then(|it| it.strip_suffix(&format!("</{tag}>")));
    assert!(inner.is_some(), "{answer}");
    inner.unwrap().trim().to_owned()
}

fn paragraphs(text: &str) -> usize {
    text.split("\n\n").count()
}

async fn correct(scene: &Scene, transcript: &str) -> String {
    inside(&ask(scene, CORRECT, &[("transcript", transcript)]).await, "corrected_transcript")
}

async fn translate(scene: &Scene, german: &str) -> String {
    inside(&ask(scene, TRANSLATE, &[("text", german)]).await, "translation")
}

async fn adapt(scene: &Scene, turkish: &str, more: &[(&str, &str)]) -> String {
    let materials = [more, &[("translation_to_adapt", turkish)]].concat();
    inside(&ask(scene, ADAPT, &materials).await, "adaptation")
}

#[tokio::test]
async fn the_bundled_transcript_goes_all_the_way_to_chapters() {
    let scene = Scene::new().await;
    let corrected = correct(&scene, TRANSCRIPT).await;
    assert!(!corrected.contains("Leitning") && !corrected.contains("Schön das"), "{corrected}");
    let turkish = translate(&scene, &corrected).await;
    for kept in ["Miriam Keller", "https://node-kurs.example", "210.000", "50 euro", "Sparkasse", "Tatort"] {
        assert!(turkish.contains(kept), "{kept}");
    }
    assert_eq!(turkish.matches("(Wallet)").count(), 1);
    let script = adapt(&scene, &turkish, &[("german_original", corrected.as_str())]).await;
    for expected in [
        "SPK [T1: institution_replacement: \"BaFin\" → \"SPK\"]",
        "[T1: currency_conversion: ",
        "[T1: tone_adjustment: ",
        "[kaldırıldı: ülkeye özgü] [T1: legal_removal: \"",
        "[T2: cultural_reference: ",
        "[T2: regulatory_context: ",
    ] {
        assert!(script.contains(expected), "{expected}");
    }
    let counts = [TRANSCRIPT.trim(), &corrected, &turkish, &script].map(paragraphs);
    assert!(counts.iter().all(|count| *count == counts[0]), "{counts:?}");

    let draft = ask(
        &scene,
        CHAPTERIZE,
        &[("episode_title", "Halving, Lightning und der Seed"), ("script", &turkish)],
    )
    .await;
    let draft: Value = serde_json::from_str(&draft).unwrap();
    assert_eq!(draft["title"], "Yarılanma, Lightning ve kurtarma kelimeleri");
    let chapters = draft["chapters"].as_array().unwrap();
    assert!(chapters.len() >= 8);
    let narrations: Vec<&str> = chapters.iter().map(|it| it["narration"].as_str().unwrap()).collect();
    assert!(narrations.join(" ").split_whitespace().eq(turkish.split_whitespace()));
}

#[tokio::test]
async fn a_reviewers_note_changes_the_correction_and_the_adaptation() {
    let scene = Scene::new().await;
    let note = ("reviewer_feedback", "Bitte Eigennamen prüfen.");
    let first = correct(&scene, TRANSCRIPT).await;
    let second =
        inside(&ask(&scene, CORRECT, &[note, ("transcript", TRANSCRIPT)]).await, "corrected_transcript");
    assert!(first.contains("Schluss Wort") && second.contains("Schlusswort"));

    let turkish = translate(&scene, &second).await;
    let count = |script: &str| script.matches("tone_adjustment").count();
    let (plain, after) = (adapt(&scene, &turkish, &[]).await, adapt(&scene, &turkish, &[note]).await);
    assert_eq!(count(&after), count(&plain) + 1);
    assert!(!after.contains("Eigennamen"));
}

#[tokio::test]
async fn terms_that_are_known_get_no_bracket_and_new_ones_get_one() {
    let scene = Scene::new().await;
    let german = "Der Seed ist alles. Mein Seed liegt bei der Wallet.";
    let fresh = translate(&scene, german).await;
    assert_eq!((fresh.matches("(Seed)").count(), fresh.matches("(Wallet)").count()), (1, 1), "{fresh}");
    let known = [("known_terms", "Node, Seed"), ("text", german)];
    let known = inside(&ask(&scene, TRANSLATE, &known).await, "translation");
    assert_eq!((known.matches("(Seed)").count(), known.matches("(Wallet)").count()), (0, 1), "{known}");
}

#[tokio::test]
async fn a_short_text_of_any_kind_gets_an_answer_in_the_same_form() {
    let scene = Scene::new().await;
    for text in ["Hallo.", "Bitcoin", "Zwei Sätze. Und `code --x`!", "Eins\n\nZwei\n\nDrei", "42"] {
        assert_eq!(correct(&scene, text).await, text);
        let turkish = translate(&scene, text).await;
        let script = adapt(&scene, &turkish, &[]).await;
        assert_eq!((paragraphs(&turkish), paragraphs(&script)), (paragraphs(text), paragraphs(text)));
        let draft = ask(&scene, CHAPTERIZE, &[("script", &script)]).await;
        let draft: Value = serde_json::from_str(&draft).unwrap();
        assert_eq!(draft["chapters"].as_array().unwrap().len(), 1, "{draft}");
    }
    assert!(translate(&scene, "Zwei Sätze. Und `code --x`!").await.contains("`code --x`"));
}

#[tokio::test]
async fn the_instructions_are_long_enough_to_be_cached_and_are_read_from_there() {
    let scene = Scene::new().await;
    let mut written = 0;
    for template in [CORRECT, TRANSLATE, ADAPT, CHAPTERIZE] {
        let materials = [("transcript", "Hallo.")];
        ask(&scene, template, &materials).await;
        let after_first = scene.sim.stats();
        assert!(after_first.text_cache_write_tokens > written + 1200, "{after_first:?}");
        written = after_first.text_cache_write_tokens;
        ask(&scene, template, &materials).await;
    }
    let stats = scene.sim.stats();
    assert_eq!((stats.text_cache_write_tokens, stats.text_cache_read_tokens), (written, written));
}
