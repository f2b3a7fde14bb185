//! The answer to a request for chapters: the script's own words, cut where the recorded chapters of the sample
//! begin, else after so many words.

use std::sync::LazyLock;

use btcedu_domain::Sha256Hash;
use serde_json::{Value, json};

use super::{recorded, stand_in};

/// The sample's chapters; their narration is only the words that it begins with.
static RECORDED: LazyLock<Vec<Value>> =
    LazyLock::new(|| serde_json::from_str(include_str!("sample.chapters.json")).unwrap_or_default());

/// A narration of more words is cut.
const MOST_WORDS: usize = 150;
/// Each part of a narration that is cut has at least this many words.
const FEWEST_WORDS: usize = 75;
/// A narration of fewer words has no overlay: there is no time to read it.
const WORDS_FOR_OVERLAY: usize = 15;
const TYPES: [&str; 3] = ["diagram", "b_roll", "talking_head"];

/// Writes the chapters of a script as JSON.
pub(super) fn draft(script: &str, episode_title: &str) -> String {
    let chapters: Vec<Value> = narrations(script).into_iter().enumerate().map(chapter).collect();
    let title = recorded::translated(episode_title).unwrap_or_else(|| episode_title.to_owned());
    let title = if title.is_empty() { "Başlıksız".to_owned() } else { title };
    json!({"title": title, "chapters": chapters}).to_string()
}

fn narrations(script: &str) -> Vec<String> {
    let text = script.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut begins: Vec<usize> = RECORDED.iter().filter_map(|chapter| text.find(opening(chapter))).collect();
    begins.sort_unstable();
    let mut found = Vec::new();
    let mut rest = text.as_str();
    for begin in begins.into_iter().rev() {
        let (before, narration) = rest.split_at(begin);
        found.push(narration);
        rest = before;
    }
    found.push(rest);
    found.into_iter().rev().flat_map(cut).collect()
}

/// Cuts a text that is too long for one chapter, at the ends of sentences where possible.
fn cut(text: &str) -> Vec<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut narrations = Vec::new();
    let mut current: Vec<&str> = Vec::new();
    for (index, word) in words.iter().enumerate() {
        current.push(word);
        let is_full = current.len() >= FEWEST_WORDS && word.ends_with(['.', '!', '?']);
        let left = words.len() - index - 1;
        if left == 0 || (left >= FEWEST_WORDS && is_full) || current.len() == MOST_WORDS {
            narrations.push(current.join(" "));
            current.clear();
        }
    }
    narrations
}

fn chapter((index, narration): (usize, String)) -> Value {
    if let Some(recorded) = RECORDED.iter().find(|chapter| narration.starts_with(opening(chapter))) {
        let mut chapter = recorded.clone();
        if let Some(fields) = chapter.as_object_mut() {
            fields.insert("narration".to_owned(), narration.into());
        }
        return chapter;
    }
    let words: Vec<&str> = narration.split_whitespace().collect();
    let title =
        format!("Bölüm {}: {}", index + 1, words.iter().take(4).copied().collect::<Vec<_>>().join(" "));
    let kind = TYPES.get(index % TYPES.len()).copied().unwrap_or("diagram");
    let seen = format!("stand-in {}", Sha256Hash::of_bytes(narration.as_bytes()).short());
    let image_prompt = (kind != "talking_head").then(|| stand_in::image_prompt(&seen));
    let overlay =
        json!({"type": "lower_third", "text": title, "start_offset_seconds": 1, "duration_seconds": 4});
    json!({
        "title": title,
        "narration": narration,
        "visual": {
            "type": kind,
            "description": format!("{} kelimelik bölüm için yer tutucu.", words.len()),
            "image_prompt": image_prompt,
        },
        "overlays": if words.len() < WORDS_FOR_OVERLAY { json!([]) } else { json!([overlay]) },
        "transitions": {"in": "cut", "out": "cut"},
        "notes": null,
    })
}

/// The words that a recorded chapter begins with.
fn opening(chapter: &Value) -> &str {
    chapter.get("narration").and_then(Value::as_str).unwrap_or_default()
}
