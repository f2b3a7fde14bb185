//! What imagegen decides from, and what is on the disk by now.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use btcedu_artifacts::{EpisodeDir, FileCheck, FileFacts, Manifest, ManifestEntry, Sidecar};
use btcedu_domain::{CallId, ChapterId, Sha256Hash, Usd};
use btcedu_models::{
    episodes::Episode, media_assets::MediaAsset, pipeline_runs::PipelineRun, prompt_versions::PromptVersion,
    provider_calls::ProviderCall,
};
use serde::{Deserialize, Serialize};

use crate::{
    ResendUnknown,
    frame::{Position, run::Budget},
    imagegen::request::{ChapterRequest, RequestSettings},
};

/// What was decided from; not changed any more once the run has adopted what an earlier one left.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) dir: EpisodeDir,
    pub(crate) episode: Episode,
    pub(crate) position: Position,
    pub(crate) budget: Budget,
    pub(crate) resend_unknown: ResendUnknown,
    pub(crate) request: RequestSettings,
    /// Every chapter of chapters.json, in its order.
    pub(crate) chapters: Vec<Arc<ChapterRequest>>,
    /// Hash of chapters.json.
    pub(crate) chapters_hash: Sha256Hash,
    pub(crate) calls: Vec<ProviderCall>,
}

impl Facts {
    /// Finds a chapter of chapters.json.
    pub(crate) fn chapter(&self, id: &ChapterId) -> Option<&ChapterRequest> {
        self.chapters.iter().find(|c| c.chapter.chapter_id == *id).map(Arc::as_ref)
    }
}

/// What is on the disk and in its rows by now; the recorder keeps it up to date.
#[derive(Debug, Clone)]
pub(crate) struct Shelf {
    /// The pictures in the store, oldest first.
    pub(crate) pictures: Vec<Picture>,
    /// Which picture is current for which chapter.
    pub(crate) current: BTreeMap<ChapterId, Current>,
    /// Files in `images/` whose name could be a chapter's.
    pub(crate) image_files: BTreeMap<ChapterId, ImageFile>,
    pub(crate) manifest: Option<Manifest>,
    /// The manifest is marked as out of date.
    pub(crate) stale: bool,
    pub(crate) rows: Vec<MediaAsset>,
    pub(crate) prompt_versions: Vec<PromptVersion>,
    /// Files in the store without their other half.
    pub(crate) strays: Vec<PathBuf>,
}

/// What an interrupted run, or a hand, has left.
#[derive(Debug, Clone, Default)]
pub(crate) struct Leftovers {
    /// Whole pictures under temporary names.
    pub(crate) torn: Vec<Sidecar>,
    pub(crate) temporary_files: Vec<PathBuf>,
    pub(crate) open_runs: Vec<PipelineRun>,
    /// Why the manifest can't be read.
    pub(crate) manifest_problem: Option<String>,
}

/// A stored picture and what became of its file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Picture {
    pub(crate) sidecar: Sidecar,
    /// Checked only where the picture matters today; else `Intact` means "there".
    pub(crate) check: FileCheck,
    pub(crate) facts: Option<FileFacts>,
}

/// Which picture is current for a chapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Current {
    pub(crate) call: CallId,
    pub(crate) chosen_for: Option<Sha256Hash>,
}

/// `images/{chapter}.png` as it is on the disk.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ImageFile {
    pub(crate) sha256: Sha256Hash,
    /// What the file system knew of it before its bytes were read.
    pub(crate) facts: Option<FileFacts>,
    /// It decodes; looked at only where its bytes are in no stored picture.
    pub(crate) whole: bool,
}

/// What `media_assets.metadata` holds for a picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct AssetMetadata {
    pub(crate) call_id: CallId,
    pub(crate) request_hash: Sha256Hash,
    pub(crate) sha256: Sha256Hash,
    pub(crate) model: String,
    pub(crate) cost_usd: Usd,
    pub(crate) stored_facts: Option<FileFacts>,
    pub(crate) chapter_facts: Option<FileFacts>,
}

impl AssetMetadata {
    /// Reads what a row says of its picture.
    pub(crate) fn of(row: &MediaAsset) -> Option<Self> {
        serde_json::from_str(row.metadata.as_deref()?).ok()
    }
}

impl Shelf {
    pub(crate) fn picture(&self, call: CallId) -> Option<&Picture> {
        self.pictures.iter().find(|p| p.sidecar.call_id == call)
    }

    pub(crate) fn intact(&self, call: CallId) -> Option<&Picture> {
        self.picture(call).filter(|p| p.check == FileCheck::Intact)
    }

    /// Returns what the manifest says of a chapter.
    pub(crate) fn entry(&self, chapter: &ChapterId) -> Option<&ManifestEntry> {
        self.manifest.as_ref()?.entry(chapter)
    }

    /// Tells whether a chapter's file has the bytes of its current picture.
    pub(crate) fn shows_current(&self, chapter: &ChapterId) -> bool {
        let current = self.current.get(chapter).and_then(|c| self.picture(c.call)).map(|p| p.sidecar.sha256);
        current.is_some() && current == self.image_files.get(chapter).map(|f| f.sha256)
    }

    /// Tells whether a person put another picture in place of a chapter's current one.
    pub(crate) fn is_edited(&self, chapter: &ChapterId) -> bool {
        let has_current = self.current.get(chapter).is_some_and(|c| self.picture(c.call).is_some());
        has_current && !self.shows_current(chapter) && self.is_only_copy(chapter)
    }

    /// Tells whether a file is a whole picture that the store doesn't have: never to be overwritten or removed.
    pub(crate) fn is_only_copy(&self, chapter: &ChapterId) -> bool {
        self.image_files.get(chapter).is_some_and(|file| file.whole && !self.has_stored(file.sha256))
    }

    /// Tells whether a file's bytes are safe in the store.
    pub(crate) fn is_stored_copy(&self, chapter: &ChapterId) -> bool {
        self.image_files.get(chapter).is_some_and(|file| self.has_stored(file.sha256))
    }

    fn has_stored(&self, sha256: Sha256Hash) -> bool {
        self.pictures.iter().any(|p| p.sidecar.sha256 == sha256 && p.check == FileCheck::Intact)
    }
}
