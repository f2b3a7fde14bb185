//! Looks back: which stage behind an episode would come out differently today, and what making it anew costs.

use btcedu_artifacts::stale_path;
use btcedu_domain::{EpisodeId, Stage, Usd};
use btcedu_models::{episodes, pipeline_runs};
use btcedu_stages::{BuiltStage, PreviewDetails, StageContext, StageError, StageFlags};
use serde::Serialize;

use crate::{PlanFlags, Step, StepState, load_plan};

/// The first stage that would be made anew; all behind it follow.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LookBack {
    /// The stage.
    pub stage: Stage,
    /// Why.
    pub reason: String,
    /// What it should cost at most.
    #[serde(rename = "estimate_usd")]
    pub estimate: Usd,
    /// Stages that are made anew if another text comes of it; their price depends on that text.
    pub then: Vec<Stage>,
    /// What the dearest earlier run of each of those has cost, added up: a hint at their price.
    #[serde(rename = "then_cost_before_usd")]
    pub then_cost_before: Usd,
}

/// Finds the first stage behind an episode that a new prompt, model or setting would make differently.
///
/// No network, no row, no file, no lock.
///
/// # Errors
/// [`StageError`] where the episode or what a stage reads can't be read.
pub async fn look_back(ctx: &StageContext, id: &EpisodeId) -> Result<Option<LookBack>, StageError> {
    let plan = load_plan(ctx, id, PlanFlags { refresh: true }).await?;
    let again = plan.steps.iter().filter(|step| step.state == StepState::LookAgain);
    let behind: Vec<BuiltStage> = again
        .filter_map(|step| match step.step {
            Step::Stage(stage) => BuiltStage::of(stage),
            Step::Gate(_) => None,
        })
        .collect();
    for (at, &stage) in behind.iter().enumerate() {
        if let Some((reason, estimate)) = would_change(ctx, id, stage).await? {
            let then: Vec<Stage> = behind.iter().skip(at + 1).map(|stage| stage.stage()).collect();
            let then_cost_before = cost_before(ctx, id, &then).await?;
            return Ok(Some(LookBack { stage: stage.stage(), reason, estimate, then, then_cost_before }));
        }
    }
    Ok(None)
}

/// Adds up what the dearest earlier run of each stage has cost.
async fn cost_before(ctx: &StageContext, id: &EpisodeId, stages: &[Stage]) -> Result<Usd, StageError> {
    let wanted = id.clone();
    let runs = ctx.db.run(move |conn| match episodes::find(conn, &wanted)? {
        Some(episode) => pipeline_runs::list_for_episode(conn, episode.id),
        None => Ok(Vec::new()),
    });
    let runs = runs.await?;
    let dearest = |stage: &Stage| {
        let costs = runs.iter().filter(|run| run.stage == *stage).map(|run| run.estimated_cost_usd);
        costs.max().unwrap_or_default()
    };
    Ok(stages.iter().map(dearest).sum())
}

async fn would_change(
    ctx: &StageContext,
    id: &EpisodeId,
    stage: BuiltStage,
) -> Result<Option<(String, Usd)>, StageError> {
    let flags = StageFlags { refresh: true, ..StageFlags::default() };
    match stage.preview(ctx, id, &flags).await {
        Ok(preview) if preview.would_run() => {
            let reason = match &preview.details {
                PreviewDetails::Text(text) => text.reason.clone(),
                PreviewDetails::Pictures(pictures) => {
                    format!("{} picture(s) would come out differently", pictures.pictures_to_buy())
                }
            };
            Ok(Some((reason, preview.estimate)))
        }
        Ok(_) => Ok(None),
        // Where a person brought the text in, or wrote in one that is up to date, it stands as it is.
        Err(StageError::MissingInput { .. }) if stage != BuiltStage::Imagegen => Ok(None),
        Err(StageError::EditedByHand { path, .. }) if !stale_path(&path).exists() => Ok(None),
        Err(error) => Err(error),
    }
}
