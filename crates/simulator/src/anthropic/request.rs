//! Reads a message request as strictly as the real servers do.

use serde_json::{Map, Value};

use super::{
    ApiError, Version,
    facts::{Refuses, TextModel, count_tokens},
    marks, no_such_model,
};
use crate::cache::Prefixes;

/// A request that the real servers would take.
#[derive(Debug, Clone)]
pub(crate) struct TextCall {
    pub(crate) model: TextModel,
    pub(crate) max_tokens: u64,
    pub(crate) system: String,
    /// The text of all messages, in order.
    pub(crate) text: String,
    pub(crate) thinks: bool,
    /// What of it can be cached.
    pub(crate) prefixes: Prefixes,
}

const FIELDS: &[&str] = &[
    "model",
    "max_tokens",
    "messages",
    "system",
    "output_config",
    "tools",
    "tool_choice",
    "thinking",
    "stop_sequences",
    "cache_control",
    "metadata",
    "service_tier",
    "stream",
    "temperature",
    "top_p",
    "top_k",
];

/// Returns `system` and all messages as one text, for rules; works on any body.
pub(crate) fn whole_text(body: &Value) -> String {
    let system = body.get("system").map(text_of).unwrap_or_default();
    format!("{system}\n{}", messages_text(body))
}

/// Checks a request body field by field.
pub(crate) fn read(body: &Value, version: Version, real_world: bool) -> Result<TextCall, ApiError> {
    let fields = body.as_object().ok_or_else(|| bad("body: Input should be an object"))?;
    if let Some(name) = fields.keys().find(|name| !FIELDS.contains(&name.as_str())) {
        return Err(bad(format!("{name}: Extra inputs are not permitted")));
    }
    let id = match fields.get("model") {
        Some(Value::String(id)) => id,
        Some(_) => return Err(bad("model: Input should be a valid string")),
        None => return Err(bad("model: Field required")),
    };
    let known = TextModel::find(id).filter(|model| !(real_world && model.is_retired));
    let model = known.ok_or_else(|| no_such_model(id))?;
    let max_tokens = read_max_tokens(fields, &model)?;
    check_messages(fields)?;
    check_sampling(fields, version, &model)?;
    let thinks = check_thinking(fields, &model, max_tokens)?;
    check_tools(fields, &model)?;
    check_output_config(fields)?;
    if fields.get("stream").is_some_and(|stream| stream.as_bool() != Some(false)) {
        return Err(bad("stream: streaming is not simulated"));
    }
    if model.refuses >= Refuses::LegacyFields && last_role(body) == Some("assistant") {
        return Err(bad("messages: the last message must be from the user; prefilling is not supported"));
    }
    let system = fields.get("system").map(text_of).unwrap_or_default();
    let text = messages_text(body);
    let tokens = count_tokens(system.chars().count()) + count_tokens(text.chars().count()) + 8;
    let prefixes = marks::read(fields, &model, tokens)?;
    Ok(TextCall { model, max_tokens, system, text, thinks, prefixes })
}

fn read_max_tokens(fields: &Map<String, Value>, model: &TextModel) -> Result<u64, ApiError> {
    let Some(value) = fields.get("max_tokens") else { return Err(bad("max_tokens: Field required")) };
    let most = model.max_output;
    match value.as_u64() {
        Some(0) => Err(bad("max_tokens: Input should be greater than or equal to 1")),
        Some(tokens) if tokens > most => Err(bad(format!(
            "max_tokens: {tokens} > {most}, which is the maximum allowed number of output tokens for {}",
            model.id
        ))),
        Some(tokens) => Ok(tokens),
        None => Err(bad("max_tokens: Input should be a valid integer")),
    }
}

fn check_messages(fields: &Map<String, Value>) -> Result<(), ApiError> {
    let Some(messages) = fields.get("messages").and_then(Value::as_array) else {
        return Err(bad("messages: Field required"));
    };
    if messages.is_empty() {
        return Err(bad("messages: at least one message is required"));
    }
    for (index, message) in messages.iter().enumerate() {
        let role = message.get("role").and_then(Value::as_str);
        if !matches!(role, Some("user" | "assistant")) {
            return Err(bad(format!("messages.{index}.role: Input should be 'user' or 'assistant'")));
        }
        if index == 0 && role != Some("user") {
            return Err(bad("messages: first message must use the \"user\" role"));
        }
        let readable = match message.get("content") {
            Some(Value::String(_)) => true,
            Some(Value::Array(blocks)) => blocks.iter().all(|block| block.get("type").is_some()),
            _ => false,
        };
        if !readable {
            return Err(bad(format!(
                "messages.{index}.content: Input should be a valid string or list of blocks"
            )));
        }
        if text_of(message.get("content").unwrap_or(&Value::Null)).trim().is_empty() {
            return Err(bad(format!("messages.{index}: text content blocks must be non-empty")));
        }
    }
    Ok(())
}

fn check_sampling(fields: &Map<String, Value>, version: Version, model: &TextModel) -> Result<(), ApiError> {
    let refused = version == Version::V20261021 || model.refuses >= Refuses::LegacyFields;
    let sent = ["temperature", "top_p", "top_k"].into_iter().find(|name| fields.contains_key(*name));
    match sent {
        Some(name) if refused => Err(bad(format!("{name}: sampling parameters are not supported"))),
        _ => Ok(()),
    }
}

fn check_thinking(fields: &Map<String, Value>, model: &TextModel, max_tokens: u64) -> Result<bool, ApiError> {
    let Some(thinking) = fields.get("thinking") else { return Ok(model.thinks()) };
    match thinking.get("type").and_then(Value::as_str) {
        Some("disabled") if model.refuses == Refuses::LegacyFieldsAndForcedTools => {
            Err(bad("thinking: \"disabled\" is not supported for this model"))
        }
        Some("disabled") => Ok(false),
        Some("adaptive") => Ok(true),
        Some("enabled") if model.refuses >= Refuses::LegacyFields => {
            Err(bad("thinking.budget_tokens: thinking budgets are not supported for this model"))
        }
        Some("enabled") => match thinking.get("budget_tokens").and_then(Value::as_u64) {
            Some(budget) if (1024..max_tokens).contains(&budget) => Ok(true),
            _ => Err(bad("thinking.budget_tokens: must be at least 1024 and less than max_tokens")),
        },
        _ => Err(bad("thinking.type: Input should be 'adaptive', 'enabled' or 'disabled'")),
    }
}

fn check_tools(fields: &Map<String, Value>, model: &TextModel) -> Result<(), ApiError> {
    let choice = fields.get("tool_choice").and_then(|choice| choice.get("type")).and_then(Value::as_str);
    let forced = matches!(choice, Some("any" | "tool"));
    if forced && model.refuses == Refuses::LegacyFieldsAndForcedTools {
        return Err(bad("tool_choice: forcing a tool is not supported for this model"));
    }
    Ok(())
}

fn check_output_config(fields: &Map<String, Value>) -> Result<(), ApiError> {
    let Some(config) = fields.get("output_config") else { return Ok(()) };
    let config = config.as_object().ok_or_else(|| bad("output_config: Input should be an object"))?;
    if let Some(name) = config.keys().find(|name| !matches!(name.as_str(), "effort" | "format")) {
        return Err(bad(format!("output_config.{name}: Extra inputs are not permitted")));
    }
    if let Some(format) = config.get("format") {
        let is_schema = format.get("type").and_then(Value::as_str) == Some("json_schema")
            && format.get("schema").is_some_and(Value::is_object);
        if !is_schema {
            return Err(bad("output_config.format: Input should be a json_schema with a schema"));
        }
    }
    match config.get("effort").map(Value::as_str) {
        None | Some(Some("low" | "medium" | "high" | "xhigh" | "max")) => Ok(()),
        Some(_) => {
            Err(bad("output_config.effort: Input should be 'low', 'medium', 'high', 'xhigh' or 'max'"))
        }
    }
}

fn messages_text(body: &Value) -> String {
    let messages = body.get("messages").and_then(Value::as_array);
    let texts = messages.into_iter().flatten().filter_map(|message| message.get("content")).map(text_of);
    texts.collect::<Vec<_>>().join("\n")
}

fn last_role(body: &Value) -> Option<&str> {
    body.get("messages")?.as_array()?.last()?.get("role")?.as_str()
}

/// Text of a string or of a list of text blocks.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(blocks) => {
            let texts = blocks.iter().filter_map(|block| block.get("text")).filter_map(Value::as_str);
            texts.collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

fn bad(message: impl Into<String>) -> ApiError {
    ApiError::new(400, message)
}
