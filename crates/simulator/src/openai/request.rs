//! Reads an image request as strictly as the real servers do.

use serde_json::{Map, Value};

use super::{
    ApiError,
    facts::{Family, ImageModel, free_size_fault},
    model_not_found, retired,
};
use crate::draw::Format;

/// A request that the real servers would take.
#[derive(Debug, Clone)]
pub(crate) struct ImageCall {
    pub(crate) model: ImageModel,
    pub(crate) prompt: String,
    pub(crate) size: (u32, u32),
    pub(crate) quality: String,
    pub(crate) count: u64,
    pub(crate) as_url: bool,
    pub(crate) format: Format,
    pub(crate) background: String,
}

/// Checks a request body field by field.
pub(crate) fn read(body: &Value, real_world: bool) -> Result<ImageCall, ApiError> {
    let Some(body) = body.as_object() else {
        let message = "Invalid type for request body: expected an object.";
        return Err(ApiError::new(400, "invalid_request_error", message));
    };
    // The API's own default is a model that no longer exists.
    let id = text(body, "model")?.unwrap_or("dall-e-2");
    let model = ImageModel::find(id).ok_or_else(|| model_not_found(id))?;
    if real_world && model.is_shut_down() {
        return Err(retired(id));
    }
    let family = model.family;
    refuse_unknown_fields(body, family)?;

    let prompt = read_prompt(body, family)?;
    let size = read_size(body, family)?;
    let quality = one_of(body, "quality", family.qualities())?;
    let count = whole(body, "n", 1, if family == Family::DallE3 { 1 } else { 10 })?.unwrap_or(1);
    let response_format = one_of(body, "response_format", &["url", "b64_json"])?;
    let background = one_of(body, "background", &["transparent", "opaque", "auto"])?;
    one_of(body, "style", &["vivid", "natural"])?;
    one_of(body, "moderation", &["auto", "low"])?;
    one_of(body, "complexity", &["low", "medium", "high"])?;
    if body.get("stream").is_some_and(|stream| stream.as_bool() != Some(false)) {
        return Err(ApiError::bad("stream", "unsupported_value", "Streaming is not simulated."));
    }
    let format = read_format(body)?;
    if background == Some("transparent") && matches!(format, Format::Jpeg(_)) {
        let message = "Transparent background needs output_format 'png' or 'webp'.";
        return Err(ApiError::bad("background", "invalid_value", message));
    }
    let default_quality = if family == Family::DallE3 { "standard" } else { "medium" };
    Ok(ImageCall {
        model,
        prompt,
        size,
        quality: quality.filter(|quality| *quality != "auto").unwrap_or(default_quality).to_owned(),
        count,
        as_url: family == Family::DallE3 && response_format != Some("b64_json"),
        format,
        background: background.filter(|background| *background != "auto").unwrap_or("opaque").to_owned(),
    })
}

fn refuse_unknown_fields(body: &Map<String, Value>, family: Family) -> Result<(), ApiError> {
    const ALL: &[&str] = &["model", "prompt", "n", "size", "quality", "user"];
    const DALL_E_3: &[&str] = &["style", "response_format"];
    const GPT_IMAGE: &[&str] = &[
        "output_format",
        "output_compression",
        "background",
        "moderation",
        "stream",
        "partial_images",
        "safety_identifier",
    ];
    let own = if family == Family::DallE3 { DALL_E_3 } else { GPT_IMAGE };
    let known = |name: &str| {
        ALL.contains(&name) || own.contains(&name) || (name == "complexity" && family == Family::Gpt26)
    };
    match body.keys().find(|name| !known(name)) {
        Some(name) => Err(ApiError::bad(name, "unknown_parameter", format!("Unknown parameter: '{name}'."))),
        None => Ok(()),
    }
}

fn read_prompt(body: &Map<String, Value>, family: Family) -> Result<String, ApiError> {
    let Some(prompt) = text(body, "prompt")? else {
        let message = "Missing required parameter: 'prompt'.";
        return Err(ApiError::bad("prompt", "missing_required_parameter", message));
    };
    let (length, limit) = (prompt.chars().count(), family.max_prompt());
    if prompt.trim().is_empty() {
        let message = "Invalid 'prompt': empty string. Expected a string with minimum length 1.";
        return Err(ApiError::bad("prompt", "empty_string", message));
    }
    if length > limit {
        let message = format!(
            "Invalid 'prompt': string too long. Expected a string with maximum length {limit}, but got \
             a string with length {length} instead."
        );
        return Err(ApiError::bad("prompt", "string_above_max_length", message));
    }
    Ok(prompt.to_owned())
}

fn read_size(body: &Map<String, Value>, family: Family) -> Result<(u32, u32), ApiError> {
    let asked = text(body, "size")?.unwrap_or("1024x1024");
    let names = family.named_sizes();
    let refuse = |why: String| Err(ApiError::bad("size", "invalid_value", why));
    if names.contains(&asked) {
        return Ok(parse_size(asked).unwrap_or((1024, 1024)));
    }
    match parse_size(asked) {
        Some(size) if family.takes_free_sizes() => match free_size_fault(size) {
            Some(fault) => refuse(format!("Invalid size '{asked}': {fault}.")),
            None => Ok(size),
        },
        _ => refuse(format!("Invalid value: '{asked}'. Supported values are: '{}'.", names.join("', '"))),
    }
}

/// Reads `WIDTHxHEIGHT` in pixels, up to 8192 each.
fn parse_size(text: &str) -> Option<(u32, u32)> {
    let side = |text: &str| {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|side| digits && (1..=8192).contains(side))
    };
    let (width, height) = text.split_once('x')?;
    Some((side(width)?, side(height)?))
}

fn read_format(body: &Map<String, Value>) -> Result<Format, ApiError> {
    let compression = whole(body, "output_compression", 0, 100)?;
    let format = match one_of(body, "output_format", &["png", "jpeg", "webp"])? {
        Some("jpeg") => Format::Jpeg(compression.and_then(|value| u8::try_from(value).ok()).unwrap_or(100)),
        Some("webp") => Format::WebP,
        _ => Format::Png,
    };
    if format == Format::Png && compression.is_some_and(|value| value < 100) {
        let message = "Compression less than 100 is not supported for PNG output format.";
        return Err(ApiError::bad("output_compression", "invalid_value", message));
    }
    Ok(format)
}

fn text<'a>(body: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, ApiError> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => {
            let message = format!("Invalid type for '{name}': expected a string, but got {other} instead.");
            Err(ApiError::bad(name, "invalid_type", message))
        }
    }
}

fn one_of<'a>(
    body: &'a Map<String, Value>,
    name: &str,
    allowed: &[&str],
) -> Result<Option<&'a str>, ApiError> {
    match text(body, name)? {
        Some(found) if !allowed.contains(&found) => {
            let message =
                format!("Invalid value: '{found}'. Supported values are: '{}'.", allowed.join("', '"));
            Err(ApiError::bad(name, "invalid_value", message))
        }
        found => Ok(found),
    }
}

fn whole(body: &Map<String, Value>, name: &str, least: u64, most: u64) -> Result<Option<u64>, ApiError> {
    let Some(value) = body.get(name).filter(|value| !value.is_null()) else { return Ok(None) };
    let number = value.as_u64().filter(|number| (least..=most).contains(number));
    let message = || format!("Invalid '{name}': expected an integer from {least} to {most}.");
    number.map(Some).ok_or_else(|| ApiError::bad(name, "invalid_value", message()))
}
