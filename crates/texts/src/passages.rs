//! A changed text in passages that a person can read: what stayed in it and what was changed.

use std::{mem, ops::Range};

use crate::{
    changes::{Piece, places},
    diffs::CorrectionChange,
    sentences::sentence_starts,
};

/// A passage that is longer than this, in characters, ends before the next sentence.
const LONG: usize = 600;

/// Cuts a changed text at line breaks, and long lines between sentences; never within a change.
///
/// Blank passages are left out where nothing was changed. None where the changes don't fit the text.
pub fn passages<'a>(before: &'a str, changes: &'a [CorrectionChange]) -> Option<Vec<Vec<Piece<'a>>>> {
    let places = places(before, changes)?;
    let mut passages = Passages { before, starts: sentence_starts(before), ..Passages::default() };
    let mut end = 0;
    for ((number, change), place) in (1..).zip(changes).zip(places) {
        passages.add_same(end..place.start);
        passages.length += change.original.chars().count();
        passages.open.push(Piece::Changed { number, change });
        end = place.end;
    }
    passages.add_same(end..before.len());
    passages.close();
    Some(passages.done)
}

#[derive(Debug, Default)]
struct Passages<'a> {
    before: &'a str,
    /// Where its sentences begin, in bytes.
    starts: Vec<usize>,
    done: Vec<Vec<Piece<'a>>>,
    /// The passage that is being put together.
    open: Vec<Piece<'a>>,
    /// Its length in characters of the text before.
    length: usize,
}

impl Passages<'_> {
    fn add_same(&mut self, range: Range<usize>) {
        let (mut start, mut counted) = (range.start, range.start);
        for cut in self.cuts(range.clone()) {
            self.length += self.before[counted..cut].chars().count();
            counted = cut;
            if self.length > LONG || self.before[..cut].ends_with('\n') {
                self.open.push(Piece::Same(&self.before[start..cut]));
                self.close();
                start = cut;
            }
        }
        if start < range.end {
            self.length += self.before[counted..range.end].chars().count();
            self.open.push(Piece::Same(&self.before[start..range.end]));
        }
    }

    /// Lists where a passage may end: behind line breaks, and before sentences.
    fn cuts(&self, range: Range<usize>) -> Vec<usize> {
        let lines = self.before[range.clone()].match_indices('\n').map(|(index, _)| range.start + index + 1);
        let first = self.starts.partition_point(|start| *start <= range.start);
        let sentences = self.starts.iter().skip(first).copied().take_while(|start| *start <= range.end);
        let mut cuts: Vec<usize> = lines.chain(sentences).collect();
        cuts.sort_unstable();
        cuts.dedup();
        cuts
    }

    fn close(&mut self) {
        self.length = 0;
        let passage = mem::take(&mut self.open);
        let is_blank = |piece: &Piece<'_>| matches!(piece, Piece::Same(text) if text.trim().is_empty());
        if !passage.iter().all(is_blank) {
            self.done.push(passage);
        }
    }
}

#[cfg(test)]
mod tests;
