//! `OpenAI`'s Images API (the brief's `DallE3ImageService`), for dall-e-3 and the GPT Image family.

mod classify;
mod models;

use std::fmt;

use async_trait::async_trait;
use btcedu_catalog::ImageModel;
use btcedu_domain::Usd;
use btcedu_http::{ApiRequest, BaseUrl, DOWNLOAD_MAX_BYTES, Reply};
use bytes::Bytes;
use secrecy::{ExposeSecret, SecretString};

use crate::{
    answer::{self, Answer, PictureData},
    config::OpenAiConfig,
    error::ImageGenError,
    request::{render_body, shape_of},
    service::{GeneratedImage, ImageGenService, ImageOutcome, ImageRequest, ImageUsage, ModelCheck},
};

pub use models::ListedModel;

const PUBLIC_API: &str = "https://api.openai.com/v1";
const PUBLIC_HOST: &str = "api.openai.com";
/// A picture of 64 MiB as base64, and some room for the JSON around it.
const ANSWER_MAX_BYTES: usize = DOWNLOAD_MAX_BYTES / 3 * 4 + 1024 * 1024;
/// `OpenAI` documents no limit on open connections; this keeps the memory of a run in bounds.
const CONCURRENCY: usize = 16;

/// Makes pictures with `OpenAI`'s Images API.
pub struct OpenAiImages {
    config: OpenAiConfig,
    base: BaseUrl,
}

impl OpenAiImages {
    /// Makes the service. Nothing is sent, and no client set up, before the first call.
    ///
    /// # Errors
    /// [`ImageGenError::BadBaseUrl`] for a base URL that can't be used.
    pub fn new(config: OpenAiConfig) -> Result<Self, ImageGenError> {
        let base = config.base_url.as_deref().unwrap_or(PUBLIC_API).parse()?;
        Ok(Self { config, base })
    }

    /// Makes a request with the model's own size and quality.
    ///
    /// # Errors
    /// [`ImageGenError::UnknownModel`] for a model that has no price.
    pub fn request(&self, model: &str, prompt: &str) -> Result<ImageRequest, ImageGenError> {
        let model = self.model(model)?;
        Ok(ImageRequest {
            prompt: prompt.to_owned(),
            model: model.id,
            size: model.default_size.to_string(),
            quality: model.default_quality,
            style: None,
        })
    }

    fn model(&self, name: &str) -> Result<ImageModel, ImageGenError> {
        Ok(self.config.catalog.resolve_image(name, self.config.price_override)?)
    }

    fn is_public(&self) -> bool {
        self.base.is_host(PUBLIC_HOST)
    }

    fn key(&self) -> Result<&SecretString, ImageGenError> {
        self.config.api_key.as_ref().ok_or(ImageGenError::MissingKey)
    }

    /// Takes keys out of a provider's words.
    fn clean(&self, text: &str) -> String {
        btcedu_http::redact(text, self.config.api_key.as_ref().map(ExposeSecret::expose_secret))
    }

    /// Sends the request and reads what came, without a limit of time of its own.
    async fn attempt(
        &self,
        request: &ImageRequest,
        model: &ImageModel,
    ) -> Result<ImageOutcome, ImageGenError> {
        let body = self.request_body(request);
        let call = ApiRequest::post_json(&self.base, "images/generations", &body, self.config.timeout)
            .bearer(self.key()?)
            .max_bytes(ANSWER_MAX_BYTES);
        let reply = self.config.http.send(&call).await.map_err(ImageGenError::from_transport)?;
        if !reply.is_success() {
            return self.refusal_or_error(&reply, request, model);
        }
        let request_id = reply.request_id.clone();
        let no_picture = |problem| ImageGenError::NoPicture { problem, request_id: request_id.clone() };
        #[expect(clippy::disallowed_methods, reason = "others' bytes go on arriving while an answer is read")]
        let read = tokio::task::spawn_blocking(move || answer::read(reply.body));
        let Answer { picture, revised_prompt, usage } =
            read.await.unwrap_or_else(|ended| Err(ended.to_string())).map_err(no_picture)?;
        let bytes = match picture {
            PictureData::Bytes(bytes) => bytes,
            PictureData::Url(url) => self.download(&url, request_id.as_deref()).await?,
        };
        if bytes.is_empty() {
            return Err(no_picture("the file is empty".to_owned()));
        }
        let (cost, cost_is_estimate) = self.cost(request, model, usage);
        Ok(ImageOutcome::Generated(GeneratedImage {
            media_type: answer::media_type_of(&bytes).to_owned(),
            bytes: Bytes::from(bytes),
            model: request.model.clone(),
            size: request.size.clone(),
            prompt: request.prompt.clone(),
            revised_prompt,
            generated_at: self.config.clock.now(),
            cost,
            cost_is_estimate,
            usage,
            request_id,
        }))
    }

    async fn download(&self, url: &str, request_id: Option<&str>) -> Result<Vec<u8>, ImageGenError> {
        let OpenAiConfig { http, timeout, clock, .. } = &self.config;
        let fetched = http.download(&self.base, url, *timeout, DOWNLOAD_MAX_BYTES, &**clock).await;
        let failed = |source| ImageGenError::Download { source, request_id: request_id.map(str::to_owned) };
        Ok(fetched.map_err(failed)?.body)
    }

    /// Returns what the picture cost, and whether that is an estimate.
    fn cost(&self, request: &ImageRequest, model: &ImageModel, usage: Option<ImageUsage>) -> (Usd, bool) {
        match usage.and_then(|usage| model.cost_of(usage)) {
            Some(cost) => (cost, false),
            // Settings without a price were refused before anything was sent.
            None => (self.estimate(request).unwrap_or_default(), !model.has_fixed_price()),
        }
    }

    fn refusal_or_error(
        &self,
        reply: &Reply,
        request: &ImageRequest,
        model: &ImageModel,
    ) -> Result<ImageOutcome, ImageGenError> {
        let failure = classify::Failure::read(reply, self.config.clock.now(), |text| self.clean(text));
        match failure.rejection(model) {
            Some(rejection) => Ok(ImageOutcome::Rejected(rejection)),
            None => Err(failure.into_error(&request.model, model.successor.as_deref(), &self.base.host())),
        }
    }
}

#[async_trait]
impl ImageGenService for OpenAiImages {
    async fn generate_image(&self, request: &ImageRequest) -> Result<ImageOutcome, ImageGenError> {
        let model = self.model(&request.model)?;
        let style = request.style.as_deref().filter(|_| !model.styles.is_empty());
        model.check_settings(&request.size, &request.quality, style)?;
        self.key()?;
        let after = self.config.timeout;
        // One limit over call and download together.
        let attempt = tokio::time::timeout(after, self.attempt(request, &model));
        attempt.await.unwrap_or(Err(ImageGenError::TimedOut { after }))
    }

    fn estimate(&self, request: &ImageRequest) -> Option<Usd> {
        let model = self.model(&request.model).ok()?;
        model.estimate(&request.size, &request.quality, request.prompt.chars().count())
    }

    fn concurrency(&self) -> usize {
        CONCURRENCY
    }

    fn request_body(&self, request: &ImageRequest) -> serde_json::Value {
        let (family, takes_style) = shape_of(self.config.catalog.image(&request.model), &request.model);
        render_body(request, family, takes_style)
    }

    async fn check_model(&self, model: &str) -> Result<ModelCheck, ImageGenError> {
        if self.is_public() {
            return self.ask_about_model(model).await;
        }
        self.key()?;
        Ok(ModelCheck::NotChecked)
    }
}

impl fmt::Debug for OpenAiImages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAiImages").field("base", &self.base).finish_non_exhaustive()
    }
}
