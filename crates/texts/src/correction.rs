//! What a correction changed, word by word, so that a reviewer can judge it and either text can be rebuilt.

mod category;

use std::ops::Range;

use similar::{Algorithm, DiffTag, capture_diff_slices};

use crate::{
    changes::apply_changes,
    diffs::{ChangeType, CorrectionCategory, CorrectionChange},
    positions::Positions,
    tokens::tokens,
    words::around,
};

/// Characters of the original on each side of a change that are shown with it.
const CONTEXT: usize = 40;

/// Characters on each side in which a term of several words is looked for.
const TERM_REACH: usize = 30;

/// One change as ranges of bytes of both texts.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Edit {
    old: Range<usize>,
    new: Range<usize>,
}

/// Lists what was changed, in the order of the text.
///
/// Words, signs and white space are compared, so that the changes rebuild both texts exactly.
pub fn correction_changes(original: &str, corrected: &str) -> Vec<CorrectionChange> {
    let changes = described(original, corrected, &edits(original, corrected));
    // A diff that doesn't lead to the corrected text would be worse than none.
    if apply_changes(original, &changes).as_deref() == Some(corrected) {
        return changes;
    }
    described(original, corrected, &[Edit { old: 0..original.len(), new: 0..corrected.len() }])
}

/// Compares words and signs first, since white space matches everywhere; then each place where they
/// differ, white space included.
fn edits(original: &str, corrected: &str) -> Vec<Edit> {
    let visible = |text: &str| {
        let mut tokens = tokens(text);
        tokens.retain(|range| !text[range.clone()].starts_with(char::is_whitespace));
        tokens
    };
    let mut edits = Vec::new();
    for passage in differences(original, corrected, visible) {
        refine(original, corrected, &passage, &mut edits);
    }
    edits
}

/// Lists what differs between the tokens that two texts have in common.
fn differences(old: &str, new: &str, tokens: impl Fn(&str) -> Vec<Range<usize>>) -> Vec<Edit> {
    let (old_tokens, new_tokens) = (tokens(old), tokens(new));
    let ops = capture_diff_slices(Algorithm::Myers, &picked(old, &old_tokens), &picked(new, &new_tokens));
    let same = ops.iter().filter(|op| op.tag() == DiffTag::Equal).flat_map(|op| {
        let (old, new) = (old_tokens.get(op.old_range()), new_tokens.get(op.new_range()));
        old.into_iter().flatten().cloned().zip(new.into_iter().flatten().cloned())
    });
    let mut found = Vec::new();
    let (mut old_end, mut new_end) = (0, 0);
    for (old_token, new_token) in same.chain([(old.len()..old.len(), new.len()..new.len())]) {
        let edit = Edit { old: old_end..old_token.start, new: new_end..new_token.start };
        if old[edit.old.clone()] != new[edit.new.clone()] {
            found.push(edit);
        }
        (old_end, new_end) = (old_token.end, new_token.end);
    }
    found
}

fn picked<'a>(text: &'a str, ranges: &[Range<usize>]) -> Vec<&'a str> {
    ranges.iter().map(|range| &text[range.clone()]).collect()
}

/// Splits what lies between two equal words into its changes.
fn refine(original: &str, corrected: &str, passage: &Edit, edits: &mut Vec<Edit>) {
    let (old_start, new_start) = (passage.old.start, passage.new.start);
    let mut last_is_loose = false;
    for Edit { old, new } in
        differences(&original[passage.old.clone()], &corrected[passage.new.clone()], tokens)
    {
        let edit = Edit {
            old: old_start + old.start..old_start + old.end,
            new: new_start + new.start..new_start + new.end,
        };
        let loose = !is_tight(original, corrected, &edit);
        match edits.last_mut() {
            // What was merged stays loose, so a long passage is looked at once.
            Some(last) if last_is_loose && loose && &original[last.old.end..edit.old.start] == " " => {
                *last = Edit { old: last.old.start..edit.old.end, new: last.new.start..edit.new.end };
            }
            _ => edits.push(edit),
        }
        last_is_loose = loose;
    }
}

/// A change that is understood on its own; others read better together.
fn is_tight(original: &str, corrected: &str, edit: &Edit) -> bool {
    use CorrectionCategory::{Punctuation, Spelling, Terminology};
    matches!(category_of(original, corrected, edit), Punctuation | Spelling | Terminology)
}

fn category_of(original: &str, corrected: &str, edit: &Edit) -> CorrectionCategory {
    let reach = around(corrected, edit.new.clone(), TERM_REACH);
    category::category_of(
        &original[edit.old.clone()],
        &corrected[edit.new.clone()],
        &corrected[reach.start..edit.new.start],
        &corrected[edit.new.end..reach.end],
    )
}

/// Says of each edit what and where it is.
fn described(original: &str, corrected: &str, edits: &[Edit]) -> Vec<CorrectionChange> {
    let mut positions = Positions::new(original);
    let describe = |edit: &Edit| CorrectionChange {
        change_type: match (edit.old.is_empty(), edit.new.is_empty()) {
            (true, _) => ChangeType::Insert,
            (_, true) => ChangeType::Delete,
            _ => ChangeType::Replace,
        },
        original: original[edit.old.clone()].to_owned(),
        corrected: corrected[edit.new.clone()].to_owned(),
        context: original[around(original, edit.old.clone(), CONTEXT)].to_owned(),
        position: positions.span_of(&edit.old),
        category: category_of(original, corrected, edit),
    };
    edits.iter().map(describe).collect()
}

#[cfg(test)]
mod tests;
