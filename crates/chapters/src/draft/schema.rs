//! The JSON Schema of a draft, limited to what providers accept for structured output.

use btcedu_domain::VisualType;
use serde_json::{Value, json};

use crate::words::{OverlayType, TransitionType};

/// Returns the JSON Schema of a draft for a model's structured output.
///
/// Every object is closed and every property is required. Providers refuse lengths and number ranges in such
/// schemas, so descriptions state them and [`crate::parse_draft`] checks them.
pub fn draft_json_schema() -> Value {
    let chapter = object(&json!({
        "title": text("The chapter's title, in Turkish."),
        "narration": text("The script's own words for this chapter, without tags."),
        "visual": object(&json!({
            "type": words(VisualType::ALL.iter().map(|word| word.as_str())),
            "description": text("What is seen, in Turkish."),
            "image_prompt": or_null("A prompt in English for diagram and b_roll, null for the others."),
        })),
        "overlays": array(&object(&json!({
            "type": words(OverlayType::ALL.iter().map(|word| word.as_str())),
            "text": text("The text on the picture, in Turkish."),
            "start_offset_seconds": number("Seconds from the chapter's beginning, 0 or more."),
            "duration_seconds": number("Seconds on the screen, more than 0."),
        }))),
        "transitions": object(&json!({
            "in": words(TransitionType::ALL.iter().map(|word| word.as_str())),
            "out": words(TransitionType::ALL.iter().map(|word| word.as_str())),
        })),
        "notes": or_null("Remarks for the editors, or null."),
    }));
    object(&json!({
        "title": text("The episode's title, in Turkish."),
        "chapters": array(&chapter),
    }))
}

fn object(properties: &Value) -> Value {
    let required: Vec<_> = properties.as_object().into_iter().flatten().map(|(name, _)| name).collect();
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

fn array(items: &Value) -> Value {
    json!({"type": "array", "items": items})
}

fn text(description: &str) -> Value {
    json!({"type": "string", "description": description})
}

fn number(description: &str) -> Value {
    json!({"type": "number", "description": description})
}

fn or_null(description: &str) -> Value {
    json!({"anyOf": [{"type": "string"}, {"type": "null"}], "description": description})
}

fn words(all: impl Iterator<Item = &'static str>) -> Value {
    json!({"type": "string", "enum": all.collect::<Vec<_>>()})
}
