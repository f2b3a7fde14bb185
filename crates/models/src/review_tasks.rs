//! Table `review_tasks`: texts that wait for a reviewer, and the decisions on them.

use btcedu_domain::{EpisodeId, EpisodeStatus, ReviewStage, ReviewStatus, Sha256Hash, UtcTime};
use diesel::{prelude::*, sqlite::Sqlite};

use crate::{
    columns::quoted,
    error::{DbError, expect_row},
    pool::Conn,
    schema::{episodes, review_tasks},
};

/// A row of `review_tasks`.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = review_tasks, check_for_backend(Sqlite))]
pub struct ReviewTask {
    /// Row id.
    pub id: i64,
    /// The episode's id (not its row id).
    pub episode_id: EpisodeId,
    /// The gate.
    pub stage: ReviewStage,
    /// Its status.
    pub status: ReviewStatus,
    /// The files to look at, as a JSON array of paths relative to the workspace.
    pub artifact_paths: String,
    /// The diff to look at, relative to the workspace.
    pub diff_path: Option<String>,
    /// The prompt version that the artifact was made with.
    pub prompt_version_id: Option<i64>,
    /// When it was opened.
    pub created_at: UtcTime,
    /// When it was decided.
    pub reviewed_at: Option<UtcTime>,
    /// What the person wrote.
    pub reviewer_notes: Option<String>,
    /// Hash of the artifact that the decision is about.
    pub artifact_hash: Option<Sha256Hash>,
}

/// The state of a gate's newest task.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
#[diesel(table_name = review_tasks, check_for_backend(Sqlite))]
pub struct LatestReview {
    /// Row id.
    pub id: i64,
    /// The episode's id (not its row id).
    pub episode_id: EpisodeId,
    /// The gate.
    pub stage: ReviewStage,
    /// Its status.
    pub status: ReviewStatus,
    /// What the person wrote.
    pub reviewer_notes: Option<String>,
}

/// A task to insert, as pending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Insertable)]
#[diesel(table_name = review_tasks)]
pub struct NewReviewTask<'a> {
    /// The episode's id (not its row id).
    pub episode_id: &'a EpisodeId,
    /// The gate.
    pub stage: ReviewStage,
    /// The files to look at, as a JSON array; the table refuses any other text.
    pub artifact_paths: &'a str,
    /// The diff to look at.
    pub diff_path: Option<&'a str>,
    /// The prompt version that the artifact was made with.
    pub prompt_version_id: Option<i64>,
    /// Now.
    pub created_at: UtcTime,
    /// Hash of the artifact.
    pub artifact_hash: Option<Sha256Hash>,
}

/// The subject of a pending task; `None` clears the column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, AsChangeset)]
#[diesel(table_name = review_tasks, treat_none_as_null = true)]
pub struct ReviewSubject<'a> {
    /// The files to look at, as a JSON array.
    pub artifact_paths: &'a str,
    /// The diff to look at.
    pub diff_path: Option<&'a str>,
    /// The prompt version that the artifact was made with.
    pub prompt_version_id: Option<i64>,
    /// Hash of the artifact.
    pub artifact_hash: Option<Sha256Hash>,
}

/// Finds a task by its row id.
///
/// # Errors
/// [`DbError`] of the query.
pub fn find(conn: &mut Conn, id: i64) -> Result<Option<ReviewTask>, DbError> {
    Ok(review_tasks::table.find(id).select(ReviewTask::as_select()).first(conn).optional()?)
}

/// Finds the newest task of a gate.
///
/// # Errors
/// [`DbError`] of the query.
pub fn find_latest(
    conn: &mut Conn,
    episode_id: &EpisodeId,
    stage: ReviewStage,
) -> Result<Option<ReviewTask>, DbError> {
    let query = review_tasks::table
        .filter(review_tasks::episode_id.eq(episode_id))
        .filter(review_tasks::stage.eq(stage));
    Ok(query.order(review_tasks::id.desc()).select(ReviewTask::as_select()).first(conn).optional()?)
}

/// Lists the state of each gate's newest task, for all episodes with one of these statuses, in one query.
///
/// # Errors
/// [`DbError`] of the query.
pub fn list_latest(conn: &mut Conn, statuses: &[EpisodeStatus]) -> Result<Vec<LatestReview>, DbError> {
    let query = format!(
        "SELECT id, episode_id, stage, status, reviewer_notes FROM review_tasks WHERE id IN (
            SELECT MAX(id) FROM review_tasks
            WHERE episode_id IN (SELECT episode_id FROM episodes WHERE status IN ({}))
            GROUP BY episode_id, stage)",
        quoted(statuses)
    );
    Ok(diesel::sql_query(query).load(conn)?)
}

/// Which tasks to list with their titles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskSelection {
    /// Those that wait for a decision.
    Open,
    /// At most so many that were decided, the last decided first.
    Decided(i64),
    /// All.
    All,
}

/// Lists tasks with their episodes' titles, newest first.
///
/// # Errors
/// [`DbError`] of the query.
pub fn list_with_titles(conn: &mut Conn, which: TaskSelection) -> Result<Vec<(ReviewTask, String)>, DbError> {
    let episode = episodes::table.on(episodes::episode_id.eq(review_tasks::episode_id));
    let mut query = review_tasks::table.inner_join(episode).into_boxed();
    query = match which {
        TaskSelection::All => query.order(review_tasks::id.desc()),
        TaskSelection::Open => query.filter(review_tasks::status.eq_any(OPEN)).order(review_tasks::id.desc()),
        TaskSelection::Decided(limit) => query
            .filter(review_tasks::status.ne_all(OPEN))
            .order((review_tasks::reviewed_at.desc(), review_tasks::id.desc()))
            .limit(limit),
    };
    Ok(query.select((ReviewTask::as_select(), episodes::title)).load(conn)?)
}

/// The statuses in which a task waits for a decision; a test holds them against [`ReviewStatus::is_open`].
const OPEN: [ReviewStatus; 2] = [ReviewStatus::Pending, ReviewStatus::InReview];

/// Counts the tasks that wait for a decision.
///
/// # Errors
/// [`DbError`] of the query.
pub fn count_open(conn: &mut Conn) -> Result<i64, DbError> {
    let open = review_tasks::table.filter(review_tasks::status.eq_any(OPEN));
    Ok(open.count().get_result(conn)?)
}

/// Counts the tasks that were decided.
///
/// # Errors
/// [`DbError`] of the query.
pub fn count_decided(conn: &mut Conn) -> Result<i64, DbError> {
    let decided = review_tasks::table.filter(review_tasks::status.ne_all(OPEN));
    Ok(decided.count().get_result(conn)?)
}

/// Lists the tasks of an episode, newest first.
///
/// # Errors
/// [`DbError`] of the query.
pub fn list_for_episode(conn: &mut Conn, episode_id: &EpisodeId) -> Result<Vec<ReviewTask>, DbError> {
    let query = review_tasks::table.filter(review_tasks::episode_id.eq(episode_id));
    Ok(query.order(review_tasks::id.desc()).select(ReviewTask::as_select()).load(conn)?)
}

/// Inserts a task as pending and returns its row.
///
/// # Errors
/// [`DbError::Constraint`] if there is no such episode, or the paths aren't JSON.
pub fn insert(conn: &mut Conn, new: &NewReviewTask<'_>) -> Result<ReviewTask, DbError> {
    let query = diesel::insert_into(review_tasks::table)
        .values((new, review_tasks::status.eq(ReviewStatus::Pending)));
    Ok(query.returning(ReviewTask::as_returning()).get_result(conn)?)
}

/// Changes the subject of a task.
///
/// # Errors
/// [`DbError::NotFound`] if there is no such task.
pub fn set_subject(conn: &mut Conn, id: i64, subject: &ReviewSubject<'_>) -> Result<(), DbError> {
    let query = diesel::update(review_tasks::table.find(id)).set(subject);
    expect_row(query.execute(conn)?, "review task", &id)
}

/// Records the state of a review; the decision itself is stored in `review_decisions`.
///
/// # Errors
/// [`DbError::NotFound`] if there is no such task.
pub fn set_status(
    conn: &mut Conn,
    id: i64,
    status: ReviewStatus,
    reviewed_at: Option<UtcTime>,
    notes: Option<&str>,
) -> Result<(), DbError> {
    let changes = (
        review_tasks::status.eq(status),
        review_tasks::reviewed_at.eq(reviewed_at),
        review_tasks::reviewer_notes.eq(notes),
    );
    let query = diesel::update(review_tasks::table.find(id)).set(changes);
    expect_row(query.execute(conn)?, "review task", &id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_open_statuses_are_those_that_wait_for_a_decision() {
        let open: Vec<ReviewStatus> =
            ReviewStatus::ALL.iter().copied().filter(|status| status.is_open()).collect();
        assert_eq!(open, OPEN);
    }
}
