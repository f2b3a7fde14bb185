//! One writer per episode: an advisory lock, with its holder described in the file.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
    time::Duration,
};

use btcedu_domain::{Clock, EpisodeId, UtcTime};
use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};

use crate::{EpisodeDir, FileError, files::folder_of};

/// How long a second run waits for the first before it gives up.
const MAX_WAIT: Duration = Duration::from_secs(1);
/// No description of a holder is longer, in bytes.
const MAX_HOLDER: u64 = 64 * 1024;
/// How long it waits between two tries.
const BETWEEN_TRIES: Duration = Duration::from_millis(50);

/// The process that holds an episode, as the lock file describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockHolder {
    /// Process id.
    pub pid: u32,
    /// Host name.
    pub host: String,
    /// The command line, without secrets (there are none in it).
    pub command: String,
    /// When the command took the lock.
    pub started_at: UtcTime,
}

impl LockHolder {
    /// Describes this process.
    pub fn this_process(command: impl Into<String>, started_at: UtcTime) -> Self {
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        Self { pid: std::process::id(), host, command: command.into(), started_at }
    }
}

impl std::fmt::Display for LockHolder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "process {} on {} (`{}`, since {})", self.pid, self.host, self.command, self.started_at)
    }
}

/// Why the lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another run holds it.
    #[error("episode {episode} is held by {}; wait for it to end, or stop it, and run the command again", holder.as_ref().map_or_else(|| "another process".to_owned(), ToString::to_string))]
    Held {
        /// The episode.
        episode: EpisodeId,
        /// The holder, if the file describes one.
        holder: Option<LockHolder>,
    },
    /// The lock file can't be made or written.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Proof that this process is the episode's only writer. Dropping it frees the episode.
#[derive(Debug)]
pub struct EpisodeLock {
    episode: EpisodeId,
    _file: File,
}

impl EpisodeLock {
    /// Takes the lock, waiting up to a second for another run to end.
    ///
    /// # Errors
    /// [`LockError::Held`] names the holder; [`LockError::File`] where the file can't be written.
    pub async fn acquire(
        dir: &EpisodeDir,
        holder: &LockHolder,
        clock: &dyn Clock,
    ) -> Result<Self, LockError> {
        let path = dir.lock_file();
        let mut file = open(&path)?;
        let mut waited = Duration::ZERO;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if waited < MAX_WAIT => {
                    clock.sleep(BETWEEN_TRIES).await;
                    waited += BETWEEN_TRIES;
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(LockError::Held {
                        episode: dir.id().clone(),
                        holder: read_holder(&mut file),
                    });
                }
                Err(TryLockError::Error(e)) => return Err(FileError::write(&path, e).into()),
            }
        }
        write_holder(&mut file, holder).map_err(|e| FileError::write(&path, e))?;
        Ok(Self { episode: dir.id().clone(), _file: file })
    }

    /// Tells whether a process holds the episode right now, without making a file.
    pub fn is_held(dir: &EpisodeDir) -> bool {
        // The shared lock is held for a moment only; a run that wants the episode just then tries again.
        let opened = dir.data().open(&dir.lock_file()).ok().flatten();
        opened.is_some_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// Returns the episode that is held.
    pub fn episode(&self) -> &EpisodeId {
        &self.episode
    }
}

fn open(path: &PathBuf) -> Result<File, FileError> {
    let failed = |e| FileError::write(path, e);
    fs::create_dir_all(folder_of(path)).map_err(failed)?;
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    // Nothing waits for a named pipe in the file's place, and a link in it is no lock of ours.
    let flags = OFlags::NONBLOCK | OFlags::NOFOLLOW;
    options.custom_flags(flags.bits().cast_signed()).open(path).map_err(failed)
}

fn write_holder(file: &mut File, holder: &LockHolder) -> std::io::Result<()> {
    // Written in place: a replaced file would be another lock.
    file.rewind()?;
    file.set_len(0)?;
    file.write_all(&serde_json::to_vec(holder)?)?;
    file.write_all(b"\n")
}

fn read_holder(file: &mut File) -> Option<LockHolder> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(MAX_HOLDER).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

impl btcedu_domain::Kinded for LockError {
    fn kind(&self) -> btcedu_domain::ErrorKind {
        match self {
            Self::Held { .. } => btcedu_domain::ErrorKind::Blocked,
            Self::File(error) => error.kind(),
        }
    }
}

#[cfg(test)]
mod tests {
    use btcedu_domain::SystemClock;

    use super::*;
    use crate::DataDir;

    #[tokio::test]
    async fn a_second_taker_waits_then_says_who_holds_it() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::new(folder.path()).episode(&"ep1".parse().unwrap());
        let holder = LockHolder::this_process("btcedu imagegen ep1", SystemClock.now());
        let lock = EpisodeLock::acquire(&dir, &holder, &SystemClock).await.unwrap();
        let error = EpisodeLock::acquire(&dir, &holder, &SystemClock).await.unwrap_err().to_string();
        assert!(
            error.contains(&std::process::id().to_string()) && error.contains("btcedu imagegen ep1"),
            "{error}"
        );
        drop(lock);
        EpisodeLock::acquire(&dir, &holder, &SystemClock).await.unwrap();
        assert!(dir.lock_file().exists());
    }
}
