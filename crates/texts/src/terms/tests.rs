//! Which terms are found.

use super::*;

#[test]
fn terms_are_found_as_whole_words_in_the_order_of_the_list() {
    let cases: &[(&str, &[&str])] = &[
        ("", &[]),
        ("Das LIGHTNING-Netzwerk und Satoshi", &["Satoshi", "Lightning"]),
        ("drei Wallets, zwei Halvings", &["Halving", "Wallet"]),
        ("Leitning, Sathoshi, Halfing", &[]),
        ("die Bitcoinpreise und Blockchaintechnik", &[]),
        ("Proof of Work, Utxo", &["Proof of Work", "UTXO"]),
        ("Proof of Workers", &[]),
    ];
    for (text, expected) in cases {
        assert_eq!(terms_in(text), *expected, "{text}");
    }
}

#[test]
fn every_term_is_there_once_and_finds_itself() {
    for term in TERMS {
        assert!(terms_in(term).contains(term), "{term}");
        assert_eq!(TERMS.iter().filter(|other| fold(other) == fold(term)).count(), 1, "{term}");
    }
    assert!((45..=60).contains(&TERMS.len()));
}
