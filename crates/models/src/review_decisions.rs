//! Table `review_decisions`: every decision on a review task.

use btcedu_domain::{EpisodeId, ReviewStatus, UtcTime};
use diesel::{prelude::*, sqlite::Sqlite};

use crate::{
    error::DbError,
    pool::Conn,
    schema::{review_decisions, review_tasks},
};

/// A row of `review_decisions`.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = review_decisions, check_for_backend(Sqlite))]
pub struct ReviewDecision {
    /// Row id.
    pub id: i64,
    /// The task that it is about.
    pub review_task_id: i64,
    /// What was decided.
    pub decision: ReviewStatus,
    /// What the person wrote.
    pub notes: Option<String>,
    /// When it was decided.
    pub decided_at: UtcTime,
}

/// A decision to insert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Insertable)]
#[diesel(table_name = review_decisions)]
pub struct NewReviewDecision<'a> {
    /// The task that it is about.
    pub review_task_id: i64,
    /// What was decided.
    pub decision: ReviewStatus,
    /// What the person wrote.
    pub notes: Option<&'a str>,
    /// Now.
    pub decided_at: UtcTime,
}

/// Inserts a decision and returns its row id.
///
/// # Errors
/// [`DbError::Constraint`] if there is no such task.
pub fn insert(conn: &mut Conn, new: &NewReviewDecision<'_>) -> Result<i64, DbError> {
    let query = diesel::insert_into(review_decisions::table).values(new);
    Ok(query.returning(review_decisions::id).get_result(conn)?)
}

/// Lists the decisions on all tasks of an episode, oldest first.
///
/// # Errors
/// [`DbError`] of the query.
pub fn list_for_episode(conn: &mut Conn, episode: &EpisodeId) -> Result<Vec<ReviewDecision>, DbError> {
    let of_episode = review_tasks::table.filter(review_tasks::episode_id.eq(episode));
    let query = review_decisions::table
        .filter(review_decisions::review_task_id.eq_any(of_episode.select(review_tasks::id)));
    Ok(query.order(review_decisions::id).select(ReviewDecision::as_select()).load(conn)?)
}
