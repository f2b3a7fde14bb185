//! Rules for sentences that nobody adapted by hand.

/// A replacement of words: what stood there, what comes, and the tag's beginning.
struct Replacement<'a> {
    from: Vec<&'a str>,
    to: &'a str,
    tag: &'static str,
}

/// What is replaced word by word.
pub(super) struct Replacements<'a>(Vec<Replacement<'a>>);

const INSTITUTION: &str = "T1: institution_replacement";

/// Used where the request has no list.
const INSTITUTIONS: &[(&str, &str)] = &[
    ("BaFin", "SPK"),
    ("Bundesbank", "merkez bankası"),
    ("Sparkasse", "bir banka"),
    ("Volksbank", "bir banka"),
    ("Finanzamt", "vergi dairesi"),
    ("Schufa", "kredi kayıt bürosu"),
    ("Bundestag", "Almanya meclisi"),
];

const REFERENCES: &[(&str, &str)] = &[
    ("Tatort", "polisiye dizi"),
    ("Bausparvertrag", "konut birikim hesabı"),
    ("Stammtisch", "kahve sohbeti"),
    ("Autobahn", "otoyol"),
    ("Volkshochschule", "halk eğitim merkezi"),
];

const TONE: &[(&str, &str)] = &[
    ("sen", "siz"),
    ("seni", "sizi"),
    ("sana", "size"),
    ("senin", "sizin"),
    ("Sen", "Siz"),
    ("Seni", "Sizi"),
    ("Sana", "Size"),
    ("Senin", "Sizin"),
];

const NOTE: &str = "(Not: Bu konu Türkiye'de farklı düzenlenmiştir.) \
                    [T2: regulatory_context: Almanya ve Avrupa düzenlemesi için tarafsız not eklendi]";

impl<'a> Replacements<'a> {
    /// Makes them from the request's list of institutions, one `German → Turkish (explained)` a line.
    pub(super) fn new(institutions: &'a str) -> Self {
        let listed: Vec<(&str, &str)> = institutions
            .lines()
            .filter_map(|line| line.trim_start_matches(['-', '*', ' ']).split_once('→'))
            .map(|(from, to)| (from.trim(), to.split(" (").next().unwrap_or(to).trim()))
            .filter(|(from, to)| !from.is_empty() && !to.is_empty())
            .collect();
        let institutions = if listed.is_empty() { INSTITUTIONS.to_vec() } else { listed };
        let tagged = |pairs: Vec<(&'a str, &'a str)>, tag| {
            pairs.into_iter().map(move |(from, to)| Replacement { from: from.split(' ').collect(), to, tag })
        };
        let all = tagged(institutions, INSTITUTION)
            .chain(tagged(REFERENCES.to_vec(), "T2: cultural_reference"))
            .chain(tagged(TONE.to_vec(), "T1: tone_adjustment"));
        Self(all.collect())
    }

    fn names_an_institution(&self, text: &str) -> bool {
        self.0.iter().any(|it| it.tag == INSTITUTION && text.contains(&it.from.join(" ")))
    }
}

/// Tells whether a sentence is advice that only holds in one country.
pub(super) fn is_local_advice(text: &str) -> bool {
    let lower = text.to_lowercase();
    let words = ["vergi", "elde tutma süresi", "haltefrist", "beyanname", "muafiyet sınırı"];
    words.iter().any(|word| lower.contains(word))
}

/// Tells whether a sentence is about authorities, laws or taxes.
pub(super) fn is_about_rules(text: &str, replacements: &Replacements<'_>) -> bool {
    is_local_advice(text) || cites_a_law(text) || replacements.names_an_institution(text)
}

fn cites_a_law(text: &str) -> bool {
    let lower = text.to_lowercase();
    let starts = ["yasa", "kanun", "tüzü", "tüzük", "lisans", "yönetmelik", "mica"];
    let mut words = lower.split(|c: char| !c.is_alphanumeric());
    words.any(|word| starts.iter().any(|start| word.starts_with(start)) && !word.starts_with("yasak"))
}

/// Adapts a sentence and tags what was changed.
pub(super) fn adapt(sentence: &str, replacements: &Replacements<'_>) -> String {
    let words: Vec<&str> = sentence.split_whitespace().collect();
    let mut written: Vec<String> = Vec::with_capacity(words.len());
    let mut changed = false;
    let mut at = 0;
    while let Some(rest) = words.get(at..).filter(|rest| !rest.is_empty()) {
        let replaced = amount(rest).or_else(|| replacements.0.iter().find_map(|it| it.apply(rest)));
        let (text, taken) = match replaced {
            Some((text, taken)) => {
                changed = true;
                (text, taken)
            }
            None => (rest.iter().take(1).copied().collect(), 1),
        };
        written.push(text);
        at += taken;
    }
    // White space inside a sentence only changes where words do.
    let mut adapted = if changed { written.join(" ") } else { sentence.to_owned() };
    if cites_a_law(sentence) {
        adapted = format!("{adapted} {NOTE}");
    }
    adapted
}

impl Replacement<'_> {
    /// Replaces the first words, with the ending after an apostrophe kept; the tag comes after them.
    fn apply(&self, words: &[&str]) -> Option<(String, usize)> {
        let count = self.from.len();
        let (last, others) = words.get(..count)?.split_last()?;
        let (last_from, others_from) = self.from.split_last()?;
        let (word, after) = split_punctuation(last);
        let (stem, ending) = word.find(['\'', '’']).map_or((word, ""), |at| word.split_at(at));
        if others != others_from || stem != *last_from {
            return None;
        }
        let (old, new) = (format!("{}{ending}", self.from.join(" ")), format!("{}{ending}", self.to));
        Some((format!("{new} [{}: \"{old}\" → \"{new}\"]{after}", self.tag), count))
    }
}

/// Converts an amount in euros that the words begin with.
fn amount(words: &[&str]) -> Option<(String, usize)> {
    let (figure, unit) = (words.first()?, words.get(1).copied().unwrap_or_default());
    let (figure, after, taken) = match figure.strip_suffix('€').or_else(|| figure.strip_prefix('€')) {
        Some(figure) if !figure.is_empty() => (figure, "", 1),
        _ => {
            let (unit, after) = split_punctuation(unit);
            let is_euro = unit == "€" || unit.to_lowercase().starts_with("euro");
            is_euro.then_some((*figure, after, 2))?
        }
    };
    let euros: f64 =
        figure.replace('.', "").replace(',', ".").parse().ok().filter(|it: &f64| it.is_finite())?;
    let old = words.get(..taken)?.join(" ");
    let old = old.strip_suffix(after).unwrap_or(&old);
    let of = if old.ends_with("luk") { "lık" } else { "" };
    let new = format!("yaklaşık {} dolar{of}", with_points(two_digits(euros * 23.0 / 20.0)));
    Some((format!("{new} [T1: currency_conversion: \"{old}\" → \"{new}\"]{after}"), taken))
}

fn split_punctuation(word: &str) -> (&str, &str) {
    let bare = word.trim_end_matches(['.', ',', '!', '?', ';', ':', ')', '…']);
    word.split_at(bare.len())
}

/// Rounds to two digits that count.
fn two_digits(amount: f64) -> f64 {
    let step = 10_f64.powf((amount.abs().max(10.0).log10().floor() - 1.0).max(0.0));
    (amount / step).round() * step
}

/// Writes a whole number with a point at the thousands.
fn with_points(amount: f64) -> String {
    let digits = format!("{amount:.0}");
    let mut written = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            written.push('.');
        }
        written.push(digit);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_rounded_and_keep_their_ending() {
        let adapted = |text: &str| adapt(text, &Replacements::new(""));
        for (text, new) in [
            ("50 euro.", "yaklaşık 58 dolar ["),
            ("1.200 Euro", "yaklaşık 1.400 dolar"),
            ("4 euroluk kahve", "yaklaşık 5 dolarlık"),
            ("€80", "yaklaşık 92 dolar"),
        ] {
            let found = adapted(text);
            assert!(found.starts_with(new) && found.contains("[T1: currency_conversion: \""), "{found}");
        }
        assert_eq!(adapted("Avrupa euro kullanıyor, 3 blok."), "Avrupa euro kullanıyor, 3 blok.");
    }

    #[test]
    fn a_law_gets_a_note_and_a_prohibition_none() {
        let adapted = |text: &str| adapt(text, &Replacements::new(""));
        assert!(adapted("MiCA bunu düzenler.").ends_with("not eklendi]"));
        assert_eq!(adapted("Bu yasak  değil."), "Bu yasak  değil.");
    }

    #[test]
    fn names_of_several_words_are_found() {
        let list = Replacements::new("Deutsche Rentenversicherung → SGK (Sosyal Güvenlik Kurumu)");
        let adapted = adapt("Deutsche Rentenversicherung'a sordum.", &list);
        assert!(adapted.starts_with("SGK'a [T1: institution_replacement: "), "{adapted}");
    }
}
