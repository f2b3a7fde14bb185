//! Reads which parts of a request are marked for the cache.
//!
//! A mark on a block caches all that stands up to its end, where that is long enough
//! (platform.claude.com/docs/en/build-with-claude/prompt-caching).

use btcedu_domain::Sha256Hash;
use serde_json::{Map, Value};

use super::{
    ApiError,
    facts::{TextModel, count_tokens},
};
use crate::cache::{Lifetime, Prefix, Prefixes};

const MOST_MARKS: usize = 4;

/// Reads the marks of a request that is fine otherwise; `tokens` are those of all of it.
pub(super) fn read(
    fields: &Map<String, Value>,
    model: &TextModel,
    tokens: u64,
) -> Result<Prefixes, ApiError> {
    let blocks = blocks(fields)?;
    let marks = blocks.iter().filter(|block| block.mark.is_some()).count();
    if marks > MOST_MARKS {
        let message =
            format!("A maximum of {MOST_MARKS} blocks with cache_control may be provided. Found {marks}.");
        return Err(ApiError::new(400, message));
    }
    let (mut before, mut system, mut messages) = (model.id.to_owned(), 0, 0);
    let mut long_enough = Vec::new();
    for block in blocks.iter().filter(|_| marks > 0) {
        // The places keep "ab" + "c" apart from "a" + "bc", and instructions from messages.
        before = format!("{before}\0{}\0{}", block.place, block.text);
        let counted = if block.place == "system" { &mut system } else { &mut messages };
        *counted += block.text.chars().count();
        let tokens = count_tokens(system) + count_tokens(messages);
        if tokens >= model.fewest_cached {
            let hash = Sha256Hash::of_bytes(before.as_bytes());
            long_enough.push(Prefix { hash, tokens, mark: block.mark });
        }
    }
    Ok(Prefixes { long_enough, tokens })
}

struct Block<'a> {
    /// `system`, `user` or `assistant`.
    place: &'a str,
    text: &'a str,
    mark: Option<Lifetime>,
}

fn blocks(fields: &Map<String, Value>) -> Result<Vec<Block<'_>>, ApiError> {
    let mut found = Vec::new();
    if let Some(system) = fields.get("system") {
        read_content("system", "system", system, &mut found)?;
    }
    let messages = fields.get("messages").and_then(Value::as_array);
    for (index, message) in messages.into_iter().flatten().enumerate() {
        let role = message.get("role").and_then(Value::as_str).unwrap_or_default();
        let content = message.get("content").unwrap_or(&Value::Null);
        read_content(role, &format!("messages.{index}.content"), content, &mut found)?;
    }
    // A mark at top level is one on the last block that can have it.
    if let (Some(mark), Some(last)) = (read_mark("", fields.get("cache_control"))?, found.last_mut()) {
        last.mark = last.mark.or(Some(mark));
    }
    Ok(found)
}

fn read_content<'a>(
    place: &'a str,
    path: &str,
    content: &'a Value,
    found: &mut Vec<Block<'a>>,
) -> Result<(), ApiError> {
    match content {
        Value::String(text) => found.push(Block { place, text, mark: None }),
        Value::Array(blocks) => {
            for (index, block) in blocks.iter().enumerate() {
                let text = block.get("text").and_then(Value::as_str).unwrap_or_default();
                let mark = read_mark(&format!("{path}.{index}."), block.get("cache_control"))?;
                if mark.is_some() && text.is_empty() {
                    let message =
                        format!("{path}.{index}: cache_control cannot be set for empty text blocks");
                    return Err(ApiError::new(400, message));
                }
                found.push(Block { place, text, mark });
            }
        }
        _ => {}
    }
    Ok(())
}

fn read_mark(path: &str, mark: Option<&Value>) -> Result<Option<Lifetime>, ApiError> {
    let Some(mark) = mark.filter(|mark| !mark.is_null()) else { return Ok(None) };
    let refuse = |what: &str| Err(ApiError::new(400, format!("{path}cache_control{what}")));
    if mark.get("type").and_then(Value::as_str) != Some("ephemeral") {
        return refuse(".type: Input should be 'ephemeral'");
    }
    match mark.get("ttl").map(Value::as_str) {
        None | Some(Some("5m")) => Ok(Some(Lifetime::FiveMinutes)),
        Some(Some("1h")) => Ok(Some(Lifetime::OneHour)),
        Some(_) => refuse(".ttl: Input should be '5m' or '1h'"),
    }
}
