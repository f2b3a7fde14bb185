//! `images/manifest.json`: which picture is current for which chapter.

use btcedu_domain::{
    CallId, ChapterId, EpisodeId, ImageStatus, PromptSource, Sha256Hash, Usd, UtcTime, VisualType,
};
use serde::{Deserialize, Serialize};

/// The version of the manifest's format.
pub const MANIFEST_VERSION: &str = "1.0";

/// The selection of pictures, one entry per chapter, in chapter order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The episode.
    pub episode_id: EpisodeId,
    /// [`MANIFEST_VERSION`].
    pub schema_version: String,
    /// When it was written.
    pub generated_at: UtcTime,
    /// Today's image model.
    pub model: String,
    /// Today's size, `WIDTHxHEIGHT`.
    pub size: String,
    /// Today's quality.
    pub quality: String,
    /// Today's style prefix.
    pub style_prefix: String,
    /// Counts over the entries.
    pub totals: ManifestTotals,
    /// One entry per chapter.
    pub images: Vec<ManifestEntry>,
}

impl Manifest {
    /// Returns a chapter's entry.
    pub fn entry(&self, chapter: &ChapterId) -> Option<&ManifestEntry> {
        self.images.iter().find(|e| e.chapter_id == *chapter)
    }

    /// Tells whether `other` says the same, whenever it was written.
    pub fn says_the_same_as(&self, other: &Self) -> bool {
        Self { generated_at: other.generated_at, ..self.clone() } == *other
    }
}

/// Counts over the entries; the cost is of the current pictures and their prompts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestTotals {
    /// Chapters with a picture.
    pub generated: usize,
    /// Chapters whose type gets none.
    pub skipped: usize,
    /// Chapters whose prompt the provider refused.
    pub rejected: usize,
    /// Chapters where all tries failed.
    pub failed: usize,
    /// Chapters not tried yet.
    pub pending: usize,
    /// Cost of the current pictures and their prompts.
    pub cost_usd: Usd,
}

impl ManifestTotals {
    /// Counts one entry; costs are added by the caller, who knows those of the prompts too.
    pub fn count(&mut self, status: ImageStatus) {
        let counter = match status {
            ImageStatus::Generated => &mut self.generated,
            ImageStatus::Skipped => &mut self.skipped,
            ImageStatus::Rejected => &mut self.rejected,
            ImageStatus::Failed => &mut self.failed,
            ImageStatus::Pending => &mut self.pending,
        };
        *counter += 1;
    }
}

/// What is current for one chapter. Every entry has every key; a key that doesn't apply is null.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ManifestEntry {
    /// The chapter.
    pub chapter_id: ChapterId,
    /// Its title.
    pub chapter_title: String,
    /// Kind of visual.
    pub visual_type: VisualType,
    /// What is known of its picture.
    pub status: ImageStatus,
    /// The prompt as sent.
    pub prompt: Option<String>,
    /// Who wrote the prompt.
    pub prompt_source: Option<PromptSource>,
    /// The prompt as the provider rewrote it.
    pub revised_prompt: Option<String>,
    /// Image model.
    pub model: Option<String>,
    /// Size as asked.
    pub size: Option<String>,
    /// Quality as asked.
    pub quality: Option<String>,
    /// The picture, relative to `outputs/{ep}/`.
    pub file_path: Option<String>,
    /// Its MIME type.
    pub mime_type: Option<String>,
    /// Its size in bytes.
    pub size_bytes: Option<u64>,
    /// Its hash.
    pub sha256: Option<Sha256Hash>,
    /// Its width in pixels.
    pub width: Option<u32>,
    /// Its height in pixels.
    pub height: Option<u32>,
    /// What the picture cost, without its prompt.
    pub cost_usd: Option<Usd>,
    /// When it was made.
    pub generated_at: Option<UtcTime>,
    /// Hash of what it depends on in the chapter.
    pub chapter_hash: Option<Sha256Hash>,
    /// Hash of the settings it was made with.
    pub settings_hash: Option<Sha256Hash>,
    /// Hash of both.
    pub request_hash: Option<Sha256Hash>,
    /// The call that made it.
    pub call_id: Option<CallId>,
    /// The request hash for which a person chose this picture.
    pub chosen_for: Option<Sha256Hash>,
    /// HTTP attempts in the run that decided this entry.
    pub attempts: u32,
    /// Why the entry is what it is, where that needs a word.
    pub reason: Option<String>,
    /// What went wrong.
    pub error: Option<String>,
    /// What a person should know.
    pub warnings: Vec<String>,
}

impl ManifestEntry {
    /// Makes an entry without a picture.
    pub fn without_picture(
        chapter_id: ChapterId,
        chapter_title: String,
        visual_type: VisualType,
        status: ImageStatus,
    ) -> Self {
        Self {
            chapter_id,
            chapter_title,
            visual_type,
            status,
            prompt: None,
            prompt_source: None,
            revised_prompt: None,
            model: None,
            size: None,
            quality: None,
            file_path: None,
            mime_type: None,
            size_bytes: None,
            sha256: None,
            width: None,
            height: None,
            cost_usd: None,
            generated_at: None,
            chapter_hash: None,
            settings_hash: None,
            request_hash: None,
            call_id: None,
            chosen_for: None,
            attempts: 0,
            reason: None,
            error: None,
            warnings: Vec::new(),
        }
    }
}
