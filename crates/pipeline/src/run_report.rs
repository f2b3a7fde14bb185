//! What a run along the plan did, and why it ended.

use btcedu_domain::{EpisodeId, EpisodeStatus, Stage, Usd, UtcTime};
use btcedu_stages::{Signal, StageEnd, StageReport};
use serde::Serialize;

/// One stage of a run.
#[derive(Debug, Clone, Serialize)]
pub struct StageRun {
    /// The stage.
    pub stage: Stage,
    /// How it ended, in one word.
    pub outcome: &'static str,
    /// How long it took, in seconds.
    pub duration_seconds: f64,
    /// What it cost.
    #[serde(rename = "cost_usd")]
    pub cost: Usd,
    /// The stage's own report.
    pub result: StageReport,
}

/// Why a run along the plan ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RunnerEnd {
    /// Nothing is left to do.
    Finished,
    /// Nothing is left to do, but some pictures are missing.
    FinishedPartly {
        /// Which pictures, and what to do.
        message: String,
    },
    /// A reviewer must decide.
    AwaitingReview {
        /// Which review, and how to decide it.
        message: String,
    },
    /// A person must allow something, or wait for another run.
    Blocked {
        /// What to allow or to wait for.
        message: String,
    },
    /// This version of the program doesn't have the next stage.
    NotBuilt {
        /// Which stages are missing.
        message: String,
    },
    /// The next call would pass the cost cap.
    CapReached {
        /// How to go on.
        message: String,
    },
    /// A stage failed.
    Failed {
        /// What to change.
        message: String,
    },
    /// A signal ended the run.
    Interrupted {
        /// Which signal.
        signal: Signal,
    },
}

impl RunnerEnd {
    /// Returns how a stage's end ends the run; `None` where the next stage may run.
    pub(crate) fn of_stage(end: &StageEnd) -> Option<Self> {
        match end.clone() {
            StageEnd::Done | StageEnd::Skipped => None,
            StageEnd::DonePartly { message } => Some(Self::FinishedPartly { message }),
            StageEnd::StillPending => {
                Some(Self::FinishedPartly { message: "some chapters have no picture yet".to_owned() })
            }
            StageEnd::CapReached { message } => Some(Self::CapReached { message }),
            StageEnd::Failed { message } => Some(Self::Failed { message }),
            StageEnd::Interrupted { signal } => Some(Self::Interrupted { signal }),
        }
    }
}

/// The result of a run along the plan; also the document that is kept in the workspace.
#[derive(Debug, Clone, Serialize)]
pub struct RunReport {
    /// The episode.
    pub episode_id: EpisodeId,
    /// The command line.
    pub command: String,
    /// When the run began.
    pub started_at: UtcTime,
    /// When it ended.
    pub ended_at: UtcTime,
    /// The stages that ran, in order.
    pub stages: Vec<StageRun>,
    /// Why it ended.
    pub end: RunnerEnd,
    /// The episode's status after the run.
    pub status: EpisodeStatus,
    /// What this run cost.
    #[serde(rename = "cost_usd")]
    pub cost: Usd,
    /// What the episode has cost in all runs.
    #[serde(rename = "episode_cost_usd")]
    pub episode_cost: Usd,
}
