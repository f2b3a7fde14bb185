//! The pictures of an episode, as the manifest has them and as the disk has them.

use btcedu_domain::{ChapterId, ImageStatus, Sha256Hash, Usd, UtcTime, VisualType};
use serde::Serialize;
use utoipa::ToSchema;

use crate::views::parts::{CommandView, EpisodeHeadView};

/// The gallery.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct GalleryView {
    /// The episode.
    pub(crate) episode: EpisodeHeadView,
    /// Why there are no pictures to show; none where there are.
    pub(crate) problem: Option<String>,
    /// Why the selection is out of date, where a marker says so.
    pub(crate) stale: Option<String>,
    /// What a run would be made with, as the manifest has it; none without one.
    pub(crate) made_with: Option<MadeWithView>,
    /// How many chapters have each status, and what the current pictures cost.
    pub(crate) totals: GalleryTotalsView,
    /// The status filtered by; empty for all.
    pub(crate) filter: String,
    /// The pictures that the filter leaves, in chapter order.
    pub(crate) pictures: Vec<PictureView>,
    /// Since when imagegen is at work on this episode.
    #[schema(value_type = Option<String>)]
    pub(crate) running_since: Option<UtcTime>,
    /// How many pictures are missing or not as the manifest says.
    pub(crate) differing: usize,
    /// Pictures in the folder that no chapter shows, by file name.
    pub(crate) others: Vec<String>,
    /// Commands to copy.
    pub(crate) commands: Vec<CommandView>,
}

/// What the manifest's last run was made with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct MadeWithView {
    /// Image model.
    pub(crate) model: String,
    /// `WIDTHxHEIGHT`.
    pub(crate) size: String,
    /// In the model's words.
    pub(crate) quality: String,
    /// Text in front of every prompt; may be empty.
    pub(crate) style_prefix: String,
    /// When the manifest was written.
    #[schema(value_type = String)]
    pub(crate) written_at: UtcTime,
}

/// Counts over all chapters, whatever the filter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct GalleryTotalsView {
    /// All chapters.
    pub(crate) chapters: usize,
    /// With a picture.
    pub(crate) generated: usize,
    /// Whose kind gets none.
    pub(crate) skipped: usize,
    /// Whose prompt the provider refused.
    pub(crate) rejected: usize,
    /// Where all tries failed.
    pub(crate) failed: usize,
    /// Not tried yet.
    pub(crate) pending: usize,
    /// Cost of the current pictures and their prompts, in US dollars.
    #[schema(value_type = f64)]
    pub(crate) cost_usd: Usd,
}

/// One chapter's picture, or why it has none.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct PictureView {
    /// The chapter.
    #[schema(value_type = String)]
    pub(crate) chapter_id: ChapterId,
    /// The chapter's place, from 1.
    pub(crate) order: usize,
    /// Its title.
    pub(crate) title: String,
    /// Kind of visual.
    #[schema(value_type = String)]
    pub(crate) visual_type: VisualType,
    /// What is known of its picture.
    #[schema(value_type = String)]
    pub(crate) status: ImageStatus,
    /// Address of the picture below the dashboard's own; none where it has none to show.
    pub(crate) url: Option<String>,
    /// Address of the thumbnail, likewise.
    pub(crate) thumb_url: Option<String>,
    /// Name to keep the picture under.
    pub(crate) file_name: String,
    /// Words for who can't see it.
    pub(crate) alt: String,
    /// What is wrong on the disk: missing, or not the manifest's bytes.
    pub(crate) differs: Option<String>,
    /// Why there is no picture, or what went wrong.
    pub(crate) message: Option<String>,
    /// Width in pixels.
    pub(crate) width: Option<u32>,
    /// Height in pixels.
    pub(crate) height: Option<u32>,
    /// Size of the file in bytes.
    pub(crate) size_bytes: Option<u64>,
    /// Image model.
    pub(crate) model: Option<String>,
    /// Quality as asked.
    pub(crate) quality: Option<String>,
    /// What the picture cost without its prompt, in US dollars.
    #[schema(value_type = Option<f64>)]
    pub(crate) cost_usd: Option<Usd>,
    /// When it was made.
    #[schema(value_type = Option<String>)]
    pub(crate) generated_at: Option<UtcTime>,
    /// The prompt as sent.
    pub(crate) prompt: Option<String>,
    /// Who wrote it: `chapter` or `llm`.
    pub(crate) prompt_source: Option<String>,
    /// The prompt as the provider rewrote it.
    pub(crate) revised_prompt: Option<String>,
    /// SHA-256 of the picture.
    #[schema(value_type = Option<String>)]
    pub(crate) sha256: Option<Sha256Hash>,
    /// HTTP attempts in the run that decided it.
    pub(crate) attempts: u32,
    /// What a person should know.
    pub(crate) warnings: Vec<String>,
    /// Commands to copy.
    pub(crate) commands: Vec<CommandView>,
}
