//! Reads an answer of success: its text blocks, without the thinking.

use serde::Deserialize;
use serde_json::Value;

use crate::text::TextUsage;

/// A message. Only `content` has to have the right form, so that an odd field doesn't lose a paid text.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) text: String,
    pub(super) stop_reason: String,
    pub(super) refusal_category: Option<String>,
    pub(super) model: Option<String>,
    pub(super) usage: Option<TextUsage>,
}

/// A list of models.
#[derive(Deserialize)]
pub(super) struct ModelList {
    pub(super) data: Vec<ModelEntry>,
}

#[derive(Deserialize)]
pub(super) struct ModelEntry {
    pub(super) id: String,
}

/// Reads the body of an answer. The error says why it is not a message.
pub(super) fn read_message(body: &[u8]) -> Result<Message, String> {
    let message: Value =
        serde_json::from_slice(body).map_err(|e| format!("it is not the JSON of a message ({e})"))?;
    let blocks = message.get("content").and_then(Value::as_array).ok_or("it has no list 'content'")?;
    let is_text = |block: &&Value| block.get("type").and_then(Value::as_str) == Some("text");
    let texts = blocks.iter().filter(is_text).filter_map(|block| block.get("text")?.as_str());
    let word = |field: &str| message.get(field).and_then(Value::as_str).map(str::to_owned);
    let category = message.get("stop_details").and_then(|details| details.get("category")?.as_str());
    Ok(Message {
        text: texts.collect(),
        stop_reason: word("stop_reason").unwrap_or_else(|| "none given".to_owned()),
        refusal_category: category.map(str::to_owned),
        model: word("model"),
        usage: message.get("usage").and_then(usage_of),
    })
}

/// Reads a usage. Without input or output tokens it is treated as missing.
fn usage_of(usage: &Value) -> Option<TextUsage> {
    let count = |field: &str| usage.get(field).and_then(Value::as_u64);
    Some(TextUsage {
        input_tokens: count("input_tokens")?,
        cache_read_tokens: count("cache_read_input_tokens").unwrap_or(0),
        cache_write_tokens: count("cache_creation_input_tokens").unwrap_or(0),
        output_tokens: count("output_tokens")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_text_blocks_and_skips_the_rest() {
        let body = r#"{"model":"m","stop_reason":"end_turn","content":[
            {"type":"thinking","thinking":"hm","text":"not this"},
            {"type":"text","text":"Bir "},{"type":"tool_use","id":"x"},{"type":"text","text":"zincir"}],
            "usage":{"input_tokens":10,"cache_read_input_tokens":3,"output_tokens":7}}"#;
        let message = read_message(body.as_bytes()).unwrap();
        assert_eq!(message.text, "Bir zincir");
        let usage = message.usage.unwrap();
        assert_eq!((usage.input_tokens, usage.cache_read_tokens, usage.cache_write_tokens), (10, 3, 0));
        assert_eq!(usage.output_tokens, 7);
    }

    #[test]
    fn an_empty_refusal_is_a_message() {
        let body = br#"{"content":[],"stop_reason":"refusal","stop_details":{"category":"violence"}}"#;
        let message = read_message(body).unwrap();
        assert_eq!((message.text.as_str(), message.stop_reason.as_str()), ("", "refusal"));
        assert_eq!(message.refusal_category.as_deref(), Some("violence"));
        assert!(message.usage.is_none());
    }

    #[test]
    fn a_body_that_is_no_message_says_why() {
        for body in ["", "<html>", "[]", "{}", r#"{"content":"text"}"#] {
            assert!(!read_message(body.as_bytes()).unwrap_err().is_empty(), "{body}");
        }
    }
}
