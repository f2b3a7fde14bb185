//! `btcedu plan`: which steps are behind an episode, and which comes next.

use btcedu_domain::{EpisodeId, Stage};
use btcedu_pipeline::{PipelinePlan, PlanFlags, PlannedStep, Step, StepState, load_plan};
use btcedu_stages::{
    StageContext, StageError,
    imagegen::{ImageGenFlags, Preview, preview_imagegen},
};
use clap::Args;
use serde::Serialize;

use crate::{
    app::App,
    commands::{EachEpisode, EpisodeIds, imagegen::preview_text},
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
        let plan = load(&ctx, &id, args.refresh).await;
        each.results.push((id, plan.map_err(Into::into)));
    }
    each.print(output, text, |_| ExitStatus::Done)
}

/// A plan, and what its next stage would do.
#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    plan: PipelinePlan,
    /// imagegen's decisions, where it comes next or is looked at again.
    imagegen: Option<Preview>,
    /// Why there are none.
    problem: Option<String>,
}

async fn load(ctx: &StageContext, id: &EpisodeId, refresh: bool) -> Result<Shown, StageError> {
    let plan = load_plan(ctx, id, PlanFlags { refresh }).await?;
    let looked_at = |s: &PlannedStep| {
        s.step == Step::Stage(Stage::Imagegen) && matches!(s.state, StepState::Next | StepState::LookAgain)
    };
    let (mut imagegen, mut problem) = (None, None);
    if plan.steps.iter().any(looked_at) {
        match preview_imagegen(ctx, id, &ImageGenFlags { refresh, ..ImageGenFlags::default() }).await {
            Ok(preview) => imagegen = Some(preview),
            Err(error) => problem = Some(format!("{:#}", anyhow::Error::from(error))),
        }
    }
    Ok(Shown { plan, imagegen, problem })
}

fn text(shown: &Shown) -> String {
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
    let imagegen = shown.imagegen.as_ref().map(|p| format!("\n\n{}", preview_text(p))).unwrap_or_default();
    let problem = shown.problem.as_ref().map(|p| format!("\n\nimagegen would stop: {p}")).unwrap_or_default();
    format!("{head}\n{steps}{end}{imagegen}{problem}")
}
