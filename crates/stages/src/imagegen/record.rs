//! The one writer of a run: stores each picture, settles its call, publishes it, one after the other.

use std::time::Duration;

use btcedu_artifacts::{
    FileCheck, FileError, FileFacts, Manifest, crash_point, write_atomic, write_json_atomic,
};
use btcedu_domain::ChapterId;
use btcedu_models::{DbError, pipeline_runs, provider_calls};
use tokio::sync::mpsc;

use crate::{
    StageError, StageEvent,
    imagegen::{
        entries::Entries,
        gather::{Current, Inputs, Picture},
        image_files::ImageFile,
        paint::{Fresh, PaintEnd, Painted, Studio},
        publish::{ImageRow, RowFacts, set_aside},
        reconcile::settlement_of,
        worklist::WorkItem,
    },
    retry::with_causes,
    stop::StopReason,
};

/// How often a picture in memory is tried to be stored before it is given up.
const STORE_TRIES: u32 = 3;
const BETWEEN_TRIES: Duration = Duration::from_secs(1);

/// What the recorder brings back.
#[derive(Debug)]
pub(crate) struct Recorded {
    pub(crate) entries: Entries,
    /// What is on the disk by now; what was decided by stays as it was.
    pub(crate) after: Inputs,
    /// Chapters that got a picture in this run.
    pub(crate) bought: Vec<ChapterId>,
    /// Chapters that were tried and didn't.
    pub(crate) missed: Vec<Missed>,
}

/// A chapter that was tried and got no picture.
#[derive(Debug)]
pub(crate) struct Missed {
    pub(crate) chapter: ChapterId,
    pub(crate) why: String,
    /// The provider's policy refused it.
    pub(crate) rejected: bool,
}

impl Recorded {
    pub(crate) fn nothing(inputs: &Inputs, entries: Entries) -> Self {
        Self { entries, after: inputs.clone(), bought: Vec::new(), missed: Vec::new() }
    }

    /// Takes over a picture that is published.
    fn published(&mut self, fresh: &Fresh<'_>, published: Published) {
        let Published { manifest, facts } = published;
        let (call, chapter) = (fresh.sidecar.call_id, fresh.sidecar.chapter_id.clone());
        let picture =
            Picture { sidecar: fresh.sidecar.clone(), check: FileCheck::Intact, facts: facts.stored };
        self.after.pictures.push(picture);
        self.after.current.insert(chapter.clone(), Current { call, chosen_for: None });
        let file = ImageFile { sha256: fresh.sidecar.sha256, facts: facts.chapter, whole: true };
        self.after.image_files.insert(chapter.clone(), file);
        self.after.manifest = Some(manifest);
        self.bought.push(chapter);
    }
}

/// Receives what the painters finish until the last of them is done.
pub(crate) async fn record_all(
    studio: &Studio<'_>,
    inputs: &Inputs,
    entries: Entries,
    mut painted: mpsc::UnboundedReceiver<Painted<'_>>,
) -> Recorded {
    let mut recorded = Recorded::nothing(inputs, entries);
    while let Some(Painted { item, end }) = painted.recv().await {
        let chapter = item.chapter_id.clone();
        match end {
            PaintEnd::Picture(fresh) => match keep(studio, inputs, item, &fresh, &mut recorded.entries).await
            {
                Ok(published) => recorded.published(&fresh, published),
                Err(failure) => {
                    // Fatal for the run: the picture may be in the store, and the next run adopts it.
                    studio.desk.stop.request(StopReason::Fatal(failure.clone()));
                    recorded.missed.push(Missed { chapter, why: failure, rejected: false });
                }
            },
            PaintEnd::Pending => {}
            end => {
                recorded.entries.miss(item, &end);
                let rejected = matches!(end, PaintEnd::Rejected { .. });
                let (event, why) = told(&chapter, end);
                if let Some(event) = event {
                    studio.desk.ctx.observer.hear(&event);
                }
                recorded.missed.push(Missed { chapter, why, rejected });
            }
        }
    }
    recorded
}

fn told(chapter: &ChapterId, end: PaintEnd<'_>) -> (Option<StageEvent>, String) {
    let chapter = chapter.clone();
    match end {
        PaintEnd::Rejected { reason, .. } => {
            (Some(StageEvent::Rejected { chapter, reason: reason.clone() }), reason)
        }
        PaintEnd::Failed { error, .. } => (Some(StageEvent::Failed { chapter, error: error.clone() }), error),
        PaintEnd::Picture(_) | PaintEnd::Pending => (None, String::new()),
    }
}

/// Steps 3 to 5 of a paid picture.
async fn keep(
    studio: &Studio<'_>,
    inputs: &Inputs,
    item: &WorkItem,
    fresh: &Fresh<'_>,
    entries: &mut Entries,
) -> Result<Published, String> {
    if let Err(error) = store(studio, inputs, fresh).await {
        studio.desk.call_ended();
        return Err(local(item, &error));
    }
    crash_point("stored");
    let settled = settle(studio, inputs, fresh).await;
    // Settled or not, nothing more is to be learnt of this call's price.
    studio.desk.call_ended();
    settled.map_err(|e| local(item, &e))?;
    crash_point("settled");
    entries.take(item, &fresh.sidecar);
    let published = publish(studio, inputs, item, fresh, entries).await.map_err(|e| local(item, &e))?;
    let (chapter, cost) = (item.chapter_id.clone(), fresh.sidecar.cost_usd);
    studio.desk.ctx.observer.hear(&StageEvent::Generated { chapter, cost });
    Ok(published)
}

fn local(item: &WorkItem, error: &dyn std::error::Error) -> String {
    format!("chapter {}: {}", item.chapter_id, with_causes(error))
}

/// Step 3. A picture that is in memory has been paid for, so a failed write is tried again.
async fn store(studio: &Studio<'_>, inputs: &Inputs, fresh: &Fresh<'_>) -> Result<(), FileError> {
    let mut tries = 0;
    loop {
        let (store, sidecar, bytes) =
            (inputs.dir.store(), fresh.sidecar.clone(), fresh.picture.bytes().clone());
        let stored = btcedu_pictures::offload(move || store.stage(&sidecar, &bytes)?.commit()).await;
        tries += 1;
        match stored {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) if tries == STORE_TRIES => return Err(error),
            Ok(Err(error)) => {
                tracing::warn!(%error, chapter.id = %fresh.sidecar.chapter_id, "storing a paid picture failed, trying again");
                // Nothing more is bought while it isn't known whether it could be kept.
                studio.desk.pause(BETWEEN_TRIES * 2);
                studio.desk.ctx.clock.sleep(BETWEEN_TRIES).await;
            }
            // The runtime is going down; what is staged is finished by the next run.
            Err(_ending) => return Ok(()),
        }
    }
}

/// Step 4: ledger, row and the run's totals, together.
async fn settle(studio: &Studio<'_>, inputs: &Inputs, fresh: &Fresh<'_>) -> Result<(), DbError> {
    let ctx = studio.desk.ctx;
    let (sidecar, run, now) = (fresh.sidecar.clone(), studio.desk.account.run, ctx.clock.now());
    let row = ImageRow::of(&sidecar.chapter_id, &sidecar, &inputs.prompt_versions, RowFacts::default());
    ctx.db
        .transaction(move |conn| {
            provider_calls::set_settled(conn, sidecar.call_id, &settlement_of(&sidecar).at(now))?;
            row.upsert(conn, &sidecar.episode_id)?;
            pipeline_runs::set_totals_from_ledger(conn, run)
        })
        .await
}

/// What step 5 has written.
struct Published {
    manifest: Manifest,
    facts: RowFacts,
}

/// Step 5: the chapter's file, then the manifest.
async fn publish(
    studio: &Studio<'_>,
    inputs: &Inputs,
    item: &WorkItem,
    fresh: &Fresh<'_>,
    entries: &Entries,
) -> Result<Published, StageError> {
    let dir = inputs.dir.clone();
    let (path, bytes) = (dir.chapter_picture(&item.chapter_id), fresh.picture.bytes().clone());
    let only_copy = inputs.is_only_copy(&item.chapter_id);
    let manifest = entries.manifest(inputs, studio.desk.ctx.clock.now());
    let stored = dir.store().picture(&fresh.sidecar);
    let written = btcedu_pictures::offload(move || {
        if only_copy {
            set_aside(&path)?;
        }
        write_atomic(&path, &bytes)?;
        let facts = RowFacts { stored: FileFacts::read(&stored)?, chapter: FileFacts::read(&path)? };
        write_json_atomic(&dir.manifest(), &manifest)?;
        Ok::<_, FileError>(Published { manifest, facts })
    });
    Ok(written.await??)
}
