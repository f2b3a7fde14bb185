//! Writes what a text stage made, in an order that a crash at any line leaves a state to go on from.

use std::{path::PathBuf, sync::Arc};

use btcedu_artifacts::{
    FileError, MAX_TEXT, Provenance, StaleMarker, TextProvenance, crash_point, remove_file, write_atomic,
    write_json_atomic,
};
use btcedu_domain::{CallState, EpisodeStatus, ReviewStatus, RunId, Sha256Hash, Usd, UtcTime};
use btcedu_models::{
    Conn, DbError,
    content_artifacts::{self, NewContentArtifact},
    episodes, pipeline_runs, prompt_versions, provider_calls,
};
use serde_json::json;

use crate::{
    StageContext, StageError,
    frame::{run, text_call::PaidText},
    review_tasks::{self, ReviewedText},
    spec::{Made, StageSpec},
    text::facts::Facts,
    with_files,
};

/// What a commit brought about, beside the files.
pub(crate) struct Committed {
    pub(crate) task: Option<i64>,
    pub(crate) warnings: Vec<String>,
}

/// Writes off calls of an interrupted run that nothing came of, closes the run, and clears away its temporary files.
pub(crate) async fn mend(ctx: &StageContext, facts: &Facts) -> Result<(), StageError> {
    let dir = facts.dir.clone();
    let clear = move || {
        for folder in dir.text_folders() {
            dir.data().leftovers(&folder)?.iter().try_for_each(|path| remove_file(path))?;
        }
        Ok::<_, FileError>(())
    };
    with_files(clear).await?;
    let (episode, stage, now) = (facts.episode.id, facts.stage, ctx.clock.now());
    let mended = ctx.db.transaction(move |conn| {
        for call in provider_calls::list_for_episode(conn, episode)? {
            if call.stage == stage && call.state == CallState::Sent {
                run::mark_unknown(conn, call.call_id, now)?;
            }
        }
        for open in pipeline_runs::list_running(conn, episode)? {
            if open.stage == stage {
                run::close_interrupted(conn, open.id, now)?;
            }
        }
        Ok(())
    });
    Ok(mended.await?)
}

/// The text is as it should be: moves a status that a crash left behind, opens the review, tells of it.
pub(crate) async fn settle_current(
    ctx: &StageContext,
    facts: &Arc<Facts>,
) -> Result<Option<i64>, StageError> {
    let Some(output) =
        facts.output.file.as_ref().filter(|_| !facts.position.has_reached(facts.stage.leaves_at()))
    else {
        review_tasks::write_history(&ctx.db, &facts.dir).await?;
        return Ok(None);
    };
    if facts.is_reworked_by_hand() {
        // Its review is another one now.
        let path = output.path.clone();
        with_files(move || StaleMarker::remove(&path)).await?;
        if let Some(gate) = facts.stage.gate_after() {
            review_tasks::refresh_review_diff(ctx, facts.dir.id(), gate).await?;
        }
    }
    let closing = Closing::of(facts, output.hash, None, ctx.clock.now());
    let task = ctx.db.transaction(move |conn| closing.write(conn)).await?;
    review_tasks::write_history(&ctx.db, &facts.dir).await?;
    Ok(task)
}

/// A text that was made in a run, and what it was made of.
pub(crate) struct NewText {
    pub(crate) run: RunId,
    pub(crate) made: Made,
    pub(crate) paid: Vec<PaidText>,
    pub(crate) started: UtcTime,
}

/// Writes everything that a finished run leaves: files first, then rows in one transaction.
pub(crate) async fn commit(
    ctx: &StageContext,
    facts: &Arc<Facts>,
    spec: &dyn StageSpec,
    new: NewText,
) -> Result<Committed, StageError> {
    let now = ctx.clock.now();
    let hash = Sha256Hash::of_bytes(new.made.output.as_bytes());
    let is_new = facts.output.file.as_ref().is_none_or(|before| before.hash != hash);
    if is_new {
        take_back(ctx, facts).await?;
    }
    crash_point("text-taken-back");
    let trivial = spec.is_trivial(&facts.sources, &new.made.output);
    let mut closing = Closing::of(facts, hash, Some(new.run), now);
    closing.keeps_status = !is_new && facts.position.is_past(facts.stage.leaves_at());
    // A reviewer who has sent a text back wants to see what became of it.
    let may_approve = ctx.settings.auto_approve_trivial && facts.reviews.sent_back.is_none();
    closing.approve_because = trivial.filter(|_| may_approve);
    let provenance = provenance_of(facts, &new, hash, now);
    let diff = spec.diff(&facts.sources, &new.made.output);
    let files = Files { facts: facts.clone(), text: new.made.output, diff, provenance, is_new, now };
    let kept = with_files(move || files.write()).await?;
    crash_point("text-written");
    let task = ctx.db.transaction(move |conn| closing.write(conn)).await?;
    crash_point("text-closed");
    review_tasks::write_history(&ctx.db, &facts.dir).await?;
    let mut warnings = new.made.warnings;
    warnings.extend(kept.map(|kept| {
        format!(
            "the text was edited by hand while {} ran; the edit is kept in '{}'",
            facts.stage,
            kept.display()
        )
    }));
    Ok(Committed { task, warnings })
}

/// Moves the episode back before its text is written over: whatever happens next, the stage is done again.
pub(crate) async fn take_back(ctx: &StageContext, facts: &Facts) -> Result<(), StageError> {
    let Some(starts_at) = facts.stage.enters_at().filter(|starts_at| facts.position.is_past(*starts_at))
    else {
        return Ok(());
    };
    let episode = facts.episode.id;
    Ok(ctx.db.transaction(move |conn| episodes::set_status(conn, episode, starts_at)).await?)
}

struct Files {
    facts: Arc<Facts>,
    text: String,
    diff: Option<serde_json::Value>,
    provenance: Provenance<TextProvenance>,
    is_new: bool,
    now: UtcTime,
}

impl Files {
    /// Writes them; returns where an edit was kept that a person made while the stage ran.
    fn write(&self) -> Result<Option<PathBuf>, FileError> {
        let Facts { stage, dir, .. } = self.facts.as_ref();
        let Some(output) = dir.output_of(*stage) else { return Ok(None) };
        let mut kept = None;
        if self.is_new {
            let marker = StaleMarker {
                invalidated_by: stage.to_string(),
                invalidated_at: self.now,
                reason: format!("{stage} wrote a new {}", dir.in_workspace(&output)),
            };
            for later in dir.later_outputs(*stage).iter().filter(|path| path.exists()) {
                marker.write(later)?;
            }
            // Until all is written: a run that is interrupted from here on is told by it, and done again.
            let reason = format!("{stage} was interrupted while it wrote it");
            StaleMarker { reason, ..marker }.write(&output)?;
            kept = self.keep_edit_made_meanwhile()?;
            write_atomic(&output, self.text.as_bytes())?;
        }
        if let (Some(gate), Some(diff)) = (stage.gate_after(), &self.diff) {
            write_json_atomic(&dir.review_diff(gate), diff)?;
        }
        write_json_atomic(&dir.provenance(*stage), &self.provenance)?;
        remove_file(&dir.last_reply(*stage))?;
        StaleMarker::remove(&output)?;
        Ok(kept)
    }

    /// Keeps what stands in the output's place, unless the run has seen it or a run has made it.
    fn keep_edit_made_meanwhile(&self) -> Result<Option<PathBuf>, FileError> {
        let Some(output) = self.facts.dir.output_of(self.facts.stage) else { return Ok(None) };
        let data = self.facts.dir.data();
        let now = data.hash(&output, MAX_TEXT)?;
        let before = self.facts.output.file.as_ref().map(|file| file.hash);
        let made = Sha256Hash::of_bytes(self.text.as_bytes());
        if now.is_none() || now == before || now == Some(made) { Ok(None) } else { data.keep_edited(&output) }
    }
}

fn provenance_of(facts: &Facts, new: &NewText, hash: Sha256Hash, now: UtcTime) -> Provenance<TextProvenance> {
    let Facts { stage, dir, .. } = facts;
    let (prompt, system) = (&facts.templates.own.in_use, &facts.templates.system.in_use);
    let paid = &new.paid;
    Provenance {
        stage: *stage,
        episode_id: dir.id().clone(),
        timestamp: now,
        prompt_name: Some(prompt.name.to_string()),
        prompt_version: Some(prompt.version),
        prompt_hash: Some(prompt.content_hash),
        model: Some(facts.model.clone()),
        model_params: json!({
            "max_tokens": prompt.max_tokens,
            "temperature": {"template": prompt.temperature, "sent": false},
        }),
        input_files: facts.source_files.iter().map(|file| dir.in_workspace(&file.path)).collect(),
        input_content_hash: facts.input_hash(),
        output_files: dir.output_of(*stage).iter().map(|path| dir.in_workspace(path)).collect(),
        output_hashes: vec![hash],
        input_tokens: paid.iter().map(|p| p.tokens_in).sum(),
        output_tokens: paid.iter().map(|p| p.tokens_out).sum(),
        cost_usd: paid.iter().map(|p| p.cost).sum::<Usd>(),
        duration_seconds: now.since(new.started).as_secs_f64(),
        extra: TextProvenance {
            system_prompt_version: system.version,
            system_prompt_hash: system.content_hash,
            segments: paid.len(),
            reviewer_feedback: facts.sources.feedback.clone(),
            warnings: new.made.warnings.clone(),
        },
    }
}

/// The last transaction of a run: review, artifact, status, error and the run's row together.
struct Closing {
    facts: Arc<Facts>,
    hash: Sha256Hash,
    keeps_status: bool,
    approve_because: Option<String>,
    run: Option<RunId>,
    now: UtcTime,
}

impl Closing {
    fn of(facts: &Arc<Facts>, hash: Sha256Hash, run: Option<RunId>, now: UtcTime) -> Self {
        let facts = Arc::clone(facts);
        Self { facts, hash, keeps_status: false, approve_because: None, run, now }
    }

    fn write(&self, conn: &mut Conn) -> Result<Option<i64>, DbError> {
        let Facts { stage, dir, episode, .. } = self.facts.as_ref();
        let file = dir.output_of(*stage).map(|path| dir.in_workspace(&path)).unwrap_or_default();
        let task = self.review(conn, &file)?;
        if let Some(run) = self.run {
            content_artifacts::insert(
                conn,
                &NewContentArtifact {
                    episode_id: dir.id(),
                    artifact_type: stage.as_str(),
                    file_path: &file,
                    model: Some(&self.facts.model),
                    prompt_hash: Some(self.facts.templates.own.in_use.content_hash),
                    created_at: self.now,
                },
            )?;
            run::close(conn, run, self.now, None)?;
        }
        if !self.keeps_status {
            episodes::set_status(conn, episode.id, stage.leaves_at())?;
        }
        episodes::set_error(conn, episode.id, None)?;
        Ok(task)
    }

    fn review(&self, conn: &mut Conn, file: &str) -> Result<Option<i64>, DbError> {
        let Facts { stage, dir, episode, .. } = self.facts.as_ref();
        let Some(gate) = stage.gate_after() else { return Ok(None) };
        // The version was registered when the run was opened, so it has a row by now.
        let prompt = &self.facts.templates.own.in_use;
        let versions = prompt_versions::list(conn, prompt.name.as_str())?;
        let version = versions.iter().find(|v| v.content_hash == prompt.content_hash).map(|v| v.id);
        let text = ReviewedText {
            episode: dir.id().clone(),
            episode_row: episode.id,
            gate,
            path: file.to_owned(),
            diff: Some(dir.in_workspace(&dir.review_diff(gate))),
            prompt_version: version,
            hash: self.hash,
        };
        let task = review_tasks::sync_task(conn, &text, self.now)?;
        if !task.status.is_open() {
            return Ok(None);
        }
        if let (Some(why), false) = (&self.approve_because, review_tasks::is_approved_for(&task, self.hash)) {
            let approved = ReviewStatus::Approved;
            review_tasks::record_decision(conn, episode.id, task.id, approved, Some(why), self.now)?;
        }
        Ok(Some(task.id))
    }
}

/// Closes a run that a signal ended. Where it paid for answers, the episode goes back to where the stage
/// starts, so that `run` comes to them.
pub(crate) async fn close_interrupted(
    ctx: &StageContext,
    facts: &Facts,
    run: RunId,
    message: &'static str,
) -> Result<(), StageError> {
    let (episode, now) = (facts.episode.id, ctx.clock.now());
    let starts_at: Option<EpisodeStatus> =
        facts.stage.enters_at().filter(|starts_at| facts.position.is_past(*starts_at));
    let closed = ctx.db.transaction(move |conn| {
        run::close(conn, run, now, Some(message))?;
        let calls = provider_calls::list_for_episode(conn, episode)?;
        let has_answers =
            calls.iter().any(|call| call.run_id == Some(run) && call.state == CallState::Answered);
        match starts_at.filter(|_| has_answers) {
            Some(starts_at) => episodes::set_status(conn, episode, starts_at),
            None => Ok(()),
        }
    });
    Ok(closed.await?)
}
