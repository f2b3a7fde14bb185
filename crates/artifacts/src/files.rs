//! The one way to write a file: whole, synced, with the umask's permissions.

use std::{
    ffi::OsStr,
    fs::{self, File, Permissions},
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use serde::Serialize;
use tempfile::{Builder, NamedTempFile};

use crate::{FileError, crash_point};

/// Every temporary file's name begins with this, so that leftovers of a crash are known as such.
pub const TEMP_PREFIX: &str = ".tmp-";

/// Writes a file whole: temporary file, sync, rename, sync of the folder. Makes missing folders.
///
/// # Errors
/// [`FileError`]; the old file, if any, is then as it was.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    replace(path, |temp| temp.write_all(bytes))
}

/// Writes a value as indented JSON with a final line end, human letters unescaped.
///
/// # Errors
/// As [`write_atomic`]; [`FileError::Malformed`] where the value has no JSON form.
pub fn write_json_atomic(path: &Path, value: &impl Serialize) -> Result<(), FileError> {
    let mut bytes = serde_json::to_vec_pretty(value)
        .map_err(|source| FileError::Malformed { path: path.to_owned(), source })?;
    bytes.push(b'\n');
    write_atomic(path, &bytes)
}

/// Copies a file that a person has named over another, which is replaced whole or not at all.
///
/// The source may be anywhere, and may be a pipe; [`DataDir::copy`](crate::DataDir::copy) is for files of the
/// workspace.
///
/// # Errors
/// [`FileError::Read`] for the source, the others for the target.
pub fn copy_atomic(from: &Path, to: &Path) -> Result<(), FileError> {
    let mut source = File::open(from).map_err(|e| FileError::read(from, e))?;
    replace(to, |temp| io::copy(&mut source, temp).map(drop))
}

pub(crate) fn replace(path: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> Result<(), FileError> {
    let folder = folder_of(path);
    let failed = |source| FileError::write(path, source);
    fs::create_dir_all(folder).map_err(failed)?;
    let mut temp: NamedTempFile = Builder::new()
        .prefix(TEMP_PREFIX)
        // The umask takes away what the group or others shall not have.
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)
        .map_err(failed)?;
    fill(temp.as_file_mut()).and_then(|()| temp.as_file().sync_all()).map_err(failed)?;
    let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
    crash_point(&format!("before-rename-{name}"));
    temp.persist(path).map_err(|e| failed(e.error))?;
    crash_point(&format!("after-rename-{name}"));
    sync_folder(folder)
}

/// Makes renames in a folder survive a power cut.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), FileError> {
    File::open(folder).and_then(|f| f.sync_all()).map_err(|e| FileError::write(folder, e))
}

pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Removes a file; that it is gone already is no error.
///
/// # Errors
/// [`FileError`] for anything else.
pub fn remove_file(path: &Path) -> Result<(), FileError> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(FileError::write(path, e)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(folder: &Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn replaces_whole_and_leaves_no_temporary_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/x.json");
        write_atomic(&path, b"one").unwrap();
        write_atomic(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(entries(path.parent().unwrap()), 1);
    }

    #[test]
    fn gives_the_umasks_permissions_so_that_a_group_can_share() {
        let folder = tempfile::tempdir().unwrap();
        let (ours, plain) = (folder.path().join("ours"), folder.path().join("plain"));
        write_atomic(&ours, b"").unwrap();
        fs::OpenOptions::new().create(true).append(true).open(&plain).unwrap();
        let mode = |p: &Path| fs::metadata(p).unwrap().permissions().mode();
        assert_eq!(mode(&ours), mode(&plain));
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        write_atomic(&path, b"old").unwrap();
        let full = || io::Error::from(io::ErrorKind::StorageFull);
        let error = replace(&path, |temp| temp.write_all(b"ne").and(Err(full()))).unwrap_err();
        assert!(matches!(error, FileError::DiskFull { .. }), "{error:?}");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(entries(folder.path()), 1);
    }
}
