//! `btcedu plan`: which steps are behind an episode, and which comes next.

use btcedu_domain::EpisodeId;
use btcedu_pipeline::{PipelinePlan, PlanFlags, StepState, preview_next};
use btcedu_stages::{PreviewDetails, StageContext, StageError, StagePreview};
use clap::Args;
use serde::Serialize;

use crate::{
    app::App,
    commands::{EachEpisode, EpisodeIds, stage},
    errors::CommandResult,
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
    pub(super) ids: EpisodeIds,
    /// Also show which stages behind the episode would be looked at again
    #[arg(long)]
    refresh: bool,
}

pub(crate) async fn run(app: &App, args: &PlanArgs, output: Output) -> CommandResult<ExitStatus> {
    let ids = args.ids.at_least_one("plan")?;
    let ctx = app.quiet_context().await?;
    let mut each = EachEpisode::new();
    for id in ids {
        let plan = load(&ctx, &id, args.refresh).await;
        each.results.push((id, plan.map_err(Into::into)));
    }
    each.print(output, shown_text, |_| ExitStatus::Done)
}

/// A plan, and what its next stage would do.
#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    plan: PipelinePlan,
    /// What a text stage would do, where one comes next.
    text: Option<StagePreview>,
    /// imagegen's decisions, where it comes next or is looked at again.
    imagegen: Option<StagePreview>,
    /// Why there are none.
    problem: Option<String>,
}

async fn load(ctx: &StageContext, id: &EpisodeId, refresh: bool) -> Result<Shown, StageError> {
    let next = preview_next(ctx, id, PlanFlags { refresh }).await?;
    let (text, imagegen) = match next.preview {
        Some(preview) if matches!(preview.details, PreviewDetails::Text(_)) => (Some(preview), None),
        preview => (None, preview),
    };
    Ok(Shown { plan: next.plan, text, imagegen, problem: next.problem })
}

fn shown_text(shown: &Shown) -> String {
    let plan = &shown.plan;
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
    let paragraph = |text: String| format!("\n\n{text}");
    let preview = shown.text.as_ref().or(shown.imagegen.as_ref());
    let preview = preview.map(stage::preview_text).map(paragraph).unwrap_or_default();
    let stops = |problem| format!("the next stage would stop: {problem}");
    let problem = shown.problem.as_ref().map(stops).map(paragraph).unwrap_or_default();
    format!("{head}\n{steps}{end}{preview}{problem}")
}
