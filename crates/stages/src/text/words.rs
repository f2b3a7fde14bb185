//! Words and sentences as German and Turkish texts have them, for everything that cuts or searches a text.

use std::ops::Range;

/// The endings that a German noun takes, a name's last word too.
pub(crate) const NOUN_ENDINGS: &[&str] = &["s", "es", "e", "en", "n", "ern", "er"];

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
    let mut end_of_word = None;
    for (start, word) in words(text) {
        let new = match end_of_word {
            None => true,
            Some(end) => line_breaks(&text[end..start]) > 1 || ends_sentence(&text[..end], &text[start..]),
        };
        if new {
            starts.push(start);
        }
        end_of_word = Some(start + word.len());
    }
    starts
}

/// Returns the words, that is what stands between white space, with their byte offsets.
pub(crate) fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
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

/// Widens a range of bytes by up to `margin` characters on each side, so that no word is cut in two.
pub(crate) fn around(text: &str, range: Range<usize>, margin: usize) -> Range<usize> {
    let (before, after) = (&text[..range.start], &text[range.end..]);
    let far = before.char_indices().rev().take(margin).last().map_or(range.start, |(index, _)| index);
    let near = &before[far..];
    let near =
        if ends_in_word(&before[..far]) { near.trim_start_matches(char::is_alphanumeric) } else { near };
    let start = range.start - near.trim_start().len();

    let far = after.char_indices().nth(margin).map_or(after.len(), |(index, _)| index);
    let near = &after[..far];
    let near =
        if starts_in_word(&after[far..]) { near.trim_end_matches(char::is_alphanumeric) } else { near };
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
pub(crate) fn holds_word(folded: &str, term: &str, endings: &[&str]) -> bool {
    folded.match_indices(term).any(|(index, _)| {
        let after = &folded[index + term.len()..];
        let whole = |rest: &str| !starts_in_word(rest);
        !ends_in_word(&folded[..index])
            && (whole(after) || endings.iter().any(|ending| after.strip_prefix(ending).is_some_and(whole)))
    })
}

fn ends_in_word(text: &str) -> bool {
    text.chars().next_back().is_some_and(char::is_alphanumeric)
}

fn starts_in_word(text: &str) -> bool {
    text.chars().next().is_some_and(char::is_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_ends_where_a_reader_would_say_so() {
        let cases = [
            ("Das ist gut.", "Und", true),
            ("Das ist gut.“", "Und", true),
            ("Wirklich?", "ja", true),
            ("Also …", "Gut", true),
            ("im Jahr 2009.", "Danach", true),
            ("am 3.", "Januar", false),
            ("z.", "B. so", false),
            ("z. B.", "Lightning", false),
            ("z.B.", "Lightning", false),
            ("ca.", "Zehn", false),
            ("Prof.", "Müller", false),
            ("und so weiter usw.", "dann", false),
            ("kein Punkt", "Und", false),
            ("", "Und", false),
            (".", "Und", true),
        ];
        for (before, after, expected) in cases {
            assert_eq!(ends_sentence(before, after), expected, "{before} | {after}");
        }
    }

    #[test]
    fn sentences_begin_at_their_first_word() {
        let text = " Eins ist da. Am 3. Mai kam zwei!\nDrei\n\nvier";
        let starts: Vec<_> = sentence_starts(text).into_iter().map(|at| &text[at..at + 4]).collect();
        assert_eq!(starts, ["Eins", "Am 3", "Drei", "vier"]);
        assert!(sentence_starts(" \n ").is_empty());
    }

    #[test]
    fn what_surrounds_a_place_ends_at_word_borders() {
        let text = "Größere Wörter stehen hier";
        let at = text.find("stehen").unwrap();
        assert_eq!(&text[around(text, at..at + 6, 10)], "Wörter stehen hier");
        assert_eq!(&text[around(text, at..at + 6, 2)], "stehen");
        assert_eq!(&text[around(text, at..at, 100)], text);
        assert_eq!(around("", 0..0, 40), 0..0);
    }

    #[test]
    fn terms_are_found_as_whole_words_in_any_case() {
        let text = fold("Die KRANKENKASSEN, İstanbul und ISPARTA; Blockchainx");
        assert!(holds_word(&text, "krankenkasse", &["n"]));
        assert!(!holds_word(&text, "krankenkasse", &[]));
        assert!(holds_word(&text, "istanbul", &[]) && holds_word(&text, "isparta", &[]));
        assert!(!holds_word(&text, "blockchain", &["s"]) && !holds_word(&text, "kasse", &["n"]));
    }
}
