//! Facts about the disk that a run checks before it spends money.

use std::{io::Write, path::Path};

use tempfile::Builder;

use crate::{FileError, TEMP_PREFIX};

/// Returns the bytes that are free to this user in the folder's file system.
///
/// # Errors
/// [`FileError::Read`] where the folder isn't there or can't be asked.
pub fn free_bytes(folder: &Path) -> Result<u64, FileError> {
    let stat = rustix::fs::statvfs(folder).map_err(|e| FileError::read(folder, e.into()))?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Proves that a folder can be written, by writing and syncing a temporary file in it. Makes the folder.
///
/// # Errors
/// [`FileError`] says why it can't.
pub fn probe_writable(folder: &Path) -> Result<(), FileError> {
    let failed = |e| FileError::write(folder, e);
    std::fs::create_dir_all(folder).map_err(failed)?;
    let mut temp = Builder::new().prefix(TEMP_PREFIX).tempfile_in(folder).map_err(failed)?;
    temp.write_all(&[0; 4096]).and_then(|()| temp.as_file().sync_all()).map_err(failed)?;
    temp.close().map_err(failed)
}

/// What kind of file system a folder is on, as far as locks and `SQLite` depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskKind {
    /// Locks and WAL work.
    Local,
    /// NFS or SMB: locks and WAL can't be relied on.
    Network,
}

/// Tells whether a folder is on a network file system, by the magic numbers of statfs(2).
///
/// # Errors
/// [`FileError::Read`] where the folder isn't there or can't be asked.
pub fn disk_kind(folder: &Path) -> Result<DiskKind, FileError> {
    const NFS: u64 = 0x6969;
    const SMB: u64 = 0x517B;
    const SMB2: u64 = 0xFE53_4D42;
    const CIFS: u64 = 0xFF53_4D42;
    let stat = rustix::fs::statfs(folder).map_err(|e| FileError::read(folder, e.into()))?;
    // The field's type differs between platforms; only its low 32 bits are the number.
    #[expect(clippy::cast_sign_loss, reason = "a bit pattern, not a quantity")]
    let magic = stat.f_type as u64 & 0xFFFF_FFFF;
    Ok(if [NFS, SMB, SMB2, CIFS].contains(&magic) { DiskKind::Network } else { DiskKind::Local })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temp_folder_is_local_writable_and_has_room() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("not/yet/there");
        probe_writable(&inner).unwrap();
        assert!(std::fs::read_dir(&inner).unwrap().next().is_none());
        assert!(free_bytes(&inner).unwrap() > 0);
        assert_eq!(disk_kind(&inner).unwrap(), DiskKind::Local);
    }

    #[test]
    fn a_folder_below_a_file_is_not_writable() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        crate::write_atomic(&file, b"").unwrap();
        let error = probe_writable(&file.join("x")).unwrap_err().to_string();
        assert!(error.contains("file/x"), "{error}");
    }
}
