//! A Turkish sentence for a German one that nobody translated: it keeps what can be told apart
//! (terms, names, figures, links, code) and is about as long.

use super::super::{capitalized, pick};

/// German beginnings of words, and what is written for them; `{…|…}` as in the sample.
const TERMS: &[(&str, &str)] = &[
    ("halving", "{yarılanma|Halving}"),
    ("hardware-wallet", "{donanım cüzdanı|Hardware-Wallet}"),
    ("wallet", "{cüzdan|Wallet}"),
    ("seed", "{kurtarma kelimeleri|Seed}"),
    ("blockchain", "{blok zinciri|Blockchain}"),
    ("mempool", "{bekleme havuzu|Mempool}"),
    ("hashrate", "{hash gücü|Hashrate}"),
    ("multisig", "{çoklu imza|Multisig}"),
    ("miner", "{madenci|Miner}"),
    ("mining", "{madencilik|Mining}"),
    ("node", "{düğüm|Node}"),
    ("lightning", "Lightning"),
    ("bitcoin", "Bitcoin"),
    ("satoshi", "satoshi"),
    ("taproot", "Taproot"),
    ("haltefrist", "{elde tutma süresi|Haltefrist}"),
    ("steuer", "vergi"),
    ("gesetz", "yasa"),
    ("verordnung", "tüzük"),
    ("schlüssel", "anahtar"),
    ("transaktion", "işlem"),
    ("gebühr", "işlem ücreti"),
    ("block", "blok"),
];

/// Single words that stay as they are: institutions and references that the next step adapts.
const KEPT: &[&str] = &[
    "BaFin",
    "Bundesbank",
    "Sparkasse",
    "Volksbank",
    "Finanzamt",
    "Schufa",
    "Bundestag",
    "Tatort",
    "Bausparvertrag",
    "Stammtisch",
    "Autobahn",
    "MiCA",
];

/// Capitalized words that are no part of a name.
const NO_NAMES: &[&str] = &[
    "Der", "Die", "Das", "Den", "Dem", "Ein", "Eine", "Und", "Aber", "Wenn", "Wir", "Ich", "Es", "Er", "Sie",
    "Im", "In", "Am", "Auf", "Bei", "Mit", "Für", "Wer", "Was", "Wie", "Mein", "Unser", "Diese", "Alle",
    "Euro", "Prozent",
];

const OPENINGS: [&str; 4] = [
    "Burada sözü edilenler:",
    "Bu noktada öne çıkanlar:",
    "Konuşulan konu özetle şu:",
    "Akılda kalması gereken:",
];

const CLAUSES: [&str; 10] = [
    "konuşmacı bunu sakin bir dille anlatıyor",
    "dinleyen de adım adım izleyebiliyor",
    "örnek günlük hayattan seçilmiş",
    "ayrıntılar birazdan daha açık olacak",
    "konu böylece biraz daha netleşiyor",
    "acele etmeye hiç gerek yok",
    "her adımın kendi gerekçesi var",
    "bunu akılda tutmak işe yarıyor",
    "soru da cevabı da ortada duruyor",
    "düşünce buradan sonrakine bağlanıyor",
];

/// Writes the sentence.
pub(super) fn write(german: &str) -> String {
    let (label, sentence) = split_label(german);
    let items = items(sentence);
    let is_question = sentence.trim_end().ends_with('?');
    let wanted = sentence.chars().count() * 17 / 20;
    let mut turkish = if items.is_empty() && wanted < 24 {
        let short: &[&str] = if is_question {
            &["Öyle mi", "Nasıl yani", "Gerçekten mi"]
        } else {
            &["Evet, öyle", "Devam edelim", "Güzel bir nokta"]
        };
        pick(short, sentence, 1).to_owned()
    } else if items.is_empty() {
        capitalized(pick(&CLAUSES, sentence, 1))
    } else {
        format!("{} {}", pick(&OPENINGS, sentence, 1), joined(&items))
    };
    let first = CLAUSES.iter().position(|clause| *clause == pick(&CLAUSES, sentence, 1)).unwrap_or_default();
    for clause in CLAUSES.iter().cycle().skip(first + 1) {
        if turkish.chars().count() + clause.chars().count() / 2 >= wanted {
            break;
        }
        turkish = format!("{turkish}, {clause}");
    }
    let end = if is_question { '?' } else { '.' };
    format!("{label}{turkish}{end}")
}

/// Splits off what stands before the sentence proper: a speaker's name, or the mark of a heading or list.
fn split_label(text: &str) -> (&str, &str) {
    let mark = text.find(|c: char| !matches!(c, '#' | '-' | '*' | '>' | ' ')).unwrap_or_default();
    let (mark_only, rest) = text.split_at_checked(mark).unwrap_or(("", text));
    if !mark_only.trim().is_empty() {
        return (mark_only, rest);
    }
    let Some((name, _)) = text.split_once(": ") else { return ("", text) };
    let is_name = name.split(' ').count() <= 2
        && name
            .split(' ')
            .all(|word| word.starts_with(char::is_uppercase) && word.chars().all(char::is_alphabetic));
    if is_name { text.split_at_checked(name.len() + 2).unwrap_or(("", text)) } else { ("", text) }
}

/// Finds what is kept, in order, each once.
fn items(sentence: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut keep = |item: String| {
        if !found.contains(&item) {
            found.push(item);
        }
    };
    // Inside backticks is code, between two of them.
    for (index, part) in sentence.split('`').enumerate() {
        if index % 2 == 1 && !part.is_empty() {
            keep(format!("`{part}`"));
            continue;
        }
        let words: Vec<&str> = part.split_whitespace().collect();
        let mut at = 0;
        while let Some(word) = words.get(at) {
            let next = words.get(at + 1).copied().unwrap_or_default();
            let (item, taken) = item(word, next);
            if let Some(item) = item {
                keep(item);
            }
            at += taken;
        }
    }
    found
}

/// What is kept of a word and the one after it, and how many of them that are.
fn item(word: &str, next: &str) -> (Option<String>, usize) {
    if ["http://", "https://", "www."].iter().any(|start| word.starts_with(start)) {
        return (Some(word.trim_end_matches([',', '.', ')', '?', '!']).to_owned()), 1);
    }
    let (bare, bare_next) = (trimmed(word), trimmed(next));
    if bare.starts_with(char::is_numeric) {
        return match bare_next {
            "Euro" | "€" => (Some(format!("{bare} euro")), 2),
            "Prozent" | "%" => (Some(format!("yüzde {bare}")), 2),
            _ => (Some(bare.to_owned()), 1),
        };
    }
    if let Some(kept) = KEPT.iter().find(|kept| bare.starts_with(*kept)) {
        return (Some((*kept).to_owned()), 1);
    }
    let lower = bare.to_lowercase();
    if let Some((_, turkish)) = TERMS.iter().find(|(german, _)| lower.starts_with(german)) {
        return (Some((*turkish).to_owned()), 1);
    }
    let ends_here = !word.ends_with(char::is_alphabetic);
    if is_name(bare) && is_name(bare_next) && !ends_here {
        return (Some(format!("{bare} {bare_next}")), 2);
    }
    let is_written_specially = bare.chars().skip(1).any(char::is_uppercase);
    (is_written_specially.then(|| bare.to_owned()), 1)
}

fn is_name(word: &str) -> bool {
    let lower = word.to_lowercase();
    word.starts_with(char::is_uppercase)
        && word.chars().count() > 1
        && word.chars().all(|c| c.is_alphabetic() || c == '-')
        && !NO_NAMES.contains(&word)
        && !TERMS.iter().any(|(german, _)| lower.starts_with(german))
}

fn trimmed(word: &str) -> &str {
    word.trim_matches(|c: char| !c.is_alphanumeric() && c != '€' && c != '%')
}

fn joined(items: &[String]) -> String {
    match items.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} ve {last}", others.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_names_figures_links_code_and_terms() {
        let german = "Miriam Keller zahlt bei der Sparkasse 50 Euro für eine Wallet, siehe https://a.example/x, und tippt `ls -l`.";
        let turkish = write(german);
        for kept in
            ["Miriam Keller", "Sparkasse", "50 euro", "{cüzdan|Wallet}", "https://a.example/x", "`ls -l`"]
        {
            assert!(turkish.contains(kept), "{kept}: {turkish}");
        }
        assert_eq!(turkish, write(german));
        assert!(!turkish.contains("zahlt") && turkish.ends_with('.'), "{turkish}");
    }

    #[test]
    fn is_about_as_long_as_the_german_and_asks_where_it_asks() {
        let german = "Man muss sich einfach einmal die Zeit nehmen und in aller Ruhe darüber nachdenken, was das heißt, \
                      und erst danach darf man sich eine Meinung bilden, so lange das auch dauern mag?";
        let turkish = write(german);
        let (length, wanted) = (turkish.chars().count(), german.chars().count());
        assert!(length * 10 > wanted * 6 && length * 10 < wanted * 12, "{length} for {wanted}");
        assert!(turkish.ends_with('?'));
        assert!(write("Ja.").chars().count() < 20);
    }

    #[test]
    fn a_speaker_and_the_mark_of_a_list_stay_in_front() {
        assert!(write("Jonas Brandt: Guten Tag zusammen.").starts_with("Jonas Brandt: "));
        assert!(write("## Der Anfang").starts_with("## "));
        assert!(!write("Letzte Frage war: was nun?").starts_with("Letzte"));
    }
}
