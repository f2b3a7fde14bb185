//! One execution of a stage, from its row to its end.

use btcedu_domain::{
    CallId, CallState, EpisodeId, EpisodeRowId, EpisodeStatus, ErrorKind, Kinded, RunId, RunStatus, Stage,
    Usd, UtcTime, with_causes,
};
use btcedu_models::{
    Conn, DbError, episodes,
    pipeline_runs::{self, NewRun},
    provider_calls,
};

use crate::{
    StageContext, StageError,
    frame::{paid_call::CallSettlement, report::StageEnd, template::Template},
};

/// What one episode may cost and has cost, over all stages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Budget {
    pub(crate) cap: Usd,
    pub(crate) cost: Usd,
}

impl Budget {
    /// Tells whether a call of this estimate still fits.
    pub(crate) fn fits(self, estimate: Usd) -> bool {
        self.cost + estimate <= self.cap
    }

    /// What is left for this run.
    pub(crate) fn left(self) -> Usd {
        self.cap.less(self.cost)
    }
}

/// Writes down that a run begins, and registers the templates that it uses.
pub(crate) async fn open(
    ctx: &StageContext,
    episode: EpisodeRowId,
    stage: Stage,
    templates: Vec<Template>,
) -> Result<RunId, StageError> {
    let now = ctx.clock.now();
    let opened = ctx.db.transaction(move |conn| {
        templates.iter().try_for_each(|template| template.register(conn, now))?;
        pipeline_runs::insert(conn, &NewRun { episode_id: episode, stage, started_at: now })
    });
    Ok(opened.await?)
}

/// Settles a call of an interrupted run that nothing came of: it may have been billed.
pub(crate) fn mark_unknown(conn: &mut Conn, call: CallId, now: UtcTime) -> Result<(), DbError> {
    let end = CallSettlement {
        error: Some("the run was interrupted before an answer was recorded".to_owned()),
        ..CallSettlement::new(CallState::Unknown)
    };
    provider_calls::set_settled(conn, call, &end.at(now))
}

/// Closes a run that never ended, with the sum of its ledger rows: settle its calls first.
pub(crate) fn close_interrupted(conn: &mut Conn, run: RunId, now: UtcTime) -> Result<(), DbError> {
    close(conn, run, now, Some("the run was interrupted"))
}

/// Closes a run; with an error it has failed.
pub(crate) fn close(conn: &mut Conn, run: RunId, now: UtcTime, error: Option<&str>) -> Result<(), DbError> {
    pipeline_runs::set_totals_from_ledger(conn, run)?;
    let status = if error.is_none() { RunStatus::Success } else { RunStatus::Failed };
    pipeline_runs::set_finished(conn, run, status, now, error)
}

/// How a run ends, and what that means for the episode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) end: StageEnd,
    /// The status to set; unchanged if none.
    pub(crate) status: Option<EpisodeStatus>,
    /// The error to record; none clears it.
    pub(crate) error: Option<String>,
}

impl Outcome {
    /// The stage is done; the status is set where one is given.
    pub(crate) fn good(end: StageEnd, status: Option<EpisodeStatus>) -> Self {
        Self { end, status, error: None }
    }

    /// A person must change something first.
    pub(crate) fn failed(message: String) -> Self {
        Self { end: StageEnd::Failed { message: message.clone() }, status: None, error: Some(message) }
    }

    /// The next call would pass the cap.
    pub(crate) fn cap_reached(message: String) -> Self {
        Self {
            end: StageEnd::CapReached { message: message.clone() },
            status: Some(EpisodeStatus::CostLimit),
            error: Some(message),
        }
    }

    /// Closes the run, and sets the episode's status and error. Call it in a transaction.
    pub(crate) fn close(
        &self,
        conn: &mut Conn,
        run: RunId,
        episode: EpisodeRowId,
        now: UtcTime,
    ) -> Result<(), DbError> {
        close(conn, run, now, self.error.as_deref())?;
        self.write(conn, episode)
    }

    /// Sets the episode's status and error.
    pub(crate) fn write(&self, conn: &mut Conn, episode: EpisodeRowId) -> Result<(), DbError> {
        if let Some(status) = self.status {
            episodes::set_status(conn, episode, status)?;
        }
        match (&self.error, &self.end) {
            (Some(error), StageEnd::Failed { .. }) => episodes::set_failure(conn, episode, error),
            (error, _) => episodes::set_error(conn, episode, error.as_deref()),
        }
    }
}

/// Records a stage's error on the episode, as well as that is still possible.
pub(crate) async fn record_failure(ctx: &StageContext, id: &EpisodeId, error: &StageError) {
    if error.kind() != ErrorKind::Failed || error.is_refusal() {
        return;
    }
    let (id, message) = (id.clone(), with_causes(error));
    let recorded = ctx.db.transaction(move |conn| match episodes::find(conn, &id)? {
        Some(episode) => episodes::set_failure(conn, episode.id, &message),
        None => Ok(()),
    });
    if let Err(error) = recorded.await {
        tracing::warn!(%error, "the stage's error can't be recorded on the episode");
    }
}

/// What a run and its episode have cost by now, by the ledger.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) cost: Usd,
    pub(crate) episode_cost: Usd,
    pub(crate) input_tokens: i64,
    pub(crate) output_tokens: i64,
}

impl Totals {
    /// Loads them; without a run its own are zero.
    pub(crate) fn load(conn: &mut Conn, episode: EpisodeRowId, run: Option<RunId>) -> Result<Self, DbError> {
        let episode_cost = provider_calls::episode_cost(conn, episode)?;
        let run = match run {
            Some(run) => pipeline_runs::find(conn, run)?,
            None => None,
        };
        Ok(run.map_or(Self { episode_cost, ..Self::default() }, |run| Self {
            cost: run.estimated_cost_usd,
            episode_cost,
            input_tokens: run.input_tokens,
            output_tokens: run.output_tokens,
        }))
    }
}
