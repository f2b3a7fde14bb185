//! Writes what a text stage made, in an order that a crash at any line leaves a state to go on from.

use btcedu_artifacts::{
    FileError, Provenance, StaleMarker, TextProvenance, crash_point, leftovers, remove_file, write_atomic,
    write_json_atomic,
};
use btcedu_domain::{
    CallState, EpisodeId, EpisodeRowId, EpisodeStatus, ReviewStage, ReviewStatus, RunId, RunStatus,
    Sha256Hash, Stage, Usd, UtcTime,
};
use btcedu_models::{
    Conn, DbError,
    content_artifacts::{self, NewContentArtifact},
    episodes, pipeline_runs, prompt_versions, provider_calls,
    review_tasks::ReviewTask,
};
use serde_json::json;

use crate::{
    StageContext, StageError,
    ledger::CallSettlement,
    review::{self, ReviewedText},
    text::{
        gather::{Gathered, load_pair},
        stage::{Made, TextStage},
    },
    text_call::PaidText,
    with_files,
};

/// What a commit brought about, beside the files.
pub(crate) struct Committed {
    pub(crate) task: Option<i64>,
    pub(crate) warnings: Vec<String>,
}

/// A gate that the stage may not pass yet, and why.
pub(crate) struct ClosedGate {
    gate: ReviewStage,
    why: String,
}

impl ClosedGate {
    /// Makes the error; without a task that was just opened, the one that waits.
    pub(crate) fn into_error(self, gathered: &Gathered, task: Option<i64>) -> StageError {
        StageError::AwaitingReview {
            episode: gathered.dir.id().clone(),
            gate: self.gate,
            task: task.or_else(|| {
                let open = |task: &&ReviewTask| task.status.is_open();
                gathered.task_before.as_ref().filter(open).map(|task| task.id)
            }),
            why: self.why,
        }
    }
}

/// Tells whether a review must approve the text first: an approval holds for one text only.
pub(crate) fn closed_gate(gathered: &Gathered) -> Option<ClosedGate> {
    let gate = gathered.stage.gate_before()?;
    let hash = gathered.source_files.first().map(|f| f.hash)?;
    let why = match (&gathered.task_before, gathered.approved_before) {
        (Some(task), _) if review::is_approved_for(task, hash) => return None,
        (Some(task), _) if task.status.is_sent_back() => "the review sent the text back".to_owned(),
        (_, Some(approved)) => format!("the text was changed after review {approved} had approved it"),
        (_, None) => "nobody has approved the text yet".to_owned(),
    };
    Some(ClosedGate { gate, why })
}

/// Opens the review that the stage waits for, or brings it up to date with the text as it is now.
pub(crate) async fn ask_for_review(
    ctx: &StageContext,
    gathered: &Gathered,
    closed: &ClosedGate,
) -> Result<i64, StageError> {
    let before = TextStage::of_gate(closed.gate);
    let text = ReviewedText {
        episode: gathered.dir.id().clone(),
        episode_row: gathered.episode.id,
        gate: closed.gate,
        path: gathered.dir.in_workspace(&before.output(&gathered.dir)),
        diff: refresh_review_diff(ctx, gathered.dir.id(), closed.gate).await?,
        prompt_version: gathered.task_before.as_ref().and_then(|task| task.prompt_version_id),
        hash: gathered.source_files.first().map_or(gathered.input_hash, |f| f.hash),
    };
    let now = ctx.clock.now();
    let task = ctx.db.transaction(move |conn| review::sync_task(conn, &text, now)).await?;
    review::write_history(&ctx.db, &gathered.dir).await?;
    Ok(task.id)
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
    let (dir, stage) = (ctx.data.episode(id), TextStage::of_gate(gate));
    let path = dir.review_diff(gate);
    let shown = dir.in_workspace(&path);
    with_files(move || {
        let Some((sources, text)) = load_pair(&dir, stage)? else { return Ok(None) };
        if let Some(diff) = stage.craft().diff(&sources, &text) {
            write_json_atomic(&path, &diff)?;
        }
        Ok::<_, StageError>(Some(shown))
    })
    .await
}

/// Writes off calls of an interrupted run that nothing came of, closes the run, and clears away its temporary files.
pub(crate) async fn mend(ctx: &StageContext, gathered: &Gathered) -> Result<(), StageError> {
    let folders = gathered.dir.text_folders();
    let clear = move || {
        for folder in folders {
            leftovers(&folder)?.iter().try_for_each(|path| remove_file(path))?;
        }
        Ok::<_, FileError>(())
    };
    with_files(clear).await?;
    let (episode, stage, now) = (gathered.episode.id, gathered.stage.stage(), ctx.clock.now());
    let mended = ctx.db.transaction(move |conn| {
        for call in provider_calls::list_for_episode(conn, episode)? {
            if call.stage == stage && call.state == CallState::Sent {
                let end = CallSettlement {
                    error: Some("the run was interrupted before an answer was recorded".to_owned()),
                    ..CallSettlement::new(CallState::Unknown)
                };
                provider_calls::set_settled(conn, call.call_id, &end.at(now))?;
            }
        }
        for run in pipeline_runs::list_for_episode(conn, episode)? {
            if run.stage == stage && run.completed_at.is_none() {
                pipeline_runs::set_totals_from_ledger(conn, run.id)?;
                let why = Some("the run was interrupted");
                pipeline_runs::set_finished(conn, run.id, RunStatus::Failed, now, why)?;
            }
        }
        Ok(())
    });
    Ok(mended.await?)
}

/// The text is as it should be: moves a status that a crash left behind, opens the review, tells of it.
pub(crate) async fn settle_current(
    ctx: &StageContext,
    gathered: &Gathered,
) -> Result<Option<i64>, StageError> {
    let (Some(output), true) = (&gathered.output, gathered.standing < gathered.stage.ends_at().place_in_v2())
    else {
        review::write_history(&ctx.db, &gathered.dir).await?;
        return Ok(None);
    };
    if gathered.is_reworked_by_hand() {
        // Its review is another one now.
        let path = output.path.clone();
        with_files(move || StaleMarker::remove(&path)).await?;
        if let Some(gate) = gathered.stage.gate_after() {
            refresh_review_diff(ctx, gathered.dir.id(), gate).await?;
        }
    }
    let closing = Closing::of(ctx, gathered, output.hash, None);
    let task = ctx.db.transaction(move |conn| closing.write(conn)).await?;
    review::write_history(&ctx.db, &gathered.dir).await?;
    Ok(task)
}

/// Writes everything that a finished run leaves: files first, then rows in one transaction.
pub(crate) async fn commit(
    ctx: &StageContext,
    gathered: &Gathered,
    run: RunId,
    made: Made,
    paid: &[PaidText],
    started: UtcTime,
) -> Result<Committed, StageError> {
    let now = ctx.clock.now();
    let hash = Sha256Hash::of_bytes(made.output.as_bytes());
    let is_new = gathered.output.as_ref().is_none_or(|before| before.hash != hash);
    if is_new {
        take_back(ctx, gathered).await?;
    }
    crash_point("text-taken-back");
    let trivial = gathered.stage.craft().is_trivial(&gathered.sources, &made.output);
    let mut closing = Closing::of(ctx, gathered, hash, Some(run));
    closing.keeps_status = !is_new && gathered.standing > gathered.stage.ends_at().place_in_v2();
    // Who has sent a text back wants to see what became of it.
    let may_approve = ctx.settings.auto_approve_trivial && gathered.sent_back.is_none();
    closing.approve_because = trivial.filter(|_| may_approve);
    let warnings = made.warnings.clone();
    let provenance = provenance_of(gathered, &made, hash, paid, (now, now.since(started).as_secs_f64()));
    let files = Files { gathered: gathered.clone(), made, provenance, is_new, now };
    with_files(move || files.write()).await?;
    crash_point("text-written");
    let task = ctx.db.transaction(move |conn| closing.write(conn)).await?;
    crash_point("text-closed");
    review::write_history(&ctx.db, &gathered.dir).await?;
    Ok(Committed { task, warnings })
}

/// Moves the episode back before its text is written over: whatever happens next, the stage is done again.
async fn take_back(ctx: &StageContext, gathered: &Gathered) -> Result<(), StageError> {
    let starts_at = gathered.stage.starts_at();
    if gathered.standing <= starts_at.place_in_v2() {
        return Ok(());
    }
    let episode = gathered.episode.id;
    Ok(ctx.db.transaction(move |conn| episodes::set_status(conn, episode, starts_at)).await?)
}

struct Files {
    gathered: Gathered,
    made: Made,
    provenance: Provenance<TextProvenance>,
    is_new: bool,
    now: UtcTime,
}

impl Files {
    fn write(&self) -> Result<(), FileError> {
        let Gathered { stage, dir, sources, .. } = &self.gathered;
        let output = stage.output(dir);
        if self.is_new {
            let marker = StaleMarker {
                invalidated_by: stage.stage().to_string(),
                invalidated_at: self.now,
                reason: format!("{} wrote a new {}", stage.stage(), dir.in_workspace(&output)),
            };
            for later in stage.later_outputs(dir).iter().filter(|path| path.exists()) {
                marker.write(later)?;
            }
            // Until all is written: a run that is interrupted from here on is told by it, and done again.
            let reason = format!("{} was interrupted while it wrote it", stage.stage());
            StaleMarker { reason, ..marker }.write(&output)?;
            write_atomic(&output, self.made.output.as_bytes())?;
        }
        if let (Some(path), Some(diff)) = (stage.diff(dir), stage.craft().diff(sources, &self.made.output)) {
            write_json_atomic(&path, &diff)?;
        }
        write_json_atomic(&dir.provenance(stage.stage()), &self.provenance)?;
        remove_file(&dir.last_reply(stage.stage()))?;
        StaleMarker::remove(&output)
    }
}

fn provenance_of(
    gathered: &Gathered,
    made: &Made,
    hash: Sha256Hash,
    paid: &[PaidText],
    (timestamp, duration_seconds): (UtcTime, f64),
) -> Provenance<TextProvenance> {
    let Gathered { stage, dir, prompt, system, .. } = gathered;
    Provenance {
        stage: stage.stage(),
        episode_id: dir.id().clone(),
        timestamp,
        prompt_name: Some(prompt.name.to_string()),
        prompt_version: Some(prompt.version),
        prompt_hash: Some(prompt.content_hash),
        model: Some(gathered.model.clone()),
        model_params: json!({
            "max_tokens": prompt.max_tokens,
            "temperature": {"template": prompt.temperature, "sent": false},
        }),
        input_files: gathered.source_files.iter().map(|f| dir.in_workspace(&f.path)).collect(),
        input_content_hash: gathered.input_hash,
        output_files: vec![dir.in_workspace(&stage.output(dir))],
        output_hashes: vec![hash],
        input_tokens: paid.iter().map(|p| p.tokens_in).sum(),
        output_tokens: paid.iter().map(|p| p.tokens_out).sum(),
        cost_usd: paid.iter().map(|p| p.cost).sum::<Usd>(),
        duration_seconds,
        extra: TextProvenance {
            system_prompt_version: system.version,
            system_prompt_hash: system.content_hash,
            segments: paid.len(),
            reviewer_feedback: gathered.sources.feedback.clone(),
            warnings: made.warnings.clone(),
        },
    }
}

/// The last transaction of a run: review, artifact, status, error and the run's row together.
struct Closing {
    text: Option<ReviewedText>,
    stage: TextStage,
    keeps_status: bool,
    approve_because: Option<String>,
    run: Option<RunId>,
    episode: EpisodeRowId,
    episode_id: EpisodeId,
    file: String,
    model: String,
    prompt_name: String,
    prompt_hash: Sha256Hash,
    now: UtcTime,
}

impl Closing {
    fn of(ctx: &StageContext, gathered: &Gathered, hash: Sha256Hash, run: Option<RunId>) -> Self {
        let Gathered { stage, dir, prompt, .. } = gathered;
        let file = dir.in_workspace(&stage.output(dir));
        let text = stage.gate_after().map(|gate| ReviewedText {
            episode: dir.id().clone(),
            episode_row: gathered.episode.id,
            gate,
            path: file.clone(),
            diff: stage.diff(dir).map(|path| dir.in_workspace(&path)),
            prompt_version: prompt.id,
            hash,
        });
        Self {
            text,
            stage: *stage,
            keeps_status: false,
            approve_because: None,
            run,
            episode: gathered.episode.id,
            episode_id: dir.id().clone(),
            file,
            model: gathered.model.clone(),
            prompt_name: prompt.name.to_string(),
            prompt_hash: prompt.content_hash,
            now: ctx.clock.now(),
        }
    }

    fn write(&self, conn: &mut Conn) -> Result<Option<i64>, DbError> {
        let task = self.review(conn)?;
        let stage: Stage = self.stage.stage();
        if let Some(run) = self.run {
            content_artifacts::insert(
                conn,
                &NewContentArtifact {
                    episode_id: &self.episode_id,
                    artifact_type: stage.as_str(),
                    file_path: &self.file,
                    model: Some(&self.model),
                    prompt_hash: Some(self.prompt_hash),
                    created_at: self.now,
                },
            )?;
            pipeline_runs::set_totals_from_ledger(conn, run)?;
            pipeline_runs::set_finished(conn, run, RunStatus::Success, self.now, None)?;
        }
        if !self.keeps_status {
            episodes::set_status(conn, self.episode, self.stage.ends_at())?;
        }
        episodes::set_error(conn, self.episode, None)?;
        Ok(task)
    }

    fn review(&self, conn: &mut Conn) -> Result<Option<i64>, DbError> {
        let Some(text) = &self.text else { return Ok(None) };
        // The version was registered when the run was opened, so it has a row by now.
        let versions = prompt_versions::list(conn, &self.prompt_name)?;
        let version = versions.iter().find(|v| v.content_hash == self.prompt_hash).map(|v| v.id);
        let text = ReviewedText { prompt_version: version, ..text.clone() };
        let task = review::sync_task(conn, &text, self.now)?;
        if !task.status.is_open() {
            return Ok(None);
        }
        if let (Some(why), false) = (&self.approve_because, review::is_approved_for(&task, text.hash)) {
            let approved = ReviewStatus::Approved;
            review::record_decision(conn, self.episode, task.id, approved, Some(why), self.now)?;
        }
        Ok(Some(task.id))
    }
}

/// Why a run closes without a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoText {
    Failed,
    CapReached,
    Interrupted,
}

/// Closes a run that made no text; what was paid for stays in the ledger.
pub(crate) async fn close_early(
    ctx: &StageContext,
    gathered: &Gathered,
    run: RunId,
    why: NoText,
    message: &str,
) -> Result<(), StageError> {
    let (episode, message, now) = (gathered.episode.id, message.to_owned(), ctx.clock.now());
    let closed = ctx.db.transaction(move |conn| {
        pipeline_runs::set_totals_from_ledger(conn, run)?;
        pipeline_runs::set_finished(conn, run, RunStatus::Failed, now, Some(&message))?;
        match why {
            NoText::Failed => episodes::set_failure(conn, episode, &message),
            NoText::CapReached => {
                episodes::set_status(conn, episode, EpisodeStatus::CostLimit)?;
                episodes::set_error(conn, episode, Some(&message))
            }
            NoText::Interrupted => Ok(()),
        }
    });
    Ok(closed.await?)
}
