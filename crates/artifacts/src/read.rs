//! The one way to read below the workspace: a regular file, inside of it, of a size that fits, and without waiting.
//!
//! People, models and other programs put files into the workspace. A named pipe there would keep a reader
//! waiting, a device would fill its memory, and a link could lead to any file of this machine.
//!
//! Links that stay inside are followed, and the workspace itself may be a link or stand below one.

use std::{
    ffi::OsStr,
    fs::{self, File, FileType},
    io::{self, Read},
    os::unix::{ffi::OsStrExt, fs::FileTypeExt},
    path::{Path, PathBuf},
};

use btcedu_domain::Sha256Hash;
#[cfg(target_os = "linux")]
use rustix::fs::ResolveFlags;
use rustix::fs::{Dir, Mode, OFlags};
use serde::de::DeserializeOwned;

use crate::{
    DataDir, FileError,
    files::{TEMP_PREFIX, replace, write_atomic},
};

/// No JSON document of ours is larger, in bytes: a manifest of a thousand chapters has 3 MB.
pub const MAX_JSON: u64 = 16 * 1024 * 1024;
/// No text is larger, in bytes.
pub const MAX_TEXT: u64 = 16 * 1024 * 1024;
/// No picture is larger, in bytes.
pub const MAX_PICTURE: u64 = 64 * 1024 * 1024;

impl DataDir {
    /// Opens a regular file for reading; `None` where there is none. All other readers call this.
    ///
    /// # Errors
    /// [`FileError::NotAFile`] for anything but a regular file, [`FileError::LeadsOut`] where a link on the
    /// way leads out of the workspace, else [`FileError::Read`].
    pub fn open(&self, path: &Path) -> Result<Option<File>, FileError> {
        // NONBLOCK: opening a named pipe without a writer would wait for ever. The pipe is then refused.
        let Some(file) = self.open_any(path, OFlags::RDONLY | OFlags::NONBLOCK)? else { return Ok(None) };
        must_be_regular(&file, path)?;
        Ok(Some(file))
    }

    /// Looks at a regular file without opening it for reading; `None` where there is none.
    ///
    /// # Errors
    /// As [`DataDir::open`].
    pub fn metadata(&self, path: &Path) -> Result<Option<fs::Metadata>, FileError> {
        let Some(file) = self.open_any(path, LOOK_ONLY)? else { return Ok(None) };
        must_be_regular(&file, path).map(Some)
    }

    /// Reads a file of at most `limit` bytes; `None` where there is none.
    ///
    /// # Errors
    /// As [`DataDir::open`], and [`FileError::TooLarge`].
    pub fn read(&self, path: &Path, limit: u64) -> Result<Option<Vec<u8>>, FileError> {
        let Some(file) = self.open(path)? else { return Ok(None) };
        let mut bytes = Vec::new();
        Capped::new(file, limit)
            .read_to_end(&mut bytes)
            .map_err(|source| failed_to_read(path, limit, source))?;
        Ok(Some(bytes))
    }

    /// Reads a JSON file of at most [`MAX_JSON`] bytes; `None` where there is none.
    ///
    /// # Errors
    /// As [`DataDir::read`], and [`FileError::Malformed`] for what is not such a document.
    pub fn read_json<T: DeserializeOwned>(&self, path: &Path) -> Result<Option<T>, FileError> {
        let Some(bytes) = self.read(path, MAX_JSON)? else { return Ok(None) };
        let parsed = serde_json::from_slice(&bytes);
        parsed.map(Some).map_err(|source| FileError::Malformed { path: path.to_owned(), source })
    }

    /// Hashes a file of at most `limit` bytes, without holding it in memory; `None` where there is none.
    ///
    /// # Errors
    /// As [`DataDir::read`].
    pub fn hash(&self, path: &Path, limit: u64) -> Result<Option<Sha256Hash>, FileError> {
        let Some(file) = self.open(path)? else { return Ok(None) };
        let hash = Sha256Hash::of_reader(Capped::new(file, limit));
        hash.map(Some).map_err(|source| failed_to_read(path, limit, source))
    }

    /// Copies a file over another, which is replaced whole or not at all.
    ///
    /// # Errors
    /// As [`DataDir::open`] for the source, also where it isn't there; the others are about the target.
    pub fn copy(&self, from: &Path, to: &Path) -> Result<(), FileError> {
        let missing = || FileError::read(from, io::ErrorKind::NotFound.into());
        let mut source = self.open(from)?.ok_or_else(missing)?;
        replace(to, |temp| io::copy(&mut source, temp).map(drop))
    }

    /// Copies a file that was edited by hand to `NAME.edited-HASH.EXT` beside it; `None` where there is none.
    ///
    /// # Errors
    /// As [`DataDir::read`] with [`MAX_PICTURE`], and where the copy can't be written.
    pub fn keep_edited(&self, path: &Path) -> Result<Option<PathBuf>, FileError> {
        let Some(bytes) = self.read(path, MAX_PICTURE)? else { return Ok(None) };
        let part = |part: Option<&OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
        let (stem, extension) = (part(path.file_stem()), part(path.extension()));
        let hash = Sha256Hash::of_bytes(&bytes).short();
        let kept = path.with_file_name(format!("{stem}.edited-{hash}.{extension}"));
        write_atomic(&kept, &bytes)?;
        Ok(Some(kept))
    }

    /// Lists a folder's entries, in name order; a folder that isn't there has none.
    ///
    /// # Errors
    /// [`FileError::LeadsOut`] where a link leads out of the workspace, else [`FileError::Read`].
    pub fn list(&self, folder: &Path) -> Result<Vec<PathBuf>, FileError> {
        let failed = |error: rustix::io::Errno| FileError::read(folder, error.into());
        let Some(opened) = self.open_any(folder, OFlags::RDONLY | OFlags::NONBLOCK)? else {
            return Ok(Vec::new());
        };
        let mut found = Vec::new();
        for entry in Dir::new(opened).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name != "." && name != ".." {
                found.push(folder.join(name));
            }
        }
        found.sort();
        Ok(found)
    }

    /// Lists the temporary files that a crash left in a folder (not below it), in name order.
    ///
    /// # Errors
    /// As [`DataDir::list`].
    pub fn leftovers(&self, folder: &Path) -> Result<Vec<PathBuf>, FileError> {
        let mut found = self.list(folder)?;
        found.retain(|path| {
            path.file_name().and_then(OsStr::to_str).is_some_and(|n| n.starts_with(TEMP_PREFIX))
        });
        Ok(found)
    }

    /// Checks that a file that is to be written here ends up in the workspace, whether it is there or not.
    ///
    /// # Errors
    /// [`FileError::LeadsOut`] where a link on the way leads out, else [`FileError::Read`].
    pub fn check_inside(&self, path: &Path) -> Result<(), FileError> {
        let failed = |source: io::Error| FileError::read(path, source);
        let root = fs::canonicalize(self.root()).map_err(failed)?;
        let existing = path.ancestors().find(|part| fs::symlink_metadata(part).is_ok());
        // Where a link to nothing leads can't be told, so nothing is written through it.
        match existing.map(fs::canonicalize) {
            Some(Ok(real)) if real.starts_with(&root) => Ok(()),
            Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => Err(failed(error)),
            _ => Err(FileError::LeadsOut { path: path.to_owned() }),
        }
    }

    /// Opens anything that is inside; `None` where nothing is there.
    fn open_any(&self, path: &Path, flags: OFlags) -> Result<Option<File>, FileError> {
        let opened = match open_beneath(self.root(), path, flags) {
            Some(opened) => opened,
            None => self.open_resolved(path, flags)?,
        };
        match opened {
            Ok(file) => Ok(Some(file)),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(FileError::read(path, error)),
        }
    }

    /// Finds out where a path leads before it opens what is there.
    fn open_resolved(&self, path: &Path, flags: OFlags) -> Result<io::Result<File>, FileError> {
        let real = match fs::canonicalize(path) {
            Ok(real) => real,
            Err(error) => return Ok(Err(error)),
        };
        let root = fs::canonicalize(self.root()).map_err(|source| FileError::read(path, source))?;
        if !real.starts_with(&root) {
            return Err(FileError::LeadsOut { path: path.to_owned() });
        }
        // No links are left in it, so one that is found now was put there since.
        let opened = rustix::fs::open(&real, flags | OFlags::CLOEXEC | OFlags::NOFOLLOW, Mode::empty());
        Ok(opened.map(File::from).map_err(io::Error::from))
    }
}

/// Opens a file for its metadata only: that needs no right to read, and nothing waits or happens.
#[cfg(target_os = "linux")]
const LOOK_ONLY: OFlags = OFlags::PATH;
#[cfg(not(target_os = "linux"))]
const LOOK_ONLY: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK);

/// A reader that fails, instead of ending, where a file has more bytes than it may have.
struct Capped {
    file: File,
    left: u64,
}

impl Capped {
    fn new(file: File, limit: u64) -> Self {
        Self { file, left: limit }
    }
}

impl Read for Capped {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        let bytes = u64::try_from(count).unwrap_or(u64::MAX);
        self.left = self.left.checked_sub(bytes).ok_or(io::ErrorKind::FileTooLarge)?;
        Ok(count)
    }
}

fn failed_to_read(path: &Path, limit: u64, source: io::Error) -> FileError {
    match source.kind() {
        io::ErrorKind::FileTooLarge => FileError::TooLarge { path: path.to_owned(), limit },
        _ => FileError::read(path, source),
    }
}

fn must_be_regular(file: &File, path: &Path) -> Result<fs::Metadata, FileError> {
    let known = file.metadata().map_err(|source| FileError::read(path, source))?;
    if known.is_file() {
        return Ok(known);
    }
    Err(FileError::NotAFile { path: path.to_owned(), found: name_of(known.file_type()) })
}

fn name_of(kind: FileType) -> &'static str {
    if kind.is_dir() {
        "a folder"
    } else if kind.is_fifo() {
        "a named pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Lets the kernel keep the path inside (openat2(2), Linux 5.6): one call, and no moment between look and opening.
///
/// `None` where the kernel can't tell: it is an older one, or a link leads out or is absolute.
#[cfg(target_os = "linux")]
fn open_beneath(root: &Path, path: &Path, flags: OFlags) -> Option<io::Result<File>> {
    let inner = path.strip_prefix(root).ok()?;
    let folder = rustix::fs::open(root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
    let flags = flags | OFlags::CLOEXEC;
    let opened = rustix::fs::openat2(folder.ok()?, inner, flags, Mode::empty(), ResolveFlags::BENEATH);
    match opened {
        Ok(file) => Some(Ok(file.into())),
        Err(error) if is_missing(&error.into()) => Some(Err(error.into())),
        Err(_undecided) => None,
    }
}

#[cfg(not(target_os = "linux"))]
fn open_beneath(_root: &Path, _path: &Path, _flags: OFlags) -> Option<io::Result<File>> {
    None
}

#[cfg(test)]
mod tests;
