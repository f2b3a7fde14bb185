//! Finds an episode, locks it, and runs one stage of it.

use btcedu_artifacts::{EpisodeLock, LockHolder};
use btcedu_domain::EpisodeId;
use btcedu_models::{
    Conn, DbError,
    episodes::{self, Episode},
};
use btcedu_stages::{BuiltStage, StageContext, StageError, StageFlags, StageReport};

/// Finds an episode and runs queries about it, with one connection.
///
/// # Errors
/// [`StageError::UnknownEpisode`], or those of the queries.
pub(crate) async fn query_episode<T: Send + 'static>(
    ctx: &StageContext,
    id: &EpisodeId,
    queries: impl FnOnce(&mut Conn, Episode) -> Result<T, DbError> + Send + 'static,
) -> Result<T, StageError> {
    let wanted = id.clone();
    let found = ctx.db.run(move |conn| match episodes::find(conn, &wanted)? {
        Some(episode) => queries(conn, episode).map(Some),
        None => Ok(None),
    });
    found.await?.ok_or_else(|| StageError::UnknownEpisode { episode: id.clone() })
}

/// Checks that an episode is in the database.
///
/// # Errors
/// [`StageError::UnknownEpisode`], or the database's.
pub async fn check_episode_exists(ctx: &StageContext, id: &EpisodeId) -> Result<(), StageError> {
    query_episode(ctx, id, |_, _| Ok(())).await
}

/// Locks an episode for one command, whose name is shown to other commands that find it locked.
///
/// The lock file is in the episode's folder, so an unknown episode is refused before a folder is made for it.
///
/// # Errors
/// [`StageError::UnknownEpisode`], [`StageError::Lock`] where another run holds the lock, or the database's.
pub async fn lock_episode(
    ctx: &StageContext,
    id: &EpisodeId,
    command: &str,
) -> Result<EpisodeLock, StageError> {
    check_episode_exists(ctx, id).await?;
    let holder = LockHolder::this_process(command, ctx.clock.now());
    Ok(EpisodeLock::acquire(&ctx.data.episode(id), &holder, ctx.clock.as_ref()).await?)
}

/// Locks an episode and runs one stage of it.
///
/// # Errors
/// Those of [`lock_episode`] and [`BuiltStage::run`].
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
