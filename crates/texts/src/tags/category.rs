//! What a tag is about, where the model left its category out.

use super::REMOVED;
use crate::{
    diffs::{AdaptationCategory, Tier},
    institutions::institutions_in_folded,
    words::{fold, holds_word, words},
};

/// Signs of money.
const CURRENCY_SIGNS: &[char] = &['€', '$', '₺', '£'];

/// Words for money, folded.
const CURRENCY_WORDS: &[&str] =
    &["euro", "eur", "cent", "lira", "tl", "try", "dolar", "dollar", "usd", "kuruş", "avro", "para birimi"];

/// How words for rules begin, folded; Turkish and German both build on a word's beginning.
const REGULATION_STEMS: &[&str] = &[
    "düzenleme",
    "regülasyon",
    "yasal",
    "yasas",
    "yasay",
    "yasan",
    "kanun",
    "mevzuat",
    "yönetmeli",
    "vergi",
    "hukuk",
    "regulierung",
    "gesetz",
    "verordnung",
    "steuer",
    "haltefrist",
];

/// Words for rules that stand as they are.
const REGULATION_WORDS: &[&str] = &["yasa", "mica", "mifid"];

/// The endings that a word for money takes, German and Turkish, folded.
const CURRENCY_ENDINGS: &[&str] =
    &["s", "luk", "lik", "ya", "a", "nin", "in", "dan", "den", "si", "yi", "ye", "yu"];

/// Infers a category from a tag's words; `after_removal` says that a removal marker stands right before it.
pub(super) fn infer(tier: Tier, words: &str, after_removal: bool) -> AdaptationCategory {
    let folded = fold(words);
    if after_removal || folded.contains(REMOVED) {
        AdaptationCategory::LegalRemoval
    } else if institutions_in_folded(&folded).next().is_some() {
        AdaptationCategory::InstitutionReplacement
    } else if words.contains(CURRENCY_SIGNS)
        || CURRENCY_WORDS.iter().any(|word| holds_word(&folded, word, CURRENCY_ENDINGS))
    {
        AdaptationCategory::CurrencyConversion
    } else if holds_rule(&folded) {
        AdaptationCategory::RegulatoryContext
    } else {
        match tier {
            Tier::T1 => AdaptationCategory::Other,
            Tier::T2 => AdaptationCategory::CulturalReference,
        }
    }
}

fn holds_rule(folded: &str) -> bool {
    words(folded).any(|word| {
        REGULATION_WORDS.contains(&word) || REGULATION_STEMS.iter().any(|stem| word.starts_with(stem))
    })
}
