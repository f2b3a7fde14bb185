//! Where words begin and end, and which are found.

use super::*;

#[test]
fn what_surrounds_a_place_ends_at_word_borders() {
    let text = "Größere Wörter stehen hier";
    let at = text.find("stehen").unwrap();
    assert_eq!(&text[around(text, at..at + 6, 10)], "Wörter stehen hier");
    assert_eq!(&text[around(text, at..at + 6, 2)], "stehen");
    assert_eq!(&text[around(text, at..at, 100)], text);
    assert_eq!(around("", 0..0, 40), 0..0);
}

#[test]
fn terms_are_found_as_whole_words_in_any_case() {
    let text = fold("Die KRANKENKASSEN, İstanbul und ISPARTA; Blockchainx");
    assert!(holds_word(&text, "krankenkasse", &["n"]));
    assert!(!holds_word(&text, "krankenkasse", &[]));
    assert!(holds_word(&text, "istanbul", &[]) && holds_word(&text, "isparta", &[]));
    assert!(!holds_word(&text, "blockchain", &["s"]) && !holds_word(&text, "kasse", &["n"]));
}

#[test]
fn a_word_is_made_of_letters_digits_and_their_marks() {
    let found: Vec<&str> = words("Über u\u{308}ber, SPK'nin 21.000 (neu)…").collect();
    assert_eq!(found, ["Über", "u\u{308}ber", "SPK", "nin", "21", "000", "neu"]);
}
