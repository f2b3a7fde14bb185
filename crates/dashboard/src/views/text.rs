//! One text of an episode, to read.

use btcedu_domain::UtcTime;
use serde::Serialize;
use utoipa::ToSchema;

use crate::views::parts::EpisodeHeadView;

/// One text.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct TextView {
    /// The episode.
    pub(crate) episode: EpisodeHeadView,
    /// Which text it is.
    pub(crate) text: TextLinkView,
    /// All texts of the episode, to go from one to the other.
    pub(crate) texts: Vec<TextLinkView>,
    /// Words in it.
    pub(crate) words: usize,
    /// Its paragraphs, as they are on the disk.
    pub(crate) paragraphs: Vec<String>,
    /// The adapted script as HTML that is safe to show, its tags marked; none for plain texts.
    pub(crate) html: Option<String>,
}

/// A text, to go to.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct TextLinkView {
    /// `raw`, `clean`, `corrected`, `turkish` or `adapted`: the last part of its address.
    pub(crate) kind: String,
    /// What people call it.
    pub(crate) label: String,
    /// `de` or `tr`.
    pub(crate) lang: String,
    /// The file, relative to the workspace.
    pub(crate) path: String,
    /// Its size in bytes; none where it is not there.
    pub(crate) size_bytes: Option<u64>,
    /// When it was last written.
    #[schema(value_type = Option<String>)]
    pub(crate) modified_at: Option<UtcTime>,
    /// Why it is out of date, where a marker says so.
    pub(crate) stale: Option<String>,
}
