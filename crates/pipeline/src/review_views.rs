//! Shows reviews: the list, one review, and marking that a reviewer has opened one.

use std::path::PathBuf;

use btcedu_artifacts::{EpisodeDir, FileError, MAX_TEXT, Provenance, TextProvenance};
use btcedu_domain::{EpisodeId, ReviewStage, ReviewStatus, Sha256Hash, UtcTime};
use btcedu_models::{
    episodes::{self, Episode},
    review_tasks::{self, ReviewTask, TaskSelection},
};
use btcedu_stages::{StageContext, review_tasks::marker_author, with_files};
use serde::Serialize;

use crate::review_error::ReviewError;

/// One review, as it is shown to a reviewer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReviewView {
    /// Its number.
    pub id: i64,
    /// The episode.
    pub episode_id: EpisodeId,
    /// The episode's title.
    pub title: String,
    /// Which gate it is.
    pub stage: ReviewStage,
    /// Its status.
    pub status: ReviewStatus,
    /// When it was opened.
    pub created_at: UtcTime,
    /// When it was decided.
    pub reviewed_at: Option<UtcTime>,
    /// What the reviewer wrote.
    pub notes: Option<String>,
    /// The file of the text.
    pub text_path: PathBuf,
    /// The file of the diff.
    pub diff_path: PathBuf,
    /// SHA-256 of the text that the review is about.
    pub artifact_hash: Option<Sha256Hash>,
    /// Whether the file now holds another text.
    pub text_changed: bool,
    /// Why the text is out of date, where a text that it was made from has changed.
    pub out_of_date: Option<String>,
    /// Warnings for the reviewer, from the stage that made the text.
    pub warnings: Vec<String>,
}

/// Lists reviews: open ones first, oldest first.
///
/// # Errors
/// The database's, or a file's.
pub async fn list_reviews(ctx: &StageContext, which: TaskSelection) -> Result<Vec<ReviewView>, ReviewError> {
    let tasks = ctx.db.run(move |conn| review_tasks::list_with_titles(conn, which)).await?;
    let data = ctx.data.clone();
    let views = with_files(move || {
        let tasks = tasks.into_iter();
        tasks.map(|(task, title)| view(&data.episode(&task.episode_id), task, title)).collect()
    });
    let mut views: Vec<ReviewView> = views.await?;
    views.sort_by_key(|view| (!view.status.is_open(), view.created_at));
    Ok(views)
}

/// Loads one review.
///
/// # Errors
/// [`ReviewError::Unknown`], the database's, or a file's.
pub async fn find_review(ctx: &StageContext, task: i64) -> Result<ReviewView, ReviewError> {
    let (found, episode) = load_review(ctx, task).await?;
    let dir = ctx.data.episode(&found.episode_id);
    Ok(with_files(move || view(&dir, found, episode.title)).await?)
}

/// Loads one review, and marks it as in review where it is pending.
///
/// # Errors
/// Those of [`find_review`].
pub async fn open_review(ctx: &StageContext, task: i64) -> Result<ReviewView, ReviewError> {
    let (found, episode) = load_review(ctx, task).await?;
    if found.status == ReviewStatus::Pending {
        let opened = ctx.db.transaction(move |conn| {
            // Another reviewer may have decided meanwhile.
            let Some(now) = review_tasks::find(conn, task)? else { return Ok(()) };
            if now.status == ReviewStatus::Pending {
                review_tasks::set_status(conn, task, ReviewStatus::InReview, None, None)?;
                episodes::set_review_status(conn, episode.id, Some(ReviewStatus::InReview))?;
            }
            Ok(())
        });
        opened.await?;
    }
    find_review(ctx, task).await
}

/// Loads the rows of a review and of its episode.
pub(crate) async fn load_review(ctx: &StageContext, task: i64) -> Result<(ReviewTask, Episode), ReviewError> {
    let loaded = ctx.db.run(move |conn| {
        let Some(found) = review_tasks::find(conn, task)? else { return Ok(None) };
        Ok(episodes::find(conn, &found.episode_id)?.map(|episode| (found, episode)))
    });
    loaded.await?.ok_or(ReviewError::Unknown { task })
}

/// Hashes a gate's text; `None` where the file is missing or refused.
pub(crate) fn hash_text(dir: &EpisodeDir, gate: ReviewStage) -> Result<Option<Sha256Hash>, FileError> {
    match dir.data().hash(&dir.reviewed_text(gate), MAX_TEXT) {
        Err(error) if error.is_refused() => Ok(None),
        hash => hash,
    }
}

/// Returns what has made a review's text out of date. The marker of the review itself doesn't count.
pub(crate) fn reason_out_of_date(dir: &EpisodeDir, task: &ReviewTask) -> Result<Option<String>, FileError> {
    let marker = dir.data().stale_note(&dir.reviewed_text(task.stage))?;
    Ok(marker.filter(|marker| marker.by != marker_author(task)).map(|marker| marker.reason))
}

/// Makes the view of a task. Reads files, so it doesn't belong on an async thread.
fn view(dir: &EpisodeDir, task: ReviewTask, title: String) -> Result<ReviewView, FileError> {
    let (text_path, diff_path) = (dir.reviewed_text(task.stage), dir.review_diff(task.stage));
    let (mut text_changed, mut out_of_date, mut warnings) = (false, None, Vec::new());
    // After the decision the file may hold a later text, which says nothing about the decided one.
    if task.status.is_open() {
        text_changed = hash_text(dir, task.stage)? != task.artifact_hash;
        out_of_date = reason_out_of_date(dir, &task)?;
        let provenance = dir.provenance(task.stage.reviews());
        let made = dir.data().read_json::<Provenance<TextProvenance>>(&provenance);
        warnings = made.ok().flatten().map(|made| made.extra.warnings).unwrap_or_default();
    }
    Ok(ReviewView {
        id: task.id,
        episode_id: task.episode_id,
        title,
        stage: task.stage,
        status: task.status,
        created_at: task.created_at,
        reviewed_at: task.reviewed_at,
        notes: task.reviewer_notes,
        text_path,
        diff_path,
        artifact_hash: task.artifact_hash,
        text_changed,
        out_of_date,
        warnings,
    })
}
