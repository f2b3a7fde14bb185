//! Bytes of every kind: clear errors, no panic, and valid documents come back as they were.

use btcedu_domain::VisualType;
use proptest::prelude::*;

use super::*;
use crate::{ChapterDocument, Overlay, OverlayType, Seconds, TransitionType, testing};

fn text() -> String {
    testing::json(&testing::document(3))
}

#[test]
fn a_byte_order_mark_is_skipped() {
    let with_mark = format!("\u{feff}{}", text());
    assert_eq!(parse(with_mark.as_bytes()).unwrap(), parse(text().as_bytes()).unwrap());
}

#[test]
fn of_a_key_given_twice_the_last_counts() {
    let twice = text().replacen('{', r#"{"title": 17,"#, 1);
    assert_eq!(parse(twice.as_bytes()).unwrap().document, testing::document(3));
}

#[test]
fn text_in_another_encoding_is_refused_with_the_place() {
    let latin = b"{\"title\": \"B\xf6l\xfcm\"}";
    assert!(matches!(parse(latin), Err(ChapterError::NotUtf8 { position: 12 })));
    let utf_16: Vec<u8> = "\u{feff}{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(matches!(parse(&utf_16), Err(ChapterError::NotUtf8 { position: 0 })));
}

#[test]
fn too_large_and_too_deep_are_said_as_such() {
    let limit = usize::try_from(MAX_BYTES).unwrap();
    let mut padded = text().into_bytes();
    padded.resize(limit, b' ');
    parse(&padded).unwrap();
    padded.push(b' ');
    let error = parse(&padded).unwrap_err();
    assert!(matches!(error, ChapterError::TooLarge { bytes } if bytes == MAX_BYTES + 1));
    assert!(error.to_string().contains("16777217 bytes") && error.to_string().contains("16 MiB"), "{error}");

    for levels in [101, 128, 1_000_000] {
        let error = parse("[".repeat(levels).as_bytes()).unwrap_err();
        assert!(matches!(error, ChapterError::TooDeep { limit: 100 }), "{levels}: {error}");
    }
    let deep = "[".repeat(99) + &"]".repeat(99);
    let deep_but_ignored = text().replacen('{', &format!(r#"{{"extra": {deep},"#), 1);
    parse(deep_but_ignored.as_bytes()).unwrap();
}

#[test]
fn brackets_inside_strings_are_no_levels() {
    let mut document = testing::document(1);
    document.title = format!("{}\\\"{}", "[{".repeat(200), "\"[".repeat(200));
    assert_eq!(parse(testing::json(&document).as_bytes()).unwrap().document, document);
}

#[test]
fn what_is_not_json_is_said_with_line_and_column() {
    for (bytes, line, words) in [
        ("", 1, "EOF"),
        ("\n\n  nope", 3, "expected"),
        ("{\"total_chapters\": NaN}", 1, "expected value"),
        ("{\"total_chapters\": -Infinity}", 1, "invalid number"),
        ("{\"total_chapters\": 1e999}", 1, "out of range"),
        ("{\"title\": \"\\ud800\"}", 1, "hex escape"),
        ("{} {}", 1, "trailing"),
    ] {
        match parse(bytes.as_bytes()) {
            Err(ChapterError::NotJson { line: found, message, .. }) => {
                assert_eq!(found, line, "{bytes}");
                assert!(message.contains(words) && !message.contains(" at line"), "{bytes}: {message}");
            }
            other => panic!("{bytes}: {other:?}"),
        }
    }
}

#[test]
fn json_that_is_no_object_is_a_violation_at_the_root() {
    for bytes in ["null", "[]", "3", "\"x\"", "true"] {
        let text = parse(bytes.as_bytes()).unwrap_err().to_string();
        assert!(text.contains("breaks 1 rule:\n  $: is ") && text.ends_with("must be an object"), "{text}");
    }
}

#[test]
fn the_bundled_sample_is_valid_without_warnings_and_shows_every_kind() {
    let parsed = parse(include_bytes!("../../../../data/sample/chapters.json")).unwrap();
    assert_eq!(parsed.warnings, []);
    let chapters = &parsed.document.chapters;
    assert_eq!(chapters.len(), 8);
    for chapter in chapters {
        let words = chapter.narration.text.split_whitespace().count();
        assert_eq!(u32::try_from(words), Ok(chapter.narration.word_count), "{}", chapter.chapter_id);
    }
    let has = |wanted: VisualType| chapters.iter().any(|chapter| chapter.visual.visual_type == wanted);
    assert!(VisualType::ALL.iter().all(|wanted| has(*wanted)));
    let generable = || chapters.iter().filter(|chapter| chapter.visual.visual_type.is_generable());
    assert!(generable().count() >= 5);
    assert!(generable().filter(|chapter| chapter.visual.own_prompt().is_none()).count() >= 2);
    let overlays: Vec<OverlayType> =
        chapters.iter().flat_map(|chapter| &chapter.overlays).map(|overlay| overlay.overlay_type).collect();
    assert!(OverlayType::ALL.iter().all(|wanted| overlays.contains(wanted)));
}

fn any_seconds() -> impl Strategy<Value = Seconds> {
    prop_oneof![
        any::<u32>().prop_map(Seconds::from),
        (0.0..1e9_f64).prop_map(|seconds| Seconds::new(seconds).unwrap()),
    ]
}

fn any_overlay() -> impl Strategy<Value = Overlay> {
    (prop::sample::select(OverlayType::ALL), ".{1,20}", any_seconds(), any_seconds()).prop_map(
        |(overlay_type, text, start, duration)| Overlay {
            overlay_type,
            text,
            start_offset_seconds: start,
            duration_seconds: duration.saturating_add(1.into()),
        },
    )
}

fn any_document() -> impl Strategy<Value = ChapterDocument> {
    let chapter = (
        prop::sample::select(VisualType::ALL),
        prop::option::of(".{0,40}"),
        "[a-zğüşıöç \\n\"\\\\]{0,80}x",
        prop::collection::vec(any_overlay(), 0..3),
        prop::sample::select(TransitionType::ALL),
        prop::option::of(".{0,10}"),
    );
    prop::collection::vec(chapter, 1..8).prop_map(|chapters| {
        let visuals: Vec<_> = chapters.iter().map(|parts| (parts.0, parts.1.as_deref())).collect();
        let mut document = testing::document_of(&visuals);
        for (chapter, (_, _, text, overlays, transition, notes)) in document.chapters.iter_mut().zip(chapters)
        {
            testing::narrate(chapter, &text);
            chapter.overlays = overlays;
            chapter.transitions.transition_out = transition;
            chapter.notes = notes;
        }
        testing::settle(&mut document);
        document
    })
}

/// Every object and array of a value, as JSON pointers, the root left out.
fn pointers(value: &Value, at: &str, all: &mut Vec<String>) {
    let mut visit = |step: String, inner: &Value| {
        let pointer = format!("{at}/{step}");
        all.push(pointer.clone());
        pointers(inner, &pointer, all);
    };
    match value {
        Value::Object(object) => object.iter().for_each(|(name, inner)| visit(name.clone(), inner)),
        Value::Array(array) => {
            array.iter().enumerate().for_each(|(index, inner)| visit(index.to_string(), inner));
        }
        _ => {}
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(parse(&bytes).is_err());
    }

    #[test]
    fn no_cut_or_flipped_document_makes_it_panic(at in 0.0..1.0_f64, cut in any::<bool>(), byte in any::<u8>()) {
        let mut bytes = text().into_bytes();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "any place will do")]
        let place = (at * bytes.len() as f64) as usize;
        if cut { bytes.truncate(place) } else { bytes[place] = byte }
        prop_assert!(!cut || parse(&bytes).is_err());
    }

    #[test]
    fn a_valid_document_comes_back_as_it_was(document in any_document()) {
        let parsed = parse(testing::json(&document).as_bytes());
        prop_assert_eq!(parsed.unwrap().document, document);
    }

    #[test]
    fn a_value_of_the_wrong_kind_is_told_at_its_path(document in any_document(), pick in any::<prop::sample::Index>()) {
        let mut root: Value = serde_json::from_str(&testing::json(&document)).unwrap();
        let mut all = vec![];
        pointers(&root, "", &mut all);
        let pointer = pick.get(&all);
        // Nothing in the document may be a boolean.
        *root.pointer_mut(pointer).unwrap() = Value::Bool(true);
        let Err(ChapterError::Invalid { violations }) = parse(root.to_string().as_bytes()) else {
            return Err(TestCaseError::fail(format!("{pointer} may be a boolean")));
        };
        let path = pointer.split('/').skip(1).fold("$".to_owned(), |path, step| {
            if step.parse::<usize>().is_ok() { format!("{path}[{step}]") } else { format!("{path}.{step}") }
        });
        prop_assert_eq!(violations.len(), 1);
        prop_assert_eq!(&violations[0].path, &path);
    }
}
