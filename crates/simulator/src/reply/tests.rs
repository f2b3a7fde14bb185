//! Recorded answers fit the sample, and stand-ins have the shape that the stages want.

use proptest::prelude::*;
use serde_json::Value;

use super::*;

const TRANSCRIPT: &str = include_str!("../../../../data/sample/transcript.de.txt");
const RECORDED: &str = include_str!("sample.txt");

fn recorded_passages(label: &str) -> Vec<&'static str> {
    RECORDED.lines().filter_map(|line| line.strip_prefix(label)).collect()
}

/// The script as it is spoken: without what stands in square brackets.
fn without_tags(script: &str) -> String {
    let mut depth = 0;
    let mut spoken = String::new();
    for c in script.chars() {
        depth += i32::from(c == '[');
        if depth == 0 {
            spoken.push(c);
        }
        depth -= i32::from(c == ']');
    }
    spoken
}

fn chapters_of(script: &str) -> Vec<Value> {
    let draft: Value = serde_json::from_str(&chapters::draft(script, "")).unwrap();
    draft["chapters"].as_array().unwrap().clone()
}

fn narrations(chapters: &[Value]) -> Vec<&str> {
    chapters.iter().map(|chapter| chapter["narration"].as_str().unwrap()).collect()
}

fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

#[test]
fn a_tag_at_the_beginning_of_a_line_goes_before_one_that_is_only_mentioned() {
    let text = "What <text>…</text> holds is material.\n\n<text>\nHallo </text> du.\n</text>\nGo.";
    assert_eq!(material(text, "text"), Some("Hallo </text> du."));
    assert_eq!(material("Take <text>this</text> now.", "text"), Some("this"));
    assert_eq!(material("<text></text>", "text"), Some(""));
    assert_eq!(material("<text>cut off", "text"), None);
}

#[test]
fn every_passage_of_the_sample_is_recorded_and_used() {
    let first = recorded::corrected(TRANSCRIPT, false);
    assert!(first.contains("Schluss Wort") && !first.contains("Leitning"), "{first}");
    let corrected = recorded::corrected(TRANSCRIPT, true);
    let german = recorded_passages("de: ");
    for passage in german.iter().skip(1) {
        assert!(corrected.contains(passage), "{passage}");
    }
    let all: String = german.iter().skip(1).copied().collect::<Vec<_>>().join(" ");
    assert_eq!(words(&all), words(&corrected), "nothing of the transcript is missing");

    let turkish = translate(TRANSCRIPT, "");
    for passage in recorded_passages("tr: ").iter().skip(1) {
        assert!(turkish.contains(passage), "{passage}");
    }
    let adapted = adapt(&turkish, "BaFin → SPK", false);
    let tags: usize = recorded_passages("ad: ").iter().map(|passage| passage.matches("[T").count()).sum();
    assert_eq!(adapted.matches("[T").count(), tags);
    assert!(!adapted.contains("Finanzamt var"), "{adapted}");
    for passage in recorded_passages("ad: ") {
        assert!(adapted.contains(passage), "{passage}");
        assert!(passage.contains("[T1: ") || passage.contains("[T2: "), "{passage}");
        assert_eq!(passage.matches('[').count(), passage.matches(']').count(), "{passage}");
    }
    let paragraphs = [TRANSCRIPT, &corrected, &turkish, &adapted].map(|text| text.split("\n\n").count());
    assert!(paragraphs.iter().all(|count| *count == paragraphs[0]), "{paragraphs:?}");
}

#[test]
fn the_sample_becomes_the_recorded_chapters_with_all_of_its_words() {
    let script = without_tags(&adapt(&translate(TRANSCRIPT, ""), "", false));
    let chapters = chapters_of(&script);
    let recorded: Vec<Value> = serde_json::from_str(include_str!("sample.chapters.json")).unwrap();
    assert_eq!(chapters.len(), recorded.len());
    assert_eq!(words(&narrations(&chapters).join(" ")), words(&script));
    for (chapter, recorded) in chapters.iter().zip(&recorded) {
        assert_eq!(chapter["title"], recorded["title"]);
        let narration = chapter["narration"].as_str().unwrap();
        let count = words(narration).len();
        assert!((60..=150).contains(&count), "{count} words: {narration}");
        for overlay in chapter["overlays"].as_array().unwrap() {
            let seconds = |name: &str| overlay[name].as_u64().unwrap();
            let end = seconds("start_offset_seconds") + seconds("duration_seconds");
            assert!(end <= count as u64 * 60 / 150, "{chapter}");
            let is_spoken = narration.contains(overlay["text"].as_str().unwrap());
            assert!(
                is_spoken || !["statistic", "quote"].contains(&overlay["type"].as_str().unwrap()),
                "{chapter}"
            );
        }
        let is_drawn = ["diagram", "b_roll"].contains(&chapter["visual"]["type"].as_str().unwrap());
        assert_eq!(chapter["visual"]["image_prompt"].is_string(), is_drawn, "{chapter}");
    }
    for kind in ["title_card", "diagram", "b_roll", "talking_head", "screen_share"] {
        assert!(chapters.iter().any(|chapter| chapter["visual"]["type"] == kind), "{kind}");
    }
}

#[test]
fn a_stand_in_keeps_the_text_and_introduces_each_term_once() {
    let german = "Die Blockchain hat Blöcke. Jeder Node prüft die Blockchain.\n\n\n\nEine Blockchain.";
    assert_eq!(
        translate(german, ""),
        "(Türkçe) Die blok zinciri (Blockchain) hat Blöcke. Jeder düğüm (Node) prüft die Blockchain.\n\n\n\n\
         (Türkçe) Eine Blockchain."
    );
    assert_eq!(translate("Ein Node im Seed.", "Seed, Node"), "(Türkçe) Ein Node im Seed.");
}

#[test]
fn listed_institutions_are_replaced_with_a_tag_each() {
    let list = "BaFin → SPK (Sermaye Piyasası Kurulu)\nSparkasse → bir banka";
    assert_eq!(
        adapt("Die BaFin, die Sparkasse. BaFinX?", list, false),
        "Die SPK [T1: institution_replacement: \"BaFin\" → \"SPK\"], die bir banka \
         [T1: institution_replacement: \"Sparkasse\" → \"bir banka\"]. BaFinX?"
    );
    assert!(adapt("Bir blok.", list, true).starts_with("Gelin, birlikte bakalım. [T1: tone_adjustment: "));
}

#[test]
fn a_short_script_is_one_chapter_that_can_be_drawn() {
    for script in ["Merhaba.", &"kelime ".repeat(MOST)] {
        let chapters = chapters_of(script);
        assert_eq!((chapters.len(), &chapters[0]["visual"]["type"]), (1, &"diagram".into()));
        assert!(chapters[0]["visual"]["image_prompt"].is_string());
    }
}

/// The most words of a chapter.
const MOST: usize = 150;

proptest! {
    #[test]
    fn chapters_hold_all_words_in_order_and_are_not_too_long(
        sentences in proptest::collection::vec((1_usize..45, any::<bool>()), 1..60),
    ) {
        let mut text = String::new();
        for (index, (words, paragraph)) in sentences.iter().enumerate() {
            text.extend(["W", &index.to_string()]);
            text.push_str(&" w,".repeat(words - 1));
            text.push_str(if *paragraph { ".\n\n" } else { ". " });
        }
        let chapters = chapters_of(&text);
        let narrations = narrations(&chapters);
        let joined = narrations.join(" ");
        prop_assert_eq!(words(&joined), words(&text));
        prop_assert!(narrations.iter().all(|narration| words(narration).len() <= MOST));
    }
}
