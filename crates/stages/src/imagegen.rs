//! Image generation: from chapters.json to pictures that are paid for once, stored, recorded and current.

mod buy;
mod choose;
mod entries;
mod finish;
mod gather;
mod history;
mod image_files;
mod paint;
mod preconditions;
mod prompt;
mod publish;
mod reconcile;
mod record;
mod report;
mod result;
mod verdict;
mod verify;
mod worklist;

use std::path::PathBuf;

use btcedu_artifacts::{CheckDepth, EpisodeLock, write_json_atomic};
use btcedu_domain::{EpisodeId, Stage, Usd};
use btcedu_imagegen::ImageRequest;
use serde::Serialize;

pub use self::{
    choose::choose_picture,
    history::{StoredPictureInfo, picture_history},
    reconcile::Repair,
    result::{ChapterResult, ImageGenResult, RunEnd},
    verify::{Finding, VerifyReport, repair_pictures, verify_pictures},
    worklist::{Decision, ImageGenFlags, WorkItem, WorkList},
};
use self::{
    finish::{Work, close_broken, finish},
    gather::{Inputs, gather},
    reconcile::{adopt, apply_repairs},
    report::report,
    verdict::EndOfRun,
    worklist::plan_images,
};
use crate::{StageContext, StageError, StageEvent, retry::with_causes, stop::StopReason};

/// What a run would do, without doing it.
#[derive(Debug, Clone, Serialize)]
pub struct Preview {
    /// The episode.
    pub episode_id: EpisodeId,
    /// What an interrupted run left and a run would mend, in words.
    pub mends: Vec<String>,
    /// The decisions.
    #[serde(flatten)]
    pub list: WorkList,
    /// What the cap leaves for this run.
    #[serde(rename = "left_under_cap_usd")]
    pub left_under_cap: Usd,
    /// The request bodies that `--dry-run` wrote.
    pub files: Vec<PathBuf>,
}

/// Decides what a run would do: no network, no row, no file, no lock.
///
/// # Errors
/// As [`run_imagegen`], before anything is spent.
pub async fn preview_imagegen(
    ctx: &StageContext,
    id: &EpisodeId,
    flags: &ImageGenFlags,
) -> Result<Preview, StageError> {
    let (inputs, repairs) = adopt(gather(ctx, id, CheckDepth::Quick).await?);
    preconditions::check_status(&inputs, flags.force)?;
    Ok(preview_of(&inputs, &repairs, plan_images(&inputs, flags)?))
}

fn preview_of(inputs: &Inputs, repairs: &[Repair], list: WorkList) -> Preview {
    Preview {
        episode_id: inputs.dir.id().clone(),
        mends: repairs.iter().map(in_words).collect(),
        left_under_cap: list.cap.less(list.cost),
        list,
        files: Vec::new(),
    }
}

fn in_words(repair: &Repair) -> String {
    match repair.for_readers() {
        (Some(chapter), what) => format!("{chapter}: {what}"),
        (None, what) => what,
    }
}

/// As [`preview_imagegen`], and writes the exact request bodies to `dry_run/imagegen/`.
///
/// # Errors
/// As [`preview_imagegen`], and [`StageError::File`] where the bodies can't be written.
pub async fn dry_run_imagegen(
    ctx: &StageContext,
    id: &EpisodeId,
    flags: &ImageGenFlags,
) -> Result<Preview, StageError> {
    let mut preview = preview_imagegen(ctx, id, flags).await?;
    let settings = &ctx.settings.image;
    let model = ctx.catalog.resolve_image(&settings.model, settings.price)?;
    let folder = ctx.data.episode(id).dry_run(Stage::Imagegen);
    for old in btcedu_artifacts::list_files(&folder)? {
        btcedu_artifacts::remove_file(&old)?;
    }
    for item in preview.list.to_buy() {
        let text = item.text.as_ref();
        let (kind, body) = match (&item.snapshot.chapter, text.and_then(|t| t.paid.as_ref())) {
            (btcedu_artifacts::ChapterSnapshot::Template { .. }, None) => {
                let Some(job) = text else { continue };
                ("text", ctx.texts.request_body(&job.request))
            }
            (chapter, paid) => {
                let own = match chapter {
                    btcedu_artifacts::ChapterSnapshot::Chapter { prompt } => prompt.as_str(),
                    btcedu_artifacts::ChapterSnapshot::Template { .. } => {
                        paid.map_or("", |p| p.text.as_str())
                    }
                };
                let snapshot = &item.snapshot.settings;
                let request = ImageRequest {
                    prompt: prompt::compose(&snapshot.style_prefix, own, model.max_prompt_chars).text,
                    model: snapshot.model.clone(),
                    size: snapshot.size.clone(),
                    quality: snapshot.quality.clone(),
                    style: snapshot.style.clone(),
                };
                ("image", ctx.images.request_body(&request))
            }
        };
        let path = folder.join(format!("{}-{kind}.json", item.chapter_id));
        write_json_atomic(&path, &body)?;
        preview.files.push(path);
    }
    Ok(preview)
}

/// Makes the pictures of an episode. The lock proves that nobody else does.
///
/// # Errors
/// [`StageError`] where nothing was spent, or where what was bought can't be recorded; a run
/// that ends early with pictures kept is an [`ImageGenResult`] whose [`RunEnd`] says so.
pub async fn run_imagegen(
    ctx: &StageContext,
    lock: &EpisodeLock,
    flags: &ImageGenFlags,
) -> Result<ImageGenResult, StageError> {
    // Boxed, since a future of this size is copied around otherwise.
    let result = Box::pin(run_to_the_end(ctx, lock, flags)).await;
    if let Err(error) = &result {
        ctx.record_failure(lock.episode(), error).await;
    }
    result
}

async fn run_to_the_end(
    ctx: &StageContext,
    lock: &EpisodeLock,
    flags: &ImageGenFlags,
) -> Result<ImageGenResult, StageError> {
    let started = ctx.clock.now();
    let (inputs, repairs) = adopt(gather(ctx, lock.episode(), CheckDepth::Quick).await?);
    preconditions::check_status(&inputs, flags.force)?;
    apply_repairs(ctx, &inputs, &repairs).await?;
    for repair in &repairs {
        ctx.observer.hear(&StageEvent::Mended { what: repair.to_string() });
    }
    let list = plan_images(&inputs, flags)?;
    buy::check_before_buying(ctx, &inputs, &list).await?;
    let pictures = list.pictures_to_buy();
    let episode = inputs.dir.id().clone();
    ctx.observer.hear(&StageEvent::Planned { episode: episode.clone(), pictures, estimate: list.estimate });
    let mut work = match list.to_buy().next() {
        Some(first) if buy::fits_no_more(&inputs, first) => Work::capped(&inputs, &list, first),
        Some(_) => buy::buy(ctx, &inputs, &list).await?,
        None => Work::nothing_to_buy(&inputs, &list),
    };
    work.mended = !repairs.is_empty();
    if let Some(StopReason::Cap { cost, .. }) = &work.stop {
        ctx.observer.hear(&StageEvent::CapReached { cost: *cost, cap: inputs.cap });
    }
    let ended = match (finish(ctx, &inputs, &work, started).await, work.run) {
        (Ok(ended), _) => ended,
        // Something was bought, so the person must see what, whatever else goes wrong.
        (Err(error), Some(run)) => {
            let message = with_causes(&error);
            close_broken(ctx, &inputs, run, &message).await;
            (Some(run), EndOfRun::failed(message))
        }
        (Err(error), None) => return Err(error),
    };
    ctx.observer.hear(&StageEvent::Finished { episode });
    Ok(report(ctx, &inputs, &list, &repairs, &work, ended).await)
}
