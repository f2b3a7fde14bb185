//! The one writer of a run: stores each picture, settles its call, publishes it.

use std::{path::PathBuf, time::Duration};

use btcedu_artifacts::{
    FileCheck, FileError, FileFacts, Manifest, Sidecar, crash_point, write_atomic, write_json_atomic,
};
use btcedu_domain::ChapterId;
use btcedu_models::{DbError, pipeline_runs, provider_calls};
use bytes::Bytes;
use tokio::sync::mpsc;

use crate::{
    StageError, StageEvent,
    imagegen::{
        entries::Entries,
        gather::{Current, Inputs, Picture},
        image_files::ImageFile,
        paint::{Fresh, PaintEnd, Painted, Studio},
        publish::{ImageRow, RowFacts, mark_draft, set_aside},
        reconcile::settlement_of,
        worklist::WorkItem,
    },
    retry::with_causes,
    stop::StopReason,
};

/// How often a picture in memory is tried to be stored before it is given up.
const STORE_TRIES: u32 = 3;
const BETWEEN_TRIES: Duration = Duration::from_secs(1);
/// How many are recorded at once at most; more are in hand only where the disk is much slower than the network.
const MOST_TOGETHER: usize = 16;

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

    /// Takes over pictures that are published.
    fn published(&mut self, studio: &Studio<'_>, stored: &[Stored<'_>], published: Published) {
        for ((_, fresh), facts) in stored.iter().zip(published.facts) {
            let sidecar = fresh.sidecar.clone();
            let (call, chapter, cost) = (sidecar.call_id, sidecar.chapter_id.clone(), sidecar.cost_usd);
            let file = ImageFile { sha256: sidecar.sha256, facts: facts.chapter, whole: true };
            self.after.pictures.push(Picture { sidecar, check: FileCheck::Intact, facts: facts.stored });
            self.after.current.insert(chapter.clone(), Current { call, chosen_for: None });
            self.after.image_files.insert(chapter.clone(), file);
            studio.desk.ctx.observer.hear(&StageEvent::Generated { chapter: chapter.clone(), cost });
            self.bought.push(chapter);
        }
        self.after.manifest = Some(published.manifest);
    }

    /// Takes over that a chapter got no picture.
    fn miss(&mut self, studio: &Studio<'_>, item: &WorkItem, end: PaintEnd<'_>) {
        self.entries.miss(item, &end);
        let rejected = matches!(end, PaintEnd::Rejected { .. });
        let (event, why) = told(&item.chapter_id, end);
        if let Some(event) = event {
            studio.desk.ctx.observer.hear(&event);
        }
        self.missed.push(Missed { chapter: item.chapter_id.clone(), why, rejected });
    }

    /// Takes over that a paid picture can't be kept or recorded; it may be in the store, and the
    /// next run adopts it then. Fatal for the run.
    fn lose(&mut self, studio: &Studio<'_>, item: &WorkItem, error: &dyn std::error::Error) {
        let chapter = item.chapter_id.clone();
        let why = format!("chapter {chapter}: {}", with_causes(error));
        studio.desk.stop.request(StopReason::Fatal(why.clone()));
        self.missed.push(Missed { chapter, why, rejected: false });
    }
}

/// A picture that is in the store, and what it was drawn for.
type Stored<'p> = (&'p WorkItem, Box<Fresh<'p>>);

/// Receives what the painters finish until the last of them is done.
pub(crate) async fn record_all<'p>(
    studio: &'p Studio<'p>,
    inputs: &Inputs,
    entries: Entries,
    mut painted: mpsc::UnboundedReceiver<Painted<'p>>,
) -> Recorded {
    let mut recorded = Recorded::nothing(inputs, entries);
    let mut arrived = Vec::new();
    while painted.recv_many(&mut arrived, MOST_TOGETHER).await > 0 {
        let mut pictures = Vec::new();
        for Painted { item, end } in arrived.drain(..) {
            match end {
                PaintEnd::Picture(fresh) => pictures.push((item, fresh)),
                PaintEnd::Pending => {}
                end => recorded.miss(studio, item, end),
            }
        }
        keep(studio, inputs, pictures, &mut recorded).await;
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

/// Steps 3 to 5 of paid pictures: those that waited for the disk together are settled and published together.
async fn keep<'p>(
    studio: &Studio<'_>,
    inputs: &Inputs,
    pictures: Vec<(&'p WorkItem, Box<Fresh<'p>>)>,
    recorded: &mut Recorded,
) {
    let mut stored = Vec::new();
    for (item, fresh) in pictures {
        match store(studio, inputs, &fresh).await {
            Ok(()) => stored.push((item, fresh)),
            Err(error) => {
                studio.desk.call_ended();
                recorded.lose(studio, item, &error);
            }
        }
    }
    if stored.is_empty() {
        return;
    }
    crash_point("stored");
    let settled = settle(studio, inputs, &stored).await;
    // Settled or not, nothing more is to be learnt of these calls' price.
    for _ in &stored {
        studio.desk.call_ended();
    }
    if let Err(error) = settled {
        return stored.iter().for_each(|(item, _)| recorded.lose(studio, item, &error));
    }
    crash_point("settled");
    for (item, fresh) in &stored {
        recorded.entries.take(item, &fresh.sidecar);
    }
    match publish(studio, inputs, &stored, &recorded.entries).await {
        Ok(published) => recorded.published(studio, &stored, published),
        Err(error) => stored.iter().for_each(|(item, _)| recorded.lose(studio, item, &error)),
    }
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

/// Step 4: ledger, rows and the run's totals, together.
async fn settle(studio: &Studio<'_>, inputs: &Inputs, stored: &[Stored<'_>]) -> Result<(), DbError> {
    let ctx = studio.desk.ctx;
    let (run, now) = (studio.desk.account.run, ctx.clock.now());
    let of = |fresh: &Fresh<'_>| {
        let (sidecar, versions) = (&fresh.sidecar, &inputs.prompt_versions);
        (sidecar.clone(), ImageRow::of(&sidecar.chapter_id, sidecar, versions, RowFacts::default()))
    };
    let rows: Vec<(Sidecar, ImageRow)> = stored.iter().map(|(_, fresh)| of(fresh)).collect();
    ctx.db
        .transaction(move |conn| {
            for (sidecar, row) in &rows {
                provider_calls::set_settled(conn, sidecar.call_id, &settlement_of(sidecar).at(now))?;
                row.upsert(conn, &sidecar.episode_id)?;
            }
            pipeline_runs::set_totals_from_ledger(conn, run)
        })
        .await
}

/// What step 5 has written: the manifest, and the facts of each picture's files.
struct Published {
    manifest: Manifest,
    facts: Vec<RowFacts>,
}

/// Step 5: the chapters' files, then the manifest; before them the mark on what was made from older pictures.
async fn publish(
    studio: &Studio<'_>,
    inputs: &Inputs,
    stored: &[Stored<'_>],
    entries: &Entries,
) -> Result<Published, StageError> {
    let dir = inputs.dir.clone();
    let manifest = entries.manifest(inputs, studio.desk.ctx.clock.now());
    let files: Vec<ChapterFile> = stored.iter().map(|(_, fresh)| ChapterFile::of(inputs, fresh)).collect();
    let written = btcedu_pictures::offload(move || {
        mark_draft(&dir, manifest.generated_at)?;
        let facts = files.iter().map(ChapterFile::write).collect::<Result<_, _>>()?;
        write_json_atomic(&dir.manifest(), &manifest)?;
        Ok::<_, FileError>(Published { manifest, facts })
    });
    Ok(written.await??)
}

/// A chapter's file that is to show a fresh picture.
struct ChapterFile {
    path: PathBuf,
    stored: PathBuf,
    bytes: Bytes,
    /// What stands there now is nowhere else.
    is_only_copy: bool,
}

impl ChapterFile {
    fn of(inputs: &Inputs, fresh: &Fresh<'_>) -> Self {
        let chapter = &fresh.sidecar.chapter_id;
        Self {
            path: inputs.dir.chapter_picture(chapter),
            stored: inputs.dir.store().picture(&fresh.sidecar),
            bytes: fresh.picture.bytes().clone(),
            is_only_copy: inputs.is_only_copy(chapter),
        }
    }

    fn write(&self) -> Result<RowFacts, FileError> {
        if self.is_only_copy {
            set_aside(&self.path)?;
        }
        write_atomic(&self.path, &self.bytes)?;
        Ok(RowFacts { stored: FileFacts::read(&self.stored)?, chapter: FileFacts::read(&self.path)? })
    }
}
