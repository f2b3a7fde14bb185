//! Places in a text, counted in bytes here and in characters in the files.

use std::ops::Range;

use crate::Span;

/// Walks through a text once, from one place to the next, and counts its characters.
#[derive(Debug)]
pub(crate) struct Positions<'a> {
    text: &'a str,
    byte: usize,
    char: usize,
}

impl<'a> Positions<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, byte: 0, char: 0 }
    }

    /// Returns where a range of bytes is in characters; it doesn't begin before the last one's end.
    pub(crate) fn span_of(&mut self, bytes: &Range<usize>) -> Span {
        let start = self.char + self.text[self.byte..bytes.start].chars().count();
        let end = start + self.text[bytes.clone()].chars().count();
        (self.byte, self.char) = (bytes.end, end);
        Span { start, end }
    }

    /// Returns where a span is in bytes; none where it begins before the last one's end or leaves the text.
    pub(crate) fn bytes_of(&mut self, span: Span) -> Option<Range<usize>> {
        let start = self.byte_after(span.start.checked_sub(self.char)?)?;
        (self.byte, self.char) = (start, span.start);
        let end = self.byte_after(span.end.checked_sub(self.char)?)?;
        (self.byte, self.char) = (end, span.end);
        Some(start..end)
    }

    fn byte_after(&self, chars: usize) -> Option<usize> {
        let rest = &self.text[self.byte..];
        let ends = rest.char_indices().map(|(index, _)| index).chain([rest.len()]);
        ends.into_iter().nth(chars).map(|index| self.byte + index)
    }
}
