//! The texts that a stage works on, as they are on the disk.

use std::path::{Path, PathBuf};

use btcedu_artifacts::{EpisodeDir, StaleNote, read_optional, stale_note};
use btcedu_domain::{EpisodeId, Sha256Hash, Stage};

use crate::StageError;

/// The texts that a stage works on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sources {
    pub(crate) episode: EpisodeId,
    pub(crate) title: String,
    /// In the order of [`EpisodeDir::inputs_of`].
    pub(crate) texts: Vec<String>,
    /// What a reviewer asked for, where it wasn't carried out yet.
    pub(crate) feedback: Option<String>,
}

impl Sources {
    /// Returns the text that the stage works on.
    pub(crate) fn main(&self) -> &str {
        self.texts.first().map_or("", String::as_str)
    }

    /// Returns what a reviewer asked for, or nothing.
    pub(crate) fn feedback(&self) -> String {
        self.feedback.clone().unwrap_or_default()
    }
}

/// A text on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TextFile {
    pub(crate) path: PathBuf,
    pub(crate) hash: Sha256Hash,
    /// What the marker beside it says, where it is out of date.
    pub(crate) stale: Option<StaleNote>,
}

/// A text that was read, and where from.
pub(crate) struct SourceText {
    pub(crate) text: String,
    pub(crate) file: TextFile,
}

/// Reads all that a stage works on.
pub(crate) fn load_sources(dir: &EpisodeDir, stage: Stage) -> Result<Vec<SourceText>, StageError> {
    dir.inputs_of(stage).iter().map(|path| load_text(dir, path)).collect()
}

/// Reads a text that must be there, in UTF-8 and not blank.
pub(crate) fn load_text(dir: &EpisodeDir, path: &Path) -> Result<SourceText, StageError> {
    let episode = dir.id().clone();
    let Some(bytes) = read_optional(path)? else {
        let hint = "an earlier stage writes it, and `btcedu plan` shows which; or put it back";
        return Err(StageError::MissingInput { episode, path: path.to_owned(), hint });
    };
    let hash = Sha256Hash::of_bytes(&bytes);
    let problem = match String::from_utf8(bytes) {
        Ok(text) if text.trim().is_empty() => "is empty",
        Ok(text) => {
            let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
            let file = TextFile { path: path.to_owned(), hash, stale: stale_note(path)? };
            return Ok(SourceText { text, file });
        }
        Err(_not_text) => "is not text in UTF-8",
    };
    Err(StageError::BadText { episode, path: path.to_owned(), problem })
}
