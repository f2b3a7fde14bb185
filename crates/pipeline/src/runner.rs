//! Goes along a plan, stage by stage, until a person is needed or nothing is left.

use btcedu_artifacts::{EpisodeLock, LockHolder, write_json_atomic};
use btcedu_domain::{
    EpisodeId, EpisodeStatus, ErrorKind, Kinded, ReviewStage, Stage, Usd, UtcTime, with_causes,
};
use btcedu_models::{DbError, episodes, episodes::Episode, provider_calls, review_tasks};
use btcedu_stages::{
    BuiltStage, Position, Signal, StageContext, StageEnd, StageError, StageFlags, StageReport,
};
use serde::Serialize;

use crate::{
    Gates, LookBack, PipelinePlan, PlanFlags, PlannedStep, Step, StepState, look_back, resolve_pipeline_plan,
};

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
    pub result: StageReport,
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
        let position = Position::load(conn, &episode)?;
        let mut gate = |stage| {
            let task = review_tasks::find_latest(conn, &wanted, stage)?;
            Ok::<_, DbError>(task.map(|task| task.status.into()).unwrap_or_default())
        };
        let gates = Gates { correct: gate(ReviewStage::Correct)?, adapt: gate(ReviewStage::Adapt)? };
        Ok(Some(resolve_pipeline_plan(&wanted, position, gates, flags)))
    });
    plan.await?.ok_or_else(|| StageError::UnknownEpisode { episode: id.clone() })
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

/// Takes an episode's lock, for one command; an unknown episode is told before its folder is made for it.
///
/// # Errors
/// [`StageError::UnknownEpisode`], [`StageError::Lock`] where another run holds it, or the database's.
pub async fn lock_episode(
    ctx: &StageContext,
    id: &EpisodeId,
    command: &str,
) -> Result<EpisodeLock, StageError> {
    check_episode_exists(ctx, id).await?;
    let holder = LockHolder::this_process(command, ctx.clock.now());
    Ok(EpisodeLock::acquire(&ctx.data.episode(id), &holder, ctx.clock.as_ref()).await?)
}

/// Runs one stage of an episode; `command` stands in the lock for a command that has to wait.
///
/// # Errors
/// As [`lock_episode`] and [`BuiltStage::run`].
pub async fn run_stage(
    ctx: &StageContext,
    id: &EpisodeId,
    stage: BuiltStage,
    flags: &StageFlags,
    command: &str,
) -> Result<StageReport, StageError> {
    let lock = lock_episode(ctx, id, command).await?;
    stage.run(ctx, &lock, flags).await
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
    let lock = lock_episode(ctx, id, command).await?;
    let mut walk = Walk { ctx, lock: &lock, stages: Vec::new() };
    let end = if options.refresh { walk.refresh(options).await? } else { None };
    let end = match end {
        Some(end) => end,
        None => walk.go_on().await?,
    };
    let stages = walk.stages;
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

/// Goes along an episode's stages under one lock.
struct Walk<'a> {
    ctx: &'a StageContext,
    lock: &'a EpisodeLock,
    /// The stages that ran, in order.
    stages: Vec<StageRun>,
}

impl Walk<'_> {
    /// Makes anew what would come out differently, from the front; where the same text comes of it, it looks further.
    async fn refresh(&mut self, options: &RunOptions<'_>) -> Result<Option<RunnerEnd>, StageError> {
        loop {
            let (again, wanted) = match look_back(self.ctx, self.lock.episode()).await {
                Ok(None) => return Ok(None),
                Ok(Some(again)) => {
                    let stage = again.stage;
                    (Some(again), stage)
                }
                // The stage itself asks for the review.
                Err(StageError::AwaitingReview { gate, .. }) => (None, gate.opens()),
                Err(error) => return self.ended_by(error).map(Some),
            };
            let Some(stage) = BuiltStage::of(wanted) else { return Ok(None) };
            if self.has_run(wanted) {
                let message =
                    format!("{wanted} has run, and would be made anew again; look at `btcedu plan`");
                return Ok(Some(RunnerEnd::Failed { message }));
            }
            if let Some(again) = again {
                (options.announce)(&again);
            }
            if let Some(end) = self.run(stage, true).await? {
                return Ok(Some(end));
            }
        }
    }

    /// Goes on from the episode's status.
    async fn go_on(&mut self) -> Result<RunnerEnd, StageError> {
        loop {
            let plan = load_plan(self.ctx, self.lock.episode(), PlanFlags::default()).await?;
            let Some(next) = plan.next() else { return Ok(RunnerEnd::Finished) };
            let wanted = match next.step {
                Step::Stage(stage) => stage,
                // Only the stage behind it knows whether the text is the one that was approved, and asks.
                Step::Gate(gate) => gate.opens(),
            };
            let Some(stage) = BuiltStage::of(wanted) else { return Ok(not_built(&plan)) };
            if self.has_run(wanted) {
                let message =
                    format!("{wanted} has run, and the episode has not moved; look at `btcedu plan`");
                return Ok(RunnerEnd::Failed { message });
            }
            if let Some(end) = self.run(stage, false).await? {
                return Ok(end);
            }
        }
    }

    fn has_run(&self, stage: Stage) -> bool {
        self.stages.iter().any(|run| run.stage == stage)
    }

    /// Runs one stage; none where the next may follow.
    async fn run(&mut self, stage: BuiltStage, refresh: bool) -> Result<Option<RunnerEnd>, StageError> {
        if let Some(signal) = self.ctx.interrupt.raised() {
            return Ok(Some(RunnerEnd::Interrupted { signal }));
        }
        let started = self.ctx.clock.now();
        let flags = StageFlags { refresh, ..StageFlags::default() };
        let result = match stage.run(self.ctx, self.lock, &flags).await {
            Ok(result) => result,
            Err(error) => return self.ended_by(error).map(Some),
        };
        let end = end_of(&result.end);
        self.stages.push(StageRun {
            stage: stage.stage(),
            outcome: result.end.as_str(),
            duration_seconds: self.ctx.clock.now().since(started).as_secs_f64(),
            cost: result.cost,
            result,
        });
        Ok(end)
    }

    /// Makes the end of a run of an error; where nothing was done yet, the command fails with it.
    fn ended_by(&self, error: StageError) -> Result<RunnerEnd, StageError> {
        if matches!(error, StageError::AwaitingReview { .. }) {
            return Ok(RunnerEnd::AwaitingReview { message: error.to_string() });
        }
        if self.stages.is_empty() {
            return Err(error);
        }
        let message = with_causes(&error);
        Ok(match error.kind() {
            ErrorKind::Blocked => RunnerEnd::Blocked { message },
            _ => RunnerEnd::Failed { message },
        })
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

/// How a stage's end ends the run; none where the next stage follows.
fn end_of(end: &StageEnd) -> Option<RunnerEnd> {
    match end.clone() {
        StageEnd::Done | StageEnd::Skipped => None,
        StageEnd::DonePartly { message } => Some(RunnerEnd::FinishedPartly { message }),
        StageEnd::StillPending => {
            let message = "some chapters have no picture yet".to_owned();
            Some(RunnerEnd::FinishedPartly { message })
        }
        StageEnd::CapReached { message } => Some(RunnerEnd::CapReached { message }),
        StageEnd::Failed { message } => Some(RunnerEnd::Failed { message }),
        StageEnd::Interrupted { signal } => Some(RunnerEnd::Interrupted { signal }),
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
