//! Everything btcedu keeps in files; nothing else writes one.
//!
//! The data folder's paths, atomic writes, the lock of an episode, the store of
//! pictures with its sidecars, and the JSON documents beside them: manifest,
//! provenance, stale markers.
//!
//! May use: `btcedu-domain`, `-texts`.
//!
//! Invariants: a file appears whole or not at all · a temporary file's name begins
//! with [`TEMP_PREFIX`] · the store is never overwritten · only the holder of an
//! [`EpisodeLock`] removes leftovers.
//!
//! # Example
//! ```
//! use btcedu_artifacts::{DataDir, read_json, write_json_atomic};
//!
//! let folder = tempfile::tempdir()?;
//! let episode = DataDir::new(folder.path()).episode(&"abc123".parse()?);
//! write_json_atomic(&episode.chapters(), &serde_json::json!({"title": "Ağ"}))?;
//! let back: Option<serde_json::Value> = read_json(&episode.chapters())?;
//! assert_eq!(back.unwrap()["title"], "Ağ");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod check;
mod crash;
mod dirs;
mod disk;
mod error;
mod files;
mod fingerprint;
mod inside;
mod lock;
mod manifest;
mod provenance;
mod snapshot;
mod stale;
mod store;
mod text;

pub use check::{CheckDepth, FileCheck, FileFacts, check_file};
pub use crash::{arm_crash_points, crash_point};
pub use dirs::{DataDir, EpisodeDir};
pub use disk::{DiskKind, disk_kind, free_bytes, probe_writable};
pub use error::FileError;
pub use files::{
    TEMP_PREFIX, copy_atomic, keep_edited, leftovers, list_files, read_json, read_optional, remove_file,
    write_atomic, write_json_atomic,
};
pub use lock::{EpisodeLock, LockError, LockHolder};
pub use manifest::{MANIFEST_VERSION, Manifest, ManifestEntry, ManifestTotals};
pub use provenance::{ChapterProvenance, ImagegenProvenance, Provenance, TextProvenance};
pub use snapshot::{ChapterSnapshot, PictureSnapshot, SettingsSnapshot, TemplateSnapshot};
pub use stale::{StaleMarker, StaleNote, stale_note, stale_path};
pub use store::{PictureStore, Sidecar, StagedPicture, StoreItem, StoreScan, TornPicture};
pub use text::{LoadedText, MAX_TEXT, read_text};
