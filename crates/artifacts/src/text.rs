//! The one way to read a text: all who send, compare, hash or show it have the same.

use std::path::Path;

use btcedu_domain::Sha256Hash;
use btcedu_texts::plain;

use crate::{DataDir, FileError, MAX_TEXT};

/// A text of the workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedText {
    /// Without a byte order mark, each line ended by `\n`, whatever editor saved it.
    pub text: String,
    /// SHA-256 of the bytes of the file.
    ///
    /// Reviews and provenance are bound to these bytes: a file that is saved anew with other line ends is another
    /// file to them, though its text is the same.
    pub hash: Sha256Hash,
}

impl LoadedText {
    /// Reads bytes as a text; `path` is for the error.
    ///
    /// # Errors
    /// [`FileError::NotText`] where they aren't UTF-8.
    pub fn from_bytes(path: &Path, bytes: Vec<u8>) -> Result<Self, FileError> {
        let hash = Sha256Hash::of_bytes(&bytes);
        let text = String::from_utf8(bytes)
            .map_err(|source| FileError::NotText { path: path.to_owned(), source })?;
        Ok(Self { text: plain(&text).into_owned(), hash })
    }
}

/// Reads a text of the workspace; `None` where there is none.
///
/// # Errors
/// As [`DataDir::read`] with [`MAX_TEXT`], and [`FileError::NotText`].
pub fn read_text(data: &DataDir, path: &Path) -> Result<Option<LoadedText>, FileError> {
    match data.read(path, MAX_TEXT)? {
        Some(bytes) => LoadedText::from_bytes(path, bytes).map(Some),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::write_atomic;

    #[test]
    fn a_text_is_the_same_however_it_was_saved_and_its_hash_is_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::new(folder.path());
        let path = folder.path().join("text.txt");
        for saved in ["Ağ\n\nb\n", "\u{feff}Ağ\r\n\r\nb\r\n", "Ağ\r\rb\r"] {
            write_atomic(&path, saved.as_bytes()).unwrap();
            let loaded = read_text(&data, &path).unwrap().unwrap();
            assert_eq!(loaded.text, "Ağ\n\nb\n", "{saved:?}");
            assert_eq!(loaded.hash, Sha256Hash::of_bytes(saved.as_bytes()), "{saved:?}");
        }
        assert!(read_text(&data, &folder.path().join("none")).unwrap().is_none());
    }

    #[test]
    fn what_is_no_text_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("latin.txt");
        write_atomic(&path, b"Gr\xfc\xdfe").unwrap();
        let error = read_text(&DataDir::new(folder.path()), &path).unwrap_err();
        assert!(matches!(error, FileError::NotText { .. }), "{error:?}");
        assert!(error.to_string().contains("latin.txt"), "{error}");
    }
}
