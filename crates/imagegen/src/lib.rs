//! Pictures from a text prompt: the service trait and `OpenAI`'s Images API.
//!
//! A call takes a request and returns an outcome with its cost. This crate knows no episodes,
//! files or databases: the caller decides what to draw and where to keep it.
//!
//! May use: `btcedu-domain`, `btcedu-catalog`, `btcedu-http`.
//!
//! Invariants: a refusal is an outcome, not an error · one attempt per call, no
//! retries · nothing is sent without a key · no secret in any `Debug` or error.
//!
//! # Example
//! ```no_run
//! use btcedu_imagegen::{ImageGenService, ImageOutcome, OpenAiConfig, OpenAiImages};
//!
//! # async fn draw() -> Result<(), btcedu_imagegen::ImageGenError> {
//! let config = OpenAiConfig::default().with_key("sk-…").with_base_url("http://127.0.0.1:8080");
//! let service = OpenAiImages::new(config)?;
//! let request = service.request("gpt-image-2.6-flare", "A chain of golden blocks")?;
//! println!("at most {}", service.estimate(&request).unwrap_or_default());
//! match service.generate_image(&request).await? {
//!     ImageOutcome::Generated(picture) => println!("{} bytes for {}", picture.bytes.len(), picture.cost),
//!     ImageOutcome::Rejected(rejection) => println!("refused: {}", rejection.reason),
//! }
//! # Ok(())
//! # }
//! ```

mod answer;
mod config;
mod openai;
mod request;
mod service;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use config::{OPENAI, OpenAiConfig};
pub use openai::{ListedModel, OpenAiImages};
#[cfg(feature = "mock")]
pub use service::MockImageGenService;
pub use service::{
    ApiFailure, FailureKind, GeneratedImage, ImageGenError, ImageGenService, ImageOutcome, ImageRequest,
    ImageUsage, ModelCheck, Rejection,
};
