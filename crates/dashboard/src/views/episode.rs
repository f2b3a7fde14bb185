//! One episode: its steps with their runs, its texts, where they came from, and what comes next.

use btcedu_domain::{Sha256Hash, Usd, UtcTime};
use serde::Serialize;
use utoipa::ToSchema;

use crate::views::{
    episodes::EpisodeRowView, parts::CommandView, reviews::ReviewRecordView, text::TextLinkView,
};

/// Everything about one episode.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct EpisodeView {
    /// The episode, in short.
    pub(crate) episode: EpisodeRowView,
    /// Where it came from (`youtube_rss`, `rss`, `local`).
    pub(crate) source: String,
    /// The episode's link, where it is an http or https address.
    pub(crate) url: Option<String>,
    /// Length of the audio in seconds.
    pub(crate) duration_seconds: Option<i64>,
    /// When it was found or added.
    #[schema(value_type = String)]
    pub(crate) detected_at: UtcTime,
    /// All its steps, with their runs.
    pub(crate) steps: Vec<TimelineStepView>,
    /// What comes next and why.
    pub(crate) next: NextView,
    /// Its texts, in the order in which they are made.
    pub(crate) texts: Vec<TextLinkView>,
    /// The files that stages have written down, newest first.
    pub(crate) artifacts: Vec<ArtifactView>,
    /// What each artifact was made from, in the order of the stages.
    pub(crate) provenance: Vec<ProvenanceView>,
    /// All its reviews, newest first.
    pub(crate) reviews: Vec<ReviewRecordView>,
    /// Whether there is a chapters.json.
    pub(crate) has_chapters: bool,
    /// Whether there is a manifest of pictures.
    pub(crate) has_images: bool,
}

/// One step of the timeline.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct TimelineStepView {
    /// `correct`, `review gate 1`, …
    pub(crate) name: String,
    /// `done`, `next`, `waiting`, `not_built` or `later`.
    pub(crate) state: String,
    /// Whether it is a review gate.
    pub(crate) is_gate: bool,
    /// Why, or what to do; may be empty.
    pub(crate) note: String,
    /// Its runs, newest first.
    pub(crate) runs: Vec<RunView>,
    /// What its runs have cost together, in US dollars.
    #[schema(value_type = f64)]
    pub(crate) cost_usd: Usd,
}

/// One execution of a stage.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct RunView {
    /// `running`, `success` or `failed`.
    pub(crate) status: String,
    /// When it began.
    #[schema(value_type = String)]
    pub(crate) started_at: UtcTime,
    /// When it ended.
    #[schema(value_type = Option<String>)]
    pub(crate) completed_at: Option<UtcTime>,
    /// How long it took, in seconds.
    pub(crate) duration_seconds: Option<f64>,
    /// Tokens sent.
    pub(crate) input_tokens: i64,
    /// Tokens received.
    pub(crate) output_tokens: i64,
    /// What it cost, in US dollars.
    #[schema(value_type = f64)]
    pub(crate) cost_usd: Usd,
    /// The error in full.
    pub(crate) error: Option<String>,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct NextView {
    /// In a few words: `review gate 1`, `imagegen`, `nothing`.
    pub(crate) title: String,
    /// Why, in a sentence; may be empty.
    pub(crate) why: String,
    /// What it should cost at most, in US dollars, where that is known.
    #[schema(value_type = Option<f64>)]
    pub(crate) estimate_usd: Option<Usd>,
    /// What the cap leaves, in US dollars, where that is known.
    #[schema(value_type = Option<f64>)]
    pub(crate) left_under_cap_usd: Option<Usd>,
    /// Why it would stop, where it would.
    pub(crate) problem: Option<String>,
    /// The review to decide.
    pub(crate) review: Option<i64>,
    /// Commands to copy, the likeliest first.
    pub(crate) commands: Vec<CommandView>,
}

/// A file that a stage has written down.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct ArtifactView {
    /// What it is, in the stage's words.
    pub(crate) artifact_type: String,
    /// The file, relative to the workspace.
    pub(crate) path: String,
    /// The model that made it.
    pub(crate) model: Option<String>,
    /// When.
    #[schema(value_type = String)]
    pub(crate) created_at: UtcTime,
    /// Its size in bytes; none where it is not there.
    pub(crate) size_bytes: Option<u64>,
    /// Why it is out of date, where a marker says so.
    pub(crate) stale: Option<String>,
}

/// What one artifact was made from.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct ProvenanceView {
    /// The stage.
    pub(crate) stage: String,
    /// The file, relative to the workspace.
    pub(crate) path: String,
    /// Why nothing of it can be shown.
    pub(crate) problem: Option<String>,
    /// What it says, label by label.
    pub(crate) facts: Vec<FactView>,
    /// The files read.
    pub(crate) inputs: Vec<String>,
    /// The files written.
    pub(crate) outputs: Vec<FileHashView>,
    /// What a person should know.
    pub(crate) warnings: Vec<String>,
}

/// One line of a provenance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct FactView {
    /// `Prompt`, `Model`, `Tokens`, …
    pub(crate) label: String,
    /// The value, in words.
    pub(crate) value: String,
}

/// A file and its hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct FileHashView {
    /// The file, relative to the workspace.
    pub(crate) path: String,
    /// SHA-256 of its bytes.
    #[schema(value_type = Option<String>)]
    pub(crate) sha256: Option<Sha256Hash>,
}
