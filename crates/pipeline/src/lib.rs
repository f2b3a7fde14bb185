//! Which step comes next, and why.
//!
//! The plan of an episode is a pure function of its position, its gates and flags. The
//! runner runs its stages in order, as far as they are built.
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
mod episode;
mod next;
mod overview;
mod pending;
mod plan;
mod refresh;
mod review_decisions;
mod review_error;
mod review_views;
mod run_report;
mod runner;
mod waiting;

/// The reviews and decisions of an episode. The dashboard needs them and may not use the stages, which write them.
pub use btcedu_stages::review_tasks::{DecisionRecord, ReviewHistory, ReviewRecord, load_history};
pub use btcedu_stages::{PreviewDetails, StagePreview};
pub use desk::{Desk, DeskError};
pub use episode::{check_episode_exists, lock_episode, run_stage};
pub use next::{NextStep, preview_next};
pub use overview::{EpisodeList, EpisodeOrder, EpisodeOverview, OverviewFilter, list_episodes};
pub use pending::{PendingEpisode, list_pending};
pub use plan::{
    Gates, PipelinePlan, PlanFlags, PlannedStep, Step, StepState, load_plan, resolve_pipeline_plan,
};
pub use refresh::{RefreshPlan, plan_refresh};
pub use review_decisions::{Decision, Verdict, accept_edit, decide_review};
pub use review_error::ReviewError;
pub use review_views::{ReviewView, find_review, list_reviews, open_review};
pub use run_report::{RunReport, RunnerEnd, StageRun};
pub use runner::{RunOptions, run_episode};
pub use waiting::{WaitKind, WaitingFor};
