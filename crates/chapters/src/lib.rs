//! The chapter document: its types and every rule it must keep.
//!
//! Bytes in, a [`ChapterDocument`] out, or every rule that the bytes break, each
//! with its JSON path. A JSON Schema of the same types is committed as
//! `chapters.schema.json`. No I/O: the caller reads and writes the file.
//!
//! May use: `btcedu-domain`.
//!
//! Invariants: a parsed document keeps every rule of schema 1.0 · no input makes
//! the parser panic · one walk states the rules, nothing else repeats them.
//!
//! # Example
//! ```
//! use btcedu_chapters::{ChapterError, parse};
//!
//! let text = r#"{
//!   "schema_version": "1.0", "episode_id": "abc123", "title": "Halving",
//!   "total_chapters": 1, "estimated_duration_seconds": 60,
//!   "chapters": [{
//!     "chapter_id": "ch01", "title": "Giriş", "order": 1,
//!     "narration": {"text": "Merhaba.", "word_count": 150, "estimated_duration_seconds": 60},
//!     "visual": {"type": "b_roll", "description": "Bir maden", "image_prompt": " "},
//!     "transitions": {"in": "fade", "out": "cut"}
//!   }]
//! }"#;
//! let parsed = parse(text.as_bytes())?;
//! assert_eq!(parsed.document.chapters[0].visual.own_prompt(), None);
//!
//! let Err(ChapterError::Invalid { violations }) = parse(text.replace("b_roll", "portrait").as_bytes())
//! else { unreachable!() };
//! assert_eq!(violations[0].path, "$.chapters[0].visual.type");
//! # Ok::<(), ChapterError>(())
//! ```

mod check;
mod document;
mod draft;
mod error;
mod field_schema;
mod parse;
mod schema;
mod seconds;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod walk;
mod words;

pub use document::{Chapter, ChapterDocument, Narration, Overlay, Parsed, Transitions, Visual};
pub use draft::{Draft, DraftChapter, assemble, draft_json_schema, parse_draft};
pub use error::{ChapterError, Violation};
pub use parse::{MAX_BYTES, parse, parse_for};
pub use schema::json_schema;
pub use seconds::Seconds;
pub use words::{OverlayType, TransitionType};
