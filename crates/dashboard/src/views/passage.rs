//! A corrected text passage by passage: as it was, as it is, and both in one.

use btcedu_texts::{CorrectionChange, Piece};
use serde::Serialize;
use utoipa::ToSchema;

/// One passage of the corrected text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct PassageView {
    /// Its number, from 1.
    pub(crate) number: usize,
    /// Passages left out right before it, since nothing was changed there.
    pub(crate) left_out_before: usize,
    /// Whether anything was changed in it.
    pub(crate) changed: bool,
    /// Whether the filter leaves any of that marked.
    pub(crate) marked: bool,
    /// As it was: pieces that stayed and pieces that went.
    pub(crate) before: Vec<PieceView>,
    /// As it is: pieces that stayed and pieces that came.
    pub(crate) after: Vec<PieceView>,
    /// Both in one: stayed, went, came.
    pub(crate) inline: Vec<PieceView>,
}

/// A piece of a passage.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct PieceView {
    /// `same`, `del` or `ins`.
    pub(crate) kind: String,
    /// Its text.
    pub(crate) text: String,
    /// Number of the change from 1, also its anchor; 0 where nothing was changed.
    pub(crate) change: usize,
    /// Whether it is the first piece of its change, which bears the anchor `change-N`.
    pub(crate) anchor: bool,
    /// Category of the change; empty where nothing was changed.
    pub(crate) category: String,
    /// Whether the filter leaves it unmarked.
    pub(crate) dimmed: bool,
}

/// What of a text is shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    /// Mark only changes of this category; empty for all.
    pub(crate) only: &'a str,
    /// Leave out passages without a change that is marked.
    pub(crate) changes_only: bool,
}

impl PassageView {
    /// Shows passages, as far as they are wanted.
    pub(crate) fn all(passages: &[Vec<Piece<'_>>], wanted: Wanted<'_>) -> Vec<Self> {
        let mut left_out = 0;
        let mut shown = Vec::new();
        for (number, pieces) in (1..).zip(passages) {
            let mut passage = Self { number, ..Self::default() };
            for piece in pieces {
                match piece {
                    Piece::Same(text) => passage.add_same(text),
                    Piece::Changed { number, change } => passage.add_change(*number, change, wanted.only),
                }
            }
            if wanted.changes_only && !passage.marked {
                left_out += 1;
            } else {
                passage.left_out_before = std::mem::take(&mut left_out);
                shown.push(passage);
            }
        }
        shown
    }

    fn add_same(&mut self, text: &str) {
        for side in [&mut self.before, &mut self.after, &mut self.inline] {
            match side.last_mut() {
                Some(last) if last.kind == "same" => last.text.push_str(text),
                _ => side.push(PieceView {
                    kind: "same".to_owned(),
                    text: text.to_owned(),
                    ..PieceView::default()
                }),
            }
        }
    }

    fn add_change(&mut self, number: usize, change: &CorrectionChange, only: &str) {
        let category = change.category.to_string();
        let dimmed = !only.is_empty() && only != category;
        self.changed = true;
        self.marked |= !dimmed;
        let piece = |kind: &str, text: &str, anchor| PieceView {
            kind: kind.to_owned(),
            text: text.to_owned(),
            change: number,
            anchor,
            category: category.clone(),
            dimmed,
        };
        let (went, came) = (&change.original, &change.corrected);
        // Side by side the anchor is where the reader looks: at what came, if anything did.
        if !went.is_empty() {
            self.before.push(piece("del", went, came.is_empty()));
            self.inline.push(piece("del", went, true));
        }
        if !came.is_empty() {
            self.after.push(piece("ins", came, true));
            self.inline.push(piece("ins", came, went.is_empty()));
        }
    }
}

#[cfg(test)]
mod tests {
    use btcedu_texts::{ChangeType, CorrectionCategory, Span, passages};

    use super::*;

    const BEFORE: &str = "Über das Halfing.\n\nNichts hier.\n\nUnd Leitning, äh, ja.\n";

    fn shown(wanted: Wanted<'_>) -> Vec<PassageView> {
        let change = |original: &str, corrected: &str, category| {
            let start = BEFORE[..BEFORE.find(original).unwrap()].chars().count();
            CorrectionChange {
                change_type: ChangeType::Replace,
                original: original.to_owned(),
                corrected: corrected.to_owned(),
                context: String::new(),
                position: Span { start, end: start + original.chars().count() },
                category,
            }
        };
        let changes = [
            change("Halfing", "Halving", CorrectionCategory::Terminology),
            change("Leitning", "Lightning", CorrectionCategory::Spelling),
            change(" äh,", "", CorrectionCategory::Grammar),
        ];
        PassageView::all(&passages(BEFORE, &changes).unwrap(), wanted)
    }

    fn text(pieces: &[PieceView]) -> String {
        pieces.iter().map(|piece| piece.text.as_str()).collect()
    }

    #[test]
    fn both_texts_are_shown_and_every_change_has_one_anchor() {
        let passages = shown(Wanted { only: "", changes_only: false });
        assert_eq!(passages.iter().map(|p| p.changed).collect::<Vec<_>>(), [true, false, true]);
        assert_eq!(passages.iter().map(|p| p.number).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(text(&passages[2].before), "Und Leitning, äh, ja.\n");
        assert_eq!(text(&passages[2].after), "Und Lightning, ja.\n");
        let anchors = |of: fn(&PassageView) -> Vec<&PieceView>| {
            let pieces = passages.iter().flat_map(of).filter(|piece| piece.anchor);
            pieces.map(|piece| piece.change).collect::<Vec<_>>()
        };
        assert_eq!(anchors(|p| p.inline.iter().collect()), [1, 2, 3]);
        let mut both = anchors(|p| p.before.iter().chain(&p.after).collect());
        both.sort_unstable();
        assert_eq!(both, [1, 2, 3]);
    }

    #[test]
    fn a_filter_dims_the_others_and_can_leave_out_passages() {
        let passages = shown(Wanted { only: "spelling", changes_only: true });
        assert_eq!(passages.len(), 1);
        assert_eq!((passages[0].number, passages[0].left_out_before), (3, 2));
        let dimmed: Vec<bool> =
            passages[0].inline.iter().filter(|piece| piece.change > 0).map(|piece| piece.dimmed).collect();
        assert_eq!(dimmed, [false, false, true]);
    }

    #[test]
    fn a_filter_never_mixes_what_went_with_what_came() {
        let passages = shown(Wanted { only: "spelling", changes_only: false });
        let first = &passages[0];
        assert!(first.changed && !first.marked);
        assert_eq!(text(&first.after).trim(), "Über das Halving.");
        let unchanged = passages.iter().filter(|passage| !passage.changed);
        assert!(unchanged.flat_map(|passage| &passage.inline).all(|piece| piece.kind == "same"));
    }
}
