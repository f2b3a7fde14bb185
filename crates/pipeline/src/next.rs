//! What the next step of an episode would do and cost, decided by the stage itself.

use btcedu_domain::{EpisodeId, Stage, Usd};
use btcedu_stages::{
    StageContext, StageError,
    imagegen::{ImageGenFlags, Preview, preview_imagegen},
    text::{TextFlags, TextPreview, TextStage, preview_text_stage},
    with_causes,
};

use crate::{PipelinePlan, PlanFlags, PlannedStep, Step, StepState, load_plan};

/// A plan, and what its next stage would do.
#[derive(Debug, Clone)]
pub struct NextStep {
    /// The plan.
    pub plan: PipelinePlan,
    /// What the next stage would do; none where a person comes next, or where [`NextStep::problem`] says why.
    pub preview: Option<StagePreview>,
    /// Why the next stage would stop before it does anything.
    pub problem: Option<String>,
}

/// What a stage would do.
#[derive(Debug, Clone)]
pub enum StagePreview {
    /// A text stage.
    Text(TextPreview),
    /// imagegen.
    Pictures(Box<Preview>),
}

impl StagePreview {
    /// Returns what it should cost at most.
    pub fn estimate(&self) -> Usd {
        match self {
            Self::Text(preview) => preview.estimate,
            Self::Pictures(preview) => preview.list.estimate,
        }
    }

    /// Returns what the cap leaves.
    pub fn left_under_cap(&self) -> Usd {
        match self {
            Self::Text(preview) => preview.left_under_cap,
            Self::Pictures(preview) => preview.left_under_cap,
        }
    }

    /// Says what it would do, in words.
    pub fn summary(&self) -> String {
        match self {
            Self::Text(preview) => preview.reason.clone(),
            Self::Pictures(preview) => match preview.list.pictures_to_buy() {
                0 => "no picture would be bought".to_owned(),
                1 => "1 picture would be bought".to_owned(),
                more => format!("{more} pictures would be bought"),
            },
        }
    }
}

/// Looks what comes next, and what it would do: no network, no row, no file, no lock.
///
/// With [`PlanFlags::refresh`], imagegen is looked at also where it is behind the episode.
///
/// # Errors
/// [`StageError::UnknownEpisode`], or the database's; what is wrong with the next stage is in
/// [`NextStep::problem`].
pub async fn preview_next(
    ctx: &StageContext,
    id: &EpisodeId,
    flags: PlanFlags,
) -> Result<NextStep, StageError> {
    let plan = load_plan(ctx, id, flags).await?;
    let (preview, problem) = match plan.steps.iter().find_map(looked_at) {
        Some(stage) => match preview(ctx, id, stage, flags.refresh).await {
            Ok(preview) => (Some(preview), None),
            Err(error) => (None, Some(with_causes(&error))),
        },
        None => (None, None),
    };
    Ok(NextStep { plan, preview, problem })
}

fn looked_at(step: &PlannedStep) -> Option<Stage> {
    match (step.step, step.state) {
        (Step::Stage(stage), StepState::Next) if step.built => Some(stage),
        (Step::Stage(Stage::Imagegen), StepState::LookAgain) => Some(Stage::Imagegen),
        _ => None,
    }
}

async fn preview(
    ctx: &StageContext,
    id: &EpisodeId,
    stage: Stage,
    refresh: bool,
) -> Result<StagePreview, StageError> {
    if let Some(text) = TextStage::of(stage) {
        let flags = TextFlags { refresh, ..TextFlags::default() };
        return Ok(StagePreview::Text(preview_text_stage(ctx, id, text, flags).await?));
    }
    let flags = ImageGenFlags { refresh, ..ImageGenFlags::default() };
    Ok(StagePreview::Pictures(Box::new(preview_imagegen(ctx, id, &flags).await?)))
}
