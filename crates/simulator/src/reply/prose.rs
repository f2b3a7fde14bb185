//! Texts as sentences with the white space between them, so that a text can be rewritten and keep its paragraphs.

/// A sentence, a line or a block of code, and the white space after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    pub(super) text: &'a str,
    pub(super) gap: &'a str,
}

impl Piece<'_> {
    /// Tells whether it is a block of code, or holds no word at all.
    pub(super) fn is_fixed(&self) -> bool {
        self.text.starts_with("```") || !self.text.contains(char::is_alphabetic)
    }

    /// Tells whether a paragraph ends with it.
    pub(super) fn ends_paragraph(&self) -> bool {
        self.gap.matches('\n').count() > 1
    }
}

/// Cuts a text into pieces; what stands before the first one is dropped.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut rest = text.trim_start();
    let mut found = Vec::new();
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(piece_end(rest));
        let gap_length = after.len() - after.trim_start().len();
        let (gap, after) = after.split_at(gap_length);
        found.push(Piece { text: piece, gap });
        rest = after;
    }
    found
}

/// Writes every piece anew and keeps the white space between them.
pub(super) fn rewrite(text: &str, mut write: impl FnMut(&Piece<'_>) -> String) -> String {
    let pieces = pieces(text);
    let written: Vec<String> = pieces.iter().flat_map(|piece| [write(piece), piece.gap.to_owned()]).collect();
    written.concat().trim_end().to_owned()
}

/// Counts words as the chapters do: what stands between white space.
pub(super) fn count_words(text: &str) -> usize {
    text.split_whitespace().count()
}

/// Reduces a sentence to its letters and digits, without what stands in brackets.
pub(super) fn key(sentence: &str) -> String {
    let mut depth = 0_usize;
    let mut kept = String::new();
    for c in sentence.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if depth == 0 && c.is_alphanumeric() => kept.extend(c.to_lowercase()),
            _ => {}
        }
    }
    kept
}

/// Returns where the first piece of a text ends, in bytes.
fn piece_end(text: &str) -> usize {
    if let Some(code) = text.strip_prefix("```") {
        return code.find("\n```").map_or(text.len(), |at| at + 3 + "\n```".len());
    }
    let mut previous_end = None;
    for (at, c) in text.char_indices() {
        if !c.is_whitespace() {
            previous_end = Some(at + c.len_utf8());
            continue;
        }
        let Some((before, after)) = previous_end.and_then(|end| text.split_at_checked(end)) else { continue };
        let next = after.trim_start();
        let line_ends = after.get(..after.len() - next.len()).is_some_and(|gap| gap.contains('\n'));
        let begins_anew = line_ends && !next.starts_with(char::is_lowercase);
        if begins_anew || is_blank_line(after) || ends_sentence(before) {
            return before.len();
        }
    }
    text.trim_end().len()
}

fn is_blank_line(after: &str) -> bool {
    let gap = after.get(..after.len() - after.trim_start().len()).unwrap_or_default();
    gap.matches('\n').count() > 1
}

/// Tells whether a text ends as a sentence does, and not with an ordinal number or an abbreviation.
fn ends_sentence(text: &str) -> bool {
    let bare = text.trim_end_matches(['"', '”', '“', '’', '\'', ')', ']', '»', '«']);
    let Some(stem) = bare.strip_suffix('.') else { return bare.ends_with(['!', '?', '…']) };
    let word = stem.rsplit(char::is_whitespace).next().unwrap_or_default();
    let letters = word.trim_start_matches(|c: char| !c.is_alphanumeric());
    let is_short = letters.chars().count() <= if letters.starts_with(char::is_numeric) { 2 } else { 1 };
    !(is_short || matches!(letters, "ca" | "bzw" | "Dr" | "Nr" | "usw" | "vb" | "örn" | "z.B" | "d.h"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(text: &str) -> Vec<&str> {
        pieces(text).into_iter().map(|piece| piece.text).collect()
    }

    #[test]
    fn cuts_at_sentence_ends_lines_and_code() {
        assert_eq!(texts("Ja. Am 3. Mai? „Nein!“ Gut"), ["Ja.", "Am 3. Mai?", "„Nein!“", "Gut"]);
        assert_eq!(texts("Im Jahr 2140. Dann z. B. drei"), ["Im Jahr 2140.", "Dann z. B. drei"]);
        assert_eq!(texts("# Titel\n- eins\nund zwei\n\nklein"), ["# Titel", "- eins\nund zwei", "klein"]);
        assert_eq!(texts("```\na. b\n```\nDanach."), ["```\na. b\n```", "Danach."]);
        assert_eq!(texts(" \n"), Vec::<&str>::new());
        assert_eq!(key("Kelimeleri (Seed), 24!"), "kelimeleri24");
    }

    proptest! {
        #[test]
        fn rewriting_with_the_same_loses_nothing(text in "[a-zA-ZäİıŞ0-9 .!?\n`()]{0,80}") {
            prop_assert_eq!(rewrite(&text, |piece| piece.text.to_owned()), text.trim());
        }
    }
}
