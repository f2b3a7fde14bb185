//! What a stage reports while it works; it never prints and never knows who listens.

use std::time::Duration;

use btcedu_domain::{ChapterId, EpisodeId, PromptSource, Stage, Usd};

/// Something that happened in a stage.
#[derive(Debug, Clone, PartialEq)]
pub enum StageEvent {
    /// What an interrupted run left was mended.
    Mended {
        /// In words.
        what: String,
    },
    /// The work list is decided.
    Planned {
        /// The episode.
        episode: EpisodeId,
        /// Pictures to buy.
        pictures: usize,
        /// What they should cost at most, prompts included.
        estimate: Usd,
    },
    /// A chapter's prompt is there.
    PromptReady {
        /// The chapter.
        chapter: ChapterId,
        /// Who wrote it.
        source: PromptSource,
    },
    /// A picture was asked for.
    ImageStarted {
        /// The chapter.
        chapter: ChapterId,
        /// 1 for the first attempt.
        attempt: u32,
    },
    /// An attempt failed and another follows.
    Retrying {
        /// The chapter.
        chapter: ChapterId,
        /// The attempt that failed.
        attempt: u32,
        /// How long until the next.
        wait: Duration,
        /// Why it failed.
        reason: String,
    },
    /// A picture is stored, recorded and current.
    Generated {
        /// The chapter.
        chapter: ChapterId,
        /// What it cost.
        cost: Usd,
    },
    /// The provider's policy refused a prompt.
    Rejected {
        /// The chapter.
        chapter: ChapterId,
        /// Its reason.
        reason: String,
    },
    /// A chapter got no picture.
    Failed {
        /// The chapter.
        chapter: ChapterId,
        /// Why.
        error: String,
    },
    /// A segment of a text was sent.
    SegmentStarted {
        /// The stage.
        stage: Stage,
        /// Counted from 1.
        number: usize,
        /// All segments.
        total: usize,
    },
    /// An attempt at a segment failed and another follows.
    SegmentRetrying {
        /// The stage.
        stage: Stage,
        /// Counted from 1.
        number: usize,
        /// The attempt that failed.
        attempt: u32,
        /// How long until the next.
        wait: Duration,
        /// Why it failed.
        reason: String,
    },
    /// A segment's answer is paid and kept.
    SegmentDone {
        /// The stage.
        stage: Stage,
        /// Counted from 1.
        number: usize,
        /// All segments.
        total: usize,
        /// What it cost.
        cost: Usd,
    },
    /// The next call would pass the cap.
    CapReached {
        /// What the episode has cost.
        cost: Usd,
        /// What it may cost.
        cap: Usd,
    },
    /// The stage has ended.
    Finished {
        /// The episode.
        episode: EpisodeId,
    },
}

/// Is told what happens in a stage: progress bars, logs, tests.
pub trait Observer: Send + Sync {
    /// Is called for each event; must not block.
    fn on_event(&self, event: &StageEvent);
}

/// Ignores every event.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoObserver;

impl Observer for NoObserver {
    fn on_event(&self, _event: &StageEvent) {}
}
