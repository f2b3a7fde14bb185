//! Reads bytes into a checked document: first size, encoding, depth and JSON, then the rules.

use btcedu_domain::EpisodeId;
use serde_json::Value;

use crate::{check, document::Parsed, error::ChapterError};

/// The largest accepted document, in bytes; an hour of narration is about 100 KiB.
pub const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// The most levels of arrays and objects; lower than the limit of `serde_json`, which is 128.
const MAX_DEPTH: usize = 100;

/// Reads and checks a chapter document.
///
/// A byte order mark is skipped and unknown fields are ignored. If a key occurs twice, the last one counts.
///
/// # Errors
/// [`ChapterError`]; all broken rules are listed at once.
pub fn parse(bytes: &[u8]) -> Result<Parsed, ChapterError> {
    check::document(&read_json(bytes)?, None)
}

/// Reads and checks the chapter document of one episode: `episode_id` must be its id.
///
/// # Errors
/// As [`parse`]; another episode's document is a violation among the others.
pub fn parse_for(bytes: &[u8], episode: &EpisodeId) -> Result<Parsed, ChapterError> {
    check::document(&read_json(bytes)?, Some(episode))
}

pub(crate) fn read_json(bytes: &[u8]) -> Result<Value, ChapterError> {
    let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if size > MAX_BYTES {
        return Err(ChapterError::TooLarge { bytes: size });
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| ChapterError::NotUtf8 { position: error.valid_up_to() })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if depth(text) > MAX_DEPTH {
        return Err(ChapterError::TooDeep { limit: MAX_DEPTH });
    }
    serde_json::from_str(text).map_err(|error| ChapterError::NotJson {
        line: error.line(),
        column: error.column(),
        message: without_place(&error),
    })
}

/// Counts the nesting of brackets outside of strings. The result is wrong only for text that isn't JSON.
fn depth(text: &str) -> usize {
    let (mut now, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => {
                now += 1;
                deepest = deepest.max(now);
            }
            b']' | b'}' => now = now.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Removes the line and column from the end of the message, because our error has them already.
fn without_place(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    message.strip_suffix(&place).unwrap_or(&message).to_owned()
}

#[cfg(test)]
mod tests;
