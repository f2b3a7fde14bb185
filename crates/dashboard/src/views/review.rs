//! One review: what was changed, to decide on it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::views::{
    parts::{CommandView, EpisodeHeadView},
    passage::PassageView,
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
