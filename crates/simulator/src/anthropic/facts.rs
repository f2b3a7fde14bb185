//! The simulator's facts about Anthropic's models: names, retirement, prices and refused fields.
//!
//! Read from Anthropic's model overviews and migration guides as of 2026-11-22. The prices of Opus 5,
//! Sonnet 4.5 and Sonnet 4 were in none of them; those of the most similar models are used. The price of
//! cached tokens of Opus 5 and Fable 5.2 wasn't found either: it is that of tokens that aren't cached.

use btcedu_domain::Usd;

use crate::cache::Usage;

/// One text model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TextModel {
    pub(crate) id: &'static str,
    /// Whether it was retired by 2026-11-22.
    pub(crate) is_retired: bool,
    pub(crate) refuses: Refuses,
    prices: Prices,
    /// Tokens of the shortest part that is cached.
    pub(crate) fewest_cached: u64,
    pub(crate) max_output: u64,
}

/// Micro-dollars per million tokens.
#[derive(Debug, Clone, Copy)]
struct Prices {
    input: i64,
    output: i64,
    cache_read: i64,
}

/// The fields that a model refuses with 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Refuses {
    /// Nothing; it thinks only if asked to.
    Nothing,
    /// Nothing; it thinks by default.
    NothingAndThinks,
    /// Thinking budgets, sampling parameters and a last message from the assistant.
    LegacyFields,
    /// The legacy fields, forced tools, and thinking switched off.
    LegacyFieldsAndForcedTools,
}

const fn model(
    id: &'static str,
    refuses: Refuses,
    prices: Prices,
    fewest_cached: u64,
    max_output: u64,
) -> TextModel {
    TextModel { id, is_retired: false, refuses, prices, fewest_cached, max_output }
}

const fn cents(input: i64, output: i64, cache_read: i64) -> Prices {
    const CENT: i64 = 10_000;
    Prices { input: input * CENT, output: output * CENT, cache_read: cache_read * CENT }
}

const SONNET_4: Prices = cents(300, 1500, 30);
const HAIKU_4_5: Prices = cents(100, 500, 10);

/// Every text model, newest first.
pub(crate) const TEXT_MODELS: &[TextModel] = &[
    model("claude-fable-5-2", Refuses::LegacyFields, cents(800, 4000, 800), 1024, 128_000),
    model("claude-haiku-5-5", Refuses::LegacyFields, cents(10, 50, 1), 512, 128_000),
    model("claude-sonnet-5-5", Refuses::LegacyFieldsAndForcedTools, cents(200, 1000, 10), 512, 128_000),
    model("claude-opus-5-5", Refuses::LegacyFields, cents(400, 2000, 20), 512, 128_000),
    model("claude-opus-5", Refuses::NothingAndThinks, cents(500, 2500, 500), 512, 128_000),
    model("claude-sonnet-5", Refuses::NothingAndThinks, cents(200, 1000, 20), 1024, 128_000),
    model("claude-sonnet-4-6", Refuses::Nothing, SONNET_4, 1024, 128_000),
    model("claude-haiku-4-5", Refuses::Nothing, HAIKU_4_5, 4096, 64_000),
    model("claude-haiku-4-5-20251001", Refuses::Nothing, HAIKU_4_5, 4096, 64_000),
    model("claude-sonnet-4-5-20250929", Refuses::Nothing, SONNET_4, 1024, 64_000),
    TextModel {
        is_retired: true,
        ..model("claude-sonnet-4-20250514", Refuses::Nothing, SONNET_4, 1024, 64_000)
    },
];

impl TextModel {
    /// Finds a model by its id.
    pub(crate) fn find(id: &str) -> Option<Self> {
        TEXT_MODELS.iter().copied().find(|model| model.id == id)
    }

    /// Tells whether it thinks before it answers without being asked.
    pub(crate) fn thinks(&self) -> bool {
        self.refuses >= Refuses::NothingAndThinks
    }

    /// Price of one answer. Writing to the cache costs a quarter more than reading without it, for an
    /// hour twice as much. Haiku 5.5 costs five times as much for prompts over 100,000 tokens.
    pub(crate) fn price(&self, usage: &Usage) -> Usd {
        let factor = if self.id == "claude-haiku-5-5" && usage.prompt() > 100_000 { 5 } else { 1 };
        let Prices { input, output, cache_read } = self.prices;
        let cost = |price: i64, tokens| Usd::from_micros(price * factor).per_million(tokens);
        cost(input, usage.input)
            + cost(cache_read, usage.cache_read)
            + cost(input * 5 / 4, usage.written_for_minutes)
            + cost(input * 2, usage.written_for_an_hour)
            + cost(output, usage.output)
    }
}

/// Tokens of so many characters, at about four each. The real count differs by model and language.
pub(crate) fn count_tokens(characters: usize) -> u64 {
    (characters as u64).div_ceil(4)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLION: u64 = 1_000_000;

    fn price(id: &str, usage: Usage) -> String {
        TextModel::find(id).unwrap().price(&usage).to_string()
    }

    #[test]
    fn a_text_costs_its_tokens() {
        let usage = |input| Usage { input, output: MILLION, ..Usage::default() };
        assert_eq!(price("claude-sonnet-5-5", usage(MILLION)), "$12.00");
        assert_eq!(price("claude-haiku-5-5", usage(100_000)), "$0.51");
        assert_eq!(price("claude-haiku-5-5", usage(MILLION)), "$3.00");
    }

    #[test]
    fn the_cache_costs_more_once_and_little_later() {
        let sonnet = |usage| price("claude-sonnet-5-5", usage);
        assert_eq!(sonnet(Usage { written_for_minutes: MILLION, ..Usage::default() }), "$2.50");
        assert_eq!(sonnet(Usage { written_for_an_hour: MILLION, ..Usage::default() }), "$4.00");
        assert_eq!(sonnet(Usage { cache_read: MILLION, ..Usage::default() }), "$0.10");
        let over = Usage { cache_read: MILLION, ..Usage::default() };
        assert_eq!(price("claude-haiku-5-5", over), "$0.05");
    }
}
