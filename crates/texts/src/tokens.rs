//! Words, numbers, signs and white space: the smallest parts that a change speaks of.

use std::ops::Range;

use crate::words::is_word;

/// Splits a text without loss, in bytes: words and numbers whole, runs of white space whole, each sign alone.
pub(crate) fn tokens(text: &str) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = vec![];
    let mut before: Option<char> = None;
    let mut signs = text.char_indices().peekable();
    // Whether the sign before belongs to the number that goes on here.
    let mut glued = false;
    while let Some((index, one)) = signs.next() {
        let digit_follows = signs.peek().is_some_and(|(_, next)| next.is_numeric());
        let after = |is: fn(char) -> bool| before.is_some_and(is);
        let goes_on = glued
            || (one.is_whitespace() && after(char::is_whitespace))
            || (is_word(one) && after(is_word))
            || (matches!(one, '.' | ',' | ':') && after(char::is_numeric) && digit_follows);
        glued = digit_follows
            && (matches!(one, '-' | '−' | '+') && !after(is_word)
                || matches!(one, '.' | ',' | ':') && after(char::is_numeric));
        let end = index + one.len_utf8();
        match ranges.last_mut() {
            Some(last) if goes_on => last.end = end,
            _ => ranges.push(index..end),
        }
        before = Some(one);
    }
    ranges
}

/// Returns the numbers of a text as they are written: `21.000`, `-5`, `10:30`.
pub(crate) fn numbers(text: &str) -> impl Iterator<Item = &str> {
    tokens(text).into_iter().map(|range| &text[range]).filter(|token| token.contains(char::is_numeric))
}

/// Tells whether a sign only structures a text; currency, percent and the like mean something.
pub(crate) fn is_punctuation(one: char) -> bool {
    ".,;:!?…-‐‑–—'’‘‚\"„“”«»‹›()[]/".contains(one)
}

#[cfg(test)]
mod tests;
