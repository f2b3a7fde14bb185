//! Words, numbers, signs and white space: the smallest parts that a change speaks of.

use std::ops::Range;

/// Splits a text without loss: words and numbers whole, runs of white space whole, each sign alone.
pub(super) fn tokens(text: &str) -> Vec<&str> {
    ranges(text).into_iter().map(|range| &text[range]).collect()
}

/// Returns where the tokens that are no white space stand, in bytes.
pub(super) fn visible_tokens(text: &str) -> Vec<Range<usize>> {
    let mut ranges = ranges(text);
    ranges.retain(|range| !text[range.clone()].starts_with(char::is_whitespace));
    ranges
}

/// Returns the numbers of a text as they are written: `21.000`, `-5`, `10:30`.
pub(super) fn numbers(text: &str) -> impl Iterator<Item = &str> {
    tokens(text).into_iter().filter(|token| token.chars().any(char::is_numeric))
}

/// Returns the words of a text, numbers included.
pub(super) fn word_tokens(text: &str) -> Vec<&str> {
    let mut words = tokens(text);
    words.retain(|token| token.contains(is_word));
    words
}

/// Tells whether a sign only structures a text; currency, percent and the like mean something.
pub(super) fn is_punctuation(one: char) -> bool {
    matches!(
        one,
        '.' | ','
            | ';'
            | ':'
            | '!'
            | '?'
            | '…'
            | '-'
            | '‐'
            | '‑'
            | '–'
            | '—'
            | '\''
            | '’'
            | '‘'
            | '‚'
            | '"'
            | '„'
            | '“'
            | '”'
            | '«'
            | '»'
            | '‹'
            | '›'
            | '('
            | ')'
            | '['
            | ']'
            | '/'
    )
}

fn ranges(text: &str) -> Vec<Range<usize>> {
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

/// Letters and digits, and the marks that complete a letter written in two parts.
fn is_word(one: char) -> bool {
    one.is_alphanumeric() || ('\u{300}'..='\u{36f}').contains(&one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_falls_into_words_numbers_signs_and_blanks() {
        let cases: &[(&str, &[&str])] = &[
            ("", &[]),
            ("Für 3,5 %.", &["Für", " ", "3,5", " ", "%", "."]),
            ("21.000.000, also", &["21.000.000", ",", " ", "also"]),
            ("Lightning-Netz\r\n\r\n(neu)", &["Lightning", "-", "Netz", "\r\n\r\n", "(", "neu", ")"]),
            ("-5 bis 10-20", &["-5", " ", "bis", " ", "10", "-", "20"]),
            ("um 10:30.", &["um", " ", "10:30", "."]),
            ("u\u{308}ber", &["u\u{308}ber"]),
            ("👍🏽!", &["👍", "🏽", "!"]),
        ];
        for (text, expected) in cases {
            assert_eq!(tokens(text), *expected, "{text}");
        }
    }
}
