//! Whether chapters say what the script says: all of it, in its order, and nothing else.

use similar::{Algorithm, DiffTag, capture_diff_slices};

use crate::words::{fold, words};

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
pub fn check_faithful(script: &str, narration: &str) -> Result<(), String> {
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

#[cfg(test)]
mod tests;
