//! What can go wrong with files, by what the person can do about it.

use std::{
    io,
    path::{Path, PathBuf},
    string::FromUtf8Error,
};

/// A failed file operation, with the path.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// No space left, or the quota is used up.
    #[error("can't write '{path}': the disk is full; make room and run the command again")]
    DiskFull {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Not allowed, or a read-only file system.
    #[error(
        "can't write '{path}': no permission, or the file system is read-only; check the owner and mode of its folder"
    )]
    NotWritable {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Any other failure to write.
    #[error("can't write '{path}'")]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Any other failure to read; that a file isn't there is no error.
    #[error("can't read '{path}'")]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A link on the way to the file leads out of the workspace.
    #[error("'{path}' leads out of the workspace, so it is not read; put the file itself there")]
    LeadsOut {
        /// The file as it was named.
        path: PathBuf,
    },
    /// Larger than a file of its kind may be.
    #[error("'{path}' is larger than {limit} bytes, so it is not read; look whether it is the right file")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most that is read.
        limit: u64,
    },
    /// The file is there and is not text in UTF-8.
    #[error("can't read '{path}' as UTF-8 text")]
    NotText {
        /// The file.
        path: PathBuf,
        /// What is wrong; it has the bytes.
        #[source]
        source: FromUtf8Error,
    },
    /// Something else stands where a file should be.
    #[error("'{path}' is {found} and not a file, so it is not read; move it away, and put the file there")]
    NotAFile {
        /// Where the file should be.
        path: PathBuf,
        /// What is there, in words.
        found: &'static str,
    },
    /// The file is there and is not the JSON that it should be.
    #[error("'{path}' is not what it should be")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        #[source]
        source: serde_json::Error,
    },
}

impl FileError {
    /// Tells whether the file was refused for what it is, without an attempt to read it to its end: no regular
    /// file, outside of the workspace, or too large.
    pub fn is_refused(&self) -> bool {
        matches!(self, Self::LeadsOut { .. } | Self::TooLarge { .. } | Self::NotAFile { .. })
    }

    /// Sorts a failure to write by what the person can do about it.
    pub(crate) fn write(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { path, source },
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::NotWritable { path, source }
            }
            _ => Self::Write { path, source },
        }
    }

    pub(crate) fn read(path: &Path, source: io::Error) -> Self {
        Self::Read { path: path.to_owned(), source }
    }
}

impl btcedu_domain::Kinded for FileError {
    fn kind(&self) -> btcedu_domain::ErrorKind {
        btcedu_domain::ErrorKind::Failed
    }
}
