//! Table `pipeline_runs`: each execution of a stage, its result and its cost.

use btcedu_domain::{EpisodeRowId, EpisodeStatus, RunId, RunStatus, Stage, Usd, UtcTime};
use diesel::{
    prelude::*,
    sql_types::{BigInt, Text},
    sqlite::Sqlite,
};

use crate::{
    columns::{Dollars, quoted},
    error::{DbError, expect_row},
    pool::Conn,
    provider_calls::COST_OF_CALL,
    schema::pipeline_runs,
};

/// A row of `pipeline_runs`.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = pipeline_runs, check_for_backend(Sqlite))]
pub struct PipelineRun {
    /// Row id.
    pub id: RunId,
    /// The episode's row.
    pub episode_id: EpisodeRowId,
    /// Which stage ran.
    pub stage: Stage,
    /// Its result, or that it is running.
    pub status: RunStatus,
    /// When it began.
    pub started_at: UtcTime,
    /// When it ended.
    pub completed_at: Option<UtcTime>,
    /// Tokens sent, from the ledger.
    pub input_tokens: i64,
    /// Tokens received, from the ledger.
    pub output_tokens: i64,
    /// Its cost from the ledger; a run without ledger rows has its own number.
    #[diesel(deserialize_as = Dollars)]
    pub estimated_cost_usd: Usd,
    /// Why it failed.
    pub error_message: Option<String>,
}

/// A run to insert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Insertable)]
#[diesel(table_name = pipeline_runs)]
pub struct NewRun {
    /// The episode's row.
    pub episode_id: EpisodeRowId,
    /// Which stage runs.
    pub stage: Stage,
    /// When it begins.
    pub started_at: UtcTime,
}

/// Finds a run.
///
/// # Errors
/// [`DbError`] of the query.
pub fn find(conn: &mut Conn, id: RunId) -> Result<Option<PipelineRun>, DbError> {
    Ok(pipeline_runs::table.find(id).select(PipelineRun::as_select()).first(conn).optional()?)
}

/// Lists the runs of an episode, newest first.
///
/// # Errors
/// [`DbError`] of the query.
pub fn list_for_episode(conn: &mut Conn, episode: EpisodeRowId) -> Result<Vec<PipelineRun>, DbError> {
    let query = pipeline_runs::table.filter(pipeline_runs::episode_id.eq(episode));
    Ok(query.order(pipeline_runs::id.desc()).select(PipelineRun::as_select()).load(conn)?)
}

/// Lists an episode's runs that have not ended (running or interrupted), oldest first.
///
/// # Errors
/// [`DbError`] of the query.
pub fn list_running(conn: &mut Conn, episode: EpisodeRowId) -> Result<Vec<PipelineRun>, DbError> {
    let query = pipeline_runs::table
        .filter(pipeline_runs::episode_id.eq(episode))
        .filter(pipeline_runs::status.eq(RunStatus::Running));
    Ok(query.order(pipeline_runs::id).select(PipelineRun::as_select()).load(conn)?)
}

/// Finds the last run of an episode, of any stage.
///
/// # Errors
/// [`DbError`] of the query.
pub fn find_latest(conn: &mut Conn, episode: EpisodeRowId) -> Result<Option<PipelineRun>, DbError> {
    let query = pipeline_runs::table.filter(pipeline_runs::episode_id.eq(episode));
    Ok(query.order(pipeline_runs::id.desc()).select(PipelineRun::as_select()).first(conn).optional()?)
}

/// The stage that ran last for an episode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
#[diesel(table_name = pipeline_runs, check_for_backend(Sqlite))]
pub struct LatestRun {
    /// The episode's row.
    pub episode_id: EpisodeRowId,
    /// The stage.
    pub stage: Stage,
}

/// Lists the stage that ran last, for all episodes with one of these statuses, in one query.
///
/// # Errors
/// [`DbError`] of the query.
pub fn list_latest(conn: &mut Conn, statuses: &[EpisodeStatus]) -> Result<Vec<LatestRun>, DbError> {
    let query = format!(
        "SELECT episode_id, stage FROM pipeline_runs WHERE id IN (
            SELECT MAX(id) FROM pipeline_runs
            WHERE episode_id IN (SELECT id FROM episodes WHERE status IN ({}))
            GROUP BY episode_id)",
        quoted(statuses)
    );
    Ok(diesel::sql_query(query).load(conn)?)
}

/// A stage of an episode whose last runs cost money without a usable answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
pub struct FailureStreak {
    /// The episode's row.
    #[diesel(sql_type = BigInt)]
    pub episode_id: EpisodeRowId,
    /// The stage.
    #[diesel(sql_type = Text)]
    pub stage: Stage,
    /// The number of failed runs with a cost and without an answer since the last success.
    #[diesel(sql_type = BigInt)]
    pub runs: i64,
}

/// Lists the stages with at least `least` failed runs with a cost and without a usable answer since the
/// last success.
///
/// # Errors
/// [`DbError`] of the query.
pub fn list_failure_streaks(conn: &mut Conn, least: i64) -> Result<Vec<FailureStreak>, DbError> {
    let query = diesel::sql_query(
        "WITH costly AS (
            SELECT id, episode_id, stage FROM pipeline_runs WHERE status = 'failed' AND estimated_cost_usd > 0
         ), succeeded AS (
            SELECT episode_id, stage, MAX(id) AS last FROM pipeline_runs
            WHERE status = 'success' AND episode_id IN (SELECT episode_id FROM costly)
            GROUP BY episode_id, stage
         )
         SELECT costly.episode_id, costly.stage, COUNT(*) AS runs
         FROM costly LEFT JOIN succeeded USING (episode_id, stage)
         WHERE costly.id > COALESCE(succeeded.last, 0)
           AND NOT EXISTS (SELECT 1 FROM provider_calls
                           WHERE run_id = costly.id AND state = 'answered')
         GROUP BY costly.episode_id, costly.stage HAVING COUNT(*) >= ?1",
    );
    Ok(query.bind::<BigInt, _>(least).load(conn)?)
}

/// Inserts a run that begins.
///
/// # Errors
/// [`DbError::Constraint`] if there is no such episode.
pub fn insert(conn: &mut Conn, new: &NewRun) -> Result<RunId, DbError> {
    let query =
        diesel::insert_into(pipeline_runs::table).values((new, pipeline_runs::status.eq(RunStatus::Running)));
    Ok(query.returning(pipeline_runs::id).get_result(conn)?)
}

/// Records the result of a run.
///
/// # Errors
/// [`DbError::NotFound`] if there is no such run.
pub fn set_finished(
    conn: &mut Conn,
    id: RunId,
    status: RunStatus,
    completed_at: UtcTime,
    error: Option<&str>,
) -> Result<(), DbError> {
    let changes = (
        pipeline_runs::status.eq(status),
        pipeline_runs::completed_at.eq(completed_at),
        pipeline_runs::error_message.eq(error),
    );
    let query = diesel::update(pipeline_runs::table.find(id)).set(changes);
    expect_row(query.execute(conn)?, "run", &id.0)
}

/// Sets a run's tokens and cost to the sums of its ledger rows.
///
/// # Errors
/// [`DbError::NotFound`] if there is no such run.
pub fn set_totals_from_ledger(conn: &mut Conn, id: RunId) -> Result<(), DbError> {
    let query = diesel::sql_query(format!(
        "UPDATE pipeline_runs SET (input_tokens, output_tokens, estimated_cost_usd) = (
            SELECT COALESCE(SUM(tokens_in), 0), COALESCE(SUM(tokens_out), 0),
                   COALESCE(SUM({COST_OF_CALL}), 0) / 1e6
            FROM provider_calls WHERE run_id = pipeline_runs.id
        ) WHERE id = ?"
    ));
    expect_row(query.bind::<BigInt, _>(id).execute(conn)?, "run", &id.0)
}
