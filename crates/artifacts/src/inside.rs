//! Reading for people who aren't at this machine: only what is in the workspace, and not without end.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

#[cfg(target_os = "linux")]
use rustix::fs::ResolveFlags;
use rustix::fs::{Mode, OFlags};
use serde::de::DeserializeOwned;

use crate::{DataDir, FileError};

impl DataDir {
    /// Opens a file for reading; `None` where there is none, or something that is no file.
    ///
    /// # Errors
    /// [`FileError::LeadsOut`] where a link on the way leads out of the workspace, else [`FileError::Read`].
    pub fn open_inside(&self, path: &Path) -> Result<Option<File>, FileError> {
        let failed = |source: io::Error| FileError::read(path, source);
        let opened = match open_beneath(self.root(), path) {
            Some(opened) => opened,
            None => self.open_resolved(path)?,
        };
        let file = match opened {
            Ok(file) => file,
            Err(error) if is_missing(&error) => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        Ok(Some(file).filter(|file| file.metadata().is_ok_and(|known| known.is_file())))
    }

    /// Finds out where a path leads before it is opened.
    fn open_resolved(&self, path: &Path) -> Result<io::Result<File>, FileError> {
        let failed = |source: io::Error| FileError::read(path, source);
        let real = match fs::canonicalize(path) {
            Ok(real) => real,
            Err(error) => return Ok(Err(error)),
        };
        let root = fs::canonicalize(self.root()).map_err(failed)?;
        if !real.starts_with(&root) {
            return Err(FileError::LeadsOut { path: path.to_owned() });
        }
        Ok(open_without_waiting(&real))
    }

    /// Checks that a file that is written here ends up in the workspace, whether it is there or not.
    ///
    /// # Errors
    /// [`FileError::LeadsOut`] where a link on the way leads out, else [`FileError::Read`].
    pub fn check_inside(&self, path: &Path) -> Result<(), FileError> {
        let failed = |source: io::Error| FileError::read(path, source);
        let root = fs::canonicalize(self.root()).map_err(failed)?;
        let existing = path.ancestors().find(|part| fs::symlink_metadata(part).is_ok());
        // A link to nowhere can't be resolved, so what it would make is not made.
        match existing.map(fs::canonicalize) {
            Some(Ok(real)) if real.starts_with(&root) => Ok(()),
            Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => Err(failed(error)),
            _ => Err(FileError::LeadsOut { path: path.to_owned() }),
        }
    }

    /// Reads a file of at most `limit` bytes; `None` where there is none.
    ///
    /// # Errors
    /// As [`DataDir::open_inside`], and [`FileError::TooLarge`].
    pub fn read_inside(&self, path: &Path, limit: u64) -> Result<Option<Vec<u8>>, FileError> {
        let Some(file) = self.open_inside(path)? else { return Ok(None) };
        let mut bytes = Vec::new();
        let more = limit.saturating_add(1);
        file.take(more).read_to_end(&mut bytes).map_err(|source| FileError::read(path, source))?;
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > limit {
            return Err(FileError::TooLarge { path: path.to_owned(), limit });
        }
        Ok(Some(bytes))
    }

    /// As [`DataDir::read_inside`], for JSON.
    ///
    /// # Errors
    /// As [`DataDir::read_inside`], and [`FileError::Malformed`].
    pub fn read_json_inside<T: DeserializeOwned>(
        &self,
        path: &Path,
        limit: u64,
    ) -> Result<Option<T>, FileError> {
        let Some(bytes) = self.read_inside(path, limit)? else { return Ok(None) };
        let parsed = serde_json::from_slice(&bytes);
        parsed.map(Some).map_err(|source| FileError::Malformed { path: path.to_owned(), source })
    }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// A pipe that nobody writes to would keep a reader waiting.
fn open_without_waiting(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    Ok(rustix::fs::open(path, flags, Mode::empty())?.into())
}

/// Lets the kernel keep the path inside (openat2(2), Linux 5.6): one call, and no moment between look and opening.
///
/// `None` where it can't say: elsewhere, or where a link leads out or is absolute.
#[cfg(target_os = "linux")]
fn open_beneath(root: &Path, path: &Path) -> Option<io::Result<File>> {
    let inner = path.strip_prefix(root).ok()?;
    let folder = rustix::fs::open(root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let opened = rustix::fs::openat2(folder.ok()?, inner, flags, Mode::empty(), ResolveFlags::BENEATH);
    match opened {
        Ok(file) => Some(Ok(file.into())),
        Err(error) if is_missing(&error.into()) => Some(Err(error.into())),
        Err(_undecided) => None,
    }
}

#[cfg(not(target_os = "linux"))]
fn open_beneath(_root: &Path, _path: &Path) -> Option<io::Result<File>> {
    None
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::write_atomic;

    #[test]
    fn a_link_is_followed_inside_of_the_workspace_only() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::new(folder.path().join("data"));
        let secret = folder.path().join("secret.txt");
        write_atomic(&secret, b"secret").unwrap();
        let text = data.root().join("a/text.txt");
        write_atomic(&text, b"text").unwrap();
        symlink("text.txt", data.root().join("a/near.txt")).unwrap();
        symlink(&text, data.root().join("a/whole.txt")).unwrap();
        symlink(&secret, data.root().join("a/far.txt")).unwrap();
        symlink(folder.path(), data.root().join("up")).unwrap();
        assert_eq!(data.read_inside(&text, 4).unwrap().unwrap(), b"text");
        assert_eq!(data.read_inside(&data.root().join("a/near.txt"), 9).unwrap().unwrap(), b"text");
        assert_eq!(data.read_inside(&data.root().join("a/whole.txt"), 9).unwrap().unwrap(), b"text");
        for out in ["a/far.txt", "up/secret.txt", "a/../../secret.txt"] {
            let error = data.read_inside(&data.root().join(out), 9).unwrap_err();
            assert!(matches!(error, FileError::LeadsOut { .. }), "{out}: {error}");
        }
        symlink(folder.path().join("nowhere"), data.root().join("lost")).unwrap();
        for (path, is_inside) in [
            ("a/new/x.jpg", true),
            ("a/text.txt", true),
            ("up/x.jpg", false),
            ("a/far.txt", false),
            ("lost/x", false),
        ] {
            assert_eq!(data.check_inside(&data.root().join(path)).is_ok(), is_inside, "{path}");
        }
        assert!(data.read_inside(&data.root().join("none"), 9).unwrap().is_none());
        assert!(data.read_inside(&data.root().join("a"), 9).unwrap().is_none());
        assert!(matches!(data.read_inside(&text, 3), Err(FileError::TooLarge { limit: 3, .. })));
    }
}
