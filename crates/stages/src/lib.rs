//! What each step of the pipeline does.
//!
//! A stage gathers (reads files and rows), decides (pure) and acts. What all stages share is in `frame`:
//! the position of an episode, the run, the paid calls, the report. [`BuiltStage`] lists those that can be run.
//!
//! May use: `btcedu-domain`, `-chapters`, `-catalog`, `-pictures`, `-artifacts`,
//! `-models`, `-texts`, `-prompts`, `-imagegen`, `-clients`.
//!
//! Invariants: no call without a ledger row that fits under the cap · a picture that
//! arrived is stored before anything else happens · a stage never prints.
//!
//! # Example
//! ```
//! use btcedu_domain::Stage;
//! use btcedu_stages::{BuiltStage, Interrupt, Signal, StageFlags};
//!
//! assert_eq!(BuiltStage::of(Stage::Imagegen), Some(BuiltStage::Imagegen));
//! let flags = StageFlags { refresh: true, ..StageFlags::default() };
//! assert!(flags.chapters.is_empty());
//! let interrupt = Interrupt::default();
//! interrupt.raise(Signal::Interrupt);
//! assert_eq!(interrupt.raised(), Some(Signal::Interrupt));
//! ```

mod adapt;
mod built;
mod chapterize;
mod context;
mod correct;
mod error;
mod events;
mod frame;
pub mod imagegen;
mod interrupt;
pub mod review_tasks;
mod sources;
mod spec;
mod text;
mod translate;

pub use built::BuiltStage;
pub use context::{ImageSettings, ResendUnknown, StageContext, StageSettings, with_files};
pub use error::StageError;
pub use events::{NoObserver, Observer, StageEvent};
pub use frame::{
    Position,
    report::{
        ChapterResult, Decision, PictureCounts, PictureDetails, PicturesPreview, PlannedPicture,
        PreviewDetails, ReportDetails, StageEnd, StageFlags, StagePreview, StageReport, TextDetails,
        TextPreview,
    },
};
pub use interrupt::{Interrupt, Signal};
