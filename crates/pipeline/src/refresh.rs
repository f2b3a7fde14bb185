//! Finds which done stage would produce something else today, and what running it again costs.

use btcedu_artifacts::stale_path;
use btcedu_domain::{EpisodeId, Stage, Usd};
use btcedu_models::pipeline_runs;
use btcedu_stages::{BuiltStage, PreviewDetails, StageContext, StageError, StageFlags};
use serde::Serialize;

use crate::{
    episode::query_episode,
    plan::{PlanFlags, Step, StepState, load_plan},
};

/// The first done stage that would be run again.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RefreshPlan {
    /// The stage.
    pub stage: Stage,
    /// Why it would be run again.
    pub reason: String,
    /// What it should cost at most.
    #[serde(rename = "estimate_usd")]
    pub estimate: Usd,
    /// The done stages after it. They are run again if it produces another text, and their price
    /// depends on that text.
    pub then: Vec<Stage>,
    /// A hint at their price: the cost of the most expensive earlier run of each, added up.
    #[serde(rename = "then_cost_before_usd")]
    pub then_cost_before: Usd,
}

/// Finds the first done stage that a new prompt, model or setting would change.
///
/// Uses no network and no lock; writes no row and no file.
///
/// # Errors
/// [`StageError`] where the episode or an input of a stage can't be read.
pub async fn plan_refresh(ctx: &StageContext, id: &EpisodeId) -> Result<Option<RefreshPlan>, StageError> {
    let plan = load_plan(ctx, id, PlanFlags { refresh: true }).await?;
    let looked_at = plan.steps.iter().filter(|step| step.state == StepState::LookAgain);
    let done: Vec<BuiltStage> = looked_at
        .filter_map(|step| match step.step {
            Step::Stage(stage) => BuiltStage::of(stage),
            Step::Gate(_) => None,
        })
        .collect();
    for (at, &stage) in done.iter().enumerate() {
        if let Some(change) = find_change(ctx, id, stage).await? {
            let then: Vec<Stage> = done.iter().skip(at + 1).map(|stage| stage.stage()).collect();
            return Ok(Some(RefreshPlan {
                stage: stage.stage(),
                reason: change.reason,
                estimate: change.estimate,
                then_cost_before: highest_costs(ctx, id, then.clone()).await?,
                then,
            }));
        }
    }
    Ok(None)
}

/// Adds up the cost of the most expensive run of each stage.
async fn highest_costs(ctx: &StageContext, id: &EpisodeId, stages: Vec<Stage>) -> Result<Usd, StageError> {
    query_episode(ctx, id, move |conn, episode| {
        let runs = pipeline_runs::list_for_episode(conn, episode.id)?;
        let highest = |stage: &Stage| {
            let costs = runs.iter().filter(|run| run.stage == *stage).map(|run| run.estimated_cost_usd);
            costs.max().unwrap_or_default()
        };
        Ok(stages.iter().map(highest).sum())
    })
    .await
}

/// Why a stage would produce something else, and what that costs at most.
struct Change {
    reason: String,
    estimate: Usd,
}

async fn find_change(
    ctx: &StageContext,
    id: &EpisodeId,
    stage: BuiltStage,
) -> Result<Option<Change>, StageError> {
    let flags = StageFlags { refresh: true, ..StageFlags::default() };
    match stage.preview(ctx, id, &flags).await {
        Ok(preview) if preview.would_run() => {
            let reason = match &preview.details {
                PreviewDetails::Text(text) => text.reason.clone(),
                PreviewDetails::Pictures(pictures) => {
                    format!("{} picture(s) would come out differently", pictures.pictures_to_buy())
                }
            };
            Ok(Some(Change { reason, estimate: preview.estimate }))
        }
        Ok(_) => Ok(None),
        // A text whose input is missing was brought in by a person. It is kept, and so is an edit that is current.
        Err(StageError::MissingInput { .. }) if stage != BuiltStage::Imagegen => Ok(None),
        Err(StageError::EditedByHand { path, .. }) if !stale_path(&path).exists() => Ok(None),
        Err(error) => Err(error),
    }
}
