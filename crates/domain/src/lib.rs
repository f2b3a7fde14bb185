//! Types that every layer shares.
//!
//! Ids that are safe as path parts, the closed sets of statuses, hashes over
//! canonical JSON, money in whole micro-dollars, the clock, and bounded places for
//! blocking work. No I/O.
//!
//! May use: nothing of ours.
//!
//! Invariants: an id that exists is valid · money is never a float inside ·
//! a wire string and its enum variant come from one macro.
//!
//! # Example
//! ```
//! use btcedu_domain::{ChapterId, EpisodeId, Sha256Hash, Usd};
//!
//! let episode: EpisodeId = "-QuuHAnujxk".parse()?;
//! assert!("../etc/passwd".parse::<ChapterId>().is_err());
//! assert_eq!((Usd::from_micros(80_000) * 3).to_string(), "$0.24");
//! let hash = Sha256Hash::of_value(serde_json::json!({"b": 1, "a": episode}));
//! assert_eq!(hash.to_string().len(), 64);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(feature = "tokio")]
mod blocking;
mod error;
mod failure;
mod hash;
mod ids;
mod money;
mod sql;
mod status;
mod text_enum;
mod time;

#[cfg(all(feature = "tokio", feature = "testing"))]
pub use blocking::testing;
#[cfg(feature = "tokio")]
pub use blocking::{BlockingPool, WorkStopped};
pub use error::{ErrorKind, Kinded, causes, with_causes};
pub use failure::{Billing, FailureClass};
pub use hash::{HashError, Sha256Hash};
pub use ids::{CallId, CallIdError, ChapterId, EpisodeId, EpisodeRowId, IdError, RunId};
pub use money::{Usd, UsdError};
pub use status::{
    AssetType, CallKind, CallState, EpisodeStatus, ImageStatus, PipelineVersion, PromptSource, ReviewStage,
    ReviewStatus, RunStatus, Stage, VisualType,
};
pub use text_enum::UnknownText;
#[cfg(feature = "tokio")]
pub use time::SystemClock;
pub use time::{Clock, TimeError, UtcTime};
