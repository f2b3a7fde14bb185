//! Whether imagegen may start on an episode at all.

use btcedu_domain::{EpisodeStatus, PipelineVersion, Stage};
use btcedu_models::episodes::Episode;

use crate::{StageError, frame::Position};

const WANTED: &str = "'chapterized' or 'images_generated'";

/// Refuses v1 episodes.
pub(crate) fn check_pipeline(episode: &Episode) -> Result<(), StageError> {
    if episode.pipeline_version == PipelineVersion::V2 {
        return Ok(());
    }
    Err(StageError::WrongPipeline { episode: episode.episode_id.clone(), stage: Stage::Imagegen })
}

/// Refuses v1 episodes, and those that have no chapters yet.
pub(crate) fn check_reached(episode: &Episode, position: Position) -> Result<(), StageError> {
    check_pipeline(episode)?;
    // Where a cap stopped it earlier, `check_status` says so.
    if position.has_reached(EpisodeStatus::Chapterized) || episode.status == EpisodeStatus::CostLimit {
        return Ok(());
    }
    Err(wrong_status(episode, format!("`btcedu plan {}` shows what comes before", episode.episode_id)))
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
pub(crate) fn check_status(episode: &Episode, position: Position, force: bool) -> Result<(), StageError> {
    check_reached(episode, position)?;
    if !position.has_reached(EpisodeStatus::Chapterized) {
        return Err(wrong_status(
            episode,
            format!(
                "its cost cap was reached in an earlier stage; raise MAX_EPISODE_COST_USD and use `btcedu run {}`",
                episode.episode_id
            ),
        ));
    }
    if position.is_past(EpisodeStatus::ImagesGenerated) && !force {
        let hint = "it is further already; --force makes its pictures anew and sends it back";
        return Err(wrong_status(episode, hint.to_owned()));
    }
    Ok(())
}
