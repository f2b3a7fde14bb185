//! The one way to write a file: whole, synced, with the umask's permissions.

use std::{
    ffi::OsStr,
    fs::{self, File, Permissions},
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use btcedu_domain::Sha256Hash;
use serde::{Serialize, de::DeserializeOwned};
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

/// Copies a file over another, which is replaced whole or not at all.
///
/// # Errors
/// [`FileError::Read`] for the source, the others for the target.
pub fn copy_atomic(from: &Path, to: &Path) -> Result<(), FileError> {
    let mut source = File::open(from).map_err(|e| FileError::read(from, e))?;
    replace(to, |temp| io::copy(&mut source, temp).map(drop))
}

fn replace(path: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> Result<(), FileError> {
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

/// Reads a file; `None` where there is none.
///
/// # Errors
/// [`FileError::Read`] for anything but "not there".
pub fn read_optional(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(FileError::read(path, e)),
    }
}

/// Reads a JSON file; `None` where there is none.
///
/// # Errors
/// [`FileError::Read`], or [`FileError::Malformed`] for what is not such a document.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, FileError> {
    let Some(bytes) = read_optional(path)? else { return Ok(None) };
    let parsed = serde_json::from_slice(&bytes);
    parsed.map(Some).map_err(|source| FileError::Malformed { path: path.to_owned(), source })
}

/// Copies a file that was edited by hand to `NAME.edited-HASH.EXT` beside it; `None` where there is none.
///
/// # Errors
/// [`FileError`] where it can't be read or copied.
pub fn keep_edited(path: &Path) -> Result<Option<PathBuf>, FileError> {
    let Some(bytes) = read_optional(path)? else { return Ok(None) };
    let part = |part: Option<&OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    let (stem, extension) = (part(path.file_stem()), part(path.extension()));
    let hash = Sha256Hash::of_bytes(&bytes).short();
    let kept = path.with_file_name(format!("{stem}.edited-{hash}.{extension}"));
    write_atomic(&kept, &bytes)?;
    Ok(Some(kept))
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

/// Lists the temporary files that a crash left in a folder (not below it), in name order.
///
/// # Errors
/// [`FileError::Read`] where the folder can't be listed; a folder that isn't there has none.
pub fn leftovers(folder: &Path) -> Result<Vec<PathBuf>, FileError> {
    let mut found: Vec<PathBuf> = list_files(folder)?
        .into_iter()
        .filter(|path| path.file_name().and_then(OsStr::to_str).is_some_and(|n| n.starts_with(TEMP_PREFIX)))
        .collect();
    found.sort();
    Ok(found)
}

/// Lists a folder's entries, in no order; none where it isn't there.
///
/// # Errors
/// [`FileError::Read`] where the folder can't be listed.
pub fn list_files(folder: &Path) -> Result<Vec<PathBuf>, FileError> {
    let failed = |e| FileError::read(folder, e);
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| entry.map(|e| e.path()).map_err(failed)).collect(),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(e) => Err(failed(e)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_whole_and_leaves_no_temporary_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/x.json");
        write_atomic(&path, b"one").unwrap();
        write_atomic(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(list_files(path.parent().unwrap()).unwrap().len(), 1);
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
        assert!(leftovers(folder.path()).unwrap().is_empty());
    }

    #[test]
    fn an_edited_file_is_kept_under_a_name_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("transcript.tr.txt");
        assert_eq!(keep_edited(&path).unwrap(), None);
        write_atomic(&path, b"mine").unwrap();
        let kept = keep_edited(&path).unwrap().unwrap();
        let hash = Sha256Hash::of_bytes(b"mine").short();
        assert_eq!(kept, folder.path().join(format!("transcript.tr.edited-{hash}.txt")));
        assert_eq!(
            (fs::read(&kept).unwrap(), fs::read(&path).unwrap()),
            (b"mine".to_vec(), b"mine".to_vec())
        );
    }

    #[test]
    fn names_the_file_that_is_not_the_json_it_should_be() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("manifest.json");
        write_atomic(&path, b"{").unwrap();
        let error = read_json::<serde_json::Value>(&path).unwrap_err().to_string();
        assert!(error.contains("manifest.json"), "{error}");
        assert!(read_json::<serde_json::Value>(&folder.path().join("none")).unwrap().is_none());
    }
}
