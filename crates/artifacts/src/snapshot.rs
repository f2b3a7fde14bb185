//! What a picture was made for: the snapshot that its hashes are taken over.

use btcedu_domain::{Sha256Hash, VisualType};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// What a picture depends on in its chapter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "prompt_source", rename_all = "snake_case")]
pub enum ChapterSnapshot {
    /// The chapter's own prompt, and nothing else of it.
    Chapter {
        /// The prompt, trimmed.
        prompt: String,
    },
    /// What the template is given to write a prompt from.
    Template {
        /// Kind of visual.
        visual_type: VisualType,
        /// What it shows.
        visual_description: String,
        /// The chapter's title.
        chapter_title: String,
        /// The first 300 characters of the narration.
        narration_context: String,
    },
}

/// What wrote the prompt, where the chapter has none of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateSnapshot {
    /// SHA-256 of the template's body.
    pub template_hash: Sha256Hash,
    /// The text model.
    pub text_model: String,
}

/// What a picture depends on beside its chapter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsSnapshot {
    /// Text in front of every prompt.
    pub style_prefix: String,
    /// Image model.
    pub model: String,
    /// Size as sent, `WIDTHxHEIGHT`.
    pub size: String,
    /// Quality as sent.
    pub quality: String,
    /// Style as sent, for models that take one.
    pub style: Option<String>,
    /// Set where a template writes the prompt.
    pub template: Option<TemplateSnapshot>,
}

/// Everything that a picture's hashes are taken over; kept beside the picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PictureSnapshot {
    /// The chapter's part.
    pub chapter: ChapterSnapshot,
    /// The settings' part.
    pub settings: SettingsSnapshot,
}

impl PictureSnapshot {
    /// Hashes the chapter's part.
    pub fn chapter_hash(&self) -> Sha256Hash {
        Sha256Hash::of_value(json!(self.chapter))
    }

    /// Hashes the settings' part.
    pub fn settings_hash(&self) -> Sha256Hash {
        Sha256Hash::of_value(json!(self.settings))
    }

    /// Hashes both: what the store, the ledger and the manifest know a picture by.
    pub fn request_hash(&self) -> Sha256Hash {
        Sha256Hash::of_value(json!([self.chapter_hash(), self.settings_hash()]))
    }

    /// Lists what differs from `then` to `self`, field by field, in words.
    pub fn differences_from(&self, then: &Self) -> Vec<String> {
        let (was, is) = (json!(then), json!(self));
        let mut found = Vec::new();
        collect_differences("", &was, &is, &mut found);
        found
    }
}

fn collect_differences(name: &str, was: &serde_json::Value, is: &serde_json::Value, found: &mut Vec<String>) {
    use serde_json::Value::{Null, Object};
    match (was, is) {
        _ if was == is => {}
        (Object(was), Object(is)) => {
            let keys = was.keys().chain(is.keys().filter(|k| !was.contains_key(*k)));
            for key in keys {
                let (was, is) = (was.get(key).unwrap_or(&Null), is.get(key).unwrap_or(&Null));
                collect_differences(&key.replace('_', " "), was, is, found);
            }
        }
        _ => found.push(format!("{name}: {} → {}", quoted(was), quoted(is))),
    }
}

/// Quotes a value for a reason; long ones are cut, since a reason is one line.
fn quoted(value: &serde_json::Value) -> String {
    let text = match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Null => return "none".to_owned(),
        other => other.to_string(),
    };
    let short: String = text.chars().take(40).collect();
    let dots = if short.len() < text.len() { "…" } else { "" };
    format!("'{short}{dots}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot() -> PictureSnapshot {
        PictureSnapshot {
            chapter: ChapterSnapshot::Chapter { prompt: "a coin".into() },
            settings: SettingsSnapshot {
                style_prefix: String::new(),
                model: "dall-e-3".into(),
                size: "1792x1024".into(),
                quality: "standard".into(),
                style: None,
                template: None,
            },
        }
    }

    #[test]
    fn hashes_are_of_their_own_part_and_the_request_is_of_both() {
        let (one, mut two) = (snapshot(), snapshot());
        two.settings.style_prefix = "flat".into();
        assert_eq!(one.chapter_hash(), two.chapter_hash());
        assert_ne!(one.settings_hash(), two.settings_hash());
        assert_ne!(one.request_hash(), two.request_hash());
    }

    #[test]
    fn hashes_stay_the_same_over_releases() {
        // A change here makes every user's pictures look outdated: only on purpose.
        assert_eq!(snapshot().request_hash().short(), "2522487147c86590");
    }

    #[test]
    fn differences_are_told_field_by_field() {
        let (one, mut two) = (snapshot(), snapshot());
        two.settings.style_prefix = "flat".into();
        two.settings.template =
            Some(TemplateSnapshot { template_hash: one.chapter_hash(), text_model: "m".into() });
        let told = two.differences_from(&one);
        assert_eq!(told[0], "style prefix: '' → 'flat'");
        assert!(told[1].starts_with("template: none → "), "{told:?}");
    }
}
