//! Anthropic's Messages API.

mod answer;
mod classify;
mod config;

use std::{fmt, time::Duration};

use async_trait::async_trait;
use btcedu_catalog::TextModel;
use btcedu_domain::Usd;
use btcedu_http::{ApiRequest, BaseUrl, Reply};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};

use crate::{
    error::TextError,
    text::{LanguageModel, StopReason, TextReply, TextRequest},
};

pub use config::ClaudeConfig;

/// The version of the API that is spoken (Anthropic, "versioning", the latest of October 2026).
pub const ANTHROPIC_VERSION: &str = "2026-10-21";

const PUBLIC_API: &str = "https://api.anthropic.com/v1";
const PUBLIC_HOST: &str = "api.anthropic.com";
/// A list of models is short and quick; nobody should wait minutes for it.
const LIST_TIMEOUT: Duration = Duration::from_secs(30);

/// Writes texts with Claude.
pub struct ClaudeClient {
    config: ClaudeConfig,
    base: BaseUrl,
}

impl ClaudeClient {
    /// Makes the client. Nothing is sent, and no connection set up, before the first call.
    ///
    /// # Errors
    /// [`TextError::BadBaseUrl`] for a base URL that can't be used.
    pub fn new(config: ClaudeConfig) -> Result<Self, TextError> {
        let base = config.base_url.as_deref().unwrap_or(PUBLIC_API).parse()?;
        Ok(Self { config, base })
    }

    /// Returns the names of the models that the key may use. Free.
    ///
    /// # Errors
    /// [`TextError`] if there is no list to be had.
    pub async fn list_models(&self) -> Result<Vec<String>, TextError> {
        // The default page has twenty; the largest has more than there are.
        let call = ApiRequest::get(&self.base, "models", LIST_TIMEOUT.min(self.config.timeout))
            .query("limit", "1000");
        let reply = self.send(call).await?;
        let listed = if reply.is_success() { answer::read_model_list(&reply.body) } else { None };
        match listed {
            Some(names) => Ok(names),
            None if reply.is_success() => Err(self.wrong_address(&reply)),
            None => Err(self.failure(&reply).into_error("", None, &self.base.host())),
        }
    }

    /// Finds out whether the key works. Free.
    ///
    /// # Errors
    /// [`TextError`] if it doesn't, or if it can't be told.
    pub async fn check_key(&self) -> Result<(), TextError> {
        self.list_models().await.map(|_| ())
    }

    /// Tells whether the catalogue's retirement dates hold here: a gateway may serve what it likes.
    fn is_public(&self) -> bool {
        self.base.is_host(PUBLIC_HOST)
    }

    fn key(&self) -> Result<&SecretString, TextError> {
        self.config.api_key.as_ref().ok_or(TextError::MissingKey)
    }

    fn model(&self, name: &str) -> Option<&TextModel> {
        self.config.catalog.text(name)
    }

    /// Returns what to send as `max_tokens`, which caps thinking and text together.
    fn max_tokens(&self, request: &TextRequest) -> u64 {
        if let Some(model) = self.model(&request.model) {
            return model.max_tokens_to_send(request.max_tokens);
        }
        // One that nobody listed may think as much as any.
        let most = self.config.catalog.texts().map(|model| model.thinking_allowance).max();
        request.max_tokens.saturating_add(most.unwrap_or(0))
    }

    async fn send(&self, call: ApiRequest<'_>) -> Result<Reply, TextError> {
        let call =
            call.header("anthropic-version", ANTHROPIC_VERSION).secret_header("x-api-key", self.key()?);
        self.config.http.send(&call).await.map_err(TextError::Transport)
    }

    fn failure(&self, reply: &Reply) -> classify::Failure {
        let key = self.config.api_key.as_ref().map(SecretString::expose_secret);
        classify::Failure::read(reply, self.config.clock.now(), |text| btcedu_http::redact(text, key))
    }

    fn wrong_address(&self, reply: &Reply) -> TextError {
        TextError::WrongAddress {
            host: self.base.host(),
            status: reply.status,
            request_id: reply.request_id.clone(),
        }
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
    async fn complete(&self, request: &TextRequest) -> Result<TextReply, TextError> {
        let body = self.request_body(request);
        let reply =
            self.send(ApiRequest::post_json(&self.base, "messages", &body, self.config.timeout)).await?;
        if !reply.is_success() {
            let successor = self.model(&request.model).and_then(|model| model.successor.as_deref());
            return Err(self.failure(&reply).into_error(&request.model, successor, &self.base.host()));
        }
        let request_id = reply.request_id;
        match answer::read_message(&reply.body) {
            Ok(message) => Ok(self.reply(request, message, request_id)),
            Err(problem) => Err(TextError::BadAnswer { problem, request_id }),
        }
    }

    fn check_ready(&self, model: &str) -> Result<(), TextError> {
        self.key()?;
        let today = self.config.clock.now().date();
        match self.model(model).filter(|listed| self.is_public() && listed.is_retired(today)) {
            None => Ok(()),
            Some(listed) => Err(TextError::ModelUnavailable {
                model: model.to_owned(),
                successor: listed.successor.clone(),
                message: listed.retires.map_or_else(String::new, |date| format!("retired since {date}")),
                request_id: None,
            }),
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
            // All that stands before the mark is cached, the system prompt too.
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
        f.debug_struct("ClaudeClient").field("base", &self.base).finish_non_exhaustive()
    }
}
