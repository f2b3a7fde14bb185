//! Everything btcedu keeps in files; nothing else writes one.
//!
//! The data folder's paths, atomic writes, the lock of an episode, the store of
//! pictures with its sidecars, and the JSON documents beside them: manifest,
//! provenance, stale markers.
//!
//! May use: `btcedu-domain`, `-texts`.
//!
//! Invariants: a file appears whole or not at all · what is read is a regular file
//! inside of the workspace, of a size that fits, and no reader waits ([`DataDir::open`])
//! · a temporary file's name begins with [`TEMP_PREFIX`] · the store is never
//! overwritten · only the holder of an [`EpisodeLock`] removes leftovers.
//!
//! # Example
//! ```
//! use btcedu_artifacts::{DataDir, write_json_atomic};
//!
//! let folder = tempfile::tempdir()?;
//! let data = DataDir::new(folder.path());
//! let path = data.episode(&"abc123".parse()?).chapters();
//! write_json_atomic(&path, &serde_json::json!({"title": "Ağ"}))?;
//! let back: Option<serde_json::Value> = data.read_json(&path)?;
//! assert_eq!(back.unwrap()["title"], "Ağ");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod blocking;
mod check;
mod crash;
mod dirs;
mod disk;
mod error;
mod files;
mod fingerprint;
mod lock;
mod manifest;
mod provenance;
mod read;
mod snapshot;
mod stale;
mod store;
#[cfg(feature = "testing")]
pub mod testing;
mod text;

pub use blocking::run_blocking;
pub use check::{CheckDepth, FileCheck, FileFacts};
pub use crash::{arm_crash_points, crash_point};
pub use dirs::{DataDir, EpisodeDir};
pub use disk::{DiskKind, disk_kind, free_bytes, probe_writable};
pub use error::FileError;
pub use files::{TEMP_PREFIX, copy_atomic, remove_file, write_atomic, write_json_atomic};
pub use lock::{EpisodeLock, LockError, LockHolder};
pub use manifest::{MANIFEST_VERSION, Manifest, ManifestEntry, ManifestTotals};
pub use provenance::{ChapterProvenance, ImagegenProvenance, Provenance, TextProvenance};
pub use read::{MAX_JSON, MAX_PICTURE, MAX_TEXT};
pub use snapshot::{ChapterSnapshot, PictureSnapshot, SettingsSnapshot, TemplateSnapshot};
pub use stale::{StaleMarker, StaleNote, stale_path};
pub use store::{PictureStore, Sidecar, StagedPicture, StoreItem, StoreScan, TornPicture};
pub use text::{LoadedText, read_text};
