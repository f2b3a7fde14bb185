//! What a text falls into.

use super::*;

#[test]
fn a_text_falls_into_words_numbers_signs_and_blanks() {
    let cases: &[(&str, &[&str])] = &[
        ("", &[]),
        ("Für 3,5 %.", &["Für", " ", "3,5", " ", "%", "."]),
        ("21.000.000, also", &["21.000.000", ",", " ", "also"]),
        ("Lightning-Netz\r\n\r\n(neu)", &["Lightning", "-", "Netz", "\r\n\r\n", "(", "neu", ")"]),
        ("-5 bis 10-20", &["-5", " ", "bis", " ", "10", "-", "20"]),
        ("um 10:30.", &["um", " ", "10:30", "."]),
        ("u\u{308}ber", &["u\u{308}ber"]),
        ("👍🏽!", &["👍", "🏽", "!"]),
    ];
    for (text, expected) in cases {
        let found: Vec<&str> = tokens(text).into_iter().map(|range| &text[range]).collect();
        assert_eq!(found, *expected, "{text}");
    }
}
