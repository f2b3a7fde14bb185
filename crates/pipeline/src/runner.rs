//! Goes along a plan as far as stages are built.

use btcedu_artifacts::{EpisodeLock, LockHolder};
use btcedu_domain::{EpisodeId, ReviewStage, ReviewStatus, Stage};
use btcedu_models::{Conn, DbError, episodes, pipeline_runs, review_tasks};
use btcedu_stages::{
    StageContext, StageError,
    imagegen::{ImageGenFlags, ImageGenResult, run_imagegen},
};

use crate::{
    EpisodeState, GateState, Gates, PipelinePlan, PlanFlags, Step, StepState, resolve_pipeline_plan,
};

/// Why an episode can't go on.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The next stage isn't in this version of the program.
    #[error(
        "episode {episode}: the next step is '{step}', which this version of btcedu doesn't have yet; `btcedu plan {episode}` shows the whole way"
    )]
    NotBuilt {
        /// The episode.
        episode: EpisodeId,
        /// The step.
        step: &'static str,
    },
    /// A reviewer must decide first.
    #[error("episode {episode} waits at {step}; a reviewer must approve the text before it goes on")]
    Waiting {
        /// The episode.
        episode: EpisodeId,
        /// The gate.
        step: &'static str,
    },
    /// A stage's error.
    #[error(transparent)]
    Stage(#[from] StageError),
}

/// What going along the plan came to.
#[derive(Debug)]
pub enum RunnerOutcome {
    /// Nothing was to be done.
    NothingToDo,
    /// imagegen ran.
    Pictures(Box<ImageGenResult>),
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
    let loaded = ctx.db.run(move |conn| load_state(conn, &wanted)).await?;
    let (episode, gates) = loaded.ok_or_else(|| StageError::UnknownEpisode { episode: id.clone() })?;
    Ok(resolve_pipeline_plan(&episode, gates, flags))
}

/// Tells an unknown episode before its folder is made for a lock.
///
/// # Errors
/// [`StageError::UnknownEpisode`], or the database's.
pub async fn check_episode_exists(ctx: &StageContext, id: &EpisodeId) -> Result<(), StageError> {
    let wanted = id.clone();
    let found = ctx.db.run(move |conn| episodes::find(conn, &wanted)).await?;
    found.map(drop).ok_or_else(|| StageError::UnknownEpisode { episode: id.clone() })
}

fn load_state(conn: &mut Conn, id: &EpisodeId) -> Result<Option<(EpisodeState, Gates)>, DbError> {
    let Some(episode) = episodes::find(conn, id)? else { return Ok(None) };
    let runs = pipeline_runs::list_for_episode(conn, episode.id)?;
    let gate = |conn: &mut Conn, stage| {
        review_tasks::find_latest(conn, id, stage)
            .map(|task| task.map_or(GateState::NotAsked, |t| gate_of(t.status)))
    };
    let gates = Gates { correct: gate(conn, ReviewStage::Correct)?, adapt: gate(conn, ReviewStage::Adapt)? };
    let state = EpisodeState {
        episode_id: episode.episode_id,
        version: episode.pipeline_version,
        status: episode.status,
        last_stage: runs.iter().max_by_key(|r| r.id).map(|r| r.stage),
    };
    Ok(Some((state, gates)))
}

const fn gate_of(status: ReviewStatus) -> GateState {
    match status {
        ReviewStatus::Pending | ReviewStatus::InReview => GateState::Waiting,
        ReviewStatus::Approved => GateState::Approved,
        ReviewStatus::Rejected | ReviewStatus::ChangesRequested => GateState::SentBack,
    }
}

/// Does what comes next, as far as it is built; `command` stands in the lock for who has to wait.
///
/// # Errors
/// [`PipelineError`] says what has to happen first.
pub async fn run_episode(
    ctx: &StageContext,
    id: &EpisodeId,
    command: &str,
) -> Result<RunnerOutcome, PipelineError> {
    let plan = load_plan(ctx, id, PlanFlags::default()).await?;
    let Some(next) = plan.next() else { return Ok(RunnerOutcome::NothingToDo) };
    let step = next.name();
    match (next.state, next.step) {
        (StepState::Waiting, _) => Err(PipelineError::Waiting { episode: id.clone(), step }),
        (_, Step::Stage(Stage::Imagegen)) => {
            let holder = LockHolder::this_process(command, ctx.clock.now());
            let dir = ctx.data.episode(id);
            let lock =
                EpisodeLock::acquire(&dir, &holder, ctx.clock.as_ref()).await.map_err(StageError::from)?;
            let result = run_imagegen(ctx, &lock, &ImageGenFlags::default()).await?;
            Ok(RunnerOutcome::Pictures(Box::new(result)))
        }
        _ => Err(PipelineError::NotBuilt { episode: id.clone(), step }),
    }
}
