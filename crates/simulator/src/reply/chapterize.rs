//! The answer to a request for chapters: the script's own sentences, cut into chapters of 60 to 150 words.

mod cut;
mod script;
mod topics;

use serde_json::{Value, json};

use super::{Asked, capitalized, material, pick, prose::count_words, sample};
use topics::Topic;

/// The types of visuals after the opening, in turn.
const TYPES: [&str; 6] = ["diagram", "b_roll", "screen_share", "diagram", "talking_head", "b_roll"];

/// The narration where a script has no words.
const NOTHING_LEFT: &str = "Bu konu ülkeden ülkeye farklı düzenlenmiştir.";

/// Where a request's segment stands among all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    is_first: bool,
    is_last: bool,
}

/// Fits requests with a script between tags.
pub(super) fn fits(asked: &Asked<'_>) -> bool {
    material::find(asked.text, "script").is_some()
}

/// Writes the chapters; where the request holds an earlier answer with a usable title, it keeps that.
pub(super) fn write(asked: &Asked<'_>) -> String {
    let script = script::spoken(material::find(asked.text, "script").unwrap_or_default());
    let mut narrations = cut::into_chapters(&script);
    if narrations.is_empty() {
        // All of it was removed, yet a document without chapters is none.
        narrations.push(NOTHING_LEFT.to_owned());
    }
    let place = place(asked.text);
    let mut used = Vec::new();
    let chapters: Vec<Value> = narrations
        .iter()
        .enumerate()
        .map(|(index, narration)| chapter(index, narration, narrations.len(), place, &mut used))
        .collect();
    let title = title(asked.text, narrations.first().map_or("", String::as_str));
    let draft = json!({"title": title, "chapters": chapters});
    serde_json::to_string_pretty(&draft).unwrap_or_default()
}

fn chapter(index: usize, narration: &str, count: usize, place: Place, used: &mut Vec<String>) -> Value {
    let topic = Topic::of(narration);
    let kind = match index {
        0 if place.is_first && count > 1 => "title_card",
        0 => "diagram",
        _ => TYPES.get((index - 1) % TYPES.len()).copied().unwrap_or("diagram"),
    };
    let title = topic.title(narration, used);
    used.push(title.clone());
    let is_drawn = matches!(kind, "diagram" | "b_roll");
    let image_prompt = is_drawn.then(|| topic.image_prompt(kind == "diagram", narration));
    let opens = place.is_first && index == 0;
    let ends = place.is_last && index + 1 == count;
    json!({
        "title": title,
        "narration": narration,
        "visual": {"type": kind, "description": topic.description(kind), "image_prompt": image_prompt},
        "overlays": overlays(narration, &title, opens),
        "transitions": {
            "in": if opens { "fade" } else { pick(&["cut", "dissolve"], narration, 1) },
            "out": if ends { "fade" } else { pick(&["cut", "dissolve"], narration, 2) },
        },
        "notes": opens.then_some("Açılış müziği ilk cümleyle birlikte kısılsın."),
    })
}

/// One text on the screen, two where a figure is spoken; none where there is no time to read it.
fn overlays(narration: &str, title: &str, opens: bool) -> Vec<Value> {
    let seconds = count_words(narration) * 60 / 150;
    if seconds < 6 {
        return Vec::new();
    }
    let kind = if opens { "title" } else { "lower_third" };
    let mut overlays =
        vec![json!({"type": kind, "text": title, "start_offset_seconds": 1, "duration_seconds": 4})];
    if let Some(text) = script::figure(narration).filter(|_| seconds >= 14) {
        overlays.push(
            json!({"type": "statistic", "text": text, "start_offset_seconds": 8, "duration_seconds": 5}),
        );
    }
    overlays
}

fn title(text: &str, narration: &str) -> String {
    let earlier = material::some(text, "rejected_reply")
        .and_then(|reply| serde_json::from_str::<Value>(reply).ok())
        .and_then(|draft| Some(draft.get("title")?.as_str()?.trim().to_owned()))
        .filter(|title| !title.is_empty());
    if let Some(title) = earlier {
        return title;
    }
    match material::some(text, "episode_title") {
        Some(title) => sample::translation(title).map_or_else(|| title.to_owned(), ToOwned::to_owned),
        None => script::opening(narration, 6),
    }
}

/// Reads `segment N of M`, the last time the request says so.
fn place(text: &str) -> Place {
    let head = text.split("<script>").next().unwrap_or_default();
    let read = |rest: &str| {
        let (segment, rest) = number(rest)?;
        let (count, _) = number(rest.strip_prefix(" of ")?)?;
        Some(Place { is_first: segment <= 1, is_last: segment >= count })
    };
    let found = head.rsplit("segment ").find_map(read);
    found.unwrap_or(Place { is_first: true, is_last: true })
}

/// Reads the number that a text begins with, and returns what follows it.
fn number(text: &str) -> Option<(u64, &str)> {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let number = text.strip_suffix(rest)?.parse().ok()?;
    Some((number, rest))
}

#[cfg(test)]
mod tests;
