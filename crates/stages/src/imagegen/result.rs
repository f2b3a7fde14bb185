//! What a run did, for the CLI, JSON and tests; nobody computes it a second time.

use std::path::PathBuf;

use btcedu_domain::{ChapterId, EpisodeId, ImageStatus, Usd, VisualType};
use serde::Serialize;

use crate::{Signal, imagegen::Decision};

/// How a run of imagegen ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ImageGenResult {
    /// The episode.
    pub episode_id: EpisodeId,
    /// Why it ended, and what that means.
    pub end: RunEnd,
    /// Pictures bought in this run.
    pub generated: usize,
    /// Pictures that stayed.
    pub kept: usize,
    /// Pictures of the store that became current.
    pub reused: usize,
    /// Chapters whose type gets none.
    pub skipped: usize,
    /// Chapters whose prompt was refused, now or before.
    pub rejected: usize,
    /// Chapters where all tries of this run failed.
    pub failed: usize,
    /// Chapters that have no picture and weren't tried.
    pub pending: usize,
    /// The manifest, whether it had to be written or not.
    pub manifest_path: PathBuf,
    /// The provenance, whether it had to be written or not.
    pub provenance_path: PathBuf,
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
    /// Calls of this episode that may have been billed without an answer.
    pub unknown_calls: usize,
    /// Their estimates together.
    #[serde(rename = "unknown_cost_usd")]
    pub unknown_cost: Usd,
    /// What an interrupted run had left and was mended, in words.
    pub mended: Vec<String>,
    /// What a person should know.
    pub warnings: Vec<String>,
    /// Per chapter, in chapter order.
    pub chapters: Vec<ChapterResult>,
}

/// What happened to one chapter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChapterResult {
    /// The chapter.
    pub chapter_id: ChapterId,
    /// Its title.
    pub chapter_title: String,
    /// Kind of visual.
    pub visual_type: VisualType,
    /// What was decided.
    pub decision: Decision,
    /// Why.
    pub reason: String,
    /// What the manifest says now.
    pub status: ImageStatus,
    /// The picture's file.
    pub file: Option<PathBuf>,
    /// What the current picture cost.
    #[serde(rename = "cost_usd")]
    pub cost: Option<Usd>,
    /// What went wrong in this run.
    pub error: Option<String>,
    /// It went wrong because the provider refused the prompt.
    pub refused: bool,
}

/// Why a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RunEnd {
    /// Every chapter that wants a picture has one.
    Done,
    /// There was nothing to do.
    Skipped,
    /// Some chapters failed or were refused; the others have their picture.
    DonePartly {
        /// Which, and what to do.
        message: String,
    },
    /// `--chapter` left chapters without a picture.
    StillPending,
    /// The next call would pass the cap.
    CapReached {
        /// How to go on.
        message: String,
    },
    /// A person must change something first; pictures are kept.
    Failed {
        /// What to change.
        message: String,
    },
    /// A signal ended it; pictures are kept.
    Interrupted {
        /// Which.
        signal: Signal,
    },
}
