//! One hash over what the file system knows of an episode's files: another one means that something has changed.

use std::fmt::Write;

use btcedu_domain::Sha256Hash;

use crate::{EpisodeDir, EpisodeLock, FileError, FileFacts, list_files};

impl EpisodeDir {
    /// Hashes names, sizes and times of all files that a page may show, and whether somebody works on the episode.
    ///
    /// # Errors
    /// [`FileError::Read`] for anything but "not there".
    pub fn fingerprint(&self) -> Result<Sha256Hash, FileError> {
        let mut known = String::new();
        for folder in self.text_folders().into_iter().chain([self.images()]) {
            let mut paths = list_files(&folder)?;
            paths.sort();
            for path in paths {
                // Gone since the folder was read: the next look sees it.
                let Some(facts) = FileFacts::read(&path)? else { continue };
                let FileFacts { size_bytes, mtime_ns, inode } = facts;
                let name = path.display();
                // Writing to a string can't fail.
                let _always = writeln!(known, "{name}\0{size_bytes} {mtime_ns} {inode}");
            }
        }
        known.push_str(if EpisodeLock::is_held(self) { "held" } else { "free" });
        Ok(Sha256Hash::of_bytes(known.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use btcedu_domain::SystemClock;

    use super::*;
    use crate::{DataDir, LockHolder, remove_file, write_atomic};

    #[tokio::test]
    async fn every_file_and_the_lock_move_it_and_nothing_else_does() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::new(folder.path()).episode(&"ep1".parse().unwrap());
        let mut seen = vec![dir.fingerprint().unwrap()];
        let chapter = "ch01".parse().unwrap();
        let paths = [
            dir.chapters(),
            dir.manifest(),
            dir.chapter_picture(&chapter),
            dir.translation(),
            dir.review_history(),
        ];
        for path in &paths {
            write_atomic(path, b"{}").unwrap();
            seen.push(dir.fingerprint().unwrap());
        }
        assert_eq!(dir.fingerprint().unwrap(), *seen.last().unwrap());
        remove_file(&dir.chapters()).unwrap();
        seen.push(dir.fingerprint().unwrap());
        let holder = LockHolder::this_process("btcedu imagegen ep1", "2026-11-22T10:30:00Z".parse().unwrap());
        let lock = EpisodeLock::acquire(&dir, &holder, &SystemClock).await.unwrap();
        let held = dir.fingerprint().unwrap();
        drop(lock);
        assert_ne!(dir.fingerprint().unwrap(), held);
        seen.push(held);
        let count = seen.len();
        seen.sort_by_key(ToString::to_string);
        seen.dedup();
        assert_eq!(seen.len(), count);
    }
}
