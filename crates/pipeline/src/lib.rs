//! Which step comes next, and why.
//!
//! The plan of an episode is a pure function of its row, its gates and flags; the
//! runner goes along it as far as stages are built.
//!
//! May use: `btcedu-domain`, `-artifacts`, `-models`, `-prompts`, `-stages`.
//!
//! Invariants: a v1 plan holds no v2 stage, a v2 plan no v1 stage · a stage that is not
//! built is shown as such and never passed over.
//!
//! # Example
//! ```
//! use btcedu_domain::{EpisodeStatus, PipelineVersion};
//! use btcedu_pipeline::{Gates, PlanFlags, resolve_pipeline_plan};
//! use btcedu_stages::Position;
//!
//! let position =
//!     Position { version: PipelineVersion::V2, status: EpisodeStatus::Chapterized, stopped_in: None };
//! let plan =
//!     resolve_pipeline_plan(&"abc123".parse()?, position, Gates::default(), PlanFlags::default());
//! assert_eq!(plan.next().unwrap().name(), "imagegen");
//! # Ok::<(), btcedu_domain::IdError>(())
//! ```

mod desk;
mod next;
mod overview;
mod pending;
mod plan;
mod refresh;
mod review_decisions;
mod runner;

/// What was decided in an episode's reviews; the stages write it down, and the dashboard may not know them.
pub use btcedu_stages::review_tasks::{DecisionRecord, ReviewHistory, ReviewRecord, load_history};
pub use btcedu_stages::{PreviewDetails, StagePreview};
pub use desk::{Desk, DeskError};
pub use next::{NextStep, preview_next};
pub use overview::{
    EpisodeList, EpisodeOrder, EpisodeOverview, OverviewFilter, WaitKind, WaitingFor, list_episodes,
};
pub use pending::{PendingEpisode, list_pending};
pub use plan::{
    GateState, Gates, PipelinePlan, PlanFlags, PlannedStep, Step, StepState, resolve_pipeline_plan,
};
pub use refresh::{LookBack, look_back};
pub use review_decisions::{
    Decision, ReviewError, ReviewView, Verdict, accept_edit, decide_review, find_review, list_reviews,
    open_review,
};
pub use runner::{
    RunOptions, RunReport, RunnerEnd, StageRun, check_episode_exists, load_plan, lock_episode, run_episode,
    run_stage,
};
