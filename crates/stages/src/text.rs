//! Correct, translate, adapt and chapterize: one path from texts to a text.
//!
//! Gather (rows and files), decide (pure), buy what isn't paid yet, put together, commit.
//! What is different between the stages is one [`StageSpec`] each.

mod buy;
mod commit;
mod decide;
mod facts;
mod gather;

use std::sync::Arc;

use async_trait::async_trait;
use btcedu_artifacts::write_atomic;
use btcedu_domain::{EpisodeId, EpisodeStatus, RunId, Usd, UtcTime};

use self::{
    buy::{Bought, buy},
    commit::{Committed, NewText},
    decide::{PlannedCall, TextWork, decide},
    facts::{Facts, check_reached},
    gather::gather,
};
use crate::{
    StageContext, StageError,
    frame::{
        RequestBody, Stage, TextPrices,
        report::{
            PreviewDetails, ReportDetails, StageEnd, StageFlags, StagePreview, StageReport, TextDetails,
            TextPreview,
        },
        run::{self, Outcome, Totals},
        stop::StopReason,
    },
    spec::StageSpec,
    with_files,
};

/// The stage that a [`StageSpec`] describes.
pub(crate) struct TextStage<S>(pub(crate) S);

#[async_trait]
impl<S: StageSpec> Stage for TextStage<S> {
    type Facts = Facts;
    type Work = TextWork;

    fn name(&self) -> btcedu_domain::Stage {
        self.0.name()
    }

    async fn gather(&self, ctx: &StageContext, id: &EpisodeId) -> Result<Facts, StageError> {
        gather(ctx, id, &self.0).await
    }

    fn check(&self, facts: &Facts, _flags: &StageFlags) -> Result<(), StageError> {
        check_reached(&facts.episode, facts.position, facts.stage)
    }

    fn decide(
        &self,
        facts: &Facts,
        flags: &StageFlags,
        prices: TextPrices<'_>,
    ) -> Result<TextWork, StageError> {
        decide(facts, &self.0, flags, prices)
    }

    fn preview(&self, facts: &Facts, work: &TextWork) -> Result<StagePreview, StageError> {
        let (would_run, reason, calls) = match work {
            TextWork::Wait(closed) => return Err(closed.to_error(facts.dir.id(), None)),
            TextWork::Current { note } => (false, note.clone(), [].as_slice()),
            TextWork::Make { reason, calls } => (true, reason.clone(), calls.as_slice()),
        };
        let unpaid = calls.iter().filter(|call| call.paid.is_none());
        Ok(StagePreview {
            episode_id: facts.dir.id().clone(),
            details: PreviewDetails::Text(TextPreview {
                stage: facts.stage,
                would_run,
                reason,
                segments: calls.len(),
                reused: calls.iter().filter(|call| call.paid.is_some()).count(),
            }),
            estimate: unpaid.map(|call| call.estimate).sum(),
            left_under_cap: facts.budget.left(),
            files: Vec::new(),
        })
    }

    fn requests(
        &self,
        ctx: &StageContext,
        _facts: &Facts,
        work: &TextWork,
    ) -> Result<Vec<RequestBody>, StageError> {
        let TextWork::Make { calls, .. } = work else { return Ok(Vec::new()) };
        let unpaid = (1..).zip(calls).filter(|(_, call): &(u32, &PlannedCall)| call.paid.is_none());
        let body = |(number, call): (u32, &PlannedCall)| RequestBody {
            file_name: format!("segment-{number:02}.json"),
            body: ctx.texts.request_body(&call.request),
        };
        Ok(unpaid.map(body).collect())
    }

    async fn mend(&self, ctx: &StageContext, facts: &Facts) -> Result<(), StageError> {
        commit::mend(ctx, facts).await
    }

    async fn act(
        &self,
        ctx: &StageContext,
        facts: Facts,
        work: TextWork,
        started: UtcTime,
    ) -> Result<StageReport, StageError> {
        let facts = Arc::new(facts);
        let ended = match work {
            TextWork::Wait(closed) => {
                let task = closed.ask(ctx, &facts.dir, facts.episode.id).await?;
                return Err(closed.to_error(facts.dir.id(), Some(task)));
            }
            TextWork::Current { note } => {
                let task = commit::settle_current(ctx, &facts).await?;
                Ended { task, ..Ended::skipped(note) }
            }
            TextWork::Make { reason, calls } => make(ctx, &facts, &self.0, reason, calls, started).await?,
        };
        Ok(report(ctx, &facts, started, ended).await)
    }
}

/// How a run ended, for the report.
struct Ended {
    end: StageEnd,
    reason: String,
    run: Option<RunId>,
    segments: usize,
    reused: usize,
    task: Option<i64>,
    warnings: Vec<String>,
}

impl Ended {
    fn skipped(reason: String) -> Self {
        let end = StageEnd::Skipped;
        Self { end, reason, run: None, segments: 0, reused: 0, task: None, warnings: Vec::new() }
    }
}

/// Buys what isn't paid yet and writes the text; whatever happens, the run is closed.
async fn make(
    ctx: &StageContext,
    facts: &Arc<Facts>,
    spec: &dyn StageSpec,
    reason: String,
    calls: Vec<PlannedCall>,
    started: UtcTime,
) -> Result<Ended, StageError> {
    let first = calls.iter().find(|call| call.paid.is_none());
    if first.is_some() {
        // A key that is missing, or a model that is gone, is told before a run is opened.
        ctx.texts.check_ready(&facts.model).map_err(StageError::not_ready)?;
    }
    if let Some(message) = first.and_then(|call| still_capped(facts, call.estimate)) {
        // It stands there already, so that nothing is to be written down.
        return Ok(Ended { end: StageEnd::CapReached { message }, ..Ended::skipped(reason) });
    }
    let templates = vec![facts.templates.own.clone(), facts.templates.system.clone()];
    let run = run::open(ctx, facts.episode.id, facts.stage, templates).await?;
    btcedu_artifacts::crash_point("text-run-opened");
    let (segments, reused) = (calls.len(), calls.iter().filter(|c| c.paid.is_some()).count());
    let mut ended = Ended { run: Some(run), segments, reused, ..Ended::skipped(reason) };
    ended.end = match buy(ctx, facts, spec, run, calls).await {
        Bought::All { pieces, paid } => match spec.assemble(&facts.sources, &pieces) {
            Ok(made) => {
                let new = NewText { run, made, paid, started };
                let Committed { task, warnings } = commit::commit(ctx, facts, spec, new).await?;
                (ended.task, ended.warnings) = (task, warnings);
                StageEnd::Done
            }
            Err(problem) => fail(ctx, facts, run, &problem, pieces.last().cloned()).await?,
        },
        Bought::Failed { message, last_reply } => fail(ctx, facts, run, &message, last_reply).await?,
        Bought::Stopped(StopReason::Fatal(message)) => fail(ctx, facts, run, &message, None).await?,
        Bought::Stopped(StopReason::Cap { cost, estimate }) => {
            close(ctx, facts, run, Outcome::cap_reached(cap_message(facts, cost, estimate))).await?
        }
        Bought::Stopped(StopReason::Signal(signal)) => {
            let message = "the run was interrupted by a signal";
            commit::close_interrupted(ctx, facts, run, message).await?;
            StageEnd::Interrupted { signal }
        }
    };
    Ok(ended)
}

/// Says how to go on where the cap has stopped the episode already and the next call doesn't fit yet.
fn still_capped(facts: &Facts, estimate: Usd) -> Option<String> {
    (facts.episode.status == EpisodeStatus::CostLimit && !facts.budget.fits(estimate))
        .then(|| cap_message(facts, facts.budget.cost, estimate))
}

fn cap_message(facts: &Facts, cost: Usd, estimate: Usd) -> String {
    format!(
        "the next call (about {estimate}) would pass the cap of {} ({cost} spent); raise MAX_EPISODE_COST_USD and run `btcedu run {}` again",
        facts.budget.cap,
        facts.dir.id()
    )
}

/// Closes a run that failed; a reply that was of no use is kept where a person can look at it.
async fn fail(
    ctx: &StageContext,
    facts: &Facts,
    run: RunId,
    problem: &str,
    last_reply: Option<String>,
) -> Result<StageEnd, StageError> {
    let (id, stage) = (facts.dir.id(), facts.stage);
    let mut message = format!("episode {id}, {stage}: {problem}");
    if let Some(reply) = last_reply.filter(|reply| !reply.trim().is_empty()) {
        let path = facts.dir.last_reply(stage);
        message = format!("{message}; the last reply is in '{}'", path.display());
        with_files(move || write_atomic(&path, reply.as_bytes())).await?;
    }
    // The status stays where it was, so that `retry` comes to the stage only where it is the next.
    let again = match facts.stage.enters_at() {
        Some(starts_at) if facts.position.is_past(starts_at) => format!("btcedu {stage} {id} --force"),
        _ => format!("btcedu retry {id}"),
    };
    message = format!("{message}; `{again}` tries again, and what was paid for is kept");
    close(ctx, facts, run, Outcome::failed(message)).await
}

/// Closes a run that made no text; what was paid for stays in the ledger.
async fn close(
    ctx: &StageContext,
    facts: &Facts,
    run: RunId,
    outcome: Outcome,
) -> Result<StageEnd, StageError> {
    let (episode, now) = (facts.episode.id, ctx.clock.now());
    let end = outcome.end.clone();
    ctx.db.transaction(move |conn| outcome.close(conn, run, episode, now)).await?;
    Ok(end)
}

/// Puts together what a person is told; whatever happened, it has the cost.
async fn report(ctx: &StageContext, facts: &Facts, started: UtcTime, ended: Ended) -> StageReport {
    let (row, run) = (facts.episode.id, ended.run);
    let totals = ctx.db.run(move |conn| Totals::load(conn, row, run)).await.unwrap_or_else(|error| {
        tracing::warn!(%error, "the ledger can't be read; costs are those of before the run");
        Totals { episode_cost: facts.budget.cost, ..Totals::default() }
    });
    let Facts { dir, stage, .. } = facts;
    StageReport {
        episode_id: dir.id().clone(),
        stage: *stage,
        end: ended.end,
        details: ReportDetails::Text(TextDetails {
            reason: ended.reason,
            segments: ended.segments,
            reused: ended.reused,
            output_path: dir.output_of(*stage).unwrap_or_default(),
            diff_path: stage.gate_after().map(|gate| dir.review_diff(gate)),
            review_task: ended.task,
            duration_seconds: ctx.clock.now().since(started).as_secs_f64(),
        }),
        provenance_path: dir.provenance(*stage),
        cost: totals.cost,
        episode_cost: totals.episode_cost,
        input_tokens: totals.input_tokens,
        output_tokens: totals.output_tokens,
        warnings: ended.warnings,
    }
}
