//! Anthropic's Messages API.

mod answer;
mod classify;

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use btcedu_catalog::{ModelCatalog, TextModel};
use btcedu_domain::Usd;
use btcedu_http::{ApiFailure, ApiRequest, Endpoint, FailureKind, Provider};
use serde_json::{Map, Value, json};

use crate::text::{LanguageModel, StopReason, TextReply, TextRequest};

/// The version of the API (Anthropic, "versioning", the latest of October 2026).
pub const ANTHROPIC_VERSION: &str = "2026-10-21";

/// The names of Anthropic, its API and its settings.
pub static ANTHROPIC: Provider = Provider {
    name: "Anthropic",
    api: "Messages API",
    host: "api.anthropic.com",
    product: "text",
    budget: "spend limit or credit",
    key_setting: "ANTHROPIC_API_KEY",
    base_url_setting: "ANTHROPIC_BASE_URL",
    timeout: Duration::from_mins(10),
    words_at: &["/error/message"],
};

/// Writes texts with Claude.
pub struct ClaudeClient {
    endpoint: Endpoint,
    catalog: Arc<ModelCatalog>,
}

impl ClaudeClient {
    /// Makes the client with an endpoint of [`ANTHROPIC`] and the models and their prices.
    ///
    /// It sends nothing and opens no connection before the first call.
    ///
    /// # Errors
    /// [`FailureKind::BadSetting`] for a base URL that can't be used.
    pub fn new(endpoint: Endpoint, catalog: Arc<ModelCatalog>) -> Result<Self, ApiFailure> {
        endpoint.check()?;
        Ok(Self { endpoint, catalog })
    }

    /// Returns the names of the models that the key may use. The call is free.
    ///
    /// # Errors
    /// [`ApiFailure`] if there is no list.
    pub async fn list_models(&self) -> Result<Vec<String>, ApiFailure> {
        // A page has twenty models by default; this one has room for all.
        let request = self.signed(self.endpoint.get("models")?.query("limit", "1000"))?;
        match self.endpoint.send_for_json::<answer::ModelList>(&request).await? {
            Ok(list) => Ok(list.data.into_iter().map(|model| model.id).collect()),
            Err(reply) => Err(classify::failure(reply, "", None)),
        }
    }

    fn model(&self, name: &str) -> Option<&TextModel> {
        self.catalog.text(name)
    }

    /// Returns the `max_tokens` to send, which limits thinking and text together.
    fn max_tokens(&self, request: &TextRequest) -> u64 {
        if let Some(model) = self.model(&request.model) {
            return model.max_tokens_to_send(request.max_tokens);
        }
        // An unlisted model may think as much as the listed ones.
        let most = self.catalog.texts().map(|model| model.thinking_allowance).max();
        request.max_tokens.saturating_add(most.unwrap_or(0))
    }

    /// Adds the headers that every request needs.
    fn signed(&self, request: ApiRequest) -> Result<ApiRequest, ApiFailure> {
        let key = self.endpoint.key()?;
        Ok(request.header("anthropic-version", ANTHROPIC_VERSION).secret_header("x-api-key", key))
    }

    fn reply(&self, request: &TextRequest, answer: answer::Message, request_id: Option<String>) -> TextReply {
        let model = self.model(&request.model);
        let (cost, cost_is_estimate) = match (answer.usage, model) {
            (Some(usage), Some(model)) => (Some(model.cost_of(usage)), false),
            _ => (self.estimate(request), true),
        };
        TextReply {
            text: answer.text,
            stop_reason: StopReason::from_word(&answer.stop_reason),
            refusal_category: answer.refusal_category,
            model: answer.model.unwrap_or_else(|| request.model.clone()),
            usage: answer.usage.unwrap_or_default(),
            cost,
            cost_is_estimate,
            request_id,
        }
    }
}

#[async_trait]
impl LanguageModel for ClaudeClient {
    async fn complete(&self, request: &TextRequest) -> Result<TextReply, ApiFailure> {
        let body = self.request_body(request);
        let reply = self.endpoint.send(&self.signed(self.endpoint.post_json("messages", &body)?)?).await?;
        if !reply.is_success() {
            let successor = self.model(&request.model).and_then(|model| model.successor.as_deref());
            return Err(classify::failure(self.endpoint.read_error(&reply), &request.model, successor));
        }
        let request_id = reply.request_id;
        match answer::read_message(&reply.body) {
            Ok(message) => Ok(self.reply(request, message, request_id)),
            Err(problem) => {
                let words =
                    format!("Anthropic's answer can't be read: {problem}; it may be billed all the same");
                Err(ApiFailure::new(FailureKind::BadAnswer, words).with_request_id(request_id))
            }
        }
    }

    fn check_ready(&self, model: &str) -> Result<(), ApiFailure> {
        self.endpoint.key()?;
        let today = self.endpoint.clock.now().date();
        match self.model(model).filter(|listed| self.endpoint.is_public() && listed.is_retired(today)) {
            None => Ok(()),
            Some(listed) => {
                let words = listed.retires.map_or_else(String::new, |date| format!("retired since {date}"));
                let hint = classify::hint(FailureKind::ModelUnavailable, listed.successor.as_deref());
                Err(self.endpoint.model_unavailable(model, &words, &hint))
            }
        }
    }

    fn estimate(&self, request: &TextRequest) -> Option<Usd> {
        let model = self.model(&request.model)?;
        Some(model.estimate(request.uncached_chars(), request.cached_chars(), request.max_tokens))
    }

    fn request_body(&self, request: &TextRequest) -> Value {
        let mut body = Map::new();
        let mut put = |field: &str, value: Value| body.insert(field.to_owned(), value);
        put("model", json!(request.model));
        put("max_tokens", json!(self.max_tokens(request)));
        if let Some(system) = &request.system {
            put("system", json!(system));
        }
        let content = match &request.cached_prefix {
            None => json!(request.prompt),
            // All before the mark is cached, the system prompt included.
            Some(prefix) => json!([
                {"type": "text", "text": prefix, "cache_control": {"type": "ephemeral"}},
                {"type": "text", "text": request.prompt},
            ]),
        };
        put("messages", json!([{"role": "user", "content": content}]));
        let mut output = Map::new();
        if self.model(&request.model).is_some_and(|model| model.takes_effort) {
            output.insert("effort".to_owned(), json!("low"));
        }
        let takes_schema = self.model(&request.model).is_some_and(|model| model.takes_json_schema);
        if let Some(schema) = request.json_schema.as_ref().filter(|_| takes_schema) {
            output.insert("format".to_owned(), json!({"type": "json_schema", "schema": schema}));
        }
        if !output.is_empty() {
            put("output_config", Value::Object(output));
        }
        Value::Object(body)
    }
}

impl fmt::Debug for ClaudeClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClaudeClient").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}
