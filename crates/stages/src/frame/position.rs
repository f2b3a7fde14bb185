//! Where an episode is in its pipeline: one answer for stages, planner, lists and reviews.

use btcedu_domain::{EpisodeStatus, PipelineVersion, Stage};
use btcedu_models::{Conn, DbError, episodes::Episode, pipeline_runs};

/// How far an episode has got, and in which stage it was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Which pipeline it follows.
    pub version: PipelineVersion,
    /// Its status.
    pub status: EpisodeStatus,
    /// The stage in which a cost cap, or in v1 a failure, stopped it; none where the status tells all.
    pub stopped_in: Option<Stage>,
}

impl Position {
    /// Makes the position of an episode from its row and the stage of its last run.
    pub fn of(episode: &Episode, last_run: Option<Stage>) -> Self {
        let status = episode.status;
        let stopped_in = if Self::needs_last_run(status) { last_run } else { None };
        Self { version: episode.pipeline_version, status, stopped_in }
    }

    /// Loads what the position of an episode depends on.
    ///
    /// # Errors
    /// [`DbError`] of the query.
    pub fn load(conn: &mut Conn, episode: &Episode) -> Result<Self, DbError> {
        let last_run = if Self::needs_last_run(episode.status) {
            pipeline_runs::find_latest(conn, episode.id)?.map(|run| run.stage)
        } else {
            None
        };
        Ok(Self::of(episode, last_run))
    }

    /// The statuses that do not tell by themselves how far an episode has got.
    pub const STOPPED: [EpisodeStatus; 2] = [EpisodeStatus::CostLimit, EpisodeStatus::Failed];

    fn needs_last_run(status: EpisodeStatus) -> bool {
        Self::STOPPED.contains(&status)
    }

    /// Tells whether the episode has reached a status of pipeline v2.
    pub fn has_reached(self, status: EpisodeStatus) -> bool {
        self.place() >= status.place_in_v2()
    }

    /// Tells whether the episode has got further than a status of pipeline v2.
    pub fn is_past(self, status: EpisodeStatus) -> bool {
        self.place() > status.place_in_v2()
    }

    /// Its place in pipeline v2; the one in front of the stage that the cap stopped.
    fn place(self) -> Option<usize> {
        match self.status {
            EpisodeStatus::CostLimit => self.stopped_in?.enters_at()?.place_in_v2(),
            status => status.place_in_v2(),
        }
    }
}

#[cfg(test)]
mod tests;
