//! Markers beside an output whose input has changed since.

use std::path::{Path, PathBuf};

use btcedu_domain::UtcTime;
use serde::{Deserialize, Serialize};

use crate::{FileError, files, write_json_atomic};

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

/// Returns where the marker of an output stands.
pub fn stale_path(output: &Path) -> PathBuf {
    let mut name = output.as_os_str().to_owned();
    name.push(".stale");
    name.into()
}
