//! `images/{chapter}.png`, which gives way to another picture.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use btcedu_artifacts::{DataDir, EpisodeDir, FileError, FileFacts, MAX_PICTURE};
use btcedu_domain::{ChapterId, Sha256Hash};

use crate::imagegen::facts::Shelf;

/// A chapter's file, and what is known of the bytes in it.
#[derive(Debug)]
pub(crate) struct ChapterFile {
    data: DataDir,
    path: PathBuf,
    /// What the file system knew of it when it was looked at; none where it wasn't there.
    facts: Option<FileFacts>,
    /// A whole picture stood there that the store doesn't have.
    is_only_copy: bool,
    /// The pictures that the store has.
    stored: BTreeSet<Sha256Hash>,
}

impl ChapterFile {
    pub(crate) fn of(dir: &EpisodeDir, shelf: &Shelf, chapter: &ChapterId) -> Self {
        Self {
            data: dir.data(),
            path: dir.chapter_picture(chapter),
            facts: shelf.image_files.get(chapter).and_then(|file| file.facts),
            is_only_copy: shelf.is_only_copy(chapter),
            stored: shelf.pictures.iter().map(|picture| picture.sidecar.sha256).collect(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Copies what stands there to `CHAPTER.edited-HASH.png`, where it is a person's: found so, or put there
    /// since the run has looked.
    pub(crate) fn keep_what_is_nowhere_else(&self) -> Result<(), FileError> {
        let is_as_found = self.data.facts(&self.path)? == self.facts;
        let is_theirs = if is_as_found {
            self.is_only_copy
        } else {
            let now = self.data.hash(&self.path, MAX_PICTURE)?;
            now.is_some_and(|now| !self.stored.contains(&now))
        };
        if is_theirs && let Some(kept) = self.data.keep_edited(&self.path)? {
            tracing::warn!(kept = %kept.display(), "a picture that was edited by hand is kept beside");
        }
        Ok(())
    }
}
