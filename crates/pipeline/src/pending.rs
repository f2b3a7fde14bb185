//! Which episodes a timer may go on with.

use btcedu_domain::{EpisodeId, EpisodeStatus, PipelineVersion, Stage};
use btcedu_models::{Db, DbError};
use jiff::civil::Date;
use serde::Serialize;

use crate::{OverviewFilter, WaitingFor, overview::load_standings};

/// An episode that can go on without a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PendingEpisode {
    /// The episode.
    pub episode_id: EpisodeId,
    /// Its title.
    pub title: String,
    /// How far it has got.
    pub status: EpisodeStatus,
    /// The stage that comes next.
    pub next: Stage,
}

/// Lists the episodes of pipeline v2 that can go on without a person, newest first.
///
/// Left alone: what waits for a review, what a review rejected without a word or what kept costing
/// money for nothing (until a person runs it), what has nothing left to do, and what the next stage
/// isn't built for. Those that a cap stopped come last: they go on as soon as the next estimate fits.
///
/// # Errors
/// The database's.
pub async fn list_pending(db: &Db, since: Option<Date>) -> Result<Vec<PendingEpisode>, DbError> {
    let filter = OverviewFilter { since, ..OverviewFilter::default() };
    let standings = db.run(move |conn| load_standings(conn, &filter)).await?;
    let v2 = standings.into_iter().filter(|s| s.episode.pipeline_version == PipelineVersion::V2);
    let pending = v2.filter_map(|standing| {
        let (WaitingFor::Stage(next) | WaitingFor::Cap { stage: next }) = standing.waiting_for else {
            return None;
        };
        let episode = standing.episode;
        Some(PendingEpisode {
            episode_id: episode.episode_id,
            title: episode.title,
            status: episode.status,
            next,
        })
    });
    let mut pending: Vec<PendingEpisode> = pending.collect();
    pending.sort_by_key(|episode| episode.status == EpisodeStatus::CostLimit);
    Ok(pending)
}
