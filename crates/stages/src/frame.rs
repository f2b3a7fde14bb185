//! What every stage shares: the three steps, the run, the paid calls, the report.
//!
//! A stage implements [`Stage`]; the functions here drive it. A dry run and a plan take the same steps as a
//! run and stop before the first that writes, so that they show what a run would do.

pub(crate) mod calls;
pub(crate) mod paid_call;
mod position;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod stop;
pub(crate) mod template;
pub(crate) mod text_call;

use std::path::Path;

use async_trait::async_trait;
use btcedu_artifacts::{DataDir, EpisodeLock, remove_file, write_json_atomic};
use btcedu_clients::TextRequest;
use btcedu_domain::{EpisodeId, Usd, UtcTime};
use serde_json::Value;

pub use self::position::Position;
use self::report::{StageFlags, StagePreview, StageReport};
use crate::{StageContext, StageError, with_files};

/// Prices a text request; none for a model without a known price.
pub(crate) type TextPrices<'a> = &'a (dyn Fn(&TextRequest) -> Option<Usd> + Sync);

/// The exact body of a request that a run would send first for one part of its work.
#[derive(Debug)]
pub(crate) struct RequestBody {
    /// Name of the file that `--dry-run` writes it to.
    pub(crate) file_name: String,
    pub(crate) body: Value,
}

/// One stage of the pipeline: gathers, decides, acts.
#[async_trait]
pub(crate) trait Stage: Send + Sync {
    /// What decisions are made from: rows and files as they were found.
    type Facts: Send + Sync;
    /// What was decided.
    type Work: Send + Sync;

    /// Returns which stage it is.
    fn name(&self) -> btcedu_domain::Stage;

    /// Reads rows and files. Writes nothing, decides nothing, and needs no lock.
    async fn gather(&self, ctx: &StageContext, id: &EpisodeId) -> Result<Self::Facts, StageError>;

    /// Refuses an episode on which the stage may not start. Pure.
    fn check(&self, facts: &Self::Facts, flags: &StageFlags) -> Result<(), StageError>;

    /// Decides what there is to do. Pure: no clock, no file, no connection.
    fn decide(
        &self,
        facts: &Self::Facts,
        flags: &StageFlags,
        prices: TextPrices<'_>,
    ) -> Result<Self::Work, StageError>;

    /// Tells what a run would do, or which review it waits for.
    fn preview(&self, facts: &Self::Facts, work: &Self::Work) -> Result<StagePreview, StageError>;

    /// Lists what a run would send, as far as that is known before the first answer.
    fn requests(
        &self,
        ctx: &StageContext,
        facts: &Self::Facts,
        work: &Self::Work,
    ) -> Result<Vec<RequestBody>, StageError>;

    /// Puts in order what an interrupted run left, before anything is decided.
    async fn mend(&self, ctx: &StageContext, facts: &Self::Facts) -> Result<(), StageError>;

    /// Does what was decided.
    async fn act(
        &self,
        ctx: &StageContext,
        facts: Self::Facts,
        work: Self::Work,
        started: UtcTime,
    ) -> Result<StageReport, StageError>;
}

/// The same for every stage: what [`BuiltStage`](crate::BuiltStage) calls.
#[async_trait]
pub(crate) trait AnyStage: Send + Sync {
    #[cfg(test)]
    fn name(&self) -> btcedu_domain::Stage;
    async fn preview(
        &self,
        ctx: &StageContext,
        id: &EpisodeId,
        flags: &StageFlags,
    ) -> Result<StagePreview, StageError>;
    async fn dry_run(
        &self,
        ctx: &StageContext,
        id: &EpisodeId,
        flags: &StageFlags,
    ) -> Result<StagePreview, StageError>;
    async fn run(
        &self,
        ctx: &StageContext,
        lock: &EpisodeLock,
        flags: &StageFlags,
    ) -> Result<StageReport, StageError>;
}

#[async_trait]
impl<S: Stage> AnyStage for S {
    #[cfg(test)]
    fn name(&self) -> btcedu_domain::Stage {
        Stage::name(self)
    }

    async fn preview(
        &self,
        ctx: &StageContext,
        id: &EpisodeId,
        flags: &StageFlags,
    ) -> Result<StagePreview, StageError> {
        let (facts, work) = look(self, ctx, id, flags).await?;
        Stage::preview(self, &facts, &work)
    }

    async fn dry_run(
        &self,
        ctx: &StageContext,
        id: &EpisodeId,
        flags: &StageFlags,
    ) -> Result<StagePreview, StageError> {
        let (facts, work) = look(self, ctx, id, flags).await?;
        let mut preview = Stage::preview(self, &facts, &work)?;
        let requests = self.requests(ctx, &facts, &work)?;
        let folder = ctx.data.episode(id).dry_run(Stage::name(self));
        preview.files = requests.iter().map(|request| folder.join(&request.file_name)).collect();
        let data = ctx.data.clone();
        with_files(move || write_requests(&data, &folder, &requests)).await?;
        Ok(preview)
    }

    async fn run(
        &self,
        ctx: &StageContext,
        lock: &EpisodeLock,
        flags: &StageFlags,
    ) -> Result<StageReport, StageError> {
        let result = run_steps(self, ctx, lock, flags).await;
        if let Err(error) = &result {
            run::record_failure(ctx, lock.episode(), error).await;
        }
        result
    }
}

async fn look<S: Stage>(
    stage: &S,
    ctx: &StageContext,
    id: &EpisodeId,
    flags: &StageFlags,
) -> Result<(S::Facts, S::Work), StageError> {
    let facts = stage.gather(ctx, id).await?;
    stage.check(&facts, flags)?;
    let work = stage.decide(&facts, flags, &|request| ctx.texts.estimate(request))?;
    Ok((facts, work))
}

async fn run_steps<S: Stage>(
    stage: &S,
    ctx: &StageContext,
    lock: &EpisodeLock,
    flags: &StageFlags,
) -> Result<StageReport, StageError> {
    let started = ctx.clock.now();
    let facts = stage.gather(ctx, lock.episode()).await?;
    stage.check(&facts, flags)?;
    stage.mend(ctx, &facts).await?;
    let work = stage.decide(&facts, flags, &|request| ctx.texts.estimate(request))?;
    stage.act(ctx, facts, work, started).await
}

/// Replaces what an earlier dry run wrote.
fn write_requests(data: &DataDir, folder: &Path, requests: &[RequestBody]) -> Result<(), StageError> {
    for old in data.list(folder)? {
        remove_file(&old)?;
    }
    for request in requests {
        write_json_atomic(&folder.join(&request.file_name), &request.body)?;
    }
    Ok(())
}
