//! One review: what was changed, to decide on it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::views::{
    episode::{CommandView, EpisodeHeadView},
    reviews::{ReviewRecordView, ReviewRowView},
};

/// One review.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct ReviewPageView {
    /// The episode.
    pub(crate) episode: EpisodeHeadView,
    /// The review, in short.
    pub(crate) review: ReviewRowView,
    /// Whether it waits for a decision, and for this text.
    pub(crate) decidable: bool,
    /// Why the changes can't be shown, where they can't.
    pub(crate) problem: Option<String>,
    /// What the stage that made the text had to say.
    pub(crate) warnings: Vec<String>,
    /// Counts over the changes.
    pub(crate) summary: ChangeSummaryView,
    /// `side` (side by side) or `inline`; corrections only.
    pub(crate) layout: String,
    /// The category or tier that is shown; empty for all.
    pub(crate) only: String,
    /// Whether passages without a change are left out.
    pub(crate) changes_only: bool,
    /// The corrected text passage by passage; empty for adaptations.
    pub(crate) passages: Vec<PassageView>,
    /// The text as a whole, paragraph by paragraph, where its changes can't be shown.
    pub(crate) whole: Vec<String>,
    /// The adaptation; none for corrections.
    pub(crate) adaptation: Option<AdaptationPageView>,
    /// All reviews of this gate and episode, newest first.
    pub(crate) history: Vec<ReviewRecordView>,
    /// The next review that waits, other than this.
    pub(crate) next_review: Option<i64>,
    /// Commands that do the same.
    pub(crate) commands: Vec<CommandView>,
}

/// Counts over the changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ChangeSummaryView {
    /// All changes.
    pub(crate) total: usize,
    /// Characters of the text before.
    pub(crate) original_length: usize,
    /// Characters of the text after.
    pub(crate) changed_length: usize,
    /// Per kind (`replace`, `insert`, `delete`, or `T1`, `T2`), those that occur.
    pub(crate) by_type: Vec<CountView>,
    /// Per category, those that occur.
    pub(crate) by_category: Vec<CountView>,
}

/// How often something occurs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct CountView {
    /// What.
    pub(crate) name: String,
    /// How often.
    pub(crate) count: usize,
}

/// One passage of the corrected text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
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

/// An adaptation, beside the literal translation.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct AdaptationPageView {
    /// The script as HTML that is safe to show; tag N is `<mark id="change-N" class="tag t1 CATEGORY">`.
    pub(crate) script_html: String,
    /// The literal translation, paragraph by paragraph.
    pub(crate) literal: Vec<String>,
    /// The tags, in order.
    pub(crate) adaptations: Vec<AdaptationView>,
}

/// One tag of the adapted script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct AdaptationView {
    /// Its number from 1; its mark in the script is `change-N`.
    pub(crate) number: usize,
    /// `T1` or `T2`.
    pub(crate) tier: String,
    /// What it is about.
    pub(crate) category: String,
    /// The words before; may be empty.
    pub(crate) original: String,
    /// The words after, or a remark.
    pub(crate) adapted: String,
    /// The passage around it.
    pub(crate) context: String,
    /// Whether the filter leaves it out.
    pub(crate) dimmed: bool,
    /// Whether the script has a mark for it.
    pub(crate) marked: bool,
}
