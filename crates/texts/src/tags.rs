//! The tags that mark each adaptation in the script: read for the reviewer, taken out for the narration.

mod category;
mod strip;

use std::ops::Range;

pub use self::strip::strip_tags;
use crate::{
    diffs::{Adaptation, AdaptationCategory, Span, Tier},
    positions::Positions,
    words::{around, fold},
};

/// Characters of the script on each side of a tag that are shown with it.
const CONTEXT: usize = 40;

/// The word that marks a removed passage, folded.
const REMOVED: &str = "kaldirildi";

/// More characters than that word has in any spelling.
const LONGEST_MARKER: usize = 16;

/// Something in brackets that is not part of what is said.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece<'a> {
    /// Bytes, brackets included.
    range: Range<usize>,
    kind: Kind<'a>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind<'a> {
    /// `[T1: …]`, with what stands behind the colon.
    Tag(Tier, &'a str),
    /// `[kaldırıldı: …]`
    Removal,
}

/// Lists the tags of an adapted script, in its order.
///
/// A tag that stands in another belongs to that one. Where brackets don't balance, there is no tag.
pub fn parse_tags(script: &str) -> Vec<Adaptation> {
    let mut adaptations = Vec::new();
    let mut positions = Positions::new(script);
    let mut removed: Option<(Range<usize>, Span)> = None;
    for Piece { range, kind } in pieces(script) {
        let position = positions.span_of(&range);
        let before = removed.take();
        let Kind::Tag(tier, content) = kind else {
            adaptations.extend(before.map(|(range, position)| lone_removal(script, range, position)));
            removed = Some((range, position));
            continue;
        };
        let after_removal = before
            .as_ref()
            .and_then(|(marker, _)| script.get(marker.end..range.start))
            .is_some_and(|between| between.trim().is_empty());
        // A marker without a tag of its own is told all the same: something is gone.
        let lone = before.filter(|_| !after_removal);
        adaptations.extend(lone.map(|(range, position)| lone_removal(script, range, position)));
        let (named, words) = category_and_words(content);
        // Before the quotation mark there may be a category that is none of ours.
        let pair = old_and_new(words).or_else(|| old_and_new(words.split_once(':')?.1.trim_start()));
        let (original, adapted) = pair.unwrap_or(("", words));
        adaptations.push(Adaptation {
            tier,
            category: named.unwrap_or_else(|| category::infer(tier, words, after_removal)),
            original: original.to_owned(),
            adapted: adapted.to_owned(),
            context: script[around(script, range, CONTEXT)].to_owned(),
            position,
        });
    }
    adaptations.extend(removed.map(|(range, position)| lone_removal(script, range, position)));
    adaptations
}

/// A passage that was taken out, with nothing beside its marker.
fn lone_removal(script: &str, range: Range<usize>, position: Span) -> Adaptation {
    Adaptation {
        tier: Tier::T1,
        category: AdaptationCategory::LegalRemoval,
        original: String::new(),
        adapted: script[range.clone()].to_owned(),
        context: script[around(script, range, CONTEXT)].to_owned(),
        position,
    }
}

/// Checks that nothing of a tag is left in a text whose tags were taken out: one that was never closed would be spoken.
///
/// # Errors
/// In words, with the place.
pub fn check_closed(spoken: &str) -> Result<(), String> {
    let begins_tag = |at: usize| {
        let inner = spoken.get(at + 1..).unwrap_or_default().trim_start();
        let behind = ["T1", "T2", "t1", "t2"].iter().find_map(|tier| inner.strip_prefix(tier));
        let tier = behind.is_some_and(|rest| !rest.starts_with(char::is_alphanumeric));
        let word: String = inner.chars().take_while(|one| one.is_alphabetic()).take(LONGEST_MARKER).collect();
        tier || fold(&word) == REMOVED
    };
    match spoken.match_indices('[').map(|(at, _)| at).find(|at| begins_tag(*at)) {
        Some(at) => {
            let shown: String = spoken.get(at..).unwrap_or_default().chars().take(CONTEXT).collect();
            Err(format!("a tag is not closed or not written as a tag: \"{shown}\""))
        }
        None => Ok(()),
    }
}

/// Finds the outermost tags and removal markers.
fn pieces(script: &str) -> Vec<Piece<'_>> {
    let mut pieces: Vec<Piece<'_>> = vec![];
    for range in brackets(script) {
        if pieces.last().is_some_and(|last| range.start < last.range.end) {
            continue;
        }
        let inner = script.get(range.start + 1..range.end - 1).unwrap_or_default();
        pieces.extend(kind_of(inner).map(|kind| Piece { range, kind }));
    }
    pieces
}

/// Pairs the brackets, in the order in which they open; those without a partner are left out.
fn brackets(text: &str) -> Vec<Range<usize>> {
    let mut pairs: Vec<(usize, Option<usize>)> = vec![];
    let mut open = vec![];
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'[' => {
                open.push(pairs.len());
                pairs.push((index, None));
            }
            b']' => {
                if let Some((_, end)) = open.pop().and_then(|pair: usize| pairs.get_mut(pair)) {
                    *end = Some(index + 1);
                }
            }
            _ => {}
        }
    }
    pairs.into_iter().filter_map(|(start, end)| Some(start..end?)).collect()
}

fn kind_of(inner: &str) -> Option<Kind<'_>> {
    let inner = inner.trim_start();
    if let Some(rest) = inner.strip_prefix(['T', 't']) {
        let tier = match rest.as_bytes().first() {
            Some(b'1') => Tier::T1,
            Some(b'2') => Tier::T2,
            _ => return None,
        };
        let content = rest.get(1..)?.trim_start().strip_prefix(':')?;
        return Some(Kind::Tag(tier, content.trim()));
    }
    let word: String =
        inner.chars().take_while(|one| !matches!(one, ':' | ' ')).take(LONGEST_MARKER).collect();
    let rest = inner.get(word.len()..)?.trim_start();
    (fold(&word) == REMOVED && (rest.is_empty() || rest.starts_with(':'))).then_some(Kind::Removal)
}

/// Splits `category: words`; where no category is named, all are words.
fn category_and_words(content: &str) -> (Option<AdaptationCategory>, &str) {
    let named = content.split_once(':').and_then(|(name, words)| {
        let name = name.trim().to_lowercase().replace([' ', '-'], "_");
        Some((name.parse().ok()?, words.trim()))
    });
    named.map_or((None, content), |(category, words)| (Some(category), words))
}

/// Splits `"old" → "new"`; what follows the last quotation mark is left out.
fn old_and_new(words: &str) -> Option<(&str, &str)> {
    let (closing, inner) = opened(words)?;
    let split = |arrow: &str| {
        inner.match_indices(arrow).find_map(|(index, _)| {
            let old = inner[..index].trim_end().strip_suffix(closing)?;
            let (closing, new) = opened(inner[index + arrow.len()..].trim_start())?;
            Some((old, new.rfind(closing).map_or(new, |end| &new[..end])))
        })
    };
    ["→", "->", "=>"].iter().filter_map(|arrow| split(arrow)).min_by_key(|(old, _)| old.len())
}

/// Takes an opening quotation mark away, and says which ones may close.
fn opened(text: &str) -> Option<(&'static [char], &str)> {
    let mut rest = text.chars();
    let closing: &[char] = match rest.next()? {
        '"' | '“' | '”' | '„' => &['"', '“', '”'],
        '«' | '»' => &['»', '«'],
        '\'' | '‘' | '’' | '‚' => &['\'', '’', '‘'],
        _ => return None,
    };
    Some((closing, rest.as_str()))
}

#[cfg(test)]
mod tests;
