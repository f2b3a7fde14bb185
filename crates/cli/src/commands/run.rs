//! `btcedu run`: goes on with episodes as far as stages are built.

use std::sync::Arc;

use btcedu_domain::EpisodeId;
use btcedu_pipeline::{RunnerOutcome, run_episode};
use btcedu_stages::imagegen::ImageGenResult;
use clap::Args;
use indicatif::MultiProgress;
use serde::Serialize;

use crate::{
    app::App,
    commands::{
        EachEpisode, EpisodeIds,
        imagegen::{command_line, result_text},
    },
    exit::ExitStatus,
    output::Output,
    progress::Progress,
    signals,
};

/// Go on with episodes from where they are
///
/// Does the next stage of each episode. A stage that this version doesn't have is named,
/// never passed over.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  btcedu run abc123              do what comes next
  btcedu run abc123 def456       several, one after the other
  btcedu plan abc123             look first")]
pub(crate) struct RunArgs {
    #[command(flatten)]
    ids: EpisodeIds,
}

#[derive(Debug, Serialize)]
struct Went {
    episode_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    imagegen: Option<ImageGenResult>,
}

pub(crate) async fn run(
    app: &App,
    args: &RunArgs,
    output: Output,
    bars: MultiProgress,
) -> anyhow::Result<ExitStatus> {
    let ids = args.ids.at_least_one("run")?;
    signals::listen(app.interrupt.clone())?;
    let ctx = app.context(Arc::new(Progress::new(bars))).await?;
    let mut each = EachEpisode::new();
    for id in ids {
        let go = async |id: &EpisodeId| {
            let imagegen = match run_episode(&ctx, id, &command_line()).await? {
                RunnerOutcome::NothingToDo => None,
                RunnerOutcome::Pictures(result) => Some(*result),
            };
            Ok(Went { episode_id: id.to_string(), imagegen })
        };
        each.run(id, &app.interrupt, go).await;
    }
    each.print(output, text, |went| {
        went.imagegen.as_ref().map_or(ExitStatus::Done, |r| ExitStatus::of_end(&r.end))
    })
}

fn text(went: &Went) -> String {
    match &went.imagegen {
        Some(result) => result_text(result),
        None => format!("{}: nothing is left to do", went.episode_id),
    }
}
