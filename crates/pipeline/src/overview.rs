//! How episodes stand and what they wait for; from rows alone, whatever their number.

use std::{collections::HashMap, fmt, str::FromStr};

use btcedu_domain::{EpisodeId, EpisodeRowId, EpisodeStatus, ReviewStage, ReviewStatus, Stage, Usd, UtcTime};
use btcedu_models::{
    Conn, Db, DbError,
    episodes::{self, Episode, EpisodeFilter},
    pipeline_runs, provider_calls,
    review_tasks::{self, LatestReview},
};
use btcedu_stages::text::TextStage;
use jiff::civil::Date;
use serde::{Serialize, Serializer};

use crate::{
    GateState, Gates, PlanFlags, Step, StepState,
    runner::{gate_of, plan_of},
};

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
    /// At most so many.
    pub limit: Option<usize>,
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
}

/// Lists episodes, newest first (or as asked for by id), with what they cost, may cost and wait for.
///
/// # Errors
/// The database's.
pub async fn list_episodes(
    db: &Db,
    cap: Usd,
    filter: OverviewFilter,
) -> Result<Vec<EpisodeOverview>, DbError> {
    let load = move |conn: &mut Conn| {
        let wanted =
            |standing: &Standing| filter.waiting_for.is_none_or(|kind| standing.waiting_for.is(kind));
        let standings = load_standings(conn, &filter)?.into_iter().filter(wanted);
        let shown = standings.take(filter.limit.unwrap_or(usize::MAX));
        shown.map(|standing| overview(conn, standing, cap)).collect()
    };
    db.run(load).await
}

fn overview(conn: &mut Conn, standing: Standing, cap: Usd) -> Result<EpisodeOverview, DbError> {
    let Standing { episode, waiting_for } = standing;
    Ok(EpisodeOverview {
        cost: provider_calls::episode_cost(conn, episode.id)?,
        cap,
        waiting_for,
        pipeline_version: episode.pipeline_version.number(),
        published_at: published(&episode),
        episode_id: episode.episode_id,
        title: episode.title,
        status: episode.status,
        error: episode.error_message,
        retry_count: episode.retry_count,
    })
}

/// Where only the runs tell how far an episode has got.
const OFF_THE_LINE: [EpisodeStatus; 2] = [EpisodeStatus::CostLimit, EpisodeStatus::Failed];
/// Where what comes next depends on a review: before a gate, or sent back by one.
const AROUND_GATES: [EpisodeStatus; 4] =
    [EpisodeStatus::Transcribed, EpisodeStatus::Corrected, EpisodeStatus::Translated, EpisodeStatus::Adapted];

/// After so many runs in a row that cost money and failed, a timer would only burn more.
const MOST_FAILURES: i64 = 3;

/// An episode, and what it waits for.
pub(crate) struct Standing {
    pub(crate) episode: Episode,
    pub(crate) waiting_for: WaitingFor,
}

/// Loads how episodes stand; `waiting_for` and, beside other filters, `limit` are left to the caller.
pub(crate) fn load_standings(conn: &mut Conn, filter: &OverviewFilter) -> Result<Vec<Standing>, DbError> {
    // What else is filtered by is known only after loading.
    let is_whole = filter.since.is_none() && filter.waiting_for.is_none();
    let limit = filter.limit.filter(|_| is_whole).and_then(|limit| i64::try_from(limit).ok());
    let rows = EpisodeFilter {
        status: filter.status,
        search: filter.search.clone(),
        limit,
        ..EpisodeFilter::default()
    };
    let mut episodes = Vec::new();
    if filter.ids.is_empty() {
        episodes = episodes::list(conn, &rows)?;
    }
    for id in &filter.ids {
        episodes.extend(episodes::find(conn, id)?);
    }
    let last: HashMap<EpisodeRowId, Stage> = pipeline_runs::list_latest(conn, &OFF_THE_LINE)?
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
        let waiting_for = waiting_for(&episode, last.get(&episode.id).copied(), reviews);
        let failures = match waiting_for {
            WaitingFor::Stage(stage) => streaks.get(&(episode.id, stage)),
            _ => None,
        };
        let waiting_for = failures.map_or(waiting_for, |&failures| WaitingFor::Retry { failures });
        Standing { episode, waiting_for }
    };
    Ok(episodes.into_iter().filter(is_new).map(standing).collect())
}

fn published(episode: &Episode) -> UtcTime {
    episode.published_at.unwrap_or(episode.detected_at)
}

fn waiting_for(episode: &Episode, last_stage: Option<Stage>, reviews: &[LatestReview]) -> WaitingFor {
    let of = |gate: ReviewStage| reviews.iter().find(|review| review.stage == gate);
    let state = |gate| of(gate).map_or(GateState::NotAsked, |review| gate_of(review.status));
    let gates = Gates { correct: state(ReviewStage::Correct), adapt: state(ReviewStage::Adapt) };
    let plan = plan_of(episode, last_stage, gates, PlanFlags::default());
    let Some(next) = plan.next() else { return WaitingFor::Nothing };
    match next.step {
        Step::Gate(gate) => {
            let open = of(gate).filter(|review| gate_of(review.status) == GateState::Waiting);
            WaitingFor::Review { gate, task: open.map(|review| review.id) }
        }
        Step::Stage(stage) if next.state == StepState::NotBuilt => WaitingFor::NotBuilt(stage),
        Step::Stage(stage) if episode.status == EpisodeStatus::CostLimit => WaitingFor::Cap { stage },
        Step::Stage(stage) => {
            let gate = TextStage::of(stage).and_then(TextStage::gate_after);
            match gate.and_then(of).filter(|review| is_silent(review)) {
                Some(rejection) => WaitingFor::Person { task: rejection.id },
                None => WaitingFor::Stage(stage),
            }
        }
    }
}

/// Rejected without a word: only a person knows whether another try makes sense.
fn is_silent(review: &LatestReview) -> bool {
    let notes = review.reviewer_notes.as_deref().unwrap_or_default();
    review.status == ReviewStatus::Rejected && notes.trim().is_empty()
}
