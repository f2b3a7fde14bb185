//! What kind of error a correction mends, computed from the two texts and nothing else.

use crate::{
    diffs::CorrectionCategory,
    sentences::line_breaks,
    terms::terms_in,
    tokens::{is_punctuation, numbers},
    words::words,
};

/// More words than this on a side are no small mend of grammar.
const GRAMMAR_WORDS: usize = 4;

/// More words than this that come or go alone are no small mend of grammar.
const LONE_WORDS: usize = 2;

/// Words longer than this are not measured, in characters; no German word is.
const LONGEST_WORD: usize = 80;

/// Finds a change's category; `before` and `after` are its surroundings in the corrected text.
///
/// A change of a number is never counted as punctuation or spelling, nor is one of lines and paragraphs:
/// a reviewer must see it.
pub(super) fn category_of(old: &str, new: &str, before: &str, after: &str) -> CorrectionCategory {
    if !numbers(old).eq(numbers(new)) {
        return CorrectionCategory::Other;
    }
    if line_breaks(old) != line_breaks(new) && letters(old) == letters(new) {
        return CorrectionCategory::Other;
    }
    let (old_words, new_words): (Vec<&str>, Vec<&str>) = (words(old).collect(), words(new).collect());
    if letters(old) == letters(new) && old_words == new_words {
        return CorrectionCategory::Punctuation;
    }
    if brings_a_term(old, new, before, after) {
        return CorrectionCategory::Terminology;
    }
    if old_words == new_words {
        // A sign that means something came or went.
        return CorrectionCategory::Other;
    }
    if is_spelling(&old_words, &new_words) {
        return CorrectionCategory::Spelling;
    }
    let small = match (old_words.len(), new_words.len()) {
        (0, lone) | (lone, 0) => (1..=LONE_WORDS).contains(&lone),
        (left, right) => left.max(right) <= GRAMMAR_WORDS,
    };
    if small { CorrectionCategory::Grammar } else { CorrectionCategory::Other }
}

fn letters(text: &str) -> String {
    text.chars().filter(|one| !one.is_whitespace() && !is_punctuation(*one)).collect()
}

/// A term of several words may reach into the surroundings, so both texts are looked at with them.
fn brings_a_term(old: &str, new: &str, before: &str, after: &str) -> bool {
    let there = terms_in(&format!("{before}{new}{after}"));
    if there.is_empty() {
        return false;
    }
    let was_there = terms_in(&format!("{before}{old}{after}"));
    there.iter().any(|term| !was_there.contains(term))
}

/// The same words written otherwise; or, where words were joined or split, nearly the same letters.
fn is_spelling(old: &[&str], new: &[&str]) -> bool {
    if old.is_empty() || new.is_empty() {
        return false;
    }
    if old.len() == new.len() {
        return old.iter().zip(new).all(|(old, new)| is_near(old, new));
    }
    let (old, new) = (old.concat().to_lowercase(), new.concat().to_lowercase());
    distance(&old, &new).is_some_and(|distance| distance <= 1)
}

/// Few edits for the word's length: `Hous` and `Haus` are near, `in` and `zu` aren't.
fn is_near(old: &str, new: &str) -> bool {
    let (old, new) = (old.to_lowercase(), new.to_lowercase());
    if old == new {
        return true;
    }
    let longer = old.chars().count().max(new.chars().count());
    let small = |distance: usize| (distance <= 2 && distance * 2 <= longer) || distance * 10 <= longer * 3;
    distance(&old, &new).is_some_and(small)
}

/// Counts the letters to change, add or take away; none for texts too long to be words.
fn distance(left: &str, right: &str) -> Option<usize> {
    let longest = left.chars().count().max(right.chars().count());
    (longest <= LONGEST_WORD).then(|| strsim::levenshtein(left, right))
}

#[cfg(test)]
mod tests;
