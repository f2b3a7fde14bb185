//! What can be said of a text without reading or writing a file.
//!
//! Words, sentences and paragraphs; the parts that a long text is sent in; the two
//! diffs that reviewers see, how a correction's is made, applied and shown in passages;
//! the tags of an adapted script; whether a narration says what its script says.
//!
//! May use: `btcedu-domain`.
//!
//! Invariants: no I/O · nothing that is cut or compared gets lost: segments join to
//! their text, and a diff leads to exactly the text it was made from · files count in
//! characters, the code in bytes.
//!
//! # Example
//! ```
//! use btcedu_texts::{Piece, apply_changes, correction_changes, passages, plain};
//!
//! let before = plain("\u{feff}Über das Halfing.\r\nGut.\r\n");
//! let after = "Über das Halving.\nGut.\n";
//! let changes = correction_changes(&before, after);
//! assert_eq!(changes[0].corrected, "Halving");
//! assert_eq!(apply_changes(&before, &changes).as_deref(), Some(after));
//!
//! let shown = passages(&before, &changes).unwrap();
//! assert_eq!(shown[1], [Piece::Same("Gut.\n")]);
//! ```

mod changes;
mod correction;
mod counterpart;
mod diffs;
mod institutions;
mod narration;
mod passages;
mod plain;
mod positions;
mod segments;
mod sentences;
mod tags;
mod terms;
mod tokens;
mod words;

pub use changes::{Piece, apply_changes};
pub use correction::correction_changes;
pub use counterpart::counterpart;
pub use diffs::{
    Adaptation, AdaptationCategory, AdaptationDiff, AdaptationSummary, ChangeType, CorrectionCategory,
    CorrectionChange, CorrectionDiff, CorrectionSummary, Span, Tier,
};
pub use institutions::institution_lines;
pub use narration::check_faithful;
pub use passages::passages;
pub use plain::plain;
pub use segments::{Segment, cut, join};
pub use sentences::paragraphs;
pub use tags::{check_closed, parse_tags, strip_tags};
pub use terms::{TERMS, terms_in};
pub use words::{NOUN_ENDINGS, holds_word};
