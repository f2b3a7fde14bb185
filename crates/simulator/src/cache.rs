//! The prompt cache: what of a request is read from it, what is written to it, and for how long.
//!
//! A later request reads the longest cached part that begins in the same way
//! (platform.claude.com/docs/en/build-with-claude/prompt-caching). What is written can be read once the
//! request that wrote it was answered.

use std::time::Duration;

use btcedu_domain::Sha256Hash;

/// How long a part stays in the cache after its last use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lifetime {
    FiveMinutes,
    OneHour,
}

impl Lifetime {
    pub(crate) fn duration(self) -> Duration {
        match self {
            Self::FiveMinutes => Duration::from_mins(5),
            Self::OneHour => Duration::from_hours(1),
        }
    }
}

/// A request up to the end of one of its text blocks.
#[derive(Debug, Clone)]
pub(crate) struct Prefix {
    /// Of the model's id and all blocks up to this one.
    pub(crate) hash: Sha256Hash,
    /// Tokens up to the end of the block.
    pub(crate) tokens: u64,
    /// How long it is cached, if the block is marked.
    pub(crate) mark: Option<Lifetime>,
}

/// The parts of a request that can be written to the cache or read from it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Prefixes {
    /// Those that the model's cache takes, shortest first.
    pub(crate) long_enough: Vec<Prefix>,
    /// Tokens of the whole request.
    pub(crate) tokens: u64,
}

/// Tokens of an answered request, by what they cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    /// Read without the cache.
    pub(crate) input: u64,
    pub(crate) cache_read: u64,
    pub(crate) written_for_minutes: u64,
    pub(crate) written_for_an_hour: u64,
    pub(crate) output: u64,
}

impl Usage {
    pub(crate) fn cache_written(&self) -> u64 {
        self.written_for_minutes + self.written_for_an_hour
    }

    /// All that the model read.
    pub(crate) fn prompt(&self) -> u64 {
        self.input + self.cache_read + self.cache_written()
    }
}

impl Prefixes {
    /// Tells what of the request is read from the cache and what is written to it.
    pub(crate) fn usage(&self, is_cached: impl Fn(&Sha256Hash) -> bool) -> Usage {
        let last = self.long_enough.iter().rposition(|prefix| prefix.mark.is_some());
        let until_mark = last.and_then(|last| self.long_enough.get(..=last)).unwrap_or_default();
        let read = until_mark.iter().rev().find(|prefix| is_cached(&prefix.hash)).map_or(0, |it| it.tokens);
        let mut usage = Usage { cache_read: read, ..Usage::default() };
        let mut done = read;
        for prefix in until_mark {
            let Some(mark) = prefix.mark.filter(|_| prefix.tokens > done) else { continue };
            match mark {
                Lifetime::FiveMinutes => usage.written_for_minutes += prefix.tokens - done,
                Lifetime::OneHour => usage.written_for_an_hour += prefix.tokens - done,
            }
            done = prefix.tokens;
        }
        usage.input = self.tokens.saturating_sub(done);
        usage
    }

    /// Lists what is in the cache after the request was answered.
    pub(crate) fn marked(&self) -> impl Iterator<Item = (&Sha256Hash, Lifetime)> {
        self.long_enough.iter().filter_map(|prefix| Some((&prefix.hash, prefix.mark?)))
    }
}
