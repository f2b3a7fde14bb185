//! The JSON beside an artifact: what it was made from, with what, at which cost.

use btcedu_domain::{
    CallId, ChapterId, EpisodeId, ImageStatus, PromptSource, Sha256Hash, Stage, Usd, UtcTime,
};
use serde::{Deserialize, Serialize};

/// What an artifact was made from; `extra` holds what only one stage has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Provenance<Extra> {
    /// The stage that wrote the artifact.
    pub stage: Stage,
    /// The episode.
    pub episode_id: EpisodeId,
    /// When this document was written.
    pub timestamp: UtcTime,
    /// Name of the prompt template.
    pub prompt_name: Option<String>,
    /// Its version.
    pub prompt_version: Option<i32>,
    /// SHA-256 of its body.
    pub prompt_hash: Option<Sha256Hash>,
    /// Text model.
    pub model: Option<String>,
    /// Parameters of the text model, and which were not sent.
    pub model_params: serde_json::Value,
    /// Files read, relative to the workspace.
    pub input_files: Vec<String>,
    /// SHA-256 of what was read.
    pub input_content_hash: Sha256Hash,
    /// Files written, relative to the workspace.
    pub output_files: Vec<String>,
    /// SHA-256 of each, in the same order.
    pub output_hashes: Vec<Sha256Hash>,
    /// Tokens sent for what is current.
    pub input_tokens: i64,
    /// Tokens received for what is current.
    pub output_tokens: i64,
    /// Cost of what is current.
    pub cost_usd: Usd,
    /// How long the run took, in seconds.
    pub duration_seconds: f64,
    /// What only this stage has.
    #[serde(flatten)]
    pub extra: Extra,
}

impl<Extra: Clone + PartialEq> Provenance<Extra> {
    /// Tells whether `other` says the same, whenever and however quickly it was written.
    pub fn says_the_same_as(&self, other: &Self) -> bool {
        Self { timestamp: other.timestamp, duration_seconds: other.duration_seconds, ..self.clone() }
            == *other
    }
}

/// What the text stages add.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextProvenance {
    /// Version of the template `system`, which all text stages share.
    pub system_prompt_version: i32,
    /// SHA-256 of its body.
    pub system_prompt_hash: Sha256Hash,
    /// Calls that the text was made with, one per segment.
    pub segments: usize,
    /// What a reviewer had asked for, where it was carried out here.
    pub reviewer_feedback: Option<String>,
    /// What a person should know.
    pub warnings: Vec<String>,
}

/// What imagegen adds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImagegenProvenance {
    /// Image model.
    pub image_gen_model: String,
    /// Parameters of the image model.
    pub image_params: serde_json::Value,
    /// Chapters that get a picture.
    pub image_count: usize,
    /// Chapters that have one.
    pub generated_count: usize,
    /// Chapters whose type gets none.
    pub skipped_count: usize,
    /// Chapters whose prompt was refused.
    pub rejected_count: usize,
    /// Chapters where all tries failed.
    pub failed_count: usize,
    /// Per chapter, where the prompt came from and what it cost.
    pub chapters: Vec<ChapterProvenance>,
}

/// Where one chapter's picture came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChapterProvenance {
    /// The chapter.
    pub chapter_id: ChapterId,
    /// What is known of its picture.
    pub status: ImageStatus,
    /// Who wrote the prompt.
    pub prompt_source: Option<PromptSource>,
    /// What the prompt cost; nothing for the chapter's own.
    pub prompt_cost_usd: Usd,
    /// What the picture cost.
    pub image_cost_usd: Usd,
    /// The call that made the picture.
    pub call_id: Option<CallId>,
    /// Text model that wrote the prompt.
    pub prompt_model: Option<String>,
    /// SHA-256 of the template's body that the prompt was written with.
    pub prompt_hash: Option<Sha256Hash>,
}
