//! `btcedu status`: how far every episode has got.

use std::collections::BTreeMap;

use btcedu_domain::{EpisodeId, EpisodeStatus, PipelineVersion, ReviewStatus, Usd};
use btcedu_models::{
    Conn, DbError,
    episodes::{self, Episode, EpisodeFilter},
    provider_calls::{self, CostGrouping},
};
use btcedu_stages::StageError;
use clap::Args;
use serde::Serialize;

use crate::{
    app::App,
    commands::EpisodeIds,
    exit::ExitStatus,
    output::{Output, table},
};

/// Show how far episodes have got, what they cost and what holds them up
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  btcedu status                              every episode, newest first
  btcedu status --status cost_limit          those that the cap stopped
  btcedu status abc123 --json                one, for a script")]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    ids: EpisodeIds,
    /// Only episodes with this status
    #[arg(long, value_name = "STATUS")]
    status: Option<EpisodeStatus>,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..))]
    limit: i64,
}

#[derive(Debug, Serialize)]
struct Row {
    episode_id: EpisodeId,
    title: String,
    pipeline_version: i32,
    status: EpisodeStatus,
    cost_usd: Usd,
    cap_usd: Usd,
    waiting_for: String,
    error: Option<String>,
    retry_count: i32,
}

pub(crate) async fn run(app: &App, args: &StatusArgs, output: Output) -> anyhow::Result<ExitStatus> {
    let ids = args.ids.parsed()?;
    let db = app.ready_database().await?;
    let filter = EpisodeFilter { status: args.status, limit: Some(args.limit), ..EpisodeFilter::default() };
    let wanted = ids.clone();
    let (episodes, costs) = db.run(move |conn| load(conn, &wanted, &filter)).await?;
    if let Some(missing) = ids.into_iter().find(|id| episodes.iter().all(|e| e.episode_id != *id)) {
        return Err(StageError::UnknownEpisode { episode: missing }.into());
    }
    let cap = app.settings.max_episode_cost;
    let rows: Vec<Row> = episodes.into_iter().map(|e| row(e, &costs, cap)).collect();
    output.result(&rows, || text(&rows))?;
    Ok(ExitStatus::Done)
}

type Costs = BTreeMap<String, Usd>;

fn load(
    conn: &mut Conn,
    ids: &[EpisodeId],
    filter: &EpisodeFilter,
) -> Result<(Vec<Episode>, Costs), DbError> {
    let costs = provider_calls::list_costs(conn, CostGrouping::Episode, None)?;
    let costs = costs.into_iter().map(|row| (row.key, row.cost)).collect();
    let episodes = if ids.is_empty() {
        episodes::list(conn, filter)?
    } else {
        ids.iter()
            .map(|id| episodes::find(conn, id))
            .collect::<Result<Vec<_>, _>>()?
            .into_iter()
            .flatten()
            .collect()
    };
    Ok((episodes, costs))
}

fn row(episode: Episode, costs: &Costs, cap: Usd) -> Row {
    Row {
        cost_usd: costs.get(episode.episode_id.as_str()).copied().unwrap_or_default(),
        cap_usd: cap,
        waiting_for: waiting_for(&episode),
        pipeline_version: episode.pipeline_version.number(),
        episode_id: episode.episode_id,
        title: episode.title,
        status: episode.status,
        error: episode.error_message,
        retry_count: episode.retry_count,
    }
}

fn waiting_for(episode: &Episode) -> String {
    use EpisodeStatus as S;
    let v2 = episode.pipeline_version == PipelineVersion::V2;
    let approved = episode.review_status == Some(ReviewStatus::Approved);
    match episode.status {
        S::CostLimit => "a higher MAX_EPISODE_COST_USD",
        S::Corrected if approved => "translate",
        S::Adapted if approved => "chapterize",
        S::Corrected => "review gate 1",
        S::Adapted => "review gate 2",
        S::Chapterized => "imagegen",
        S::New => "download",
        S::Downloaded => "transcribe",
        S::Transcribed if v2 => "correct",
        S::Translated => "adapt",
        S::Transcribed => "chunk",
        S::Chunked => "generate",
        S::Generated => "refine",
        S::Failed => "a look at its error",
        _ => "",
    }
    .to_owned()
}

fn text(rows: &[Row]) -> String {
    if rows.is_empty() {
        return "there is no episode; `btcedu add --id ID --title TITLE --chapters FILE` brings one in"
            .to_owned();
    }
    let cells = rows.iter().map(|row| {
        vec![
            row.episode_id.to_string(),
            row.title.clone(),
            format!("v{}", row.pipeline_version),
            row.status.to_string(),
            format!("{} of {}", row.cost_usd, row.cap_usd),
            row.error.clone().unwrap_or_else(|| row.waiting_for.clone()),
        ]
    });
    table(&["episode", "title", "", "status", "cost", "waiting for, or error"], cells.collect())
}
