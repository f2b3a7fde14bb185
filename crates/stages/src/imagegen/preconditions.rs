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

/// Says that an episode hasn't got so far, if that is why its chapters.json isn't there.
pub(crate) fn explain_missing(error: StageError, episode: &Episode) -> StageError {
    match error {
        StageError::MissingInput { .. } if is_too_early(episode.status) => too_early(episode),
        other => other,
    }
}

fn is_too_early(status: EpisodeStatus) -> bool {
    use EpisodeStatus as S;
    !matches!(
        status,
        S::Chapterized
            | S::ImagesGenerated
            | S::CostLimit
            | S::TtsDone
            | S::Rendered
            | S::Approved
            | S::Published
    )
}

fn too_early(episode: &Episode) -> StageError {
    wrong_status(episode, format!("`btcedu plan {}` shows what comes before", episode.episode_id))
}

fn wrong_status(episode: &Episode, hint: String) -> StageError {
    StageError::WrongStatus {
        episode: episode.episode_id.clone(),
        status: episode.status,
        stage: Stage::Imagegen,
        wanted: WANTED,
        hint,
    }
}

/// Refuses statuses that are too early, and later ones unless forced.
pub(crate) fn check_status(inputs: &Inputs, force: bool) -> Result<(), StageError> {
    use EpisodeStatus as S;
    let episode = &inputs.episode;
    let refuse = |hint: String| Err(wrong_status(episode, hint));
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
        _ => Err(too_early(episode)),
    }
}
