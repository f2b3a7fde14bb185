//! What is listed as a change, that both texts can be rebuilt, and that it is fast.

use proptest::prelude::*;

use super::*;
use crate::diffs::Span;

/// Undoes the changes; none where they don't fit the text.
fn rebuild_original(corrected: &str, changes: &[CorrectionChange]) -> Option<String> {
    let (mut added, mut removed) = (0, 0);
    let undo = |change: &CorrectionChange| {
        let start = change.position.start + added - removed;
        let length = change.corrected.chars().count();
        added += length;
        removed += change.original.chars().count();
        CorrectionChange {
            original: change.corrected.clone(),
            corrected: change.original.clone(),
            position: Span { start, end: start + length },
            ..change.clone()
        }
    };
    apply_changes(corrected, &changes.iter().map(undo).collect::<Vec<_>>())
}

/// The text before, the text after, and the category of a change.
type Listed<'a> = (&'a str, &'a str, CorrectionCategory);

fn listed(original: &str, corrected: &str) -> Vec<(String, String, CorrectionCategory)> {
    let changes = correction_changes(original, corrected);
    assert_eq!(apply_changes(original, &changes).as_deref(), Some(corrected));
    assert_eq!(rebuild_original(corrected, &changes).as_deref(), Some(original));
    changes.into_iter().map(|one| (one.original, one.corrected, one.category)).collect()
}

#[test]
fn changes_are_listed_as_a_reviewer_would_mark_them() {
    use CorrectionCategory::{Grammar, Other, Punctuation, Spelling, Terminology};
    let cases: &[(&str, &str, &[Listed<'_>])] = &[
        ("Gleich.", "Gleich.", &[]),
        ("", "", &[]),
        (
            "Das Leitning Netwerk ist da.",
            "Das Lightning Netzwerk ist da.",
            &[("Leitning", "Lightning", Terminology), ("Netwerk", "Netzwerk", Spelling)],
        ),
        (
            "Ich glaube das es geht.",
            "Ich glaube, dass es geht.",
            &[("", ",", Punctuation), ("das", "dass", Spelling)],
        ),
        (
            "Das war gut. Aber teuer",
            "Das war gut, aber teuer.",
            &[(".", ",", Punctuation), ("Aber", "aber", Spelling), ("", ".", Punctuation)],
        ),
        ("Es geht in zu kunft weiter", "Es geht in Zukunft weiter", &[("zu kunft", "Zukunft", Spelling)]),
        ("Ich gehe heim", "Ich gehe jetzt heim", &[("", "jetzt ", Grammar)]),
        ("Das das Netz", "Das Netz", &[("das ", "", Grammar)]),
        (
            "so ein Ding da",
            "ganz einfach gesagt jetzt",
            &[("so ein Ding da", "ganz einfach gesagt jetzt", Grammar)],
        ),
        ("Es kostet 3,5 Euro", "Es kostet 35 Euro", &[("3,5", "35", Other)]),
        ("Eins.\n\nZwei.", "Eins. Zwei.", &[("\n\n", " ", Other)]),
        (
            "prof off work zählt",
            "Proof of Work zählt",
            &[("prof", "Proof", Terminology), ("off", "of", Terminology), ("work", "Work", Spelling)],
        ),
        ("", "Neu hier", &[("", "Neu hier", Grammar)]),
        ("Weg damit", "", &[("Weg damit", "", Grammar)]),
    ];
    for (original, corrected, expected) in cases {
        let found = listed(original, corrected);
        let found: Vec<_> =
            found.iter().map(|(old, new, kind)| (old.as_str(), new.as_str(), *kind)).collect();
        assert_eq!(found, *expected, "{original:?} → {corrected:?}");
    }
}

#[test]
fn a_change_says_where_it_is_and_what_surrounds_it() {
    let original =
        format!("{} Über das Leitning Netz. {}", "Ä".repeat(50), "Und so geht es weiter, immer weiter.");
    let corrected = original.replace("Leitning", "Lightning");
    let changes = correction_changes(&original, &corrected);
    let [change] = changes.as_slice() else { panic!("{changes:?}") };
    assert_eq!(change.position, Span { start: 60, end: 68 });
    assert_eq!(change.change_type, ChangeType::Replace);
    assert_eq!(change.context, "Über das Leitning Netz. Und so geht es weiter, immer");
    assert!(original.contains(&change.context));
}

#[test]
fn changes_that_do_not_fit_rebuild_nothing() {
    let changes = correction_changes("Das Leitning Netz", "Das Lightning Netz");
    for text in ["", "Das", "Das Lichtnin Netz", "Dann Leitning Netz"] {
        assert_eq!(apply_changes(text, &changes), None, "{text}");
    }
    assert_eq!(rebuild_original("Das Lichtning Netz", &changes), None);
    let mut moved = changes;
    moved[0].position.end += 1;
    assert_eq!(apply_changes("Das Leitning Netz", &moved), None);
    let twice = [correction_changes("a b", "a c"), correction_changes("a b", "c b")].concat();
    assert_eq!(apply_changes("a b", &twice), None);
}

/// About 60,000 characters of German words without a pattern.
fn long_text(seed: u64) -> String {
    let words = [
        "das", "Netz", "ist", "heute", "sicher,", "weil", "jeder", "Knoten", "prüft.", "Und", "dann", "kommt",
    ];
    let mut state = seed;
    let mut text = String::new();
    while text.chars().count() < 60_000 {
        for _ in 0..100 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let index = usize::try_from(state >> 33).unwrap() % (words.len() + 3);
            match words.get(index) {
                Some(word) => text.push_str(word),
                None => text.extend(["Wort", &(state >> 50).to_string()]),
            }
            text.push(' ');
        }
    }
    text
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the test is about real time")]
fn long_texts_are_compared_quickly_whatever_was_changed() {
    let original = long_text(7);
    let few = original.replacen("Knoten", "Knotten", 30).replacen("heute ", "", 5);
    let many = original.replace("Netz", "Nets").replace("weil", "weil ,");
    let other = long_text(8);
    let foreign: String = original.chars().map(|one| if one.is_alphanumeric() { 'x' } else { ' ' }).collect();
    let swapped = format!("{} {}", &original[30_000..], &original[..30_000]);
    let upper = original.to_uppercase();
    for corrected in
        [few, many, other, foreign, swapped, upper, original.replace(' ', ""), "x ".repeat(30_000)]
    {
        let started = std::time::Instant::now();
        let changes = correction_changes(&original, &corrected);
        let took = started.elapsed();
        assert!(took.as_secs() < 10, "{took:?} for {} changes", changes.len());
        assert_eq!(apply_changes(&original, &changes).as_deref(), Some(corrected.as_str()));
        assert_eq!(rebuild_original(&corrected, &changes).as_deref(), Some(original.as_str()));
    }
}

fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => prop::sample::select(vec!["das", "dass", "Größe", "über", "Ärger", "Bitcoin", "a", "b", "ß"])
            .prop_map(str::to_owned),
        3 => prop::sample::select(vec![" ", "  ", "\n", "\r\n", "\n\n", "\u{a0}", "\t"]).prop_map(str::to_owned),
        3 => prop::sample::select(vec![",", ".", "…", "„", "“", "-", "%", "👍🏽", "👩‍🚀", "e\u{301}", "3,5", "-"])
            .prop_map(str::to_owned),
        1 => "\\PC{0,4}",
    ]
}

fn any_text() -> impl Strategy<Value = String> {
    prop::collection::vec(piece(), 0..40).prop_map(|pieces| pieces.concat())
}

/// How a recognizer spoils a German sentence.
#[derive(Debug, Clone)]
enum Spoil {
    Drop(usize),
    Double(usize),
    Lower(usize),
    Replace(usize, String),
    Split(usize),
    NoSigns,
}

fn spoil() -> impl Strategy<Value = Spoil> {
    prop_oneof![
        (0_usize..40).prop_map(Spoil::Drop),
        (0_usize..40).prop_map(Spoil::Double),
        (0_usize..40).prop_map(Spoil::Lower),
        (0_usize..40, "[a-zäöüß]{1,8}").prop_map(|(at, word)| Spoil::Replace(at, word)),
        (0_usize..40).prop_map(Spoil::Split),
        Just(Spoil::NoSigns),
    ]
}

fn spoilt(text: &str, spoils: &[Spoil]) -> String {
    let mut words: Vec<String> = text.split(' ').map(str::to_owned).collect();
    for spoil in spoils {
        let count = words.len().max(1);
        match spoil {
            Spoil::Drop(at) if words.len() > 1 => drop(words.remove(at % count)),
            Spoil::Double(at) => words.insert(at % count, words[at % count].clone()),
            Spoil::Lower(at) => words[at % count] = words[at % count].to_lowercase(),
            Spoil::Replace(at, word) => words[at % count].clone_from(word),
            Spoil::Split(at) => {
                let word = &words[at % count];
                let middle = word.char_indices().nth(word.chars().count() / 2).map_or(0, |(index, _)| index);
                words[at % count] = format!("{} {}", &word[..middle], &word[middle..]);
            }
            Spoil::NoSigns => words.iter_mut().for_each(|word| *word = word.replace([',', '.'], "")),
            Spoil::Drop(_) => {}
        }
    }
    words.join(" ")
}

const SENTENCES: &str = "Willkommen zurück! Heute geht es um das Lightning-Netzwerk, also um Zahlungen, die sofort \
     ankommen.\n\nAlle 210.000 Blöcke halbiert sich die Blocksubvention; das nennt man Halving. Wer seinen Seed \
     verliert, verliert auch sein Geld, sagt „die Regel“.";

fn check(original: &str, corrected: &str) -> Result<(), TestCaseError> {
    let changes = correction_changes(original, corrected);
    let rebuilt = apply_changes(original, &changes);
    prop_assert_eq!(rebuilt.as_deref(), Some(corrected));
    let rebuilt = rebuild_original(corrected, &changes);
    prop_assert_eq!(rebuilt.as_deref(), Some(original));
    let mut end = None;
    for change in &changes {
        prop_assert!(change.original != change.corrected);
        prop_assert!(end.is_none_or(|end| end < change.position.start), "touching changes: {:?}", changes);
        prop_assert!(original.contains(&change.context) && change.context.contains(&change.original));
        let expected = match change.change_type {
            ChangeType::Replace => !change.original.is_empty() && !change.corrected.is_empty(),
            ChangeType::Insert => change.original.is_empty() && !change.corrected.is_empty(),
            ChangeType::Delete => !change.original.is_empty() && change.corrected.is_empty(),
        };
        prop_assert!(expected, "{:?}", change);
        end = Some(change.position.end);
    }
    prop_assert_eq!(changes.is_empty(), original == corrected);
    Ok(())
}

proptest! {
    #[test]
    fn any_two_texts_can_be_rebuilt_from_each_other(original in any_text(), corrected in any_text()) {
        check(&original, &corrected)?;
    }

    #[test]
    fn a_spoilt_text_can_be_rebuilt(spoils in prop::collection::vec(spoil(), 0..12)) {
        let original = spoilt(SENTENCES, &spoils);
        check(&original, SENTENCES)?;
        check(SENTENCES, &original)?;
    }
}
