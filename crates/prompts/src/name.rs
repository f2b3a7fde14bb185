//! The name of a prompt template.

use std::{fmt, str::FromStr};

use serde::Serialize;

use crate::PromptError;

/// A template's name; its file is `NAME.md`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct PromptName(String);

impl PromptName {
    /// Returns the name as text; it can always be used in a file name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PromptName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for PromptName {
    type Err = PromptError;

    fn from_str(text: &str) -> Result<Self, PromptError> {
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(PromptError::BadName { found: text.chars().take(80).collect() })
        }
    }
}
