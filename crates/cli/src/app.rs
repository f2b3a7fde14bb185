//! Composition: real services from settings. The only place that builds them.

use std::sync::Arc;

use btcedu_artifacts::DataDir;
use btcedu_catalog::ModelCatalog;
use btcedu_clients::{ANTHROPIC, ClaudeClient};
use btcedu_domain::{Clock, SystemClock};
use btcedu_http::{Endpoint, HttpClient, Provider};
use btcedu_imagegen::{OPENAI, OpenAiConfig, OpenAiImages};
use btcedu_models::{Db, DbConfig};
use btcedu_prompts::PromptSource;
use btcedu_stages::{Interrupt, NoObserver, Observer, StageContext, StageSettings};

use crate::errors::CommandError;
use crate::errors::CommandResult;
use crate::settings::{Settings, SettingsError};

/// Settings and the services built from them.
pub(crate) struct App {
    pub(crate) settings: Settings,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) data: DataDir,
    pub(crate) interrupt: Interrupt,
    /// One for all providers: setting one up means reading the machine's certificates.
    http: HttpClient,
}

impl App {
    pub(crate) fn new(settings: Settings) -> Self {
        let data = DataDir::new(&settings.data_dir);
        Self {
            data,
            settings,
            clock: Arc::new(SystemClock),
            interrupt: Interrupt::default(),
            http: HttpClient::default(),
        }
    }

    /// As this, without any provider's key: what is built from it can't spend.
    pub(crate) fn without_keys(&self) -> Self {
        let mut settings = self.settings.clone();
        settings.values = settings.values.without_keys();
        Self::new(settings)
    }

    /// Opens the database without touching it.
    pub(crate) fn database(&self) -> CommandResult<Db> {
        let config = DbConfig { path: self.settings.database.clone(), ..DbConfig::default() };
        Ok(Db::open(&config)?)
    }

    /// Opens the database and brings it up to date, as the first command that needs it does.
    pub(crate) async fn ready_database(&self) -> CommandResult<Db> {
        let db = self.database()?;
        db.migrate().await?;
        Ok(db)
    }

    pub(crate) fn catalog(&self) -> CommandResult<Arc<ModelCatalog>> {
        let Some(path) = &self.settings.models_file else { return Ok(ModelCatalog::builtin()) };
        let unreadable =
            |source| SettingsError::Unreadable { name: "MODELS_FILE", path: path.clone(), source };
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        let catalog = ModelCatalog::from_toml(&text).map_err(|error| {
            CommandError::from(error).context(format!("'{}' can't be used", path.display()))
        })?;
        Ok(Arc::new(catalog))
    }

    pub(crate) fn prompts(&self) -> PromptSource {
        self.settings.prompts_dir.clone().map_or(PromptSource::Embedded, PromptSource::Folder)
    }

    pub(crate) fn images(&self, catalog: Arc<ModelCatalog>) -> CommandResult<OpenAiImages> {
        let mut endpoint = self.endpoint(&OPENAI, self.settings.openai_base_url.as_deref());
        endpoint.timeout = self.settings.image_timeout;
        let config = OpenAiConfig { endpoint, catalog, price_override: self.settings.image.price };
        Ok(OpenAiImages::new(config)?)
    }

    pub(crate) fn texts(&self, catalog: Arc<ModelCatalog>) -> CommandResult<ClaudeClient> {
        let endpoint = self.endpoint(&ANTHROPIC, self.settings.anthropic_base_url.as_deref());
        Ok(ClaudeClient::new(endpoint, catalog)?)
    }

    fn endpoint(&self, provider: &'static Provider, base_url: Option<&str>) -> Endpoint {
        let mut endpoint = Endpoint::new(provider);
        endpoint.http = self.http.clone();
        endpoint.clock = self.clock.clone();
        if let Some(key) = self.settings.values.get(provider.key_setting) {
            endpoint = endpoint.with_key(key);
        }
        if let Some(url) = base_url {
            endpoint = endpoint.with_base_url(url);
        }
        endpoint
    }

    /// Builds what stages are given; nothing is sent and no connection is made yet.
    pub(crate) async fn context(&self, observer: Arc<dyn Observer>) -> CommandResult<StageContext> {
        let catalog = self.catalog()?;
        let settings = StageSettings {
            image: self.settings.image.clone(),
            claude_model: self.settings.claude_model.clone(),
            max_episode_cost: self.settings.max_episode_cost,
            resend_unknown: self.settings.resend_unknown,
            auto_approve_trivial: self.settings.auto_approve_trivial,
        };
        Ok(StageContext {
            db: self.ready_database().await?,
            data: self.data.clone(),
            prompts: self.prompts(),
            images: Arc::new(self.images(catalog.clone())?),
            texts: Arc::new(self.texts(catalog.clone())?),
            catalog,
            clock: self.clock.clone(),
            observer,
            interrupt: self.interrupt.clone(),
            settings,
        })
    }

    /// As [`App::context`], without an observer.
    pub(crate) async fn quiet_context(&self) -> CommandResult<StageContext> {
        self.context(Arc::new(NoObserver)).await
    }
}
