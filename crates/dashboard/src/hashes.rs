//! Hashes of pictures, computed once for each state of a file.

use std::{
    fs::File,
    io::{Read, Seek},
    path::{Path, PathBuf},
    sync::Arc,
};

use btcedu_artifacts::{DataDir, FileError, FileFacts, MAX_PICTURE};
use btcedu_domain::Sha256Hash;
use quick_cache::sync::Cache;

/// So many hashes are remembered, each about 200 bytes.
const MAX_HASHES: usize = 20_000;

/// What is known of the pictures' files; clones share it.
#[derive(Clone)]
pub(crate) struct PictureHashes(Arc<Cache<PathBuf, HashedFile>>);

#[derive(Clone, Copy)]
struct HashedFile {
    facts: FileFacts,
    hash: Sha256Hash,
}

/// A picture's file that is open at its beginning, with the hash of its bytes.
pub(crate) struct OpenPicture {
    pub(crate) path: PathBuf,
    pub(crate) file: File,
    pub(crate) hash: Sha256Hash,
}

impl PictureHashes {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Cache::new(MAX_HASHES)))
    }

    /// Opens a picture and hashes it, unless that was done since it was last changed; `None` where there is none.
    ///
    /// # Errors
    /// [`FileError`] of a file that is refused, or can't be read.
    pub(crate) fn open(&self, data: &DataDir, path: &Path) -> Result<Option<OpenPicture>, FileError> {
        // Opened each time: a link may have taken the file's place.
        let Some(mut file) = data.open(path)? else { return Ok(None) };
        let failed = |source| FileError::Read { path: path.to_owned(), source };
        let facts = FileFacts::from(&file.metadata().map_err(failed)?);
        if let Some(known) = self.0.get(path).filter(|known| known.facts == facts) {
            return Ok(Some(OpenPicture { path: path.to_owned(), file, hash: known.hash }));
        }
        if facts.size_bytes > MAX_PICTURE {
            return Err(FileError::TooLarge { path: path.to_owned(), limit: MAX_PICTURE });
        }
        let hash = Sha256Hash::of_reader((&mut file).take(MAX_PICTURE)).map_err(failed)?;
        file.rewind().map_err(failed)?;
        self.0.insert(path.to_owned(), HashedFile { facts, hash });
        Ok(Some(OpenPicture { path: path.to_owned(), file, hash }))
    }

    /// Returns a picture's hash; `None` where there is no picture.
    ///
    /// # Errors
    /// As [`PictureHashes::open`].
    pub(crate) fn hash_of(&self, data: &DataDir, path: &Path) -> Result<Option<Sha256Hash>, FileError> {
        Ok(self.open(data, path)?.map(|picture| picture.hash))
    }
}
