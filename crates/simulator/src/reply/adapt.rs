//! The answer to a request for an adaptation: the bundled sample's sentences as they were adapted by hand,
//! rules for all others, and a tag after every change.

mod rules;

use super::{
    Asked, material,
    prose::{self, Piece},
    sample,
};
use rules::Replacements;

const MARKER: &str = "[kaldırıldı: ülkeye özgü]";
const WHOLLY_GERMAN: &str = "[T2: regulatory_context: bu kısım baştan sona Almanya düzenlemeleri hakkında]";
const WARMER: &str =
    "Gelin, birlikte bakalım. [T1: tone_adjustment: izleyiciyi içine alan bir cümle eklendi]";

/// Fits requests with a translation between tags.
pub(super) fn fits(asked: &Asked<'_>) -> bool {
    material::find(asked.text, "translation_to_adapt").is_some()
}

/// Writes the adaptation; a reviewer's note brings one more change of tone.
pub(super) fn write(asked: &Asked<'_>) -> String {
    let translation = material::find(asked.text, "translation_to_adapt").unwrap_or_default();
    let replacements = Replacements::new(material::find(asked.text, "institutions").unwrap_or_default());
    let pieces = prose::pieces(translation);
    let mut adapted = String::new();
    if is_wholly_german(&pieces, &replacements) {
        adapted.push_str(WHOLLY_GERMAN);
        adapted.push(' ');
    }
    let mut warmer = material::some(asked.text, "reviewer_feedback").map(|_| WARMER);
    let mut removed: Vec<&str> = Vec::new();
    for (index, piece) in pieces.iter().enumerate() {
        if let Some(sentence) = adapt(piece, &replacements) {
            adapted.push_str(&sentence);
            if let Some(sentence) = warmer.take() {
                adapted.extend([" ", sentence]);
            }
        } else {
            removed.push(piece.text);
            // One marker for all that is removed one after the other in a paragraph.
            let next = pieces.get(index + 1).filter(|_| !piece.ends_paragraph());
            if next.is_some_and(|next| adapt(next, &replacements).is_none()) {
                continue;
            }
            adapted.push_str(&removal(&removed));
            removed.clear();
        }
        adapted.push_str(piece.gap);
    }
    if let Some(sentence) = warmer {
        adapted = format!("{sentence} {adapted}");
    }
    format!("<adaptation>\n{}\n</adaptation>", adapted.trim_end())
}

/// Adapts a sentence; `None` removes it.
fn adapt(piece: &Piece<'_>, replacements: &Replacements<'_>) -> Option<String> {
    if piece.is_fixed() {
        return Some(piece.text.to_owned());
    }
    match sample::adaptation(piece.text) {
        Some(sample::REMOVED) => None,
        Some(sentence) => {
            Some(sample::fill(sentence, |original| piece.text.contains(&format!("({original})"))))
        }
        None if rules::is_local_advice(piece.text) => None,
        None => Some(rules::adapt(piece.text, replacements)),
    }
}

fn removal(sentences: &[&str]) -> String {
    let old = sentences.join(" ").replace('"', "'").replace(['[', ']'], "");
    let words: Vec<&str> = old.split_whitespace().collect();
    // Of a long passage, beginning and end.
    let old = match (words.get(..20), words.get(words.len().saturating_sub(20)..)) {
        (Some(start), Some(end)) if old.chars().count() > 300 && words.len() > 40 => {
            format!("{} … {}", start.join(" "), end.join(" "))
        }
        _ => words.join(" "),
    };
    format!("{MARKER} [T1: legal_removal: \"{old}\" → \"\"]")
}

/// Tells whether most of at least three sentences are about German rules.
fn is_wholly_german(pieces: &[Piece<'_>], replacements: &Replacements<'_>) -> bool {
    let about = pieces.iter().filter(|piece| rules::is_about_rules(piece.text, replacements)).count();
    pieces.len() >= 3 && about * 3 >= pieces.len() * 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adapted(translation: &str, more: &str) -> String {
        let text = format!("{more}<translation_to_adapt>\n{translation}\n</translation_to_adapt>");
        let asked = Asked { system: "", text: &text };
        assert!(fits(&asked));
        let answer = write(&asked);
        let inner = answer.strip_prefix("<adaptation>\n").and_then(|it| it.strip_suffix("\n</adaptation>"));
        inner.unwrap().to_owned()
    }

    #[test]
    fn what_is_german_is_replaced_and_tagged() {
        let institutions =
            "<institutions>\nBaFin → SPK (Sermaye Piyasası Kurulu)\nVolksbank → bir banka\n</institutions>\n";
        assert_eq!(
            adapted("Burada BaFin'den ve Volksbank, 50 euro.", institutions),
            "Burada SPK'den [T1: institution_replacement: \"BaFin'den\" → \"SPK'den\"] ve bir banka \
             [T1: institution_replacement: \"Volksbank\" → \"bir banka\"], yaklaşık 58 dolar \
             [T1: currency_conversion: \"50 euro\" → \"yaklaşık 58 dolar\"]."
        );
        let culture = adapted("Akşam Tatort izledim, senin gibi.", "");
        assert!(culture.contains("polisiye dizi [T2: cultural_reference: \"Tatort\""), "{culture}");
        assert!(culture.contains("sizin [T1: tone_adjustment: \"senin\" → \"sizin\"] gibi."), "{culture}");
        assert_eq!(adapted("Her 210.000 blokta bir.", institutions), "Her 210.000 blokta bir.");
    }

    #[test]
    fn advice_on_taxes_becomes_one_marker_per_run() {
        let text = "Bir. Vergi şöyle [a]. Vergi \"böyle\".\n\nVergi üçüncü.\n\nBlok. Ağ.";
        assert_eq!(
            adapted(text, ""),
            "Bir. [kaldırıldı: ülkeye özgü] [T1: legal_removal: \"Vergi şöyle a. Vergi 'böyle'.\" → \"\"]\n\n\
             [kaldırıldı: ülkeye özgü] [T1: legal_removal: \"Vergi üçüncü.\" → \"\"]\n\nBlok. Ağ."
        );
    }

    #[test]
    fn a_reviewers_note_adds_a_change_and_isnt_repeated() {
        let note = "<reviewer_feedback>\nBitte wärmer anreden\n</reviewer_feedback>\n";
        for text in ["Madenci blok bulur. Ağ denetler.", "Vergi beyannamesi gerekir."] {
            let (plain, after) = (adapted(text, ""), adapted(text, note));
            assert!(
                !plain.contains("tone_adjustment") && after.contains("[T1: tone_adjustment: "),
                "{after}"
            );
            assert!(!after.contains("wärmer"));
        }
    }

    #[test]
    fn an_episode_on_german_rules_says_so_first() {
        let text = "BaFin uyardı. Yasa açık. MiCA tüzüğü geldi.";
        assert!(adapted(text, "").starts_with(WHOLLY_GERMAN));
        assert!(!adapted("BaFin uyardı.", "").contains("bu kısım baştan sona"));
    }
}
