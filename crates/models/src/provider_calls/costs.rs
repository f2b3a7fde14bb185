//! Sums of costs. The cap, the runs and the reports all use these, so they agree.

use btcedu_domain::{EpisodeRowId, Usd};
use diesel::{
    prelude::*,
    sql_types::{BigInt, Nullable, Text},
};

use crate::{error::DbError, pool::Conn};

/// The cost of one ledger row, in micro-dollars.
///
/// A settled call counts at its actual cost. An open or unknown call counts at its estimate, and so does
/// an answered call without an actual cost.
pub(crate) const COST_OF_CALL: &str = "CASE state
    WHEN 'answered' THEN COALESCE(actual_micros, estimated_micros)
    WHEN 'sent' THEN estimated_micros
    WHEN 'unknown' THEN estimated_micros
    ELSE COALESCE(actual_micros, 0) END";

/// All rows with costs: the ledger, and runs from before the ledger existed.
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

/// How `list_costs` groups costs.
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
    /// All attempts.
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
    /// Attempts that may have been billed: unknown or open ones.
    #[diesel(sql_type = BigInt)]
    pub unknown: i64,
    /// The cost of all of them.
    #[diesel(sql_type = BigInt)]
    pub cost: Usd,
    /// The part of the cost that is the estimate of `unknown`.
    #[diesel(sql_type = BigInt)]
    pub unknown_cost: Usd,
}

#[derive(QueryableByName)]
struct Sum {
    #[diesel(sql_type = BigInt)]
    micros: Usd,
}

/// Returns the cost of an episode over all stages; the cap is compared with it.
///
/// It is the sum of the actual cost of settled calls, the estimates of `sent` and `unknown`
/// calls, and the cost of runs that have no ledger rows.
///
/// # Errors
/// [`DbError`] of the query.
pub fn episode_cost(conn: &mut Conn, episode: EpisodeRowId) -> Result<Usd, DbError> {
    let query =
        format!("SELECT COALESCE(SUM(micros), 0) AS micros FROM ({}) WHERE episode_id = ?", spending());
    let sum: Sum = diesel::sql_query(query).bind::<BigInt, _>(episode).get_result(conn)?;
    Ok(sum.micros)
}

/// The cost of one episode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
pub struct EpisodeCost {
    /// Row id of the episode.
    #[diesel(sql_type = BigInt)]
    pub episode_id: EpisodeRowId,
    /// The cost, as [`episode_cost`] returns it.
    #[diesel(sql_type = BigInt)]
    pub cost: Usd,
}

/// Lists the costs of these episodes, or of all, in one query. Episodes without cost may be missing.
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

/// Lists sums of costs, of one episode or of all, sorted by key.
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
