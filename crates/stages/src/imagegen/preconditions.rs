//! Whether the stage may start on an episode at all.

use btcedu_domain::{EpisodeStatus, PipelineVersion, Stage};
use btcedu_models::episodes::Episode;

use crate::{StageError, imagegen::gather::Inputs};

const WANTED: &str = "'chapterized' or 'images_generated'";

/// Refuses v1 episodes.
pub(crate) fn check_pipeline(episode: &Episode) -> Result<(), StageError> {
    if episode.pipeline_version == PipelineVersion::V2 {
        return Ok(());
    }
    Err(StageError::WrongPipeline { episode: episode.episode_id.clone(), stage: Stage::Imagegen })
}

/// Refuses statuses that are too early, and later ones unless forced.
pub(crate) fn check_status(inputs: &Inputs, force: bool) -> Result<(), StageError> {
    use EpisodeStatus as S;
    let episode = &inputs.episode;
    let refuse = |hint: String| {
        Err(StageError::WrongStatus {
            episode: episode.episode_id.clone(),
            status: episode.status,
            stage: Stage::Imagegen,
            wanted: WANTED,
            hint,
        })
    };
    match episode.status {
        S::Chapterized | S::ImagesGenerated => Ok(()),
        // The runs tell in which stage the cap was reached.
        S::CostLimit if inputs.ran_last => Ok(()),
        S::TtsDone | S::Rendered | S::Approved | S::Published if force => Ok(()),
        S::TtsDone | S::Rendered | S::Approved | S::Published => {
            refuse("it is further already; --force makes its pictures anew and sends it back".to_owned())
        }
        S::CostLimit => refuse(format!(
            "its cost cap was reached in an earlier stage; raise MAX_EPISODE_COST_USD and use `btcedu run {}`",
            episode.episode_id
        )),
        _ => refuse(format!("`btcedu plan {}` shows what comes before", episode.episode_id)),
    }
}
