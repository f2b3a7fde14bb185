//! `OpenAI`'s Images API (the brief's `DallE3ImageService`), for dall-e-3 and the GPT Image family.

mod classify;
mod models;

use std::time::Duration;

use async_trait::async_trait;
use btcedu_catalog::ImageModel;
use btcedu_domain::{Billing, Usd};
use btcedu_http::{ApiFailure, DOWNLOAD_MAX_BYTES, FailureKind, Reply};
use bytes::Bytes;

use crate::{
    answer::{self, Answer, PictureData},
    config::OpenAiConfig,
    request::{render_body, shape_of},
    service::{
        GeneratedImage, ImageGenError, ImageGenService, ImageOutcome, ImageRequest, ImageUsage, ModelCheck,
    },
};

pub use models::ListedModel;

/// Size limit of an answer: a picture of 64 MiB as base64, and room for the JSON around it.
const ANSWER_MAX_BYTES: usize = DOWNLOAD_MAX_BYTES / 3 * 4 + 1024 * 1024;
/// Limit of concurrent calls. `OpenAI` documents none; ours bounds the memory of a run.
const CONCURRENCY: usize = 16;

/// Generates pictures with `OpenAI`'s Images API.
#[derive(Debug)]
pub struct OpenAiImages {
    config: OpenAiConfig,
}

impl OpenAiImages {
    /// Makes the service. It sends nothing and opens no connection before the first call.
    ///
    /// # Errors
    /// [`FailureKind::BadSetting`] for a base URL that can't be used.
    pub fn new(config: OpenAiConfig) -> Result<Self, ImageGenError> {
        config.endpoint.check()?;
        Ok(Self { config })
    }

    /// Makes a request with the default size and quality of the model.
    ///
    /// # Errors
    /// [`FailureKind::BadSetting`] for a model that has no price.
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
        self.config.catalog.resolve_image(name, self.config.price_override).map_err(|source| {
            ApiFailure::new(FailureKind::BadSetting, "the image model can't be used").caused_by(source)
        })
    }

    /// Sends the request and reads the answer. The caller limits the time.
    async fn attempt(
        &self,
        request: &ImageRequest,
        model: &ImageModel,
    ) -> Result<ImageOutcome, ImageGenError> {
        let body = self.request_body(request);
        let endpoint = &self.config.endpoint;
        let call = endpoint
            .post_json("images/generations", &body)?
            .bearer(endpoint.key()?)
            .max_bytes(ANSWER_MAX_BYTES);
        let reply = endpoint.send(&call).await.map_err(|failure| match failure.kind {
            FailureKind::TimedOut => timed_out(endpoint.timeout),
            _ => failure,
        })?;
        if !reply.is_success() {
            return self.rejection_or_failure(&reply, request, model);
        }
        let request_id = reply.request_id.clone();
        let no_picture = |problem: String| {
            let words = format!("OpenAI's answer holds no picture: {problem}; it may be billed all the same");
            ApiFailure::new(FailureKind::BadAnswer, words).with_request_id(request_id.clone())
        };
        #[expect(
            clippy::disallowed_methods,
            reason = "reading a large answer takes milliseconds, and other calls go on meanwhile"
        )]
        let read = tokio::task::spawn_blocking(move || answer::read(reply.body));
        let Answer { picture, revised_prompt, usage } =
            read.await.unwrap_or_else(|ended| Err(ended.to_string())).map_err(no_picture)?;
        let bytes = match picture {
            PictureData::Bytes(bytes) => bytes,
            PictureData::Url(url) => self.download(&url, request_id.clone()).await?,
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
            generated_at: endpoint.clock.now(),
            cost,
            cost_is_estimate,
            usage,
            request_id,
        }))
    }

    async fn download(&self, url: &str, request_id: Option<String>) -> Result<Vec<u8>, ImageGenError> {
        match self.config.endpoint.download(url, DOWNLOAD_MAX_BYTES).await {
            Ok(file) => Ok(file.body),
            Err(failure) => Err(ApiFailure {
                words: "the picture was made but not fetched".to_owned(),
                billing: Billing::MaybeBilled,
                request_id,
                ..failure
            }),
        }
    }

    /// Returns the cost of the picture, and whether that is an estimate.
    fn cost(&self, request: &ImageRequest, model: &ImageModel, usage: Option<ImageUsage>) -> (Usd, bool) {
        match usage.and_then(|usage| model.cost_of(usage)) {
            Some(cost) => (cost, false),
            // There is a price: settings without one are refused before anything is sent.
            None => (self.estimate(request).unwrap_or_default(), !model.has_fixed_price()),
        }
    }

    fn rejection_or_failure(
        &self,
        reply: &Reply,
        request: &ImageRequest,
        model: &ImageModel,
    ) -> Result<ImageOutcome, ImageGenError> {
        let reply = self.config.endpoint.read_error(reply);
        match classify::rejection(&reply, model) {
            Some(rejection) => Ok(ImageOutcome::Rejected(rejection)),
            None => Err(classify::failure(reply, &request.model, model.successor.as_deref())),
        }
    }
}

#[async_trait]
impl ImageGenService for OpenAiImages {
    async fn generate_image(&self, request: &ImageRequest) -> Result<ImageOutcome, ImageGenError> {
        let model = self.model(&request.model)?;
        let style = request.style.as_deref().filter(|_| !model.styles.is_empty());
        let settings = model.check_settings(&request.size, &request.quality, style);
        settings.map_err(|problem| ApiFailure::new(FailureKind::BadSetting, problem.to_string()))?;
        self.config.endpoint.key()?;
        let after = self.config.endpoint.timeout;
        // One time limit for the call and its download together.
        let attempt = tokio::time::timeout(after, self.attempt(request, &model));
        attempt.await.unwrap_or_else(|_elapsed| Err(timed_out(after)))
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
        if self.config.endpoint.is_public() {
            return self.ask_about_model(model).await;
        }
        self.config.endpoint.key()?;
        Ok(ModelCheck::NotChecked)
    }
}

/// The failure of an attempt that took longer than `IMAGE_GEN_TIMEOUT_SECONDS`.
fn timed_out(after: Duration) -> ApiFailure {
    let seconds = after.as_secs();
    let hint = "raise IMAGE_GEN_TIMEOUT_SECONDS if that is too short";
    ApiFailure::new(FailureKind::TimedOut, format!("no picture came within {seconds} s; {hint}"))
}
