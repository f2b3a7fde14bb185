//! The list of episodes.

use btcedu_domain::{EpisodeId, EpisodeStatus, Usd, UtcTime};
use serde::Serialize;
use utoipa::ToSchema;

/// One page of the list, and what it was filtered by.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct EpisodesView {
    /// The episodes of this page.
    pub(crate) episodes: Vec<EpisodeRowView>,
    /// How many fit the filter, on all pages.
    pub(crate) total: usize,
    /// How many there are without any filter.
    pub(crate) all: usize,
    /// This page, from 1.
    pub(crate) page: usize,
    /// How many pages there are; at least 1.
    pub(crate) pages: usize,
    /// What was searched for in titles and ids; empty for nothing.
    pub(crate) search: String,
    /// The status filtered by; empty for all.
    pub(crate) status: String,
    /// What the episodes wait for, filtered by (`review`, `cap`, `person`, `nothing` or a stage); empty for all.
    pub(crate) waiting: String,
    /// `newest`, `oldest`, `title` or `cost`.
    pub(crate) sort: String,
    /// The statuses that there are, with how many episodes have each.
    pub(crate) statuses: Vec<StatusCount>,
}

/// How many episodes have a status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct StatusCount {
    /// The status.
    #[schema(value_type = String)]
    pub(crate) status: EpisodeStatus,
    /// How many.
    pub(crate) count: usize,
}

/// One episode, in short.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct EpisodeRowView {
    /// The id that names its folders.
    #[schema(value_type = String)]
    pub(crate) episode_id: EpisodeId,
    /// Its title.
    pub(crate) title: String,
    /// 1 or 2.
    pub(crate) pipeline_version: i32,
    /// How far it has got.
    #[schema(value_type = String)]
    pub(crate) status: EpisodeStatus,
    /// When the feed says that it appeared, or else when it was found.
    #[schema(value_type = String)]
    pub(crate) published_at: UtcTime,
    /// What it has cost over all stages, in US dollars.
    #[schema(value_type = f64)]
    pub(crate) cost_usd: Usd,
    /// What it may cost, in US dollars.
    #[schema(value_type = f64)]
    pub(crate) cap_usd: Usd,
    /// How much of that is spent, in percent from 0 to 100.
    pub(crate) spent_percent: u8,
    /// All its steps, in order.
    pub(crate) steps: Vec<StepView>,
    /// What it waits for, in words; empty for nothing.
    pub(crate) waiting_for: String,
    /// `review`, `cap`, `person`, `stage`, `not_built` or `nothing`.
    pub(crate) waiting_kind: String,
    /// The review that waits for a decision.
    pub(crate) review: Option<i64>,
    /// The last error.
    pub(crate) error: Option<String>,
    /// How often a stage has failed.
    pub(crate) retry_count: i32,
}

/// One step of an episode's way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct StepView {
    /// `correct`, `review gate 1`, …
    pub(crate) name: String,
    /// `done`, `next`, `waiting`, `not_built` or `later`.
    pub(crate) state: String,
    /// Whether it is a review gate.
    pub(crate) is_gate: bool,
}
