//! Small copies of pictures: kept on the disk and in memory, and made once for all who ask at the same time.

use std::{io::Read, path::PathBuf};

use btcedu_artifacts::{DataDir, EpisodeDir, FileError, MAX_PICTURE, run_blocking, write_atomic};
use btcedu_domain::Sha256Hash;
use bytes::Bytes;
use quick_cache::{Weighter, sync::Cache};

use crate::{error::WebError, hashes::OpenPicture};

/// What the copies in memory may take together, in bytes: some 300 of them.
const MAX_BYTES: u64 = 4 * 1024 * 1024;
const USUAL_COPIES: usize = 300;

/// The small copies in memory, by the hash of their picture.
pub(crate) struct Thumbnails(Cache<Sha256Hash, Bytes, ByBytes>);

#[derive(Clone)]
struct ByBytes;

impl Weighter<Sha256Hash, Bytes> for ByBytes {
    fn weight(&self, _hash: &Sha256Hash, copy: &Bytes) -> u64 {
        u64::try_from(copy.len()).unwrap_or(u64::MAX)
    }
}

impl Thumbnails {
    pub(crate) fn new() -> Self {
        Self(Cache::with_weighter(USUAL_COPIES, MAX_BYTES, ByBytes))
    }

    /// Returns the small copy of a picture: from memory, from the disk, or made now.
    ///
    /// # Errors
    /// [`WebError::NotFound`] where the file is no picture or is changed meanwhile, else a file's.
    pub(crate) async fn get_or_make(
        &self,
        dir: &EpisodeDir,
        picture: OpenPicture,
    ) -> Result<Bytes, WebError> {
        let hash = picture.hash;
        let place = Place { data: dir.data(), path: dir.thumbnail(&hash) };
        self.0.get_or_insert_async(&hash, load_or_make(place, picture)).await
    }
}

async fn load_or_make(place: Place, picture: OpenPicture) -> Result<Bytes, WebError> {
    let hash = picture.hash;
    let (place, bytes) = match run_blocking(move || place.load(picture)).await?? {
        Loaded::Copy(copy) => return Ok(copy),
        Loaded::Picture { place, bytes } => (place, bytes),
    };
    if Sha256Hash::of_bytes(&bytes) != hash {
        return Err(WebError::NotFound(
            "the picture was changed while it was read; load the page anew".to_owned(),
        ));
    }
    let made = btcedu_pictures::thumbnail(bytes).await;
    let copy = made.map_err(|error| WebError::NotFound(format!("there is no small copy: {error}")))?;
    let kept = copy.clone();
    run_blocking(move || place.keep(&kept)).await?;
    Ok(copy)
}

/// Where a small copy stands on the disk.
struct Place {
    data: DataDir,
    path: PathBuf,
}

/// What a small copy is answered from.
enum Loaded {
    /// The copy itself.
    Copy(Bytes),
    /// The picture to make it of, and where to keep it.
    Picture { place: Place, bytes: Bytes },
}

impl Place {
    fn load(self, picture: OpenPicture) -> Result<Loaded, FileError> {
        if let Some(copy) = self.data.read(&self.path, MAX_PICTURE)? {
            return Ok(Loaded::Copy(copy.into()));
        }
        let mut bytes = Vec::new();
        let read = picture.file.take(MAX_PICTURE).read_to_end(&mut bytes);
        read.map_err(|source| FileError::Read { path: picture.path, source })?;
        Ok(Loaded::Picture { place: self, bytes: bytes.into() })
    }

    fn keep(&self, copy: &[u8]) {
        let kept = self.data.check_inside(&self.path).and_then(|()| write_atomic(&self.path, copy));
        if let Err(error) = kept {
            // The visitor gets the copy all the same, also where the disk is full or can't be written.
            tracing::warn!(%error, "the small copy can't be kept, so it is made again next time");
        }
    }
}
