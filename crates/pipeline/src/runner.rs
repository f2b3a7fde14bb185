//! Runs the stages of a plan in order, until a person is needed or nothing is left to do.

use btcedu_artifacts::{EpisodeLock, write_json_atomic};
use btcedu_domain::{EpisodeId, EpisodeStatus, ErrorKind, Kinded, Stage, Usd, with_causes};
use btcedu_models::provider_calls;
use btcedu_stages::{BuiltStage, StageContext, StageError, StageFlags, with_files};

use crate::{
    episode::{lock_episode, query_episode},
    plan::{PipelinePlan, PlanFlags, PlannedStep, Step, StepState, load_plan},
    refresh::{RefreshPlan, plan_refresh},
    run_report::{RunReport, RunnerEnd, StageRun},
};

/// How to run along the plan.
pub struct RunOptions<'a> {
    /// The command line: the report has it, and other commands that find the episode locked are shown it.
    pub command: &'a str,
    /// First run the stages again that a new prompt, model or setting would change.
    pub refresh: bool,
    /// Is called with the stage and its price before a stage is run again.
    pub announce: &'a (dyn Fn(&RefreshPlan) + Send + Sync),
}

/// Runs an episode's stages until a person is needed or nothing is left to do. Holds one lock meanwhile.
///
/// # Errors
/// [`StageError`] where the first stage doesn't start. A later error is in the report.
pub async fn run_episode(
    ctx: &StageContext,
    id: &EpisodeId,
    options: &RunOptions<'_>,
) -> Result<RunReport, StageError> {
    let started_at = ctx.clock.now();
    let lock = lock_episode(ctx, id, options.command).await?;
    let status_before = query_episode(ctx, id, |_, episode| Ok(episode.status)).await?;
    let mut runner = Runner { ctx, lock: &lock, stages: Vec::new() };
    let end = if options.refresh { runner.refresh(options).await? } else { None };
    let end = match end {
        Some(end) => end,
        None => runner.run_next_stages().await?,
    };
    let stages = runner.stages;
    let sums = query_episode(ctx, id, |conn, episode| {
        Ok((episode.status, provider_calls::episode_cost(conn, episode.id)?))
    });
    let (status, episode_cost) = sums.await?;
    let report = RunReport {
        episode_id: id.clone(),
        command: options.command.to_owned(),
        started_at,
        ended_at: ctx.clock.now(),
        cost: stages.iter().map(|run| run.cost).sum(),
        stages,
        end,
        status,
        episode_cost,
    };
    if is_kept(&report, status_before) {
        let path = ctx.data.episode(id).report(report.ended_at);
        let document = report.clone();
        with_files(move || write_json_atomic(&path, &document)).await?;
    }
    Ok(report)
}

/// Tells whether a report is written to the workspace.
///
/// A timer that reaches the same cap again would only repeat the report that is there.
fn is_kept(report: &RunReport, status_before: EpisodeStatus) -> bool {
    let is_still_capped =
        status_before == EpisodeStatus::CostLimit && matches!(report.end, RunnerEnd::CapReached { .. });
    !report.stages.is_empty() && (report.cost > Usd::ZERO || !is_still_capped)
}

/// Runs stages of one episode under one lock.
struct Runner<'a> {
    ctx: &'a StageContext,
    lock: &'a EpisodeLock,
    /// The stages that ran, in order.
    stages: Vec<StageRun>,
}

impl Runner<'_> {
    /// Runs done stages again that would produce something else today, first to last.
    ///
    /// A stage that produces the same text leaves later stages done, so these are looked at next.
    async fn refresh(&mut self, options: &RunOptions<'_>) -> Result<Option<RunnerEnd>, StageError> {
        loop {
            let (planned, wanted) = match plan_refresh(self.ctx, self.lock.episode()).await {
                Ok(None) => return Ok(None),
                Ok(Some(planned)) => {
                    let stage = planned.stage;
                    (Some(planned), stage)
                }
                // The stage after the gate opens the review.
                Err(StageError::AwaitingReview { gate, .. }) => (None, gate.opens()),
                Err(error) => return self.end_with(error).map(Some),
            };
            let Some(stage) = BuiltStage::of(wanted) else { return Ok(None) };
            if self.has_run(wanted) {
                let message =
                    format!("{wanted} has run, and would be made anew again; look at `btcedu plan`");
                return Ok(Some(RunnerEnd::Failed { message }));
            }
            if let Some(planned) = planned {
                (options.announce)(&planned);
            }
            if let Some(end) = self.run_stage(stage, true).await? {
                return Ok(Some(end));
            }
        }
    }

    /// Runs the stages that follow from the episode's status.
    async fn run_next_stages(&mut self) -> Result<RunnerEnd, StageError> {
        loop {
            let plan = load_plan(self.ctx, self.lock.episode(), PlanFlags::default()).await?;
            let Some(next) = plan.next() else { return Ok(RunnerEnd::Finished) };
            let wanted = match next.step {
                Step::Stage(stage) => stage,
                // The stage after the gate compares the text with the approved one, and opens the review.
                Step::Gate(gate) => gate.opens(),
            };
            let Some(stage) = BuiltStage::of(wanted) else { return Ok(not_built(&plan)) };
            if self.has_run(wanted) {
                let message =
                    format!("{wanted} has run, and the episode has not moved; look at `btcedu plan`");
                return Ok(RunnerEnd::Failed { message });
            }
            if let Some(end) = self.run_stage(stage, false).await? {
                return Ok(end);
            }
        }
    }

    fn has_run(&self, stage: Stage) -> bool {
        self.stages.iter().any(|run| run.stage == stage)
    }

    /// Runs one stage; returns `None` where the next one may run.
    async fn run_stage(&mut self, stage: BuiltStage, refresh: bool) -> Result<Option<RunnerEnd>, StageError> {
        if let Some(signal) = self.ctx.interrupt.raised() {
            return Ok(Some(RunnerEnd::Interrupted { signal }));
        }
        let started = self.ctx.clock.now();
        let flags = StageFlags { refresh, ..StageFlags::default() };
        let result = match stage.run(self.ctx, self.lock, &flags).await {
            Ok(result) => result,
            Err(error) => return self.end_with(error).map(Some),
        };
        let end = RunnerEnd::of_stage(&result.end);
        self.stages.push(StageRun {
            stage: stage.stage(),
            outcome: result.end.as_str(),
            duration_seconds: self.ctx.clock.now().since(started).as_secs_f64(),
            cost: result.cost,
            result,
        });
        Ok(end)
    }

    /// Turns an error into the run's end. Where no stage has run yet, it stays an error.
    fn end_with(&self, error: StageError) -> Result<RunnerEnd, StageError> {
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
    let missing: Vec<&str> = ahead.filter(|step| !step.built).map(PlannedStep::name).collect();
    let message = format!(
        "episode {id}: this version of btcedu doesn't have the next step; not built yet: {}; `btcedu plan {id}` shows the whole way",
        missing.join(", "),
        id = plan.episode_id
    );
    RunnerEnd::NotBuilt { message }
}
