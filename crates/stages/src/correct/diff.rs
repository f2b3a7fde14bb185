//! What the correction changed, word by word, so that a reviewer can judge it and either text can be rebuilt.

mod category;
mod tokens;

use std::ops::Range;

use btcedu_artifacts::{ChangeType, CorrectionCategory, CorrectionChange, Span};
use similar::{Algorithm, DiffTag, capture_diff_slices};

use self::tokens::{tokens, visible_tokens};
use crate::text::words::around;

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
pub(crate) fn correction_changes(original: &str, corrected: &str) -> Vec<CorrectionChange> {
    let changes = described(original, corrected, &edits(original, corrected));
    // A diff that doesn't lead to the corrected text would be worse than none.
    if rebuild_corrected(original, &changes).as_deref() == Some(corrected) {
        return changes;
    }
    described(original, corrected, &[Edit { old: 0..original.len(), new: 0..corrected.len() }])
}

/// Does the changes; none where they don't fit the text.
pub(crate) fn rebuild_corrected(original: &str, changes: &[CorrectionChange]) -> Option<String> {
    let fits = |change: &CorrectionChange| {
        change.position.end.checked_sub(change.position.start) == Some(change.original.chars().count())
    };
    if !changes.iter().all(fits) {
        return None;
    }
    let steps = changes.iter().map(|one| Some((one.position.start, &*one.original, &*one.corrected)));
    applied(original, steps)
}

/// Undoes the changes; none where they don't fit the text.
#[cfg(test)]
pub(crate) fn rebuild_original(corrected: &str, changes: &[CorrectionChange]) -> Option<String> {
    let (mut added, mut removed) = (0, 0);
    let steps = changes.iter().map(|change| {
        let start = (change.position.start + added).checked_sub(removed)?;
        added += change.corrected.chars().count();
        removed += change.original.chars().count();
        Some((start, &*change.corrected, &*change.original))
    });
    applied(corrected, steps)
}

/// Replaces, at each place (in characters of `text`), one text by another.
fn applied<'a>(text: &str, steps: impl Iterator<Item = Option<(usize, &'a str, &'a str)>>) -> Option<String> {
    let (mut rest, mut at, mut result) = (text, 0, String::with_capacity(text.len()));
    for step in steps {
        let (start, from, to) = step?;
        let skipped = start.checked_sub(at)?;
        let ends = rest.char_indices().map(|(index, _)| index).chain([rest.len()]);
        let (same, tail) = rest.split_at(ends.into_iter().nth(skipped)?);
        rest = tail.strip_prefix(from)?;
        result.push_str(same);
        result.push_str(to);
        at = start + from.chars().count();
    }
    result.push_str(rest);
    Some(result)
}

/// Compares words and signs first, since white space matches everywhere; then each place where they
/// differ, white space included.
fn edits(original: &str, corrected: &str) -> Vec<Edit> {
    let (old, new) = (visible_tokens(original), visible_tokens(corrected));
    let ops = capture_diff_slices(Algorithm::Myers, &picked(original, &old), &picked(corrected, &new));
    let same = ops.iter().filter(|op| op.tag() == DiffTag::Equal).flat_map(|op| {
        old.get(op.old_range()).into_iter().flatten().zip(new.get(op.new_range()).into_iter().flatten())
    });

    let mut edits = vec![];
    let (mut old_end, mut new_end) = (0, 0);
    for (old_token, new_token) in same {
        refine(original, corrected, old_end..old_token.start, new_end..new_token.start, &mut edits);
        (old_end, new_end) = (old_token.end, new_token.end);
    }
    refine(original, corrected, old_end..original.len(), new_end..corrected.len(), &mut edits);
    edits
}

fn picked<'a>(text: &'a str, ranges: &[Range<usize>]) -> Vec<&'a str> {
    ranges.iter().map(|range| &text[range.clone()]).collect()
}

/// Splits what lies between two equal words into its changes.
fn refine(original: &str, corrected: &str, old: Range<usize>, new: Range<usize>, edits: &mut Vec<Edit>) {
    let (old_text, new_text) = (&original[old.clone()], &corrected[new.clone()]);
    if old_text == new_text {
        return;
    }
    let mut last_is_loose = false;
    for edit in token_edits(old_text, new_text) {
        let edit = Edit {
            old: old.start + edit.old.start..old.start + edit.old.end,
            new: new.start + edit.new.start..new.start + edit.new.end,
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

/// Compares two passages token by token; edits that touch are one.
fn token_edits(old: &str, new: &str) -> Vec<Edit> {
    let (old_tokens, new_tokens) = (tokens(old), tokens(new));
    let length = |tokens: &[&str], range: Range<usize>| -> usize {
        tokens.get(range).into_iter().flatten().map(|token| token.len()).sum()
    };
    let mut edits: Vec<Edit> = vec![];
    let (mut old_at, mut new_at) = (0, 0);
    for op in capture_diff_slices(Algorithm::Myers, &old_tokens, &new_tokens) {
        let (old_start, new_start) = (old_at, new_at);
        old_at += length(&old_tokens, op.old_range());
        new_at += length(&new_tokens, op.new_range());
        if op.tag() == DiffTag::Equal {
            continue;
        }
        match edits.last_mut() {
            Some(last) if last.old.end == old_start && last.new.end == new_start => {
                (last.old.end, last.new.end) = (old_at, new_at);
            }
            _ => edits.push(Edit { old: old_start..old_at, new: new_start..new_at }),
        }
    }
    edits
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

/// Says of each edit what and where it is; positions are counted on from one to the next.
fn described(original: &str, corrected: &str, edits: &[Edit]) -> Vec<CorrectionChange> {
    let (mut byte, mut char) = (0, 0);
    let describe = |edit: &Edit| {
        let start = char + original[byte..edit.old.start].chars().count();
        let end = start + original[edit.old.clone()].chars().count();
        (byte, char) = (edit.old.end, end);
        CorrectionChange {
            change_type: match (edit.old.is_empty(), edit.new.is_empty()) {
                (true, _) => ChangeType::Insert,
                (_, true) => ChangeType::Delete,
                _ => ChangeType::Replace,
            },
            original: original[edit.old.clone()].to_owned(),
            corrected: corrected[edit.new.clone()].to_owned(),
            context: original[around(original, edit.old.clone(), CONTEXT)].to_owned(),
            position: Span { start, end },
            category: category_of(original, corrected, edit),
        }
    };
    edits.iter().map(describe).collect()
}

#[cfg(test)]
mod tests;
