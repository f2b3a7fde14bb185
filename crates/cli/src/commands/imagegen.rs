//! `btcedu imagegen`: makes the pictures of chapterized episodes.

use std::sync::Arc;

use btcedu_artifacts::{EpisodeLock, LockHolder};
use btcedu_domain::{ChapterId, EpisodeId};
use btcedu_stages::{
    StageContext, StageError,
    imagegen::{
        ChapterResult, Decision, ImageGenFlags, ImageGenResult, Preview, RunEnd, dry_run_imagegen,
        run_imagegen,
    },
};
use clap::Args;
use indicatif::MultiProgress;

use crate::{
    app::App,
    commands::{EachEpisode, EpisodeIds},
    exit::ExitStatus,
    output::{Output, count, table},
    progress::Progress,
    signals,
};

/// Make the pictures of chapterized episodes
///
/// Buys a picture for each chapter whose visual is a diagram, b-roll or screen share,
/// stores it, and writes images/manifest.json. What is there already and still fits is
/// kept; nothing is bought twice.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  btcedu imagegen abc123                    buy what is missing or changed
  btcedu imagegen abc123 --dry-run          show the decisions and the price, send nothing
  btcedu imagegen abc123 --chapter ch03     make one picture anew
  btcedu imagegen abc123 --refresh          also those made with other settings
  btcedu imagegen -- -QuuHAnujxk            an id that begins with a dash")]
pub(crate) struct ImagegenArgs {
    #[command(flatten)]
    ids: EpisodeIds,
    /// Make all pictures anew, whatever there is; every one is paid
    #[arg(long)]
    force: bool,
    /// Make pictures anew that were made with another model, size, style or template
    #[arg(long)]
    refresh: bool,
    /// Show the decisions and prices and write the request bodies into the outputs; send nothing
    #[arg(long)]
    dry_run: bool,
    /// Make only this chapter's picture, anew; repeatable
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    chapter: Vec<String>,
}

pub(crate) async fn run(
    app: &App,
    args: &ImagegenArgs,
    output: Output,
    bars: MultiProgress,
) -> anyhow::Result<ExitStatus> {
    let ids = args.ids.at_least_one("imagegen")?;
    let chapters: Vec<ChapterId> = args.chapter.iter().map(|c| c.parse()).collect::<Result<_, _>>()?;
    let flags = ImageGenFlags { force: args.force, refresh: args.refresh, chapters };
    if args.dry_run {
        let ctx = app.quiet_context().await?;
        let mut each = EachEpisode::new();
        for id in ids {
            let preview = dry_run_imagegen(&ctx, &id, &flags).await;
            each.results.push((id, preview.map_err(Into::into)));
        }
        return each.print(output, preview_text, |_| ExitStatus::Done);
    }
    signals::listen(app.interrupt.clone())?;
    let ctx = app.context(Arc::new(Progress::new(bars))).await?;
    let mut each = EachEpisode::new();
    for id in ids {
        each.run(id, &app.interrupt, async |id| Ok(run_one(&ctx, id, &flags).await?)).await;
    }
    each.print(output, result_text, |result| ExitStatus::of_end(&result.end))
}

async fn run_one(
    ctx: &StageContext,
    id: &EpisodeId,
    flags: &ImageGenFlags,
) -> Result<ImageGenResult, StageError> {
    btcedu_pipeline::check_episode_exists(ctx, id).await?;
    let holder = LockHolder::this_process(command_line(), ctx.clock.now());
    let lock = EpisodeLock::acquire(&ctx.data.episode(id), &holder, ctx.clock.as_ref()).await?;
    run_imagegen(ctx, &lock, flags).await
}

/// The command as it was typed, for who finds the episode locked. Flags hold no secrets.
pub(crate) fn command_line() -> String {
    let words: Vec<String> = std::env::args_os().skip(1).map(|w| w.to_string_lossy().into_owned()).collect();
    format!("btcedu {}", words.join(" "))
}

/// Writes a run's result for people; the last lines are always the counts and the cost.
pub(crate) fn result_text(result: &ImageGenResult) -> String {
    let mut lines =
        vec![table(&["chapter", "type", "", "file or reason"], result.chapters.iter().map(row).collect())];
    lines.extend(result.mended.iter().map(|m| format!("mended: {m}")));
    lines.extend(result.warnings.iter().map(|w| format!("warning: {w}")));
    if result.unknown_calls > 0 {
        lines.push(format!(
            "warning: {} of this episode may have been billed without an answer, about {} (counted against the cap)",
            count(result.unknown_calls, "call"),
            result.unknown_cost
        ));
    }
    lines.extend(end_line(result));
    let counts = [
        (result.generated, "generated"),
        (result.kept, "kept"),
        (result.reused, "reused"),
        (result.skipped, "skipped"),
        (result.rejected, "rejected"),
        (result.failed, "failed"),
        (result.pending, "pending"),
    ];
    let counts: Vec<String> = counts
        .iter()
        .filter(|(n, word)| *n > 0 || *word == "generated")
        .map(|(n, word)| format!("{n} {word}"))
        .collect();
    lines.push(format!("{}: {}", result.episode_id, counts.join(" · ")));
    lines.push(format!("cost: {} in this run, {} for the episode so far", result.cost, result.episode_cost));
    lines.join("\n")
}

fn row(chapter: &ChapterResult) -> Vec<String> {
    let file = chapter.file.as_ref().map(|f| f.display().to_string());
    let told = match (&chapter.error, chapter.decision) {
        (Some(error), _) => error.clone(),
        (None, Decision::Generate | Decision::Reuse) => file.unwrap_or_else(|| chapter.reason.clone()),
        (None, Decision::Keep) if chapter.reason.starts_with("made with") => chapter.reason.clone(),
        (None, Decision::Keep) => file.unwrap_or_default(),
        (None, _) => chapter.reason.clone(),
    };
    let word = match (chapter.decision, &chapter.error) {
        (Decision::Generate, None) => chapter.status.to_string(),
        // Of this try; its earlier picture may well be current still.
        (Decision::Generate, Some(_)) if chapter.refused => "rejected now".to_owned(),
        (Decision::Generate, Some(_)) => "failed now".to_owned(),
        (decision, _) => decision.to_string(),
    };
    vec![chapter.chapter_id.to_string(), chapter.visual_type.to_string(), word, told]
}

fn end_line(result: &ImageGenResult) -> Option<String> {
    match &result.end {
        RunEnd::Done => None,
        RunEnd::Skipped => Some("skipped: nothing was to be done".to_owned()),
        RunEnd::StillPending => Some(format!(
            "some chapters have no picture yet; `btcedu imagegen {}` makes them",
            result.episode_id
        )),
        RunEnd::DonePartly { message } => Some(format!("warning: {message}")),
        RunEnd::CapReached { message } => Some(format!("blocked: {message}")),
        RunEnd::Failed { message } => Some(format!("error: {message}")),
        RunEnd::Interrupted { .. } => Some(format!(
            "stopped by a signal; all that was paid for is kept, and `btcedu imagegen {}` goes on",
            result.episode_id
        )),
    }
}

/// Writes the decisions for people.
pub(crate) fn preview_text(preview: &Preview) -> String {
    let rows = preview.list.items.iter().map(|item| {
        let cost =
            if item.decision == Decision::Generate { item.estimate.to_string() } else { String::new() };
        vec![
            item.chapter_id.to_string(),
            item.visual_type.to_string(),
            item.decision.to_string(),
            cost,
            item.reason.clone(),
        ]
    });
    let mut lines: Vec<String> = preview.mends.iter().map(|m| format!("would mend: {m}")).collect();
    lines.push(table(&["chapter", "type", "decision", "at most", "reason"], rows.collect()));
    lines.extend(preview.files.iter().map(|f| format!("request: {}", f.display())));
    lines.push(format!(
        "{}: {} to buy, at most {}; cap {}, spent {}, left {}",
        preview.episode_id,
        count(preview.list.pictures_to_buy(), "picture"),
        preview.list.estimate,
        preview.list.cap,
        preview.list.cost,
        preview.left_under_cap
    ));
    if preview.list.estimate > preview.left_under_cap {
        lines.push(
            "warning: the cap will stop this run before its end; raise MAX_EPISODE_COST_USD to go through"
                .to_owned(),
        );
    }
    lines.join("\n")
}
