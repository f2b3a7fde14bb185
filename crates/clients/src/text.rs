//! The trait that any language model fulfils, and what goes in and comes out.

use std::fmt;

use async_trait::async_trait;
use btcedu_domain::Usd;

// Passed on, since an implementation of the trait makes them.
pub use btcedu_catalog::TextUsage;
pub use btcedu_http::{ApiFailure, FailureKind};

/// Writes texts.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait LanguageModel: Send + Sync {
    /// Asks once: no retries in here. Dropping the future cancels the call.
    ///
    /// # Errors
    /// [`ApiFailure`], which says what to do and what is known of the money. A refusal or an
    /// answer cut off is a reply; see its [`StopReason`].
    async fn complete(&self, request: &TextRequest) -> Result<TextReply, ApiFailure>;

    /// Tells whether a call can be made at all, before money is spent on what depends on it. No network.
    ///
    /// # Errors
    /// [`FailureKind::MissingKey`] where there is no key, [`FailureKind::ModelUnavailable`] where
    /// the public API is known to have retired the model.
    fn check_ready(&self, model: &str) -> Result<(), ApiFailure>;

    /// Returns what the call should cost at most, or nothing for a model without a known price. No network.
    fn estimate(&self, request: &TextRequest) -> Option<Usd>;

    /// Returns the exact body that [`complete`](Self::complete) sends. No network.
    fn request_body(&self, request: &TextRequest) -> serde_json::Value;
}

/// What to write. There are no sampling parameters: current models refuse them.
#[derive(Debug, Clone, PartialEq)]
pub struct TextRequest {
    /// The model's name.
    pub model: String,
    /// The system prompt.
    pub system: Option<String>,
    /// The part of the user's turn that many requests begin with; marked for the provider's cache.
    pub cached_prefix: Option<String>,
    /// The user's turn, behind the prefix.
    pub prompt: String,
    /// The longest visible answer, in tokens; room for thinking is added to it.
    pub max_tokens: u64,
    /// The JSON Schema that the answer must keep; sent to models that take one.
    pub json_schema: Option<serde_json::Value>,
}

impl TextRequest {
    /// Makes a request with a user's turn and nothing else.
    pub fn new(model: &str, prompt: &str, max_tokens: u64) -> Self {
        Self {
            model: model.to_owned(),
            system: None,
            cached_prefix: None,
            prompt: prompt.to_owned(),
            max_tokens,
            json_schema: None,
        }
    }

    /// Returns the length of what is read by the model without being cached, in characters.
    pub(crate) fn uncached_chars(&self) -> usize {
        let schema = self.json_schema.as_ref().map_or(0, |schema| schema.to_string().chars().count());
        let system = if self.cached_prefix.is_some() { 0 } else { self.system_chars() };
        self.prompt.chars().count().saturating_add(system).saturating_add(schema)
    }

    /// Returns the length of what is marked for the cache, in characters: the system prompt stands before it.
    pub(crate) fn cached_chars(&self) -> usize {
        self.cached_prefix
            .as_ref()
            .map_or(0, |prefix| prefix.chars().count().saturating_add(self.system_chars()))
    }

    fn system_chars(&self) -> usize {
        self.system.as_ref().map_or(0, |system| system.chars().count())
    }
}

/// What came back. Only one that stopped at [`StopReason::EndTurn`] is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextReply {
    /// All text of the answer, without the thinking. May be empty.
    pub text: String,
    /// Why it ends where it ends.
    pub stop_reason: StopReason,
    /// What kind of refusal it is, for [`StopReason::Refusal`].
    pub refusal_category: Option<String>,
    /// The model that answered.
    pub model: String,
    /// What the provider counted.
    pub usage: TextUsage,
    /// What it cost; nothing known for a model without a known price.
    pub cost: Option<Usd>,
    /// Whether `cost` is an estimate, since the provider didn't say what it counted.
    pub cost_is_estimate: bool,
    /// The provider's id of the request, for its support.
    pub request_id: Option<String>,
}

/// Why an answer ends (Anthropic, "handling stop reasons", 2026).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StopReason {
    /// The model was done.
    EndTurn,
    /// `max_tokens` was reached: the text is cut off, or there is none.
    MaxTokens,
    /// A stop sequence came up.
    StopSequence,
    /// It wants a tool to be run.
    ToolUse,
    /// A long turn pauses.
    PauseTurn,
    /// The model refused.
    Refusal,
    /// The context was full: the text is cut off.
    ContextWindowExceeded,
    /// Something newer than this program, or nothing at all.
    Other(String),
}

impl StopReason {
    /// Reads the provider's word.
    pub(crate) fn from_word(word: &str) -> Self {
        match word {
            "end_turn" => Self::EndTurn,
            "max_tokens" => Self::MaxTokens,
            "stop_sequence" => Self::StopSequence,
            "tool_use" => Self::ToolUse,
            "pause_turn" => Self::PauseTurn,
            "refusal" => Self::Refusal,
            "model_context_window_exceeded" => Self::ContextWindowExceeded,
            other => Self::Other(other.chars().take(80).collect()),
        }
    }

    /// Returns the provider's word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::EndTurn => "end_turn",
            Self::MaxTokens => "max_tokens",
            Self::StopSequence => "stop_sequence",
            Self::ToolUse => "tool_use",
            Self::PauseTurn => "pause_turn",
            Self::Refusal => "refusal",
            Self::ContextWindowExceeded => "model_context_window_exceeded",
            Self::Other(word) => word,
        }
    }
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stop_reason_keeps_its_word() {
        for word in [
            "end_turn",
            "max_tokens",
            "stop_sequence",
            "tool_use",
            "pause_turn",
            "refusal",
            "model_context_window_exceeded",
            "something_new",
        ] {
            assert_eq!(StopReason::from_word(word).as_str(), word);
        }
        assert!(matches!(StopReason::from_word("something_new"), StopReason::Other(_)));
    }
}
