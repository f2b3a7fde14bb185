//! What the simulator knows of Anthropic's models: names, ends, prices and what they refuse.
//!
//! Read from Anthropic's model overviews and migration guides as of 2026-11-22. The prices of Opus 5,
//! Sonnet 4.5 and Sonnet 4 were in none of them; they are those of their nearest kin. What reading the cache
//! costs with Opus 5 and Fable 5.2 wasn't found either: there it saves nothing here.

use btcedu_domain::Usd;

use super::cache::Usage;

/// One text model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TextModel {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    /// Whether it was retired by 2026-11-22.
    pub(crate) is_retired: bool,
    pub(crate) refuses: Refuses,
    /// Micro-dollars per million tokens in, out, and read from the cache.
    prices: (i64, i64, i64),
    /// Tokens of the shortest part that is cached.
    pub(crate) fewest_cached: u64,
    pub(crate) max_output: u64,
    pub(crate) max_input: u64,
}

/// What a model answers with 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Refuses {
    /// Nothing that others take; it doesn't think unless asked to.
    Nothing,
    /// Nothing that others take; it thinks by default.
    NothingAndThinks,
    /// Thinking budgets, sampling parameters and an assistant's turn at the end.
    OldTricks,
    /// These, and forced tools, and thinking switched off.
    OldTricksAndForcedTools,
}

const fn model(
    id: &'static str,
    name: &'static str,
    refuses: Refuses,
    prices: (i64, i64, i64),
    fewest_cached: u64,
    thousands: (u64, u64),
) -> TextModel {
    TextModel {
        id,
        name,
        is_retired: false,
        refuses,
        prices,
        fewest_cached,
        max_output: thousands.1 * 1000,
        max_input: thousands.0 * 1000,
    }
}

const CENT: i64 = 10_000;

/// Every text model, newest first.
pub(crate) const TEXT_MODELS: &[TextModel] = &[
    model(
        "claude-fable-5-2",
        "Claude Fable 5.2",
        Refuses::OldTricks,
        (800 * CENT, 4000 * CENT, 800 * CENT),
        1024,
        (1000, 128),
    ),
    model(
        "claude-haiku-5-5",
        "Claude Haiku 5.5",
        Refuses::OldTricks,
        (10 * CENT, 50 * CENT, CENT),
        512,
        (1000, 128),
    ),
    model(
        "claude-sonnet-5-5",
        "Claude Sonnet 5.5",
        Refuses::OldTricksAndForcedTools,
        (200 * CENT, 1000 * CENT, 10 * CENT),
        512,
        (1000, 128),
    ),
    model(
        "claude-opus-5-5",
        "Claude Opus 5.5",
        Refuses::OldTricks,
        (400 * CENT, 2000 * CENT, 20 * CENT),
        512,
        (1000, 128),
    ),
    model(
        "claude-opus-5",
        "Claude Opus 5",
        Refuses::NothingAndThinks,
        (500 * CENT, 2500 * CENT, 500 * CENT),
        512,
        (1000, 128),
    ),
    model(
        "claude-sonnet-5",
        "Claude Sonnet 5",
        Refuses::NothingAndThinks,
        (200 * CENT, 1000 * CENT, 20 * CENT),
        1024,
        (1000, 128),
    ),
    model("claude-sonnet-4-6", "Claude Sonnet 4.6", Refuses::Nothing, SONNET_4, 1024, (1000, 128)),
    model("claude-haiku-4-5", "Claude Haiku 4.5", Refuses::Nothing, HAIKU_4_5, 4096, (200, 64)),
    model("claude-haiku-4-5-20251001", "Claude Haiku 4.5", Refuses::Nothing, HAIKU_4_5, 4096, (200, 64)),
    model("claude-sonnet-4-5-20250929", "Claude Sonnet 4.5", Refuses::Nothing, SONNET_4, 1024, (200, 64)),
    TextModel {
        is_retired: true,
        ..model("claude-sonnet-4-20250514", "Claude Sonnet 4", Refuses::Nothing, SONNET_4, 1024, (200, 64))
    },
];

const SONNET_4: (i64, i64, i64) = (300 * CENT, 1500 * CENT, 30 * CENT);
const HAIKU_4_5: (i64, i64, i64) = (100 * CENT, 500 * CENT, 10 * CENT);

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
        let (input, output, read) = self.prices;
        let cost = |price: i64, tokens| Usd::from_micros(price * factor).per_million(tokens);
        cost(input, usage.input)
            + cost(read, usage.cache_read)
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
