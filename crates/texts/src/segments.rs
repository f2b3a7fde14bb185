//! Long texts go to a model in parts: cut where a reader would pause, and joined without loss.

use crate::sentences::{chunks, ends_sentence, line_breaks};

/// Part of a text, with the white space around it that is not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment<'a> {
    /// White space before the whole text; empty but for the first segment.
    pub lead: &'a str,
    /// The part itself; begins and ends with something visible.
    pub text: &'a str,
    /// White space that follows it.
    pub gap: &'a str,
}

/// How good a place for a cut is, from worst to best.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Word,
    Sentence,
    Line,
    Paragraph,
}

/// White space at which a text may be cut.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// Bytes before it.
    start: usize,
    /// Bytes up to what follows it.
    end: usize,
    /// Characters before it.
    chars: usize,
    level: Level,
}

/// Cuts a text into parts of at most `limit_chars` characters, about equally long, at white space only.
///
/// The best kind of place wins: end of a paragraph, of a line, of a sentence, of a word. A single word
/// that is longer than the limit stays whole. A blank text has no parts.
pub fn cut(text: &str, limit_chars: usize) -> Vec<Segment<'_>> {
    let limit = limit_chars.max(1);
    let mut rest = text.trim_start();
    let mut lead = &text[..text.len() - rest.len()];
    let mut left = rest.trim_end().chars().count();
    let mut segments = vec![];
    while left > limit {
        let Some(place) = best_place(rest.trim_end(), left, limit) else { break };
        let gap = &rest[place.start..place.end];
        segments.push(Segment { lead, text: &rest[..place.start], gap });
        left -= place.chars + gap.chars().count();
        rest = &rest[place.end..];
        lead = "";
    }
    let last = rest.trim_end();
    if !last.is_empty() {
        segments.push(Segment { lead, text: last, gap: &rest[last.len()..] });
    }
    segments
}

/// Puts one reply for each segment together again, with the white space of the original between them.
///
/// Replies beyond the segments are left out, so give one for each, in their order.
pub fn join(segments: &[Segment<'_>], replies: &[String]) -> String {
    segments.iter().zip(replies).flat_map(|(segment, reply)| [segment.lead, reply, segment.gap]).collect()
}

/// Picks where to end the first part of a text of `left` characters; none where the text is one word.
fn best_place(text: &str, left: usize, limit: usize) -> Option<Place> {
    let places = places(text, limit);
    let parts = left.div_ceil(limit);
    let ideal = left / parts;
    // With less than this in the first part, the others would need one part more.
    let enough = left - (parts - 1) * limit;
    let best = |level: Level, least: usize| {
        places
            .iter()
            .filter(|place| place.level == level && (least..=limit).contains(&place.chars))
            .min_by_key(|place| (place.chars < enough, place.chars.abs_diff(ideal)))
            .copied()
    };
    let clean = [Level::Paragraph, Level::Line, Level::Sentence];
    // First without leaving a tiny part, then at any price, then inside a sentence.
    clean
        .iter()
        .find_map(|level| best(*level, ideal / 2))
        .or_else(|| clean.iter().find_map(|level| best(*level, 0)))
        .or_else(|| best(Level::Word, 0))
        .or_else(|| places.first().copied())
}

/// Lists the places up to the first one behind the limit.
fn places(text: &str, limit: usize) -> Vec<Place> {
    let mut places = Vec::new();
    let (mut end, mut chars) = (0, 0);
    for (start, chunk) in chunks(text) {
        let gap = &text[end..start];
        if end > 0 {
            places.push(Place { start: end, end: start, chars, level: level(text, end, start) });
        }
        if chars > limit {
            break;
        }
        chars += gap.chars().count() + chunk.chars().count();
        end = start + chunk.len();
    }
    places
}

fn level(text: &str, start: usize, end: usize) -> Level {
    match line_breaks(&text[start..end]) {
        0 if ends_sentence(&text[..start], &text[end..]) => Level::Sentence,
        0 => Level::Word,
        1 => Level::Line,
        _ => Level::Paragraph,
    }
}

#[cfg(test)]
mod tests;
