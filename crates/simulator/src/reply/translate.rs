//! The answer to a request for a translation: the bundled sample's sentences, a stand-in for all others.

mod stand_in;

use std::collections::HashSet;

use super::{Asked, material, prose, sample};

/// Fits requests with a text between tags.
pub(super) fn fits(asked: &Asked<'_>) -> bool {
    material::find(asked.text, "text").is_some()
}

/// Writes the translation; a term's original stands in brackets at its first use.
pub(super) fn write(asked: &Asked<'_>) -> String {
    let text = material::find(asked.text, "text").unwrap_or_default();
    let known = material::find(asked.text, "known_terms").unwrap_or_default();
    let mut introduced: HashSet<String> =
        known.split([',', '\n']).map(|term| term.trim().to_lowercase()).collect();
    let translation = prose::rewrite(text, |piece| {
        if piece.is_fixed() {
            return piece.text.to_owned();
        }
        let marked = match sample::translation(piece.text) {
            Some(sentence) => sentence.to_owned(),
            None => stand_in::write(piece.text),
        };
        sample::fill(&marked, |original| introduced.insert(original.to_lowercase()))
    });
    format!("<translation>\n{translation}\n</translation>")
}
