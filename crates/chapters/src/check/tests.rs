//! One case per rule of the table in the contract: what breaks it, and at which path that is told.

use serde_json::{Value, json};

use crate::{ChapterError, Violation, parse, parse_for, testing};

fn sample() -> Value {
    serde_json::from_str(&testing::json(&testing::document(7))).unwrap()
}

/// Puts a value at a JSON pointer; the last step may be new.
fn put(root: &mut Value, pointer: &str, new: Value) {
    let (parent, last) = pointer.rsplit_once('/').unwrap();
    match root.pointer_mut(parent).unwrap() {
        Value::Array(array) => array[last.parse::<usize>().unwrap()] = new,
        Value::Object(object) => drop(object.insert(last.to_owned(), new)),
        other => panic!("{other} has no {last}"),
    }
}

fn remove(root: &mut Value, pointer: &str) {
    let (parent, last) = pointer.rsplit_once('/').unwrap();
    root.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(last).unwrap();
}

fn violations(root: &Value) -> Vec<Violation> {
    match parse(root.to_string().as_bytes()) {
        Ok(_) => vec![],
        Err(ChapterError::Invalid { violations }) => violations,
        Err(other) => panic!("{other}"),
    }
}

/// `/chapters/2/visual/type` as `$.chapters[2].visual.type`.
fn json_path(pointer: &str) -> String {
    pointer.split('/').skip(1).fold("$".to_owned(), |path, step| match step.parse::<usize>() {
        Ok(index) => format!("{path}[{index}]"),
        Err(_) => format!("{path}.{step}"),
    })
}

#[test]
fn each_broken_rule_is_told_at_its_path_and_nothing_else_is() {
    let cases = [
        ("/schema_version", json!("1"), "MAJOR.MINOR"),
        ("/schema_version", json!("1.x"), "MAJOR.MINOR"),
        ("/schema_version", json!("1.٣"), "MAJOR.MINOR"),
        ("/schema_version", json!("+1.0"), "MAJOR.MINOR"),
        ("/schema_version", json!(1.0), "is a number, but must be a string"),
        ("/episode_id", json!("../../etc"), "not a valid episode id"),
        ("/episode_id", json!(""), "not a valid episode id"),
        ("/title", json!(" \u{a0}\t"), "is blank"),
        ("/title", json!(null), "is null, but must be a string"),
        ("/total_chapters", json!(8), "has 7 chapters"),
        ("/total_chapters", json!(0), "at least 1"),
        ("/total_chapters", json!("7"), "is a string, but must be a whole number"),
        ("/total_chapters", json!(true), "is a boolean"),
        ("/total_chapters", json!(7.5), "has a fraction"),
        ("/estimated_duration_seconds", json!(1e300), "too large"),
        ("/estimated_duration_seconds", json!(4_294_967_296_u64), "too large"),
        ("/estimated_duration_seconds", json!(-3), "is negative"),
        ("/chapters", json!({}), "is an object, but must be an array"),
        ("/chapters/1", json!([]), "is an array, but must be an object"),
        ("/chapters/1/chapter_id", json!("ch/02"), "not a valid chapter id"),
        ("/chapters/1/chapter_id", json!("CH01"), "taken by $.chapters[0]"),
        ("/chapters/1/title", json!(""), "is blank"),
        ("/chapters/1/order", json!(3), "chapter 2 of the array"),
        ("/chapters/1/narration", json!("text"), "must be an object"),
        ("/chapters/1/narration/text", json!("\n"), "is blank"),
        ("/chapters/1/narration/word_count", json!(0), "at least 1"),
        ("/chapters/1/narration/estimated_duration_seconds", json!(0.5), "has a fraction"),
        (
            "/chapters/2/visual/type",
            json!("portrait"),
            "'portrait' is not a visual type; allowed: title_card,",
        ),
        ("/chapters/2/visual/description", json!(""), "is blank"),
        ("/chapters/2/visual/image_prompt", json!(["x"]), "a string or null"),
        ("/chapters/3/overlays", json!(null), "must be an array"),
        ("/chapters/3/overlays/0", json!(1), "must be an object"),
        (
            "/chapters/3/overlays/0/type",
            json!("Quote"),
            "'Quote' is not a kind of overlay; allowed: lower_third, title, quote, statistic",
        ),
        ("/chapters/3/overlays/0/text", json!(1), "must be a string"),
        ("/chapters/3/overlays/0/text", json!(""), "is empty"),
        ("/chapters/3/overlays/0/start_offset_seconds", json!(-1), "is negative"),
        ("/chapters/3/overlays/0/start_offset_seconds", json!(-0.5), "is negative"),
        ("/chapters/3/overlays/0/start_offset_seconds", json!("2.5"), "is a string, but must be a number"),
        ("/chapters/3/overlays/0/start_offset_seconds", json!(true), "is a boolean"),
        ("/chapters/3/overlays/0/start_offset_seconds", json!(f64::NAN), "is null"),
        ("/chapters/3/overlays/0/start_offset_seconds", json!(1e300), "too large"),
        ("/chapters/3/overlays/0/duration_seconds", json!(0), "must be more than 0"),
        ("/chapters/3/overlays/0/duration_seconds", json!(-0.0), "must be more than 0"),
        ("/chapters/3/overlays/0/duration_seconds", json!(-2.5), "is negative"),
        ("/chapters/3/overlays/0/duration_seconds", json!(4_294_967_296_u64), "too large"),
        ("/chapters/4/transitions/in", json!("wipe"), "allowed: fade, cut, dissolve"),
        ("/chapters/4/transitions/out", json!(null), "must be a string"),
        ("/chapters/6/notes", json!(7), "a string or null"),
    ];
    for (pointer, new, expected) in cases {
        let mut root = sample();
        put(&mut root, pointer, new.clone());
        let found = violations(&root);
        assert_eq!(found.len(), 1, "{pointer} = {new}: {found:?}");
        assert_eq!(found[0].path, json_path(pointer), "{new}");
        assert!(found[0].message.contains(expected), "{pointer} = {new}: {}", found[0]);
    }
}

#[test]
fn a_required_field_that_is_absent_is_missing() {
    let required = [
        "/schema_version",
        "/episode_id",
        "/title",
        "/total_chapters",
        "/estimated_duration_seconds",
        "/chapters",
        "/chapters/0/chapter_id",
        "/chapters/0/title",
        "/chapters/0/order",
        "/chapters/0/narration",
        "/chapters/0/narration/text",
        "/chapters/0/narration/word_count",
        "/chapters/0/narration/estimated_duration_seconds",
        "/chapters/0/visual",
        "/chapters/0/visual/type",
        "/chapters/0/visual/description",
        "/chapters/0/overlays/0/type",
        "/chapters/0/overlays/0/text",
        "/chapters/0/overlays/0/start_offset_seconds",
        "/chapters/0/overlays/0/duration_seconds",
        "/chapters/0/transitions",
        "/chapters/0/transitions/in",
        "/chapters/0/transitions/out",
    ];
    for pointer in required {
        let mut root = sample();
        remove(&mut root, pointer);
        let missing = Violation { path: json_path(pointer), message: "is missing".to_owned() };
        assert_eq!(violations(&root), [missing]);
    }
}

#[test]
fn overlays_notes_and_image_prompt_may_be_absent() {
    let mut root = sample();
    for name in ["/chapters/1/overlays", "/chapters/1/notes", "/chapters/1/visual/image_prompt"] {
        remove(&mut root, name);
    }
    let document = parse(root.to_string().as_bytes()).unwrap().document;
    let chapter = &document.chapters[1];
    assert_eq!((chapter.overlays.len(), &chapter.notes, chapter.visual.own_prompt()), (0, &None, None));
}

#[test]
fn all_broken_rules_are_told_at_once_in_document_order() {
    let mut root = sample();
    for (pointer, new) in [
        ("/title", json!("")),
        ("/chapters/0/order", json!(9)),
        ("/chapters/2/visual/type", json!("portrait")),
        ("/chapters/2/visual/description", json!(3)),
        ("/chapters/6/transitions", json!([])),
    ] {
        put(&mut root, pointer, new);
    }
    let error = parse(root.to_string().as_bytes()).unwrap_err();
    let ChapterError::Invalid { violations } = &error else { panic!("{error}") };
    let paths: Vec<_> = violations.iter().map(|violation| violation.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "$.title",
            "$.chapters[0].order",
            "$.chapters[2].visual.type",
            "$.chapters[2].visual.description",
            "$.chapters[6].transitions"
        ]
    );
    let text = error.to_string();
    assert!(text.starts_with("the chapter document breaks 5 rules:\n  $.title: is blank\n"), "{text}");
    assert!(violations.iter().all(|violation| text.contains(&violation.to_string())), "{text}");
}

#[test]
fn other_major_versions_are_refused_by_name_and_higher_minors_are_read() {
    for (version, accepted) in
        [("1.0", true), ("1.7", true), ("1.99999999999999999999999", true), ("2.0", false), ("0.9", false)]
    {
        let mut root = sample();
        put(&mut root, "/schema_version", json!(version));
        put(&mut root, "/from_the_future", json!({"x": 1}));
        put(&mut root, "/chapters/0/from_the_future", json!([1]));
        let result = parse(root.to_string().as_bytes());
        match result {
            Ok(parsed) => assert!(accepted && parsed.document.schema_version == version),
            Err(ChapterError::UnsupportedVersion { found }) => assert!(!accepted && found == version),
            Err(other) => panic!("{version}: {other}"),
        }
    }
}

#[test]
fn whole_floats_count_as_integers() {
    let mut root = sample();
    put(&mut root, "/total_chapters", json!(7.0));
    put(&mut root, "/chapters/0/order", json!(1.0));
    assert_eq!(parse(root.to_string().as_bytes()).unwrap().document.total_chapters, 7);
}

#[test]
fn overlays_have_decimal_seconds_that_are_written_as_they_were_read() {
    for (start, duration, written_start, written_duration) in [
        (json!(2.5), json!(0.125), "2.5", "0.125"),
        (json!(75.0), json!(4), "75", "4"),
        (json!(0), json!(1e-9), "0", "1e-9"),
        (json!(-0.0), json!(u32::MAX), "0", "4294967295"),
    ] {
        let mut root = sample();
        put(&mut root, "/chapters/3/overlays/0/start_offset_seconds", start);
        put(&mut root, "/chapters/3/overlays/0/duration_seconds", duration);
        let document = parse(root.to_string().as_bytes()).unwrap().document;
        let json = testing::json(&document);
        assert_eq!(parse(json.as_bytes()).unwrap().document, document);
        let overlay = serde_json::to_value(&document.chapters[3].overlays[0]).unwrap();
        assert_eq!(overlay["start_offset_seconds"].to_string(), written_start);
        assert_eq!(overlay["duration_seconds"].to_string(), written_duration);
    }
}

#[test]
fn numbers_that_json_does_not_have_are_no_document() {
    for word in ["NaN", "Infinity", "-Infinity", "1e400"] {
        let text = sample().to_string().replacen(
            "\"duration_seconds\":3",
            &format!("\"duration_seconds\":{word}"),
            1,
        );
        assert!(text.contains(word));
        assert!(matches!(parse(text.as_bytes()), Err(ChapterError::NotJson { .. })), "{word}");
    }
}

#[test]
fn the_total_may_be_five_seconds_off_the_sum() {
    for (seconds_off, valid) in [(5, true), (-5, true), (6, false), (-6, false)] {
        let mut root = sample();
        let total = root["estimated_duration_seconds"].as_i64().unwrap();
        root["estimated_duration_seconds"] = json!(total + seconds_off);
        let found = violations(&root);
        assert_eq!(found.is_empty(), valid, "{seconds_off}");
        assert!(found.iter().all(|violation| violation.path == "$.estimated_duration_seconds"));
    }
}

#[test]
fn a_speaking_rate_over_twenty_percent_off_is_a_warning_only() {
    // 100 words take 40 seconds.
    for (words, seconds, warned) in [
        (100, 40, false),
        (100, 48, false),
        (100, 32, false),
        (100, 49, true),
        (100, 31, true),
        (1, 1, false),
    ] {
        let mut document = testing::document(1);
        document.chapters[0].narration.word_count = words;
        document.chapters[0].narration.estimated_duration_seconds = seconds;
        testing::settle(&mut document);
        let warnings = parse(testing::json(&document).as_bytes()).unwrap().warnings;
        assert_eq!(warnings.len(), usize::from(warned), "{words} words in {seconds} s");
        for warning in warnings {
            assert_eq!(warning.path, "$.chapters[0].narration.estimated_duration_seconds");
            assert!(warning.message.contains("about 40"), "{warning}");
        }
    }
}

#[test]
fn the_episode_must_be_the_folders() {
    let text = testing::json(&testing::document(2));
    let (own, other) = (testing::EPISODE_ID.parse().unwrap(), "other".parse().unwrap());
    let document = parse_for(text.as_bytes(), &own).unwrap().document;
    document.check_episode(&own).unwrap();
    let later = document.check_episode(&other).unwrap_err().to_string();
    let at_once = parse_for(text.as_bytes(), &other).unwrap_err().to_string();
    assert_eq!(later, at_once);
    assert!(later.contains("$.episode_id: is 'testEp001'") && later.contains("'other'"), "{later}");
}

#[test]
fn no_chapters_at_all_is_a_violation() {
    let mut root = sample();
    root["chapters"] = json!([]);
    let paths: Vec<_> = violations(&root).into_iter().map(|violation| violation.path).collect();
    assert_eq!(paths, ["$.chapters", "$.total_chapters", "$.estimated_duration_seconds"]);
}

#[test]
fn a_hostile_file_gets_a_list_that_ends() {
    let mut root = sample();
    root["chapters"] = json!(vec![0; 50_000]);
    let found = violations(&root);
    assert_eq!(found.len(), 10_001);
    assert!(found[10_000].message.contains("40001 more rules"), "{}", found[10_000]);
}

#[test]
fn what_is_found_is_shortened_and_its_control_characters_are_shown_as_text() {
    let mut root = sample();
    put(&mut root, "/chapters/0/visual/type", json!("\u{1b}[31m".repeat(1000)));
    put(&mut root, "/chapters/1/chapter_id", json!("x\n".repeat(1000)));
    let text = parse(root.to_string().as_bytes()).unwrap_err().to_string();
    assert!(text.len() < 1500 && !text.contains('\u{1b}') && text.lines().count() == 3, "{text}");
}
