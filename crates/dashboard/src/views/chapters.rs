//! The chapters of an episode: on a line, and one by one.

use btcedu_chapters::Seconds;
use btcedu_domain::{ChapterId, VisualType};
use serde::Serialize;
use utoipa::ToSchema;

use crate::views::{images::PictureView, parts::EpisodeHeadView};

/// All chapters.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct ChaptersView {
    /// The episode.
    pub(crate) episode: EpisodeHeadView,
    /// The document's own title; empty where there is no document.
    pub(crate) document_title: String,
    /// Length of all chapters, in seconds.
    pub(crate) total_seconds: u32,
    /// Why there are no chapters to show; none where there are.
    pub(crate) problem: Option<String>,
    /// What is wrong with the document, each with its JSON path.
    pub(crate) violations: Vec<ViolationView>,
    /// What is odd about it.
    pub(crate) warnings: Vec<ViolationView>,
    /// Why the document is out of date, where a marker says so.
    pub(crate) stale: Option<String>,
    /// The chapters, in order.
    pub(crate) chapters: Vec<ChapterView>,
    /// The kinds of visuals that occur.
    pub(crate) visual_types: Vec<VisualCountView>,
}

/// What is wrong in one place of the document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ViolationView {
    /// JSON path.
    pub(crate) path: String,
    /// What is wrong there.
    pub(crate) message: String,
}

/// How many chapters have a kind of visual.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct VisualCountView {
    /// The kind.
    #[schema(value_type = String)]
    pub(crate) visual_type: VisualType,
    /// How many.
    pub(crate) count: usize,
}

/// One chapter.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct ChapterView {
    /// Its id, also its anchor on the page.
    #[schema(value_type = String)]
    pub(crate) chapter_id: ChapterId,
    /// Its place, from 1.
    pub(crate) order: u32,
    /// Its title.
    pub(crate) title: String,
    /// Where it begins, in seconds.
    pub(crate) start_seconds: u32,
    /// How long it is, in seconds.
    pub(crate) duration_seconds: u32,
    /// Where it begins on the line, in percent.
    pub(crate) start_percent: f64,
    /// How wide it is on the line, in percent.
    pub(crate) width_percent: f64,
    /// Words of the narration.
    pub(crate) word_count: u32,
    /// The narration, paragraph by paragraph.
    pub(crate) narration: Vec<String>,
    /// Kind of visual.
    #[schema(value_type = String)]
    pub(crate) visual_type: VisualType,
    /// What is to be seen.
    pub(crate) visual_description: String,
    /// The chapter's own prompt.
    pub(crate) image_prompt: Option<String>,
    /// What is laid over it.
    pub(crate) overlays: Vec<OverlayView>,
    /// How it comes in.
    pub(crate) transition_in: String,
    /// How it goes out.
    pub(crate) transition_out: String,
    /// Notes for the editor.
    pub(crate) notes: Option<String>,
    /// Its picture; none where there is no manifest yet.
    pub(crate) picture: Option<PictureView>,
}

/// Something laid over a chapter.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct OverlayView {
    /// `lower_third`, `title`, `quote` or `statistic`.
    pub(crate) overlay_type: String,
    /// Its text.
    pub(crate) text: String,
    /// When it comes, in seconds after the chapter's start; decimals are allowed.
    #[schema(value_type = f64)]
    pub(crate) start_seconds: Seconds,
    /// How long it stays, in seconds; decimals are allowed.
    #[schema(value_type = f64)]
    pub(crate) duration_seconds: Seconds,
    /// Where it begins on the chapter's axis, in percent from 0 to 100.
    pub(crate) start_percent: f64,
    /// How wide it is there, in percent; start and width together are at most 100.
    pub(crate) width_percent: f64,
    /// Whether it goes on when the chapter has ended.
    pub(crate) overruns: bool,
}
