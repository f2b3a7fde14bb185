//! What the next step of an episode would do and cost, decided by the stage itself.

use btcedu_domain::{EpisodeId, with_causes};
use btcedu_stages::{BuiltStage, StageContext, StageError, StageFlags, StagePreview};

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
    let stage_flags = StageFlags { refresh: flags.refresh, ..StageFlags::default() };
    let (preview, problem) = match plan.steps.iter().find_map(looked_at) {
        Some(stage) => match stage.preview(ctx, id, &stage_flags).await {
            Ok(preview) => (Some(preview), None),
            Err(error) => (None, Some(with_causes(&error))),
        },
        None => (None, None),
    };
    Ok(NextStep { plan, preview, problem })
}

fn looked_at(step: &PlannedStep) -> Option<BuiltStage> {
    let Step::Stage(stage) = step.step else { return None };
    let stage = BuiltStage::of(stage)?;
    let is_looked_at = match step.state {
        StepState::Next => true,
        StepState::LookAgain => stage == BuiltStage::Imagegen,
        _ => false,
    };
    is_looked_at.then_some(stage)
}
