//! `btcedu correct`, `translate`, `adapt`, `chapterize`: one text stage of episodes.

use std::sync::Arc;

use btcedu_artifacts::{EpisodeLock, LockHolder};
use btcedu_domain::EpisodeId;
use btcedu_stages::{
    StageContext, StageError,
    text::{TextFlags, TextPreview, TextResult, TextRunEnd, TextStage, dry_run_text_stage, run_text_stage},
};
use clap::Args;
use indicatif::MultiProgress;

use crate::{
    app::App,
    commands::{EachEpisode, EpisodeIds, imagegen::command_line},
    exit::ExitStatus,
    output::{Output, count},
    progress::Progress,
    signals,
};

/// What all text stages take.
#[derive(Debug, Args)]
pub(crate) struct TextArgs {
    #[command(flatten)]
    ids: EpisodeIds,
    /// Make the text anew whatever is there, and write over what was edited by hand
    #[arg(long)]
    force: bool,
    /// Show what would be done and the price, write the request bodies into the outputs; send nothing
    #[arg(long)]
    dry_run: bool,
}

pub(crate) async fn run(
    app: &App,
    stage: TextStage,
    args: &TextArgs,
    output: Output,
    bars: MultiProgress,
) -> anyhow::Result<ExitStatus> {
    let ids = args.ids.at_least_one(stage.stage().as_str())?;
    let flags = TextFlags { force: args.force, refresh: false };
    let mut each = EachEpisode::new();
    if args.dry_run {
        let ctx = app.quiet_context().await?;
        let mut each = EachEpisode::new();
        for id in ids {
            let preview = dry_run_text_stage(&ctx, &id, stage, flags).await;
            each.results.push((id, preview.map_err(Into::into)));
        }
        return each.print(output, preview_text, |_| ExitStatus::Done);
    }
    signals::listen(app.interrupt.clone())?;
    let ctx = app.context(Arc::new(Progress::new(bars))).await?;
    for id in ids {
        each.run(id, &app.interrupt, async |id| Ok(run_one(&ctx, id, stage, flags).await?)).await;
    }
    each.print(output, result_text, |result| ExitStatus::of_text_end(&result.end))
}

async fn run_one(
    ctx: &StageContext,
    id: &EpisodeId,
    stage: TextStage,
    flags: TextFlags,
) -> Result<TextResult, StageError> {
    btcedu_pipeline::check_episode_exists(ctx, id).await?;
    let holder = LockHolder::this_process(command_line(), ctx.clock.now());
    let lock = EpisodeLock::acquire(&ctx.data.episode(id), &holder, ctx.clock.as_ref()).await?;
    run_text_stage(ctx, &lock, stage, flags).await
}

/// Writes a run's result for people; the last line is always the cost.
pub(crate) fn result_text(result: &TextResult) -> String {
    let (id, stage) = (&result.episode_id, result.stage);
    let mut lines = Vec::new();
    match &result.end {
        TextRunEnd::Done => {
            lines.push(format!("{id}: {stage} wrote {}", result.output_path.display()));
            lines.push(format!("because: {}", result.reason));
            if result.reused > 0 {
                let reused = count(result.reused, "answer");
                lines.push(format!("{reused} had been paid for before and cost nothing now"));
            }
        }
        TextRunEnd::Skipped => {
            lines.push(format!("{id}: {stage} skipped, nothing was to be done"));
            lines.extend((!result.reason.is_empty()).then(|| format!("note: {}", result.reason)));
        }
        TextRunEnd::CapReached { message } => lines.push(format!("blocked: {message}")),
        TextRunEnd::Failed { message } => lines.push(format!("error: {message}")),
        TextRunEnd::Interrupted { .. } => lines.push(format!(
            "stopped by a signal; all that was paid for is kept, and `btcedu run {id}` goes on"
        )),
    }
    lines.extend(result.warnings.iter().map(|w| format!("warning: {w}")));
    if let Some(task) = result.review_task {
        lines.push(format!("review {task}: look with `btcedu review show {task}`"));
    }
    lines.push(format!("cost: {} in this run, {} for the episode so far", result.cost, result.episode_cost));
    lines.join("\n")
}

pub(crate) fn preview_text(preview: &TextPreview) -> String {
    let TextPreview { episode_id: id, stage, .. } = preview;
    let mut lines: Vec<String> = preview.files.iter().map(|f| format!("request: {}", f.display())).collect();
    if preview.would_run {
        lines.push(format!("{id}: {stage} would run, because {}", preview.reason));
        lines.push(format!(
            "{} to send ({} paid already), at most {}; left under the cap {}",
            count(preview.segments - preview.reused, "call"),
            preview.reused,
            preview.estimate,
            preview.left_under_cap
        ));
    } else {
        lines.push(format!("{id}: {stage} has nothing to do"));
        lines.extend((!preview.reason.is_empty()).then(|| format!("note: {}", preview.reason)));
    }
    lines.join("\n")
}
