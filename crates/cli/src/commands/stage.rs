//! One stage of episodes: `btcedu correct`, `translate`, `adapt`, `chapterize`, `imagegen`.

use std::sync::Arc;

use btcedu_stages::{
    BuiltStage, ChapterResult, Decision, PictureDetails, PicturesPreview, PreviewDetails, ReportDetails,
    StageEnd, StageFlags, StagePreview, StageReport, TextDetails, TextPreview,
};
use indicatif::MultiProgress;

use crate::{
    app::App,
    command_line::command_line,
    commands::{EachEpisode, EpisodeIds},
    errors::CommandResult,
    exit::ExitStatus,
    output::{Output, count, table},
    progress::Progress,
    signals,
};

/// What is asked of a stage.
pub(crate) struct StageOrder {
    pub(crate) stage: BuiltStage,
    pub(crate) flags: StageFlags,
    /// Show what would be done, and send nothing.
    pub(crate) dry_run: bool,
}

/// Runs a stage on episodes, one after the other, or shows what that would do.
///
/// # Errors
/// The only episode's error; those of several are in the list.
pub(crate) async fn run(
    app: &App,
    ids: &EpisodeIds,
    order: StageOrder,
    output: Output,
    bars: MultiProgress,
) -> CommandResult<ExitStatus> {
    let StageOrder { stage, flags, dry_run } = order;
    let ids = ids.at_least_one(stage.stage().as_str())?;
    if dry_run {
        let ctx = app.quiet_context().await?;
        let mut each = EachEpisode::new();
        for id in ids {
            let preview = stage.dry_run(&ctx, &id, &flags).await;
            each.results.push((id, preview.map_err(Into::into)));
        }
        return each.print(output, preview_text, |_| ExitStatus::Done);
    }
    signals::listen(app.interrupt.clone())?;
    let ctx = app.context(Arc::new(Progress::new(bars))).await?;
    let command = command_line();
    let mut each = EachEpisode::new();
    for id in ids {
        let work = async |id: &_| Ok(btcedu_pipeline::run_stage(&ctx, id, stage, &flags, &command).await?);
        each.run(id, &app.interrupt, work).await;
    }
    each.print(output, report_text, |report| ExitStatus::of_end(&report.end))
}

/// Writes a report for people; the last line is always the cost.
pub(crate) fn report_text(report: &StageReport) -> String {
    let mut lines = match &report.details {
        ReportDetails::Text(text) => text_lines(report, text),
        ReportDetails::Pictures(pictures) => pictures_lines(report, pictures),
    };
    lines.push(format!("cost: {} in this run, {} for the episode so far", report.cost, report.episode_cost));
    lines.join("\n")
}

fn text_lines(report: &StageReport, text: &TextDetails) -> Vec<String> {
    let (id, stage) = (&report.episode_id, report.stage);
    let mut lines = Vec::new();
    match &report.end {
        StageEnd::Skipped => {
            lines.push(format!("{id}: {stage} skipped, nothing was to be done"));
            lines.extend((!text.reason.is_empty()).then(|| format!("note: {}", text.reason)));
        }
        StageEnd::CapReached { message } => lines.push(format!("blocked: {message}")),
        StageEnd::Failed { message } => lines.push(format!("error: {message}")),
        StageEnd::Interrupted { .. } => lines.push(format!(
            "stopped by a signal; all that was paid for is kept, and `btcedu run {id}` goes on"
        )),
        StageEnd::Done | StageEnd::DonePartly { .. } | StageEnd::StillPending => {
            lines.push(format!("{id}: {stage} wrote {}", text.output_path.display()));
            lines.push(format!("because: {}", text.reason));
            if text.reused > 0 {
                let reused = count(text.reused, "answer");
                lines.push(format!("{reused} had been paid for before and cost nothing now"));
            }
        }
    }
    lines.extend(report.warnings.iter().map(|w| format!("warning: {w}")));
    if let Some(task) = text.review_task {
        lines.push(format!("review {task}: look with `btcedu review show {task}`"));
    }
    lines
}

fn pictures_lines(report: &StageReport, pictures: &PictureDetails) -> Vec<String> {
    let mut lines =
        vec![table(&["chapter", "type", "", "file or reason"], pictures.chapters.iter().map(row).collect())];
    lines.extend(pictures.mended.iter().map(|m| format!("mended: {m}")));
    lines.extend(report.warnings.iter().map(|w| format!("warning: {w}")));
    if pictures.unknown_calls > 0 {
        lines.push(format!(
            "warning: {} of this episode may have been billed without an answer, about {} (counted against the cap)",
            count(pictures.unknown_calls, "call"),
            pictures.unknown_cost
        ));
    }
    lines.extend(end_line(report));
    let counts = pictures.counts;
    let counts = [
        (counts.generated, "generated"),
        (counts.kept, "kept"),
        (counts.reused, "reused"),
        (counts.skipped, "skipped"),
        (counts.rejected, "rejected"),
        (counts.failed, "failed"),
        (counts.pending, "pending"),
    ];
    let counts: Vec<String> = counts
        .iter()
        .filter(|(n, word)| *n > 0 || *word == "generated")
        .map(|(n, word)| format!("{n} {word}"))
        .collect();
    lines.push(format!("{}: {}", report.episode_id, counts.join(" · ")));
    lines
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

fn end_line(report: &StageReport) -> Option<String> {
    match &report.end {
        StageEnd::Done => None,
        StageEnd::Skipped => Some("skipped: nothing was to be done".to_owned()),
        StageEnd::StillPending => Some(format!(
            "some chapters have no picture yet; `btcedu imagegen {}` makes them",
            report.episode_id
        )),
        StageEnd::DonePartly { message } => Some(format!("warning: {message}")),
        StageEnd::CapReached { message } => Some(format!("blocked: {message}")),
        StageEnd::Failed { message } => Some(format!("error: {message}")),
        StageEnd::Interrupted { .. } => Some(format!(
            "stopped by a signal; all that was paid for is kept, and `btcedu imagegen {}` goes on",
            report.episode_id
        )),
    }
}

/// Writes what a run would do, for people.
pub(crate) fn preview_text(preview: &StagePreview) -> String {
    let lines = match &preview.details {
        PreviewDetails::Text(text) => text_preview_lines(preview, text),
        PreviewDetails::Pictures(pictures) => pictures_preview_lines(preview, pictures),
    };
    lines.join("\n")
}

fn text_preview_lines(preview: &StagePreview, text: &TextPreview) -> Vec<String> {
    let (id, stage) = (&preview.episode_id, text.stage);
    let mut lines: Vec<String> = preview.files.iter().map(|f| format!("request: {}", f.display())).collect();
    if text.would_run {
        lines.push(format!("{id}: {stage} would run, because {}", text.reason));
        lines.push(format!(
            "{} to send ({} paid already), at most {}; left under the cap {}",
            count(text.segments - text.reused, "call"),
            text.reused,
            preview.estimate,
            preview.left_under_cap
        ));
    } else {
        lines.push(format!("{id}: {stage} has nothing to do"));
        lines.extend((!text.reason.is_empty()).then(|| format!("note: {}", text.reason)));
    }
    lines
}

fn pictures_preview_lines(preview: &StagePreview, pictures: &PicturesPreview) -> Vec<String> {
    let rows = pictures.items.iter().map(|item| {
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
    let mut lines: Vec<String> = pictures.mends.iter().map(|m| format!("would mend: {m}")).collect();
    lines.push(table(&["chapter", "type", "decision", "at most", "reason"], rows.collect()));
    lines.extend(preview.files.iter().map(|f| format!("request: {}", f.display())));
    lines.push(format!(
        "{}: {} to buy, at most {}; cap {}, spent {}, left {}",
        preview.episode_id,
        count(pictures.pictures_to_buy(), "picture"),
        preview.estimate,
        pictures.cap,
        pictures.cost,
        preview.left_under_cap
    ));
    if preview.estimate > preview.left_under_cap {
        lines.push(
            "warning: the cap will stop this run before its end; raise MAX_EPISODE_COST_USD to go through"
                .to_owned(),
        );
    }
    lines
}
