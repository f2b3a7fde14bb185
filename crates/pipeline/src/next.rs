//! Previews the next step of an episode. The stage itself decides what it would do and cost.

use btcedu_domain::{EpisodeId, with_causes};
use btcedu_stages::{BuiltStage, StageContext, StageError, StageFlags, StagePreview};

use crate::plan::{PipelinePlan, PlanFlags, PlannedStep, Step, StepState, load_plan};

/// A plan, and what its next stage would do.
#[derive(Debug, Clone)]
pub struct NextStep {
    /// The plan.
    pub plan: PipelinePlan,
    /// What the next stage would do. `None` where a person comes next, and where [`NextStep::problem`] is set.
    pub preview: Option<StagePreview>,
    /// Why the next stage would stop before it does anything.
    pub problem: Option<String>,
}

/// Previews the next step. Uses no network and no lock; writes no row and no file.
///
/// With [`PlanFlags::refresh`], imagegen is previewed also where it is done.
///
/// # Errors
/// [`StageError::UnknownEpisode`], or the database's. An error of the next stage is in [`NextStep::problem`].
pub async fn preview_next(
    ctx: &StageContext,
    id: &EpisodeId,
    flags: PlanFlags,
) -> Result<NextStep, StageError> {
    let plan = load_plan(ctx, id, flags).await?;
    let stage_flags = StageFlags { refresh: flags.refresh, ..StageFlags::default() };
    let (preview, problem) = match plan.steps.iter().find_map(stage_to_preview) {
        Some(stage) => match stage.preview(ctx, id, &stage_flags).await {
            Ok(preview) => (Some(preview), None),
            Err(error) => (None, Some(with_causes(&error))),
        },
        None => (None, None),
    };
    Ok(NextStep { plan, preview, problem })
}

fn stage_to_preview(step: &PlannedStep) -> Option<BuiltStage> {
    let Step::Stage(stage) = step.step else { return None };
    let stage = BuiltStage::of(stage)?;
    let is_previewed = match step.state {
        StepState::Next => true,
        StepState::LookAgain => stage == BuiltStage::Imagegen,
        _ => false,
    };
    is_previewed.then_some(stage)
}
