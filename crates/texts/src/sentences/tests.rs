//! Where sentences and paragraphs begin and end.

use super::*;

#[test]
fn a_sentence_ends_where_a_reader_would_say_so() {
    let cases = [
        ("Das ist gut.", "Und", true),
        ("Das ist gut.“", "Und", true),
        ("Wirklich?", "ja", true),
        ("Also …", "Gut", true),
        ("im Jahr 2009.", "Danach", true),
        ("am 3.", "Januar", false),
        ("z.", "B. so", false),
        ("z. B.", "Lightning", false),
        ("z.B.", "Lightning", false),
        ("ca.", "Zehn", false),
        ("Prof.", "Müller", false),
        ("und so weiter usw.", "dann", false),
        ("kein Punkt", "Und", false),
        ("", "Und", false),
        (".", "Und", true),
    ];
    for (before, after, expected) in cases {
        assert_eq!(ends_sentence(before, after), expected, "{before} | {after}");
    }
}

#[test]
fn sentences_begin_at_their_first_word() {
    let text = " Eins ist da. Am 3. Mai kam zwei!\nDrei\n\nvier";
    let starts: Vec<_> = sentence_starts(text).into_iter().map(|at| &text[at..at + 4]).collect();
    assert_eq!(starts, ["Eins", "Am 3", "Drei", "vier"]);
    assert!(sentence_starts(" \n ").is_empty());
}

#[test]
fn blank_lines_separate_paragraphs() {
    let cases: &[(&str, &[&str])] = &[
        ("", &[]),
        (" \n\n", &[]),
        ("\n a\nb \n\n \nc\n", &["a\nb", "c"]),
        ("a\r\n\r\nb", &["a", "b"]),
        ("a\n \t\n\n\nb c", &["a", "b c"]),
    ];
    for (text, expected) in cases {
        let found: Vec<&str> = paragraphs(text).into_iter().map(|range| &text[range]).collect();
        assert_eq!(found, *expected, "{text:?}");
    }
}
