//! `btcedu imagegen`: makes the pictures of chapterized episodes.

use btcedu_domain::ChapterId;
use btcedu_stages::{BuiltStage, StageFlags};
use clap::Args;
use indicatif::MultiProgress;

use crate::{
    app::App,
    commands::{
        EpisodeIds,
        stage::{self, StageOrder},
    },
    errors::CommandResult,
    exit::ExitStatus,
    output::Output,
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
    pub(super) ids: EpisodeIds,
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
) -> CommandResult<ExitStatus> {
    let chapters: Vec<ChapterId> = args.chapter.iter().map(|c| c.parse()).collect::<Result<_, _>>()?;
    let flags = StageFlags { force: args.force, refresh: args.refresh, chapters };
    let order = StageOrder { stage: BuiltStage::Imagegen, flags, dry_run: args.dry_run };
    stage::run(app, &args.ids, order, output, bars).await
}
