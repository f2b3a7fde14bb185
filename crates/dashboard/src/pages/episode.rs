//! One episode: its steps with their runs, its texts, where they came from, and what comes next.

use actix_web::{HttpRequest, HttpResponse, web};
use btcedu_artifacts::{DataDir, EpisodeDir};
use btcedu_domain::{EpisodeId, Usd};
use btcedu_models::{
    Conn, DbError,
    content_artifacts::{self, ContentArtifact},
    episodes::Episode,
    pipeline_runs::{self, PipelineRun},
    review_tasks,
};
use btcedu_pipeline::{
    EpisodeList, NextStep, OverviewFilter, PlannedStep, ReviewHistory, ReviewRecord, Step, load_history,
};

use super::{
    Format, Loaded, SharedPage,
    episodes::{clipped, row, state_word},
    gather::{self, TextKind, command},
    path_part, provenance,
};
use crate::{
    error::WebError,
    state::{AppState, Reader},
    templates::PageName,
    views::{
        episode::{ArtifactView, EpisodeView, NextView, ProvenanceView, RunView, TimelineStepView},
        episodes::EpisodeRowView,
        parts::CommandView,
        reviews::{DecisionView, ReviewRecordView},
        text::TextLinkView,
    },
};

/// Shows the episode.
pub(crate) async fn page(state: web::Data<AppState>, request: HttpRequest) -> Result<HttpResponse, WebError> {
    answer(&state, &request, Format::Html).await
}

/// Answers with the episode as JSON.
#[utoipa::path(
    get, path = "/api/v1/episodes/{episode}", operation_id = "episode",
    params(("episode" = String, Path, description = "The episode's id")),
    responses(
        (status = 200, description = "Everything about the episode", body = EpisodeView),
        (status = 404, description = "There is no such episode"),
    ),
)]
pub(crate) async fn api(state: web::Data<AppState>, request: HttpRequest) -> Result<HttpResponse, WebError> {
    answer(&state, &request, Format::Json).await
}

async fn answer(state: &AppState, request: &HttpRequest, format: Format) -> Result<HttpResponse, WebError> {
    let id: EpisodeId = path_part(request, "episode", "episode")?;
    let page = SharedPage { name: PageName::Episode, episode: Some(&id), format, is_kept: false };
    page.answer(state, request, async || load(state, &id).await).await
}

/// Longer errors are cut, in characters.
const MOST_OF_ERROR: usize = 8000;

/// What the database knows of the episode.
struct Rows {
    episode: Episode,
    runs: Vec<PipelineRun>,
    artifacts: Vec<ContentArtifact>,
    history: ReviewHistory,
    pending_reviews: i64,
}

/// What the disk knows of the episode.
struct Files {
    texts: Vec<TextLinkView>,
    artifacts: Vec<ArtifactView>,
    provenance: Vec<ProvenanceView>,
    has_chapters: bool,
    has_images: bool,
}

async fn load(state: &AppState, id: &EpisodeId) -> Result<Loaded<EpisodeView>, WebError> {
    let filter = OverviewFilter { ids: vec![id.clone()], ..OverviewFilter::default() };
    let EpisodeList { episodes, .. } = state.desk.list_episodes(filter).await?;
    let Some(overview) = episodes.into_iter().next() else { return Err(WebError::no_such("episode", id)) };
    let next = state.desk.preview_next(id).await.map_err(WebError::internal)?;
    let dir = state.dir(id);
    let read = move |reader: &Reader| {
        let episode = gather::episode(reader, dir.id())?;
        let rows = reader.rows(|conn| load_rows(conn, episode))?;
        let files = load_files(&reader.data, &dir, &rows.artifacts);
        Ok((rows, files))
    };
    let (Rows { episode, runs, history, pending_reviews, .. }, files) = state.read(read).await?;
    let overview = row(overview);
    let view = EpisodeView {
        source: episode.source,
        url: episode.url.filter(|url| url.starts_with("https://") || url.starts_with("http://")),
        duration_seconds: episode.duration_seconds,
        detected_at: episode.detected_at,
        steps: next.plan.steps.iter().map(|step| timeline_step(step, &runs)).collect(),
        next: next_view(&next, &overview, id),
        texts: files.texts,
        artifacts: files.artifacts,
        provenance: files.provenance,
        reviews: history.reviews.into_iter().rev().map(record).collect(),
        has_chapters: files.has_chapters,
        has_images: files.has_images,
        episode: overview,
    };
    Ok(Loaded { title: view.episode.title.clone(), view, pending_reviews })
}

fn load_rows(conn: &mut Conn, episode: Episode) -> Result<Rows, DbError> {
    Ok(Rows {
        runs: pipeline_runs::list_for_episode(conn, episode.id)?,
        artifacts: content_artifacts::list_for_episode(conn, &episode.episode_id)?,
        history: load_history(conn, &episode.episode_id)?,
        pending_reviews: review_tasks::count_open(conn)?,
        episode,
    })
}

fn load_files(data: &DataDir, dir: &EpisodeDir, artifacts: &[ContentArtifact]) -> Files {
    let artifacts = artifacts.iter().rev().map(|artifact| artifact_view(data, artifact));
    Files {
        texts: TextKind::ALL.into_iter().map(|kind| kind.link(data, dir)).collect(),
        artifacts: artifacts.collect(),
        provenance: provenance::load(data, dir),
        has_chapters: gather::size(data, &dir.chapters()).is_some(),
        has_images: gather::size(data, &dir.manifest()).is_some(),
    }
}

fn artifact_view(data: &DataDir, artifact: &ContentArtifact) -> ArtifactView {
    let path = data.root().join(&artifact.file_path);
    ArtifactView {
        size_bytes: gather::size(data, &path),
        stale: gather::stale_reason(data, &path),
        artifact_type: artifact.artifact_type.clone(),
        path: artifact.file_path.clone(),
        model: artifact.model.clone(),
        created_at: artifact.created_at,
    }
}

fn timeline_step(step: &PlannedStep, runs: &[PipelineRun]) -> TimelineStepView {
    let of_stage = |run: &&PipelineRun| step.step == Step::Stage(run.stage);
    let runs: Vec<&PipelineRun> = runs.iter().filter(of_stage).collect();
    TimelineStepView {
        name: step.name().to_owned(),
        state: state_word(step.state).to_owned(),
        is_gate: matches!(step.step, Step::Gate(_)),
        note: step.note.clone(),
        cost_usd: runs.iter().map(|run| run.estimated_cost_usd).sum::<Usd>(),
        runs: runs.into_iter().map(run_view).collect(),
    }
}

fn run_view(run: &PipelineRun) -> RunView {
    RunView {
        status: run.status.to_string(),
        started_at: run.started_at,
        completed_at: run.completed_at,
        duration_seconds: run.completed_at.map(|end| end.since(run.started_at).as_secs_f64()),
        input_tokens: run.input_tokens,
        output_tokens: run.output_tokens,
        cost_usd: run.estimated_cost_usd,
        error: run.error_message.clone().map(|error| clipped(error, MOST_OF_ERROR)),
    }
}

fn next_view(next: &NextStep, episode: &EpisodeRowView, id: &EpisodeId) -> NextView {
    let step = next.plan.next();
    let summary = next.preview.as_ref().map(btcedu_pipeline::StagePreview::summary);
    let why = match (&summary, step) {
        (Some(summary), _) if !summary.is_empty() => summary.clone(),
        (_, Some(step)) => step.note.clone(),
        _ => "all steps are behind it".to_owned(),
    };
    let mut commands = Vec::new();
    match step.map(|step| step.step) {
        Some(Step::Stage(stage)) if step.is_some_and(|step| step.built) => {
            commands.push(command("Go on", "run", id));
            commands.push(command("Only look, spend nothing", &format!("{stage} --dry-run"), id));
            if episode.error.is_some() {
                commands.push(command("Try again after an error", "retry", id));
            }
        }
        Some(Step::Gate(_)) => {
            commands.extend(episode.review.map(|task| CommandView {
                about: "Approve in a terminal".to_owned(),
                command: format!("btcedu review approve {task}"),
            }));
            commands.push(command("Go on once it is approved", "run", id));
        }
        Some(Step::Stage(_)) => commands.push(command("Show the whole way", "plan", id)),
        None => commands.push(command(
            "Look whether anything would come out differently today",
            "run --refresh",
            id,
        )),
    }
    NextView {
        title: step.map_or_else(|| "nothing".to_owned(), |step| step.name().to_owned()),
        why,
        estimate_usd: next.preview.as_ref().map(|preview| preview.estimate),
        left_under_cap_usd: next.preview.as_ref().map(|preview| preview.left_under_cap),
        problem: next.problem.clone(),
        review: episode.review,
        commands,
    }
}

/// Shows a review with all its decisions.
pub(super) fn record(review: ReviewRecord) -> ReviewRecordView {
    let decisions = review.decisions.into_iter().map(|decision| DecisionView {
        decision: decision.decision.to_string(),
        notes: decision.notes,
        decided_at: decision.decided_at,
    });
    ReviewRecordView {
        id: review.id,
        gate: Step::Gate(review.stage).name().to_owned(),
        stage: review.stage.to_string(),
        status: review.status.to_string(),
        created_at: review.created_at,
        reviewed_at: review.reviewed_at,
        decisions: decisions.collect(),
    }
}
