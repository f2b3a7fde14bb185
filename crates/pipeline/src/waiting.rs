//! What an episode waits for: a stage, a reviewer, a higher cap, or another person.

use std::{fmt, str::FromStr};

use btcedu_domain::{EpisodeStatus, ReviewStage, ReviewStatus, Stage};
use btcedu_models::{episodes::Episode, review_tasks::LatestReview};
use btcedu_stages::Position;
use serde::{Serialize, Serializer};

use crate::plan::{Gates, PipelinePlan, PlanFlags, Step, StepState, resolve_pipeline_plan};

/// What an episode waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitingFor {
    /// Nothing: all steps are done.
    Nothing,
    /// A run of the next stage.
    Stage(Stage),
    /// A stage that this version of the program doesn't have.
    NotBuilt(Stage),
    /// A reviewer.
    Review {
        /// Which gate.
        gate: ReviewStage,
        /// The review's number; `None` where no review has been opened yet.
        task: Option<i64>,
    },
    /// A higher cost cap.
    Cap {
        /// The stage that doesn't fit under the cap.
        stage: Stage,
    },
    /// A person who runs the stage again: its text was rejected without notes.
    Person {
        /// The review's number.
        task: i64,
    },
    /// A person who runs the stage again: its last runs all failed, and each cost something.
    Retry {
        /// How many runs failed since the last success.
        failures: i64,
    },
}

impl WaitingFor {
    /// Tells whether it is of a kind.
    pub fn is(self, kind: WaitKind) -> bool {
        match (self, kind) {
            (Self::Nothing, WaitKind::Nothing)
            | (Self::Review { .. }, WaitKind::Review)
            | (Self::Cap { .. }, WaitKind::Cap)
            | (Self::Person { .. } | Self::Retry { .. }, WaitKind::Person) => true,
            (Self::Stage(stage) | Self::NotBuilt(stage), WaitKind::Stage(wanted)) => stage == wanted,
            _ => false,
        }
    }
}

impl fmt::Display for WaitingFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Nothing => Ok(()),
            Self::Stage(stage) => write!(f, "{stage}"),
            Self::NotBuilt(stage) => write!(f, "{stage} (not built yet)"),
            Self::Review { gate, task: None } => f.write_str(Step::Gate(gate).name()),
            Self::Review { gate, task: Some(task) } => {
                write!(f, "{} (review {task})", Step::Gate(gate).name())
            }
            Self::Cap { stage } => write!(f, "a higher MAX_EPISODE_COST_USD, for {stage}"),
            Self::Retry { failures } => {
                write!(f, "a person who retries it ({failures} runs in a row have cost money and failed)")
            }
            Self::Person { task } => {
                write!(f, "a person who runs it (review {task} rejected it without notes)")
            }
        }
    }
}

impl Serialize for WaitingFor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A kind of [`WaitingFor`], to filter by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitKind {
    /// Nothing: all steps are done.
    Nothing,
    /// A stage, built or not.
    Stage(Stage),
    /// A reviewer, at either gate.
    Review,
    /// A higher cost cap.
    Cap,
    /// A person who runs the stage again.
    Person,
}

impl FromStr for WaitKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "nothing" => Ok(Self::Nothing),
            "review" => Ok(Self::Review),
            "cap" => Ok(Self::Cap),
            "person" => Ok(Self::Person),
            stage => stage.parse().map(Self::Stage).map_err(|_unknown| {
                "it is one of review, cap, person, nothing, or a stage's name such as imagegen".to_owned()
            }),
        }
    }
}

/// An episode, its plan, and what it waits for.
pub(crate) struct PlannedEpisode {
    pub(crate) episode: Episode,
    pub(crate) plan: PipelinePlan,
    pub(crate) waiting_for: WaitingFor,
}

impl PlannedEpisode {
    /// Decides the plan from the stage that ran last and the newest review of each gate.
    pub(crate) fn new(episode: Episode, last_run: Option<Stage>, reviews: &[LatestReview]) -> Self {
        let review_of = |gate: ReviewStage| reviews.iter().find(|review| review.stage == gate);
        let status = |gate| review_of(gate).map(|review| review.status);
        let gates = Gates { correct: status(ReviewStage::Correct), adapt: status(ReviewStage::Adapt) };
        let position = Position::of(&episode, last_run);
        let plan = resolve_pipeline_plan(&episode.episode_id, position, gates, PlanFlags::default());
        let waiting_for = plan.next().map_or(WaitingFor::Nothing, |next| match next.step {
            Step::Gate(gate) => {
                let open = review_of(gate).filter(|review| review.status.is_open());
                WaitingFor::Review { gate, task: open.map(|review| review.id) }
            }
            Step::Stage(stage) if next.state == StepState::NotBuilt => WaitingFor::NotBuilt(stage),
            Step::Stage(stage) if episode.status == EpisodeStatus::CostLimit => WaitingFor::Cap { stage },
            Step::Stage(stage) => match stage.gate_after().and_then(review_of) {
                Some(review) if is_rejected_without_notes(review) => WaitingFor::Person { task: review.id },
                _ => WaitingFor::Stage(stage),
            },
        });
        Self { episode, plan, waiting_for }
    }
}

/// Without notes the program can't tell whether another try would bring another text.
fn is_rejected_without_notes(review: &LatestReview) -> bool {
    let notes = review.reviewer_notes.as_deref().unwrap_or_default();
    review.status == ReviewStatus::Rejected && notes.trim().is_empty()
}
