//! One hash over what the file system knows of an episode's files: another one means that something has changed.

use std::fmt::{self, Write};

use btcedu_domain::Sha256Hash;

use crate::{EpisodeDir, EpisodeLock, FileFacts};

impl EpisodeDir {
    /// Hashes names, sizes and times of all files that a page may show, and whether a process holds the episode.
    ///
    /// Of a file or folder that can't be looked at, the reason is hashed.
    pub fn fingerprint(&self) -> Sha256Hash {
        let data = self.data();
        let mut known = String::new();
        let mut note = |line: fmt::Arguments<'_>| {
            // Writing to a string can't fail.
            let _always = writeln!(known, "{line}");
        };
        for folder in self.text_folders().into_iter().chain([self.images()]) {
            let paths = match data.list(&folder) {
                Ok(paths) => paths,
                Err(error) => {
                    note(format_args!("{error}"));
                    continue;
                }
            };
            for path in paths {
                match data.facts(&path) {
                    Ok(Some(FileFacts { size_bytes, mtime_ns, inode })) => {
                        note(format_args!("{}\0{size_bytes} {mtime_ns} {inode}", path.display()));
                    }
                    // Gone since the folder was read: the next look sees it.
                    Ok(None) => {}
                    Err(error) => note(format_args!("{error}")),
                }
            }
        }
        note(format_args!("{}", EpisodeLock::is_held(self)));
        Sha256Hash::of_bytes(known.as_bytes())
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
        let mut seen = vec![dir.fingerprint()];
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
            seen.push(dir.fingerprint());
        }
        assert_eq!(dir.fingerprint(), *seen.last().unwrap());
        remove_file(&dir.chapters()).unwrap();
        seen.push(dir.fingerprint());
        let holder = LockHolder::this_process("btcedu imagegen ep1", "2026-11-22T10:30:00Z".parse().unwrap());
        let lock = EpisodeLock::acquire(&dir, &holder, &SystemClock).await.unwrap();
        let held = dir.fingerprint();
        drop(lock);
        assert_ne!(dir.fingerprint(), held);
        seen.push(held);
        let count = seen.len();
        seen.sort_by_key(ToString::to_string);
        seen.dedup();
        assert_eq!(seen.len(), count);
    }
}
