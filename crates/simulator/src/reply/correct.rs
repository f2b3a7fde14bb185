//! The answer to a request for a correction: what speech recognition is known to mishear is put right.

use super::{Asked, material};

/// What is heard and what was said; longer ones first where one holds another.
const MISHEARD: &[(&str, &str)] = &[
    // Terms.
    ("Leitning", "Lightning"),
    ("Leid Ning", "Lightning"),
    ("Lightening", "Lightning"),
    ("Halfing", "Halving"),
    ("Sathoshi", "Satoshi"),
    ("Satoschi", "Satoshi"),
    ("Bitkoin", "Bitcoin"),
    ("Bit Coin", "Bitcoin"),
    ("Blockschein", "Blockchain"),
    ("Block Chain", "Blockchain"),
    ("Noud", "Node"),
    ("ein Minor", "ein Miner"),
    ("Proof of Wörk", "Proof of Work"),
    ("Hash Rate", "Hashrate"),
    ("Mem Pool", "Mempool"),
    ("Multi Sick Adresse", "Multisig-Adresse"),
    ("Multi Sick", "Multisig"),
    ("aus den Siet", "aus dem Seed"),
    ("Siet", "Seed"),
    ("Wallit", "Wallet"),
    ("Tap Root", "Taproot"),
    ("keine Bafin", "keine BaFin"),
    ("Bafin", "BaFin"),
    // Compounds, letters, endings.
    ("Software Entwicklerin", "Softwareentwicklerin"),
    ("Volks Hochschule", "Volkshochschule"),
    ("Steuer Erklärung", "Steuererklärung"),
    ("das gehalt", "das Gehalt"),
    ("mit den Café", "mit dem Café"),
    ("jemand anderen", "jemand anderem"),
    ("auf einen gebrauchten", "auf einem gebrauchten"),
    // Commas, das and dass.
    ("Schön das du", "Schön, dass du"),
    ("immer das Bitcoin", "immer, dass Bitcoin"),
    ("weißt du das dein", "weißt du, dass dein"),
    ("Nein das", "Nein, das"),
    ("2028 aber", "2028, aber"),
];

/// What is overlooked at first and found once a reviewer has complained.
const OVERLOOKED: &[(&str, &str)] =
    &[("Verordnung Mika", "Verordnung MiCA"), ("Schluss Wort", "Schlusswort")];

/// Fits requests with a transcript between tags.
pub(super) fn fits(asked: &Asked<'_>) -> bool {
    material::find(asked.text, "transcript").is_some()
}

/// Writes the transcript with what was misheard put right.
pub(super) fn write(asked: &Asked<'_>) -> String {
    let transcript = material::find(asked.text, "transcript").unwrap_or_default();
    let complained = material::some(asked.text, "reviewer_feedback").is_some();
    format!("<corrected_transcript>\n{}\n</corrected_transcript>", mend(transcript, complained))
}

/// Puts right what was misheard; with `thorough` also what is overlooked at first.
pub(super) fn mend(text: &str, thorough: bool) -> String {
    let overlooked = if thorough { OVERLOOKED } else { &[] };
    let replace = |text: String, (heard, said): &(&str, &str)| replace_words(&text, heard, said);
    MISHEARD.iter().chain(overlooked).fold(text.to_owned(), replace)
}

/// Replaces words where they stand as words of their own.
fn replace_words(text: &str, from: &str, to: &str) -> String {
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(from) {
        let inside = before.ends_with(char::is_alphanumeric) || after.starts_with(char::is_alphanumeric);
        replaced.push_str(before);
        replaced.push_str(if inside { from } else { to });
        rest = after;
    }
    replaced.push_str(rest);
    replaced
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_words_are_put_right_and_nothing_else() {
        let heard = "Nein das Halfing, Halfings.\n\n Und Mikado, Verordnung Mika.";
        assert_eq!(mend(heard, false), "Nein, das Halving, Halfings.\n\n Und Mikado, Verordnung Mika.");
        assert_eq!(mend(heard, true), "Nein, das Halving, Halfings.\n\n Und Mikado, Verordnung MiCA.");
        assert_eq!(mend("Alles gut.", true), "Alles gut.");
    }

    #[test]
    fn every_kind_of_error_is_in_the_bundled_transcript() {
        let transcript = include_str!("../../../../data/sample/transcript.de.txt");
        let found = |(heard, _): &&(&str, &str)| transcript.contains(*heard);
        assert!(MISHEARD.iter().filter(found).count() >= 24);
        assert!(OVERLOOKED.iter().all(|pair| found(&pair)));
    }
}
