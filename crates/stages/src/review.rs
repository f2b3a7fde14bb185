//! Review tasks: opened for what a stage wrote, open for exactly that text, on record for good.

use std::path::Path;

use btcedu_artifacts::{EpisodeDir, FileError, StaleMarker, read_json, stale_path, write_json_atomic};
use btcedu_domain::{EpisodeId, EpisodeRowId, ReviewStage, ReviewStatus, Sha256Hash, UtcTime};
use btcedu_models::{
    Conn, Db, DbError, episodes,
    review_decisions::{self, NewReviewDecision},
    review_tasks::{self, NewReviewTask, ReviewSubject, ReviewTask},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{StageError, with_files};

/// The text that a review is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewedText {
    /// The episode.
    pub episode: EpisodeId,
    /// Its row.
    pub episode_row: EpisodeRowId,
    /// Which gate it is.
    pub gate: ReviewStage,
    /// The text, relative to the workspace.
    pub path: String,
    /// The diff, relative to the workspace.
    pub diff: Option<String>,
    /// The prompt version that it was made with.
    pub prompt_version: Option<i64>,
    /// Its hash.
    pub hash: Sha256Hash,
}

/// Opens a task for a text, or brings the one that waits up to date; call it in a transaction.
///
/// A task that is approved for this very text stays as it is. One that was sent back is
/// history: the text that comes after it gets a task of its own.
///
/// # Errors
/// [`DbError`] of the queries.
pub fn sync_task(conn: &mut Conn, text: &ReviewedText, now: UtcTime) -> Result<ReviewTask, DbError> {
    let paths = json!([text.path]).to_string();
    let task = match review_tasks::find_latest(conn, &text.episode, text.gate)? {
        Some(task) if is_approved_for(&task, text.hash) => return Ok(task),
        Some(task) if task.status.is_open() => {
            let subject = ReviewSubject {
                artifact_paths: &paths,
                diff_path: text.diff.as_deref(),
                prompt_version_id: text.prompt_version,
                artifact_hash: Some(text.hash),
            };
            review_tasks::set_subject(conn, task.id, &subject)?;
            if task.artifact_hash != Some(text.hash) {
                // Who has opened it was looking at another text.
                review_tasks::set_status(conn, task.id, ReviewStatus::Pending, None, None)?;
            }
            review_tasks::find(conn, task.id)?.unwrap_or(task)
        }
        _ => review_tasks::insert(
            conn,
            &NewReviewTask {
                episode_id: &text.episode,
                stage: text.gate,
                artifact_paths: &paths,
                diff_path: text.diff.as_deref(),
                prompt_version_id: text.prompt_version,
                created_at: now,
                artifact_hash: Some(text.hash),
            },
        )?,
    };
    episodes::set_review_status(conn, text.episode_row, Some(task.status))?;
    Ok(task)
}

/// Returns how a stale marker names the review that sent its text back.
pub fn marker_author(task: &ReviewTask) -> String {
    format!("review {}", task.id)
}

/// What the marker beside a file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaleNote {
    /// Who has marked the file: a stage, or a review as [`marker_author`] names it; blank where that can't be read.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// Returns who says that a file is out of date and why, if a marker does; one that can't be read counts too.
///
/// # Errors
/// [`FileError`] where it is there and the disk doesn't give it.
pub fn stale_note(path: &Path) -> Result<Option<StaleNote>, FileError> {
    match read_json::<StaleMarker>(&stale_path(path)) {
        Ok(marker) => Ok(marker.map(|m| StaleNote { by: m.invalidated_by, reason: m.reason })),
        Err(FileError::Malformed { .. }) => {
            Ok(Some(StaleNote { by: String::new(), reason: "a marker beside it says so".to_owned() }))
        }
        Err(error) => Err(error),
    }
}

/// Tells whether a task approves exactly this text.
pub fn is_approved_for(task: &ReviewTask, hash: Sha256Hash) -> bool {
    task.status == ReviewStatus::Approved && task.artifact_hash == Some(hash)
}

/// Writes a decision down and moves the task; call it in a transaction.
///
/// # Errors
/// [`DbError`] of the queries.
pub fn record_decision(
    conn: &mut Conn,
    episode: EpisodeRowId,
    task: i64,
    decision: ReviewStatus,
    notes: Option<&str>,
    now: UtcTime,
) -> Result<(), DbError> {
    let new = NewReviewDecision { review_task_id: task, decision, notes, decided_at: now };
    review_decisions::insert(conn, &new)?;
    review_tasks::set_status(conn, task, decision, Some(now), notes)?;
    episodes::set_review_status(conn, episode, Some(decision))
}

/// All reviews of an episode, as `review/review_history.json` holds them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewHistory {
    /// The episode.
    pub episode_id: EpisodeId,
    /// Oldest first.
    pub reviews: Vec<ReviewRecord>,
}

/// One review and what was decided in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewRecord {
    /// The review's number.
    pub id: i64,
    /// Which gate it is.
    pub stage: ReviewStage,
    /// How far it has got.
    pub status: ReviewStatus,
    /// The texts it is about, relative to the workspace.
    pub artifact_paths: Vec<String>,
    /// The diff, relative to the workspace.
    pub diff_path: Option<String>,
    /// SHA-256 of the text.
    pub artifact_hash: Option<Sha256Hash>,
    /// When it was opened.
    pub created_at: UtcTime,
    /// When it was decided.
    pub reviewed_at: Option<UtcTime>,
    /// Everything that was decided, oldest first.
    pub decisions: Vec<DecisionRecord>,
}

/// One decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionRecord {
    /// What was decided.
    pub decision: ReviewStatus,
    /// What the reviewer wrote, or why the program decided by itself.
    pub notes: Option<String>,
    /// When.
    pub decided_at: UtcTime,
}

/// Loads all reviews of an episode.
///
/// # Errors
/// [`DbError`] of the queries.
pub fn load_history(conn: &mut Conn, episode: &EpisodeId) -> Result<ReviewHistory, DbError> {
    let mut reviews = Vec::new();
    let all = review_decisions::list_for_episode(conn, episode)?;
    for task in review_tasks::list_for_episode(conn, episode)?.into_iter().rev() {
        let decisions = all.iter().filter(|d| d.review_task_id == task.id);
        reviews.push(ReviewRecord {
            id: task.id,
            stage: task.stage,
            status: task.status,
            artifact_paths: serde_json::from_str(&task.artifact_paths).unwrap_or_default(),
            diff_path: task.diff_path,
            artifact_hash: task.artifact_hash,
            created_at: task.created_at,
            reviewed_at: task.reviewed_at,
            decisions: decisions
                .map(|d| DecisionRecord {
                    decision: d.decision,
                    notes: d.notes.clone(),
                    decided_at: d.decided_at,
                })
                .collect(),
        });
    }
    Ok(ReviewHistory { episode_id: episode.clone(), reviews })
}

/// Brings `review/review_history.json` up to date with the rows. The caller holds the episode's lock.
///
/// # Errors
/// The database's, or [`FileError`] where it can't be written.
pub async fn write_history(db: &Db, dir: &EpisodeDir) -> Result<(), StageError> {
    let (id, path) = (dir.id().clone(), dir.review_history());
    let history = db.run(move |conn| load_history(conn, &id)).await?;
    if history.reviews.is_empty() {
        return Ok(());
    }
    let write = move || match read_json::<ReviewHistory>(&path) {
        Ok(Some(written)) if written == history => Ok(()),
        _ => write_json_atomic(&path, &history),
    };
    with_files(write).await
}
