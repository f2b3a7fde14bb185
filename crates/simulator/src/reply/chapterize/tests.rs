//! Chapters from scripts long and short.

use super::{
    super::{adapt, prose, translate},
    *,
};

const TYPES_OF_ALL: [&str; 5] = ["title_card", "diagram", "b_roll", "talking_head", "screen_share"];

fn draft(script: &str, more: &str) -> Value {
    let text = format!("This is segment 1 of 1.\n<script>\n{script}\n</script>\n{more}");
    let asked = Asked { system: "", text: &text };
    assert!(fits(&asked));
    assert_eq!(write(&asked), write(&asked));
    serde_json::from_str(&write(&asked)).unwrap()
}

fn between<'a>(text: &'a str, tag: &str) -> &'a str {
    material::find(text, tag).unwrap()
}

/// The bundled transcript, translated and adapted.
fn sample_script() -> String {
    let german = include_str!("../../../../../data/sample/transcript.de.txt");
    let text = format!("<text>\n{german}\n</text>");
    let turkish = translate::write(&Asked { system: "", text: &text });
    let text =
        format!("<translation_to_adapt>\n{}\n</translation_to_adapt>", between(&turkish, "translation"));
    between(&adapt::write(&Asked { system: "", text: &text }), "adaptation").to_owned()
}

fn check(chapter: &Value) {
    let text = |value: &Value| value.as_str().is_some_and(|text| !text.trim().is_empty());
    assert!(text(&chapter["title"]) && text(&chapter["visual"]["description"]), "{chapter}");
    let kind = chapter["visual"]["type"].as_str().unwrap();
    assert!(TYPES_OF_ALL.contains(&kind));
    let prompt = &chapter["visual"]["image_prompt"];
    assert_eq!(text(prompt), matches!(kind, "diagram" | "b_roll"), "{chapter}");
    assert!(prompt.is_null() || prompt.as_str().unwrap().is_ascii(), "{prompt}");
    let narration = chapter["narration"].as_str().unwrap();
    assert!(
        !narration.contains("[T") && !narration.contains("[kald") && !narration.contains("  "),
        "{narration}"
    );
    let seconds = count_words(narration) as u64 * 60 / 150;
    for overlay in chapter["overlays"].as_array().unwrap() {
        let last =
            overlay["start_offset_seconds"].as_u64().unwrap() + overlay["duration_seconds"].as_u64().unwrap();
        assert!(last <= seconds && text(&overlay["text"]), "{chapter}");
        assert!(overlay["type"] != "statistic" || narration.contains(overlay["text"].as_str().unwrap()));
    }
    for side in ["in", "out"] {
        assert!(["fade", "cut", "dissolve"].contains(&chapter["transitions"][side].as_str().unwrap()));
    }
    assert!(chapter.get("notes").is_some());
}

#[test]
fn the_sample_becomes_chapters_of_every_type_with_all_of_its_words() {
    let script = sample_script();
    let draft = draft(&script, "");
    let chapters = draft["chapters"].as_array().unwrap();
    chapters.iter().for_each(check);
    let narrations: Vec<&str> = chapters.iter().map(|it| it["narration"].as_str().unwrap()).collect();
    assert!(narrations.iter().all(|it| (60..=150).contains(&count_words(it))));
    assert!(narrations.join(" ").split_whitespace().eq(script::spoken(&script).split_whitespace()));
    for kind in TYPES_OF_ALL {
        assert!(chapters.iter().any(|chapter| chapter["visual"]["type"] == kind), "{kind}");
    }
    let mut titles: Vec<&str> = chapters.iter().map(|it| it["title"].as_str().unwrap()).collect();
    titles.sort_unstable();
    titles.dedup();
    assert_eq!(titles.len(), chapters.len());
}

#[test]
fn one_sentence_becomes_one_chapter_that_can_be_drawn() {
    for script in [
        "Merhaba.",
        "Cüzdan [T1: tone_adjustment: \"sen [x]\" → \"siz\"] kurun .",
        "x",
        "[kaldırıldı: ülkeye özgü]",
    ] {
        let draft = draft(script, "");
        let chapters = draft["chapters"].as_array().unwrap();
        assert_eq!((chapters.len(), &chapters[0]["visual"]["type"]), (1, &json!("diagram")));
        check(&chapters[0]);
        assert!(draft["title"].as_str().is_some_and(|title| !title.is_empty()));
    }
}

#[test]
fn a_rejected_answer_is_mended_and_keeps_its_title() {
    let complaint = "<rejected_reply>\n{\"title\": \"Eski başlık\", \"chapters\": []}\n</rejected_reply>\n\
                     <violations>\nchapters: must not be empty\n</violations>";
    let mended = draft("Madenci blok bulur.", complaint);
    assert_eq!(mended["title"], "Eski başlık");
    check(&mended["chapters"][0]);
    let broken = "<rejected_reply>\nno json\n</rejected_reply>\n<violations>\nx\n</violations>";
    assert_eq!(draft("Madenci blok bulur.", broken)["title"], "Madenci blok bulur");
}

#[test]
fn only_the_first_segment_opens_and_only_the_last_one_ends() {
    assert_eq!(
        place("This is segment 2 of 3.\n<script>segment 1 of 1"),
        Place { is_first: false, is_last: false }
    );
    assert_eq!(
        place("segment by segment. Segment 1; segment 3 of 3 <script>"),
        Place { is_first: false, is_last: true }
    );
    assert_eq!(place("<script>"), Place { is_first: true, is_last: true });
}

#[test]
fn the_samples_paragraphs_stay_paragraphs_on_the_way() {
    let german = include_str!("../../../../../data/sample/transcript.de.txt");
    let paragraphs = |text: &str| prose::pieces(text).iter().filter(|piece| piece.ends_paragraph()).count();
    assert_eq!(paragraphs(&sample_script()), paragraphs(german.trim()));
}
