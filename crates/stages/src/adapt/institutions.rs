//! Which Turkish or general name stands for a German institution; kept by hand.

use std::sync::LazyLock;

use crate::text::words::{fold, holds_word};

/// A German institution and what a reader in Türkiye is told instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Institution {
    /// Its German name.
    pub(crate) german: &'static str,
    /// Its counterpart, or a general word where there is none.
    pub(crate) turkish: &'static str,
}

const fn pair(german: &'static str, turkish: &'static str) -> Institution {
    Institution { german, turkish }
}

/// The institutions; where nothing in Türkiye does the same work, a general word stands instead.
pub(crate) const INSTITUTIONS: &[Institution] = &[
    pair("BaFin", "SPK (Sermaye Piyasası Kurulu)"),
    pair("Bundesbank", "TCMB (Türkiye Cumhuriyet Merkez Bankası)"),
    pair("Bundesfinanzministerium", "Hazine ve Maliye Bakanlığı"),
    pair("Bundeszentralamt für Steuern", "GİB (Gelir İdaresi Başkanlığı)"),
    pair("Finanzamt", "vergi dairesi"),
    pair("Finanzgericht", "vergi mahkemesi"),
    pair("Bundesfinanzhof", "Danıştay"),
    pair("Bundesverfassungsgericht", "Anayasa Mahkemesi"),
    pair("Bundesgerichtshof", "Yargıtay"),
    pair("Bundestag", "meclis"),
    pair("Bundesregierung", "hükûmet"),
    pair("Sparkasse", "bir banka"),
    pair("Volksbank", "bir banka"),
    pair("Raiffeisenbank", "bir banka"),
    pair("Landesbank", "bir banka"),
    pair("Bausparkasse", "bir konut finansmanı kuruluşu"),
    pair("KfW", "bir kamu kalkınma bankası"),
    pair("Einlagensicherungsfonds", "TMSF (Tasarruf Mevduatı Sigorta Fonu)"),
    pair("Schufa", "Findeks (kredi kayıt bürosu)"),
    pair("Financial Intelligence Unit", "MASAK (Mali Suçları Araştırma Kurulu)"),
    pair("Deutsche Börse", "Borsa İstanbul"),
    pair("Stiftung Warentest", "bağımsız bir tüketici test kuruluşu"),
    pair("Verbraucherzentrale", "bir tüketici derneği"),
    pair("Deutsche Rentenversicherung", "SGK (Sosyal Güvenlik Kurumu)"),
    pair("Krankenkasse", "sağlık sigortası kurumu"),
    pair("Arbeitsagentur", "İŞKUR"),
    pair("Arbeitsamt", "İŞKUR"),
    pair("Statistisches Bundesamt", "TÜİK (Türkiye İstatistik Kurumu)"),
    pair("Bundesdatenschutzbeauftragter", "KVKK (Kişisel Verileri Koruma Kurumu)"),
    pair("Handelsregister", "ticaret sicili"),
    pair("Steuerberater", "mali müşavir"),
];

/// The endings that a name's last word takes in German.
const ENDINGS: &[&str] = &["s", "es", "e", "en", "n", "ern", "er"];

/// Returns the list for the prompt, one line for each: `BaFin → SPK (Sermaye Piyasası Kurulu)`.
pub(crate) fn as_lines() -> String {
    let lines: Vec<_> = INSTITUTIONS.iter().map(|one| format!("{} → {}", one.german, one.turkish)).collect();
    lines.join("\n")
}

/// Returns the German names that occur in a text as whole words, in any case, in the order of the list.
///
/// German endings of the last word are allowed (`Sparkassen`, `des Finanzamts`).
#[cfg(test)]
pub(crate) fn institutions_in(german: &str) -> Vec<&'static str> {
    institutions_in_folded(&fold(german)).collect()
}

/// As [`institutions_in`], for a text that is folded already.
pub(crate) fn institutions_in_folded(folded: &str) -> impl Iterator<Item = &'static str> {
    INSTITUTIONS
        .iter()
        .zip(FORMS.iter())
        .filter(|(_, forms)| forms.iter().any(|form| holds_word(folded, form, ENDINGS)))
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
mod tests {
    use super::*;

    #[test]
    fn names_are_found_with_their_endings_and_in_the_order_of_the_list() {
        let cases: &[(&str, &[&str])] = &[
            ("", &[]),
            ("die Sparkassen und die BAFIN", &["BaFin", "Sparkasse"]),
            ("wegen des Finanzamts, bei Volksbanken", &["Finanzamt", "Volksbank"]),
            ("Die deutsche Rentenversicherung zahlt", &["Deutsche Rentenversicherung"]),
            ("bei der Deutschen Rentenversicherung", &["Deutsche Rentenversicherung"]),
            ("vom Statistischen Bundesamt", &["Statistisches Bundesamt"]),
            ("Die Bausparkasse", &["Bausparkasse"]),
            ("Bundestagswahl, Sparkassenbuch", &[]),
        ];
        for (text, expected) in cases {
            assert_eq!(institutions_in(text), *expected, "{text}");
        }
    }

    #[test]
    fn the_list_has_a_line_for_each_and_names_none_twice() {
        let lines = as_lines();
        assert_eq!(lines.lines().count(), INSTITUTIONS.len());
        assert!(lines.starts_with("BaFin → SPK (Sermaye Piyasası Kurulu)\n"), "{lines}");
        for one in INSTITUTIONS {
            assert_eq!(institutions_in(one.german), [one.german]);
            assert!(!one.turkish.trim().is_empty());
        }
    }
}
