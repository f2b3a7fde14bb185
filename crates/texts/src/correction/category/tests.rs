//! Which category a change falls into.

use CorrectionCategory::{Grammar, Other, Punctuation, Spelling, Terminology};

use super::*;

#[test]
fn the_category_follows_from_the_texts() {
    let cases = [
        ("", ",", Punctuation),
        (".", ",", Punctuation),
        ("„Ja“", "\"Ja\"", Punctuation),
        ("heute abend", "heute-abend", Punctuation),
        (" ", "  ", Punctuation),
        ("frei sprechen", "freisprechen", Spelling),
        ("so fern", "sofern", Spelling),
        ("\n\n", " ", Other),
        (".\n\n", ", ", Other),
        ("haus", "Haus", Spelling),
        ("das", "dass", Spelling),
        ("zu kunft", "Zukunft", Spelling),
        ("Netzwärk", "Netzwerk", Spelling),
        ("der", "die", Grammar),
        ("in", "zu", Grammar),
        ("Leitning", "Lightning", Terminology),
        ("Sathoshis", "Satoshis", Terminology),
        ("lightning", "Lightning", Spelling),
        ("bit coin", "Bitcoin", Terminology),
        ("gegangen", "gegangen ist", Grammar),
        ("", "ist", Grammar),
        ("ja also", "", Grammar),
        ("ja also gut", "", Other),
        ("er ist dann gegangen", "sie kam", Grammar),
        ("er ist dann später gegangen", "sie kam", Other),
        ("3,5", "35", Other),
        ("-5", "5", Other),
        ("2008", "2009", Other),
        ("5 %", "5 €", Other),
        ("👍", "", Other),
    ];
    for (old, new, expected) in cases {
        assert_eq!(category_of(old, new, "", ""), expected, "{old} → {new}");
    }
}

#[test]
fn a_term_may_reach_into_the_surroundings() {
    assert_eq!(category_of("Kie", "Key", "der Private ", " ist"), Terminology);
    assert_eq!(category_of("isst", "ist", "der Private Key ", " da"), Spelling);
}

#[test]
fn distances_are_counted_in_letters() {
    let cases = [("", "", 0), ("ä", "a", 1), ("abc", "", 3), ("kitten", "sitting", 3), ("das", "dass", 1)];
    for (left, right, expected) in cases {
        assert_eq!(distance(left, right), Some(expected), "{left} {right}");
    }
    assert_eq!(distance(&"a".repeat(81), "a"), None);
}
