//! The end of a run: files, rows, status and the run's own row are made to agree with the entries.

use std::sync::Arc;

use btcedu_artifacts::{EpisodeDir, FileError, write_json_atomic};
use btcedu_domain::{EpisodeStatus, RunId, UtcTime};
use btcedu_models::{content_artifacts, media_assets, provider_calls};

use crate::{
    StageContext, StageError,
    frame::{
        report::StageEnd,
        run::{self, Outcome},
    },
    imagegen::{
        buy,
        facts::{Facts, Shelf},
        publish::{self, ImageProvenance, PlannedRows, Publication},
        verdict::judge,
        work::Work,
    },
    with_files,
};

/// How a run ended, and which run it was, if it needed a row.
pub(crate) struct Finished {
    pub(crate) run: Option<RunId>,
    pub(crate) outcome: Outcome,
}

/// Writes what differs, and nothing where nothing does.
pub(crate) async fn finish(
    ctx: &StageContext,
    facts: &Arc<Facts>,
    work: &Work,
    started: UtcTime,
) -> Result<Finished, StageError> {
    let now = ctx.clock.now();
    let entries = &work.recorded.entries;
    let mut shelf = work.recorded.shelf.clone();
    // Files are known from the recorder; rows are read as they are by now.
    let (id, episode) = (facts.dir.id().clone(), facts.episode.id);
    let loaded = ctx.db.run(move |conn| {
        Ok((media_assets::list_images(conn, &id)?, provider_calls::list_for_episode(conn, episode)?))
    });
    let (rows, calls) = loaded.await?;
    shelf.rows = rows;
    let mut outcome =
        judge(facts.dir.id(), entries.all(), &work.recorded.missed, work.stop.as_ref(), facts.budget.cap);
    let complete = outcome.status == Some(EpisodeStatus::ImagesGenerated);
    let plan = Publication::plan(facts, &shelf, entries, now);
    let duration_seconds = now.since(started).as_secs_f64();
    let provenance = publish::provenance_of(facts, entries, &calls, now, duration_seconds);
    let (dir, wanted) = (facts.dir.clone(), provenance.clone());
    let provenance_differs = with_files(move || publish::provenance_differs(&dir, &wanted)).await?;
    // The runs tell in which stage the cap was reached, so reaching it is a run.
    let reaches_cap =
        outcome.status == Some(EpisodeStatus::CostLimit) && facts.episode.status != EpisodeStatus::CostLimit;
    let needed = plan.is_needed()
        || provenance_differs
        || work.run.is_some()
        || reaches_cap
        || (shelf.stale && complete);
    if outcome.end == StageEnd::Done && !needed && !work.mended {
        outcome.end = StageEnd::Skipped;
    }
    if !needed {
        // Nothing that a person sees differs; the rows' file facts may, and the status after a lifted cap.
        let rows = PlannedRows::load(&facts.dir, &shelf, entries, plan).await?;
        if !rows.are_right(&shelf) {
            rows.write_alone(ctx, &facts.dir, &shelf).await?;
        }
        if work.moves_status {
            settle_status(ctx, facts, &outcome).await?;
        }
        return Ok(Finished { run: None, outcome });
    }
    let run = match work.run {
        Some(run) => run,
        None => buy::open_run(ctx, facts, &mut shelf).await?,
    };
    let beside = Beside { provenance: provenance_differs.then_some(provenance), complete };
    let plan = write_all(&facts.dir, plan, beside).await?;
    let rows = PlannedRows::load(&facts.dir, &shelf, entries, plan).await?;
    let closing = Closing { run, outcome: outcome.clone(), moves_status: work.moves_status };
    close(ctx, facts, shelf, rows, closing).await?;
    Ok(Finished { run: Some(run), outcome })
}

/// What is written beside pictures and manifest.
struct Beside {
    /// Written where it differs.
    provenance: Option<ImageProvenance>,
    /// Every chapter was decided, so the manifest is stale no more.
    complete: bool,
}

async fn write_all(dir: &EpisodeDir, plan: Publication, beside: Beside) -> Result<Publication, StageError> {
    let dir = dir.clone();
    with_files(move || {
        plan.write_files(&dir)?;
        if let Some(provenance) = &beside.provenance {
            write_json_atomic(&dir.provenance(provenance.stage), provenance)?;
        }
        if beside.complete {
            publish::unmark_manifest(&dir)?;
        }
        Ok::<_, FileError>(plan)
    })
    .await
}

/// A run's own end, and whether the episode goes along.
struct Closing {
    run: RunId,
    outcome: Outcome,
    moves_status: bool,
}

/// The last transaction: rows, artifact, run, and the episode's status and error, together.
async fn close(
    ctx: &StageContext,
    facts: &Arc<Facts>,
    shelf: Shelf,
    rows: PlannedRows,
    closing: Closing,
) -> Result<(), StageError> {
    btcedu_artifacts::crash_point("before-close");
    let (facts, now) = (Arc::clone(facts), ctx.clock.now());
    ctx.db
        .transaction(move |conn| {
            rows.write(conn, &facts.dir, &shelf)?;
            content_artifacts::insert(
                conn,
                &content_artifacts::NewContentArtifact {
                    episode_id: facts.dir.id(),
                    artifact_type: "images",
                    file_path: &facts.dir.in_workspace(&facts.dir.manifest()),
                    model: Some(&facts.request.model.id),
                    prompt_hash: Some(facts.request.template.in_use.content_hash),
                    created_at: now,
                },
            )?;
            let Closing { run, outcome, moves_status } = closing;
            if moves_status {
                return outcome.close(conn, run, facts.episode.id, now);
            }
            run::close(conn, run, now, outcome.error.as_deref())
        })
        .await?;
    btcedu_artifacts::crash_point("closed");
    Ok(())
}

/// Sets status and error where no run is written; what is right already is left alone.
async fn settle_status(ctx: &StageContext, facts: &Facts, outcome: &Outcome) -> Result<(), StageError> {
    let same_status = outcome.status.is_none_or(|status| status == facts.episode.status);
    if same_status && outcome.error == facts.episode.error_message {
        return Ok(());
    }
    let (episode, outcome) = (facts.episode.id, outcome.clone());
    Ok(ctx.db.transaction(move |conn| outcome.write(conn, episode)).await?)
}

/// Closes a run whose end could not be written, as well as that is still possible.
pub(crate) async fn close_broken(ctx: &StageContext, facts: &Facts, run: RunId, outcome: Outcome) {
    let (episode, now) = (facts.episode.id, ctx.clock.now());
    let closed = ctx.db.transaction(move |conn| outcome.close(conn, run, episode, now));
    if let Err(error) = closed.await {
        tracing::warn!(%error, "the run's end can't be recorded; the next run closes it");
    }
}
