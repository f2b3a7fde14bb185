//! A text model: what it takes, what it costs, until when it lives.

use btcedu_domain::Usd;
use jiff::civil::Date;

use crate::prices::{TextPrices, TextUsage, tokens_of};

/// A text model's entry in the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextModel {
    /// The name to send.
    pub id: String,
    /// Other names of the same model.
    pub aliases: Vec<String>,
    /// What it costs.
    pub prices: TextPrices,
    /// Prices for the whole request when its input has more tokens than this.
    pub prices_over: Option<(u64, TextPrices)>,
    /// Tokens to add to `max_tokens`, because the model thinks first and that counts.
    pub thinking_allowance: u64,
    /// Whether it takes `output_config.effort`.
    pub takes_effort: bool,
    /// Whether it takes `output_config.format`, which holds its answer to a JSON Schema.
    pub takes_json_schema: bool,
    /// The largest `max_tokens` it takes.
    pub max_output_tokens: u64,
    /// Input and output together, in tokens.
    pub context_tokens: u64,
    /// The shortest prefix that the provider caches, in tokens.
    pub min_cache_tokens: u64,
    /// The first day on which the public API refuses it.
    pub retires: Option<Date>,
    /// The model that its provider names in its place.
    pub successor: Option<String>,
}

impl TextModel {
    /// Returns what a call should cost at most, thinking included.
    ///
    /// `max_tokens` is meant for the visible answer; `cached_chars` are those that the provider
    /// is asked to cache, and may have to write into its cache first.
    pub fn estimate(&self, input_chars: usize, cached_chars: usize, max_tokens: u64) -> Usd {
        self.cost_of(TextUsage {
            input_tokens: tokens_of(input_chars),
            cache_write_tokens: tokens_of(cached_chars),
            output_tokens: self.max_tokens_to_send(max_tokens),
            ..TextUsage::default()
        })
    }

    /// Returns the exact cost of what the provider counted.
    pub fn cost_of(&self, usage: TextUsage) -> Usd {
        self.prices_for(usage.total_input_tokens()).cost_of(usage)
    }

    /// Returns `max_tokens` with room for thinking, at most what the model takes.
    pub fn max_tokens_to_send(&self, max_tokens: u64) -> u64 {
        max_tokens.saturating_add(self.thinking_allowance).min(self.max_output_tokens)
    }

    /// Tells whether the public API refuses the model on a day.
    pub fn is_retired(&self, on: Date) -> bool {
        self.retires.is_some_and(|retires| retires <= on)
    }

    fn prices_for(&self, input_tokens: u64) -> &TextPrices {
        match &self.prices_over {
            Some((threshold, prices)) if input_tokens > *threshold => prices,
            _ => &self.prices,
        }
    }

    /// Tells whether the model goes by a name.
    pub(crate) fn is_called(&self, name: &str) -> bool {
        self.id == name || self.aliases.iter().any(|alias| alias == name)
    }
}
