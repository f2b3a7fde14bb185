//! Which institutions are found.

use super::*;

fn institutions_in(german: &str) -> Vec<&'static str> {
    institutions_in_folded(&fold(german)).collect()
}

#[test]
fn names_are_found_with_their_endings_and_in_the_order_of_the_list() {
    let cases: &[(&str, &[&str])] = &[
        ("", &[]),
        ("die Sparkassen und die BAFIN", &["BaFin", "Sparkasse"]),
        ("wegen des Finanzamts, bei Volksbanken", &["Finanzamt", "Volksbank"]),
        ("Die deutsche Rentenversicherung zahlt", &["Deutsche Rentenversicherung"]),
        ("bei der Deutschen Rentenversicherung", &["Deutsche Rentenversicherung"]),
        ("vom Statistischen Bundesamt", &["Statistisches Bundesamt"]),
        ("Die Bausparkasse", &["Bausparkasse"]),
        ("von der FMA und der Bundesagentur für Arbeit", &["FMA", "Bundesagentur für Arbeit"]),
        ("Bundestagswahl, Sparkassenbuch", &[]),
    ];
    for (text, expected) in cases {
        assert_eq!(institutions_in(text), *expected, "{text}");
    }
}

#[test]
fn the_list_has_a_line_for_each_and_names_none_twice() {
    let lines = institution_lines();
    assert_eq!(lines.lines().count(), INSTITUTIONS.len());
    assert!(lines.starts_with("BaFin → SPK (Sermaye Piyasası Kurulu)\n"), "{lines}");
    for one in INSTITUTIONS {
        assert_eq!(institutions_in(one.german), [one.german]);
        assert!(!one.turkish.trim().is_empty());
    }
}
