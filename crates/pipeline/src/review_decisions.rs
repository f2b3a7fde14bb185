//! What a person does in a review: look, open, approve, send back. Each decision is for one text.

use std::path::PathBuf;

use btcedu_artifacts::{
    EpisodeDir, EpisodeLock, FileError, LockHolder, MAX_TEXT, Provenance, StaleMarker, TextProvenance,
};
use btcedu_domain::{
    EpisodeId, EpisodeStatus, ErrorKind, Kinded, ReviewStage, ReviewStatus, Sha256Hash, UtcTime,
};
use btcedu_models::{
    DbError,
    episodes::{self, Episode},
    review_tasks::{self, ReviewTask, TaskSelection},
};
use btcedu_stages::{
    Position, StageContext, StageError,
    review_tasks::{
        ReviewedText, marker_author, record_decision, refresh_review_diff, sync_task, write_history,
    },
};
use serde::Serialize;

/// What a person decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Go on with exactly this text.
    Approve,
    /// Go back one stage.
    Reject {
        /// For the next try, where there is something to say.
        notes: Option<String>,
    },
    /// Go back one stage, with notes for the next try.
    RequestChanges {
        /// What to change.
        notes: String,
    },
}

impl Verdict {
    const fn status(&self) -> ReviewStatus {
        match self {
            Self::Approve => ReviewStatus::Approved,
            Self::Reject { .. } => ReviewStatus::Rejected,
            Self::RequestChanges { .. } => ReviewStatus::ChangesRequested,
        }
    }

    fn notes(&self) -> Option<&str> {
        let notes = match self {
            Self::Approve => None,
            Self::Reject { notes } => notes.as_deref(),
            Self::RequestChanges { notes } => Some(notes.as_str()),
        };
        notes.map(str::trim).filter(|notes| !notes.is_empty())
    }
}

/// Why a review can't be decided, or not like this.
#[derive(Debug, thiserror::Error)]
pub enum ReviewError {
    /// No such review.
    #[error("there is no review {task}; `btcedu review list --all` lists those there are")]
    Unknown {
        /// The number asked for.
        task: i64,
    },
    /// Somebody has decided already.
    #[error("review {task} was decided already ({status}{when}); a decision is not taken twice")]
    Decided {
        /// The review.
        task: i64,
        /// What was decided.
        status: ReviewStatus,
        /// When, in words.
        when: String,
    },
    /// A newer review of the same text stands.
    #[error("review {task} is not the newest of its episode; `btcedu review list` shows the one that waits")]
    Superseded {
        /// The review.
        task: i64,
    },
    /// The text isn't the one that the review is about.
    #[error(
        "the text of review {task} ('{path}') was changed since; the review is brought up to date, so look again with `btcedu review show {task}` and then decide"
    )]
    TextChanged {
        /// The review.
        task: i64,
        /// The text.
        path: String,
    },
    /// The person has looked at another text than the one that the review is about now.
    #[error(
        "the text of review {task} was made anew since you opened it; look at it as it is now and then decide"
    )]
    SeenAnother {
        /// The review.
        task: i64,
    },
    /// An earlier text has changed since, so this one will be made anew.
    #[error(
        "the text of review {task} is out of date ({reason}); it is made anew first and then asked for again, so there is nothing to decide: `btcedu run {episode}`"
    )]
    OutOfDate {
        /// The review.
        task: i64,
        /// The episode.
        episode: EpisodeId,
        /// What made it so.
        reason: String,
    },
    /// The text isn't there.
    #[error("the text of review {task} ('{path}') is missing; put it back, or run its stage again")]
    TextMissing {
        /// The review.
        task: i64,
        /// The text, relative to the workspace.
        path: String,
    },
    /// A request for changes says what to change.
    #[error("say what to change: a request for changes needs notes")]
    NotesMissing,
    /// A stage's error, the database's or a file's.
    #[error(transparent)]
    Stage(#[from] StageError),
}

impl Kinded for ReviewError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Unknown { .. } => ErrorKind::UnknownName,
            Self::NotesMissing => ErrorKind::Usage,
            Self::Decided { .. } | Self::Superseded { .. } | Self::TextMissing { .. } => ErrorKind::Conflict,
            // Looking again, or running the stage, opens the way.
            Self::TextChanged { .. } | Self::SeenAnother { .. } | Self::OutOfDate { .. } => {
                ErrorKind::Blocked
            }
            Self::Stage(error) => error.kind(),
        }
    }
}

impl From<DbError> for ReviewError {
    fn from(error: DbError) -> Self {
        Self::Stage(error.into())
    }
}

impl From<FileError> for ReviewError {
    fn from(error: FileError) -> Self {
        Self::Stage(error.into())
    }
}

/// One review, as a person looks at it.
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
    /// How far it has got.
    pub status: ReviewStatus,
    /// When it was opened.
    pub created_at: UtcTime,
    /// When it was decided.
    pub reviewed_at: Option<UtcTime>,
    /// What the reviewer wrote.
    pub notes: Option<String>,
    /// The text.
    pub text_path: PathBuf,
    /// The diff.
    pub diff_path: PathBuf,
    /// SHA-256 of the text that the review is about.
    pub artifact_hash: Option<Sha256Hash>,
    /// Whether the text on the disk is another one.
    pub text_changed: bool,
    /// An earlier text has changed since, so this one will be made anew: what made it so.
    pub out_of_date: Option<String>,
    /// What the stage that made the text had to say to the reviewer.
    pub warnings: Vec<String>,
}

/// Lists reviews, those that wait first and longest.
///
/// # Errors
/// The database's, or a file's.
pub async fn list_reviews(ctx: &StageContext, which: TaskSelection) -> Result<Vec<ReviewView>, ReviewError> {
    let tasks = ctx.db.run(move |conn| review_tasks::list_with_titles(conn, which)).await?;
    let data = ctx.data.clone();
    let views = btcedu_stages::with_files(move || {
        let shown = tasks.into_iter();
        shown.map(|(task, title)| view(&data.episode(&task.episode_id), task, title)).collect()
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
    let (found, episode) = load(ctx, task).await?;
    let dir = ctx.data.episode(&found.episode_id);
    Ok(btcedu_stages::with_files(move || view(&dir, found, episode.title)).await?)
}

/// Marks that a person looks at a review; one that was decided stays as it is.
///
/// # Errors
/// [`ReviewError::Unknown`], or the database's.
pub async fn open_review(ctx: &StageContext, task: i64) -> Result<ReviewView, ReviewError> {
    let (found, episode) = load(ctx, task).await?;
    if found.status == ReviewStatus::Pending {
        let row = episode.id;
        let opened = ctx.db.transaction(move |conn| {
            // Somebody may have decided in between.
            let Some(now) = review_tasks::find(conn, task)? else { return Ok(()) };
            if now.status == ReviewStatus::Pending {
                review_tasks::set_status(conn, task, ReviewStatus::InReview, None, None)?;
                episodes::set_review_status(conn, row, Some(ReviewStatus::InReview))?;
            }
            Ok(())
        });
        opened.await?;
    }
    find_review(ctx, task).await
}

/// A decision to take.
#[derive(Debug, Clone, Copy)]
pub struct Decision<'a> {
    /// The review's number.
    pub task: i64,
    /// What is decided.
    pub verdict: &'a Verdict,
    /// SHA-256 of the text that the person has looked at, where that is known: another one isn't decided on.
    pub seen: Option<Sha256Hash>,
    /// Stands in the lock for who has to wait.
    pub command: &'a str,
}

/// Decides a review, for the text as it is on the disk right now.
///
/// # Errors
/// [`ReviewError`] says why it can't be decided, or not like this.
pub async fn decide_review(ctx: &StageContext, decision: Decision<'_>) -> Result<ReviewView, ReviewError> {
    let Decision { task, verdict, seen, command } = decision;
    if matches!(verdict, Verdict::RequestChanges { .. }) && verdict.notes().is_none() {
        return Err(ReviewError::NotesMissing);
    }
    let Held { lock, dir, task: found, episode } = hold(ctx, task, command).await?;
    check_text(ctx, &dir, &found, &episode).await?;
    if seen.is_some_and(|seen| found.artifact_hash != Some(seen)) {
        return Err(ReviewError::SeenAnother { task });
    }
    let row = episode.clone();
    let position = ctx.db.run(move |conn| Position::load(conn, &row)).await?;
    let back_to = status_after(&found, position, verdict);
    if *verdict == Verdict::Approve {
        clear_own_marker(&dir, &found).await?;
    }
    if back_to.is_some() {
        mark_stale(ctx, &dir, &found, verdict).await?;
    }
    record(ctx, &found, &episode, verdict, back_to).await?;
    write_history(&ctx.db, &dir).await?;
    drop(lock);
    find_review(ctx, task).await
}

/// Brings a review up to date with the text as it is on the disk right now, without deciding anything.
///
/// # Errors
/// [`ReviewError`] says why there is nothing to look at.
pub async fn accept_edit(ctx: &StageContext, task: i64, command: &str) -> Result<ReviewView, ReviewError> {
    let Held { lock, dir, task: found, episode } = hold(ctx, task, command).await?;
    match check_text(ctx, &dir, &found, &episode).await {
        Ok(()) | Err(ReviewError::TextChanged { .. }) => {}
        Err(error) => return Err(error),
    }
    drop(lock);
    find_review(ctx, task).await
}

/// A review that waits, whose episode nobody else works on meanwhile.
struct Held {
    lock: EpisodeLock,
    dir: EpisodeDir,
    task: ReviewTask,
    episode: Episode,
}

async fn hold(ctx: &StageContext, task: i64, command: &str) -> Result<Held, ReviewError> {
    let (found, _) = load(ctx, task).await?;
    check_open(&found)?;
    let dir = ctx.data.episode(&found.episode_id);
    let holder = LockHolder::this_process(command, ctx.clock.now());
    let lock = EpisodeLock::acquire(&dir, &holder, ctx.clock.as_ref()).await.map_err(StageError::from)?;
    // Somebody may have decided, or a stage have run, before the lock was ours.
    let (task, episode) = load(ctx, task).await?;
    check_open(&task)?;
    check_not_stale(&dir, &task).await?;
    Ok(Held { lock, dir, task, episode })
}

fn check_open(task: &ReviewTask) -> Result<(), ReviewError> {
    if task.status.is_open() {
        return Ok(());
    }
    let when = task.reviewed_at.map_or_else(String::new, |at| format!(" on {at}"));
    Err(ReviewError::Decided { task: task.id, status: task.status, when })
}

async fn load(ctx: &StageContext, task: i64) -> Result<(ReviewTask, Episode), ReviewError> {
    let loaded = ctx.db.run(move |conn| {
        let Some(found) = review_tasks::find(conn, task)? else { return Ok(None) };
        Ok(episodes::find(conn, &found.episode_id)?.map(|episode| (found, episode)))
    });
    loaded.await?.ok_or(ReviewError::Unknown { task })
}

/// Hashes the text of a gate as it is now; a file that is refused counts as missing.
fn hash_on_disk(dir: &EpisodeDir, gate: ReviewStage) -> Result<Option<Sha256Hash>, FileError> {
    let path = dir.reviewed_text(gate);
    match dir.data().hash(&path, MAX_TEXT) {
        Err(error) if error.is_refused() => Ok(None),
        other => other,
    }
}

/// Shows a task as a person looks at it; reads the text, so not on an async thread.
fn view(dir: &EpisodeDir, task: ReviewTask, title: String) -> Result<ReviewView, FileError> {
    // A text that was decided on is history; what stands there now is another matter.
    let text_changed = task.status.is_open() && hash_on_disk(dir, task.stage)? != task.artifact_hash;
    let output = dir.reviewed_text(task.stage);
    let (mut out_of_date, mut warnings) = (None, Vec::new());
    if task.status.is_open() {
        let marker = dir.data().stale_note(&output)?;
        out_of_date = marker.filter(|m| m.by != marker_author(&task)).map(|m| m.reason);
        let provenance = dir.provenance(task.stage.reviews());
        let made = dir.data().read_json::<Provenance<TextProvenance>>(&provenance);
        warnings = made.ok().flatten().map(|made| made.extra.warnings).unwrap_or_default();
    }
    Ok(ReviewView {
        out_of_date,
        warnings,
        id: task.id,
        title,
        text_path: output,
        diff_path: dir.review_diff(task.stage),
        episode_id: task.episode_id,
        stage: task.stage,
        status: task.status,
        created_at: task.created_at,
        reviewed_at: task.reviewed_at,
        notes: task.reviewer_notes,
        artifact_hash: task.artifact_hash,
        text_changed,
    })
}

/// A decision is for one text: another one on the disk has to be looked at first.
async fn check_text(
    ctx: &StageContext,
    dir: &EpisodeDir,
    task: &ReviewTask,
    episode: &Episode,
) -> Result<(), ReviewError> {
    let path = dir.reviewed_text(task.stage);
    let (folder, gate) = (dir.clone(), task.stage);
    let Some(hash) = btcedu_stages::with_files(move || hash_on_disk(&folder, gate)).await? else {
        return Err(ReviewError::TextMissing { task: task.id, path: dir.in_workspace(&path) });
    };
    if task.artifact_hash == Some(hash) {
        return Ok(());
    }
    refresh_review_diff(ctx, dir.id(), task.stage).await?;
    let text = ReviewedText {
        episode: task.episode_id.clone(),
        episode_row: episode.id,
        gate: task.stage,
        path: dir.in_workspace(&path),
        diff: task.diff_path.clone(),
        prompt_version: task.prompt_version_id,
        hash,
    };
    let now = ctx.clock.now();
    let synced = ctx.db.transaction(move |conn| sync_task(conn, &text, now)).await?;
    if synced.id != task.id {
        return Err(ReviewError::Superseded { task: task.id });
    }
    Err(ReviewError::TextChanged { task: task.id, path: dir.in_workspace(&path) })
}

/// A text that an earlier stage has made out of date is not what anybody should decide on.
async fn check_not_stale(dir: &EpisodeDir, task: &ReviewTask) -> Result<(), ReviewError> {
    let output = dir.reviewed_text(task.stage);
    let data = dir.data();
    let marker = btcedu_stages::with_files(move || data.stale_note(&output)).await?;
    match marker.filter(|marker| marker.by != marker_author(task)) {
        Some(marker) => Err(ReviewError::OutOfDate {
            task: task.id,
            episode: task.episode_id.clone(),
            reason: marker.reason,
        }),
        None => Ok(()),
    }
}

/// Returns the status that the episode goes back to: what was sent back is made anew, and where
/// another text is approved than the one that later stages have used, these are.
fn status_after(task: &ReviewTask, position: Position, verdict: &Verdict) -> Option<EpisodeStatus> {
    let stage = task.stage.reviews();
    match verdict {
        Verdict::Approve => position.is_past(stage.leaves_at()).then(|| stage.leaves_at()),
        Verdict::Reject { .. } | Verdict::RequestChanges { .. } => stage.enters_at(),
    }
}

/// Takes away the marker of a decision to send the text back that was interrupted before it was written down.
async fn clear_own_marker(dir: &EpisodeDir, task: &ReviewTask) -> Result<(), ReviewError> {
    let (output, name) = (dir.reviewed_text(task.stage), marker_author(task));
    let data = dir.data();
    btcedu_stages::with_files(move || match data.stale_note(&output)? {
        Some(marker) if marker.by == name => StaleMarker::remove(&output),
        _ => Ok(()),
    })
    .await?;
    Ok(())
}

/// What was sent back is made anew, and what was made from a text that isn't the approved one.
async fn mark_stale(
    ctx: &StageContext,
    dir: &EpisodeDir,
    task: &ReviewTask,
    verdict: &Verdict,
) -> Result<(), ReviewError> {
    let marker = StaleMarker {
        invalidated_by: marker_author(task),
        invalidated_at: ctx.clock.now(),
        reason: match verdict {
            Verdict::Approve => format!("review {} approved another text", task.id),
            _ => format!("review {}: {}", task.id, verdict.status()),
        },
    };
    let mut outputs = dir.later_outputs(task.stage.reviews());
    if *verdict != Verdict::Approve {
        outputs.insert(0, dir.reviewed_text(task.stage));
    }
    btcedu_stages::with_files(move || {
        outputs.iter().filter(|path| path.exists()).try_for_each(|path| marker.write(path))
    })
    .await?;
    Ok(())
}

async fn record(
    ctx: &StageContext,
    task: &ReviewTask,
    episode: &Episode,
    verdict: &Verdict,
    back_to: Option<EpisodeStatus>,
) -> Result<(), ReviewError> {
    let (id, row, now) = (task.id, episode.id, ctx.clock.now());
    let verdict = verdict.clone();
    let recorded = ctx.db.transaction(move |conn| {
        record_decision(conn, row, id, verdict.status(), verdict.notes(), now)?;
        match back_to {
            Some(status) => episodes::set_status(conn, row, status),
            None => Ok(()),
        }
    });
    Ok(recorded.await?)
}
