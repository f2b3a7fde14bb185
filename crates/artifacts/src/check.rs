//! Whether a file is still the one that was written: by its facts if they are known, else by its hash.

use std::{fs, io, os::unix::fs::MetadataExt, path::Path};

use btcedu_domain::Sha256Hash;
use serde::{Deserialize, Serialize};

use crate::FileError;

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

impl FileFacts {
    /// Reads the facts of a file; `None` where there is none.
    ///
    /// # Errors
    /// [`FileError::Read`] for anything but "not there".
    pub fn read(path: &Path) -> Result<Option<Self>, FileError> {
        match fs::metadata(path) {
            Ok(m) => Ok(Some(Self::from(&m))),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(FileError::read(path, e)),
        }
    }

    /// Reads the facts of a file that is open; `path` is for the error.
    ///
    /// # Errors
    /// [`FileError::Read`].
    pub fn of(file: &fs::File, path: &Path) -> Result<Self, FileError> {
        file.metadata().map(|known| Self::from(&known)).map_err(|e| FileError::read(path, e))
    }
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

/// How hard to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckDepth {
    /// Believe equal facts; hash otherwise.
    Quick,
    /// Always hash.
    Full,
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileCheck {
    /// The bytes are those that were written.
    Intact,
    /// There is no such file.
    Missing,
    /// There is a file with other bytes.
    Changed,
}

/// Compares a file with the hash it should have; `known` are its facts when it was last compared.
///
/// # Errors
/// [`FileError::Read`] where the file is there and can't be read.
pub fn check_file(
    path: &Path,
    sha256: &Sha256Hash,
    known: Option<&FileFacts>,
    depth: CheckDepth,
) -> Result<FileCheck, FileError> {
    let Some(now) = FileFacts::read(path)? else { return Ok(FileCheck::Missing) };
    if depth == CheckDepth::Quick && known == Some(&now) {
        return Ok(FileCheck::Intact);
    }
    let bytes = fs::read(path).map_err(|e| FileError::read(path, e))?;
    Ok(if Sha256Hash::of_bytes(&bytes) == *sha256 { FileCheck::Intact } else { FileCheck::Changed })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::write_atomic;

    #[test]
    fn notices_a_missing_a_changed_and_an_untouched_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.png");
        let sha256 = Sha256Hash::of_bytes(b"abc");
        let check = |facts: Option<&FileFacts>, depth| check_file(&path, &sha256, facts, depth).unwrap();
        assert_eq!(check(None, CheckDepth::Quick), FileCheck::Missing);
        write_atomic(&path, b"abc").unwrap();
        let facts = FileFacts::read(&path).unwrap().unwrap();
        assert_eq!(check(Some(&facts), CheckDepth::Quick), FileCheck::Intact);
        assert_eq!(check(None, CheckDepth::Quick), FileCheck::Intact);
        write_atomic(&path, b"abd").unwrap();
        assert_eq!(check(Some(&facts), CheckDepth::Quick), FileCheck::Changed);
    }

    #[test]
    fn a_full_look_finds_what_equal_facts_hide() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.png");
        write_atomic(&path, b"abd").unwrap();
        let facts = FileFacts::read(&path).unwrap().unwrap();
        let sha256 = Sha256Hash::of_bytes(b"abc");
        assert_eq!(check_file(&path, &sha256, Some(&facts), CheckDepth::Quick).unwrap(), FileCheck::Intact);
        assert_eq!(check_file(&path, &sha256, Some(&facts), CheckDepth::Full).unwrap(), FileCheck::Changed);
    }
}
