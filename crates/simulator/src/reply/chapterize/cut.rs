//! Where chapters end: of all ways to cut, the one whose chapters are nearest to the best length.

use super::super::prose::{self, count_words};

/// Words of a chapter: fewest, best, most.
const FEWEST: usize = 60;
const BEST: usize = 95;
const MOST: usize = 150;

/// Longest stretch that is not cut; sentences are rarely longer.
const LONGEST: usize = 30;

/// A stretch that stays in one chapter.
struct Stretch<'a> {
    text: &'a str,
    words: usize,
    /// What it costs to end a chapter after it.
    cost: usize,
}

/// Cuts a text into chapters' narrations.
///
/// Every one has 60 to 150 words where the whole text has as many.
pub(super) fn into_chapters(text: &str) -> Vec<String> {
    let stretches = stretches(text);
    // The cheapest way to cut the first n stretches, and where its last chapter begins.
    let mut cheapest: Vec<(usize, usize)> = vec![(0, 0)];
    for end in 1..=stretches.len() {
        let mut best = (usize::MAX, 0);
        let mut words = 0;
        for begin in (0..end).rev() {
            words += stretches.get(begin).map_or(0, |stretch| stretch.words);
            if words > MOST && begin + 1 < end {
                break;
            }
            let before = cheapest.get(begin).map_or(0, |way| way.0);
            let after = stretches.get(end - 1).map_or(0, |stretch| stretch.cost);
            let last = if end == stretches.len() { 0 } else { after };
            let cost = before.saturating_add(price(words)).saturating_add(last);
            if cost < best.0 {
                best = (cost, begin);
            }
        }
        cheapest.push(best);
    }

    let mut chapters = Vec::new();
    let mut end = stretches.len();
    while end > 0 {
        let begin = cheapest.get(end).map_or(0, |way| way.1);
        let texts = stretches.get(begin..end).unwrap_or_default().iter().map(|stretch| stretch.text);
        chapters.push(texts.collect::<Vec<_>>().join(" "));
        end = begin;
    }
    chapters.reverse();
    chapters
}

fn price(words: usize) -> usize {
    let outside = if (FEWEST..=MOST).contains(&words) { 0 } else { 1_000_000 };
    outside + words.abs_diff(BEST).pow(2)
}

fn stretches(text: &str) -> Vec<Stretch<'_>> {
    let mut found = Vec::new();
    for piece in prose::pieces(text) {
        let mut rest = piece.text;
        while count_words(rest) > LONGEST {
            let (part, after) = rest.split_at(clause_end(rest));
            found.push(Stretch { text: part.trim(), words: count_words(part), cost: 20_000 });
            rest = after.trim_start();
        }
        let cost = if piece.ends_paragraph() { 0 } else { 500 };
        found.push(Stretch { text: rest, words: count_words(rest), cost });
    }
    found
}

/// Returns where a part of at most [`LONGEST`] words ends: at a comma in its second half, else anywhere.
fn clause_end(sentence: &str) -> usize {
    let mut words = 0;
    let (mut comma, mut any) = (None, sentence.len());
    let mut previous = ' ';
    for (at, c) in sentence.char_indices() {
        if c.is_whitespace() && !previous.is_whitespace() {
            words += 1;
            any = at;
            if previous == ',' && words > LONGEST / 2 {
                comma = Some(at);
            }
            if words == LONGEST {
                break;
            }
        }
        previous = c;
    }
    comma.unwrap_or(any)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_short_text_is_one_chapter_and_none_is_none() {
        assert_eq!(into_chapters("Tek bir cümle."), ["Tek bir cümle."]);
        assert_eq!(into_chapters(" "), Vec::<String>::new());
    }

    #[test]
    fn one_endless_sentence_is_cut_as_well() {
        let chapters = into_chapters(&"kelime ".repeat(1000));
        assert!(chapters.iter().all(|chapter| (FEWEST..=MOST).contains(&count_words(chapter))));
    }

    proptest! {
        #[test]
        fn chapters_hold_all_words_in_order_and_have_the_right_length(
            sentences in proptest::collection::vec((1_usize..45, any::<bool>()), 1..60),
        ) {
            let mut text = String::new();
            for (index, (words, paragraph)) in sentences.iter().enumerate() {
                text.extend(["W", &index.to_string()]);
                text.push_str(&" w,".repeat(words - 1));
                text.push_str(if *paragraph { ".\n\n" } else { ". " });
            }
            let chapters = into_chapters(&text);
            let joined = chapters.join(" ");
            prop_assert!(joined.split_whitespace().eq(text.split_whitespace()));
            if count_words(&text) >= FEWEST {
                for chapter in &chapters {
                    prop_assert!((FEWEST..=MOST).contains(&count_words(chapter)), "{}", count_words(chapter));
                }
            }
        }
    }
}
