//! Prompt templates, their versions and where they were used.

use btcedu_domain::{EpisodeId, Sha256Hash, UtcTime};
use serde::Serialize;
use utoipa::ToSchema;

/// All templates.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct PromptsView {
    /// By name.
    pub(crate) prompts: Vec<PromptRowView>,
}

/// One template, in short.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct PromptRowView {
    /// Its name.
    pub(crate) name: String,
    /// The version in use; none where none is.
    pub(crate) default: Option<PromptVersionView>,
    /// How many versions there are.
    pub(crate) versions: usize,
    /// How many episodes have something made with any of them.
    pub(crate) episodes: usize,
}

/// One version.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct PromptVersionView {
    /// From 1.
    pub(crate) version: i32,
    /// Whether it is the one in use.
    pub(crate) is_default: bool,
    /// Whether it is what the template's file holds.
    pub(crate) in_file: bool,
    /// SHA-256 of its text.
    #[schema(value_type = String)]
    pub(crate) content_hash: Sha256Hash,
    /// Text model.
    pub(crate) model: Option<String>,
    /// Temperature.
    pub(crate) temperature: Option<f64>,
    /// Tokens of an answer at most.
    pub(crate) max_tokens: Option<i64>,
    /// When it was first seen.
    #[schema(value_type = String)]
    pub(crate) created_at: UtcTime,
    /// What its author says of it.
    pub(crate) notes: Option<String>,
    /// Which episodes have something made with it, the newest first; 20 at most.
    pub(crate) episodes: Vec<PromptUseView>,
    /// How many there are in all.
    pub(crate) episodes_total: usize,
}

/// An episode that has something made with a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct PromptUseView {
    /// The episode.
    #[schema(value_type = String)]
    pub(crate) episode_id: EpisodeId,
    /// Its title.
    pub(crate) title: String,
}

/// One template with all its versions.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct PromptView {
    /// Its name.
    pub(crate) name: String,
    /// Newest first.
    pub(crate) versions: Vec<PromptVersionView>,
    /// The version whose text is shown.
    pub(crate) shown: i32,
    /// Its text.
    pub(crate) body: String,
    /// The difference, where two versions were asked for.
    pub(crate) diff: Option<PromptDiffView>,
}

/// Two versions, line by line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct PromptDiffView {
    /// The older version.
    pub(crate) from: i32,
    /// The newer version.
    pub(crate) to: i32,
    /// Lines that stayed, went and came; empty where the versions are the same.
    pub(crate) lines: Vec<DiffLineView>,
}

/// One line of a difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct DiffLineView {
    /// `same`, `del`, `ins` or `gap`.
    pub(crate) kind: String,
    /// Its text.
    pub(crate) text: String,
}
