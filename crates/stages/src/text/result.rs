//! What a text stage did, for the CLI, JSON and tests; nobody computes it a second time.

use std::path::PathBuf;

use btcedu_domain::{EpisodeId, Stage, Usd};
use serde::Serialize;

use crate::Signal;

/// How a run of a text stage ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TextResult {
    /// The episode.
    pub episode_id: EpisodeId,
    /// The stage.
    pub stage: Stage,
    /// Why it ended, and what that means.
    pub end: TextRunEnd,
    /// Why it ran, or what there is to say of what it left alone.
    pub reason: String,
    /// Parts that the text was cut into.
    pub segments: usize,
    /// Parts whose answer had been paid for before.
    pub reused: usize,
    /// The file it writes.
    pub output_path: PathBuf,
    /// The diff for the reviewer.
    pub diff_path: Option<PathBuf>,
    /// The provenance.
    pub provenance_path: PathBuf,
    /// The review that was opened or brought up to date.
    pub review_task: Option<i64>,
    /// What this run cost, by the ledger; calls that may have been billed count at their estimate.
    #[serde(rename = "cost_usd")]
    pub cost: Usd,
    /// What the episode has cost by now, over all stages.
    #[serde(rename = "episode_cost_usd")]
    pub episode_cost: Usd,
    /// Tokens sent in this run.
    pub input_tokens: i64,
    /// Tokens received in this run.
    pub output_tokens: i64,
    /// How long it took, in seconds.
    pub duration_seconds: f64,
    /// What a person should know.
    pub warnings: Vec<String>,
}

/// Why a run of a text stage ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TextRunEnd {
    /// The text is there.
    Done,
    /// There was nothing to do.
    Skipped,
    /// The next call would pass the cap; answers that came are kept.
    CapReached {
        /// How to go on.
        message: String,
    },
    /// A person must change something first; answers that came are kept.
    Failed {
        /// What to change.
        message: String,
    },
    /// A signal ended it; answers that came are kept.
    Interrupted {
        /// Which.
        signal: Signal,
    },
}

/// What a run would do, without doing it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TextPreview {
    /// The episode.
    pub episode_id: EpisodeId,
    /// The stage.
    pub stage: Stage,
    /// Whether it would do anything.
    pub would_run: bool,
    /// Why, or why not.
    pub reason: String,
    /// Parts that the text would be cut into.
    pub segments: usize,
    /// Parts whose answer is paid for already.
    pub reused: usize,
    /// What the others should cost at most.
    #[serde(rename = "estimate_usd")]
    pub estimate: Usd,
    /// What the cap leaves for this run.
    #[serde(rename = "left_under_cap_usd")]
    pub left_under_cap: Usd,
    /// The request bodies that `--dry-run` wrote.
    pub files: Vec<PathBuf>,
}
