//! `btcedu images`: looks at an episode's pictures, checks them, chooses among them.

use btcedu_artifacts::Manifest;
use btcedu_domain::{CallId, ChapterId, EpisodeId};
use btcedu_stages::{
    StageContext, StageError,
    imagegen::{
        StoredPictureInfo, VerifyReport, choose_picture, picture_history, repair_pictures, verify_pictures,
    },
};
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::{
    app::App,
    command_line::command_line,
    commands::{EachEpisode, EpisodeIds},
    errors::{CommandResult, OrFail, UsageError},
    exit::ExitStatus,
    output::{Output, count, table},
};

/// Look at an episode's pictures, check them, choose among them
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  btcedu images list abc123
  btcedu images verify abc123 --repair
  btcedu images history abc123 --chapter ch03
  btcedu images use abc123 --chapter ch03 0199a1b2-…")]
pub(crate) struct ImagesArgs {
    #[command(subcommand)]
    command: ImagesCommand,
}

#[derive(Debug, Subcommand)]
enum ImagesCommand {
    /// List the current picture of each chapter
    #[command(after_help = "Example:\n  btcedu images list abc123")]
    List {
        #[command(flatten)]
        ids: EpisodeIds,
    },
    /// Compare store, ledger, rows, files and manifest with each other; exit 1 if any disagree
    #[command(
        after_help = "Examples:\n  btcedu images verify abc123\n  btcedu images verify abc123 --repair    mend what can be mended, free"
    )]
    Verify {
        #[command(flatten)]
        ids: EpisodeIds,
        /// Mend what can be mended without buying anything
        #[arg(long)]
        repair: bool,
    },
    /// List earlier pictures with date, price and what was different
    #[command(after_help = "Example:\n  btcedu images history abc123 --chapter ch03")]
    History {
        #[command(flatten)]
        ids: EpisodeIds,
        /// Only this chapter's
        #[arg(long, value_name = "ID", allow_hyphen_values = true)]
        chapter: Option<String>,
    },
    /// Make an earlier picture the current one of a chapter, free
    #[command(
        after_help = "Example:\n  btcedu images use abc123 --chapter ch03 0199a1b2-…    the call id is in `images history`"
    )]
    Use {
        /// The episode, then the picture's call id from `images history`
        #[arg(value_name = "EPISODE_ID CALL", num_args = 1..=2, required = true)]
        words: Vec<String>,
        /// The episode, for scripts: --episode-id=-QuuHAnujxk
        #[arg(long, value_name = "ID", allow_hyphen_values = true)]
        episode_id: Option<String>,
        /// The chapter
        #[arg(long, value_name = "ID", allow_hyphen_values = true)]
        chapter: String,
    },
}

pub(crate) async fn run(app: &App, args: &ImagesArgs, output: Output) -> CommandResult<ExitStatus> {
    let ctx = app.quiet_context().await?;
    match &args.command {
        ImagesCommand::List { ids } => list(&ctx, ids, output).await,
        ImagesCommand::Verify { ids, repair } => verify(&ctx, ids, *repair, output).await,
        ImagesCommand::History { ids, chapter } => history(&ctx, ids, chapter.as_deref(), output).await,
        ImagesCommand::Use { words, episode_id, chapter } => {
            let named: Vec<&String> = episode_id.iter().chain(words).collect();
            let [id, call] = named.as_slice() else {
                let usage = "name an episode and a call: `btcedu images use EPISODE_ID --chapter ID CALL`";
                return Err(UsageError(usage.to_owned()).into());
            };
            use_picture(&ctx, id, chapter, call, output).await
        }
    }
}

async fn list(ctx: &StageContext, ids: &EpisodeIds, output: Output) -> CommandResult<ExitStatus> {
    let mut each = EachEpisode::new();
    for id in ids.at_least_one("images list")? {
        let manifest = load_manifest(ctx, &id).await;
        each.results.push((id, manifest));
    }
    each.print(output, list_text, |_| ExitStatus::Done)
}

async fn load_manifest(ctx: &StageContext, id: &EpisodeId) -> CommandResult<Manifest> {
    btcedu_pipeline::check_episode_exists(ctx, id).await?;
    let path = ctx.data.episode(id).manifest();
    ctx.data
        .read_json(&path)?
        .or_fail(|| format!("episode {id} has no pictures yet; `btcedu imagegen {id}` makes them"))
}

pub(super) fn list_text(manifest: &Manifest) -> String {
    let rows = manifest.images.iter().map(|e| {
        let told =
            e.file_path.clone().or_else(|| e.error.clone()).or_else(|| e.reason.clone()).unwrap_or_default();
        let cost = e.cost_usd.map_or_else(String::new, |c| c.to_string());
        let size = e.width.zip(e.height).map_or_else(String::new, |(w, h)| format!("{w}x{h}"));
        vec![
            e.chapter_id.to_string(),
            e.chapter_title.clone(),
            e.visual_type.to_string(),
            e.status.to_string(),
            size,
            cost,
            told,
        ]
    });
    let totals = &manifest.totals;
    format!(
        "{}\n{}: {} generated · {} skipped · {} rejected · {} failed · {} pending · {} for the current pictures and their prompts",
        table(&["chapter", "title", "type", "status", "size", "cost", "file or reason"], rows.collect()),
        manifest.episode_id,
        totals.generated,
        totals.skipped,
        totals.rejected,
        totals.failed,
        totals.pending,
        totals.cost_usd
    )
}

async fn verify(
    ctx: &StageContext,
    ids: &EpisodeIds,
    repair: bool,
    output: Output,
) -> CommandResult<ExitStatus> {
    let mut each = EachEpisode::new();
    for id in ids.at_least_one("images verify")? {
        let report = if repair { repair_one(ctx, &id).await } else { verify_pictures(ctx, &id).await };
        each.results.push((id, report.map_err(Into::into)));
    }
    each.print(output, verify_text, |report| {
        if report.findings.is_empty() { ExitStatus::Done } else { ExitStatus::Failed }
    })
}

async fn repair_one(ctx: &StageContext, id: &EpisodeId) -> Result<VerifyReport, StageError> {
    repair_pictures(ctx, &btcedu_pipeline::lock_episode(ctx, id, &command_line()).await?).await
}

pub(super) fn verify_text(report: &VerifyReport) -> String {
    let mut lines: Vec<String> = report.mended.iter().map(|m| format!("mended: {m}")).collect();
    for finding in &report.findings {
        let chapter = finding.chapter_id.as_ref().map_or_else(String::new, |c| format!("{c}: "));
        let how = if finding.mendable { "" } else { " (can't be mended without buying)" };
        lines.push(format!("differs: {chapter}{}{how}", finding.what));
    }
    let pictures = count(report.pictures, "picture");
    let id = &report.episode_id;
    lines.push(match report.findings.len() {
        0 => format!("{id}: {pictures} in the store, all agree"),
        n if report.findings.iter().any(|f| f.mendable) => {
            format!("{id}: {pictures} in the store, {}; `btcedu images verify {id} --repair` mends what can be mended", count(n, "disagreement"))
        }
        n => format!("{id}: {pictures} in the store, {}; `btcedu imagegen {id}` buys what is lost", count(n, "disagreement")),
    });
    lines.join("\n")
}

async fn history(
    ctx: &StageContext,
    ids: &EpisodeIds,
    chapter: Option<&str>,
    output: Output,
) -> CommandResult<ExitStatus> {
    let chapter: Option<ChapterId> = chapter.map(str::parse).transpose()?;
    let mut each = EachEpisode::new();
    for id in ids.at_least_one("images history")? {
        let pictures = picture_history(ctx, &id, chapter.as_ref()).await;
        let history = pictures.map(|pictures| History { episode_id: id.clone(), pictures });
        each.results.push((id, history.map_err(Into::into)));
    }
    each.print(output, |history: &History| history_text(&history.pictures), |_| ExitStatus::Done)
}

#[derive(Debug, Serialize)]
pub(super) struct History {
    pub(super) episode_id: EpisodeId,
    pub(super) pictures: Vec<StoredPictureInfo>,
}

pub(super) fn history_text(pictures: &[StoredPictureInfo]) -> String {
    if pictures.is_empty() {
        return "no picture was made yet".to_owned();
    }
    let rows = pictures.iter().map(|p| {
        let mut told =
            if p.intact { p.differences.join(", ") } else { "its file is missing or broken".to_owned() };
        if told.is_empty() {
            "as it would be asked for today".clone_into(&mut told);
        }
        let current = if p.current_for.is_empty() {
            String::new()
        } else {
            let ids: Vec<&str> = p.current_for.iter().map(ChapterId::as_str).collect();
            format!("current for {}", ids.join(", "))
        };
        vec![
            p.chapter_id.to_string(),
            p.generated_at.to_string(),
            p.cost.to_string(),
            p.call_id.to_string(),
            current,
            told,
        ]
    });
    table(&["chapter", "made at", "cost", "call", "", "what was different"], rows.collect())
}

async fn use_picture(
    ctx: &StageContext,
    id: &str,
    chapter: &str,
    call: &str,
    output: Output,
) -> CommandResult<ExitStatus> {
    let (id, chapter, call): (EpisodeId, ChapterId, CallId) = (id.parse()?, chapter.parse()?, call.parse()?);
    let lock = btcedu_pipeline::lock_episode(ctx, &id, &command_line()).await?;
    let entry = choose_picture(ctx, &lock, &chapter, call).await?;
    output.result(&entry, || {
        let shown =
            format!("{id}: {chapter} now shows the picture of call {call}; free, until its text changes");
        let warnings = entry.warnings.iter().map(|warning| format!("warning: {warning}"));
        std::iter::once(shown).chain(warnings).collect::<Vec<_>>().join("\n")
    })?;
    Ok(ExitStatus::Done)
}
