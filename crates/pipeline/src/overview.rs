//! Lists of episodes with their status, cost and plan; from rows alone, in a fixed number of queries.

use std::{cmp::Reverse, collections::HashMap};

use btcedu_domain::{EpisodeId, EpisodeRowId, EpisodeStatus, Stage, Usd, UtcTime};
use btcedu_models::{
    Conn, Db, DbError,
    episodes::{self, Episode, EpisodeFilter},
    pipeline_runs, provider_calls,
    review_tasks::{self, LatestReview},
};
use btcedu_stages::Position;
use jiff::civil::Date;
use serde::Serialize;

use crate::{
    plan::PlannedStep,
    waiting::{PlannedEpisode, WaitKind, WaitingFor},
};

/// Which episodes to list; the default is all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OverviewFilter {
    /// Only these, in this order; `status` and `search` are then ignored.
    pub ids: Vec<EpisodeId>,
    /// Only this status.
    pub status: Option<EpisodeStatus>,
    /// Only where title or id contain this (A–Z without regard to case).
    pub search: Option<String>,
    /// Only published (or else found) on this day in UTC or later.
    pub since: Option<Date>,
    /// Only those that wait for this.
    pub waiting_for: Option<WaitKind>,
    /// The order of the list; with the default, `ids` keep theirs.
    pub order: EpisodeOrder,
    /// Skip this many.
    pub offset: usize,
    /// List at most this many.
    pub limit: Option<usize>,
}

impl OverviewFilter {
    /// Returns how many rows the database has to return, where that doesn't depend on their content.
    fn sql_limit(&self) -> Option<i64> {
        let needs_all_rows = self.since.is_some()
            || self.waiting_for.is_some()
            || !self.ids.is_empty()
            || self.order != EpisodeOrder::Newest;
        let rows = self.limit.filter(|_| !needs_all_rows)?.checked_add(self.offset)?;
        i64::try_from(rows).ok()
    }

    fn of_rows(&self) -> EpisodeFilter {
        EpisodeFilter {
            status: self.status,
            search: self.search.clone(),
            limit: self.sql_limit(),
            ..EpisodeFilter::default()
        }
    }
}

/// The order in which episodes are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum EpisodeOrder {
    /// Newest first, by publication or else by when they were found.
    #[default]
    Newest,
    /// Oldest first.
    Oldest,
    /// By title.
    Title,
    /// Highest cost first.
    Cost,
}

/// One page of a list, and the length of the whole list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpisodeList {
    /// The episodes of the page.
    pub episodes: Vec<EpisodeOverview>,
    /// How many episodes match the filter on all pages.
    pub matching: usize,
}

/// One episode of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EpisodeOverview {
    /// The episode.
    pub episode_id: EpisodeId,
    /// Its title.
    pub title: String,
    /// 1 or 2.
    pub pipeline_version: i32,
    /// Its status.
    pub status: EpisodeStatus,
    /// When it appeared according to the feed, or else when it was found.
    pub published_at: UtcTime,
    /// What it has cost over all stages.
    #[serde(rename = "cost_usd")]
    pub cost: Usd,
    /// What it may cost.
    #[serde(rename = "cap_usd")]
    pub cap: Usd,
    /// What it waits for.
    pub waiting_for: WaitingFor,
    /// The last error.
    pub error: Option<String>,
    /// How often it has failed so far.
    pub retry_count: i32,
    /// All its steps, in order.
    #[serde(skip)]
    pub steps: Vec<PlannedStep>,
}

/// Lists episodes with what they cost, may cost and wait for.
///
/// # Errors
/// The database's.
pub async fn list_episodes(db: &Db, cap: Usd, filter: OverviewFilter) -> Result<EpisodeList, DbError> {
    db.run(move |conn| load_list(conn, cap, &filter)).await
}

fn load_list(conn: &mut Conn, cap: Usd, filter: &OverviewFilter) -> Result<EpisodeList, DbError> {
    let mut planned = load_planned(conn, filter)?;
    if let Some(kind) = filter.waiting_for {
        planned.retain(|planned| planned.waiting_for.is(kind));
    }
    let matching = match filter.sql_limit() {
        Some(_) => usize::try_from(episodes::count(conn, &filter.of_rows())?).unwrap_or(usize::MAX),
        None => planned.len(),
    };
    let mut costs = HashMap::new();
    match filter.order {
        EpisodeOrder::Newest => {}
        EpisodeOrder::Oldest => planned.reverse(),
        EpisodeOrder::Title => planned.sort_by_cached_key(|planned| planned.episode.title.to_lowercase()),
        EpisodeOrder::Cost => {
            costs = load_costs(conn, None)?;
            planned.sort_by_key(|planned| Reverse(cost_of(planned, &costs)));
        }
    }
    let limit = filter.limit.unwrap_or(usize::MAX);
    let page: Vec<PlannedEpisode> = planned.into_iter().skip(filter.offset).take(limit).collect();
    if filter.order != EpisodeOrder::Cost {
        let rows: Vec<EpisodeRowId> = page.iter().map(|planned| planned.episode.id).collect();
        costs = load_costs(conn, Some(&rows))?;
    }
    let overview = |planned| {
        let cost = cost_of(&planned, &costs);
        let PlannedEpisode { episode, waiting_for, plan } = planned;
        EpisodeOverview {
            cost,
            cap,
            waiting_for,
            pipeline_version: episode.pipeline_version.number(),
            published_at: published(&episode),
            episode_id: episode.episode_id,
            title: episode.title,
            status: episode.status,
            error: episode.error_message,
            retry_count: episode.retry_count,
            steps: plan.steps,
        }
    };
    Ok(EpisodeList { episodes: page.into_iter().map(overview).collect(), matching })
}

/// Costs by episode; an episode without calls isn't in it.
type Costs = HashMap<EpisodeRowId, Usd>;

fn load_costs(conn: &mut Conn, episodes: Option<&[EpisodeRowId]>) -> Result<Costs, DbError> {
    let costs = provider_calls::list_episode_costs(conn, episodes)?;
    Ok(costs.into_iter().map(|cost| (cost.episode_id, cost.cost)).collect())
}

fn cost_of(planned: &PlannedEpisode, costs: &Costs) -> Usd {
    costs.get(&planned.episode.id).copied().unwrap_or(Usd::ZERO)
}

/// The statuses in which the next step depends on a review: before a gate, or sent back by one.
const STATUSES_AT_GATES: [EpisodeStatus; 4] =
    [EpisodeStatus::Transcribed, EpisodeStatus::Corrected, EpisodeStatus::Translated, EpisodeStatus::Adapted];

/// After this many costly failures in a row a person decides: another run by a timer would only cost more.
const FAILURES_UNTIL_PERSON: i64 = 3;

/// Loads episodes with their plans, newest first.
///
/// Of the filter, `waiting_for` and `order` are not applied, nor is a limit that depends on them.
pub(crate) fn load_planned(conn: &mut Conn, filter: &OverviewFilter) -> Result<Vec<PlannedEpisode>, DbError> {
    let mut episodes = Vec::new();
    if filter.ids.is_empty() {
        episodes = episodes::list(conn, &filter.of_rows())?;
    }
    for id in &filter.ids {
        episodes.extend(episodes::find(conn, id)?);
    }
    if let Some(since) = filter.since {
        episodes.retain(|episode| published(episode).date() >= since);
    }
    let last_runs: HashMap<EpisodeRowId, Stage> = pipeline_runs::list_latest(conn, &Position::STOPPED)?
        .into_iter()
        .map(|run| (run.episode_id, run.stage))
        .collect();
    let mut reviews: HashMap<EpisodeId, Vec<LatestReview>> = HashMap::new();
    for review in review_tasks::list_latest(conn, &STATUSES_AT_GATES)? {
        reviews.entry(review.episode_id.clone()).or_default().push(review);
    }
    let streaks = pipeline_runs::list_failure_streaks(conn, FAILURES_UNTIL_PERSON)?;
    let plan = |episode: Episode| {
        let row = episode.id;
        let reviews = reviews.get(&episode.episode_id).map(Vec::as_slice).unwrap_or_default();
        let mut planned = PlannedEpisode::new(episode, last_runs.get(&row).copied(), reviews);
        if let WaitingFor::Stage(stage) = planned.waiting_for
            && let Some(streak) = streaks.iter().find(|s| s.episode_id == row && s.stage == stage)
        {
            planned.waiting_for = WaitingFor::Retry { failures: streak.runs };
        }
        planned
    };
    Ok(episodes.into_iter().map(plan).collect())
}

fn published(episode: &Episode) -> UtcTime {
    episode.published_at.unwrap_or(episode.detected_at)
}
