//! What was spent, added up in one place: the cap, the runs and the reports agree.

use btcedu_domain::{EpisodeRowId, Usd};
use diesel::{
    prelude::*,
    sql_types::{BigInt, Nullable, Text},
};

use crate::{error::DbError, pool::Conn};

/// What one ledger row counts, in micro-dollars.
///
/// A settled call counts what it cost, an open or unknown one its estimate; so does
/// an answered one whose reply didn't say.
pub(crate) const COST_OF_CALL: &str = "CASE state
    WHEN 'answered' THEN COALESCE(actual_micros, estimated_micros)
    WHEN 'sent' THEN estimated_micros
    WHEN 'unknown' THEN estimated_micros
    ELSE COALESCE(actual_micros, 0) END";

/// Rows of all that was spent: the ledger, and runs from before there was one.
fn spending() -> String {
    format!(
        "SELECT episode_id, stage, model, sent_at AS at, state, {COST_OF_CALL} AS micros
         FROM provider_calls
         UNION ALL
         SELECT episode_id, stage, '(before the ledger)', started_at, 'run',
                CAST(ROUND(estimated_cost_usd * 1e6) AS INTEGER)
         FROM pipeline_runs AS run
         WHERE estimated_cost_usd > 0
           AND NOT EXISTS (SELECT 1 FROM provider_calls WHERE run_id = run.id)"
    )
}

/// By what `list_costs` adds up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CostGrouping {
    /// One row per stage.
    Stage,
    /// One row per month in UTC (`2026-11`).
    Month,
    /// One row per model.
    Model,
    /// One row per episode.
    Episode,
}

impl CostGrouping {
    const fn key(self) -> &'static str {
        match self {
            Self::Stage => "stage",
            Self::Month => "substr(at, 1, 7)",
            Self::Model => "model",
            Self::Episode => "(SELECT e.episode_id FROM episodes AS e WHERE e.id = spending.episode_id)",
        }
    }
}

/// One line of a report on costs.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct CostRow {
    /// The stage, month, model or episode id.
    #[diesel(sql_type = Text)]
    pub key: String,
    /// Attempts, however they ended.
    #[diesel(sql_type = BigInt)]
    pub calls: i64,
    /// Attempts that were answered.
    #[diesel(sql_type = BigInt)]
    pub answered: i64,
    /// Attempts that the provider's policy refused.
    #[diesel(sql_type = BigInt)]
    pub refused: i64,
    /// Attempts that failed.
    #[diesel(sql_type = BigInt)]
    pub failed: i64,
    /// Attempts that may have been billed: unknown, or open.
    #[diesel(sql_type = BigInt)]
    pub unknown: i64,
    /// What all of them cost.
    #[diesel(sql_type = BigInt)]
    pub cost: Usd,
    /// How much of that is the estimate of `unknown`.
    #[diesel(sql_type = BigInt)]
    pub unknown_cost: Usd,
}

#[derive(QueryableByName)]
struct Sum {
    #[diesel(sql_type = BigInt)]
    micros: Usd,
}

/// Adds up what an episode has cost over all stages; this is what the cap looks at.
///
/// That is the actual cost of settled calls, the estimates of `sent` and `unknown`
/// ones, and the cost of runs that have no ledger rows.
///
/// # Errors
/// [`DbError`] of the query.
pub fn episode_cost(conn: &mut Conn, episode: EpisodeRowId) -> Result<Usd, DbError> {
    let query =
        format!("SELECT COALESCE(SUM(micros), 0) AS micros FROM ({}) WHERE episode_id = ?", spending());
    let sum: Sum = diesel::sql_query(query).bind::<BigInt, _>(episode).get_result(conn)?;
    Ok(sum.micros)
}

/// What one episode has cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
pub struct EpisodeCost {
    /// Row id of the episode.
    #[diesel(sql_type = BigInt)]
    pub episode_id: EpisodeRowId,
    /// As [`episode_cost`] adds it up.
    #[diesel(sql_type = BigInt)]
    pub cost: Usd,
}

/// Lists what episodes have cost, in one query: these, or all; one that has cost nothing may be missing.
///
/// # Errors
/// [`DbError`] of the query.
pub fn list_episode_costs(
    conn: &mut Conn,
    episodes: Option<&[EpisodeRowId]>,
) -> Result<Vec<EpisodeCost>, DbError> {
    let only = episodes.map_or_else(String::new, |ids| {
        let ids: Vec<String> = ids.iter().map(|id| id.0.to_string()).collect();
        format!("WHERE episode_id IN ({})", ids.join(", "))
    });
    let query = format!(
        "SELECT episode_id, COALESCE(SUM(micros), 0) AS cost FROM ({}) {only} GROUP BY episode_id",
        spending()
    );
    Ok(diesel::sql_query(query).load(conn)?)
}

/// Adds up what was spent, of one episode or of all, sorted by key.
///
/// # Errors
/// [`DbError`] of the query.
pub fn list_costs(
    conn: &mut Conn,
    grouping: CostGrouping,
    episode: Option<EpisodeRowId>,
) -> Result<Vec<CostRow>, DbError> {
    let query = format!(
        "SELECT {key} AS key,
            SUM(state <> 'run') AS calls,
            SUM(state = 'answered') AS answered,
            SUM(state = 'refused') AS refused,
            SUM(state = 'failed') AS failed,
            SUM(state IN ('sent', 'unknown')) AS unknown,
            SUM(micros) AS cost,
            SUM(IIF(state IN ('sent', 'unknown'), micros, 0)) AS unknown_cost
         FROM ({spending}) AS spending
         WHERE ?1 IS NULL OR episode_id = ?1
         GROUP BY 1 ORDER BY 1",
        key = grouping.key(),
        spending = spending(),
    );
    Ok(diesel::sql_query(query).bind::<Nullable<BigInt>, _>(episode).load(conn)?)
}
