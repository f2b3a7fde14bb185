//! The types of the chapter document; fields are named as in schema 1.0.

use btcedu_domain::{ChapterId, EpisodeId, VisualType};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    error::{ChapterError, Violation},
    field_schema,
    seconds::Seconds,
    words::{OverlayType, TransitionType},
};

/// A valid document, with warnings about what is unusual in it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Parsed {
    /// The document.
    pub document: ChapterDocument,
    /// What is unusual but allowed, in document order.
    pub warnings: Vec<Violation>,
}

/// An episode cut into chapters: the content of `chapters.json`, schema 1.x.
///
/// Only [`crate::parse`] and [`crate::assemble`] make one, so it keeps every rule. serde writes it in a form that
/// can be read again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct ChapterDocument {
    /// `MAJOR.MINOR`; the major number is 1.
    #[schemars(schema_with = "field_schema::version")]
    pub schema_version: String,
    /// The episode, as in the name of its folder.
    #[schemars(schema_with = "field_schema::id")]
    pub episode_id: EpisodeId,
    /// The episode's title; not blank.
    #[schemars(schema_with = "field_schema::not_blank")]
    pub title: String,
    /// How many chapters there are.
    #[schemars(schema_with = "field_schema::at_least_one")]
    pub total_chapters: u32,
    /// Seconds; within 5 of the sum over the chapters.
    #[schemars(schema_with = "field_schema::at_least_one")]
    pub estimated_duration_seconds: u32,
    /// In playing order; at least one.
    #[schemars(length(min = 1))]
    pub chapters: Vec<Chapter>,
}

/// One chapter: what is said and what is seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Chapter {
    /// Unique in the document, ignoring case, because it is used in file names.
    #[schemars(schema_with = "field_schema::id")]
    pub chapter_id: ChapterId,
    /// The chapter's title; not blank.
    #[schemars(schema_with = "field_schema::not_blank")]
    pub title: String,
    /// 1 for the first chapter, 2 for the second, and so on.
    #[schemars(schema_with = "field_schema::at_least_one")]
    pub order: u32,
    /// What is said.
    pub narration: Narration,
    /// What is seen.
    pub visual: Visual,
    /// Texts shown over the picture; absent means none.
    #[serde(default)]
    pub overlays: Vec<Overlay>,
    /// How the chapter begins and ends.
    pub transitions: Transitions,
    /// Notes for the video editors; absent means none.
    pub notes: Option<String>,
}

/// What is said in a chapter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Narration {
    /// The spoken text, in Turkish; not blank.
    #[schemars(schema_with = "field_schema::not_blank")]
    pub text: String,
    /// Words in the text.
    #[schemars(schema_with = "field_schema::at_least_one")]
    pub word_count: u32,
    /// Seconds, at 150 words a minute; a difference of more than 20 % gives a warning.
    #[schemars(schema_with = "field_schema::at_least_one")]
    pub estimated_duration_seconds: u32,
}

/// What is seen in a chapter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Visual {
    /// The kind of picture.
    #[serde(rename = "type")]
    #[schemars(schema_with = "field_schema::visual_type")]
    pub visual_type: VisualType,
    /// What the picture should show; not blank.
    #[schemars(schema_with = "field_schema::not_blank")]
    pub description: String,
    /// The prompt for the picture. Null, absent or blank: one is written when the picture is made.
    pub image_prompt: Option<String>,
}

/// A text shown over the picture for some seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Overlay {
    /// The kind of text.
    #[serde(rename = "type")]
    #[schemars(schema_with = "field_schema::overlay_type")]
    pub overlay_type: OverlayType,
    /// The text; not empty.
    #[schemars(schema_with = "field_schema::not_empty")]
    pub text: String,
    /// Seconds from the chapter's beginning; decimals are allowed.
    #[schemars(schema_with = "field_schema::seconds")]
    pub start_offset_seconds: Seconds,
    /// Seconds on the screen, more than 0; decimals are allowed.
    #[schemars(schema_with = "field_schema::more_than_zero_seconds")]
    pub duration_seconds: Seconds,
}

/// How a chapter begins and ends; both are required.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Transitions {
    /// From the chapter before.
    #[serde(rename = "in")]
    #[schemars(schema_with = "field_schema::transition")]
    pub transition_in: TransitionType,
    /// To the chapter after.
    #[serde(rename = "out")]
    #[schemars(schema_with = "field_schema::transition")]
    pub transition_out: TransitionType,
}

impl ChapterDocument {
    /// The schema version of documents that this crate makes.
    pub const SCHEMA_VERSION: &'static str = "1.0";

    /// Returns the chapter with this id.
    pub fn chapter(&self, id: &ChapterId) -> Option<&Chapter> {
        self.chapters.iter().find(|chapter| chapter.chapter_id == *id)
    }

    /// Checks that the document belongs to the episode whose folder contains it.
    ///
    /// # Errors
    /// [`ChapterError::Invalid`] with one violation at `$.episode_id`.
    pub fn check_episode(&self, folder: &EpisodeId) -> Result<(), ChapterError> {
        if self.episode_id == *folder {
            return Ok(());
        }
        let message = other_episode(&self.episode_id, folder);
        Err(ChapterError::Invalid {
            violations: vec![Violation { path: "$.episode_id".to_owned(), message }],
        })
    }
}

/// Writes the message for a document in another episode's folder.
pub(crate) fn other_episode(found: &EpisodeId, folder: &EpisodeId) -> String {
    format!("is '{found}', but the document is read as that of episode '{folder}'")
}

impl Visual {
    /// Returns the chapter's own prompt, trimmed; none if it is null, empty or blank.
    pub fn own_prompt(&self) -> Option<&str> {
        self.image_prompt.as_deref().map(str::trim).filter(|prompt| !prompt.is_empty())
    }
}
