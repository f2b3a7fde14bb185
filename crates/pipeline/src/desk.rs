//! Where people look and decide, with no way to run a stage or to spend.

use std::sync::Arc;

use btcedu_artifacts::DataDir;
use btcedu_domain::{Clock, EpisodeId, Usd};
use btcedu_models::{Db, DbError, review_tasks::TaskSelection};
use btcedu_prompts::PromptError;
use btcedu_stages::{StageContext, StageError};

use crate::{
    Decision, EpisodeList, NextStep, OverviewFilter, PlanFlags, ReviewError, ReviewView, accept_edit,
    decide_review, find_review, list_episodes, list_reviews, open_review, preview_next,
};

/// What a reviewer may do: everything here is free.
///
/// It wraps what stages are given, so that a program above can hand it to a dashboard
/// that knows neither stages nor providers.
#[derive(Clone)]
pub struct Desk {
    ctx: StageContext,
}

impl Desk {
    /// Sets a desk up.
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

    /// Registers what the template files hold, so that it is shown before a run uses it.
    ///
    /// # Errors
    /// [`PromptError`] of a template that can't be read, or the database's.
    pub async fn register_prompts(&self) -> Result<(), DeskError> {
        let files = self.ctx.prompts.load_all()?;
        let now = self.ctx.clock.now();
        self.ctx.db.transaction(move |conn| btcedu_prompts::register_all(conn, &files, now)).await?;
        Ok(())
    }

    /// As [`list_episodes`].
    ///
    /// # Errors
    /// The database's.
    pub async fn list_episodes(&self, filter: OverviewFilter) -> Result<EpisodeList, DbError> {
        list_episodes(&self.ctx.db, self.cap(), filter).await
    }

    /// As [`preview_next`].
    ///
    /// # Errors
    /// As there.
    pub async fn preview_next(&self, id: &EpisodeId) -> Result<NextStep, StageError> {
        preview_next(&self.ctx, id, PlanFlags::default()).await
    }

    /// As [`list_reviews`].
    ///
    /// # Errors
    /// As there.
    pub async fn list_reviews(&self, which: TaskSelection) -> Result<Vec<ReviewView>, ReviewError> {
        list_reviews(&self.ctx, which).await
    }

    /// As [`find_review`].
    ///
    /// # Errors
    /// As there.
    pub async fn find_review(&self, task: i64) -> Result<ReviewView, ReviewError> {
        find_review(&self.ctx, task).await
    }

    /// As [`open_review`].
    ///
    /// # Errors
    /// As there.
    pub async fn open_review(&self, task: i64) -> Result<ReviewView, ReviewError> {
        open_review(&self.ctx, task).await
    }

    /// As [`accept_edit`].
    ///
    /// # Errors
    /// As there.
    pub async fn accept_edit(&self, task: i64, command: &str) -> Result<ReviewView, ReviewError> {
        accept_edit(&self.ctx, task, command).await
    }

    /// As [`decide_review`].
    ///
    /// # Errors
    /// As there.
    pub async fn decide_review(&self, decision: Decision<'_>) -> Result<ReviewView, ReviewError> {
        decide_review(&self.ctx, decision).await
    }
}

/// Why the templates can't be registered.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// A template's.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    /// The database's.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl btcedu_domain::Kinded for DeskError {
    fn kind(&self) -> btcedu_domain::ErrorKind {
        match self {
            Self::Prompt(error) => error.kind(),
            Self::Db(error) => error.kind(),
        }
    }
}
