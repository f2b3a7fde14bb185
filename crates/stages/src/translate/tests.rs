//! Which terms a part introduces, and what counts as a translation.

use super::*;

const SYSTEM: &str = include_str!("../../../../prompts/system.md");

/// The originals in a line such as `Miner, Mining: madenci, madencilik · Node: düğüm`.
fn house_vocabulary() -> Vec<&'static str> {
    let (_, section) = SYSTEM.split_once("## House vocabulary").unwrap();
    let line = section.lines().find(|line| line.contains(" · ")).unwrap();
    line.split(" · ").flat_map(|entry| entry.split_once(": ").unwrap().0.split(", ")).collect()
}

#[test]
fn the_house_vocabulary_is_the_same_in_the_prompt() {
    let house = house_vocabulary();
    for term in &house {
        let count = TERMS.iter().chain(VOCABULARY).filter(|known| *known == term).count();
        assert_eq!(count, 1, "{term}");
    }
    for term in VOCABULARY {
        assert!(house.contains(term), "{term}");
    }
}

#[test]
fn terms_are_found_in_their_forms_and_not_in_other_words() {
    let cases: &[(&str, &[&str])] = &[
        ("", &[]),
        ("bei den Minern", &["Miner"]),
        ("drei Blöcke", &["Block"]),
        ("in den Blöcken der Zahlungskanäle", &["Block", "Zahlungskanal"]),
        ("mit Schlüsseln, der Gebühren und Transaktionen wegen", &["Schlüssel", "Transaktion", "Gebühr"]),
        ("WALLETS und eine Lightning-Adresse", &["Lightning", "Wallet", "Adresse"]),
        ("Wir blocken Adressaten in der Blockchain.", &["Blockchain"]),
    ];
    for (text, expected) in cases {
        assert_eq!(terms_used(text), *expected, "{text}");
    }
}

#[test]
fn what_a_segment_has_introduced_is_known_in_the_next_one() {
    let first = "Ein Zahlungskanal braucht zwei Blöcke. ".repeat(SEGMENT_CHARS / 30);
    let sources = Sources {
        episode: "ep1".parse().unwrap(),
        title: String::new(),
        texts: vec![format!("{first}\n\nDen Minern bleibt die Gebühr.")],
        feedback: None,
    };
    let jobs = Translating.jobs(&sources);
    let known = |job: &Job| {
        let mut variables = job.variables.iter();
        variables.find(|(name, _)| *name == "known_terms").map(|(_, text)| text.clone())
    };
    assert!(jobs.len() > 1);
    assert_eq!(jobs.first().and_then(known), Some(String::new()));
    assert_eq!(jobs.last().and_then(known), Some("Block, Zahlungskanal".to_owned()));
}

#[test]
fn german_text_is_no_translation_whatever_its_line_ends() {
    let source = "Das ist ein Satz.\n".repeat(10).trim_end().to_owned();
    let reply = format!("<translation>{}</translation>", source.replace('\n', "\r\n"));
    let job = Job { source, variables: Vec::new(), schema: None };
    assert!(Translating.read(&job, &reply).unwrap_err().contains("German"));
}
