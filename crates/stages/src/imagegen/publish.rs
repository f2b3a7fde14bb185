//! Makes files and rows say what the entries say: chapter files, rows, manifest, provenance.
//!
//! First a plan of what differs, pure but for the paths; then, only if something does, the writing.

use std::{collections::BTreeSet, path::PathBuf};

use btcedu_artifacts::{
    ChapterProvenance, EpisodeDir, FileError, ImagegenProvenance, Manifest, ManifestEntry, Provenance,
    Sidecar, StaleMarker, crash_point, remove_file, stale_path, write_json_atomic,
};
use btcedu_domain::{CallId, ChapterId, ImageStatus, Stage, Usd, UtcTime};
use btcedu_models::{Conn, DbError, media_assets, provider_calls::ProviderCall};
use serde_json::json;

use crate::{
    StageContext, StageError,
    imagegen::{
        chapter_file::ChapterFile,
        entries::{Entries, has_written_prompt, is_edited, prompt_cost},
        facts::{Facts, Shelf},
        image_row::{ImageRow, RowFacts},
    },
    with_files,
};

/// The provenance document of this stage.
pub(crate) type ImageProvenance = Provenance<ImagegenProvenance>;

/// What differs between the entries and what is on the disk and in the tables.
#[derive(Debug)]
pub(crate) struct Publication {
    pub(crate) manifest: Manifest,
    pub(crate) manifest_differs: bool,
    /// Chapter files to be copied from the store.
    copies: Vec<Copied>,
    /// Chapter files without a picture.
    removals: Vec<ChapterFile>,
    /// Chapters without a picture that still have a row.
    stale_rows: Vec<ChapterId>,
    /// A picture is replaced, so what was made from the old one is stale.
    pictures_changed: bool,
}

/// A chapter file that is to show a stored picture.
#[derive(Debug)]
struct Copied {
    chapter: ChapterId,
    stored: PathBuf,
    target: ChapterFile,
}

impl Publication {
    /// Finds what differs.
    pub(crate) fn plan(facts: &Facts, shelf: &Shelf, entries: &Entries, now: UtcTime) -> Self {
        let manifest = entries.manifest(facts, now);
        let manifest_differs =
            shelf.manifest.as_ref().is_none_or(|before| !before.says_the_same_as(&manifest));
        let orphans: Vec<ChapterFile> = shelf
            .image_files
            .keys()
            .filter(|id| facts.chapter(id).is_none() && shelf.is_stored_copy(id))
            .map(|id| ChapterFile::of(&facts.dir, shelf, id))
            .collect();
        let mut plan = Self {
            manifest,
            manifest_differs,
            copies: Vec::new(),
            pictures_changed: !orphans.is_empty(),
            removals: orphans,
            stale_rows: Vec::new(),
        };
        for entry in entries.all() {
            plan.add_chapter(facts, shelf, entry, entries.picture_of(entry));
        }
        let has_picture = |id: &ChapterId| {
            entries.all().iter().any(|e| e.chapter_id == *id && e.status == ImageStatus::Generated)
        };
        plan.stale_rows =
            shelf.rows.iter().filter_map(|r| r.chapter_id.clone()).filter(|id| !has_picture(id)).collect();
        plan
    }

    fn add_chapter(
        &mut self,
        facts: &Facts,
        shelf: &Shelf,
        entry: &ManifestEntry,
        sidecar: Option<&Sidecar>,
    ) {
        let id = &entry.chapter_id;
        let Some(sidecar) = sidecar else {
            // Only what the store has too is ours to remove: a brand's own picture may stand here.
            if entry.status != ImageStatus::Generated && shelf.is_stored_copy(id) {
                self.pictures_changed = true;
                self.removals.push(ChapterFile::of(&facts.dir, shelf, id));
            }
            return;
        };
        let shows = shelf.image_files.get(id).is_some_and(|f| f.sha256 == sidecar.sha256);
        if shows || is_edited(shelf, id, sidecar.call_id) || shelf.intact(sidecar.call_id).is_none() {
            return;
        }
        // Compared with what the manifest says, since what was adopted just now is no news to `current`.
        let named = shelf.entry(id).and_then(|e| e.call_id);
        self.pictures_changed |= named != Some(sidecar.call_id);
        self.copies.push(Copied {
            chapter: id.clone(),
            stored: facts.dir.store().picture(sidecar),
            target: ChapterFile::of(&facts.dir, shelf, id),
        });
    }

    /// Tells whether a person would see a difference; rows' file facts alone don't count.
    pub(crate) fn is_needed(&self) -> bool {
        self.manifest_differs
            || !(self.copies.is_empty() && self.removals.is_empty() && self.stale_rows.is_empty())
    }

    /// Writes the draft's marker, chapter files and manifest, in this order, each whole.
    pub(crate) fn write_files(&self, dir: &EpisodeDir) -> Result<(), FileError> {
        if self.pictures_changed {
            mark_draft(dir, self.manifest.generated_at)?;
        }
        for Copied { stored, target, .. } in &self.copies {
            target.keep_what_is_nowhere_else()?;
            dir.data().copy(stored, target.path())?;
        }
        if self.manifest_differs {
            write_json_atomic(&dir.manifest(), &self.manifest)?;
        }
        crash_point("manifest-published");
        for file in &self.removals {
            file.keep_what_is_nowhere_else()?;
            remove_file(file.path())?;
        }
        Ok(())
    }

    /// Writes the rows of current pictures and removes those of chapters without one.
    pub(crate) fn write_rows(
        &self,
        conn: &mut Conn,
        dir: &EpisodeDir,
        shelf: &Shelf,
        wanted: &[ImageRow],
    ) -> Result<(), DbError> {
        for id in &self.stale_rows {
            media_assets::delete_image(conn, dir.id(), id)?;
        }
        wanted.iter().filter(|row| !row.is_in(&shelf.rows)).try_for_each(|row| row.upsert(conn, dir.id()))
    }
}

/// The rows that the entries come to. File facts only of files that were compared or written just now:
/// those of a file that differs would hide the difference from the next run.
fn rows_of(
    dir: &EpisodeDir,
    shelf: &Shelf,
    entries: &Entries,
    plan: &Publication,
) -> Result<Vec<ImageRow>, FileError> {
    let with_picture = entries.all().iter().filter_map(|e| Some((&e.chapter_id, entries.picture_of(e)?)));
    with_picture
        .map(|(id, sidecar)| {
            let file = shelf.image_files.get(id).filter(|f| f.sha256 == sidecar.sha256);
            let chapter = match file {
                Some(file) => file.facts,
                None if plan.copies.iter().any(|copied| copied.chapter == *id) => {
                    dir.data().facts(&dir.chapter_picture(id))?
                }
                None => None,
            };
            let stored = shelf.intact(sidecar.call_id).and_then(|p| p.facts);
            Ok(ImageRow::of(id, sidecar, &shelf.prompt_versions, RowFacts { stored, chapter }))
        })
        .collect()
}

/// Makes the provenance that the entries come to.
pub(crate) fn provenance_of(
    facts: &Facts,
    entries: &Entries,
    calls: &[ProviderCall],
    now: UtcTime,
    duration_seconds: f64,
) -> ImageProvenance {
    let settings = &facts.request;
    let prompt = &settings.template.in_use;
    let count = |status| entries.all().iter().filter(|e| e.status == status).count();
    let chapters: Vec<ChapterProvenance> = entries
        .all()
        .iter()
        .map(|entry| {
            let sidecar = entries.picture_of(entry);
            let template = sidecar.and_then(|s| s.snapshot.settings.template.as_ref());
            ChapterProvenance {
                chapter_id: entry.chapter_id.clone(),
                status: entry.status,
                prompt_source: entry.prompt_source,
                prompt_cost_usd: prompt_cost(sidecar),
                image_cost_usd: sidecar.map_or(Usd::ZERO, |s| s.cost_usd),
                call_id: entry.call_id,
                prompt_model: template.map(|t| t.text_model.clone()),
                prompt_hash: template.map(|t| t.template_hash),
            }
        })
        .collect();
    let pictures: Vec<&Sidecar> = entries.all().iter().filter_map(|e| entries.picture_of(e)).collect();
    let current: BTreeSet<CallId> =
        pictures.iter().flat_map(|s| [Some(s.call_id), s.prompt_call_id]).flatten().collect();
    let calls: Vec<&ProviderCall> = calls.iter().filter(|c| current.contains(&c.call_id)).collect();
    let written = entries.all().iter().any(has_written_prompt);
    Provenance {
        stage: Stage::Imagegen,
        episode_id: facts.dir.id().clone(),
        timestamp: now,
        prompt_name: Some(prompt.name.to_string()),
        prompt_version: Some(prompt.version),
        prompt_hash: Some(prompt.content_hash),
        model: written.then(|| settings.text_model.clone()),
        model_params: json!({
            "max_tokens": prompt.max_tokens,
            "temperature": {"template": prompt.temperature, "sent": false},
        }),
        input_files: vec![facts.dir.in_workspace(&facts.dir.chapters())],
        input_content_hash: facts.chapters_hash,
        output_files: entries
            .all()
            .iter()
            .filter(|e| entries.picture_of(e).is_some())
            .map(|e| facts.dir.in_workspace(&facts.dir.chapter_picture(&e.chapter_id)))
            .collect(),
        output_hashes: pictures.iter().map(|s| s.sha256).collect(),
        input_tokens: calls.iter().filter_map(|c| c.tokens_in).sum(),
        output_tokens: calls.iter().filter_map(|c| c.tokens_out).sum(),
        cost_usd: entries.manifest(facts, now).totals.cost_usd,
        duration_seconds,
        extra: ImagegenProvenance {
            image_gen_model: settings.model.id.clone(),
            image_params: json!({
                "size": settings.size, "quality": settings.quality, "style_prefix": settings.style_prefix,
            }),
            image_count: entries.all().iter().filter(|e| e.visual_type.is_generable()).count(),
            generated_count: count(ImageStatus::Generated),
            skipped_count: count(ImageStatus::Skipped),
            rejected_count: count(ImageStatus::Rejected),
            failed_count: count(ImageStatus::Failed),
            chapters,
        },
    }
}

/// Tells whether the provenance on the disk is missing or says something else.
pub(crate) fn provenance_differs(dir: &EpisodeDir, wanted: &ImageProvenance) -> Result<bool, FileError> {
    match dir.data().read_json::<ImageProvenance>(&dir.provenance(Stage::Imagegen)) {
        Ok(before) => Ok(before.is_none_or(|before| !before.says_the_same_as(wanted))),
        Err(FileError::Malformed { .. }) => Ok(true),
        Err(error) => Err(error),
    }
}

/// Marks what is made from pictures. Comes before the first of them changes: a crash in between would hide it else.
pub(crate) fn mark_draft(dir: &EpisodeDir, now: UtcTime) -> Result<(), FileError> {
    let draft = dir.draft_video();
    if !draft.exists() {
        return Ok(());
    }
    let marker = StaleMarker {
        invalidated_by: Stage::Imagegen.to_string(),
        invalidated_at: now,
        reason: "a picture has changed".to_owned(),
    };
    marker.write(&draft)
}

/// Takes the stale marker from our own output, which is right again.
pub(crate) fn unmark_manifest(dir: &EpisodeDir) -> Result<(), FileError> {
    let manifest = dir.manifest();
    if stale_path(&manifest).exists() { StaleMarker::remove(&manifest) } else { Ok(()) }
}

/// A plan, and the rows that the entries come to once its files are written.
#[derive(Debug)]
pub(crate) struct PlannedRows {
    plan: Publication,
    rows: Vec<ImageRow>,
}

impl PlannedRows {
    /// Reads what the rows should be, off the async threads.
    pub(crate) async fn load(
        dir: &EpisodeDir,
        shelf: &Shelf,
        entries: &Entries,
        plan: Publication,
    ) -> Result<Self, StageError> {
        let (dir, shelf, entries) = (dir.clone(), shelf.clone(), entries.clone());
        with_files(move || rows_of(&dir, &shelf, &entries, &plan).map(|rows| Self { plan, rows })).await
    }

    /// Tells whether all rows are there and right.
    pub(crate) fn are_right(&self, shelf: &Shelf) -> bool {
        self.rows.iter().all(|row| row.is_in(&shelf.rows))
    }

    /// Writes the rows. Call it in a transaction.
    pub(crate) fn write(&self, conn: &mut Conn, dir: &EpisodeDir, shelf: &Shelf) -> Result<(), DbError> {
        self.plan.write_rows(conn, dir, shelf, &self.rows)
    }

    /// Writes the rows in one transaction of their own, where no run has to be closed with them.
    pub(crate) async fn write_alone(
        self,
        ctx: &StageContext,
        dir: &EpisodeDir,
        shelf: &Shelf,
    ) -> Result<(), StageError> {
        let (dir, shelf) = (dir.clone(), shelf.clone());
        Ok(ctx.db.transaction(move |conn| self.write(conn, &dir, &shelf)).await?)
    }
}
