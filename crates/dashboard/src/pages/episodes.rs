//! The list of episodes.

use actix_web::{HttpRequest, HttpResponse, web};
use btcedu_domain::EpisodeStatus;
use btcedu_models::episodes::count_by_status;
use btcedu_pipeline::{
    EpisodeOrder, EpisodeOverview, OverviewFilter, PlannedStep, Step, StepState, WaitKind, WaitingFor,
};
use serde::Deserialize;

use super::{Format, Loaded, SharedPage};
use crate::{
    error::WebError,
    state::AppState,
    templates::PageName,
    views::episodes::{EpisodeRowView, EpisodesView, StatusCount, StepView},
};

/// The list shows this much of an error, in characters; the episode's page shows more.
const MOST_OF_ERROR: usize = 300;
/// Episodes on one page.
const PER_PAGE: usize = 50;

/// What the list is filtered by; a blank or unknown value filters nothing.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    search: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    waiting: String,
    #[serde(default)]
    sort: String,
    #[serde(default)]
    page: String,
}

/// Shows the list.
pub(crate) async fn page(
    state: web::Data<AppState>,
    request: HttpRequest,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, WebError> {
    answer(&state, &request, asked.into_inner(), Format::Html).await
}

/// Answers with the list as JSON.
#[utoipa::path(
    get, path = "/api/v1/episodes", operation_id = "list_episodes",
    params(
        ("search" = Option<String>, Query, description = "Only where title or id contain this"),
        ("status" = Option<String>, Query, description = "Only this status"),
        ("waiting" = Option<String>, Query, description = "Only what waits for this: review, cap, person, nothing or a stage"),
        ("sort" = Option<String>, Query, description = "newest, oldest, title or cost"),
        ("page" = Option<usize>, Query, description = "From 1; 50 episodes on each"),
    ),
    responses((status = 200, description = "One page of the list", body = EpisodesView)),
)]
pub(crate) async fn api(
    state: web::Data<AppState>,
    request: HttpRequest,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, WebError> {
    answer(&state, &request, asked.into_inner(), Format::Json).await
}

async fn answer(
    state: &AppState,
    request: &HttpRequest,
    asked: Asked,
    format: Format,
) -> Result<HttpResponse, WebError> {
    let page = SharedPage { name: PageName::Episodes, episode: None, format, is_kept: true };
    page.answer(state, request, async || load(state, &asked).await).await
}

async fn load(state: &AppState, asked: &Asked) -> Result<Loaded<EpisodesView>, WebError> {
    let search = asked.search.trim();
    let status: Option<EpisodeStatus> = asked.status.parse().ok();
    let waiting: Option<WaitKind> = asked.waiting.parse().ok();
    let (sort, order) = match asked.sort.as_str() {
        "oldest" => ("oldest", EpisodeOrder::Oldest),
        "title" => ("title", EpisodeOrder::Title),
        "cost" => ("cost", EpisodeOrder::Cost),
        _ => ("newest", EpisodeOrder::Newest),
    };
    let page = asked.page.parse().unwrap_or(1_usize).max(1);
    let filter = OverviewFilter {
        status,
        search: (!search.is_empty()).then(|| search.to_owned()),
        waiting_for: waiting,
        order,
        offset: (page - 1).saturating_mul(PER_PAGE),
        limit: Some(PER_PAGE),
        ..OverviewFilter::default()
    };
    let list = state.desk.list_episodes(filter).await?;
    let counts = state.read(|reader| Ok((reader.rows(count_by_status)?, reader.pending_reviews()?)));
    let (by_status, pending_reviews) = counts.await?;
    let statuses: Vec<StatusCount> = by_status
        .into_iter()
        .map(|(status, count)| StatusCount { status, count: usize::try_from(count).unwrap_or(0) })
        .collect();
    let view = EpisodesView {
        episodes: list.episodes.into_iter().map(row).collect(),
        total: list.matching,
        all: statuses.iter().map(|status| status.count).sum(),
        page,
        pages: list.matching.div_ceil(PER_PAGE).max(1),
        search: search.to_owned(),
        status: status.map(|status| status.to_string()).unwrap_or_default(),
        waiting: waiting.map_or_else(String::new, |_known| asked.waiting.clone()),
        sort: sort.to_owned(),
        statuses,
    };
    Ok(Loaded { title: "Episodes".to_owned(), view, pending_reviews })
}

/// Shows an episode in short.
pub(super) fn row(episode: EpisodeOverview) -> EpisodeRowView {
    let (waiting_kind, review) = match episode.waiting_for {
        WaitingFor::Nothing => ("nothing", None),
        WaitingFor::Stage(_) => ("stage", None),
        WaitingFor::NotBuilt(_) => ("not_built", None),
        WaitingFor::Review { task, .. } => ("review", task),
        WaitingFor::Cap { .. } => ("cap", None),
        WaitingFor::Person { .. } | WaitingFor::Retry { .. } => ("person", None),
    };
    EpisodeRowView {
        spent_percent: percent(episode.cost.dollars(), episode.cap.dollars()),
        steps: episode.steps.iter().map(step).collect(),
        waiting_for: episode.waiting_for.to_string(),
        waiting_kind: waiting_kind.to_owned(),
        review,
        episode_id: episode.episode_id,
        title: episode.title,
        pipeline_version: episode.pipeline_version,
        status: episode.status,
        published_at: episode.published_at,
        cost_usd: episode.cost,
        cap_usd: episode.cap,
        error: episode.error.map(|error| clipped(error, MOST_OF_ERROR)),
        retry_count: episode.retry_count,
    }
}

/// Cuts a text to so many characters, with three dots at the end.
pub(super) fn clipped(text: String, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{} …", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 100")]
fn percent(part: f64, whole: f64) -> u8 {
    if whole <= 0.0 { 100 } else { (part / whole * 100.0).clamp(0.0, 100.0).round() as u8 }
}

fn step(step: &PlannedStep) -> StepView {
    StepView {
        name: step.name().to_owned(),
        state: state_word(step.state).to_owned(),
        is_gate: matches!(step.step, Step::Gate(_)),
    }
}

/// Returns the word that views use for a step's state.
pub(super) const fn state_word(state: StepState) -> &'static str {
    match state {
        StepState::Done | StepState::LookAgain => "done",
        StepState::Next => "next",
        StepState::Waiting => "waiting",
        StepState::NotBuilt => "not_built",
        StepState::Later => "later",
    }
}

#[cfg(test)]
mod tests {
    use super::percent;

    #[test]
    fn what_is_spent_is_from_0_to_100_percent() {
        for (part, whole, expected) in [(0.0, 10.0, 0), (5.0, 10.0, 50), (12.0, 10.0, 100), (0.0, 0.0, 100)] {
            assert_eq!(percent(part, whole), expected);
        }
    }
}
