//! `btcedu run` and `retry`: go on with episodes until a person is needed.

use std::sync::Arc;

use btcedu_domain::EpisodeId;
use btcedu_pipeline::{
    PendingEpisode, RefreshPlan, RunOptions, RunReport, RunnerEnd, list_pending, run_episode,
};
use clap::Args;
use indicatif::MultiProgress;
use jiff::civil::Date;

use crate::{
    app::App,
    command_line::command_line,
    commands::{EachEpisode, EpisodeIds, stage},
    errors::CommandResult,
    exit::ExitStatus,
    output::{Output, note, table},
    progress::Progress,
    signals,
};

/// Go on with episodes from where they are
///
/// Does stage after stage until a reviewer must decide, the cost cap is reached, or all
/// pictures are there. A stage that this version doesn't have is named, never passed over.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  btcedu run abc123              go on as far as possible
  btcedu run abc123 def456       several, one after the other
  btcedu run abc123 --refresh    after a change of prompts or models; says what and the price
  btcedu plan abc123             look first")]
pub(crate) struct RunArgs {
    #[command(flatten)]
    ids: EpisodeIds,
    /// Look back first: what a new prompt, model or setting would make differently is made anew
    #[arg(long)]
    refresh: bool,
}

/// Try again what failed, and go on from there
///
/// The same as `run`: what was paid for before the failure is kept and used again.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  btcedu retry abc123
  btcedu status abc123           shows what went wrong")]
pub(crate) struct RetryArgs {
    #[command(flatten)]
    ids: EpisodeIds,
}

/// Go on with every episode that can without a person
///
/// Leaves alone what waits for a review, and what a review rejected without a word. For timers.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  btcedu run-pending                         all of them, newest first
  btcedu run-pending --max 2                 two at most
  btcedu run-pending --since 2026-11-01      only newer ones
  btcedu run-pending --dry-run               list them")]
pub(crate) struct RunPendingArgs {
    /// At most so many episodes
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max: Option<u32>,
    /// Only episodes published (or else found) on this day or later
    #[arg(long, value_name = "YYYY-MM-DD")]
    since: Option<Date>,
    /// List what would be run; nothing is sent
    #[arg(long)]
    dry_run: bool,
}

/// Go on with the newest episode that can without a person
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  btcedu run-latest
  btcedu run-latest --dry-run                say which one")]
pub(crate) struct RunLatestArgs {
    /// Say which one would be run; nothing is sent
    #[arg(long)]
    dry_run: bool,
}

pub(crate) async fn run_pending(
    app: &App,
    args: &RunPendingArgs,
    output: Output,
    bars: MultiProgress,
) -> CommandResult<ExitStatus> {
    let max = args.max.and_then(|n| usize::try_from(n).ok()).unwrap_or(usize::MAX);
    pending(app, (max, args.since, args.dry_run), output, bars).await
}

pub(crate) async fn run_latest(
    app: &App,
    args: &RunLatestArgs,
    output: Output,
    bars: MultiProgress,
) -> CommandResult<ExitStatus> {
    pending(app, (1, None, args.dry_run), output, bars).await
}

async fn pending(
    app: &App,
    (max, since, dry_run): (usize, Option<Date>, bool),
    output: Output,
    bars: MultiProgress,
) -> CommandResult<ExitStatus> {
    let mut found = list_pending(&app.ready_database().await?, since).await?;
    found.truncate(max);
    if dry_run || found.is_empty() {
        output.result(&found, || pending_text(&found))?;
        return Ok(ExitStatus::Done);
    }
    let ids = found.into_iter().map(|episode| episode.episode_id).collect();
    let each = run_each(app, ids, false, bars).await?;
    each.print_list(output, report_text, |report| match ExitStatus::of_runner_end(&report.end) {
        // That a reviewer comes next is how it should be.
        ExitStatus::Blocked if matches!(report.end, RunnerEnd::AwaitingReview { .. }) => ExitStatus::Done,
        status => status,
    })
}

fn pending_text(found: &[PendingEpisode]) -> String {
    if found.is_empty() {
        return "no episode can go on without a person; `btcedu status` shows what they wait for".to_owned();
    }
    let row = |episode: &PendingEpisode| {
        let status = episode.status.to_string();
        vec![episode.episode_id.to_string(), status, episode.next.to_string(), episode.title.clone()]
    };
    table(&["episode", "status", "next", "title"], found.iter().map(row).collect())
}

pub(crate) async fn run(
    app: &App,
    args: &RunArgs,
    output: Output,
    bars: MultiProgress,
) -> CommandResult<ExitStatus> {
    go(app, &args.ids, ("run", args.refresh), output, bars).await
}

pub(crate) async fn retry(
    app: &App,
    args: &RetryArgs,
    output: Output,
    bars: MultiProgress,
) -> CommandResult<ExitStatus> {
    go(app, &args.ids, ("retry", false), output, bars).await
}

async fn go(
    app: &App,
    ids: &EpisodeIds,
    (command, refresh): (&'static str, bool),
    output: Output,
    bars: MultiProgress,
) -> CommandResult<ExitStatus> {
    let each = run_each(app, ids.at_least_one(command)?, refresh, bars).await?;
    each.print(output, report_text, |report| ExitStatus::of_runner_end(&report.end))
}

async fn run_each(
    app: &App,
    ids: Vec<EpisodeId>,
    refresh: bool,
    bars: MultiProgress,
) -> CommandResult<EachEpisode<RunReport>> {
    signals::listen(app.interrupt.clone())?;
    let ctx = app.context(Arc::new(Progress::new(bars))).await?;
    let command = command_line();
    let options = RunOptions { command: &command, refresh, announce: &announce };
    let mut each = EachEpisode::new();
    for id in ids {
        let go = async |id: &_| Ok(run_episode(&ctx, id, &options).await?);
        each.run(id, &app.interrupt, go).await;
    }
    Ok(each)
}

/// Says what is made anew, and the price, before it is done.
fn announce(again: &RefreshPlan) {
    let then: Vec<&str> = again.then.iter().map(|stage| stage.as_str()).collect();
    let then = if then.is_empty() {
        String::new()
    } else {
        let before = again.then_cost_before;
        format!("; if another text comes of it, then {} (up to {before} in earlier runs)", then.join(", "))
    };
    note(&format!("again: {}, at most {}, because {}{then}", again.stage, again.estimate, again.reason));
}

/// Writes a report for people; the last lines are why it ended and the cost.
pub(super) fn report_text(report: &RunReport) -> String {
    let mut blocks: Vec<String> = report.stages.iter().map(|run| stage::report_text(&run.result)).collect();
    let id = &report.episode_id;
    let end = match &report.end {
        RunnerEnd::Finished if report.stages.is_empty() => format!("{id}: nothing is left to do"),
        RunnerEnd::Finished => format!("{id}: all steps are done"),
        RunnerEnd::FinishedPartly { message } => format!("warning: {message}"),
        RunnerEnd::AwaitingReview { message }
        | RunnerEnd::CapReached { message }
        | RunnerEnd::Blocked { message } => format!("blocked: {message}"),
        RunnerEnd::Failed { message } | RunnerEnd::NotBuilt { message } => format!("error: {message}"),
        RunnerEnd::Interrupted { .. } => {
            format!("{id}: stopped by a signal; all that was paid for is kept, and `btcedu run {id}` goes on")
        }
    };
    blocks.push(format!(
        "{end}\nstatus: {} · cost: {} in this run, {} for the episode so far",
        report.status, report.cost, report.episode_cost
    ));
    blocks.join("\n\n")
}
