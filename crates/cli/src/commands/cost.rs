//! `btcedu cost`: what was spent, from the ledger.

use btcedu_domain::Usd;
use btcedu_models::{
    episodes,
    provider_calls::{self, CostGrouping, CostRow},
};
use btcedu_stages::StageError;
use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::{
    app::App,
    commands::EpisodeIds,
    errors::CommandResult,
    exit::ExitStatus,
    output::{Output, table},
};

/// Show what was spent, from the ledger
///
/// Calls that may have been billed without an answer count at their estimate and stand
/// in a column of their own.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  btcedu cost                      by episode
  btcedu cost --by month           by month
  btcedu cost abc123 --by model    one episode's, by model")]
pub(crate) struct CostArgs {
    #[command(flatten)]
    ids: EpisodeIds,
    /// What to add up by
    #[arg(long, value_enum, default_value_t = By::Episode)]
    by: By,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum By {
    Episode,
    Stage,
    Month,
    Model,
}

#[derive(Debug, Serialize)]
struct Line {
    #[serde(skip_serializing_if = "Option::is_none")]
    episode_id: Option<String>,
    key: String,
    calls: i64,
    answered: i64,
    refused: i64,
    failed: i64,
    unknown: i64,
    cost_usd: Usd,
    unknown_cost_usd: Usd,
}

#[derive(Debug, Serialize)]
struct Costs {
    lines: Vec<Line>,
    total_usd: Usd,
}

pub(crate) async fn run(app: &App, args: &CostArgs, output: Output) -> CommandResult<ExitStatus> {
    let ids = args.ids.parsed()?;
    let grouping = match args.by {
        By::Episode => CostGrouping::Episode,
        By::Stage => CostGrouping::Stage,
        By::Month => CostGrouping::Month,
        By::Model => CostGrouping::Model,
    };
    let db = app.ready_database().await?;
    let mut lines = Vec::new();
    if ids.is_empty() {
        let rows = db.run(move |conn| provider_calls::list_costs(conn, grouping, None)).await?;
        lines.extend(rows.into_iter().map(|row| line(None, row)));
    }
    for id in ids {
        let wanted = id.clone();
        let rows = db.run(move |conn| match episodes::find(conn, &wanted)? {
            Some(episode) => provider_calls::list_costs(conn, grouping, Some(episode.id)).map(Some),
            None => Ok(None),
        });
        let rows = rows.await?.ok_or_else(|| StageError::UnknownEpisode { episode: id.clone() })?;
        lines.extend(rows.into_iter().map(|row| line(Some(id.to_string()), row)));
    }
    let costs = Costs { total_usd: lines.iter().map(|l| l.cost_usd).sum(), lines };
    output.result(&costs, || text(&costs))?;
    Ok(ExitStatus::Done)
}

fn line(episode_id: Option<String>, row: CostRow) -> Line {
    Line {
        episode_id,
        key: row.key,
        calls: row.calls,
        answered: row.answered,
        refused: row.refused,
        failed: row.failed,
        unknown: row.unknown,
        cost_usd: row.cost,
        unknown_cost_usd: row.unknown_cost,
    }
}

fn text(costs: &Costs) -> String {
    if costs.lines.is_empty() {
        return "nothing was spent yet".to_owned();
    }
    let rows = costs.lines.iter().map(|l| {
        let key = match &l.episode_id {
            Some(id) if *id != l.key => format!("{id} {}", l.key),
            _ => l.key.clone(),
        };
        let unknown = if l.unknown > 0 {
            format!("{} (about {})", l.unknown, l.unknown_cost_usd)
        } else {
            "0".to_owned()
        };
        vec![
            key,
            l.calls.to_string(),
            l.answered.to_string(),
            l.refused.to_string(),
            l.failed.to_string(),
            unknown,
            l.cost_usd.to_string(),
        ]
    });
    let header = ["", "calls", "answered", "refused", "failed", "unknown", "cost"];
    format!("{}\ntotal: {}", table(&header, rows.collect()), costs.total_usd)
}
