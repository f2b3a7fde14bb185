//! Prompt caching: which part of a request was sent before, and what that changes in its bill.
//!
//! As platform.claude.com/docs/en/build-with-claude/prompt-caching tells: a mark on a block caches all
//! that stands up to its end, where that is long enough; a later request reads the longest part that
//! begins in the same way. What is written can be read once the request that wrote it was answered.

use std::time::Duration;

use btcedu_domain::Sha256Hash;
use serde_json::{Map, Value};

use super::{
    ApiError,
    facts::{TextModel, count_tokens},
};

const MOST_MARKS: usize = 4;

/// How long a part stays in the cache after its last use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lifetime {
    FiveMinutes,
    OneHour,
}

impl Lifetime {
    pub(crate) fn duration(self) -> Duration {
        match self {
            Self::FiveMinutes => Duration::from_mins(5),
            Self::OneHour => Duration::from_hours(1),
        }
    }
}

/// A request up to the end of one of its text blocks.
#[derive(Debug, Clone)]
struct Prefix {
    hash: Sha256Hash,
    tokens: u64,
    mark: Option<Lifetime>,
}

/// The parts of a request that can be written to the cache or read from it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Prefixes {
    long_enough: Vec<Prefix>,
    /// Tokens of the whole request.
    tokens: u64,
}

/// Tokens of an answered request, by what they cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    /// Read without the cache.
    pub(crate) input: u64,
    pub(crate) cache_read: u64,
    pub(crate) written_for_minutes: u64,
    pub(crate) written_for_an_hour: u64,
    pub(crate) output: u64,
}

impl Usage {
    pub(crate) fn cache_written(&self) -> u64 {
        self.written_for_minutes + self.written_for_an_hour
    }

    /// All that the model read.
    pub(crate) fn prompt(&self) -> u64 {
        self.input + self.cache_read + self.cache_written()
    }
}

impl Prefixes {
    /// Reads the marks of a request that is fine otherwise; `tokens` are those of all of it.
    pub(super) fn read(
        fields: &Map<String, Value>,
        model: &TextModel,
        tokens: u64,
    ) -> Result<Self, ApiError> {
        let blocks = blocks(fields)?;
        let marks = blocks.iter().filter(|block| block.mark.is_some()).count();
        if marks > MOST_MARKS {
            let message = format!(
                "A maximum of {MOST_MARKS} blocks with cache_control may be provided. Found {marks}."
            );
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
        Ok(Self { long_enough, tokens })
    }

    /// Tells what of the request is read from the cache and what is written to it.
    pub(crate) fn usage(&self, is_cached: impl Fn(&Sha256Hash) -> bool) -> Usage {
        let last = self.long_enough.iter().rposition(|prefix| prefix.mark.is_some());
        let until_mark = last.and_then(|last| self.long_enough.get(..=last)).unwrap_or_default();
        let read = until_mark.iter().rev().find(|prefix| is_cached(&prefix.hash)).map_or(0, |it| it.tokens);
        let mut usage = Usage { cache_read: read, ..Usage::default() };
        let mut done = read;
        for prefix in until_mark {
            let Some(mark) = prefix.mark.filter(|_| prefix.tokens > done) else { continue };
            match mark {
                Lifetime::FiveMinutes => usage.written_for_minutes += prefix.tokens - done,
                Lifetime::OneHour => usage.written_for_an_hour += prefix.tokens - done,
            }
            done = prefix.tokens;
        }
        usage.input = self.tokens.saturating_sub(done);
        usage
    }

    /// Lists what is in the cache after the request was answered.
    pub(crate) fn marked(&self) -> impl Iterator<Item = (&Sha256Hash, Lifetime)> {
        self.long_enough.iter().filter_map(|prefix| Some((&prefix.hash, prefix.mark?)))
    }
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
