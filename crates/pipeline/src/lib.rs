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
//! use btcedu_pipeline::{EpisodeState, Gates, PlanFlags, resolve_pipeline_plan};
//!
//! let episode = EpisodeState {
//!     episode_id: "abc123".parse()?,
//!     version: PipelineVersion::V2,
//!     status: EpisodeStatus::Chapterized,
//!     last_stage: None,
//! };
//! let plan = resolve_pipeline_plan(&episode, Gates::default(), PlanFlags::default());
//! assert_eq!(plan.next().unwrap().name(), "imagegen");
//! # Ok::<(), btcedu_domain::IdError>(())
//! ```

mod desk;
mod next;
mod overview;
mod pending;
mod plan;
mod refresh;
mod review;
mod runner;

/// What was decided in an episode's reviews; the stages write it down, and the dashboard may not know them.
pub use btcedu_stages::review::{DecisionRecord, ReviewHistory, ReviewRecord, load_history};
pub use desk::{Desk, DeskError};
pub use next::{NextStep, StagePreview, preview_next};
pub use overview::{
    EpisodeList, EpisodeOrder, EpisodeOverview, OverviewFilter, WaitKind, WaitingFor, list_episodes,
};
pub use pending::{PendingEpisode, list_pending};
pub use plan::{
    EpisodeState, GateState, Gates, PipelinePlan, PlanFlags, PlannedStep, Step, StepState, is_built,
    resolve_pipeline_plan,
};
pub use refresh::{LookBack, look_back};
pub use review::{
    Decision, ReviewError, ReviewProblem, ReviewView, Verdict, decide_review, find_review, list_reviews,
    open_review, take_up_text,
};
pub use runner::{
    RunOptions, RunReport, RunnerEnd, StageResult, StageRun, check_episode_exists, load_plan, run_episode,
};
