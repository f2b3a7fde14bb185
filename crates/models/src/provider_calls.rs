//! Table `provider_calls`, the ledger: each attempt at a paid call, and its cost.

mod costs;

use btcedu_domain::{
    CallId, CallKind, CallState, ChapterId, EpisodeRowId, RunId, Sha256Hash, Stage, Usd, UtcTime,
};
use diesel::{prelude::*, sqlite::Sqlite};

pub(crate) use self::costs::COST_OF_CALL;
pub use self::costs::{CostGrouping, CostRow, EpisodeCost, episode_cost, list_costs, list_episode_costs};
use crate::{
    error::{DbError, expect_row},
    pool::Conn,
    schema::provider_calls,
};

/// A row of `provider_calls`.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = provider_calls, check_for_backend(Sqlite))]
pub struct ProviderCall {
    /// The attempt's own id.
    pub call_id: CallId,
    /// The episode's row.
    pub episode_id: EpisodeRowId,
    /// The run that sent it.
    pub run_id: Option<RunId>,
    /// The stage that sent it.
    pub stage: Stage,
    /// The chapter that it was for.
    pub chapter_id: Option<ChapterId>,
    /// The kind of result that was requested.
    pub kind: CallKind,
    /// The model that was asked.
    pub model: String,
    /// Hash of the request, so that the same request is not paid twice.
    pub request_hash: Sha256Hash,
    /// Its state.
    pub state: CallState,
    /// Its estimated cost.
    #[diesel(column_name = estimated_micros)]
    pub estimated: Usd,
    /// Its actual cost, once known.
    #[diesel(column_name = actual_micros)]
    pub actual: Option<Usd>,
    /// Tokens sent.
    pub tokens_in: Option<i64>,
    /// Tokens received.
    pub tokens_out: Option<i64>,
    /// The paid text, or the message of a refusal.
    pub reply: Option<String>,
    /// The provider's id of the request, for its support.
    pub request_id: Option<String>,
    /// When the row was inserted, right before sending.
    pub sent_at: UtcTime,
    /// When its result was known.
    pub settled_at: Option<UtcTime>,
    /// What went wrong.
    pub error: Option<String>,
}

/// A call about to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Insertable)]
#[diesel(table_name = provider_calls)]
pub struct NewCall<'a> {
    /// The attempt's own id.
    pub call_id: CallId,
    /// The episode's row.
    pub episode_id: EpisodeRowId,
    /// The run that sends it.
    pub run_id: Option<RunId>,
    /// The stage that sends it.
    pub stage: Stage,
    /// The chapter that it is for.
    pub chapter_id: Option<&'a ChapterId>,
    /// The kind of result that is requested.
    pub kind: CallKind,
    /// The model that is asked.
    pub model: &'a str,
    /// Hash of the request.
    pub request_hash: Sha256Hash,
    /// Its estimated cost.
    #[diesel(column_name = estimated_micros)]
    pub estimated: Usd,
    /// Now.
    pub sent_at: UtcTime,
}

/// The result of a call; every field is written, and `None` clears its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, AsChangeset)]
#[diesel(table_name = provider_calls, treat_none_as_null = true)]
pub struct Settlement<'a> {
    /// Its state now.
    pub state: CallState,
    /// Its actual cost; if it is none, an answered call counts at its estimate.
    #[diesel(column_name = actual_micros)]
    pub actual: Option<Usd>,
    /// Tokens sent.
    pub tokens_in: Option<i64>,
    /// Tokens received.
    pub tokens_out: Option<i64>,
    /// The paid text, or the message of a refusal.
    pub reply: Option<&'a str>,
    /// The provider's id of the request.
    pub request_id: Option<&'a str>,
    /// What went wrong.
    pub error: Option<&'a str>,
    /// Now.
    pub settled_at: UtcTime,
}

/// Finds a call by its id.
///
/// # Errors
/// [`DbError`] of the query.
pub fn find(conn: &mut Conn, call_id: CallId) -> Result<Option<ProviderCall>, DbError> {
    let query = provider_calls::table.filter(provider_calls::call_id.eq(call_id));
    Ok(query.select(ProviderCall::as_select()).first(conn).optional()?)
}

/// Lists the calls of an episode, oldest first: by the order of their runs, since a clock may be set back.
///
/// # Errors
/// [`DbError`] of the query.
pub fn list_for_episode(conn: &mut Conn, episode: EpisodeRowId) -> Result<Vec<ProviderCall>, DbError> {
    let query = provider_calls::table.filter(provider_calls::episode_id.eq(episode));
    let oldest = query.order((provider_calls::run_id, provider_calls::sent_at, provider_calls::call_id));
    Ok(oldest.select(ProviderCall::as_select()).load(conn)?)
}

/// Inserts a call as `sent`, before it is sent.
///
/// # Errors
/// [`DbError::Duplicate`] if the id exists already, [`DbError::Constraint`] where there is
/// no such episode or run.
pub fn insert(conn: &mut Conn, new: &NewCall<'_>) -> Result<(), DbError> {
    let values = (new, provider_calls::state.eq(CallState::Sent));
    diesel::insert_into(provider_calls::table).values(values).execute(conn)?;
    Ok(())
}

/// Records the result of a call.
///
/// # Errors
/// [`DbError::NotFound`] if there is no such call.
pub fn set_settled(conn: &mut Conn, call_id: CallId, end: &Settlement<'_>) -> Result<(), DbError> {
    let row = provider_calls::table.filter(provider_calls::call_id.eq(call_id));
    expect_row(diesel::update(row).set(end).execute(conn)?, "call", &call_id)
}
