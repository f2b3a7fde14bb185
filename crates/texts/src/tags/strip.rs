//! The script as it is spoken: tags and removal markers gone, blanks mended where they stood.

use super::{Kind, Piece, pieces};

/// Signs that no blank stands before.
const CLOSING: &[char] = &['.', ',', ';', ':', '!', '?', '…', ')', ']', '}', '»', '”'];

/// Signs that no blank stands behind.
const OPENING: &[char] = &['(', '[', '{', '«', '„', '‚'];

/// Signs that belong to the word before only where they touch it.
const TOUCHING: &[char] = &['\'', '’', '"', '“'];

/// Returns a script, [`plain`](crate::plain), without tags and without `[kaldırıldı: …]`.
///
/// Blanks are tidied where something was taken out: none before a punctuation mark, no double ones, no line
/// that has become empty. Everything else, other brackets too, stays as it is.
pub fn strip_tags(script: &str) -> String {
    let mut spoken = String::with_capacity(script.len());
    let mut pieces = pieces(script).into_iter().peekable();
    let mut rest = 0;
    while let Some(Piece { mut range, kind }) = pieces.next() {
        spoken.push_str(&script[rest..range.start]);
        let mut removal = kind == Kind::Removal;
        // Neighbors go together: the marker of a removed passage and its tag.
        while let Some(next) =
            pieces.next_if(|next| script[range.end..next.range.start].chars().all(is_blank))
        {
            range.end = next.range.end;
            removal |= next.kind == Kind::Removal;
        }
        rest = script.len() - mend(&mut spoken, &script[range.end..], removal).len();
    }
    spoken.push_str(&script[rest..]);
    spoken
}

/// Joins what was before to what comes now, and returns what of it is still to be written.
fn mend<'a>(spoken: &mut String, tail: &'a str, removal: bool) -> &'a str {
    let (length, mut rest) = (spoken.len(), tail.trim_start_matches(is_blank));
    spoken.truncate(spoken.trim_end_matches(is_blank).len());
    if removal {
        rest = without_second_stop(spoken, rest);
    }
    let (blank_before, blank_after) = (spoken.len() < length, rest.len() < tail.len());
    let at_line_start = spoken.is_empty() || spoken.ends_with('\n');
    let Some(next) = rest.chars().next().filter(|next| *next != '\n') else {
        return if at_line_start { without_empty_line(spoken, rest) } else { rest };
    };
    let together = at_line_start
        || CLOSING.contains(&next)
        || spoken.ends_with(OPENING)
        || (TOUCHING.contains(&next) && !blank_after)
        || !(blank_before || blank_after);
    if !together {
        spoken.push(' ');
    }
    rest
}

/// A removed sentence may have left its own full stop behind.
fn without_second_stop<'a>(spoken: &mut String, rest: &'a str) -> &'a str {
    let no_sentence = spoken.is_empty() || spoken.ends_with(['\n', '.', '!', '?', '…', ':']);
    if let Some(after) = rest.strip_prefix(['.', ',', ';']).filter(|_| no_sentence) {
        return after.trim_start_matches(is_blank);
    }
    if rest.starts_with(['.', '!', '?']) && spoken.ends_with([',', ';']) {
        spoken.pop();
    }
    rest
}

/// Takes an empty line away; of the blank lines around it, those before it stay.
fn without_empty_line<'a>(spoken: &mut String, rest: &'a str) -> &'a str {
    if rest.trim_start().is_empty() {
        // The end of the script: it ends as it did, with or without a line end.
        spoken.truncate(spoken.trim_end().len());
        if rest.is_empty() {
            return rest;
        }
        return if rest.ends_with('\n') && !spoken.is_empty() { &rest[rest.len() - 1..] } else { "" };
    }
    let mut rest = rest.strip_prefix('\n').unwrap_or(rest);
    let line_before = spoken.strip_suffix('\n');
    if line_before.is_none_or(|text| text.is_empty() || text.ends_with('\n')) {
        while let Some(blank_line) = rest.trim_start_matches(is_blank).strip_prefix('\n') {
            rest = blank_line;
        }
    }
    rest
}

/// White space inside a line.
fn is_blank(one: char) -> bool {
    one.is_whitespace() && one != '\n'
}
