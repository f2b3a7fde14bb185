//! Checks every rule of schema 1.0 in one walk over the JSON. No other code repeats a rule.

use std::collections::HashMap;

use btcedu_domain::{ChapterId, EpisodeId, VisualType};
use serde_json::Value;

use crate::{
    document::{Chapter, ChapterDocument, Narration, Overlay, Parsed, Transitions, Visual, other_episode},
    error::ChapterError,
    seconds::Seconds,
    walk::{Findings, Object, Path, shown},
};

/// The largest allowed difference between the document's duration and the sum of its chapters, in seconds.
const DURATION_SLACK_SECONDS: u64 = 5;

/// Checks a document; `folder` is the episode that it should belong to, if known.
pub(crate) fn document(root: &Value, folder: Option<&EpisodeId>) -> Result<Parsed, ChapterError> {
    let mut found = Findings::default();
    let document = match Object::new(root, Path::Root, &mut found) {
        Some(root) => whole_document(&root, folder, &mut found)?,
        None => None,
    };
    let (violations, warnings) = found.finish();
    match document {
        Some(document) if violations.is_empty() => Ok(Parsed { document, warnings }),
        _ => Err(ChapterError::Invalid { violations }),
    }
}

fn whole_document(
    root: &Object<'_, '_>,
    folder: Option<&EpisodeId>,
    found: &mut Findings,
) -> Result<Option<ChapterDocument>, ChapterError> {
    let schema_version = version(root, found)?;
    let episode_id = episode_id(root, folder, found);
    let title = root.not_blank("title", found);
    let total_chapters = root.integer("total_chapters", 1, found);
    let estimated_duration_seconds = root.integer("estimated_duration_seconds", 1, found);
    let chapters = chapters(root, total_chapters, found);
    if let (Some(said), Some(chapters)) = (estimated_duration_seconds, &chapters) {
        total_duration(root, said, chapters, found);
    }
    // All checks have run: a `?` before this line would hide later violations.
    let assemble = || {
        Some(ChapterDocument {
            schema_version: schema_version?,
            episode_id: episode_id?,
            title: title?,
            total_chapters: total_chapters?,
            estimated_duration_seconds: estimated_duration_seconds?,
            chapters: chapters?,
        })
    };
    Ok(assemble())
}

/// Another major version is an error at once, because it has other rules.
fn version(root: &Object<'_, '_>, found: &mut Findings) -> Result<Option<String>, ChapterError> {
    let Some(text) = root.text("schema_version", found) else { return Ok(None) };
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    match text.split_once('.') {
        Some((major, minor)) if digits(major) && digits(minor) => {
            if major.trim_start_matches('0') == "1" {
                Ok(Some(text.to_owned()))
            } else {
                Err(ChapterError::UnsupportedVersion { found: shown(text) })
            }
        }
        _ => {
            let message = format!("'{}' is not a version like 1.0 (MAJOR.MINOR, in digits)", shown(text));
            found.violation(&root.at("schema_version"), message);
            Ok(None)
        }
    }
}

fn episode_id(root: &Object<'_, '_>, folder: Option<&EpisodeId>, found: &mut Findings) -> Option<EpisodeId> {
    let id: EpisodeId = root.id("episode_id", found)?;
    if let Some(folder) = folder.filter(|folder| **folder != id) {
        found.violation(&root.at("episode_id"), other_episode(&id, folder));
    }
    Some(id)
}

/// Returns `None` if any chapter breaks a rule, because sums over the others would be wrong.
fn chapters(
    root: &Object<'_, '_>,
    total_chapters: Option<u32>,
    found: &mut Findings,
) -> Option<Vec<Chapter>> {
    let array = root.array("chapters", found)?;
    let at = root.at("chapters");
    if array.is_empty() {
        found.violation(&at, "is empty, but at least one chapter is needed");
    }
    if let Some(total) = total_chapters.filter(|total| usize::try_from(*total) != Ok(array.len())) {
        let message = format!("is {total}, but the document has {} chapters", array.len());
        found.violation(&root.at("total_chapters"), message);
    }
    let mut first_with = HashMap::new();
    let chapters: Vec<Option<Chapter>> = array
        .iter()
        .enumerate()
        .map(|(index, value)| {
            let object = Object::new(value, Path::Index(&at, index), found)?;
            chapter(&object, index, &mut first_with, found)
        })
        .collect();
    chapters.into_iter().collect()
}

fn chapter(
    object: &Object<'_, '_>,
    index: usize,
    first_with: &mut HashMap<String, usize>,
    found: &mut Findings,
) -> Option<Chapter> {
    let chapter_id = unique_id(object, index, first_with, found);
    let title = object.not_blank("title", found);
    let order = order(object, index, found);
    let narration = object.object("narration", found).and_then(|object| narration(&object, found));
    let visual = object.object("visual", found).and_then(|object| visual(&object, found));
    let overlays = overlays(object, found);
    let transitions = object.object("transitions", found).and_then(|object| transitions(&object, found));
    let notes = object.text_or_null("notes", found);
    Some(Chapter {
        chapter_id: chapter_id?,
        title: title?,
        order: order?,
        narration: narration?,
        visual: visual?,
        overlays: overlays?,
        transitions: transitions?,
        notes: notes?,
    })
}

/// Ids are file names, and some file systems treat `Ch01` and `ch01` as the same file.
fn unique_id(
    object: &Object<'_, '_>,
    index: usize,
    first_with: &mut HashMap<String, usize>,
    found: &mut Findings,
) -> Option<ChapterId> {
    let id: ChapterId = object.id("chapter_id", found)?;
    let first = *first_with.entry(id.as_str().to_ascii_lowercase()).or_insert(index);
    if first != index {
        let message = format!(
            "'{id}' is taken by $.chapters[{first}]; ids must differ in more than upper and lower case"
        );
        found.violation(&object.at("chapter_id"), message);
    }
    Some(id)
}

fn order(object: &Object<'_, '_>, index: usize, found: &mut Findings) -> Option<u32> {
    let order = object.integer("order", 1, found)?;
    if usize::try_from(order) != Ok(index + 1) {
        let message = format!("is {order}, but this is chapter {} of the array", index + 1);
        found.violation(&object.at("order"), message);
    }
    Some(order)
}

fn narration(object: &Object<'_, '_>, found: &mut Findings) -> Option<Narration> {
    let text = object.not_blank("text", found);
    let word_count = object.integer("word_count", 1, found);
    let estimated_duration_seconds = object.integer("estimated_duration_seconds", 1, found);
    if let (Some(words), Some(seconds)) = (word_count, estimated_duration_seconds) {
        speaking_rate(object, words, seconds, found);
    }
    Some(Narration {
        text: text?,
        word_count: word_count?,
        estimated_duration_seconds: estimated_duration_seconds?,
    })
}

/// Warns if the duration differs by more than 20 % from 150 words a minute, which is 2.5 words a second.
/// A difference of less than a second is only rounding.
fn speaking_rate(object: &Object<'_, '_>, words: u32, seconds: u32, found: &mut Findings) {
    let (due_fifths, said_fifths) = (u64::from(words) * 2, u64::from(seconds) * 5);
    let off_fifths = due_fifths.abs_diff(said_fifths);
    if off_fifths * 5 > due_fifths && off_fifths >= 5 {
        let due = (due_fifths + 2) / 5;
        let message = format!("is {seconds} for {words} words; at 150 words a minute it is about {due}");
        found.warning(&object.at("estimated_duration_seconds"), message);
    }
}

pub(crate) fn visual(object: &Object<'_, '_>, found: &mut Findings) -> Option<Visual> {
    let visual_type = object.word::<VisualType>("type", found);
    let description = object.not_blank("description", found);
    let image_prompt = object.text_or_null("image_prompt", found);
    Some(Visual { visual_type: visual_type?, description: description?, image_prompt: image_prompt? })
}

pub(crate) fn overlays(object: &Object<'_, '_>, found: &mut Findings) -> Option<Vec<Overlay>> {
    let array = object.array_or_absent("overlays", found)?;
    let at = object.at("overlays");
    let overlays: Vec<Option<Overlay>> = array
        .iter()
        .enumerate()
        .map(|(index, value)| overlay(&Object::new(value, Path::Index(&at, index), found)?, found))
        .collect();
    overlays.into_iter().collect()
}

fn overlay(object: &Object<'_, '_>, found: &mut Findings) -> Option<Overlay> {
    let overlay_type = object.word("type", found);
    let text = object.not_empty("text", found);
    let start_offset_seconds = object.seconds("start_offset_seconds", found);
    let duration_seconds = object.seconds("duration_seconds", found);
    if duration_seconds == Some(Seconds::default()) {
        found.violation(&object.at("duration_seconds"), "is 0, but must be more than 0");
        return None;
    }
    Some(Overlay {
        overlay_type: overlay_type?,
        text: text?,
        start_offset_seconds: start_offset_seconds?,
        duration_seconds: duration_seconds?,
    })
}

pub(crate) fn transitions(object: &Object<'_, '_>, found: &mut Findings) -> Option<Transitions> {
    let transition_in = object.word("in", found);
    let transition_out = object.word("out", found);
    Some(Transitions { transition_in: transition_in?, transition_out: transition_out? })
}

fn total_duration(root: &Object<'_, '_>, said: u32, chapters: &[Chapter], found: &mut Findings) {
    let sum: u64 =
        chapters.iter().map(|chapter| u64::from(chapter.narration.estimated_duration_seconds)).sum();
    if sum.abs_diff(u64::from(said)) > DURATION_SLACK_SECONDS {
        let message = format!(
            "is {said}, but the chapters take {sum}; at most {DURATION_SLACK_SECONDS} seconds apart is allowed"
        );
        found.violation(&root.at("estimated_duration_seconds"), message);
    }
}

#[cfg(test)]
mod tests;
