//! Correct, translate, adapt and chapterize: one path from texts to a text.
//!
//! Gather (rows and files), decide (pure), buy what isn't paid yet, put together, commit.
//! What is different between them is in a `Craft` each.

pub(crate) mod answer;
mod commit;
mod decide;
mod gather;
pub(crate) mod passage;
mod result;
pub(crate) mod segments;
pub(crate) mod stage;
pub(crate) mod words;
mod write;

use btcedu_artifacts::{EpisodeLock, write_atomic, write_json_atomic};
use btcedu_domain::{EpisodeId, EpisodeStatus, RunId, Usd, UtcTime};
use btcedu_models::{
    pipeline_runs::{self, NewRun},
    provider_calls,
};

pub use self::{
    commit::refresh_review_diff,
    decide::TextFlags,
    gather::standing,
    result::{TextPreview, TextResult, TextRunEnd},
    stage::TextStage,
};
use self::{
    commit::{Committed, NoText},
    decide::{PlannedCall, TextDecision, decide},
    gather::{Gathered, Templates, gather},
    write::{Written, write},
};
use crate::{StageContext, StageError, stop::StopReason, with_files};

/// Decides what a run would do: no network, no row, no file, no lock.
///
/// # Errors
/// As [`run_text_stage`], before anything is spent.
pub async fn preview_text_stage(
    ctx: &StageContext,
    id: &EpisodeId,
    stage: TextStage,
    flags: TextFlags,
) -> Result<TextPreview, StageError> {
    let (gathered, decision) = look(ctx, id, stage, flags).await?;
    Ok(preview_of(&gathered, &decision))
}

/// As [`preview_text_stage`], and writes the exact request bodies to `dry_run/{stage}/`.
///
/// # Errors
/// As [`preview_text_stage`], and [`StageError::File`] where the bodies can't be written.
pub async fn dry_run_text_stage(
    ctx: &StageContext,
    id: &EpisodeId,
    stage: TextStage,
    flags: TextFlags,
) -> Result<TextPreview, StageError> {
    let (gathered, decision) = look(ctx, id, stage, flags).await?;
    let mut preview = preview_of(&gathered, &decision);
    let folder = gathered.dir.dry_run(stage.stage());
    for old in btcedu_artifacts::list_files(&folder)? {
        btcedu_artifacts::remove_file(&old)?;
    }
    if let TextDecision::Make { calls, .. } = &decision {
        for (number, call) in (1..).zip(calls).filter(|(_, call)| call.paid.is_none()) {
            let path = folder.join(format!("segment-{number:02}.json"));
            write_json_atomic(&path, &ctx.texts.request_body(&call.request))?;
            preview.files.push(path);
        }
    }
    Ok(preview)
}

async fn look(
    ctx: &StageContext,
    id: &EpisodeId,
    stage: TextStage,
    flags: TextFlags,
) -> Result<(Gathered, TextDecision), StageError> {
    let gathered = gather(ctx, id, stage).await?;
    let decision = decide(&gathered, flags, &|request| ctx.texts.estimate(request))?;
    match (&decision, commit::closed_gate(&gathered)) {
        (TextDecision::Make { .. }, Some(closed)) => Err(closed.into_error(&gathered, None)),
        _ => Ok((gathered, decision)),
    }
}

fn preview_of(gathered: &Gathered, decision: &TextDecision) -> TextPreview {
    let (would_run, reason, calls) = match decision {
        TextDecision::Current { note } => (false, note.clone(), [].as_slice()),
        TextDecision::Make { reason, calls } => (true, reason.clone(), calls.as_slice()),
    };
    TextPreview {
        episode_id: gathered.dir.id().clone(),
        stage: gathered.stage.stage(),
        would_run,
        reason,
        segments: calls.len(),
        reused: calls.iter().filter(|c| c.paid.is_some()).count(),
        estimate: decision.estimate(),
        left_under_cap: gathered.cap.less(gathered.cost),
        files: Vec::new(),
    }
}

/// Makes the text of a stage. The lock proves that nobody else does.
///
/// # Errors
/// [`StageError`] where nothing was spent, or where what was bought can't be recorded; a run
/// that ends early is a [`TextResult`] whose [`TextRunEnd`] says so.
pub async fn run_text_stage(
    ctx: &StageContext,
    lock: &EpisodeLock,
    stage: TextStage,
    flags: TextFlags,
) -> Result<TextResult, StageError> {
    let result = Box::pin(run_to_the_end(ctx, lock, stage, flags)).await;
    if let Err(error) = &result {
        ctx.record_failure(lock.episode(), error).await;
    }
    result
}

async fn run_to_the_end(
    ctx: &StageContext,
    lock: &EpisodeLock,
    stage: TextStage,
    flags: TextFlags,
) -> Result<TextResult, StageError> {
    let started = ctx.clock.now();
    let gathered = gather(ctx, lock.episode(), stage).await?;
    let decision = decide(&gathered, flags, &|request| ctx.texts.estimate(request))?;
    commit::mend(ctx, &gathered).await?;
    let (reason, calls) = match decision {
        TextDecision::Make { reason, calls } => (reason, calls),
        TextDecision::Current { note } => {
            let task = commit::settle_current(ctx, &gathered).await?;
            return Ok(report(ctx, &gathered, started, Ended { task, ..Ended::skipped(note) }).await);
        }
    };
    if let Some(closed) = commit::closed_gate(&gathered) {
        let task = commit::ask_for_review(ctx, &gathered, &closed).await?;
        return Err(closed.into_error(&gathered, Some(task)));
    }
    if calls.iter().any(|call| call.paid.is_none()) {
        // A key that is missing, or a model that is gone, is told before a run is opened.
        ctx.texts.check_ready(&gathered.model).map_err(StageError::not_ready)?;
    }
    make(ctx, &gathered, reason, calls, started).await
}

/// How a run ended, for the report.
struct Ended {
    end: TextRunEnd,
    reason: String,
    run: Option<RunId>,
    segments: usize,
    reused: usize,
    task: Option<i64>,
    warnings: Vec<String>,
}

impl Ended {
    fn skipped(reason: String) -> Self {
        let end = TextRunEnd::Skipped;
        Self { end, reason, run: None, segments: 0, reused: 0, task: None, warnings: Vec::new() }
    }
}

async fn make(
    ctx: &StageContext,
    gathered: &Gathered,
    reason: String,
    calls: Vec<PlannedCall>,
    started: UtcTime,
) -> Result<TextResult, StageError> {
    let first = calls.iter().find(|call| call.paid.is_none());
    if let Some(message) = first.and_then(|call| still_capped(gathered, call.estimate)) {
        // It stands there already, so that nothing is to be written down.
        let ended = Ended { end: TextRunEnd::CapReached { message }, ..Ended::skipped(reason) };
        return Ok(report(ctx, gathered, started, ended).await);
    }
    let run = open_run(ctx, gathered).await?;
    btcedu_artifacts::crash_point("text-run-opened");
    let (segments, reused) = (calls.len(), calls.iter().filter(|c| c.paid.is_some()).count());
    let mut ended = Ended { run: Some(run), segments, reused, ..Ended::skipped(reason) };
    ended.end = match write(ctx, gathered, run, calls).await {
        Written::All { pieces, paid } => match gathered.stage.craft().assemble(&gathered.sources, &pieces) {
            Ok(made) => {
                let Committed { task, warnings } =
                    commit::commit(ctx, gathered, run, made, &paid, started).await?;
                (ended.task, ended.warnings) = (task, warnings);
                TextRunEnd::Done
            }
            Err(message) => fail(ctx, gathered, run, &message, pieces.last().cloned()).await?,
        },
        Written::Failed { message, last_reply } => fail(ctx, gathered, run, &message, last_reply).await?,
        Written::Stopped(StopReason::Fatal(message)) => fail(ctx, gathered, run, &message, None).await?,
        Written::Stopped(StopReason::Cap { cost, estimate }) => {
            let message = cap_message(gathered, cost, estimate);
            commit::close_early(ctx, gathered, run, NoText::CapReached, &message).await?;
            TextRunEnd::CapReached { message }
        }
        Written::Stopped(StopReason::Signal(signal)) => {
            let message = "the run was interrupted by a signal";
            commit::close_early(ctx, gathered, run, NoText::Interrupted, message).await?;
            TextRunEnd::Interrupted { signal }
        }
    };
    Ok(report(ctx, gathered, started, ended).await)
}

/// Says how to go on where the cap has stopped the episode already and the next call doesn't fit yet.
fn still_capped(gathered: &Gathered, estimate: Usd) -> Option<String> {
    let fits = gathered.cost + estimate <= gathered.cap;
    (gathered.episode.status == EpisodeStatus::CostLimit && !fits)
        .then(|| cap_message(gathered, gathered.cost, estimate))
}

fn cap_message(gathered: &Gathered, cost: Usd, estimate: Usd) -> String {
    format!(
        "the next call (about {estimate}) would pass the cap of {} ({cost} spent); raise MAX_EPISODE_COST_USD and run `btcedu run {}` again",
        gathered.cap,
        gathered.dir.id()
    )
}

/// Writes down that a run begins, and registers the templates that it uses.
async fn open_run(ctx: &StageContext, gathered: &Gathered) -> Result<RunId, StageError> {
    let templates = Templates::load(ctx, gathered.stage)?;
    let (episode, stage, now) = (gathered.episode.id, gathered.stage.stage(), ctx.clock.now());
    let opened = ctx.db.transaction(move |conn| {
        for (name, file) in [&templates.own, &templates.system] {
            btcedu_prompts::register(conn, name, file.as_ref(), now)?;
        }
        pipeline_runs::insert(conn, &NewRun { episode_id: episode, stage, started_at: now })
    });
    Ok(opened.await?)
}

/// Closes a run that failed; a reply that was of no use is kept where a person can look at it.
async fn fail(
    ctx: &StageContext,
    gathered: &Gathered,
    run: RunId,
    problem: &str,
    last_reply: Option<String>,
) -> Result<TextRunEnd, StageError> {
    let (id, stage) = (gathered.dir.id(), gathered.stage.stage());
    let mut message = format!("episode {id}, {stage}: {problem}");
    if let Some(reply) = last_reply.filter(|reply| !reply.trim().is_empty()) {
        let path = gathered.dir.last_reply(stage);
        message = format!("{message}; the last reply is in '{}'", path.display());
        with_files(move || write_atomic(&path, reply.as_bytes())).await?;
    }
    message = format!("{message}; `btcedu retry {id}` tries again, and what was paid for is kept");
    commit::close_early(ctx, gathered, run, NoText::Failed, &message).await?;
    Ok(TextRunEnd::Failed { message })
}

/// Puts together what a person is told; whatever happened, it has the cost.
async fn report(ctx: &StageContext, gathered: &Gathered, started: UtcTime, ended: Ended) -> TextResult {
    let (row, run) = (gathered.episode.id, ended.run);
    let totals = ctx.db.run(move |conn| {
        let run = match run {
            Some(id) => pipeline_runs::find(conn, id)?,
            None => None,
        };
        Ok((run, provider_calls::episode_cost(conn, row)?))
    });
    let (run, episode_cost) = totals.await.unwrap_or_else(|error| {
        tracing::warn!(%error, "the ledger can't be read; costs are those of before the run");
        (None, gathered.cost)
    });
    TextResult {
        episode_id: gathered.dir.id().clone(),
        stage: gathered.stage.stage(),
        end: ended.end,
        reason: ended.reason,
        segments: ended.segments,
        reused: ended.reused,
        output_path: gathered.stage.output(&gathered.dir),
        diff_path: gathered.stage.diff(&gathered.dir),
        provenance_path: gathered.dir.provenance(gathered.stage.stage()),
        review_task: ended.task,
        cost: run.as_ref().map_or(Usd::ZERO, |r| r.estimated_cost_usd),
        episode_cost,
        input_tokens: run.as_ref().map_or(0, |r| r.input_tokens),
        output_tokens: run.as_ref().map_or(0, |r| r.output_tokens),
        duration_seconds: ctx.clock.now().since(started).as_secs_f64(),
        warnings: ended.warnings,
    }
}
