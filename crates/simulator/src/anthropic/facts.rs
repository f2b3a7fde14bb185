//! What the simulator knows of Anthropic's models: names, ends, prices and what they refuse.
//!
//! Read from Anthropic's model overviews and migration guides as of 2026-11-22. The prices of Opus 5,
//! Sonnet 4.5 and Sonnet 4 were in none of them; they are those of their nearest kin.

use btcedu_domain::Usd;

/// One text model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TextModel {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    /// Whether it was retired by 2026-11-22.
    pub(crate) is_retired: bool,
    pub(crate) refuses: Refuses,
    /// Micro-dollars per million tokens in and out.
    prices: (i64, i64),
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
    prices: (i64, i64),
    thousands: (u64, u64),
) -> TextModel {
    TextModel {
        id,
        name,
        is_retired: false,
        refuses,
        prices,
        max_output: thousands.1 * 1000,
        max_input: thousands.0 * 1000,
    }
}

const DOLLAR: i64 = 1_000_000;

/// Every text model, newest first.
pub(crate) const TEXT_MODELS: &[TextModel] = &[
    model("claude-fable-5-2", "Claude Fable 5.2", Refuses::OldTricks, (8 * DOLLAR, 40 * DOLLAR), (1000, 128)),
    model("claude-haiku-5-5", "Claude Haiku 5.5", Refuses::OldTricks, (DOLLAR / 10, DOLLAR / 2), (1000, 128)),
    model(
        "claude-sonnet-5-5",
        "Claude Sonnet 5.5",
        Refuses::OldTricksAndForcedTools,
        (2 * DOLLAR, 10 * DOLLAR),
        (1000, 128),
    ),
    model("claude-opus-5-5", "Claude Opus 5.5", Refuses::OldTricks, (4 * DOLLAR, 20 * DOLLAR), (1000, 128)),
    model(
        "claude-opus-5",
        "Claude Opus 5",
        Refuses::NothingAndThinks,
        (5 * DOLLAR, 25 * DOLLAR),
        (1000, 128),
    ),
    model(
        "claude-sonnet-5",
        "Claude Sonnet 5",
        Refuses::NothingAndThinks,
        (2 * DOLLAR, 10 * DOLLAR),
        (1000, 128),
    ),
    model("claude-sonnet-4-6", "Claude Sonnet 4.6", Refuses::Nothing, (3 * DOLLAR, 15 * DOLLAR), (1000, 128)),
    model("claude-haiku-4-5", "Claude Haiku 4.5", Refuses::Nothing, (DOLLAR, 5 * DOLLAR), (200, 64)),
    model("claude-haiku-4-5-20251001", "Claude Haiku 4.5", Refuses::Nothing, (DOLLAR, 5 * DOLLAR), (200, 64)),
    model(
        "claude-sonnet-4-5-20250929",
        "Claude Sonnet 4.5",
        Refuses::Nothing,
        (3 * DOLLAR, 15 * DOLLAR),
        (200, 64),
    ),
    TextModel {
        is_retired: true,
        ..model(
            "claude-sonnet-4-20250514",
            "Claude Sonnet 4",
            Refuses::Nothing,
            (3 * DOLLAR, 15 * DOLLAR),
            (200, 64),
        )
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

    /// Price of one answer. Haiku 5.5 costs five times as much for prompts over 100,000 tokens.
    pub(crate) fn price(&self, tokens_in: u64, tokens_out: u64) -> Usd {
        let factor = if self.id == "claude-haiku-5-5" && tokens_in > 100_000 { 5 } else { 1 };
        let (input, output) = self.prices;
        Usd::from_micros(input * factor).per_million(tokens_in)
            + Usd::from_micros(output * factor).per_million(tokens_out)
    }
}

/// Tokens of a text, at about four characters each. The real count differs by model and language.
pub(crate) fn count_tokens(text: &str) -> u64 {
    (text.chars().count() as u64).div_ceil(4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_costs_its_tokens() {
        let price = |id, tokens_in| TextModel::find(id).unwrap().price(tokens_in, 1_000_000).to_string();
        assert_eq!(price("claude-sonnet-5-5", 1_000_000), "$12.00");
        assert_eq!(price("claude-haiku-5-5", 100_000), "$0.51");
        assert_eq!(price("claude-haiku-5-5", 1_000_000), "$3.00");
    }
}
