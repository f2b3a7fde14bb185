//! What each model accepts, what it costs and when it retires.
//!
//! The facts are in `data/models.toml`, which is embedded here. The user can replace it with a file of the
//! same form. The code contains nothing about a single model.
//!
//! May use: `btcedu-domain`.
//!
//! Invariants: a model in the catalogue has a price for every size and quality it
//! accepts · an estimate is never below what the same call usually costs · a model
//! is never replaced by another.
//!
//! # Example
//! ```
//! use btcedu_catalog::ModelCatalog;
//!
//! let catalog = ModelCatalog::builtin();
//! let model = catalog.resolve_image("gpt-image-2.6-flare", None)?;
//! model.check_settings("1536x864", "medium", None)?;
//! assert!(model.estimate("1536x864", "medium", 400).is_some());
//!
//! let gone = catalog.resolve_image("dall-e-3", None)?;
//! assert!(gone.is_retired("2026-11-22".parse()?));
//! assert_eq!(gone.successor.as_deref(), Some("gpt-image-2.6-flare"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod builtin;
mod catalog;
mod error;
mod file;
mod image;
mod prices;
mod size;
mod speech;
mod text;

pub use catalog::ModelCatalog;
pub use error::{CatalogError, Setting, SettingProblem};
pub use image::{ImageFamily, ImageModel};
pub use prices::{ImagePrices, ImageTokenPrices, ImageUsage, SizeClassPrices, TextPrices, TextUsage};
pub use size::{ImageSize, SizeError, SizeRule};
pub use speech::SpeechModel;
pub use text::{LongInputPrices, TextModel};
