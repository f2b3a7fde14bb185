//! Which episodes a timer may go on with; from rows alone, whatever their number.

use std::collections::HashMap;

use btcedu_domain::{
    EpisodeId, EpisodeRowId, EpisodeStatus, PipelineVersion, ReviewStage, ReviewStatus, Stage,
};
use btcedu_models::{
    Conn, DbError,
    episodes::{self, Episode, EpisodeFilter},
    pipeline_runs,
    review_tasks::{self, LatestReview},
};
use btcedu_stages::StageContext;
use jiff::civil::Date;
use serde::Serialize;

use crate::{EpisodeState, GateState, Gates, PlanFlags, StepState, resolve_pipeline_plan, runner::gate_of};

/// An episode that can go on without a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PendingEpisode {
    /// The episode.
    pub episode_id: EpisodeId,
    /// Its title.
    pub title: String,
    /// How far it has got.
    pub status: EpisodeStatus,
    /// The step that comes next.
    pub next: &'static str,
}

/// Lists the episodes of pipeline v2 that can go on without a person, newest first.
///
/// Left alone: what waits for a review, what a review rejected without a word (until a person
/// runs it), what has nothing left to do, and what the next stage isn't built for.
///
/// # Errors
/// The database's.
pub async fn list_pending(ctx: &StageContext, since: Option<Date>) -> Result<Vec<PendingEpisode>, DbError> {
    ctx.db.run(move |conn| load(conn, since)).await
}

fn load(conn: &mut Conn, since: Option<Date>) -> Result<Vec<PendingEpisode>, DbError> {
    let episodes = episodes::list(conn, &EpisodeFilter::default())?;
    let last: HashMap<EpisodeRowId, Stage> =
        pipeline_runs::list_latest(conn)?.into_iter().map(|run| (run.episode_id, run.stage)).collect();
    let mut reviews: HashMap<EpisodeId, Vec<LatestReview>> = HashMap::new();
    for review in review_tasks::list_latest(conn)? {
        reviews.entry(review.episode_id.clone()).or_default().push(review);
    }
    let is_new = |episode: &Episode| {
        since.is_none_or(|since| episode.published_at.unwrap_or(episode.detected_at).date() >= since)
    };
    let pending = |episode: Episode| {
        let reviews = reviews.get(&episode.episode_id).map(Vec::as_slice).unwrap_or_default();
        pending_episode(&episode, last.get(&episode.id).copied(), reviews)
    };
    Ok(episodes.into_iter().filter(is_new).filter_map(pending).collect())
}

fn pending_episode(
    episode: &Episode,
    last_stage: Option<Stage>,
    reviews: &[LatestReview],
) -> Option<PendingEpisode> {
    if episode.pipeline_version != PipelineVersion::V2 {
        return None;
    }
    let of = |gate: ReviewStage| reviews.iter().find(|review| review.stage == gate);
    let state = |gate| of(gate).map_or(GateState::NotAsked, |review| gate_of(review.status));
    let gates = Gates { correct: state(ReviewStage::Correct), adapt: state(ReviewStage::Adapt) };
    let plan = resolve_pipeline_plan(
        &EpisodeState {
            episode_id: episode.episode_id.clone(),
            version: episode.pipeline_version,
            status: episode.status,
            last_stage,
        },
        gates,
        PlanFlags::default(),
    );
    let next = plan.next().filter(|step| step.state == StepState::Next)?;
    // Sent back without a word: only a person knows whether another try makes sense.
    let silent = |gate: ReviewStage, status: EpisodeStatus| {
        let rejected = of(gate).is_some_and(|review| {
            let notes = review.reviewer_notes.as_deref().unwrap_or_default();
            review.status == ReviewStatus::Rejected && notes.trim().is_empty()
        });
        rejected && episode.status == status
    };
    if silent(ReviewStage::Correct, EpisodeStatus::Transcribed)
        || silent(ReviewStage::Adapt, EpisodeStatus::Translated)
    {
        return None;
    }
    Some(PendingEpisode {
        episode_id: episode.episode_id.clone(),
        title: episode.title.clone(),
        status: episode.status,
        next: next.name(),
    })
}
