//! Writing review tasks: a task is opened for what a stage wrote, is about exactly that text, and stays on record.
//!
//! What a person decides in a review is in the pipeline crate, `review_decisions`.

use btcedu_artifacts::{EpisodeDir, write_json_atomic};
use btcedu_domain::{EpisodeId, EpisodeRowId, ReviewStage, ReviewStatus, Sha256Hash, Stage, UtcTime};
use btcedu_models::{
    Conn, Db, DbError, episodes,
    review_decisions::{self, NewReviewDecision},
    review_tasks::{self, NewReviewTask, ReviewSubject, ReviewTask},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    StageContext, StageError,
    adapt::Adapting,
    correct::Correcting,
    sources::{Sources, load_sources, load_text},
    spec::StageSpec,
    with_files,
};

/// The reviews on both sides of a stage.
#[derive(Debug, Clone)]
pub(crate) struct Reviews {
    /// The newest task of the review before the stage.
    before: Option<ReviewTask>,
    /// The newest task of that review that was approved, for whatever text.
    approved_before: Option<i64>,
    /// The review that sent the stage's text back, where the text hasn't been made anew yet.
    pub(crate) sent_back: Option<ReviewTask>,
}

impl Reviews {
    /// Picks a stage's reviews out of an episode's tasks, newest first.
    pub(crate) fn of(stage: Stage, tasks: &[ReviewTask]) -> Self {
        let of_gate = |gate| tasks.iter().filter(move |task| Some(task.stage) == gate);
        let approved = of_gate(stage.gate_before()).find(|task| task.status == ReviewStatus::Approved);
        let after = of_gate(stage.gate_after()).next();
        Self {
            before: of_gate(stage.gate_before()).next().cloned(),
            approved_before: approved.map(|task| task.id),
            sent_back: after.filter(|task| task.status.is_sent_back()).cloned(),
        }
    }

    /// Returns what the reviewer asked for who sent the stage's text back.
    pub(crate) fn notes(&self) -> Option<String> {
        let notes = self.sent_back.as_ref()?.reviewer_notes.as_deref()?.trim();
        (!notes.is_empty()).then(|| notes.to_owned())
    }

    /// Returns the author of a marker that a decision has left which was interrupted before it was recorded.
    pub(crate) fn interrupted_author(&self) -> Option<String> {
        self.before.as_ref().filter(|task| !task.status.is_sent_back()).map(marker_author)
    }

    /// Tells whether a review must approve the text first: an approval holds for one text only.
    pub(crate) fn closed_gate(&self, stage: Stage, text: Sha256Hash) -> Option<ClosedGate> {
        let gate = stage.gate_before()?;
        let why = match (&self.before, self.approved_before) {
            (Some(task), _) if is_approved_for(task, text) => return None,
            (Some(task), _) if task.status.is_sent_back() => "the review sent the text back".to_owned(),
            (_, Some(approved)) => format!("the text was changed after review {approved} had approved it"),
            (_, None) => "nobody has approved the text yet".to_owned(),
        };
        Some(ClosedGate { gate, why, text, before: self.before.clone() })
    }
}

/// A review that the stage may not pass yet, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClosedGate {
    gate: ReviewStage,
    why: String,
    /// The text that waits for an approval.
    text: Sha256Hash,
    before: Option<ReviewTask>,
}

impl ClosedGate {
    /// Makes the error; without a task that was just opened, it names the one that waits.
    pub(crate) fn to_error(&self, episode: &EpisodeId, opened: Option<i64>) -> StageError {
        let waiting = self.before.as_ref().filter(|task| task.status.is_open());
        StageError::AwaitingReview {
            episode: episode.clone(),
            gate: self.gate,
            task: opened.or(waiting.map(|task| task.id)),
            why: self.why.clone(),
        }
    }

    /// Opens the review, or brings it up to date with the text as it is now; returns its number.
    pub(crate) async fn ask(
        &self,
        ctx: &StageContext,
        dir: &EpisodeDir,
        episode_row: EpisodeRowId,
    ) -> Result<i64, StageError> {
        let text = ReviewedText {
            episode: dir.id().clone(),
            episode_row,
            gate: self.gate,
            path: dir.in_workspace(&dir.reviewed_text(self.gate)),
            diff: refresh_review_diff(ctx, dir.id(), self.gate).await?,
            prompt_version: self.before.as_ref().and_then(|task| task.prompt_version_id),
            hash: self.text,
        };
        let now = ctx.clock.now();
        let task = ctx.db.transaction(move |conn| sync_task(conn, &text, now)).await?;
        write_history(&ctx.db, dir).await?;
        Ok(task.id)
    }
}

/// Writes the diff of a gate anew from the texts as they are on the disk, so that the reviewer sees just that.
///
/// Returns its path relative to the workspace; none where what it would compare isn't there.
///
/// # Errors
/// [`StageError`] where a text can't be read, or the diff not be written.
pub async fn refresh_review_diff(
    ctx: &StageContext,
    id: &EpisodeId,
    gate: ReviewStage,
) -> Result<Option<String>, StageError> {
    let dir = ctx.data.episode(id);
    with_files(move || {
        let path = dir.review_diff(gate);
        let texts = load_sources(&dir, gate.reviews()).and_then(|sources| {
            load_text(&dir, &dir.reviewed_text(gate)).map(|reviewed| (sources, reviewed.text))
        });
        let (sources, reviewed) = match texts {
            Ok(texts) => texts,
            Err(StageError::MissingInput { .. } | StageError::BadText { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let sources = Sources {
            episode: dir.id().clone(),
            title: String::new(),
            texts: sources.into_iter().map(|source| source.text).collect(),
            feedback: None,
        };
        let diff = match gate {
            ReviewStage::Correct => Correcting.diff(&sources, &reviewed),
            ReviewStage::Adapt => Adapting.diff(&sources, &reviewed),
        };
        if let Some(diff) = diff {
            write_json_atomic(&path, &diff)?;
        }
        Ok::<_, StageError>(Some(dir.in_workspace(&path)))
    })
    .await
}

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
/// The database's, or [`StageError::File`] where it can't be written.
pub async fn write_history(db: &Db, dir: &EpisodeDir) -> Result<(), StageError> {
    let (id, data, path) = (dir.id().clone(), dir.data(), dir.review_history());
    let history = db.run(move |conn| load_history(conn, &id)).await?;
    if history.reviews.is_empty() {
        return Ok(());
    }
    let write = move || match data.read_json::<ReviewHistory>(&path) {
        Ok(Some(written)) if written == history => Ok(()),
        _ => write_json_atomic(&path, &history),
    };
    with_files(write).await
}
