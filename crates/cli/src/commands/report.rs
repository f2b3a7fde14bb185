//! `btcedu report`: what a run did, stage by stage.

use clap::Args;
use serde_json::Value;

use crate::{
    app::App,
    commands::{EachEpisode, EpisodeIds},
    errors::{CommandResult, OrFail},
    exit::ExitStatus,
    output::{Output, table},
};

/// Show what the last run of an episode did, stage by stage
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  btcedu report abc123
  btcedu report abc123 --json | jq '.stages[].outcome'")]
pub(crate) struct ReportArgs {
    #[command(flatten)]
    ids: EpisodeIds,
}

pub(crate) async fn run(app: &App, args: &ReportArgs, output: Output) -> CommandResult<ExitStatus> {
    let ids = args.ids.at_least_one("report")?;
    let ctx = app.quiet_context().await?;
    let mut each = EachEpisode::new();
    for id in ids {
        let loaded = match btcedu_pipeline::check_episode_exists(&ctx, &id).await {
            Ok(()) => newest(app, &id),
            Err(error) => Err(error.into()),
        };
        each.results.push((id, loaded));
    }
    each.print(output, text, |_| ExitStatus::Done)
}

fn newest(app: &App, id: &btcedu_domain::EpisodeId) -> CommandResult<Value> {
    let mut reports = app.data.list(&app.data.episode(id).reports())?;
    let path = reports
        .pop()
        .or_fail(|| format!("there is no report of episode {id} yet; `btcedu run {id}` writes one"))?;
    app.data.read_json(&path)?.or_fail(|| format!("'{}' is gone", path.display()))
}

pub(super) fn text(report: &Value) -> String {
    let word = |value: &Value, field: &str| match value.get(field) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    let stages = report.get("stages").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let row = |stage: &Value| {
        let seconds = stage.get("duration_seconds").and_then(Value::as_f64).unwrap_or_default();
        let cost = stage.get("cost_usd").and_then(Value::as_f64).unwrap_or_default();
        vec![word(stage, "stage"), word(stage, "outcome"), format!("{seconds:.1} s"), format!("${cost:.4}")]
    };
    let end = report.get("end").unwrap_or(&Value::Null);
    let mut lines = vec![
        format!(
            "{}: {} ({} to {})",
            word(report, "episode_id"),
            word(report, "command"),
            word(report, "started_at"),
            word(report, "ended_at")
        ),
        table(&["stage", "outcome", "took", "cost"], stages.iter().map(row).collect()),
        format!("ended: {} · status: {}", word(end, "kind"), word(report, "status")),
    ];
    lines.extend(end.get("message").and_then(Value::as_str).map(str::to_owned));
    lines.join("\n")
}
