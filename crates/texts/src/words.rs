//! Words: where one begins and ends, and how they are found in a text.

use std::ops::Range;

/// The endings that a German noun takes, a name's last word too.
pub const NOUN_ENDINGS: &[&str] = &["s", "es", "e", "en", "n", "ern", "er"];

/// Tells whether a character is part of a word: letters and digits, and the marks that complete a letter
/// written in two parts.
pub(crate) fn is_word(one: char) -> bool {
    one.is_alphanumeric() || ('\u{300}'..='\u{36f}').contains(&one)
}

/// Returns the words of a text, without the signs between them.
pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|one| !is_word(one)).filter(|word| !word.is_empty())
}

/// Widens a range of bytes by up to `margin` characters on each side, so that no word is cut in two.
pub(crate) fn around(text: &str, range: Range<usize>, margin: usize) -> Range<usize> {
    let (before, after) = (&text[..range.start], &text[range.end..]);
    let far = before.char_indices().rev().take(margin).last().map_or(range.start, |(index, _)| index);
    let near = &before[far..];
    let near = if ends_in_word(&before[..far]) { near.trim_start_matches(is_word) } else { near };
    let start = range.start - near.trim_start().len();

    let far = after.char_indices().nth(margin).map_or(after.len(), |(index, _)| index);
    let near = &after[..far];
    let near = if starts_in_word(&after[far..]) { near.trim_end_matches(is_word) } else { near };
    let end = range.end + near.trim_end().len();
    start..end
}

/// Makes texts comparable without regard to case, the four Turkish `i` included.
pub(crate) fn fold(text: &str) -> String {
    text.chars()
        .flat_map(char::to_lowercase)
        .filter(|one| *one != '\u{307}')
        .map(|one| if one == 'ı' { 'i' } else { one })
        .collect()
}

/// Tells whether a folded text holds a folded term as whole words; the last word may have one of the endings.
pub fn holds_word(folded: &str, term: &str, endings: &[&str]) -> bool {
    folded.match_indices(term).any(|(index, _)| {
        let after = &folded[index + term.len()..];
        let whole = |rest: &str| !starts_in_word(rest);
        !ends_in_word(&folded[..index])
            && (whole(after) || endings.iter().any(|ending| after.strip_prefix(ending).is_some_and(whole)))
    })
}

fn ends_in_word(text: &str) -> bool {
    text.chars().next_back().is_some_and(is_word)
}

fn starts_in_word(text: &str) -> bool {
    text.chars().next().is_some_and(is_word)
}

#[cfg(test)]
mod tests;
