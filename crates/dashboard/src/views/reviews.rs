//! The queue of reviews.

use btcedu_domain::{EpisodeId, UtcTime};
use serde::Serialize;
use utoipa::ToSchema;

/// What waits for a person, and what was decided.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct ReviewsView {
    /// What waits, oldest first.
    pub(crate) pending: Vec<ReviewRowView>,
    /// What was decided, newest first.
    pub(crate) decided: Vec<ReviewRowView>,
    /// How many were decided in all.
    pub(crate) decided_total: usize,
}

/// One review, in short.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct ReviewRowView {
    /// Its number.
    pub(crate) id: i64,
    /// The episode.
    #[schema(value_type = String)]
    pub(crate) episode_id: EpisodeId,
    /// The episode's title.
    pub(crate) title: String,
    /// `correct` or `adapt`.
    pub(crate) stage: String,
    /// `review gate 1` or `review gate 2`.
    pub(crate) gate: String,
    /// `pending`, `in_review`, `approved`, `rejected` or `changes_requested`.
    pub(crate) status: String,
    /// When it was opened.
    #[schema(value_type = String)]
    pub(crate) created_at: UtcTime,
    /// How long ago that is, in words: `3 hours`.
    pub(crate) age: String,
    /// When it was decided.
    #[schema(value_type = Option<String>)]
    pub(crate) reviewed_at: Option<UtcTime>,
    /// What the reviewer wrote.
    pub(crate) notes: Option<String>,
    /// How many changes it is about; none where the diff can't be read.
    pub(crate) changes: Option<usize>,
    /// SHA-256 of the text that it is about: what a decision is sent with.
    pub(crate) seen: String,
    /// Whether the text on the disk is another one than the review's.
    pub(crate) changed: bool,
    /// Why it can't be decided now, where it can't.
    pub(crate) blocked: Option<String>,
}

/// One review of an episode, with everything that was decided in it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct ReviewRecordView {
    /// Its number.
    pub(crate) id: i64,
    /// `correct` or `adapt`.
    pub(crate) stage: String,
    /// `review gate 1` or `review gate 2`.
    pub(crate) gate: String,
    /// `pending`, `in_review`, `approved`, `rejected` or `changes_requested`.
    pub(crate) status: String,
    /// When it was opened.
    #[schema(value_type = String)]
    pub(crate) created_at: UtcTime,
    /// When it was decided.
    #[schema(value_type = Option<String>)]
    pub(crate) reviewed_at: Option<UtcTime>,
    /// Everything that was decided, oldest first.
    pub(crate) decisions: Vec<DecisionView>,
}

/// One decision.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct DecisionView {
    /// `approved`, `rejected` or `changes_requested`.
    pub(crate) decision: String,
    /// What the reviewer wrote, or why the program decided by itself.
    pub(crate) notes: Option<String>,
    /// When.
    #[schema(value_type = String)]
    pub(crate) decided_at: UtcTime,
}
