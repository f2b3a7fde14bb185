//! Which part of the German text belongs to a part of the Turkish one, so that not all of it is sent each time.

use std::ops::Range;

use crate::{
    diffs::Span,
    positions::Positions,
    sentences::{chunks, paragraphs, sentence_starts},
};

/// Paragraphs up to this length belong whole to a range that only touches them, in characters.
const WHOLE_PARAGRAPH: usize = 3_000;

/// How far a part is widened at most to reach sentence ends, in characters; transcripts may have none.
const WIDEST: usize = 1_000;

/// A paragraph's place in its text.
#[derive(Debug, Clone)]
struct Paragraph {
    bytes: Range<usize>,
    chars: Range<usize>,
}

impl Paragraph {
    /// Maps a character's place in this paragraph to the same share of another one's characters.
    fn share(&self, char: usize, other: &Self) -> usize {
        let into = char.clamp(self.chars.start, self.chars.end) - self.chars.start;
        other.chars.start + into * other.chars.len() / self.chars.len().max(1)
    }
}

/// Returns the part of the German text that belongs to a range of characters of the Turkish text.
///
/// Texts with the same number of paragraphs are paired by them. Others, and very long paragraphs, are
/// paired by their share of characters, widened to sentence ends and by one more sentence on each side.
/// Empty only where the German text is.
pub fn counterpart<'a>(german: &'a str, turkish: &str, from_char: usize, to_char: usize) -> &'a str {
    let (theirs, ours) = (places(turkish), places(german));
    let (Some(their_all), Some(our_all)) = (hull(&theirs), hull(&ours)) else { return german };
    if from_char <= their_all.chars.start && to_char >= their_all.chars.end {
        return german;
    }
    let to_char = to_char.max(from_char + 1);
    let pairs: Vec<_> = if theirs.len() == ours.len() {
        theirs.into_iter().zip(ours).collect()
    } else {
        vec![(their_all, our_all)]
    };
    let paired = pairs.len() > 1;
    let touched = |(their, _): &&(Paragraph, Paragraph)| their.chars.end > from_char;
    let Some(first) = pairs.iter().find(touched).or(pairs.last()) else { return german };
    let last = pairs.iter().rev().find(|(their, _)| their.chars.start < to_char);
    let last = last.filter(|(their, _)| their.chars.start >= first.0.chars.start).unwrap_or(first);

    let starts = sentence_starts(german);
    let whole = |our: &Paragraph| paired && our.chars.len() <= WHOLE_PARAGRAPH;
    let (their, our) = first;
    let start = if from_char <= their.chars.start || whole(our) {
        our.bytes.start
    } else {
        widened_start(german, &starts, byte_of(german, their.share(from_char, our)))
    };
    let (their, our) = last;
    let end = if to_char >= their.chars.end || whole(our) {
        our.bytes.end
    } else {
        widened_end(german, &starts, byte_of(german, their.share(to_char - 1, our)))
    };
    german[start..end.max(start)].trim()
}

/// Lists a text's paragraphs.
fn places(text: &str) -> Vec<Paragraph> {
    let mut positions = Positions::new(text);
    let place = |bytes: Range<usize>| {
        let Span { start, end } = positions.span_of(&bytes);
        Paragraph { bytes, chars: start..end }
    };
    paragraphs(text).into_iter().map(place).collect()
}

/// Takes a text's paragraphs as one.
fn hull(paragraphs: &[Paragraph]) -> Option<Paragraph> {
    let (first, last) = (paragraphs.first()?, paragraphs.last()?);
    Some(Paragraph { bytes: first.bytes.start..last.bytes.end, chars: first.chars.start..last.chars.end })
}

/// The start of the sentence before the one that holds this byte.
fn widened_start(text: &str, starts: &[usize], byte: usize) -> usize {
    let holding = starts.partition_point(|start| *start <= byte);
    let start = starts.get(holding.saturating_sub(2)).copied().unwrap_or(0).min(byte);
    let near = text[..byte].char_indices().rev().nth(WIDEST).map_or(0, |(index, _)| index);
    if start >= near {
        return start;
    }
    chunks(&text[near..]).nth(1).map_or(near, |(index, _)| near + index).min(byte)
}

/// The end of the sentence after the one that holds this byte.
fn widened_end(text: &str, starts: &[usize], byte: usize) -> usize {
    let holding = starts.partition_point(|start| *start <= byte);
    let end = starts.get(holding + 1).copied().unwrap_or(text.len());
    let far = text[byte..].char_indices().nth(WIDEST).map_or(text.len(), |(index, _)| byte + index);
    if end <= far {
        return end;
    }
    let cut = text[byte..far].rfind(char::is_whitespace).map_or(far, |index| byte + index);
    if text[byte..cut].trim().is_empty() { far } else { cut }
}

fn byte_of(text: &str, char: usize) -> usize {
    text.char_indices().nth(char).map_or(text.len(), |(index, _)| index)
}

#[cfg(test)]
mod tests;
