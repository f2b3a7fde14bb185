//! The trait that any picture provider fulfils, and what goes in and comes out.

use async_trait::async_trait;
use btcedu_domain::{Usd, UtcTime};
use bytes::Bytes;
use jiff::civil::Date;

// Passed on, since an implementation of the trait makes them.
pub use btcedu_catalog::ImageUsage;
pub use btcedu_http::{ApiFailure, FailureKind};

/// A call that brought neither a picture nor a refusal: the failure that all providers share.
pub type ImageGenError = ApiFailure;

/// Makes pictures from prompts (the brief's `generate_images`).
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait ImageGenService: Send + Sync {
    /// Makes one picture in one attempt: no retries in here.
    ///
    /// Dropping the future cancels the attempt, which may be billed all the same.
    ///
    /// # Errors
    /// [`ImageGenError`], which says what to do and what is known of the money. A refusal by
    /// the provider's content policy is an outcome.
    async fn generate_image(&self, request: &ImageRequest) -> Result<ImageOutcome, ImageGenError>;

    /// Returns what the picture should cost at most, or nothing if no price is known. No network.
    fn estimate(&self, request: &ImageRequest) -> Option<Usd>;

    /// Returns how many calls the provider takes at once.
    fn concurrency(&self) -> usize;

    /// Returns the exact body that [`generate_image`](Self::generate_image) sends. No network.
    fn request_body(&self, request: &ImageRequest) -> serde_json::Value;

    /// Asks whether the provider still serves a model, before money is spent on it.
    ///
    /// # Errors
    /// [`ImageGenError`] if it can't be asked; [`FailureKind::MissingKey`] wherever there is none.
    async fn check_model(&self, model: &str) -> Result<ModelCheck, ImageGenError>;
}

/// What to draw. Size and quality are the provider's words.
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

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageOutcome {
    /// A picture.
    Generated(GeneratedImage),
    /// A refusal by the content policy: the same prompt would be refused again.
    Rejected(Rejection),
}

/// A picture as it came (the brief's `ImageGenResponse`). The bytes aren't checked yet.
#[derive(Clone, PartialEq, Eq)]
pub struct GeneratedImage {
    /// The file, untouched.
    pub bytes: Bytes,
    /// Media type told by the first bytes, `application/octet-stream` if they say nothing.
    pub media_type: String,
    /// The model that was asked.
    pub model: String,
    /// The size that was asked for.
    pub size: String,
    /// The prompt as sent.
    pub prompt: String,
    /// The prompt as the provider rewrote it, if it says so.
    pub revised_prompt: Option<String>,
    /// When the answer was there.
    pub generated_at: UtcTime,
    /// What it cost.
    pub cost: Usd,
    /// Whether `cost` is an estimate, since the provider didn't say what it counted.
    pub cost_is_estimate: bool,
    /// What the provider counted.
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
    /// What it cost; nothing unless the answer has a usage.
    pub cost: Usd,
    /// What the provider counted.
    pub usage: Option<ImageUsage>,
    /// The provider's id of the request, for its support.
    pub request_id: Option<String>,
}

/// Whether a model can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelCheck {
    /// Not asked: the base URL is not the public API, and a gateway may serve what it likes.
    NotChecked,
    /// It works, until a day if one is known.
    Available {
        /// The first day on which it will be refused.
        shutdown_date: Option<Date>,
    },
    /// It is shut down.
    Retired {
        /// Since when.
        since: Option<Date>,
        /// What its provider names in its place.
        successor: Option<String>,
    },
    /// The provider doesn't have it for this key.
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
