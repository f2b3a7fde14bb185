//! How episodes stand and what they wait for; from rows alone, whatever their number.

use std::{cmp::Reverse, collections::HashMap, fmt, str::FromStr};

use btcedu_domain::{EpisodeId, EpisodeRowId, EpisodeStatus, ReviewStage, ReviewStatus, Stage, Usd, UtcTime};
use btcedu_models::{
    Conn, Db, DbError,
    episodes::{self, Episode, EpisodeFilter},
    pipeline_runs, provider_calls,
    review_tasks::{self, LatestReview},
};
use btcedu_stages::Position;
use jiff::civil::Date;
use serde::{Serialize, Serializer};

use crate::{GateState, Gates, PipelinePlan, PlanFlags, PlannedStep, Step, StepState, resolve_pipeline_plan};

/// What an episode waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitingFor {
    /// Nothing: all steps are behind it.
    Nothing,
    /// A run of the next stage.
    Stage(Stage),
    /// A stage that this version of the program doesn't have.
    NotBuilt(Stage),
    /// A reviewer.
    Review {
        /// Which gate.
        gate: ReviewStage,
        /// The review's number; none where nobody has been asked yet.
        task: Option<i64>,
    },
    /// A higher cost cap.
    Cap {
        /// The stage that doesn't fit.
        stage: Stage,
    },
    /// A person who runs it again: its text was rejected without a word.
    Person {
        /// The review's number.
        task: i64,
    },
    /// A person who runs it again: it kept failing, and each time it cost something.
    Retry {
        /// How often, since something went well.
        failures: i64,
    },
}

impl WaitingFor {
    /// Tells whether it is of a kind.
    pub fn is(self, kind: WaitKind) -> bool {
        match (self, kind) {
            (Self::Nothing, WaitKind::Nothing)
            | (Self::Review { .. }, WaitKind::Review)
            | (Self::Cap { .. }, WaitKind::Cap)
            | (Self::Person { .. } | Self::Retry { .. }, WaitKind::Person) => true,
            (Self::Stage(stage) | Self::NotBuilt(stage), WaitKind::Stage(wanted)) => stage == wanted,
            _ => false,
        }
    }
}

impl fmt::Display for WaitingFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Nothing => Ok(()),
            Self::Stage(stage) => write!(f, "{stage}"),
            Self::NotBuilt(stage) => write!(f, "{stage} (not built yet)"),
            Self::Review { gate, task: None } => f.write_str(Step::Gate(gate).name()),
            Self::Review { gate, task: Some(task) } => {
                write!(f, "{} (review {task})", Step::Gate(gate).name())
            }
            Self::Cap { stage } => write!(f, "a higher MAX_EPISODE_COST_USD, for {stage}"),
            Self::Retry { failures } => {
                write!(f, "a person who retries it ({failures} runs in a row have cost money and failed)")
            }
            Self::Person { task } => {
                write!(f, "a person who runs it (review {task} rejected it without notes)")
            }
        }
    }
}

impl Serialize for WaitingFor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A kind of [`WaitingFor`], to filter by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitKind {
    /// Nothing: all steps are behind it.
    Nothing,
    /// A stage, built or not.
    Stage(Stage),
    /// A reviewer, at either gate.
    Review,
    /// A higher cost cap.
    Cap,
    /// A person who runs it again.
    Person,
}

impl FromStr for WaitKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "nothing" => Ok(Self::Nothing),
            "review" => Ok(Self::Review),
            "cap" => Ok(Self::Cap),
            "person" => Ok(Self::Person),
            stage => stage.parse().map(Self::Stage).map_err(|_unknown| {
                "it is one of review, cap, person, nothing, or a stage's name such as imagegen".to_owned()
            }),
        }
    }
}

/// Which episodes to list; the default is all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OverviewFilter {
    /// Only these, in this order.
    pub ids: Vec<EpisodeId>,
    /// Only this status.
    pub status: Option<EpisodeStatus>,
    /// Only where title or id contain this (A–Z without regard to case).
    pub search: Option<String>,
    /// Only published (or else found) on this day in UTC or later.
    pub since: Option<Date>,
    /// Only those that wait for this.
    pub waiting_for: Option<WaitKind>,
    /// In which order; ids keep theirs.
    pub order: EpisodeOrder,
    /// Leave out so many first.
    pub offset: usize,
    /// At most so many.
    pub limit: Option<usize>,
}

/// In which order episodes are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum EpisodeOrder {
    /// Newest first, by publication or else by when they were found.
    #[default]
    Newest,
    /// Oldest first.
    Oldest,
    /// By title.
    Title,
    /// Dearest first.
    Cost,
}

/// Part of a list, and how long the list is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpisodeList {
    /// The episodes asked for.
    pub episodes: Vec<EpisodeOverview>,
    /// How many the filter lets through, whatever offset and limit.
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
    /// How far it has got.
    pub status: EpisodeStatus,
    /// When the feed says that it appeared, or else when it was found.
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
    let wanted = |standing: &Standing| filter.waiting_for.is_none_or(|kind| standing.waiting_for.is(kind));
    let mut standings: Vec<Standing> = load_standings(conn, filter)?.into_iter().filter(wanted).collect();
    let matching = match sql_limit(filter) {
        Some(_) => usize::try_from(episodes::count(conn, &rows_of(filter))?).unwrap_or(usize::MAX),
        None => standings.len(),
    };
    let costs = if filter.order == EpisodeOrder::Cost { Some(load_costs(conn, None)?) } else { None };
    let cost_in = |costs: &HashMap<EpisodeRowId, Usd>, standing: &Standing| {
        costs.get(&standing.episode.id).copied().unwrap_or(Usd::ZERO)
    };
    match (filter.order, &costs) {
        (EpisodeOrder::Oldest, _) => standings.reverse(),
        (EpisodeOrder::Title, _) => standings.sort_by_cached_key(|s| s.episode.title.to_lowercase()),
        (EpisodeOrder::Cost, Some(costs)) => standings.sort_by_key(|s| Reverse(cost_in(costs, s))),
        (EpisodeOrder::Newest | EpisodeOrder::Cost, _) => {}
    }
    let limit = filter.limit.unwrap_or(usize::MAX);
    let shown: Vec<Standing> = standings.into_iter().skip(filter.offset).take(limit).collect();
    let costs = match costs {
        Some(costs) => costs,
        None => load_costs(conn, Some(&shown.iter().map(|s| s.episode.id).collect::<Vec<_>>()))?,
    };
    let episodes = shown.into_iter().map(|standing| {
        let cost = cost_in(&costs, &standing);
        overview(standing, cost, cap)
    });
    Ok(EpisodeList { episodes: episodes.collect(), matching })
}

fn load_costs(
    conn: &mut Conn,
    episodes: Option<&[EpisodeRowId]>,
) -> Result<HashMap<EpisodeRowId, Usd>, DbError> {
    let costs = provider_calls::list_episode_costs(conn, episodes)?;
    Ok(costs.into_iter().map(|cost| (cost.episode_id, cost.cost)).collect())
}

fn overview(standing: Standing, cost: Usd, cap: Usd) -> EpisodeOverview {
    let Standing { episode, waiting_for, plan } = standing;
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
}

/// Where what comes next depends on a review: before a gate, or sent back by one.
const AROUND_GATES: [EpisodeStatus; 4] =
    [EpisodeStatus::Transcribed, EpisodeStatus::Corrected, EpisodeStatus::Translated, EpisodeStatus::Adapted];

/// After so many runs in a row that cost money and failed, a timer would only burn more.
const MOST_FAILURES: i64 = 3;

/// An episode, its plan, and what it waits for.
pub(crate) struct Standing {
    pub(crate) episode: Episode,
    pub(crate) plan: PipelinePlan,
    pub(crate) waiting_for: WaitingFor,
}

/// Returns how many rows have to be loaded, where that is known before looking at them.
fn sql_limit(filter: &OverviewFilter) -> Option<i64> {
    let is_whole = filter.since.is_none() && filter.waiting_for.is_none() && filter.ids.is_empty();
    let in_order = filter.order == EpisodeOrder::Newest;
    let last = filter.limit.and_then(|limit| limit.checked_add(filter.offset));
    last.filter(|_| is_whole && in_order).and_then(|last| i64::try_from(last).ok())
}

fn rows_of(filter: &OverviewFilter) -> EpisodeFilter {
    EpisodeFilter {
        status: filter.status,
        search: filter.search.clone(),
        limit: sql_limit(filter),
        ..EpisodeFilter::default()
    }
}

/// Loads how episodes stand, newest first; `waiting_for`, order and mostly `limit` are left to the caller.
pub(crate) fn load_standings(conn: &mut Conn, filter: &OverviewFilter) -> Result<Vec<Standing>, DbError> {
    let mut episodes = Vec::new();
    if filter.ids.is_empty() {
        episodes = episodes::list(conn, &rows_of(filter))?;
    }
    for id in &filter.ids {
        episodes.extend(episodes::find(conn, id)?);
    }
    let last: HashMap<EpisodeRowId, Stage> = pipeline_runs::list_latest(conn, &Position::STOPPED)?
        .into_iter()
        .map(|run| (run.episode_id, run.stage))
        .collect();
    let mut reviews: HashMap<EpisodeId, Vec<LatestReview>> = HashMap::new();
    for review in review_tasks::list_latest(conn, &AROUND_GATES)? {
        reviews.entry(review.episode_id.clone()).or_default().push(review);
    }
    let streaks: HashMap<(EpisodeRowId, Stage), i64> =
        pipeline_runs::list_failure_streaks(conn, MOST_FAILURES)?
            .into_iter()
            .map(|streak| ((streak.episode_id, streak.stage), streak.runs))
            .collect();
    let is_new = |episode: &Episode| filter.since.is_none_or(|since| published(episode).date() >= since);
    let standing = |episode: Episode| {
        let reviews = reviews.get(&episode.episode_id).map(Vec::as_slice).unwrap_or_default();
        let (plan, waiting_for) = waiting_for(&episode, last.get(&episode.id).copied(), reviews);
        let failures = match waiting_for {
            WaitingFor::Stage(stage) => streaks.get(&(episode.id, stage)),
            _ => None,
        };
        let waiting_for = failures.map_or(waiting_for, |&failures| WaitingFor::Retry { failures });
        Standing { episode, plan, waiting_for }
    };
    Ok(episodes.into_iter().filter(is_new).map(standing).collect())
}

fn published(episode: &Episode) -> UtcTime {
    episode.published_at.unwrap_or(episode.detected_at)
}

fn waiting_for(
    episode: &Episode,
    last_stage: Option<Stage>,
    reviews: &[LatestReview],
) -> (PipelinePlan, WaitingFor) {
    let of = |gate: ReviewStage| reviews.iter().find(|review| review.stage == gate);
    let state = |gate| of(gate).map_or(GateState::NotAsked, |review| review.status.into());
    let gates = Gates { correct: state(ReviewStage::Correct), adapt: state(ReviewStage::Adapt) };
    let position = Position::of(episode, last_stage);
    let plan = resolve_pipeline_plan(&episode.episode_id, position, gates, PlanFlags::default());
    let waiting_for = plan.next().map_or(WaitingFor::Nothing, |next| match next.step {
        Step::Gate(gate) => {
            let open = of(gate).filter(|review| review.status.is_open());
            WaitingFor::Review { gate, task: open.map(|review| review.id) }
        }
        Step::Stage(stage) if next.state == StepState::NotBuilt => WaitingFor::NotBuilt(stage),
        Step::Stage(stage) if episode.status == EpisodeStatus::CostLimit => WaitingFor::Cap { stage },
        Step::Stage(stage) => match stage.gate_after().and_then(of).filter(|review| is_silent(review)) {
            Some(rejection) => WaitingFor::Person { task: rejection.id },
            None => WaitingFor::Stage(stage),
        },
    });
    (plan, waiting_for)
}

/// Rejected without a word: only a person knows whether another try makes sense.
fn is_silent(review: &LatestReview) -> bool {
    let notes = review.reviewer_notes.as_deref().unwrap_or_default();
    review.status == ReviewStatus::Rejected && notes.trim().is_empty()
}
