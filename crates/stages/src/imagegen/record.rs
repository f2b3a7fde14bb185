//! The one writer of a run: stores each picture, settles its call, publishes it.

use std::{path::PathBuf, time::Duration};

use btcedu_artifacts::{
    DataDir, FileCheck, FileError, Manifest, Sidecar, crash_point, write_atomic, write_json_atomic,
};
use btcedu_domain::{ChapterId, with_causes};
use btcedu_models::DbError;
use bytes::Bytes;
use tokio::sync::mpsc;

use crate::{
    StageError, StageEvent,
    frame::{paid_call::EndedCall, stop::StopReason},
    imagegen::{
        chapter_file::ChapterFile,
        entries::Entries,
        facts::{Current, Facts, ImageFile, Picture, Shelf},
        image_row::{ImageRow, RowFacts},
        paint::{Fresh, PaintEnd, Painted, Painter},
        publish::mark_draft,
        reconcile::settlement_of,
        worklist::WorkItem,
    },
    with_files,
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
    /// What is on the disk by now.
    pub(crate) shelf: Shelf,
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
    pub(crate) fn nothing(shelf: Shelf, entries: Entries) -> Self {
        Self { entries, shelf, bought: Vec::new(), missed: Vec::new() }
    }

    /// Takes over pictures that are published.
    fn published(&mut self, painter: &Painter<'_>, stored: &[Stored<'_>], published: Published) {
        for (Stored { sidecar, .. }, facts) in stored.iter().zip(published.facts) {
            let sidecar = sidecar.clone();
            let (call, chapter, cost) = (sidecar.call_id, sidecar.chapter_id.clone(), sidecar.cost_usd);
            let file = ImageFile { sha256: sidecar.sha256, facts: facts.chapter, whole: true };
            self.shelf.pictures.push(Picture { sidecar, check: FileCheck::Intact, facts: facts.stored });
            self.shelf.current.insert(chapter.clone(), Current { call, chosen_for: None });
            self.shelf.image_files.insert(chapter.clone(), file);
            painter.tell(&StageEvent::Generated { chapter: chapter.clone(), cost });
            self.bought.push(chapter);
        }
        self.shelf.manifest = Some(published.manifest);
    }

    /// Takes over that a chapter got no picture.
    fn miss(&mut self, painter: &Painter<'_>, item: &WorkItem, end: PaintEnd<'_>) {
        self.entries.miss(item, &end);
        let rejected = matches!(end, PaintEnd::Rejected { .. });
        let (event, why) = told(item.id(), end);
        if let Some(event) = event {
            painter.tell(&event);
        }
        self.missed.push(Missed { chapter: item.id().clone(), why, rejected });
    }

    /// Takes over that a paid picture can't be kept or recorded; it may be in the store, and the
    /// next run adopts it then. Fatal for the run.
    fn lose(&mut self, painter: &Painter<'_>, item: &WorkItem, error: &(dyn std::error::Error + 'static)) {
        let chapter = item.id().clone();
        let why = format!("chapter {chapter}: {}", with_causes(error));
        painter.calls.stop.request(StopReason::Fatal(why.clone()));
        self.missed.push(Missed { chapter, why, rejected: false });
    }
}

/// A picture that is in the store, and what it was drawn for.
struct Stored<'p> {
    item: &'p WorkItem,
    sidecar: Sidecar,
    bytes: Bytes,
}

/// Receives what the painters finish until the last of them is done.
pub(crate) async fn record_all<'p>(
    painter: &'p Painter<'p>,
    facts: &Facts,
    mut recorded: Recorded,
    mut painted: mpsc::UnboundedReceiver<Painted<'p>>,
) -> Recorded {
    let mut arrived = Vec::new();
    while painted.recv_many(&mut arrived, MOST_TOGETHER).await > 0 {
        let mut pictures = Vec::new();
        for Painted { item, end } in arrived.drain(..) {
            match end {
                PaintEnd::Picture(fresh) => pictures.push((item, fresh)),
                PaintEnd::Pending => {}
                end => recorded.miss(painter, item, end),
            }
        }
        keep(painter, facts, pictures, &mut recorded).await;
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
    painter: &Painter<'_>,
    facts: &Facts,
    pictures: Vec<(&'p WorkItem, Box<Fresh<'p>>)>,
    recorded: &mut Recorded,
) {
    let (mut stored, mut ended, mut in_hand) = (Vec::new(), Vec::new(), Vec::new());
    for (item, fresh) in pictures {
        if let Err(error) = store(painter, facts, &fresh).await {
            // Its call is dropped unsettled: the row stays `sent`.
            recorded.lose(painter, item, &error);
            continue;
        }
        let Fresh { picture, sidecar, call, in_hand: held } = *fresh;
        ended.push(call.ended(settlement_of(&sidecar)));
        stored.push(Stored { item, sidecar, bytes: picture.bytes().clone() });
        in_hand.push(held);
    }
    if stored.is_empty() {
        return;
    }
    crash_point("stored");
    if let Err(error) = settle(painter, &recorded.shelf, &stored, ended).await {
        return stored.iter().for_each(|stored| recorded.lose(painter, stored.item, &error));
    }
    crash_point("settled");
    for Stored { item, sidecar, .. } in &stored {
        recorded.entries.take(item, sidecar);
    }
    match publish(painter, facts, &stored, recorded).await {
        Ok(published) => recorded.published(painter, &stored, published),
        Err(error) => stored.iter().for_each(|stored| recorded.lose(painter, stored.item, &error)),
    }
}

/// Step 3. A picture that is in memory has been paid for, so a failed write is tried again.
async fn store(painter: &Painter<'_>, facts: &Facts, fresh: &Fresh<'_>) -> Result<(), StageError> {
    let mut tries = 0;
    loop {
        let (store, sidecar) = (facts.dir.store(), fresh.sidecar.clone());
        let bytes = fresh.picture.bytes().clone();
        let stored = with_files(move || store.stage(&sidecar, &bytes)?.commit()).await;
        tries += 1;
        match stored {
            Ok(()) => return Ok(()),
            // Where the program is ending nobody knows whether it was stored: its row stays `sent`, and the
            // next run looks.
            Err(error) if tries == STORE_TRIES || matches!(error, StageError::Offload(_)) => {
                return Err(error);
            }
            Err(error) => {
                tracing::warn!(%error, chapter.id = %fresh.sidecar.chapter_id, "storing a paid picture failed, trying again");
                // Nothing more is bought while it isn't known whether it could be kept.
                painter.calls.pause(BETWEEN_TRIES * 2);
                painter.calls.ctx.clock.sleep(BETWEEN_TRIES).await;
            }
        }
    }
}

/// Step 4: ledger, rows and the run's totals, together.
async fn settle(
    painter: &Painter<'_>,
    shelf: &Shelf,
    stored: &[Stored<'_>],
    ended: Vec<EndedCall<'_>>,
) -> Result<(), DbError> {
    let row = |Stored { sidecar, .. }: &Stored<'_>| {
        let row = ImageRow::of(&sidecar.chapter_id, sidecar, &shelf.prompt_versions, RowFacts::default());
        (sidecar.episode_id.clone(), row)
    };
    let rows: Vec<_> = stored.iter().map(row).collect();
    let beside = move |conn: &mut _| rows.iter().try_for_each(|(episode, row)| row.upsert(conn, episode));
    let calls = &painter.calls;
    calls.account.settle(calls.ctx, ended, beside).await
}

/// What step 5 has written: the manifest, and the facts of each picture's files.
struct Published {
    manifest: Manifest,
    facts: Vec<RowFacts>,
}

/// Step 5: the chapters' files, then the manifest; before them the mark on what was made from older pictures.
async fn publish(
    painter: &Painter<'_>,
    facts: &Facts,
    stored: &[Stored<'_>],
    recorded: &Recorded,
) -> Result<Published, StageError> {
    let dir = facts.dir.clone();
    let manifest = recorded.entries.manifest(facts, painter.calls.ctx.clock.now());
    let files: Vec<NewChapterFile> =
        stored.iter().map(|stored| NewChapterFile::of(facts, &recorded.shelf, stored)).collect();
    with_files(move || {
        mark_draft(&dir, manifest.generated_at)?;
        let facts = files.iter().map(|file| file.write(&dir.data())).collect::<Result<_, _>>()?;
        write_json_atomic(&dir.manifest(), &manifest)?;
        Ok::<_, FileError>(Published { manifest, facts })
    })
    .await
}

/// A chapter's file that is to show a fresh picture.
struct NewChapterFile {
    target: ChapterFile,
    stored: PathBuf,
    bytes: Bytes,
}

impl NewChapterFile {
    fn of(facts: &Facts, shelf: &Shelf, stored: &Stored<'_>) -> Self {
        Self {
            target: ChapterFile::of(&facts.dir, shelf, &stored.sidecar.chapter_id),
            stored: facts.dir.store().picture(&stored.sidecar),
            bytes: stored.bytes.clone(),
        }
    }

    fn write(&self, data: &DataDir) -> Result<RowFacts, FileError> {
        self.target.keep_what_is_nowhere_else()?;
        write_atomic(self.target.path(), &self.bytes)?;
        Ok(RowFacts { stored: data.facts(&self.stored)?, chapter: data.facts(self.target.path())? })
    }
}
