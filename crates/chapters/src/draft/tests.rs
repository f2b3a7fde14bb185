//! What a draft must keep, and that documents made of drafts keep every rule.

use btcedu_domain::EpisodeId;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{Violation, parse_for, testing};

fn sample() -> Value {
    let chapter = |kind: &str, prompt: Value| {
        json!({
            "title": "Halving nedir?", "narration": "Ödül dört yılda bir yarıya iner.",
            "visual": {"type": kind, "description": "Sade bir şema", "image_prompt": prompt},
            "overlays": [{"type": "title", "text": "Halving", "start_offset_seconds": 1, "duration_seconds": 5}],
            "transitions": {"in": "fade", "out": "cut"}, "notes": null
        })
    };
    json!({"title": "Halving", "chapters": [
        chapter("title_card", Value::Null),
        chapter("diagram", json!("A chain of glowing cubes, flat style")),
        chapter("screen_share", Value::Null),
    ]})
}

fn violations(root: &Value) -> Vec<Violation> {
    match parse_draft(&root.to_string()) {
        Ok(_) => vec![],
        Err(ChapterError::Invalid { violations }) => violations,
        Err(other) => panic!("{other}"),
    }
}

fn episode() -> EpisodeId {
    testing::EPISODE_ID.parse().unwrap()
}

#[test]
fn a_draft_is_read_with_or_without_a_fence_and_written_back_the_same() {
    let root = sample();
    let draft = parse_draft(&root.to_string()).unwrap();
    assert_eq!(serde_json::to_value(&draft).unwrap(), root);
    assert_eq!(parse_draft(&format!("```json\n{root:#}\n```\n")).unwrap(), draft);
    let mut sparse = root;
    sparse["chapters"][0].as_object_mut().unwrap().retain(|key, _| key != "overlays" && key != "notes");
    assert_eq!(parse_draft(&sparse.to_string()).unwrap().chapters[0].overlays, []);
}

#[test]
fn each_broken_rule_is_told_at_its_path() {
    let cases = [
        ("/title", json!(" "), "$.title", "is blank"),
        ("/chapters", json!([]), "$.chapters", "at least one chapter"),
        ("/chapters", json!(null), "$.chapters", "must be an array"),
        ("/chapters/1", json!("x"), "$.chapters[1]", "must be an object"),
        ("/chapters/1/title", json!(""), "$.chapters[1].title", "is blank"),
        ("/chapters/1/narration", json!("\n"), "$.chapters[1].narration", "is blank"),
        ("/chapters/1/narration", json!({"text": "x"}), "$.chapters[1].narration", "must be a string"),
        ("/chapters/1/visual", json!(null), "$.chapters[1].visual", "must be an object"),
        ("/chapters/1/visual/type", json!("chart"), "$.chapters[1].visual.type", "allowed: title_card"),
        ("/chapters/1/visual/description", json!(" "), "$.chapters[1].visual.description", "is blank"),
        (
            "/chapters/1/visual/image_prompt",
            json!(null),
            "$.chapters[1].visual.image_prompt",
            "of a diagram needs a prompt",
        ),
        ("/chapters/1/visual/image_prompt", json!(" "), "$.chapters[1].visual.image_prompt", "is blank"),
        (
            "/chapters/1/visual/image_prompt",
            json!(1),
            "$.chapters[1].visual.image_prompt",
            "a string or null",
        ),
        (
            "/chapters/2/visual/type",
            json!("b_roll"),
            "$.chapters[2].visual.image_prompt",
            "of a b_roll needs a prompt",
        ),
        ("/chapters/1/overlays/0/type", json!("x"), "$.chapters[1].overlays[0].type", "allowed: lower_third"),
        (
            "/chapters/1/overlays/0/duration_seconds",
            json!(0),
            "$.chapters[1].overlays[0].duration_seconds",
            "more than 0",
        ),
        (
            "/chapters/1/overlays/0/start_offset_seconds",
            json!("1.5"),
            "$.chapters[1].overlays[0].start_offset_seconds",
            "must be a number",
        ),
        ("/chapters/1/transitions/in", json!("wipe"), "$.chapters[1].transitions.in", "allowed: fade"),
        ("/chapters/1/notes", json!(7), "$.chapters[1].notes", "a string or null"),
    ];
    for (pointer, new, path, expected) in cases {
        let mut root = sample();
        *root.pointer_mut(pointer).unwrap() = new;
        let found = violations(&root);
        assert_eq!(found.len(), 1, "{pointer}: {found:?}");
        assert_eq!(found[0].path, path);
        assert!(found[0].message.contains(expected), "{pointer}: {}", found[0]);
    }
}

#[test]
fn all_broken_rules_are_told_at_once() {
    let visual = json!({"type": "diagram", "description": " "});
    let found = violations(&json!({"chapters": [{"narration": 1, "visual": visual}, 2]}));
    let paths: Vec<_> = found.into_iter().map(|violation| violation.path).collect();
    assert_eq!(
        paths,
        [
            "$.title",
            "$.chapters[0].title",
            "$.chapters[0].narration",
            "$.chapters[0].visual.description",
            "$.chapters[0].visual.image_prompt",
            "$.chapters[0].transitions",
            "$.chapters[1]",
        ]
    );
    assert!(matches!(parse_draft("Gern! Hier ist es."), Err(ChapterError::NotJson { .. })));
    assert!(matches!(parse_draft("```json\n{\"title\": \"a"), Err(ChapterError::NotJson { .. })));
    assert!(matches!(parse_draft(&"[".repeat(10_000)), Err(ChapterError::TooDeep { .. })));
    assert!(matches!(parse_draft("[]"), Err(ChapterError::Invalid { .. })));
}

#[test]
fn drafts_of_several_parts_make_one_document() {
    let mut first = sample();
    first["chapters"][0]["overlays"] = json!([
        {"type": "quote", "text": "a", "start_offset_seconds": 1, "duration_seconds": 9},
        {"type": "quote", "text": "b", "start_offset_seconds": 90, "duration_seconds": 1},
        {"type": "quote", "text": "c", "start_offset_seconds": 2, "duration_seconds": 5},
        {"type": "quote", "text": "d", "start_offset_seconds": 2.5, "duration_seconds": 0.5},
    ]);
    first["chapters"][2]["visual"]["image_prompt"] = json!("not asked for");
    let drafts = [parse_draft(&first.to_string()).unwrap(), parse_draft(&sample().to_string()).unwrap()];
    let document = assemble(&episode(), " ", &drafts);
    assert_eq!((document.title.as_str(), document.total_chapters), ("Halving", 6));
    let ids: Vec<_> = document.chapters.iter().map(|chapter| chapter.chapter_id.as_str()).collect();
    assert_eq!(ids, ["ch01", "ch02", "ch03", "ch04", "ch05", "ch06"]);
    let [first, ..] = document.chapters.as_slice() else { panic!() };
    assert_eq!((first.narration.word_count, first.narration.estimated_duration_seconds), (6, 2));
    assert_eq!(document.estimated_duration_seconds, 12);
    let starts: Vec<_> = first.overlays.iter().map(|overlay| overlay.start_offset_seconds.as_f64()).collect();
    assert_eq!(starts, [1.0, 1.0, 0.0, 1.5]);
    assert_eq!(document.chapters[2].visual.image_prompt, None);
    assert_eq!(assemble(&episode(), "Folge", &drafts).title, "Halving", "the script's language");
}

#[test]
fn the_schema_closes_every_object_requires_every_property_and_sets_no_ranges() {
    fn walk(value: &Value, objects: &mut usize) {
        match value {
            Value::Object(map) => {
                for refused in ["minimum", "maximum", "minLength", "pattern", "minItems", "oneOf", "$ref"] {
                    assert!(!map.contains_key(refused), "{refused}");
                }
                if map.get("type") == Some(&json!("object")) {
                    *objects += 1;
                    assert_eq!(map["additionalProperties"], json!(false));
                    let names: Vec<_> = map["properties"].as_object().unwrap().keys().collect();
                    assert_eq!(map["required"], json!(names));
                }
                map.values().for_each(|value| walk(value, objects));
            }
            Value::Array(array) => array.iter().for_each(|value| walk(value, objects)),
            _ => {}
        }
    }
    let (schema, mut objects) = (draft_json_schema(), 0);
    walk(&schema, &mut objects);
    assert_eq!(objects, 5);
    let chapter = &schema["properties"]["chapters"]["items"]["properties"];
    for key in sample()["chapters"][0].as_object().unwrap().keys() {
        assert!(chapter.get(key).is_some(), "{key}");
    }
}

fn text() -> impl Strategy<Value = String> {
    "\\PC{0,6}[a-zğüşöçıA-Z👍][\\PC\n]{0,60}"
}

fn chapter() -> impl Strategy<Value = Value> {
    let kinds = prop::sample::select(VisualType::ALL);
    let overlay = (text(), 0_u32..300, 1_u32..300).prop_map(|(text, start, duration)| {
        json!({"type": "statistic", "text": text, "start_offset_seconds": start, "duration_seconds": duration})
    });
    let narration = prop_oneof![text(), (1_usize..400).prop_map(|count| "kelime ".repeat(count))];
    (text(), narration, kinds, text(), text(), prop::collection::vec(overlay, 0..3), prop::option::of(text()))
        .prop_map(|(title, narration, kind, description, prompt, overlays, notes)| {
            json!({
                "title": title, "narration": narration,
                "visual": {"type": kind, "description": description, "image_prompt": prompt},
                "overlays": overlays, "transitions": {"in": "dissolve", "out": "cut"}, "notes": notes,
            })
        })
}

proptest! {
    #[test]
    fn a_document_made_of_valid_drafts_keeps_every_rule_without_a_warning(
        parts in prop::collection::vec((text(), prop::collection::vec(chapter(), 1..6)), 1..4),
        title in "\\PC{0,10}",
    ) {
        let drafts: Vec<_> = parts
            .iter()
            .map(|(title, chapters)| parse_draft(&json!({"title": title, "chapters": chapters}).to_string()).unwrap())
            .collect();
        let document = assemble(&episode(), &title, &drafts);
        let parsed = parse_for(testing::json(&document).as_bytes(), &episode()).unwrap();
        prop_assert_eq!(&parsed.document, &document);
        prop_assert!(parsed.warnings.is_empty(), "{:?}", parsed.warnings);
        for chapter in &document.chapters {
            let end = chapter.narration.estimated_duration_seconds;
            prop_assert!(chapter.overlays.iter().all(|overlay| overlay.start_offset_seconds < end.into()));
            let visual = &chapter.visual;
            prop_assert_eq!(visual.own_prompt().is_some(), needs_prompt(visual.visual_type));
        }
    }
}
