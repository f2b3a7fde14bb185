//! Goes along a plan, stage by stage, until a person is needed or nothing is left.

use btcedu_artifacts::{EpisodeLock, LockHolder, write_json_atomic};
use btcedu_domain::{EpisodeId, EpisodeStatus, ReviewStage, ReviewStatus, Stage, Usd, UtcTime};
use btcedu_models::{episodes, episodes::Episode, pipeline_runs, provider_calls, review_tasks};
use btcedu_stages::{
    ErrorKind, Signal, StageContext, StageError,
    imagegen::{ImageGenFlags, ImageGenResult, RunEnd, run_imagegen},
    text::{TextFlags, TextResult, TextRunEnd, TextStage, run_text_stage},
    with_causes,
};
use serde::Serialize;

use crate::{
    EpisodeState, GateState, Gates, LookBack, PipelinePlan, PlanFlags, PlannedStep, Step, StepState,
    look_back, resolve_pipeline_plan,
};

/// What one stage of a run did.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum StageResult {
    /// A text stage.
    Text(Box<TextResult>),
    /// imagegen.
    Pictures(Box<ImageGenResult>),
}

/// One stage of a run.
#[derive(Debug, Clone, Serialize)]
pub struct StageRun {
    /// The stage.
    pub stage: Stage,
    /// How it ended, in one word.
    pub outcome: &'static str,
    /// How long it took, in seconds.
    pub duration_seconds: f64,
    /// What it cost.
    #[serde(rename = "cost_usd")]
    pub cost: Usd,
    /// All that it says of itself.
    pub result: StageResult,
}

/// Why a run along the plan ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RunnerEnd {
    /// Nothing is left to do.
    Finished,
    /// As before, and some pictures are missing.
    FinishedPartly {
        /// Which, and what to do.
        message: String,
    },
    /// A reviewer must decide.
    AwaitingReview {
        /// Where, and how.
        message: String,
    },
    /// A person must allow something, or wait for another run.
    Blocked {
        /// What.
        message: String,
    },
    /// The next stage isn't in this version of the program.
    NotBuilt {
        /// Which.
        message: String,
    },
    /// The next call would pass the cap.
    CapReached {
        /// How to go on.
        message: String,
    },
    /// A stage failed.
    Failed {
        /// What to change.
        message: String,
    },
    /// A signal ended it.
    Interrupted {
        /// Which.
        signal: Signal,
    },
}

/// What going along the plan came to; also the report that is kept in the workspace.
#[derive(Debug, Clone, Serialize)]
pub struct RunReport {
    /// The episode.
    pub episode_id: EpisodeId,
    /// The command that did it.
    pub command: String,
    /// When it began.
    pub started_at: UtcTime,
    /// When it ended.
    pub ended_at: UtcTime,
    /// The stages that ran, in order.
    pub stages: Vec<StageRun>,
    /// Why it ended.
    pub end: RunnerEnd,
    /// The episode's status by now.
    pub status: EpisodeStatus,
    /// What this run cost.
    #[serde(rename = "cost_usd")]
    pub cost: Usd,
    /// What the episode has cost by now.
    #[serde(rename = "episode_cost_usd")]
    pub episode_cost: Usd,
}

/// Loads what a plan depends on, and makes it. Rows only: no file is read.
///
/// # Errors
/// [`StageError::UnknownEpisode`], or the database's.
pub async fn load_plan(
    ctx: &StageContext,
    id: &EpisodeId,
    flags: PlanFlags,
) -> Result<PipelinePlan, StageError> {
    let wanted = id.clone();
    let plan = ctx.db.run(move |conn| {
        let Some(episode) = episodes::find(conn, &wanted)? else { return Ok(None) };
        let runs = pipeline_runs::list_for_episode(conn, episode.id)?;
        let last_stage = runs.iter().max_by_key(|run| run.id).map(|run| run.stage);
        let mut gate = |stage| {
            review_tasks::find_latest(conn, &wanted, stage)
                .map(|task| task.map_or(GateState::NotAsked, |t| gate_of(t.status)))
        };
        let gates = Gates { correct: gate(ReviewStage::Correct)?, adapt: gate(ReviewStage::Adapt)? };
        Ok(Some(plan_of(&episode, last_stage, gates, flags)))
    });
    plan.await?.ok_or_else(|| StageError::UnknownEpisode { episode: id.clone() })
}

/// Makes the plan of an episode's row.
pub(crate) fn plan_of(
    episode: &Episode,
    last_stage: Option<Stage>,
    gates: Gates,
    flags: PlanFlags,
) -> PipelinePlan {
    let state = EpisodeState {
        episode_id: episode.episode_id.clone(),
        version: episode.pipeline_version,
        status: episode.status,
        last_stage,
    };
    resolve_pipeline_plan(&state, gates, flags)
}

/// Tells an unknown episode before its folder is made for a lock.
///
/// # Errors
/// [`StageError::UnknownEpisode`], or the database's.
pub async fn check_episode_exists(ctx: &StageContext, id: &EpisodeId) -> Result<(), StageError> {
    find_episode(ctx, id).await.map(drop)
}

async fn find_episode(ctx: &StageContext, id: &EpisodeId) -> Result<Episode, StageError> {
    let wanted = id.clone();
    let found = ctx.db.run(move |conn| episodes::find(conn, &wanted)).await?;
    found.ok_or_else(|| StageError::UnknownEpisode { episode: id.clone() })
}

pub(crate) const fn gate_of(status: ReviewStatus) -> GateState {
    match status {
        ReviewStatus::Approved => GateState::Approved,
        open if open.is_open() => GateState::Waiting,
        _sent_back => GateState::SentBack,
    }
}

/// How to go along the plan.
pub struct RunOptions<'a> {
    /// Stands in the lock for who has to wait, and in the report.
    pub command: &'a str,
    /// Look back first: what a new prompt or model would make differently is made anew.
    pub refresh: bool,
    /// Is told what would be made anew, and the price, before that is done.
    pub announce: &'a (dyn Fn(&LookBack) + Send + Sync),
}

/// Goes on with an episode until a person is needed or nothing is left; one lock over all of it.
///
/// # Errors
/// [`StageError`] where the episode can't be worked on at all; what a stage couldn't do is in
/// the report.
pub async fn run_episode(
    ctx: &StageContext,
    id: &EpisodeId,
    options: &RunOptions<'_>,
) -> Result<RunReport, StageError> {
    let before = find_episode(ctx, id).await?.status;
    let (command, started_at) = (options.command, ctx.clock.now());
    let holder = LockHolder::this_process(command, started_at);
    let lock = EpisodeLock::acquire(&ctx.data.episode(id), &holder, ctx.clock.as_ref()).await?;
    let mut stages = Vec::new();
    let end = if options.refresh { refresh(ctx, &lock, options, &mut stages).await? } else { None };
    let end = match end {
        Some(end) => end,
        None => go_on(ctx, &lock, &mut stages).await?,
    };
    let report = report(ctx, id, command, started_at, stages, end).await?;
    // A timer that only meets the cap again leaves no heap of reports that all say so.
    let still_capped =
        before == EpisodeStatus::CostLimit && matches!(report.end, RunnerEnd::CapReached { .. });
    let is_news = report.cost > Usd::ZERO || !still_capped;
    if is_news && !report.stages.is_empty() {
        let path = ctx.data.episode(id).report(report.ended_at);
        let document = report.clone();
        btcedu_stages::with_files(move || write_json_atomic(&path, &document)).await?;
    }
    Ok(report)
}

/// Makes anew what would come out differently, from the front; where the same text comes of it, it looks further.
async fn refresh(
    ctx: &StageContext,
    lock: &EpisodeLock,
    options: &RunOptions<'_>,
    stages: &mut Vec<StageRun>,
) -> Result<Option<RunnerEnd>, StageError> {
    loop {
        let (again, stage) = match look_back(ctx, lock.episode()).await {
            Ok(None) => return Ok(None),
            Ok(Some(again)) => {
                let stage = again.stage;
                (Some(again), stage)
            }
            // The stage itself asks for the review.
            Err(StageError::AwaitingReview { gate, .. }) => (None, gate.opens()),
            Err(error) => return ended_by(error, stages).map(Some),
        };
        if stages.iter().any(|run| run.stage == stage) {
            let message = format!("{stage} has run, and would be made anew again; look at `btcedu plan`");
            return Ok(Some(RunnerEnd::Failed { message }));
        }
        if let Some(again) = again {
            (options.announce)(&again);
        }
        if let Some(signal) = ctx.interrupt.raised() {
            return Ok(Some(RunnerEnd::Interrupted { signal }));
        }
        match run_stage(ctx, lock, stage, true).await {
            Ok((run, end)) => {
                stages.push(run);
                if end.is_some() {
                    return Ok(end);
                }
            }
            Err(error) => return ended_by(error, stages).map(Some),
        }
    }
}

/// Makes the end of a run of an error; where nothing was done yet, the command fails with it.
fn ended_by(error: StageError, stages: &[StageRun]) -> Result<RunnerEnd, StageError> {
    if matches!(error, StageError::AwaitingReview { .. }) {
        return Ok(RunnerEnd::AwaitingReview { message: error.to_string() });
    }
    if stages.is_empty() {
        return Err(error);
    }
    let message = with_causes(&error);
    Ok(match error.kind() {
        ErrorKind::Blocked => RunnerEnd::Blocked { message },
        _ => RunnerEnd::Failed { message },
    })
}

async fn go_on(
    ctx: &StageContext,
    lock: &EpisodeLock,
    stages: &mut Vec<StageRun>,
) -> Result<RunnerEnd, StageError> {
    loop {
        let plan = load_plan(ctx, lock.episode(), PlanFlags::default()).await?;
        let Some(next) = plan.next() else { return Ok(RunnerEnd::Finished) };
        let stage = match next.step {
            Step::Stage(stage) if next.built => stage,
            // Only the stage behind it knows whether the text is the one that was approved, and asks.
            Step::Gate(gate) => gate.opens(),
            Step::Stage(_) => return Ok(not_built(&plan)),
        };
        if stages.iter().any(|run| run.stage == stage) {
            let message = format!("{stage} has run, and the episode has not moved; look at `btcedu plan`");
            return Ok(RunnerEnd::Failed { message });
        }
        if let Some(signal) = ctx.interrupt.raised() {
            return Ok(RunnerEnd::Interrupted { signal });
        }
        match run_stage(ctx, lock, stage, false).await {
            Ok((run, None)) => stages.push(run),
            Ok((run, Some(end))) => {
                stages.push(run);
                return Ok(end);
            }
            Err(error) => return ended_by(error, stages),
        }
    }
}

fn not_built(plan: &PipelinePlan) -> RunnerEnd {
    let ahead = plan.steps.iter().filter(|step| matches!(step.state, StepState::NotBuilt | StepState::Later));
    let missing: Vec<&str> = ahead
        .filter(|step| matches!(step.step, Step::Stage(_)) && !step.built)
        .map(PlannedStep::name)
        .collect();
    let message = format!(
        "episode {id}: this version of btcedu doesn't have the next step; not built yet: {}; `btcedu plan {id}` shows the whole way",
        missing.join(", "),
        id = plan.episode_id
    );
    RunnerEnd::NotBuilt { message }
}

/// Runs one stage; what it returns beside its report ends the run.
async fn run_stage(
    ctx: &StageContext,
    lock: &EpisodeLock,
    stage: Stage,
    refresh: bool,
) -> Result<(StageRun, Option<RunnerEnd>), StageError> {
    let started = ctx.clock.now();
    let (result, outcome, cost, end) = if let Some(text) = TextStage::of(stage) {
        let flags = TextFlags { refresh, ..TextFlags::default() };
        let result = run_text_stage(ctx, lock, text, flags).await?;
        let ((outcome, end), cost) = (of_text(&result.end), result.cost);
        (StageResult::Text(Box::new(result)), outcome, cost, end)
    } else {
        let flags = ImageGenFlags { refresh, ..ImageGenFlags::default() };
        let result = run_imagegen(ctx, lock, &flags).await?;
        let ((outcome, end), cost) = (of_pictures(&result.end), result.cost);
        (StageResult::Pictures(Box::new(result)), outcome, cost, end)
    };
    let duration_seconds = ctx.clock.now().since(started).as_secs_f64();
    Ok((StageRun { stage, outcome, duration_seconds, cost, result }, end))
}

fn of_text(end: &TextRunEnd) -> (&'static str, Option<RunnerEnd>) {
    match end.clone() {
        TextRunEnd::Done => ("done", None),
        TextRunEnd::Skipped => ("skipped", None),
        TextRunEnd::CapReached { message } => ("cap_reached", Some(RunnerEnd::CapReached { message })),
        TextRunEnd::Failed { message } => ("failed", Some(RunnerEnd::Failed { message })),
        TextRunEnd::Interrupted { signal } => ("interrupted", Some(RunnerEnd::Interrupted { signal })),
    }
}

fn of_pictures(end: &RunEnd) -> (&'static str, Option<RunnerEnd>) {
    match end.clone() {
        RunEnd::Done => ("done", None),
        RunEnd::Skipped => ("skipped", None),
        RunEnd::DonePartly { message } => ("done_partly", Some(RunnerEnd::FinishedPartly { message })),
        RunEnd::StillPending => {
            let message = "some chapters have no picture yet".to_owned();
            ("still_pending", Some(RunnerEnd::FinishedPartly { message }))
        }
        RunEnd::CapReached { message } => ("cap_reached", Some(RunnerEnd::CapReached { message })),
        RunEnd::Failed { message } => ("failed", Some(RunnerEnd::Failed { message })),
        RunEnd::Interrupted { signal } => ("interrupted", Some(RunnerEnd::Interrupted { signal })),
    }
}

async fn report(
    ctx: &StageContext,
    id: &EpisodeId,
    command: &str,
    started_at: UtcTime,
    stages: Vec<StageRun>,
    end: RunnerEnd,
) -> Result<RunReport, StageError> {
    let wanted = id.clone();
    let now = ctx.db.run(move |conn| {
        let Some(episode) = episodes::find(conn, &wanted)? else { return Ok(None) };
        Ok(Some((episode.status, provider_calls::episode_cost(conn, episode.id)?)))
    });
    let (status, episode_cost) =
        now.await?.ok_or_else(|| StageError::UnknownEpisode { episode: id.clone() })?;
    Ok(RunReport {
        episode_id: id.clone(),
        command: command.to_owned(),
        started_at,
        ended_at: ctx.clock.now(),
        cost: stages.iter().map(|run| run.cost).sum(),
        stages,
        end,
        status,
        episode_cost,
    })
}
