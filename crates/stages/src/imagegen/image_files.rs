//! The pictures in `images/`: which bytes each has, and whether anybody would miss them.

use std::collections::BTreeMap;

use btcedu_artifacts::{CheckDepth, FileCheck, FileError, FileFacts, list_files, read_optional};
use btcedu_domain::{ChapterId, Sha256Hash};

use crate::{
    StageError,
    imagegen::gather::{AssetMetadata, Inputs, metadata_of},
};

/// `images/{chapter}.png` as it is on the disk.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ImageFile {
    pub(crate) sha256: Sha256Hash,
    /// What the file system knew of it before its bytes were read.
    pub(crate) facts: Option<FileFacts>,
    /// It decodes; looked at only where its bytes are in no stored picture.
    pub(crate) whole: bool,
}

impl Inputs {
    /// Tells whether a chapter's file has the bytes of its current picture.
    pub(crate) fn shows_current(&self, chapter: &ChapterId) -> bool {
        let current = self.current.get(chapter).and_then(|c| self.picture(c.call)).map(|p| p.sidecar.sha256);
        current.is_some() && current == self.image_files.get(chapter).map(|f| f.sha256)
    }

    /// Tells whether somebody put another picture in place of a chapter's current one.
    pub(crate) fn is_edited(&self, chapter: &ChapterId) -> bool {
        let has_current = self.current.get(chapter).is_some_and(|c| self.picture(c.call).is_some());
        has_current && !self.shows_current(chapter) && self.is_only_copy(chapter)
    }

    /// Tells whether a file is a whole picture that the store doesn't have: never to be overwritten or removed.
    pub(crate) fn is_only_copy(&self, chapter: &ChapterId) -> bool {
        self.image_files.get(chapter).is_some_and(|file| file.whole && !self.has_stored(file.sha256))
    }

    /// Tells whether a file's bytes are safe in the store.
    pub(crate) fn is_stored_copy(&self, chapter: &ChapterId) -> bool {
        self.image_files.get(chapter).is_some_and(|file| self.has_stored(file.sha256))
    }

    fn has_stored(&self, sha256: Sha256Hash) -> bool {
        self.pictures.iter().any(|p| p.sidecar.sha256 == sha256 && p.check == FileCheck::Intact)
    }
}

/// Reads which bytes each file has; a file whose facts are those of its row is believed.
pub(crate) fn load_image_files(inputs: &mut Inputs, depth: CheckDepth) -> Result<(), FileError> {
    let rows: BTreeMap<&ChapterId, AssetMetadata> =
        inputs.rows.iter().filter_map(|row| Some((row.chapter_id.as_ref()?, metadata_of(row)?))).collect();
    let mut found = BTreeMap::new();
    for path in list_files(&inputs.dir.images())? {
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let id =
            stem.filter(|_| path.extension().is_some_and(|e| e == "png")).and_then(|stem| stem.parse().ok());
        let Some(id): Option<ChapterId> = id else { continue };
        let facts = FileFacts::read(&path)?;
        let row = rows.get(&id).filter(|row| facts.is_some() && row.chapter_facts == facts);
        let sha256 = match row {
            Some(row) if depth == CheckDepth::Quick => row.sha256,
            _ => match read_optional(&path)? {
                Some(bytes) => Sha256Hash::of_bytes(&bytes),
                None => continue,
            },
        };
        found.insert(id, ImageFile { sha256, facts, whole: false });
    }
    inputs.image_files = found;
    Ok(())
}

/// Decodes the files whose bytes are in no stored picture: half a picture is nobody's work.
pub(crate) async fn find_whole(inputs: &mut Inputs) -> Result<(), StageError> {
    let ids: Vec<ChapterId> =
        inputs.image_files.keys().filter(|id| !inputs.is_stored_copy(id)).cloned().collect();
    for id in ids {
        let Some(bytes) = read_optional(&inputs.dir.chapter_picture(&id))? else { continue };
        let whole = btcedu_pictures::verify(bytes.into()).await.is_ok();
        if let Some(file) = inputs.image_files.get_mut(&id) {
            file.whole = whole;
        }
    }
    Ok(())
}
