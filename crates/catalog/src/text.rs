//! A text model: what it accepts, what it costs, when it retires.

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
    /// Its prices.
    pub prices: TextPrices,
    /// Other prices for requests with a long input, if the provider has them.
    pub long_input: Option<LongInputPrices>,
    /// Tokens to add to `max_tokens`, because thinking counts as output.
    pub thinking_allowance: u64,
    /// Whether it accepts `output_config.effort`.
    pub takes_effort: bool,
    /// Whether it accepts `output_config.format`, which makes the answer follow a JSON Schema.
    pub takes_json_schema: bool,
    /// The largest `max_tokens` that it accepts.
    pub max_output_tokens: u64,
    /// The largest sum of input and output, in tokens.
    pub context_tokens: u64,
    /// The shortest prefix that the provider caches, in tokens.
    pub min_cache_tokens: u64,
    /// The first day on which the public API refuses it.
    pub retires: Option<Date>,
    /// The model that its provider recommends instead.
    pub successor: Option<String>,
}

/// The prices of a whole request whose input is long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LongInputPrices {
    /// They apply if the input has more tokens than this.
    pub over_tokens: u64,
    /// The prices.
    pub prices: TextPrices,
}

impl TextModel {
    /// Returns the highest expected cost of a call, including thinking.
    ///
    /// `max_tokens` is for the visible answer. `cached_chars` is the length of the part that the provider is
    /// asked to cache; it may have to write that part into its cache first.
    pub fn estimate(&self, input_chars: usize, cached_chars: usize, max_tokens: u64) -> Usd {
        self.cost_of(TextUsage {
            input_tokens: tokens_of(input_chars),
            cache_write_tokens: tokens_of(cached_chars),
            output_tokens: self.max_tokens_to_send(max_tokens),
            ..TextUsage::default()
        })
    }

    /// Returns the exact cost of the counted tokens.
    pub fn cost_of(&self, usage: TextUsage) -> Usd {
        self.prices_for(usage.total_input_tokens()).cost_of(usage)
    }

    /// Returns `max_tokens` with room for thinking, at most the model's limit.
    pub fn max_tokens_to_send(&self, max_tokens: u64) -> u64 {
        max_tokens.saturating_add(self.thinking_allowance).min(self.max_output_tokens)
    }

    /// Tells whether the public API refuses the model on that day.
    pub fn is_retired(&self, on: Date) -> bool {
        self.retires.is_some_and(|retires| retires <= on)
    }

    fn prices_for(&self, input_tokens: u64) -> &TextPrices {
        match &self.long_input {
            Some(long) if input_tokens > long.over_tokens => &long.prices,
            _ => &self.prices,
        }
    }

    /// Tells whether a name is the model's id or one of its aliases.
    pub(crate) fn has_name(&self, name: &str) -> bool {
        self.id == name || self.aliases.iter().any(|alias| alias == name)
    }
}
