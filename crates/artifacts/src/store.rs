//! `images/store/`: every picture ever paid for, each with its sidecar; never overwritten, never deleted.

use std::{
    ffi::OsStr,
    fs::{self, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
};

use btcedu_domain::{CallId, ChapterId, EpisodeId, PromptSource, Sha256Hash, Usd, UtcTime};
use serde::{Deserialize, Serialize};

use crate::{
    CheckDepth, DataDir, EpisodeDir, FileCheck, FileError, PictureSnapshot, TEMP_PREFIX, crash_point,
    files::sync_folder, remove_file,
};

/// All that is known of a stored picture; written beside it as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sidecar {
    /// The episode.
    pub episode_id: EpisodeId,
    /// The chapter that it was made for (it may belong to another id since).
    pub chapter_id: ChapterId,
    /// The paid call.
    pub call_id: CallId,
    /// Hash of the chapter's part of the snapshot.
    pub chapter_hash: Sha256Hash,
    /// Hash of the settings' part of the snapshot.
    pub settings_hash: Sha256Hash,
    /// Hash of both.
    pub request_hash: Sha256Hash,
    /// What the hashes are taken over.
    pub snapshot: PictureSnapshot,
    /// Hash of the picture's bytes.
    pub sha256: Sha256Hash,
    /// Size in bytes.
    pub size_bytes: u64,
    /// MIME type.
    pub mime_type: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Image model.
    pub model: String,
    /// Size as asked.
    pub size: String,
    /// Quality as asked.
    pub quality: String,
    /// Style as asked, for models that take one.
    pub style: Option<String>,
    /// The prompt as sent.
    pub prompt: String,
    /// The prompt as the provider rewrote it.
    pub revised_prompt: Option<String>,
    /// Who wrote the prompt.
    pub prompt_source: PromptSource,
    /// The text call that wrote it.
    pub prompt_call_id: Option<CallId>,
    /// What that text call cost.
    pub prompt_cost_usd: Usd,
    /// What the picture cost.
    pub cost_usd: Usd,
    /// True where the provider gave no usage, so that the cost is the estimate.
    pub cost_is_estimate: bool,
    /// Tokens sent, where the provider counts them.
    pub tokens_in: Option<i64>,
    /// Tokens received, where the provider counts them.
    pub tokens_out: Option<i64>,
    /// The provider's id of the request.
    pub request_id: Option<String>,
    /// When the call was sent.
    pub sent_at: UtcTime,
    /// When the picture was there.
    pub generated_at: UtcTime,
    /// Whether the provider signed the bytes (C2PA).
    pub c2pa: bool,
    /// HTTP attempts that it took.
    pub attempts: u32,
    /// What a person should know.
    pub warnings: Vec<String>,
}

impl Sidecar {
    /// Returns the name of the picture's file in the store.
    pub fn picture_name(&self) -> String {
        format!("{}-{}.png", self.request_hash.short(), self.call_id)
    }

    fn name(&self) -> String {
        format!("{}-{}.json", self.request_hash.short(), self.call_id)
    }
}

/// The store of one episode.
#[derive(Debug, Clone)]
pub struct PictureStore {
    data: DataDir,
    folder: PathBuf,
}

/// One sidecar, and whether a file stands where its picture should be.
#[derive(Debug, Clone, PartialEq)]
pub struct StoreItem {
    /// The sidecar.
    pub sidecar: Sidecar,
    /// Whether the picture's file is there; its bytes are checked where they matter.
    pub present: bool,
}

/// A picture that still has its temporary name after a crash, and is complete by its hash.
#[derive(Debug, Clone, PartialEq)]
pub struct TornPicture {
    /// Its sidecar.
    pub sidecar: Sidecar,
}

/// What is in the store.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StoreScan {
    /// All pictures with a readable sidecar, oldest first.
    pub items: Vec<StoreItem>,
    /// Complete pictures under temporary names.
    pub torn: Vec<TornPicture>,
    /// Files that belong to no picture: sidecars that can't be read, pictures without one.
    pub strays: Vec<PathBuf>,
}

impl EpisodeDir {
    /// Returns the store of all pictures ever paid for.
    pub fn store(&self) -> PictureStore {
        PictureStore { data: self.data(), folder: self.store_folder() }
    }
}

impl PictureStore {
    /// Returns the folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns where a picture is, or will be.
    pub fn picture(&self, sidecar: &Sidecar) -> PathBuf {
        self.folder.join(sidecar.picture_name())
    }

    /// Writes picture and sidecar under temporary names, synced; [`StagedPicture::commit`] gives them theirs.
    ///
    /// The sidecar comes first: it holds the picture's hash, so that a picture found under
    /// its temporary name after a crash can be told from half of one.
    ///
    /// # Errors
    /// [`FileError`]; the temporary files are then gone again.
    pub fn stage(&self, sidecar: &Sidecar, picture: &[u8]) -> Result<StagedPicture, FileError> {
        let json = serde_json::to_vec_pretty(sidecar)
            .map_err(|source| FileError::Malformed { path: self.folder.join(sidecar.name()), source })?;
        fs::create_dir_all(&self.folder).map_err(|e| FileError::write(&self.folder, e))?;
        let staged = StagedPicture { folder: self.folder.clone(), sidecar: sidecar.clone() };
        let written = write_synced(&staged.temp_sidecar(), &json).and_then(|()| {
            crash_point("sidecar-staged");
            write_synced(&staged.temp_picture(), picture)
        });
        if let Err(error) = written {
            // A file that can't be removed is a leftover for the next run.
            let _gone = (remove_file(&staged.temp_picture()), remove_file(&staged.temp_sidecar()));
            return Err(error);
        }
        crash_point("picture-staged");
        Ok(staged)
    }

    /// Reads the whole store, without looking into the pictures (but for torn ones).
    ///
    /// # Errors
    /// [`FileError::Read`] where the folder or a file can't be read.
    pub fn scan(&self) -> Result<StoreScan, FileError> {
        let mut scan = StoreScan::default();
        let mut pictures: Vec<PathBuf> = Vec::new();
        for path in self.data.list(&self.folder)? {
            let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
            let temporary = name.starts_with(TEMP_PREFIX);
            match path.extension().and_then(OsStr::to_str) {
                Some("json") => self.add_sidecar(&path, temporary, &mut scan)?,
                Some("png") if !temporary => pictures.push(path),
                _ => {}
            }
        }
        let known: std::collections::HashSet<PathBuf> =
            scan.items.iter().map(|i| self.picture(&i.sidecar)).collect();
        scan.strays.extend(pictures.into_iter().filter(|p| !known.contains(p)));
        scan.items.sort_by_key(|item| item.sidecar.call_id);
        Ok(scan)
    }

    fn add_sidecar(&self, path: &Path, temporary: bool, scan: &mut StoreScan) -> Result<(), FileError> {
        let sidecar: Sidecar = match self.data.read_json(path) {
            Ok(Some(sidecar)) => sidecar,
            Ok(None) => return Ok(()),
            Err(error) if error.is_refused() || matches!(error, FileError::Malformed { .. }) => {
                if !temporary {
                    scan.strays.push(path.to_owned());
                }
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let staged = StagedPicture { folder: self.folder.clone(), sidecar: sidecar.clone() };
        // Anything in the picture's place counts as present; the check of its bytes tells what it is.
        let present = !matches!(self.data.metadata(&self.picture(&sidecar)), Ok(None));
        let complete = !present
            && self.data.check(&staged.temp_picture(), &sidecar.sha256, None, CheckDepth::Full)?
                == FileCheck::Intact;
        if complete {
            scan.torn.push(TornPicture { sidecar });
        } else if !temporary {
            scan.items.push(StoreItem { sidecar, present });
        }
        Ok(())
    }

    /// Gives a torn picture its names, as the run that was interrupted would have.
    ///
    /// # Errors
    /// [`FileError`] where a rename fails.
    pub fn finish(&self, torn: &TornPicture) -> Result<(), FileError> {
        StagedPicture { folder: self.folder.clone(), sidecar: torn.sidecar.clone() }.commit()
    }
}

/// A picture that is on the disk, but not yet under its name.
#[derive(Debug)]
#[must_use = "a staged picture is lost unless it is committed"]
pub struct StagedPicture {
    folder: PathBuf,
    sidecar: Sidecar,
}

impl StagedPicture {
    /// Gives sidecar and picture their names, in this order, and syncs the folder.
    ///
    /// # Errors
    /// [`FileError`] where a rename fails; what has its name keeps it.
    pub fn commit(self) -> Result<(), FileError> {
        crash_point("before-rename-sidecar");
        rename(&self.temp_sidecar(), &self.folder.join(self.sidecar.name()))?;
        crash_point("after-rename-sidecar");
        crash_point("before-rename-picture");
        rename(&self.temp_picture(), &self.folder.join(self.sidecar.picture_name()))?;
        crash_point("after-rename-picture");
        sync_folder(&self.folder)
    }

    fn temp_sidecar(&self) -> PathBuf {
        self.folder.join(format!("{TEMP_PREFIX}{}", self.sidecar.name()))
    }

    fn temp_picture(&self) -> PathBuf {
        self.folder.join(format!("{TEMP_PREFIX}{}", self.sidecar.picture_name()))
    }
}

/// Renames; a source that is gone because the target is there already is no error.
fn rename(from: &Path, to: &Path) -> Result<(), FileError> {
    #[expect(clippy::disallowed_methods, reason = "the store's own two-file protocol")]
    let renamed = fs::rename(from, to);
    match renamed {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && to.exists() => Ok(()),
        other => other.map_err(|e| FileError::write(to, e)),
    }
}

fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    written.map_err(|e| FileError::write(path, e))
}

#[cfg(test)]
mod tests;
