//! Image generation: from chapters.json to pictures that are paid for once, stored, recorded and current.

mod buy;
mod choose;
mod entries;
mod gather;
mod history;
mod paint;
mod preconditions;
mod prompt;
mod publish;
mod reconcile;
mod record;
mod result;
mod verdict;
mod verify;
mod worklist;

use std::path::PathBuf;

use btcedu_artifacts::{CheckDepth, EpisodeLock, write_json_atomic};
use btcedu_domain::{CallState, EpisodeId, ImageStatus, RunId, RunStatus, Stage, Usd, UtcTime};
use btcedu_imagegen::ImageRequest;
use btcedu_models::{content_artifacts, episodes, media_assets, pipeline_runs, provider_calls};
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
    entries::Entries,
    gather::{Inputs, gather},
    publish::Publication,
    reconcile::{adopt, apply_repairs},
    record::Recorded,
    verdict::{EndOfRun, judge},
    worklist::plan_images,
};
use crate::{ErrorKind, StageContext, StageError, StageEvent, retry::with_causes, stop::StopReason};

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
        mends: repairs.iter().map(ToString::to_string).collect(),
        left_under_cap: list.cap.less(list.cost),
        list,
        files: Vec::new(),
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
        record_error(ctx, lock.episode(), error).await;
    }
    result
}

/// Records an error of the stage on the episode, as well as that is still possible.
async fn record_error(ctx: &StageContext, id: &EpisodeId, error: &StageError) {
    if error.kind() != ErrorKind::Failed || error.is_refusal() {
        return;
    }
    let (id, message) = (id.clone(), with_causes(error));
    let recorded = ctx.db.transaction(move |conn| match episodes::find(conn, &id)? {
        Some(episode) => episodes::set_failure(conn, episode.id, &message),
        None => Ok(()),
    });
    if let Err(error) = recorded.await {
        tracing::warn!(%error, "the stage's error can't be recorded on the episode");
    }
}

async fn run_to_the_end(
    ctx: &StageContext,
    lock: &EpisodeLock,
    flags: &ImageGenFlags,
) -> Result<ImageGenResult, StageError> {
    let started = ctx.clock.now();
    let (inputs, repairs) = adopt(gather(ctx, lock.episode(), CheckDepth::Quick).await?);
    preconditions::check_status(&inputs, flags.force)?;
    let list = plan_images(&inputs, flags)?;
    buy::check_before_buying(ctx, &inputs, &list).await?;
    apply_repairs(ctx, &inputs, &repairs).await?;
    for repair in &repairs {
        ctx.observer.hear(&StageEvent::Mended { what: repair.to_string() });
    }
    let pictures = list.pictures_to_buy();
    let episode = inputs.dir.id().clone();
    ctx.observer.hear(&StageEvent::Planned { episode: episode.clone(), pictures, estimate: list.estimate });
    let work = match list.to_buy().next() {
        Some(first) if buy::fits_no_more(&inputs, first) => Work::capped(&inputs, &list, first),
        Some(_) => buy::buy(ctx, &inputs, &list).await?,
        None => Work::nothing_to_buy(&inputs, &list),
    };
    let finished = finish(ctx, &inputs, work, started).await?;
    ctx.observer.hear(&StageEvent::Finished { episode });
    report(ctx, &inputs, &list, &repairs, finished).await
}

/// What the buying part of a run came to.
struct Work {
    run: Option<RunId>,
    recorded: Recorded,
    stop: Option<StopReason>,
}

impl Work {
    fn nothing_to_buy(inputs: &Inputs, list: &WorkList) -> Self {
        let entries = Entries::at_start(inputs, list);
        Self { run: None, recorded: Recorded::nothing(inputs, entries), stop: None }
    }

    /// Not even the first call fits under the cap: nothing is sent, and no run is written for it.
    fn capped(inputs: &Inputs, list: &WorkList, first: &WorkItem) -> Self {
        let stop = Some(StopReason::Cap { cost: inputs.cost, estimate: first.estimate });
        Self { stop, ..Self::nothing_to_buy(inputs, list) }
    }
}

/// A run after everything is written.
struct Finished {
    run: Option<RunId>,
    recorded: Recorded,
    judged: EndOfRun,
}

/// Makes files, rows, status and run agree with the entries; writes nothing where they do.
async fn finish(
    ctx: &StageContext,
    inputs: &Inputs,
    work: Work,
    started: UtcTime,
) -> Result<Finished, StageError> {
    let now = ctx.clock.now();
    let Work { run, recorded, stop } = work;
    let entries = &recorded.entries;
    let bought = !recorded.bought.is_empty();
    let after = with_rows(ctx, &recorded.after).await?;
    let plan = Publication::plan(&after, entries, now);
    let provenance = publish::provenance_of(&after, entries, now, now.since(started).as_secs_f64());
    let provenance_differs = publish::provenance_differs(&after, &provenance)?;
    let needed = plan.is_needed() || provenance_differs || run.is_some() || inputs.stale;
    let judged = judge(inputs.dir.id(), entries.all(), stop, inputs.cap, needed);
    let complete = !matches!(judged.end, RunEnd::StillPending) && judged.status.is_some();
    let replaced = bought || plan.pictures_changed;
    if needed {
        let run = match run {
            Some(run) => run,
            None => buy::open_run(ctx, inputs).await?,
        };
        let plan = write_all(&after, plan, &provenance, provenance_differs, replaced, complete).await?;
        let rows = publish::load_rows_of(&after, entries).await?;
        close(ctx, &after, run, plan, rows, &judged).await?;
        return Ok(Finished { run: Some(run), recorded, judged });
    }
    // Nothing that a person sees differs; the rows' file facts may, and the status after a lifted cap.
    let rows = publish::load_rows_of(&after, entries).await?;
    if !publish::rows_are_right(&after, &rows) {
        publish::write_rows_alone(ctx, plan, &after, rows).await?;
    }
    settle_status(ctx, inputs, &judged).await?;
    Ok(Finished { run: None, recorded, judged })
}

/// The rows as they are by now; files are known from the recorder.
async fn with_rows(ctx: &StageContext, after: &Inputs) -> Result<Inputs, StageError> {
    let id = after.dir.id().clone();
    let rows = ctx.db.run(move |conn| media_assets::list_images(conn, &id)).await?;
    Ok(Inputs { rows, ..after.clone() })
}

async fn write_all(
    inputs: &Inputs,
    plan: Publication,
    provenance: &publish::ImageProvenance,
    provenance_differs: bool,
    replaced: bool,
    complete: bool,
) -> Result<Publication, StageError> {
    let (inputs, provenance) = (inputs.clone(), provenance.clone());
    let written = btcedu_pictures::offload(move || {
        plan.write_files(&inputs)?;
        if provenance_differs {
            write_json_atomic(&inputs.dir.provenance(Stage::Imagegen), &provenance)?;
        }
        publish::write_markers(&inputs, replaced, complete, provenance.timestamp)?;
        Ok::<_, btcedu_artifacts::FileError>(plan)
    });
    Ok(written.await??)
}

/// The last transaction: rows, artifact, run, status and error together.
async fn close(
    ctx: &StageContext,
    inputs: &Inputs,
    run: RunId,
    plan: Publication,
    rows: Vec<publish::ImageRow>,
    judged: &EndOfRun,
) -> Result<(), StageError> {
    btcedu_artifacts::crash_point("before-close");
    let (inputs, judged, now) = (inputs.clone(), judged.clone(), ctx.clock.now());
    ctx.db
        .transaction(move |conn| {
            plan.write_rows(conn, &inputs, &rows)?;
            content_artifacts::insert(
                conn,
                &content_artifacts::NewContentArtifact {
                    episode_id: inputs.dir.id(),
                    artifact_type: "images",
                    file_path: &inputs.dir.in_workspace(&inputs.dir.manifest()),
                    model: Some(&inputs.request.model.id),
                    prompt_hash: Some(inputs.request.prompt.content_hash),
                    created_at: now,
                },
            )?;
            pipeline_runs::set_totals_from_ledger(conn, run)?;
            let status = if judged.error.is_none() { RunStatus::Success } else { RunStatus::Failed };
            pipeline_runs::set_finished(conn, run, status, now, judged.error.as_deref())?;
            write_status(conn, inputs.episode.id, &judged)
        })
        .await?;
    btcedu_artifacts::crash_point("closed");
    Ok(())
}

fn write_status(
    conn: &mut btcedu_models::Conn,
    episode: btcedu_domain::EpisodeRowId,
    judged: &EndOfRun,
) -> Result<(), btcedu_models::DbError> {
    if let Some(status) = judged.status {
        episodes::set_status(conn, episode, status)?;
    }
    match (&judged.error, &judged.end) {
        (Some(error), RunEnd::Failed { .. }) => episodes::set_failure(conn, episode, error),
        (error, _) => episodes::set_error(conn, episode, error.as_deref()),
    }
}

/// Sets status and error where no run is written; a status that is right already is left alone.
async fn settle_status(ctx: &StageContext, inputs: &Inputs, judged: &EndOfRun) -> Result<(), StageError> {
    let same_status = judged.status.is_none_or(|status| status == inputs.episode.status);
    if same_status && judged.error == inputs.episode.error_message {
        return Ok(());
    }
    let (episode, judged) = (inputs.episode.id, judged.clone());
    ctx.db.transaction(move |conn| write_status(conn, episode, &judged)).await?;
    Ok(())
}

/// Puts together what the person is told.
async fn report(
    ctx: &StageContext,
    inputs: &Inputs,
    list: &WorkList,
    repairs: &[Repair],
    finished: Finished,
) -> Result<ImageGenResult, StageError> {
    let Finished { run, recorded, judged } = finished;
    let row = inputs.episode.id;
    let (calls, run_row, episode_cost) = ctx
        .db
        .run(move |conn| {
            let run = match run {
                Some(id) => pipeline_runs::find(conn, id)?,
                None => None,
            };
            Ok((provider_calls::list_for_episode(conn, row)?, run, provider_calls::episode_cost(conn, row)?))
        })
        .await?;
    let unknown: Vec<Usd> =
        calls.iter().filter(|c| c.state == CallState::Unknown).map(|c| c.estimated).collect();
    let count = |decision| list.items.iter().filter(|i| i.decision == decision).count();
    let status = |status| recorded.entries.all().iter().filter(|e| e.status == status).count();
    Ok(ImageGenResult {
        episode_id: inputs.dir.id().clone(),
        generated: recorded.bought.len(),
        kept: count(Decision::Keep),
        reused: count(Decision::Reuse),
        skipped: count(Decision::Skip),
        rejected: status(ImageStatus::Rejected),
        failed: status(ImageStatus::Failed),
        pending: status(ImageStatus::Pending),
        manifest_path: inputs.dir.manifest(),
        provenance_path: inputs.dir.provenance(Stage::Imagegen),
        cost: run_row.as_ref().map_or(Usd::ZERO, |r| r.estimated_cost_usd),
        episode_cost,
        input_tokens: run_row.as_ref().map_or(0, |r| r.input_tokens),
        output_tokens: run_row.as_ref().map_or(0, |r| r.output_tokens),
        unknown_calls: unknown.len(),
        unknown_cost: unknown.into_iter().sum(),
        mended: repairs.iter().map(ToString::to_string).collect(),
        warnings: warnings(&recorded.entries),
        chapters: chapters(inputs, list, &recorded),
        end: judged.end,
    })
}

fn warnings(entries: &Entries) -> Vec<String> {
    let told =
        entries.all().iter().flat_map(|e| e.warnings.iter().map(move |w| format!("{}: {w}", e.chapter_id)));
    told.collect()
}

fn chapters(inputs: &Inputs, list: &WorkList, recorded: &Recorded) -> Vec<ChapterResult> {
    let with_entry = list.items.iter().zip(recorded.entries.all());
    with_entry
        .map(|(item, entry)| ChapterResult {
            chapter_id: item.chapter_id.clone(),
            chapter_title: item.chapter_title.clone(),
            visual_type: item.visual_type,
            decision: item.decision,
            reason: item.reason.clone(),
            status: entry.status,
            file: (entry.status == ImageStatus::Generated)
                .then(|| inputs.dir.chapter_picture(&item.chapter_id)),
            cost: entry.cost_usd,
            error: recorded.missed.iter().find(|(id, _)| *id == item.chapter_id).map(|(_, why)| why.clone()),
        })
        .collect()
}
