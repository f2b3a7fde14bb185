//! The draft that a model writes when a script is cut into chapters, and how it becomes the chapter document.

mod fence;
mod schema;

use btcedu_domain::{ChapterId, EpisodeId, VisualType};
use serde::Serialize;

pub use self::schema::draft_json_schema;
use crate::{
    check,
    document::{Chapter, ChapterDocument, Narration, Overlay, Transitions, Visual},
    error::ChapterError,
    parse,
    seconds::Seconds,
    walk::{Findings, Object, Path},
};

/// Chapters as a model writes them: without ids, counts and durations, which are computed.
///
/// Only [`parse_draft`] makes one, so it keeps every rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Draft {
    /// A title for the episode, or for this part of it; not blank.
    pub title: String,
    /// In playing order; at least one.
    pub chapters: Vec<DraftChapter>,
}

/// One chapter as a model writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DraftChapter {
    /// The chapter's title; not blank.
    pub title: String,
    /// The spoken text; not blank.
    pub narration: String,
    /// What is seen; a diagram and a b-roll have a prompt.
    pub visual: Visual,
    /// Texts shown over the picture.
    pub overlays: Vec<Overlay>,
    /// How the chapter begins and ends.
    pub transitions: Transitions,
    /// Notes for the video editors.
    pub notes: Option<String>,
}

/// Reads and checks a model's reply: one JSON object, which may be inside a Markdown fence.
///
/// # Errors
/// As [`crate::parse`]: broken rules are listed all at once, each with its JSON path in the reply.
pub fn parse_draft(text: &str) -> Result<Draft, ChapterError> {
    let root = parse::read_json(fence::without_fence(text).as_bytes())?;
    let mut found = Findings::default();
    let draft = Object::new(&root, Path::Root, &mut found).and_then(|root| draft(&root, &mut found));
    let (violations, _) = found.finish();
    match draft {
        Some(draft) if violations.is_empty() => Ok(draft),
        _ => Err(ChapterError::Invalid { violations }),
    }
}

/// Makes one chapter document from the drafts of a script's parts, in order; at least one draft is needed.
///
/// Ids (`ch01` …), order, word counts, durations (150 words a minute, at least a second) and totals are
/// computed. An overlay that would start at or after its chapter's end is moved back so that both end together.
/// Only diagrams and b-rolls keep their prompts. The title is the first draft's, in the script's language;
/// `title` is used if that is blank.
pub fn assemble(episode: &EpisodeId, title: &str, drafts: &[Draft]) -> ChapterDocument {
    let titles = drafts.iter().map(|draft| draft.title.as_str()).chain([title]);
    let title = titles.map(str::trim).find(|title| !title.is_empty()).unwrap_or_default();
    let drafted = drafts.iter().flat_map(|draft| &draft.chapters);
    let chapters: Vec<_> = (1..).zip(drafted).filter_map(|(order, draft)| chapter(order, draft)).collect();
    let seconds = chapters.iter().map(|chapter| chapter.narration.estimated_duration_seconds);
    ChapterDocument {
        schema_version: ChapterDocument::SCHEMA_VERSION.to_owned(),
        episode_id: episode.clone(),
        title: title.to_owned(),
        total_chapters: u32::try_from(chapters.len()).unwrap_or(u32::MAX),
        estimated_duration_seconds: seconds.fold(0, u32::saturating_add),
        chapters,
    }
}

/// Never returns `None`: `chNN` is always an id.
fn chapter(order: u32, draft: &DraftChapter) -> Option<Chapter> {
    let chapter_id: ChapterId = format!("ch{order:02}").parse().ok()?;
    let narration = narration(draft.narration.trim());
    let seconds = narration.estimated_duration_seconds;
    let mut visual = draft.visual.clone();
    visual.image_prompt = visual.own_prompt().filter(|_| needs_prompt(visual.visual_type)).map(str::to_owned);
    let overlays = draft.overlays.iter().map(|overlay| within(overlay, seconds)).collect();
    Some(Chapter {
        chapter_id,
        title: draft.title.trim().to_owned(),
        order,
        narration,
        visual,
        overlays,
        transitions: draft.transitions.clone(),
        notes: draft.notes.clone().filter(|notes| !notes.trim().is_empty()),
    })
}

/// Counts the words; 150 words a minute are five words in two seconds.
fn narration(text: &str) -> Narration {
    let word_count = u32::try_from(text.split_whitespace().count()).unwrap_or(u32::MAX);
    let seconds = (u64::from(word_count) * 2 + 2) / 5;
    let estimated_duration_seconds = u32::try_from(seconds).unwrap_or(u32::MAX).max(1);
    Narration { text: text.to_owned(), word_count, estimated_duration_seconds }
}

fn within(overlay: &Overlay, end: u32) -> Overlay {
    let mut overlay = overlay.clone();
    let end = Seconds::from(end);
    if overlay.start_offset_seconds >= end {
        overlay.start_offset_seconds = end.saturating_sub(overlay.duration_seconds);
    }
    overlay
}

fn needs_prompt(visual_type: VisualType) -> bool {
    matches!(visual_type, VisualType::Diagram | VisualType::BRoll)
}

fn draft(root: &Object<'_, '_>, found: &mut Findings) -> Option<Draft> {
    let title = root.not_blank("title", found);
    let array = root.array("chapters", found);
    let at = root.at("chapters");
    if array.is_some_and(<[_]>::is_empty) {
        found.violation(&at, "is empty, but at least one chapter is needed");
    }
    let chapters: Vec<Option<DraftChapter>> = array
        .into_iter()
        .flatten()
        .enumerate()
        .map(|(index, value)| draft_chapter(&Object::new(value, Path::Index(&at, index), found)?, found))
        .collect();
    Some(Draft { title: title?, chapters: chapters.into_iter().collect::<Option<_>>()? })
}

fn draft_chapter(object: &Object<'_, '_>, found: &mut Findings) -> Option<DraftChapter> {
    let title = object.not_blank("title", found);
    let narration = object.not_blank("narration", found);
    let visual = object.object("visual", found).and_then(|object| visual(&object, found));
    let overlays = check::overlays(object, found);
    let transitions =
        object.object("transitions", found).and_then(|object| check::transitions(&object, found));
    let notes = object.text_or_null("notes", found);
    Some(DraftChapter {
        title: title?,
        narration: narration?,
        visual: visual?,
        overlays: overlays?,
        transitions: transitions?,
        notes: notes?,
    })
}

/// Stricter than the document: the model knows the script now, so it must write the prompt now.
fn visual(object: &Object<'_, '_>, found: &mut Findings) -> Option<Visual> {
    let visual = check::visual(object, found);
    // Read again, so that the prompt is checked even if another field breaks a rule.
    let already_reported = &mut Findings::default();
    let visual_type: VisualType = object.word("type", already_reported)?;
    let prompt = object.text_or_null("image_prompt", already_reported)?;
    if needs_prompt(visual_type) && prompt.as_deref().is_none_or(|prompt| prompt.trim().is_empty()) {
        let what = if prompt.is_some() { "is blank" } else { "is missing or null" };
        let message = format!("{what}, but the picture of a {visual_type} needs a prompt in English");
        found.violation(&object.at("image_prompt"), message);
        return None;
    }
    visual
}

#[cfg(test)]
mod tests;
