//! Which Turkish or general name stands for an institution of the German-speaking countries; kept by hand.

use std::sync::LazyLock;

use crate::words::{NOUN_ENDINGS, fold, holds_word};

/// An institution and what a reader in Türkiye is told instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Institution {
    /// Its German name.
    pub(crate) german: &'static str,
    /// Its counterpart, or a general word.
    pub(crate) turkish: &'static str,
}

const fn pair(german: &'static str, turkish: &'static str) -> Institution {
    Institution { german, turkish }
}

/// The institutions; where nothing in Türkiye does the same work, a general word stands instead.
///
/// What is named for what it decides or publishes keeps its country: no Turkish organ has done that.
pub(crate) const INSTITUTIONS: &[Institution] = &[
    pair("BaFin", "SPK (Sermaye Piyasası Kurulu)"),
    pair("FMA", "Avusturya finans piyasası denetim kurumu"),
    pair("Finanzmarktaufsicht", "finans piyasası denetim kurumu"),
    pair("FINMA", "İsviçre finans piyasası denetim kurumu"),
    pair("Bundesbank", "merkez bankası"),
    pair("Bundesfinanzministerium", "Almanya maliye bakanlığı"),
    pair("Bundeszentralamt für Steuern", "gelir idaresi"),
    pair("Finanzamt", "vergi dairesi"),
    pair("Finanzgericht", "vergi mahkemesi"),
    pair("Bundesfinanzhof", "Almanya'nın en yüksek vergi mahkemesi"),
    pair("Bundesverfassungsgericht", "Almanya Anayasa Mahkemesi"),
    pair("Bundesgerichtshof", "Almanya Federal Mahkemesi"),
    pair("Bundestag", "Almanya meclisi"),
    pair("Bundesregierung", "Almanya hükûmeti"),
    pair("BSI", "Almanya siber güvenlik kurumu"),
    pair("Sparkasse", "bir banka"),
    pair("Volksbank", "bir banka"),
    pair("Raiffeisenbank", "bir banka"),
    pair("Landesbank", "bir banka"),
    pair("Bausparkasse", "bir tasarruf finansman şirketi"),
    pair("KfW", "bir kamu kalkınma bankası"),
    pair("Einlagensicherungsfonds", "TMSF (Tasarruf Mevduatı Sigorta Fonu)"),
    pair("Schufa", "Kredi Kayıt Bürosu (KKB)"),
    pair("Financial Intelligence Unit", "MASAK (Mali Suçları Araştırma Kurulu)"),
    pair("FIU", "MASAK (Mali Suçları Araştırma Kurulu)"),
    pair("Deutsche Börse", "bir borsa"),
    pair("Stiftung Warentest", "bağımsız bir ürün test kuruluşu"),
    pair("Verbraucherzentrale", "bir tüketici derneği"),
    pair("Deutsche Rentenversicherung", "SGK (Sosyal Güvenlik Kurumu)"),
    pair("Krankenkasse", "sağlık sigortası kurumu"),
    pair("Agentur für Arbeit", "İŞKUR"),
    pair("Bundesagentur für Arbeit", "İŞKUR"),
    pair("Arbeitsagentur", "İŞKUR"),
    pair("Arbeitsamt", "İŞKUR"),
    pair("Statistisches Bundesamt", "Almanya istatistik kurumu"),
    pair("Bundesdatenschutzbeauftragter", "Kişisel Verileri Koruma Kurumu (KVKK)"),
    pair("Handelsregister", "ticaret sicili"),
    pair("Steuerberater", "mali müşavir"),
];

/// Returns the list for the prompt, one line for each: `BaFin → SPK (Sermaye Piyasası Kurulu)`.
///
/// The same for every segment, since it stands in the template's part that is cached.
pub fn institution_lines() -> String {
    let lines: Vec<_> = INSTITUTIONS.iter().map(|one| format!("{} → {}", one.german, one.turkish)).collect();
    lines.join("\n")
}

/// Returns the German names that occur in a folded text as whole words, in the order of the list.
///
/// German endings of the last word are allowed (`Sparkassen`, `des Finanzamts`).
pub(crate) fn institutions_in_folded(folded: &str) -> impl Iterator<Item = &'static str> {
    INSTITUTIONS
        .iter()
        .zip(FORMS.iter())
        .filter(|(_, forms)| forms.iter().any(|form| holds_word(folded, form, NOUN_ENDINGS)))
        .map(|(one, _)| one.german)
}

/// Each institution's name, folded, with all endings of its adjective.
static FORMS: LazyLock<Vec<Vec<String>>> = LazyLock::new(|| {
    let forms = |one: &Institution| {
        let name = fold(one.german);
        match name.split_once(' ') {
            Some((adjective @ ("deutsche" | "statistisches"), noun)) => {
                let stem = adjective.trim_end_matches(['e', 's']);
                ["e", "en", "er", "em", "es"].iter().map(|ending| format!("{stem}{ending} {noun}")).collect()
            }
            _ => vec![name],
        }
    };
    INSTITUTIONS.iter().map(forms).collect()
});

#[cfg(test)]
mod tests;
