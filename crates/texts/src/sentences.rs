//! Sentences and paragraphs as German and Turkish texts have them.

use std::ops::Range;

/// Written with a dot that ends no sentence by itself; in lower case.
const ABBREVIATIONS: &[&str] = &[
    "abs", "allg", "apr", "art", "aug", "bspw", "bzgl", "bzw", "ca", "dez", "dr", "etc", "evtl", "exkl",
    "feb", "geb", "gem", "ggf", "hr", "inkl", "jan", "jh", "kap", "lat", "max", "min", "mio", "mrd", "nov",
    "nr", "okt", "örn", "prof", "sept", "sn", "sog", "st", "std", "str", "tsd", "usw", "vb", "vgl", "vs",
    "yy", "zzgl",
];

/// Signs that may stand between the end of a sentence and the blank after it.
const CLOSING: &[char] = &['"', '\'', '”', '“', '’', '‘', '»', '«', ')', ']'];

/// Longest word that is looked at as a possible abbreviation, in characters.
const LONGEST_ABBREVIATION: usize = 16;

/// Tells whether a sentence ends with `before`, where white space and then `after` follow.
///
/// A dot after an ordinal number (`3.`), a single letter (`z. B.`) or an abbreviation ends none.
pub(crate) fn ends_sentence(before: &str, after: &str) -> bool {
    let core = before.trim_end_matches(CLOSING);
    let Some(word) = core.strip_suffix('.') else {
        return core.ends_with(['!', '?', '…']);
    };
    if after.chars().next().is_some_and(char::is_lowercase) {
        return false;
    }
    let from = word
        .char_indices()
        .rev()
        .take(LONGEST_ABBREVIATION)
        .take_while(|(_, one)| one.is_alphanumeric() || *one == '.')
        .last()
        .map_or(word.len(), |(index, _)| index);
    let word = word[from..].rsplit('.').next().unwrap_or_default();
    let ordinal = word.len() <= 2 && !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    let letter = word.chars().count() == 1 && word.chars().all(char::is_alphabetic);
    !ordinal && !letter && !ABBREVIATIONS.contains(&word.to_lowercase().as_str())
}

/// Returns the byte offsets at which sentences begin; the first is that of the first word.
pub(crate) fn sentence_starts(text: &str) -> Vec<usize> {
    let mut starts = vec![];
    let mut end_of_chunk = None;
    for (start, chunk) in chunks(text) {
        let new = match end_of_chunk {
            None => true,
            Some(end) => line_breaks(&text[end..start]) > 1 || ends_sentence(&text[..end], &text[start..]),
        };
        if new {
            starts.push(start);
        }
        end_of_chunk = Some(start + chunk.len());
    }
    starts
}

/// Returns where the paragraphs are, in bytes: what blank lines separate, without the white space around it.
pub fn paragraphs(text: &str) -> Vec<Range<usize>> {
    let mut paragraphs: Vec<Range<usize>> = Vec::new();
    for (start, chunk) in chunks(text) {
        let end = start + chunk.len();
        match paragraphs.last_mut() {
            Some(last) if line_breaks(&text[last.end..start]) < 2 => last.end = end,
            _ => paragraphs.push(start..end),
        }
    }
    paragraphs
}

/// Returns what stands between white space, with its byte offsets.
pub(crate) fn chunks(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    text.split(char::is_whitespace).filter_map(move |word| {
        let start = at;
        at += word.len();
        at += text[at..].chars().next().map_or(0, char::len_utf8);
        (!word.is_empty()).then_some((start, word))
    })
}

/// Counts line ends; `\r\n` is one.
pub(crate) fn line_breaks(white_space: &str) -> usize {
    white_space.bytes().filter(|byte| *byte == b'\n').count()
}

#[cfg(test)]
mod tests;
