//! Decides reviews. Each decision is about one text, which is known by its hash.

use btcedu_artifacts::{EpisodeDir, EpisodeLock, StaleMarker};
use btcedu_domain::{EpisodeStatus, ReviewStatus, Sha256Hash};
use btcedu_models::{
    episodes::{self, Episode},
    review_tasks::ReviewTask,
};
use btcedu_stages::{
    Position, StageContext,
    review_tasks::{
        ReviewedText, marker_author, record_decision, refresh_review_diff, sync_task, write_history,
    },
    with_files,
};

use crate::{
    episode::lock_episode,
    review_error::ReviewError,
    review_views::{ReviewView, find_review, hash_text, load_review, reason_out_of_date},
};

/// What a reviewer decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Go on with exactly this text.
    Approve,
    /// Go back one stage.
    Reject {
        /// For the stage's next run, where the reviewer wrote any.
        notes: Option<String>,
    },
    /// Go back one stage, with notes for its next run.
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

    /// Returns the notes, trimmed; blank ones are treated as missing.
    fn notes(&self) -> Option<&str> {
        let notes = match self {
            Self::Approve => None,
            Self::Reject { notes } => notes.as_deref(),
            Self::RequestChanges { notes } => Some(notes.as_str()),
        };
        notes.map(str::trim).filter(|notes| !notes.is_empty())
    }
}

/// A verdict, and which text it is about.
#[derive(Debug, Clone, Copy)]
pub struct Decision<'a> {
    /// The review's number.
    pub task: i64,
    /// What is decided.
    pub verdict: &'a Verdict,
    /// SHA-256 of the text that the reviewer has read, where it is known. The decision is refused if the review
    /// is now about another text.
    pub seen: Option<Sha256Hash>,
    /// The command line; other commands that find the episode locked are shown it.
    pub command: &'a str,
}

/// Decides a review of the text that the file holds now.
///
/// # Errors
/// [`ReviewError`] says why it can't be decided.
pub async fn decide_review(ctx: &StageContext, decision: Decision<'_>) -> Result<ReviewView, ReviewError> {
    let Decision { task, verdict, seen, command } = decision;
    if matches!(verdict, Verdict::RequestChanges { .. }) && verdict.notes().is_none() {
        return Err(ReviewError::NotesMissing);
    }
    let review = OpenReview::lock(ctx, task, command).await?;
    if review.update_text(ctx).await? == TextState::Changed {
        return Err(ReviewError::TextChanged { task, path: review.text_path() });
    }
    if seen.is_some_and(|seen| review.task.artifact_hash != Some(seen)) {
        return Err(ReviewError::OtherTextSeen { task });
    }
    let episode = review.episode.clone();
    let position = ctx.db.run(move |conn| Position::load(conn, &episode)).await?;
    let back_to = status_after(&review.task, position, verdict);
    if *verdict == Verdict::Approve {
        review.clear_own_marker().await?;
    }
    if back_to.is_some() {
        review.mark_out_of_date(ctx, verdict).await?;
    }
    review.record(ctx, verdict, back_to).await?;
    write_history(&ctx.db, &review.dir).await?;
    drop(review);
    find_review(ctx, task).await
}

/// Makes a review be about the text that the file holds now, and decides nothing.
///
/// # Errors
/// [`ReviewError`] says why there is nothing to review.
pub async fn accept_edit(ctx: &StageContext, task: i64, command: &str) -> Result<ReviewView, ReviewError> {
    let review = OpenReview::lock(ctx, task, command).await?;
    review.update_text(ctx).await?;
    drop(review);
    find_review(ctx, task).await
}

/// Returns the status that a decision sends the episode back to; `None` where the status stays.
fn status_after(task: &ReviewTask, position: Position, verdict: &Verdict) -> Option<EpisodeStatus> {
    let stage = task.stage.reviews();
    match verdict {
        // Later stages have used another text than the approved one, so they run again.
        Verdict::Approve => position.is_past(stage.leaves_at()).then(|| stage.leaves_at()),
        Verdict::Reject { .. } | Verdict::RequestChanges { .. } => stage.enters_at(),
    }
}

/// Whether a review had to be updated to the text that the file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TextState {
    Unchanged,
    Changed,
}

/// A review that can be decided. Its episode is locked as long as this value exists.
struct OpenReview {
    dir: EpisodeDir,
    task: ReviewTask,
    episode: Episode,
    _lock: EpisodeLock,
}

impl OpenReview {
    async fn lock(ctx: &StageContext, task: i64, command: &str) -> Result<Self, ReviewError> {
        let (found, _) = load_review(ctx, task).await?;
        check_open(&found)?;
        let lock = lock_episode(ctx, &found.episode_id, command).await?;
        // Before the lock was taken, another reviewer may have decided, or a stage may have run.
        let (task, episode) = load_review(ctx, task).await?;
        check_open(&task)?;
        let dir = ctx.data.episode(&task.episode_id);
        let review = Self { dir: dir.clone(), task: task.clone(), episode, _lock: lock };
        match with_files(move || reason_out_of_date(&dir, &task)).await? {
            None => Ok(review),
            // Its stage must run again, and the result is then reviewed.
            Some(reason) => {
                Err(ReviewError::OutOfDate { task: review.task.id, episode: review.task.episode_id, reason })
            }
        }
    }

    /// The text's file, relative to the workspace.
    fn text_path(&self) -> String {
        self.dir.in_workspace(&self.dir.reviewed_text(self.task.stage))
    }

    /// Compares the file with the text that the review is about; updates the review and its diff if they differ.
    async fn update_text(&self, ctx: &StageContext) -> Result<TextState, ReviewError> {
        let (dir, task) = (self.dir.clone(), &self.task);
        let gate = task.stage;
        let Some(hash) = with_files(move || hash_text(&dir, gate)).await? else {
            return Err(ReviewError::TextMissing { task: task.id, path: self.text_path() });
        };
        if task.artifact_hash == Some(hash) {
            return Ok(TextState::Unchanged);
        }
        refresh_review_diff(ctx, self.dir.id(), gate).await?;
        let text = ReviewedText {
            episode: task.episode_id.clone(),
            episode_row: self.episode.id,
            gate,
            path: self.text_path(),
            diff: task.diff_path.clone(),
            prompt_version: task.prompt_version_id,
            hash,
        };
        let now = ctx.clock.now();
        let synced = ctx.db.transaction(move |conn| sync_task(conn, &text, now)).await?;
        if synced.id != task.id {
            return Err(ReviewError::Superseded { task: task.id });
        }
        Ok(TextState::Changed)
    }

    /// Removes the marker of an earlier decision of this review that was interrupted before it was recorded.
    async fn clear_own_marker(&self) -> Result<(), ReviewError> {
        let (data, text) = (self.dir.data(), self.dir.reviewed_text(self.task.stage));
        let author = marker_author(&self.task);
        let clear = move || match data.stale_note(&text)? {
            Some(marker) if marker.by == author => StaleMarker::remove(&text),
            _ => Ok(()),
        };
        Ok(with_files(clear).await?)
    }

    /// Marks what must be made again: a text that was sent back, and what later stages have made.
    async fn mark_out_of_date(&self, ctx: &StageContext, verdict: &Verdict) -> Result<(), ReviewError> {
        let gate = self.task.stage;
        let mut outputs = self.dir.later_outputs(gate.reviews());
        let reason = if *verdict == Verdict::Approve {
            format!("review {} approved another text", self.task.id)
        } else {
            outputs.insert(0, self.dir.reviewed_text(gate));
            format!("review {}: {}", self.task.id, verdict.status())
        };
        let (invalidated_by, invalidated_at) = (marker_author(&self.task), ctx.clock.now());
        let marker = StaleMarker { invalidated_by, invalidated_at, reason };
        let write =
            move || outputs.iter().filter(|path| path.exists()).try_for_each(|path| marker.write(path));
        Ok(with_files(write).await?)
    }

    async fn record(
        &self,
        ctx: &StageContext,
        verdict: &Verdict,
        back_to: Option<EpisodeStatus>,
    ) -> Result<(), ReviewError> {
        let (task, row, now) = (self.task.id, self.episode.id, ctx.clock.now());
        let verdict = verdict.clone();
        let recorded = ctx.db.transaction(move |conn| {
            record_decision(conn, row, task, verdict.status(), verdict.notes(), now)?;
            match back_to {
                Some(status) => episodes::set_status(conn, row, status),
                None => Ok(()),
            }
        });
        Ok(recorded.await?)
    }
}

fn check_open(task: &ReviewTask) -> Result<(), ReviewError> {
    if task.status.is_open() {
        return Ok(());
    }
    let when = task.reviewed_at.map_or_else(String::new, |at| format!(" on {at}"));
    Err(ReviewError::AlreadyDecided { task: task.id, status: task.status, when })
}
