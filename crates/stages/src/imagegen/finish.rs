//! The end of a run: files, rows, status and the run's own row are made to agree with the entries.

use btcedu_artifacts::{FileError, write_json_atomic};
use btcedu_domain::{EpisodeRowId, EpisodeStatus, RunId, RunStatus, Stage, UtcTime};
use btcedu_models::{
    Conn, DbError, content_artifacts, episodes, media_assets, pipeline_runs, provider_calls,
};

use crate::{
    StageContext, StageError,
    imagegen::{
        buy,
        entries::Entries,
        gather::Inputs,
        publish::{self, ImageProvenance, ImageRow, Publication},
        record::Recorded,
        result::RunEnd,
        verdict::{EndOfRun, judge},
        worklist::{WorkItem, WorkList},
    },
    stop::StopReason,
};

/// What the buying part of a run came to.
pub(crate) struct Work {
    pub(crate) run: Option<RunId>,
    pub(crate) recorded: Recorded,
    pub(crate) stop: Option<StopReason>,
    /// What an interrupted run had left was mended.
    pub(crate) mended: bool,
    /// Choosing a picture leaves the episode where it is, with what was told of it.
    pub(crate) moves_status: bool,
}

impl Work {
    pub(crate) fn nothing_to_buy(inputs: &Inputs, list: &WorkList) -> Self {
        let recorded = Recorded::nothing(inputs, Entries::at_start(inputs, list));
        Self { run: None, recorded, stop: None, mended: false, moves_status: true }
    }

    /// Not even the first call fits under the cap: nothing is sent.
    pub(crate) fn capped(inputs: &Inputs, list: &WorkList, first: &WorkItem) -> Self {
        let stop = Some(StopReason::Cap { cost: inputs.cost, estimate: buy::first_call(first) });
        Self { stop, ..Self::nothing_to_buy(inputs, list) }
    }
}

/// Writes what differs, and nothing where nothing does.
pub(crate) async fn finish(
    ctx: &StageContext,
    inputs: &Inputs,
    work: &Work,
    started: UtcTime,
) -> Result<(Option<RunId>, EndOfRun), StageError> {
    let now = ctx.clock.now();
    let entries = &work.recorded.entries;
    let after = with_rows(ctx, &work.recorded.after).await?;
    let mut judged =
        judge(inputs.dir.id(), entries.all(), &work.recorded.missed, work.stop.as_ref(), inputs.cap);
    let complete = judged.status == Some(EpisodeStatus::ImagesGenerated);
    let plan = Publication::plan(&after, entries, now);
    let provenance = publish::provenance_of(&after, entries, now, now.since(started).as_secs_f64());
    let provenance_differs = publish::provenance_differs(&after, &provenance)?;
    // The runs tell in which stage the cap was reached, so reaching it is a run.
    let reaches_cap =
        judged.status == Some(EpisodeStatus::CostLimit) && inputs.episode.status != EpisodeStatus::CostLimit;
    let needed = plan.is_needed()
        || provenance_differs
        || work.run.is_some()
        || reaches_cap
        || (inputs.stale && complete);
    if judged.end == RunEnd::Done && !needed && !work.mended {
        judged.end = RunEnd::Skipped;
    }
    if !needed {
        // Nothing that a person sees differs; the rows' file facts may, and the status after a lifted cap.
        let (plan, rows) = publish::load_rows_of(&after, entries, plan).await?;
        if !publish::rows_are_right(&after, &rows) {
            publish::write_rows_alone(ctx, plan, &after, rows).await?;
        }
        if work.moves_status {
            settle_status(ctx, inputs, &judged).await?;
        }
        return Ok((None, judged));
    }
    let run = match work.run {
        Some(run) => run,
        None => buy::open_run(ctx, inputs).await?,
    };
    let after = buy::with_versions(ctx, &after).await?;
    let wanted = Beside { provenance: provenance_differs.then_some(provenance), complete };
    let plan = write_all(&after, plan, wanted).await?;
    let (plan, rows) = publish::load_rows_of(&after, entries, plan).await?;
    let standing = work.moves_status.then(|| judged.clone());
    close(ctx, &after, run, (plan, rows), judged.error.clone(), standing).await?;
    Ok((Some(run), judged))
}

/// The rows as they are by now; files are known from the recorder.
async fn with_rows(ctx: &StageContext, after: &Inputs) -> Result<Inputs, StageError> {
    let (id, episode) = (after.dir.id().clone(), after.episode.id);
    let loaded = ctx.db.run(move |conn| {
        Ok((media_assets::list_images(conn, &id)?, provider_calls::list_for_episode(conn, episode)?))
    });
    let (rows, calls) = loaded.await?;
    Ok(Inputs { calls, rows, ..after.clone() })
}

/// What is written beside pictures and manifest.
struct Beside {
    /// Written where it differs.
    provenance: Option<ImageProvenance>,
    /// Every chapter was decided, so the manifest is stale no more.
    complete: bool,
}

async fn write_all(inputs: &Inputs, plan: Publication, beside: Beside) -> Result<Publication, StageError> {
    let inputs = inputs.clone();
    let written = btcedu_pictures::offload(move || {
        plan.write_files(&inputs)?;
        if let Some(provenance) = &beside.provenance {
            write_json_atomic(&inputs.dir.provenance(Stage::Imagegen), provenance)?;
        }
        if beside.complete {
            publish::unmark_manifest(&inputs)?;
        }
        Ok::<_, FileError>(plan)
    });
    Ok(written.await??)
}

/// The last transaction: rows, artifact, run, and the episode's status and error, together; `standing` is
/// none where the episode stays as it is.
async fn close(
    ctx: &StageContext,
    inputs: &Inputs,
    run: RunId,
    (plan, rows): (Publication, Vec<ImageRow>),
    error: Option<String>,
    standing: Option<EndOfRun>,
) -> Result<(), StageError> {
    btcedu_artifacts::crash_point("before-close");
    let (inputs, now) = (inputs.clone(), ctx.clock.now());
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
            let status = if error.is_none() { RunStatus::Success } else { RunStatus::Failed };
            pipeline_runs::set_finished(conn, run, status, now, error.as_deref())?;
            match &standing {
                Some(judged) => write_status(conn, inputs.episode.id, judged),
                None => Ok(()),
            }
        })
        .await?;
    btcedu_artifacts::crash_point("closed");
    Ok(())
}

fn write_status(conn: &mut Conn, episode: EpisodeRowId, judged: &EndOfRun) -> Result<(), DbError> {
    if let Some(status) = judged.status {
        episodes::set_status(conn, episode, status)?;
    }
    match (&judged.error, &judged.end) {
        (Some(error), RunEnd::Failed { .. }) => episodes::set_failure(conn, episode, error),
        (error, _) => episodes::set_error(conn, episode, error.as_deref()),
    }
}

/// Sets status and error where no run is written; what is right already is left alone.
async fn settle_status(ctx: &StageContext, inputs: &Inputs, judged: &EndOfRun) -> Result<(), StageError> {
    let same_status = judged.status.is_none_or(|status| status == inputs.episode.status);
    if same_status && judged.error == inputs.episode.error_message {
        return Ok(());
    }
    let (episode, judged) = (inputs.episode.id, judged.clone());
    ctx.db.transaction(move |conn| write_status(conn, episode, &judged)).await?;
    Ok(())
}

/// Closes a run whose end could not be written, as well as that is still possible.
pub(crate) async fn close_broken(ctx: &StageContext, inputs: &Inputs, run: RunId, error: &str) {
    let (episode, error, now) = (inputs.episode.id, error.to_owned(), ctx.clock.now());
    let closed = ctx.db.transaction(move |conn| {
        pipeline_runs::set_totals_from_ledger(conn, run)?;
        pipeline_runs::set_finished(conn, run, RunStatus::Failed, now, Some(&error))?;
        episodes::set_failure(conn, episode, &error)
    });
    if let Err(error) = closed.await {
        tracing::warn!(%error, "the run's end can't be recorded; the next run closes it");
    }
}
