//! Does the changes of a diff: what stayed and what was changed, in the order of the text.

use std::ops::Range;

use crate::{diffs::CorrectionChange, positions::Positions};

/// A piece of the text before and of the text after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// It is the same in both.
    Same(&'a str),
    /// It was changed.
    Changed {
        /// The change's number, from 1.
        number: usize,
        /// The change.
        change: &'a CorrectionChange,
    },
}

/// Does changes; none where they don't fit the text.
pub fn apply_changes(before: &str, changes: &[CorrectionChange]) -> Option<String> {
    let (mut after, mut end) = (String::with_capacity(before.len()), 0);
    for (range, change) in places(before, changes)?.into_iter().zip(changes) {
        after.push_str(&before[end..range.start]);
        after.push_str(&change.corrected);
        end = range.end;
    }
    after.push_str(&before[end..]);
    Some(after)
}

/// Returns where the changes are, in bytes; none where they don't fit the text.
pub(crate) fn places(before: &str, changes: &[CorrectionChange]) -> Option<Vec<Range<usize>>> {
    let mut positions = Positions::new(before);
    let place = |change: &CorrectionChange| {
        let bytes = positions.bytes_of(change.position)?;
        (before[bytes.clone()] == change.original).then_some(bytes)
    };
    changes.iter().map(place).collect()
}
