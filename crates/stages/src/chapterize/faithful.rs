//! Whether chapters say what the script says: all of it, in its order, and nothing else.

use similar::{Algorithm, DiffOp, DiffTag, capture_diff_slices};

/// Of a hundred words so many may be missing or foreign: a model now and then writes a word otherwise.
const TOLERATED_PERCENT: usize = 3;
/// So many may be in any case.
const TOLERATED_WORDS: usize = 3;
/// Words that are shown of a passage.
const SHOWN: usize = 12;

/// Compares the words of a script's part with those of its narration, without regard to case and signs.
///
/// Headings of the script may be left out: they become titles.
///
/// # Errors
/// In words for the model and the person: what is left out, or what was added, with the first such passage.
pub(super) fn check_faithful(script: &str, narration: &str) -> Result<(), String> {
    let spoken = script.lines().filter(|line| !line.trim_start().starts_with('#'));
    let (wanted, found) = (spoken.flat_map(words).collect::<Vec<_>>(), words(narration).collect::<Vec<_>>());
    if wanted.is_empty() {
        // All of the part was taken out: what is said instead can't be compared with anything.
        return Ok(());
    }
    let headings: Vec<String> =
        script.lines().filter(|line| line.trim_start().starts_with('#')).flat_map(words).collect();
    let changes = capture_diff_slices(Algorithm::Myers, &wanted, &found);
    let missing = Side::of(&changes, &wanted, DiffOp::old_range, |_| true);
    let foreign = Side::of(&changes, &found, DiffOp::new_range, |word| !headings.contains(word));
    let tolerated = TOLERATED_WORDS.max(wanted.len() * TOLERATED_PERCENT / 100);
    if missing.count > tolerated {
        return Err(format!(
            "$.chapters: the narrations leave out {} of the script's {} words, first of all \"{}\"; together they must be the whole script, sentence by sentence",
            missing.count,
            wanted.len(),
            missing.first
        ));
    }
    if foreign.count > tolerated {
        return Err(format!(
            "$.chapters: the narrations hold {} words that the script doesn't have, first of all \"{}\"; nothing may be added to the script",
            foreign.count, foreign.first
        ));
    }
    Ok(())
}

/// What one of the two texts has and the other hasn't.
struct Side {
    count: usize,
    /// The beginning of the longest such passage.
    first: String,
}

impl Side {
    fn of(
        changes: &[DiffOp],
        words: &[String],
        range: impl Fn(&DiffOp) -> std::ops::Range<usize>,
        counts: impl Fn(&String) -> bool,
    ) -> Self {
        let passages: Vec<&[String]> = changes
            .iter()
            .filter(|change| change.tag() != DiffTag::Equal)
            .filter_map(|change| words.get(range(change)))
            .collect();
        let count = passages.iter().flat_map(|passage| passage.iter()).filter(|word| counts(word)).count();
        let longest = passages.iter().max_by_key(|passage| passage.len());
        let first = longest.map(|passage| passage.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(" "));
        Self { count, first: first.unwrap_or_default() }
    }
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|one: char| !one.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentences(numbers: std::ops::Range<usize>) -> String {
        numbers.map(|n| format!("Cümle {n}: blok zinciri {n} kez doğrulanır. ")).collect::<Vec<_>>().concat()
    }

    #[test]
    fn the_same_words_are_faithful_whatever_surrounds_them() {
        let script = sentences(0..40);
        for narration in [
            script.clone(),
            script.replace(". ", ".\n\n"),
            script.replacen("doğrulanır", "onaylanır", 4),
            script.replace(':', " —"),
        ] {
            assert_eq!(check_faithful(&script, &narration), Ok(()));
        }
        assert_eq!(check_faithful("# Giriş bölümü\nMerhaba.", "Merhaba."), Ok(()), "a heading may go");
        assert_eq!(check_faithful("# Giriş bölümü\nMerhaba.", "Giriş bölümü. Merhaba."), Ok(()), "or stay");
        assert_eq!(check_faithful("# Vergi\n", "Bu kısımda anlatılacak bir şey kalmadı."), Ok(()));
        assert_eq!(check_faithful("Kısa bir metin.", "Kısa metin."), Ok(()));
    }

    #[test]
    fn what_is_left_out_added_or_moved_is_told() {
        let script = sentences(0..40);
        let cases = [
            (sentences(0..30), "leave out 70 of the script's 280 words, first of all \"cümle 30"),
            (sentences(10..40), "leave out"),
            ("Hemen alın.".to_owned(), "leave out"),
            (
                format!("{script} Fiyat yakında iki katına çıkacak, bu yüzden hemen alın, beklemeyin."),
                "doesn't have",
            ),
            (sentences(20..40) + &sentences(0..20), "leave out"),
        ];
        for (narration, told) in cases {
            let problem = check_faithful(&script, &narration).unwrap_err();
            assert!(problem.contains(told), "{problem}");
        }
        let short = check_faithful("Bitcoin nedir, nasıl çalışır?", "Hemen alın!").unwrap_err();
        assert!(short.contains("bitcoin nedir nasıl çalışır"), "{short}");
    }
}
