//! The texts that a stage works on, as they are on the disk.

use std::path::{Path, PathBuf};

use btcedu_artifacts::{EpisodeDir, FileError, LoadedText, StaleNote, read_text};
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
    let (episode, path) = (dir.id().clone(), path.to_owned());
    let problem = match read_text(&dir.data(), &path) {
        Ok(Some(LoadedText { text, .. })) if text.trim().is_empty() => "is empty",
        Ok(Some(LoadedText { text, hash })) => {
            let file = TextFile { stale: dir.data().stale_note(&path)?, path, hash };
            return Ok(SourceText { text, file });
        }
        Ok(None) => {
            let hint = "an earlier stage writes it, and `btcedu plan` shows which; or put it back";
            return Err(StageError::MissingInput { episode, path, hint });
        }
        Err(FileError::NotText { .. }) => "is not text in UTF-8",
        Err(error) => return Err(error.into()),
    };
    Err(StageError::BadText { episode, path, problem })
}
