//! What the dashboard may do: show episodes and decide reviews. It can't run a stage, so it can't spend.

use std::sync::Arc;

use btcedu_artifacts::DataDir;
use btcedu_domain::{Clock, EpisodeId, ErrorKind, Kinded, Usd};
use btcedu_models::{Db, DbError, review_tasks::TaskSelection};
use btcedu_prompts::PromptError;
use btcedu_stages::{StageContext, StageError};

use crate::{
    next::{NextStep, preview_next},
    overview::{EpisodeList, OverviewFilter, list_episodes},
    plan::PlanFlags,
    review_decisions::{Decision, accept_edit, decide_review},
    review_error::ReviewError,
    review_views::{ReviewView, find_review, list_reviews, open_review},
};

/// What a reviewer may do. Nothing here costs money.
///
/// It hides the context of the stages, so that the program can give it to the dashboard, which uses neither
/// stages nor providers.
#[derive(Clone)]
pub struct Desk {
    ctx: StageContext,
}

impl Desk {
    /// Makes a desk that works with this context.
    pub fn new(ctx: StageContext) -> Self {
        Self { ctx }
    }

    /// Returns the database.
    pub fn db(&self) -> &Db {
        &self.ctx.db
    }

    /// Returns the workspace.
    pub fn data(&self) -> &DataDir {
        &self.ctx.data
    }

    /// Returns the clock.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.ctx.clock
    }

    /// Returns what one episode may cost.
    pub fn cap(&self) -> Usd {
        self.ctx.settings.max_episode_cost
    }

    /// Registers the template files, so that they are shown before a run uses them.
    ///
    /// # Errors
    /// [`PromptError`] where a template can't be read, or the database's.
    pub async fn register_prompts(&self) -> Result<(), DeskError> {
        let files = self.ctx.prompts.load_all()?;
        let now = self.ctx.clock.now();
        self.ctx.db.transaction(move |conn| btcedu_prompts::register_all(conn, &files, now)).await?;
        Ok(())
    }

    /// Calls [`list_episodes`].
    ///
    /// # Errors
    /// Those of [`list_episodes`].
    pub async fn list_episodes(&self, filter: OverviewFilter) -> Result<EpisodeList, DbError> {
        list_episodes(&self.ctx.db, self.cap(), filter).await
    }

    /// Calls [`preview_next`].
    ///
    /// # Errors
    /// Those of [`preview_next`].
    pub async fn preview_next(&self, id: &EpisodeId) -> Result<NextStep, StageError> {
        preview_next(&self.ctx, id, PlanFlags::default()).await
    }

    /// Calls [`list_reviews`].
    ///
    /// # Errors
    /// Those of [`list_reviews`].
    pub async fn list_reviews(&self, which: TaskSelection) -> Result<Vec<ReviewView>, ReviewError> {
        list_reviews(&self.ctx, which).await
    }

    /// Calls [`find_review`].
    ///
    /// # Errors
    /// Those of [`find_review`].
    pub async fn find_review(&self, task: i64) -> Result<ReviewView, ReviewError> {
        find_review(&self.ctx, task).await
    }

    /// Calls [`open_review`].
    ///
    /// # Errors
    /// Those of [`open_review`].
    pub async fn open_review(&self, task: i64) -> Result<ReviewView, ReviewError> {
        open_review(&self.ctx, task).await
    }

    /// Calls [`accept_edit`].
    ///
    /// # Errors
    /// Those of [`accept_edit`].
    pub async fn accept_edit(&self, task: i64, command: &str) -> Result<ReviewView, ReviewError> {
        accept_edit(&self.ctx, task, command).await
    }

    /// Calls [`decide_review`].
    ///
    /// # Errors
    /// Those of [`decide_review`].
    pub async fn decide_review(&self, decision: Decision<'_>) -> Result<ReviewView, ReviewError> {
        decide_review(&self.ctx, decision).await
    }
}

/// Why the templates can't be registered.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// An error of a template.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    /// An error of the database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Kinded for DeskError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Prompt(error) => error.kind(),
            Self::Db(error) => error.kind(),
        }
    }
}
