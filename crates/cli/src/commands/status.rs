//! `btcedu status`: how far every episode has got.

use btcedu_domain::EpisodeStatus;
use btcedu_pipeline::{EpisodeList, EpisodeOverview, OverviewFilter, WaitKind, list_episodes};
use btcedu_stages::StageError;
use clap::Args;
use jiff::civil::Date;

use crate::{
    app::App,
    commands::EpisodeIds,
    errors::CommandResult,
    exit::ExitStatus,
    output::{Output, note, table},
};

/// Show how far episodes have got, what they cost and what holds them up
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  btcedu status                              every episode, newest first
  btcedu status --waiting-for review         those that a reviewer must decide on
  btcedu status --status cost_limit          those that the cap stopped
  btcedu status --search halving --limit 5   the five newest about it
  btcedu status abc123 --json                one, for a script")]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    ids: EpisodeIds,
    /// Only episodes with this status
    #[arg(long, conflicts_with_all = ["positional", "flagged"], value_name = "STATUS")]
    status: Option<EpisodeStatus>,
    /// Only episodes that wait for this: review, cap, person, nothing, or a stage's name
    #[arg(long, conflicts_with_all = ["positional", "flagged"], value_name = "WHAT")]
    waiting_for: Option<WaitKind>,
    /// Only episodes whose title or id contains this
    #[arg(long, conflicts_with_all = ["positional", "flagged"], value_name = "TEXT")]
    search: Option<String>,
    /// Only episodes published (or else found) on this day or later
    #[arg(long, conflicts_with_all = ["positional", "flagged"], value_name = "YYYY-MM-DD")]
    since: Option<Date>,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

pub(crate) async fn run(app: &App, args: &StatusArgs, output: Output) -> CommandResult<ExitStatus> {
    let ids = args.ids.parsed()?;
    let ids_asked = ids.len();
    let limit = usize::try_from(args.limit).unwrap_or(usize::MAX);
    let filter = OverviewFilter {
        ids: ids.clone(),
        status: args.status,
        search: args.search.clone(),
        since: args.since,
        waiting_for: args.waiting_for,
        limit: ids.is_empty().then_some(limit),
        ..OverviewFilter::default()
    };
    let is_filtered = filter != OverviewFilter { limit: filter.limit, ..OverviewFilter::default() };
    let db = app.ready_database().await?;
    let EpisodeList { episodes, matching } =
        list_episodes(&db, app.settings.max_episode_cost, filter).await?;
    if let Some(missing) = ids.into_iter().find(|id| episodes.iter().all(|e| e.episode_id != *id)) {
        return Err(StageError::UnknownEpisode { episode: missing }.into());
    }
    if ids_asked == 0 && matching > episodes.len() {
        note(&format!("only the newest {limit} of {matching} are shown; --limit shows more"));
    }
    output.result(&episodes, || text(&episodes, is_filtered))?;
    Ok(ExitStatus::Done)
}

/// What it waits for, and the last error's beginning.
fn waits(episode: &EpisodeOverview) -> String {
    let waiting_for = episode.waiting_for.to_string();
    match &episode.error {
        Some(error) => {
            let error = error.split_whitespace().collect::<Vec<_>>().join(" ");
            if waiting_for.is_empty() { error } else { format!("{waiting_for}; {error}") }
        }
        None => waiting_for,
    }
}

fn text(episodes: &[EpisodeOverview], is_filtered: bool) -> String {
    if episodes.is_empty() {
        return if is_filtered {
            "no episode is like that; `btcedu status` lists all"
        } else {
            "there is no episode; `btcedu add --id ID --title TITLE --transcript FILE` brings one in"
        }
        .to_owned();
    }
    let cells = episodes.iter().map(|episode| {
        vec![
            episode.episode_id.to_string(),
            episode.title.clone(),
            format!("v{}", episode.pipeline_version),
            episode.status.to_string(),
            format!("{} of {}", episode.cost, episode.cap),
            waits(episode),
        ]
    });
    table(&["episode", "title", "", "status", "cost", "waiting for; last error"], cells.collect())
}
