//! `btcedu plan`: which steps are behind an episode, and which comes next.

use btcedu_pipeline::{PipelinePlan, PlanFlags, StepState, load_plan};
use clap::Args;

use crate::{
    app::App,
    commands::{EachEpisode, EpisodeIds},
    exit::ExitStatus,
    output::{Output, table},
};

/// Show which steps are behind an episode and what comes next
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  btcedu plan abc123
  btcedu plan abc123 --json | jq '.steps[] | select(.state == \"next\")'")]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    ids: EpisodeIds,
    /// Also show which stages behind the episode would be looked at again
    #[arg(long)]
    refresh: bool,
}

pub(crate) async fn run(app: &App, args: &PlanArgs, output: Output) -> anyhow::Result<ExitStatus> {
    let ids = args.ids.at_least_one("plan")?;
    let ctx = app.quiet_context().await?;
    let mut each = EachEpisode::new();
    for id in ids {
        let plan = load_plan(&ctx, &id, PlanFlags { refresh: args.refresh }).await;
        each.results.push((id, plan.map_err(Into::into)));
    }
    each.print(output, text, |_| ExitStatus::Done)
}

fn text(plan: &PipelinePlan) -> String {
    let rows = plan.steps.iter().map(|step| {
        let state = match step.state {
            StepState::Done => "done",
            StepState::LookAgain => "look again",
            StepState::Next => "next",
            StepState::Waiting => "waiting",
            StepState::NotBuilt => "not built",
            StepState::Later => "later",
        };
        let built = if step.state == StepState::Later && !step.built { "not built yet" } else { "" };
        let note = if step.note.is_empty() { built.to_owned() } else { step.note.clone() };
        vec![step.name().to_owned(), state.to_owned(), note]
    });
    let head = format!("{}: pipeline v{}, status {}", plan.episode_id, plan.pipeline_version, plan.status);
    let steps = table(&["step", "state", ""], rows.collect());
    let end = if plan.next().is_none() { "\nall steps are behind it" } else { "" };
    format!("{head}\n{steps}{end}")
}
