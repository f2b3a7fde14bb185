//! What each step of the pipeline does.
//!
//! One module per stage, each in three steps: gather (reads files and rows), decide
//! (pure), act (does what was decided). The ledger, the retry loop and the brake are
//! shared by all paid calls of all stages.
//!
//! May use: `btcedu-domain`, `-chapters`, `-catalog`, `-pictures`, `-artifacts`,
//! `-models`, `-prompts`, `-imagegen`, `-clients`.
//!
//! Invariants: no call without a ledger row that fits under the cap · a picture that
//! arrived is stored before anything else happens · a stage never prints.
//!
//! # Example
//! ```
//! use btcedu_stages::{Interrupt, Signal, imagegen::ImageGenFlags};
//!
//! let flags = ImageGenFlags { refresh: true, ..ImageGenFlags::default() };
//! assert!(flags.chapters.is_empty());
//! let interrupt = Interrupt::default();
//! interrupt.raise(Signal::Interrupt);
//! assert_eq!(interrupt.raised(), Some(Signal::Interrupt));
//! ```

mod context;
mod error;
mod events;
mod ledger;
mod retry;
mod stop;
mod text_call;

mod adapt;
mod chapterize;
mod correct;
pub mod imagegen;
pub mod review;
pub mod text;
mod translate;

pub use context::{ImageSettings, ResendUnknown, StageContext, StageSettings, with_files};
pub use error::{ErrorKind, StageError};
pub use events::{Deaf, Observer, StageEvent};
pub use retry::with_causes;
pub use stop::{Interrupt, Signal};
