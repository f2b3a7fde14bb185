//! What kind of error a correction mends, computed from the two texts and nothing else.

use btcedu_artifacts::CorrectionCategory;

use super::tokens::{is_punctuation, numbers, word_tokens};
use crate::correct::terms::terms_in;

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
    if letters(old) == letters(new) && word_tokens(old) == word_tokens(new) {
        return CorrectionCategory::Punctuation;
    }
    if brings_a_term(old, new, before, after) {
        return CorrectionCategory::Terminology;
    }
    let (old_words, new_words) = (word_tokens(old), word_tokens(new));
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

fn line_breaks(text: &str) -> usize {
    text.matches('\n').count()
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
mod tests {
    use CorrectionCategory::{Grammar, Other, Punctuation, Spelling, Terminology};

    use super::*;

    #[test]
    fn the_category_follows_from_the_texts() {
        let cases = [
            ("", ",", Punctuation),
            (".", ",", Punctuation),
            ("„Ja“", "\"Ja\"", Punctuation),
            ("heute abend", "heute-abend", Punctuation),
            (" ", "  ", Punctuation),
            ("frei sprechen", "freisprechen", Spelling),
            ("so fern", "sofern", Spelling),
            ("\n\n", " ", Other),
            (".\n\n", ", ", Other),
            ("haus", "Haus", Spelling),
            ("das", "dass", Spelling),
            ("zu kunft", "Zukunft", Spelling),
            ("Netzwärk", "Netzwerk", Spelling),
            ("der", "die", Grammar),
            ("in", "zu", Grammar),
            ("Leitning", "Lightning", Terminology),
            ("Sathoshis", "Satoshis", Terminology),
            ("lightning", "Lightning", Spelling),
            ("bit coin", "Bitcoin", Terminology),
            ("gegangen", "gegangen ist", Grammar),
            ("", "ist", Grammar),
            ("ja also", "", Grammar),
            ("ja also gut", "", Other),
            ("er ist dann gegangen", "sie kam", Grammar),
            ("er ist dann später gegangen", "sie kam", Other),
            ("3,5", "35", Other),
            ("-5", "5", Other),
            ("2008", "2009", Other),
            ("5 %", "5 €", Other),
            ("👍", "", Other),
        ];
        for (old, new, expected) in cases {
            assert_eq!(category_of(old, new, "", ""), expected, "{old} → {new}");
        }
    }

    #[test]
    fn a_term_may_reach_into_the_surroundings() {
        assert_eq!(category_of("Kie", "Key", "der Private ", " ist"), Terminology);
        assert_eq!(category_of("isst", "ist", "der Private Key ", " da"), Spelling);
    }

    #[test]
    fn distances_are_counted_in_letters() {
        let cases =
            [("", "", 0), ("ä", "a", 1), ("abc", "", 3), ("kitten", "sitting", 3), ("das", "dass", 1)];
        for (left, right, expected) in cases {
            assert_eq!(distance(left, right), Some(expected), "{left} {right}");
        }
        assert_eq!(distance(&"a".repeat(81), "a"), None);
    }
}
