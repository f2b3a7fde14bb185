//! The sentences of `data/sample/transcript.de.txt` with their translation and adaptation.
//!
//! `sample.txt` holds them: `de:` the corrected sentence, `tr:` its translation, `ad:` its adaptation
//! where it differs. `{düğüm|Node}` marks a term with the original that follows in brackets at first use.

use std::{collections::HashMap, sync::LazyLock};

use super::{correct, prose::key};

/// What stands in place of an adaptation that was removed.
pub(super) const REMOVED: &str = "[kaldırıldı]";

static BOOK: LazyLock<Book> = LazyLock::new(|| Book::read(include_str!("sample.txt")));

#[derive(Default)]
struct Book {
    translations: HashMap<String, &'static str>,
    adaptations: HashMap<String, &'static str>,
}

impl Book {
    fn read(text: &'static str) -> Self {
        let mut book = Self::default();
        let (mut german, mut turkish) = ("", "");
        for line in text.lines() {
            match line.split_at_checked(4) {
                Some(("de: ", sentence)) => german = sentence,
                Some(("tr: ", sentence)) => {
                    turkish = sentence;
                    book.translations.insert(key(german), turkish);
                    book.adaptations.insert(turkish_key(turkish), turkish);
                }
                Some(("ad: ", sentence)) => {
                    book.adaptations.insert(turkish_key(turkish), sentence);
                }
                _ => {}
            }
        }
        book
    }
}

fn turkish_key(marked: &str) -> String {
    key(&fill(marked, |_| false))
}

/// Returns the translation of a sentence, with its marks, however badly it was heard.
pub(super) fn translation(german: &str) -> Option<&'static str> {
    BOOK.translations.get(&key(&correct::mend(german, true))).copied()
}

/// Returns the adaptation of a translated sentence, with its marks; often that is the sentence itself.
pub(super) fn adaptation(turkish: &str) -> Option<&'static str> {
    BOOK.adaptations.get(&key(turkish)).copied()
}

/// Replaces the marks of terms; `bracket` says whether the original follows in brackets.
pub(super) fn fill(marked: &str, mut bracket: impl FnMut(&str) -> bool) -> String {
    let mut filled = String::with_capacity(marked.len());
    let mut rest = marked;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        rest = after;
        let Some((term, behind)) = after.split_once('}') else { break };
        let (turkish, original) = term.split_once('|').unwrap_or((term, ""));
        filled.push_str(turkish);
        if !original.is_empty() && bracket(original) {
            filled.extend([" (", original, ")"]);
        }
        rest = behind;
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::{super::prose::pieces, *};

    const TRANSCRIPT: &str = include_str!("../../../../data/sample/transcript.de.txt");

    #[test]
    fn every_sentence_of_the_bundled_transcript_is_known_before_and_after_its_correction() {
        for text in [TRANSCRIPT.to_owned(), correct::mend(TRANSCRIPT, false), correct::mend(TRANSCRIPT, true)]
        {
            let unknown: Vec<&str> =
                pieces(&text).iter().map(|p| p.text).filter(|text| translation(text).is_none()).collect();
            assert!(unknown.is_empty(), "{unknown:#?}");
        }
    }

    #[test]
    fn an_adaptation_has_a_tag_or_removes_or_is_the_translation_itself() {
        let marked = include_str!("sample.txt").lines().filter_map(|line| line.strip_prefix("ad: "));
        let adaptations: Vec<&str> = marked.collect();
        assert!(adaptations.len() > 20);
        for text in adaptations {
            assert!(text == REMOVED || text.contains("[T1: ") || text.contains("[T2: "), "{text}");
            assert_eq!(text.matches('[').count(), text.matches(']').count(), "{text}");
        }
        assert_eq!(adaptation("Memnuniyetle."), Some("Memnuniyetle."));
    }

    #[test]
    fn marks_become_words_with_or_without_their_original() {
        assert_eq!(fill("{Düğüm|Node} ve {cüzdan|Wallet}.", |it| it == "Node"), "Düğüm (Node) ve cüzdan.");
        assert_eq!(fill("a {b", |_| true), "a b");
    }
}
