//! `btcedu correct`, `translate`, `adapt`, `chapterize`: one text stage of episodes.

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

/// What all text stages take.
#[derive(Debug, Args)]
pub(crate) struct TextArgs {
    #[command(flatten)]
    pub(super) ids: EpisodeIds,
    /// Make the text anew whatever is there, and write over what was edited by hand
    #[arg(long)]
    force: bool,
    /// Show what would be done and the price, write the request bodies into the outputs; send nothing
    #[arg(long)]
    dry_run: bool,
}

pub(crate) async fn run(
    app: &App,
    stage: BuiltStage,
    args: &TextArgs,
    output: Output,
    bars: MultiProgress,
) -> CommandResult<ExitStatus> {
    let flags = StageFlags { force: args.force, ..StageFlags::default() };
    let order = StageOrder { stage, flags, dry_run: args.dry_run };
    stage::run(app, &args.ids, order, output, bars).await
}
