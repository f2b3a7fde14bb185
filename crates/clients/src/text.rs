//! The trait that every language model implements, with its requests and replies.

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
    /// Asks once, without retries. Dropping the future cancels the call.
    ///
    /// # Errors
    /// [`ApiFailure`], which says what to do and whether the call may be billed. A refusal, or an
    /// answer that is cut off, is a reply; see its [`StopReason`].
    async fn complete(&self, request: &TextRequest) -> Result<TextReply, ApiFailure>;

    /// Checks that calls are possible, before money is spent on work that needs them. No network.
    ///
    /// # Errors
    /// [`FailureKind::MissingKey`] without a key, [`FailureKind::ModelUnavailable`] if the
    /// catalogue says that the public API has retired the model.
    fn check_ready(&self, model: &str) -> Result<(), ApiFailure>;

    /// Returns the highest cost of the call, or `None` if the model's price is unknown. No network.
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
    /// The start of the user's turn that many requests share; the provider is asked to cache it.
    pub cached_prefix: Option<String>,
    /// The user's turn, after the prefix.
    pub prompt: String,
    /// The longest visible answer, in tokens. Room for thinking is added when it is sent.
    pub max_tokens: u64,
    /// The JSON Schema of the answer; sent only to models that take one.
    pub json_schema: Option<serde_json::Value>,
}

impl TextRequest {
    /// Makes a request with only a user's turn.
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

    /// Returns the number of characters that are not cached.
    pub(crate) fn uncached_chars(&self) -> usize {
        let schema = self.json_schema.as_ref().map_or(0, |schema| schema.to_string().chars().count());
        let system = if self.cached_prefix.is_some() { 0 } else { self.system_chars() };
        self.prompt.chars().count().saturating_add(system).saturating_add(schema)
    }

    /// Returns the number of cached characters; the system prompt stands before the prefix.
    pub(crate) fn cached_chars(&self) -> usize {
        self.cached_prefix
            .as_ref()
            .map_or(0, |prefix| prefix.chars().count().saturating_add(self.system_chars()))
    }

    fn system_chars(&self) -> usize {
        self.system.as_ref().map_or(0, |system| system.chars().count())
    }
}

/// A reply. It is complete only if it stopped with [`StopReason::EndTurn`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextReply {
    /// The text of the answer, without the thinking. It may be empty.
    pub text: String,
    /// Why the answer ends.
    pub stop_reason: StopReason,
    /// What kind of refusal it is, for [`StopReason::Refusal`].
    pub refusal_category: Option<String>,
    /// The model that answered.
    pub model: String,
    /// The tokens that the provider counted.
    pub usage: TextUsage,
    /// What it cost; `None` if the model's price is unknown.
    pub cost: Option<Usd>,
    /// Whether `cost` is an estimate, because the answer has no usage.
    pub cost_is_estimate: bool,
    /// The provider's id of the request, for its support.
    pub request_id: Option<String>,
}

/// Why an answer ends (Anthropic, "handling stop reasons", 2026).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StopReason {
    /// The model has finished.
    EndTurn,
    /// `max_tokens` was reached: the text is cut off, or there is none.
    MaxTokens,
    /// A stop sequence was reached.
    StopSequence,
    /// The model asks for a tool.
    ToolUse,
    /// The model paused a long turn.
    PauseTurn,
    /// The model refused.
    Refusal,
    /// The context was full: the text is cut off.
    ContextWindowExceeded,
    /// A reason that this program doesn't know, or none.
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
    fn every_stop_reason_keeps_its_name() {
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
