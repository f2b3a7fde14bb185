//! Markers beside an output whose input has changed since.

use std::path::{Path, PathBuf};

use btcedu_domain::UtcTime;
use serde::{Deserialize, Serialize};

use crate::{DataDir, FileError, files, write_json_atomic};

/// Says that an output is out of date, and why; stands beside it as `NAME.stale`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaleMarker {
    /// The stage or review that made the output stale.
    pub invalidated_by: String,
    /// When.
    pub invalidated_at: UtcTime,
    /// Why, in words.
    pub reason: String,
}

impl StaleMarker {
    /// Marks an output; the output itself is left alone.
    ///
    /// # Errors
    /// [`FileError`] where the marker can't be written.
    pub fn write(&self, output: &Path) -> Result<(), FileError> {
        write_json_atomic(&stale_path(output), self)
    }

    /// Removes the marker of an output that has just been made.
    ///
    /// # Errors
    /// [`FileError`] where it is there and can't be removed.
    pub fn remove(output: &Path) -> Result<(), FileError> {
        files::remove_file(&stale_path(output))
    }
}

/// What the marker beside a file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaleNote {
    /// Who has marked the file: a stage, or a review; blank where that can't be read.
    pub by: String,
    /// Why.
    pub reason: String,
}

impl DataDir {
    /// Returns which stage or review says that a file is out of date and why, if a marker does.
    ///
    /// A marker that is spoiled or refused still marks the file.
    ///
    /// # Errors
    /// [`FileError::Read`] where the disk doesn't give it.
    pub fn stale_note(&self, output: &Path) -> Result<Option<StaleNote>, FileError> {
        match self.read_json::<StaleMarker>(&stale_path(output)) {
            Ok(marker) => Ok(marker.map(|m| StaleNote { by: m.invalidated_by, reason: m.reason })),
            Err(error) if error.is_refused() || matches!(error, FileError::Malformed { .. }) => {
                Ok(Some(StaleNote { by: String::new(), reason: "a marker beside it says so".to_owned() }))
            }
            Err(error) => Err(error),
        }
    }
}

/// Returns where the marker of an output stands.
pub fn stale_path(output: &Path) -> PathBuf {
    let mut name = output.as_os_str().to_owned();
    name.push(".stale");
    name.into()
}
