//! The plan of one episode, decided from rows alone.

use btcedu_domain::{EpisodeId, EpisodeStatus, PipelineVersion, ReviewStage, ReviewStatus, Stage};
use btcedu_stages::{BuiltStage, Position};
use serde::Serialize;

/// What is known of one gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GateState {
    /// Nobody was asked yet.
    #[default]
    NotAsked,
    /// Somebody must decide.
    Waiting,
    /// Go on.
    Approved,
    /// Sent back, with or without notes.
    SentBack,
}

impl From<ReviewStatus> for GateState {
    fn from(status: ReviewStatus) -> Self {
        match status {
            ReviewStatus::Approved => Self::Approved,
            ReviewStatus::Pending | ReviewStatus::InReview => Self::Waiting,
            ReviewStatus::Rejected | ReviewStatus::ChangesRequested => Self::SentBack,
        }
    }
}

/// Both gates of an episode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gates {
    /// Gate 1, after correct.
    pub correct: GateState,
    /// Gate 2, after adapt.
    pub adapt: GateState,
}

impl Gates {
    /// Returns the state of one of them.
    pub const fn of(self, gate: ReviewStage) -> GateState {
        match gate {
            ReviewStage::Correct => self.correct,
            ReviewStage::Adapt => self.adapt,
        }
    }
}

/// What the person asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PlanFlags {
    /// Look at the stages that are done, too.
    pub refresh: bool,
}

/// A stage, or a gate between two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A stage.
    Stage(Stage),
    /// A review that blocks what follows.
    Gate(ReviewStage),
}

impl Step {
    /// Returns the name shown to people.
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

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// Behind the episode.
    Done,
    /// Behind the episode, and looked at again because of `--refresh`.
    LookAgain,
    /// The next to be done.
    Next,
    /// The next, and a person must decide first.
    Waiting,
    /// The next, and this version of the program doesn't have it.
    NotBuilt,
    /// After the next.
    Later,
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedStep {
    /// The stage or gate.
    pub step: Step,
    /// Where it stands.
    pub state: StepState,
    /// Whether this version of the program has it.
    pub built: bool,
    /// Why, or what to do, in words.
    pub note: String,
}

impl PlannedStep {
    /// Returns the step's name.
    pub fn name(&self) -> &'static str {
        self.step.name()
    }
}

/// All steps of an episode, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PipelinePlan {
    /// The episode.
    pub episode_id: EpisodeId,
    /// 1 or 2.
    pub pipeline_version: i32,
    /// How far it has got.
    pub status: EpisodeStatus,
    /// The steps.
    pub steps: Vec<PlannedStep>,
}

impl PipelinePlan {
    /// Returns the step that comes next; none where the plan is done.
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

/// Decides what is behind an episode, what comes next, and what later.
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
    let reached = reached(position, steps);
    let mut next_found = false;
    let steps = steps
        .iter()
        .enumerate()
        .map(|(at, &step)| {
            let behind = at < reached || is_approved(step, at, reached, gates);
            if behind {
                return behind_step(step, flags);
            }
            if next_found {
                return planned(step, StepState::Later, String::new());
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

/// A gate right before the next stage is behind the episode once it is approved.
fn is_approved(step: Step, at: usize, reached: usize, gates: Gates) -> bool {
    at == reached && matches!(step, Step::Gate(gate) if gates.of(gate) == GateState::Approved)
}

/// Counts the steps that are behind the episode.
fn reached(position: Position, steps: &[Step]) -> usize {
    let place = |wanted: &dyn Fn(Stage) -> bool| {
        steps.iter().position(|step| matches!(step, Step::Stage(stage) if wanted(*stage)))
    };
    match position.status {
        EpisodeStatus::New => 0,
        EpisodeStatus::CostLimit | EpisodeStatus::Failed => {
            place(&|stage| Some(stage) == position.stopped_in).unwrap_or(0)
        }
        // Done as far as this program goes; what follows is later work.
        EpisodeStatus::Completed
        | EpisodeStatus::TtsDone
        | EpisodeStatus::Rendered
        | EpisodeStatus::Approved
        | EpisodeStatus::Published => steps.len(),
        status => place(&|stage| stage.leaves_at() == status).map_or(0, |at| at + 1),
    }
}

fn behind_step(step: Step, flags: PlanFlags) -> PlannedStep {
    let again = flags.refresh && matches!(step, Step::Stage(stage) if BuiltStage::of(stage).is_some());
    if again {
        planned(
            step,
            StepState::LookAgain,
            "--refresh looks whether it would come out differently".to_owned(),
        )
    } else {
        planned(step, StepState::Done, String::new())
    }
}

fn next_step(step: Step, id: &EpisodeId, position: Position, gates: Gates) -> PlannedStep {
    match step {
        Step::Gate(gate) => planned(step, StepState::Waiting, gate_note(gates.of(gate))),
        Step::Stage(stage) if BuiltStage::of(stage).is_none() => planned(
            step,
            StepState::NotBuilt,
            "this version of btcedu doesn't have this stage yet".to_owned(),
        ),
        Step::Stage(stage) if position.status == EpisodeStatus::CostLimit => planned(
            step,
            StepState::Next,
            format!(
                "the cost cap was reached here; raise MAX_EPISODE_COST_USD and run `btcedu {stage} {id}`"
            ),
        ),
        Step::Stage(stage) => {
            planned(step, StepState::Next, format!("`btcedu {stage} {id}`, or `btcedu run {id}`"))
        }
    }
}

fn gate_note(state: GateState) -> String {
    match state {
        GateState::NotAsked | GateState::Waiting => {
            "a reviewer must approve the text first; `btcedu review list` shows it"
        }
        GateState::SentBack => "the review sent the text back",
        GateState::Approved => "approved",
    }
    .to_owned()
}

fn planned(step: Step, state: StepState, note: String) -> PlannedStep {
    let built = !matches!(step, Step::Stage(stage) if BuiltStage::of(stage).is_none());
    PlannedStep { step, state, built, note }
}

#[cfg(test)]
mod tests;
