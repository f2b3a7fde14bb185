//! A corrected text passage by passage, rebuilt from the text before and the changes.

use btcedu_artifacts::CorrectionChange;
use btcedu_domain::Sha256Hash;

use crate::views::review::{PassageView, PieceView};

/// A passage that is longer than this, in characters, ends with its next sentence.
const LONG: usize = 600;

/// What of the text is shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// Mark only changes of this category; empty for all.
    pub(super) only: &'a str,
    /// Leave out passages without a change that is marked.
    pub(super) changes_only: bool,
}

/// A piece of both texts.
enum Piece<'a> {
    Same(String),
    Changed(usize, &'a CorrectionChange),
}

/// Rebuilds both texts; `None` where the changes aren't those between them.
///
/// `after` is the hash of the text that the changes lead to.
pub(super) fn rebuild(
    before: &str,
    changes: &[CorrectionChange],
    after: Sha256Hash,
    wanted: Wanted<'_>,
) -> Option<Vec<PassageView>> {
    let pieces = pieces(before, changes)?;
    let mut rebuilt = String::with_capacity(before.len());
    for piece in &pieces {
        rebuilt.push_str(match piece {
            Piece::Same(text) => text,
            Piece::Changed(_, change) => &change.corrected,
        });
    }
    if Sha256Hash::of_bytes(rebuilt.as_bytes()) != after {
        return None;
    }
    Some(select(passages(pieces, wanted.only), wanted))
}

fn pieces<'a>(before: &str, changes: &'a [CorrectionChange]) -> Option<Vec<Piece<'a>>> {
    let letters: Vec<char> = before.chars().collect();
    let (mut pieces, mut at) = (Vec::new(), 0);
    for (number, change) in (1..).zip(changes) {
        let (start, end) = (change.position.start, change.position.end);
        let same: String = letters.get(at..start)?.iter().collect();
        if !letters.get(start..end)?.iter().copied().eq(change.original.chars()) {
            return None;
        }
        if !same.is_empty() {
            pieces.push(Piece::Same(same));
        }
        pieces.push(Piece::Changed(number, change));
        at = end;
    }
    let rest: String = letters.get(at..)?.iter().collect();
    if !rest.is_empty() {
        pieces.push(Piece::Same(rest));
    }
    Some(pieces)
}

/// Cuts at line breaks, and long lines at the end of a sentence; never within a change.
fn passages(pieces: Vec<Piece<'_>>, only: &str) -> Vec<PassageView> {
    let mut done = Vec::new();
    let mut open = Open::default();
    for piece in pieces {
        match piece {
            Piece::Same(text) => {
                for part in text.split_inclusive('\n') {
                    for sentence in sentences(part) {
                        open.same(sentence);
                        if sentence.ends_with('\n') || open.length > LONG && ends_sentence(sentence) {
                            done.extend(open.close(done.len() + 1));
                        }
                    }
                }
            }
            Piece::Changed(number, change) => open.change(number, change, only),
        }
    }
    done.extend(open.close(done.len() + 1));
    done
}

fn ends_sentence(text: &str) -> bool {
    text.trim_end().ends_with(STOPS)
}

const STOPS: [char; 3] = ['.', '!', '?'];

/// Splits behind the blank that follows the end of a sentence; looks at each letter once.
fn sentences(text: &str) -> impl Iterator<Item = &str> {
    let mut has_ended = false;
    text.split_inclusive(move |c: char| {
        let is_cut = c == ' ' && has_ended;
        if !c.is_whitespace() {
            has_ended = STOPS.contains(&c);
        } else if is_cut {
            has_ended = false;
        }
        is_cut
    })
}

/// The passage that is being put together.
#[derive(Default)]
struct Open {
    before: Vec<PieceView>,
    after: Vec<PieceView>,
    inline: Vec<PieceView>,
    length: usize,
    is_marked: bool,
}

impl Open {
    fn same(&mut self, text: &str) {
        self.length += text.chars().count();
        for side in [&mut self.before, &mut self.after, &mut self.inline] {
            match side.last_mut() {
                Some(last) if last.kind == "same" => last.text.push_str(text),
                _ => side.push(PieceView {
                    kind: "same".to_owned(),
                    text: text.to_owned(),
                    change: 0,
                    anchor: false,
                    category: String::new(),
                    dimmed: false,
                }),
            }
        }
    }

    fn change(&mut self, number: usize, change: &CorrectionChange, only: &str) {
        let category = change.category.to_string();
        let dimmed = !only.is_empty() && only != category;
        self.is_marked |= !dimmed;
        self.length += change.original.chars().count();
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

    fn close(&mut self, number: usize) -> Option<PassageView> {
        let Self { before, after, inline, is_marked, .. } = std::mem::take(self);
        let is_blank = inline.iter().all(|piece| piece.text.trim().is_empty() && piece.kind == "same");
        let changed = inline.iter().any(|piece| piece.change > 0);
        (!is_blank).then_some(PassageView {
            number,
            left_out_before: 0,
            changed,
            marked: is_marked,
            before,
            after,
            inline,
        })
    }
}

fn select(passages: Vec<PassageView>, wanted: Wanted<'_>) -> Vec<PassageView> {
    if !wanted.changes_only {
        return passages;
    }
    let mut left_out = 0;
    let mut selected = Vec::new();
    for mut passage in passages {
        if passage.marked {
            passage.left_out_before = std::mem::take(&mut left_out);
            selected.push(passage);
        } else {
            left_out += 1;
        }
    }
    selected
}

#[cfg(test)]
mod tests {
    use btcedu_artifacts::{ChangeType, CorrectionCategory, Span};

    use super::*;

    const ALL: Wanted<'_> = Wanted { only: "", changes_only: false };

    fn change(
        before: &str,
        original: &str,
        corrected: &str,
        category: CorrectionCategory,
    ) -> CorrectionChange {
        let start = before[..before.find(original).unwrap()].chars().count();
        CorrectionChange {
            change_type: ChangeType::Replace,
            original: original.to_owned(),
            corrected: corrected.to_owned(),
            context: String::new(),
            position: Span { start, end: start + original.chars().count() },
            category,
        }
    }

    fn text(pieces: &[PieceView]) -> String {
        pieces.iter().map(|piece| piece.text.as_str()).collect()
    }

    const BEFORE: &str = "Über das Halfing.\n\nNichts hier.\n\nUnd Leitning, äh, ja.\n";
    const AFTER: &str = "Über das Halving.\n\nNichts hier.\n\nUnd Lightning, ja.\n";

    fn changes() -> Vec<CorrectionChange> {
        vec![
            change(BEFORE, "Halfing", "Halving", CorrectionCategory::Terminology),
            change(BEFORE, "Leitning", "Lightning", CorrectionCategory::Spelling),
            change(BEFORE, " äh,", "", CorrectionCategory::Grammar),
        ]
    }

    #[test]
    fn both_texts_come_out_as_they_are_and_every_change_has_one_anchor() {
        let passages = rebuild(BEFORE, &changes(), Sha256Hash::of_bytes(AFTER.as_bytes()), ALL).unwrap();
        let side = |of: fn(&PassageView) -> &Vec<PieceView>| {
            passages.iter().map(|passage| text(of(passage))).collect::<String>()
        };
        let without_blank_lines = |text: &str| text.replace("\n\n", "\n");
        assert_eq!(side(|p| &p.before), without_blank_lines(BEFORE));
        assert_eq!(side(|p| &p.after), without_blank_lines(AFTER));
        assert_eq!(passages.iter().map(|p| p.changed).collect::<Vec<_>>(), [true, false, true]);
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
    fn changes_of_another_text_are_not_shown() {
        let after = Sha256Hash::of_bytes(AFTER.as_bytes());
        assert!(rebuild(&BEFORE.replace("Halfing", "Halving"), &changes(), after, ALL).is_none());
        assert!(rebuild(BEFORE, &changes()[..2], after, ALL).is_none());
        let mut far = changes();
        far[2].position = Span { start: 900, end: 904 };
        assert!(rebuild(BEFORE, &far, after, ALL).is_none());
        let mut backwards = changes();
        backwards.reverse();
        assert!(rebuild(BEFORE, &backwards, after, ALL).is_none());
    }

    #[test]
    fn a_filter_dims_the_others_and_can_leave_out_passages() {
        let wanted = Wanted { only: "spelling", changes_only: true };
        let passages = rebuild(BEFORE, &changes(), Sha256Hash::of_bytes(AFTER.as_bytes()), wanted).unwrap();
        assert_eq!(passages.len(), 1);
        assert_eq!(passages[0].left_out_before, 2);
        let dimmed: Vec<bool> =
            passages[0].inline.iter().filter(|piece| piece.change > 0).map(|piece| piece.dimmed).collect();
        assert_eq!(dimmed, [false, false, true]);
    }

    #[test]
    fn a_filter_never_mixes_what_went_with_what_came() {
        let wanted = Wanted { only: "spelling", changes_only: false };
        let passages = rebuild(BEFORE, &changes(), Sha256Hash::of_bytes(AFTER.as_bytes()), wanted).unwrap();
        let first = &passages[0];
        assert!(first.changed && !first.marked);
        assert_eq!(text(&first.after).trim(), "Über das Halving.");
        let unchanged = passages.iter().filter(|passage| !passage.changed);
        assert!(unchanged.flat_map(|passage| &passage.inline).all(|piece| piece.kind == "same"));
    }

    #[test]
    fn blanks_without_end_are_looked_at_once() {
        let before = format!("Ja. {}Ende.", " ".repeat(400_000));
        let passages = rebuild(&before, &[], Sha256Hash::of_bytes(before.as_bytes()), ALL).unwrap();
        assert_eq!(passages.iter().map(|p| text(&p.after)).collect::<String>(), before);
    }

    #[test]
    fn a_long_line_is_cut_at_its_sentences() {
        let before = "Ein Satz mit einigen Wörtern, wie er gesprochen wird. ".repeat(60);
        let passages = rebuild(&before, &[], Sha256Hash::of_bytes(before.as_bytes()), ALL).unwrap();
        assert!(passages.len() > 3, "{}", passages.len());
        assert!(passages.iter().all(|p| text(&p.inline).chars().count() <= LONG + 60));
        assert_eq!(passages.iter().map(|p| text(&p.after)).collect::<String>(), before);
    }
}
