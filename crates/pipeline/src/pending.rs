//! The episodes that a timer may run.

use btcedu_domain::{EpisodeId, EpisodeStatus, PipelineVersion, Stage};
use btcedu_models::{Db, DbError};
use jiff::civil::Date;
use serde::Serialize;

use crate::{
    overview::{OverviewFilter, load_planned},
    waiting::{PlannedEpisode, WaitingFor},
};

/// An episode that can go on without a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PendingEpisode {
    /// The episode.
    pub episode_id: EpisodeId,
    /// Its title.
    pub title: String,
    /// Its status.
    pub status: EpisodeStatus,
    /// The next stage.
    pub next: Stage,
}

/// Lists the episodes of pipeline v2 that can go on without a person, newest first.
///
/// Left out are those that wait for a reviewer, for a person who runs a stage again, for nothing, or for a
/// stage that isn't built. Those that the cost cap stopped come last: they go on as soon as the next
/// estimate fits.
///
/// # Errors
/// The database's.
pub async fn list_pending(db: &Db, since: Option<Date>) -> Result<Vec<PendingEpisode>, DbError> {
    let filter = OverviewFilter { since, ..OverviewFilter::default() };
    let planned = db.run(move |conn| load_planned(conn, &filter)).await?;
    let mut pending: Vec<PendingEpisode> = planned.into_iter().filter_map(pending_episode).collect();
    pending.sort_by_key(|episode| episode.status == EpisodeStatus::CostLimit);
    Ok(pending)
}

fn pending_episode(planned: PlannedEpisode) -> Option<PendingEpisode> {
    let PlannedEpisode { episode, waiting_for, .. } = planned;
    let (WaitingFor::Stage(next) | WaitingFor::Cap { stage: next }) = waiting_for else { return None };
    (episode.pipeline_version == PipelineVersion::V2).then_some(PendingEpisode {
        episode_id: episode.episode_id,
        title: episode.title,
        status: episode.status,
        next,
    })
}
