//! Whether chapters say what the script says: all of it, in its order, and nothing else.

use similar::{Algorithm, DiffTag, capture_diff_slices};

use crate::text::words::fold;

/// Of a hundred words so many may be missing or foreign: a model now and then writes a word otherwise.
const TOLERATED_PERCENT: usize = 3;
/// In a short text up to so many may be, a tenth of it at most.
const TOLERATED_WORDS: usize = 3;
/// More words than this in a row are no slip.
const LONGEST_SLIP: usize = 4;
/// Words that are shown of a passage.
const SHOWN: usize = 12;
/// A line with more words is no heading.
const HEADING_WORDS: usize = 15;

/// Compares the words of a script's part with those of its narration, without regard to case and signs.
///
/// Headings of the script may be left out: they become titles.
///
/// # Errors
/// In words for the model and the person: what is left out, or what was added, with the first such passage.
pub(super) fn check_faithful(script: &str, narration: &str) -> Result<(), String> {
    let (headings, spoken): (Vec<&str>, Vec<&str>) = script.lines().partition(|line| is_heading(line));
    let wanted: Vec<&str> = spoken.into_iter().flat_map(words).collect();
    let found: Vec<&str> = words(narration).collect();
    let folded = |words: &[&str]| words.iter().map(|word| fold(word)).collect::<Vec<_>>();
    let changes = capture_diff_slices(Algorithm::Myers, &folded(&wanted), &folded(&found));
    let changed = || changes.iter().filter(|change| change.tag() != DiffTag::Equal);
    let missing: Vec<&[&str]> = changed().filter_map(|change| wanted.get(change.old_range())).collect();
    let few = wanted.len().div_ceil(10).min(TOLERATED_WORDS);
    let tolerated = few.max(wanted.len() * TOLERATED_PERCENT / 100);
    if let Some((count, passage)) = too_much(&missing, tolerated) {
        return Err(format!(
            "$.chapters: the narrations leave out {count} of the script's {} words, such as \"{passage}\"; together they must be the whole script, sentence by sentence",
            wanted.len(),
        ));
    }
    let mut excused: Vec<String> = headings.into_iter().flat_map(words).map(fold).collect();
    let mut is_foreign = |word: &&str| match excused.iter().position(|heading| *heading == fold(word)) {
        Some(at) => {
            excused.swap_remove(at);
            false
        }
        None => true,
    };
    let added = changed().filter_map(|change| found.get(change.new_range()));
    let foreign: Vec<Vec<&str>> =
        added.map(|passage| passage.iter().copied().filter(|word| is_foreign(word)).collect()).collect();
    if let Some((count, passage)) = too_much(&foreign, tolerated) {
        return Err(format!(
            "$.chapters: the narrations hold {count} words that the script doesn't have, such as \"{passage}\"; nothing may be added to the script"
        ));
    }
    Ok(())
}

/// Returns how many words differ and the beginning of the longest passage, where that is no slip any more.
fn too_much<'a>(passages: &[impl AsRef<[&'a str]>], tolerated: usize) -> Option<(usize, String)> {
    let count = passages.iter().map(|passage| passage.as_ref().len()).sum();
    let longest = passages.iter().map(AsRef::as_ref).rev().max_by_key(|passage| passage.len())?;
    let shown = longest.iter().take(SHOWN).copied().collect::<Vec<_>>().join(" ");
    (count > tolerated || longest.len() > LONGEST_SLIP).then_some((count, shown))
}

/// Markdown's headings: up to six number signs and a blank.
fn is_heading(line: &str) -> bool {
    let title = line.trim_start().trim_start_matches('#');
    let signs = line.trim_start().len() - title.len();
    (1..=6).contains(&signs) && title.starts_with(' ') && words(title).count() <= HEADING_WORDS
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|one: char| !one.is_alphanumeric()).filter(|word| !word.is_empty())
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
        assert_eq!(check_faithful("IŞIK İKİ kez yandı.", "Işık iki kez yandı."), Ok(()));
        assert_eq!(check_faithful("Kısa bir metin.", "Kısa metin."), Ok(()));
    }

    #[test]
    fn what_is_left_out_added_or_moved_is_told() {
        let script = sentences(0..40);
        let cases = [
            (sentences(0..30), "leave out 70 of the script's 280 words, such as \"Cümle 30"),
            (
                script.replacen("blok zinciri 7 kez doğrulanır.", "hemen alın, fiyat iki katına çıkacak.", 1),
                "such as",
            ),
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
        for paragraph in
            ["#Bitcoin herkes için açık bir ağdır ve öyle kalır.", "#1 kural hiç değişmedi, değişmeyecek."]
        {
            let left_out = format!("{script}\n{paragraph}");
            assert!(check_faithful(&left_out, &script).is_err(), "{paragraph} is no heading");
        }
        assert!(check_faithful("# Vergi\n", "Bu kısımda anlatılacak bir şey kalmadı.").is_err());
        let short = check_faithful("Bitcoin nedir, nasıl çalışır?", "Hemen alın!").unwrap_err();
        assert!(short.contains("Bitcoin nedir nasıl çalışır"), "{short}");
    }
}
