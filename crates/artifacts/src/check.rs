//! Tells whether a file is still the one that was written: by its facts if they are known, else by its hash.

use std::{fs, os::unix::fs::MetadataExt, path::Path};

use btcedu_domain::Sha256Hash;
use serde::{Deserialize, Serialize};

use crate::{DataDir, FileError, MAX_PICTURE};

/// What a file system knows of a file; equal facts mean an untouched file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFacts {
    /// Size in bytes.
    pub size_bytes: u64,
    /// Time of the last change, in nanoseconds since 1970.
    pub mtime_ns: i64,
    /// Inode number.
    pub inode: u64,
}

impl From<&fs::Metadata> for FileFacts {
    fn from(known: &fs::Metadata) -> Self {
        Self {
            size_bytes: known.size(),
            mtime_ns: known.mtime().saturating_mul(1_000_000_000).saturating_add(known.mtime_nsec()),
            inode: known.ino(),
        }
    }
}

/// How thoroughly to check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckDepth {
    /// Trust equal facts; hash the file otherwise.
    Quick,
    /// Always hash the file.
    Full,
}

/// The state of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileCheck {
    /// The bytes are those that were written.
    Intact,
    /// There is no such file.
    Missing,
    /// There is a file with other bytes.
    Changed,
}

impl DataDir {
    /// Returns what the file system knows of a file; `None` where there is none.
    ///
    /// # Errors
    /// As [`DataDir::metadata`].
    pub fn facts(&self, path: &Path) -> Result<Option<FileFacts>, FileError> {
        Ok(self.metadata(path)?.as_ref().map(FileFacts::from))
    }

    /// Compares a picture with the hash it should have; `known` are its facts when it was last compared.
    ///
    /// What is no regular file, leads out of the workspace or is too large counts as changed.
    ///
    /// # Errors
    /// [`FileError::Read`] where the file is there and can't be read.
    pub fn check(
        &self,
        path: &Path,
        sha256: &Sha256Hash,
        known: Option<&FileFacts>,
        depth: CheckDepth,
    ) -> Result<FileCheck, FileError> {
        match self.compare(path, sha256, known, depth) {
            Err(error) if error.is_refused() => Ok(FileCheck::Changed),
            other => other,
        }
    }

    fn compare(
        &self,
        path: &Path,
        sha256: &Sha256Hash,
        known: Option<&FileFacts>,
        depth: CheckDepth,
    ) -> Result<FileCheck, FileError> {
        let Some(now) = self.facts(path)? else { return Ok(FileCheck::Missing) };
        if depth == CheckDepth::Quick && known == Some(&now) {
            return Ok(FileCheck::Intact);
        }
        Ok(match self.hash(path, MAX_PICTURE)? {
            Some(hash) if hash == *sha256 => FileCheck::Intact,
            Some(_other) => FileCheck::Changed,
            None => FileCheck::Missing,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::write_atomic;

    #[test]
    fn notices_a_missing_a_changed_and_an_untouched_file() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::new(folder.path());
        let path = folder.path().join("x.png");
        let sha256 = Sha256Hash::of_bytes(b"abc");
        let check = |facts: Option<&FileFacts>, depth| data.check(&path, &sha256, facts, depth).unwrap();
        assert_eq!(check(None, CheckDepth::Quick), FileCheck::Missing);
        write_atomic(&path, b"abc").unwrap();
        let facts = data.facts(&path).unwrap().unwrap();
        assert_eq!(check(Some(&facts), CheckDepth::Quick), FileCheck::Intact);
        assert_eq!(check(None, CheckDepth::Quick), FileCheck::Intact);
        write_atomic(&path, b"abd").unwrap();
        assert_eq!(check(Some(&facts), CheckDepth::Quick), FileCheck::Changed);
    }

    #[test]
    fn a_full_look_finds_what_equal_facts_hide() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::new(folder.path());
        let path = folder.path().join("x.png");
        write_atomic(&path, b"abd").unwrap();
        let facts = data.facts(&path).unwrap().unwrap();
        let sha256 = Sha256Hash::of_bytes(b"abc");
        let check = |depth| data.check(&path, &sha256, Some(&facts), depth).unwrap();
        assert_eq!(check(CheckDepth::Quick), FileCheck::Intact);
        assert_eq!(check(CheckDepth::Full), FileCheck::Changed);
    }

    #[test]
    fn what_stands_in_a_pictures_place_counts_as_changed() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::new(folder.path());
        let sha256 = Sha256Hash::of_bytes(b"abc");
        let (place, zero) = (folder.path().join("folder.png"), folder.path().join("zero.png"));
        fs::create_dir(&place).unwrap();
        std::os::unix::fs::symlink("/dev/zero", &zero).unwrap();
        for path in [place, zero] {
            assert_eq!(data.check(&path, &sha256, None, CheckDepth::Quick).unwrap(), FileCheck::Changed);
        }
    }
}
