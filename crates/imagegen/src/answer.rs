//! Reads an answer of success. The picture is decoded in place, so it is in memory only once.

use std::{borrow::Cow, ops::Range};

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use crate::service::ImageUsage;

/// Accepts base64 without padding, since some gateways leave it out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// How many characters are decoded at once; it has to be a multiple of four.
const CHUNK: usize = 8192;

/// What an answer holds.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) picture: PictureData,
    pub(crate) revised_prompt: Option<String>,
    pub(crate) usage: Option<ImageUsage>,
}

/// The picture, or where it is.
#[derive(Debug)]
pub(crate) enum PictureData {
    Bytes(Vec<u8>),
    Url(String),
}

/// A text that borrows from the body. Only a text with JSON escapes is copied.
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Only `data` has to have the right form, so that an odd field doesn't lose a paid picture.
#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    data: Option<Vec<Item<'a>>>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow)]
    b64_json: Option<Text<'a>>,
    #[serde(borrow)]
    url: Option<Text<'a>>,
    #[serde(borrow)]
    revised_prompt: Option<&'a RawValue>,
}

/// Reads the body of an answer. The error says why it holds no picture.
///
/// A large body takes milliseconds, so call this on a blocking thread.
pub(crate) fn read(body: Vec<u8>) -> Result<Answer, String> {
    let parsed: Body<'_> =
        serde_json::from_slice(&body).map_err(|e| format!("it is not the JSON of an answer ({e})"))?;
    let first = parsed.data.into_iter().flatten().next().ok_or("its list 'data' is empty")?;
    let revised_prompt = first.revised_prompt.and_then(|raw| serde_json::from_str(raw.get()).ok());
    let usage = parsed.usage.and_then(|raw| serde_json::from_str::<Value>(raw.get()).ok());
    let usage = usage.as_ref().and_then(usage_of);
    let picture = match (first.b64_json, first.url) {
        (Some(Text(Cow::Borrowed(text))), _) => {
            let payload = payload(text);
            let start = payload.as_ptr().addr() - body.as_ptr().addr();
            let place = start..start + payload.len();
            PictureData::Bytes(decode_in_place(body, place)?)
        }
        (Some(Text(Cow::Owned(text))), _) => {
            PictureData::Bytes(BASE64.decode(payload(&text)).map_err(|e| undecodable(&e))?)
        }
        (None, Some(url)) => PictureData::Url(url.0.into_owned()),
        (None, None) => return Err("it has neither 'b64_json' nor 'url'".to_owned()),
    };
    Ok(Answer { picture, revised_prompt, usage })
}

/// Returns the base64 itself, also of a data URL, which some gateways send.
fn payload(text: &str) -> &str {
    match text.split_once(',') {
        Some((prefix, payload)) if prefix.starts_with("data:") => payload.trim(),
        _ => text.trim(),
    }
}

/// Decodes the base64 at a place of a buffer, writes the result at the buffer's start, and drops the rest.
fn decode_in_place(mut buffer: Vec<u8>, place: Range<usize>) -> Result<Vec<u8>, String> {
    let mut text = Vec::with_capacity(CHUNK);
    let (mut from, mut to) = (place.start, 0);
    while let Some(next) = buffer.get(from..place.end.min(from + CHUNK)).filter(|next| !next.is_empty()) {
        text.clear();
        text.extend_from_slice(next);
        from += text.len();
        // Writing never overtakes reading: four characters become three bytes.
        let room = buffer.get_mut(to..from).unwrap_or_default();
        to += BASE64.decode_slice(&text, room).map_err(|e| undecodable(&e))?;
    }
    buffer.truncate(to);
    buffer.shrink_to_fit();
    Ok(buffer)
}

fn undecodable(error: &dyn std::error::Error) -> String {
    format!("its base64 can't be decoded ({error})")
}

/// Reads a usage. Without `output_tokens`, the most expensive part, it is treated as missing.
pub(crate) fn usage_of(usage: &Value) -> Option<ImageUsage> {
    let output_tokens = usage.get("output_tokens")?.as_u64()?;
    let image = usage.get("input_tokens_details").and_then(|details| details.get("image_tokens"));
    Some(ImageUsage {
        input_tokens: usage.get("input_tokens").and_then(Value::as_u64).unwrap_or(0),
        image_input_tokens: image.and_then(Value::as_u64).unwrap_or(0),
        output_tokens,
    })
}

/// Returns the media type by the first bytes.
pub(crate) fn media_type_of(bytes: &[u8]) -> &'static str {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => "image/png",
        [0xff, 0xd8, 0xff, ..] => "image/jpeg",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "image/webp",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests;
