//! The plan of one episode, decided from rows alone.

use btcedu_domain::{EpisodeId, EpisodeStatus, PipelineVersion, ReviewStage, Stage};
use serde::Serialize;

/// What the plan depends on in the episode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpisodeState {
    /// The episode.
    pub episode_id: EpisodeId,
    /// Which pipeline it follows.
    pub version: PipelineVersion,
    /// How far it has got.
    pub status: EpisodeStatus,
    /// The stage that ran last: where `cost_limit` and `failed` are resumed.
    pub last_stage: Option<Stage>,
}

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

/// Both gates of an episode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gates {
    /// Gate 1, after correct.
    pub correct: GateState,
    /// Gate 2, after adapt.
    pub adapt: GateState,
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

/// Tells whether this version of the program has a stage.
pub const fn is_built(stage: Stage) -> bool {
    matches!(stage, Stage::Correct | Stage::Translate | Stage::Adapt | Stage::Chapterize | Stage::Imagegen)
}

/// Decides what is behind an episode, what comes next, and what later.
pub fn resolve_pipeline_plan(episode: &EpisodeState, gates: Gates, flags: PlanFlags) -> PipelinePlan {
    let steps: &[Step] = match episode.version {
        PipelineVersion::V1 => &V1,
        PipelineVersion::V2 => &V2,
    };
    let reached = reached(episode, steps);
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
            next_step(step, episode, gates)
        })
        .collect();
    PipelinePlan {
        episode_id: episode.episode_id.clone(),
        pipeline_version: episode.version.number(),
        status: episode.status,
        steps,
    }
}

/// A gate right before the next stage is behind the episode once it is approved.
fn is_approved(step: Step, at: usize, reached: usize, gates: Gates) -> bool {
    at == reached && matches!(step, Step::Gate(gate) if gate_state(gate, gates) == GateState::Approved)
}

fn gate_state(gate: ReviewStage, gates: Gates) -> GateState {
    match gate {
        ReviewStage::Correct => gates.correct,
        ReviewStage::Adapt => gates.adapt,
    }
}

/// Counts the steps that the status says are behind the episode.
fn reached(episode: &EpisodeState, steps: &[Step]) -> usize {
    let place = |stage: Stage| steps.iter().position(|s| *s == Step::Stage(stage));
    let after = |stage: Stage| place(stage).map_or(0, |at| at + 1);
    match episode.status {
        EpisodeStatus::New => 0,
        EpisodeStatus::Downloaded => after(Stage::Download),
        EpisodeStatus::Transcribed => after(Stage::Transcribe),
        EpisodeStatus::Chunked => after(Stage::Chunk),
        EpisodeStatus::Generated => after(Stage::Generate),
        EpisodeStatus::Refined => after(Stage::Refine),
        EpisodeStatus::Corrected => after(Stage::Correct),
        EpisodeStatus::Translated => after(Stage::Translate),
        EpisodeStatus::Adapted => after(Stage::Adapt),
        EpisodeStatus::Chapterized => after(Stage::Chapterize),
        EpisodeStatus::ImagesGenerated => after(Stage::Imagegen),
        // Done as far as this program goes; what follows is later work.
        EpisodeStatus::Completed
        | EpisodeStatus::TtsDone
        | EpisodeStatus::Rendered
        | EpisodeStatus::Approved
        | EpisodeStatus::Published => steps.len(),
        // The runs tell which stage it was.
        EpisodeStatus::CostLimit | EpisodeStatus::Failed => episode.last_stage.and_then(place).unwrap_or(0),
    }
}

fn behind_step(step: Step, flags: PlanFlags) -> PlannedStep {
    let again = flags.refresh && matches!(step, Step::Stage(stage) if is_built(stage));
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

fn next_step(step: Step, episode: &EpisodeState, gates: Gates) -> PlannedStep {
    let id = &episode.episode_id;
    match step {
        Step::Gate(gate) => planned(step, StepState::Waiting, gate_note(gate_state(gate, gates))),
        Step::Stage(stage) if !is_built(stage) => planned(
            step,
            StepState::NotBuilt,
            "this version of btcedu doesn't have this stage yet".to_owned(),
        ),
        Step::Stage(stage) if episode.status == EpisodeStatus::CostLimit => planned(
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
    let built = !matches!(step, Step::Stage(stage) if !is_built(stage));
    PlannedStep { step, state, built, note }
}

#[cfg(test)]
mod tests;
