//! The trait that every picture provider implements, with its requests and outcomes.

use async_trait::async_trait;
use btcedu_domain::{Usd, UtcTime};
use bytes::Bytes;
use jiff::civil::Date;

// Passed on, since an implementation of the trait makes them.
pub use btcedu_catalog::ImageUsage;
pub use btcedu_http::{ApiFailure, FailureKind};

/// Why there is neither a picture nor a refusal. All providers share this type.
pub type ImageGenError = ApiFailure;

/// Generates pictures from prompts (the brief's `generate_images`).
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait ImageGenService: Send + Sync {
    /// Generates one picture in one attempt, without retries.
    ///
    /// Dropping the future cancels the attempt; it may be billed nevertheless.
    ///
    /// # Errors
    /// [`ImageGenError`], which says what to do and whether the attempt may be billed. A refusal
    /// by the provider's content policy is not an error but an outcome.
    async fn generate_image(&self, request: &ImageRequest) -> Result<ImageOutcome, ImageGenError>;

    /// Returns the highest cost of the picture, or `None` if its price is unknown. No network.
    fn estimate(&self, request: &ImageRequest) -> Option<Usd>;

    /// Returns how many calls may run at the same time.
    fn concurrency(&self) -> usize;

    /// Returns the exact body that [`generate_image`](Self::generate_image) sends. No network.
    fn request_body(&self, request: &ImageRequest) -> serde_json::Value;

    /// Asks whether the provider still serves a model, before money is spent on it.
    ///
    /// # Errors
    /// [`ImageGenError`] if the provider can't be asked; [`FailureKind::MissingKey`] without a key.
    async fn check_model(&self, model: &str) -> Result<ModelCheck, ImageGenError>;
}

/// What to draw. Size and quality are written as the provider writes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageRequest {
    /// The text that is sent.
    pub prompt: String,
    /// The model's name.
    pub model: String,
    /// Size in pixels, like `1536x864`.
    pub size: String,
    /// Quality, like `medium`.
    pub quality: String,
    /// Style; sent only to a model that takes one.
    pub style: Option<String>,
}

/// The outcome of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageOutcome {
    /// A picture.
    Generated(GeneratedImage),
    /// A refusal by the content policy: the same prompt would be refused again.
    Rejected(Rejection),
}

/// A generated picture (the brief's `ImageGenResponse`). Its bytes aren't checked yet.
#[derive(Clone, PartialEq, Eq)]
pub struct GeneratedImage {
    /// The file, unchanged.
    pub bytes: Bytes,
    /// Media type, read from the first bytes; `application/octet-stream` if it is unknown.
    pub media_type: String,
    /// The model of the request.
    pub model: String,
    /// The size of the request.
    pub size: String,
    /// The prompt of the request.
    pub prompt: String,
    /// The prompt as the provider rewrote it, if the answer has it.
    pub revised_prompt: Option<String>,
    /// When the answer arrived.
    pub generated_at: UtcTime,
    /// What it cost.
    pub cost: Usd,
    /// Whether `cost` is an estimate, because the answer has no usage.
    pub cost_is_estimate: bool,
    /// The tokens that the provider counted.
    pub usage: Option<ImageUsage>,
    /// The provider's id of the request, for its support.
    pub request_id: Option<String>,
}

/// A refusal by the content policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The provider's words, without secrets.
    pub reason: String,
    /// The provider's code, like `moderation_blocked`.
    pub code: Option<String>,
    /// What it cost; zero if the answer has no usage.
    pub cost: Usd,
    /// The tokens that the provider counted.
    pub usage: Option<ImageUsage>,
    /// The provider's id of the request, for its support.
    pub request_id: Option<String>,
}

/// Whether a model can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelCheck {
    /// The provider was not asked: the base URL is a gateway, which may serve other models.
    NotChecked,
    /// It works.
    Available {
        /// The first day on which it will be refused, if one is known.
        shutdown_date: Option<Date>,
    },
    /// It is shut down.
    Retired {
        /// Since when.
        since: Option<Date>,
        /// The model that its provider recommends instead.
        successor: Option<String>,
    },
    /// The provider doesn't offer it to this key.
    Missing,
}

impl std::fmt::Debug for GeneratedImage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GeneratedImage")
            .field("bytes", &self.bytes.len())
            .field("media_type", &self.media_type)
            .field("model", &self.model)
            .field("size", &self.size)
            .field("prompt", &self.prompt)
            .field("cost", &self.cost)
            .field("cost_is_estimate", &self.cost_is_estimate)
            .field("usage", &self.usage)
            .field("request_id", &self.request_id)
            .finish_non_exhaustive()
    }
}
