//! The plan of one episode: which steps are done, which one is next. Decided from rows alone.

use btcedu_domain::{EpisodeId, EpisodeStatus, PipelineVersion, ReviewStage, ReviewStatus, Stage};
use btcedu_models::{DbError, review_tasks};
use btcedu_stages::{BuiltStage, Position, StageContext, StageError};
use serde::Serialize;

use crate::episode::query_episode;

/// The status of the newest review at each gate; `None` where no review has been opened yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gates {
    /// Gate 1, after correct.
    pub correct: Option<ReviewStatus>,
    /// Gate 2, after adapt.
    pub adapt: Option<ReviewStatus>,
}

impl Gates {
    /// Returns the status at one of them.
    pub const fn of(self, gate: ReviewStage) -> Option<ReviewStatus> {
        match gate {
            ReviewStage::Correct => self.correct,
            ReviewStage::Adapt => self.adapt,
        }
    }

    fn is_approved(self, step: Step) -> bool {
        matches!(step, Step::Gate(gate) if self.of(gate) == Some(ReviewStatus::Approved))
    }
}

/// What the user asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PlanFlags {
    /// Also look whether stages that are done would produce something else today.
    pub refresh: bool,
}

/// A stage, or a gate between two stages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A stage.
    Stage(Stage),
    /// A review that blocks the stages after it.
    Gate(ReviewStage),
}

impl Step {
    /// Returns the name that is shown to users.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stage(stage) => stage.as_str(),
            Self::Gate(ReviewStage::Correct) => "review gate 1",
            Self::Gate(ReviewStage::Adapt) => "review gate 2",
        }
    }
}

impl Serialize for Step {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// The state of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// Done.
    Done,
    /// Done, and looked at again because of `--refresh`.
    LookAgain,
    /// The next step.
    Next,
    /// The next step, and a reviewer must decide.
    Waiting,
    /// The next step, and this version of the program doesn't have it.
    NotBuilt,
    /// After the next step.
    Later,
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedStep {
    /// The stage or gate.
    pub step: Step,
    /// Its state.
    pub state: StepState,
    /// Whether this version of the program has it.
    pub built: bool,
    /// The reason, or what to do.
    pub note: String,
}

impl PlannedStep {
    /// Returns the step's name.
    pub fn name(&self) -> &'static str {
        self.step.name()
    }

    fn new(step: Step, state: StepState, note: impl Into<String>) -> Self {
        let built = !matches!(step, Step::Stage(stage) if BuiltStage::of(stage).is_none());
        Self { step, state, built, note: note.into() }
    }
}

/// All steps of an episode, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PipelinePlan {
    /// The episode.
    pub episode_id: EpisodeId,
    /// 1 or 2.
    pub pipeline_version: i32,
    /// Its status.
    pub status: EpisodeStatus,
    /// The steps.
    pub steps: Vec<PlannedStep>,
}

impl PipelinePlan {
    /// Returns the next step; `None` where all are done.
    pub fn next(&self) -> Option<&PlannedStep> {
        self.steps
            .iter()
            .find(|s| !matches!(s.state, StepState::Done | StepState::LookAgain | StepState::Later))
    }
}

const V1: [Step; 5] = [
    Step::Stage(Stage::Download),
    Step::Stage(Stage::Transcribe),
    Step::Stage(Stage::Chunk),
    Step::Stage(Stage::Generate),
    Step::Stage(Stage::Refine),
];

const V2: [Step; 9] = [
    Step::Stage(Stage::Download),
    Step::Stage(Stage::Transcribe),
    Step::Stage(Stage::Correct),
    Step::Gate(ReviewStage::Correct),
    Step::Stage(Stage::Translate),
    Step::Stage(Stage::Adapt),
    Step::Gate(ReviewStage::Adapt),
    Step::Stage(Stage::Chapterize),
    Step::Stage(Stage::Imagegen),
];

/// Loads what a plan depends on, and decides it. Reads no file.
///
/// # Errors
/// [`StageError::UnknownEpisode`], or the database's.
pub async fn load_plan(
    ctx: &StageContext,
    id: &EpisodeId,
    flags: PlanFlags,
) -> Result<PipelinePlan, StageError> {
    query_episode(ctx, id, move |conn, episode| {
        let position = Position::load(conn, &episode)?;
        let mut gate = |stage| {
            let task = review_tasks::find_latest(conn, &episode.episode_id, stage)?;
            Ok::<_, DbError>(task.map(|task| task.status))
        };
        let gates = Gates { correct: gate(ReviewStage::Correct)?, adapt: gate(ReviewStage::Adapt)? };
        Ok(resolve_pipeline_plan(&episode.episode_id, position, gates, flags))
    })
    .await
}

/// Decides which steps of an episode are done, which one is next, and which come later.
pub fn resolve_pipeline_plan(
    episode: &EpisodeId,
    position: Position,
    gates: Gates,
    flags: PlanFlags,
) -> PipelinePlan {
    let steps: &[Step] = match position.version {
        PipelineVersion::V1 => &V1,
        PipelineVersion::V2 => &V2,
    };
    let done = count_done(position, steps);
    let mut next_found = false;
    let steps = steps
        .iter()
        .enumerate()
        .map(|(at, &step)| {
            // An approved gate right before the next stage is done.
            if at < done || (at == done && gates.is_approved(step)) {
                return done_step(step, flags);
            }
            if next_found {
                return PlannedStep::new(step, StepState::Later, "");
            }
            next_found = true;
            next_step(step, episode, position, gates)
        })
        .collect();
    PipelinePlan {
        episode_id: episode.clone(),
        pipeline_version: position.version.number(),
        status: position.status,
        steps,
    }
}

/// Counts the steps that are done; an approved gate after them isn't counted.
fn count_done(position: Position, steps: &[Step]) -> usize {
    let place = |wanted: &dyn Fn(Stage) -> bool| {
        steps.iter().position(|step| matches!(step, Step::Stage(stage) if wanted(*stage)))
    };
    match position.status {
        EpisodeStatus::New => 0,
        EpisodeStatus::CostLimit | EpisodeStatus::Failed => {
            place(&|stage| Some(stage) == position.stopped_in).unwrap_or(0)
        }
        // All steps of this version are done; the stages that set these statuses are not built yet.
        EpisodeStatus::Completed
        | EpisodeStatus::TtsDone
        | EpisodeStatus::Rendered
        | EpisodeStatus::Approved
        | EpisodeStatus::Published => steps.len(),
        status => place(&|stage| stage.leaves_at() == status).map_or(0, |at| at + 1),
    }
}

fn done_step(step: Step, flags: PlanFlags) -> PlannedStep {
    let is_looked_at = flags.refresh && matches!(step, Step::Stage(stage) if BuiltStage::of(stage).is_some());
    if is_looked_at {
        let note = "--refresh looks whether it would come out differently";
        return PlannedStep::new(step, StepState::LookAgain, note);
    }
    PlannedStep::new(step, StepState::Done, "")
}

fn next_step(step: Step, id: &EpisodeId, position: Position, gates: Gates) -> PlannedStep {
    let stage = match step {
        Step::Gate(gate) if gates.of(gate).is_some_and(ReviewStatus::is_sent_back) => {
            return PlannedStep::new(step, StepState::Waiting, "the review sent the text back");
        }
        Step::Gate(_) => {
            let note = "a reviewer must approve the text first; `btcedu review list` shows it";
            return PlannedStep::new(step, StepState::Waiting, note);
        }
        Step::Stage(stage) => stage,
    };
    if BuiltStage::of(stage).is_none() {
        let note = "this version of btcedu doesn't have this stage yet";
        return PlannedStep::new(step, StepState::NotBuilt, note);
    }
    let note = if position.status == EpisodeStatus::CostLimit {
        format!("the cost cap was reached here; raise MAX_EPISODE_COST_USD and run `btcedu {stage} {id}`")
    } else {
        format!("`btcedu {stage} {id}`, or `btcedu run {id}`")
    };
    PlannedStep::new(step, StepState::Next, note)
}

#[cfg(test)]
mod tests;
