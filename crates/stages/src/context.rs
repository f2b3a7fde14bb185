//! What every stage is given: services, folders, settings, the clock.

use std::sync::Arc;

use btcedu_artifacts::DataDir;
use btcedu_catalog::ModelCatalog;
use btcedu_clients::LanguageModel;
use btcedu_domain::{Clock, Usd};
use btcedu_imagegen::ImageGenService;
use btcedu_models::{Conn, Db};
use btcedu_prompts::PromptSource;

use crate::{Interrupt, Observer, StageError};

/// Services and settings, built once by the program's edge.
#[derive(Clone)]
pub struct StageContext {
    /// The database.
    pub db: Db,
    /// The workspace.
    pub data: DataDir,
    /// Where templates come from.
    pub prompts: PromptSource,
    /// What models take and cost.
    pub catalog: Arc<ModelCatalog>,
    /// Makes pictures.
    pub images: Arc<dyn ImageGenService>,
    /// Writes text.
    pub texts: Arc<dyn LanguageModel>,
    /// The time, and waits.
    pub clock: Arc<dyn Clock>,
    /// Who listens.
    pub observer: Arc<dyn Observer>,
    /// Asks the run to end.
    pub interrupt: Interrupt,
    /// What the person set.
    pub settings: StageSettings,
}

/// Reads or writes files off the async threads.
///
/// # Errors
/// What the work returns, and [`StageError::Offload`] where the program is ending.
pub async fn with_files<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, StageError>
where
    T: Send + 'static,
    E: Into<StageError> + Send + 'static,
{
    btcedu_artifacts::run_blocking(work).await?.map_err(Into::into)
}

/// Reads rows and files in one piece of blocking work.
pub(crate) async fn load<T: Send + 'static>(
    ctx: &StageContext,
    work: impl FnOnce(&mut Conn, &StageContext) -> Result<T, StageError> + Send + 'static,
) -> Result<T, StageError> {
    let context = ctx.clone();
    let loaded = ctx.db.run(move |conn| match work(conn, &context) {
        // `Db::run` says of which file the error is.
        Err(StageError::Db(error)) => Err(error),
        loaded => Ok(loaded),
    });
    loaded.await?
}

/// What the person set, as far as stages care.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageSettings {
    /// Pictures.
    pub image: ImageSettings,
    /// Overrides every template's model.
    pub claude_model: Option<String>,
    /// What one episode may cost over all stages.
    pub max_episode_cost: Usd,
    /// What to do about calls that may have been billed.
    pub resend_unknown: ResendUnknown,
    /// Corrections that change nothing but a few marks of punctuation need no reviewer.
    pub auto_approve_trivial: bool,
}

/// What the person set for pictures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageSettings {
    /// Image model.
    pub model: String,
    /// `WIDTHxHEIGHT`; the model's own if unset.
    pub size: Option<String>,
    /// The model's own if unset.
    pub quality: Option<String>,
    /// Text in front of every prompt.
    pub style_prefix: String,
    /// Image calls in flight at most.
    pub concurrency: usize,
    /// Starts a minute at most.
    pub per_minute: Option<u32>,
    /// Price per picture for a model that the catalogue doesn't know.
    pub price: Option<Usd>,
}

/// What to do about work whose call may have been billed without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ResendUnknown {
    /// Do it again; the old call goes on counting against the cap.
    #[default]
    Yes,
    /// Stop and ask.
    Ask,
}
