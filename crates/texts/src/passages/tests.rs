//! Where passages end, and that both texts come out of them.

use super::*;
use crate::{apply_changes, correction_changes};

const BEFORE: &str = "Über das Halfing.\n\nNichts hier.\n\nUnd Leitning, äh, ja.\n";
const AFTER: &str = "Über das Halving.\n\nNichts hier.\n\nUnd Lightning, ja.\n";

/// The text before and the text after.
fn both(passages: &[Vec<Piece<'_>>]) -> (String, String) {
    let pieces = || passages.iter().flatten();
    let before = pieces().map(|piece| match piece {
        Piece::Same(text) => text,
        Piece::Changed { change, .. } => change.original.as_str(),
    });
    let after = pieces().map(|piece| match piece {
        Piece::Same(text) => text,
        Piece::Changed { change, .. } => change.corrected.as_str(),
    });
    (before.collect(), after.collect())
}

fn numbers(passage: &[Piece<'_>]) -> Vec<usize> {
    let number = |piece: &Piece<'_>| match piece {
        Piece::Same(_) => None,
        Piece::Changed { number, .. } => Some(*number),
    };
    passage.iter().filter_map(number).collect()
}

#[test]
fn both_texts_come_out_as_they_are_but_for_blank_lines() {
    let changes = correction_changes(BEFORE, AFTER);
    let passages = passages(BEFORE, &changes).unwrap();
    let without_blank_lines = |text: &str| text.replace("\n\n", "\n");
    assert_eq!(both(&passages), (without_blank_lines(BEFORE), without_blank_lines(AFTER)));
    let numbers: Vec<Vec<usize>> = passages.iter().map(|passage| numbers(passage)).collect();
    assert_eq!(numbers.concat(), (1..=changes.len()).collect::<Vec<_>>());
    assert!(numbers.len() == 3 && numbers[1].is_empty(), "{numbers:?}");
    let stayed = [Piece::Same("Nichts hier.\n")];
    assert_eq!(passages[1], stayed);
}

#[test]
fn changes_of_another_text_make_no_passages() {
    let changes = correction_changes(BEFORE, AFTER);
    assert_eq!(passages(&BEFORE.replace("Halfing", "Halving"), &changes), None);
    let mut far = changes.clone();
    far[1].position.end += 900;
    assert_eq!(passages(BEFORE, &far), None);
    let mut backwards = changes;
    backwards.reverse();
    assert_eq!(passages(BEFORE, &backwards), None);
    assert_eq!(apply_changes(BEFORE, &backwards), None);
}

#[test]
fn a_change_of_line_breaks_stays_whole() {
    let changes = correction_changes("Eins.\n\nZwei.\nDrei.", "Eins. Zwei.\nDrei.");
    let passages = passages("Eins.\n\nZwei.\nDrei.", &changes).unwrap();
    assert_eq!(passages.len(), 2, "{passages:?}");
    assert_eq!(both(&passages).1, "Eins. Zwei.\nDrei.");
}

#[test]
fn blanks_without_end_are_looked_at_once() {
    let before = format!("Ja. {}Ende.", " ".repeat(400_000));
    assert_eq!(both(&passages(&before, &[]).unwrap()).1, before);
}

#[test]
fn a_long_line_is_cut_between_its_sentences() {
    let before = "Ein Satz, z. B. mit einigen Wörtern, wie er gesprochen wird. ".repeat(60);
    let passages = passages(&before, &[]).unwrap();
    assert!(passages.len() > 3, "{}", passages.len());
    for passage in &passages {
        let [Piece::Same(text)] = passage.as_slice() else { panic!("{passage:?}") };
        assert!(text.starts_with("Ein Satz") && text.ends_with("wird. "), "{text}");
        assert!(text.chars().count() <= LONG + 70);
    }
    assert_eq!(both(&passages).0, before);
}
