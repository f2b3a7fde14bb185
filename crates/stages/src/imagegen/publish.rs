//! Makes files and rows say what the entries say: chapter files, rows, manifest, provenance.
//!
//! First a plan of what differs, pure but for the paths; then, only if something does, the writing.

use std::{collections::BTreeSet, path::PathBuf};

use btcedu_artifacts::{
    ChapterProvenance, EpisodeDir, FileError, FileFacts, ImagegenProvenance, Manifest, ManifestEntry,
    Provenance, Sidecar, StaleMarker, copy_atomic, crash_point, read_json, remove_file, stale_path,
    write_json_atomic,
};
use btcedu_domain::{AssetType, CallId, ChapterId, EpisodeId, ImageStatus, Sha256Hash, Stage, Usd, UtcTime};
use btcedu_models::{
    Conn, DbError,
    media_assets::{self, MediaAsset, NewMediaAsset},
    prompt_versions::PromptVersion,
    provider_calls::ProviderCall,
};
use serde_json::json;

use crate::{
    StageContext, StageError,
    imagegen::{
        entries::{Entries, has_written_prompt, is_edited, prompt_cost},
        gather::{AssetMetadata, Inputs},
    },
};

/// The provenance document of this stage.
pub(crate) type ImageProvenance = Provenance<ImagegenProvenance>;

/// What differs between the entries and what is on the disk and in the tables.
#[derive(Debug)]
pub(crate) struct Publication {
    pub(crate) manifest: Manifest,
    pub(crate) manifest_differs: bool,
    /// Chapter files to be copied from the store.
    copies: Vec<(ChapterId, PathBuf)>,
    /// Chapter files that an editor changed and that give way to another picture.
    set_aside: Vec<PathBuf>,
    /// Chapter files without a picture.
    removals: Vec<PathBuf>,
    /// Chapters without a picture that still have a row.
    stale_rows: Vec<ChapterId>,
    /// A picture is replaced, so what was made from the old one is stale.
    pictures_changed: bool,
}

impl Publication {
    /// Finds what differs.
    pub(crate) fn plan(inputs: &Inputs, entries: &Entries, now: UtcTime) -> Self {
        let manifest = entries.manifest(inputs, now);
        let manifest_differs =
            inputs.manifest.as_ref().is_none_or(|before| !before.says_the_same_as(&manifest));
        let orphans: Vec<PathBuf> = inputs
            .image_files
            .keys()
            .filter(|id| inputs.document.chapter(id).is_none() && inputs.is_stored_copy(id))
            .map(|id| inputs.dir.chapter_picture(id))
            .collect();
        let mut plan = Self {
            manifest,
            manifest_differs,
            copies: Vec::new(),
            set_aside: Vec::new(),
            removals: orphans.clone(),
            stale_rows: Vec::new(),
            pictures_changed: !orphans.is_empty(),
        };
        for entry in entries.all() {
            plan.add_chapter(inputs, entry, entries.picture_of(entry));
        }
        let has_picture = |id: &ChapterId| {
            entries.all().iter().any(|e| e.chapter_id == *id && e.status == ImageStatus::Generated)
        };
        plan.stale_rows =
            inputs.rows.iter().filter_map(|r| r.chapter_id.clone()).filter(|id| !has_picture(id)).collect();
        plan
    }

    fn add_chapter(&mut self, inputs: &Inputs, entry: &ManifestEntry, sidecar: Option<&Sidecar>) {
        let id = &entry.chapter_id;
        let Some(sidecar) = sidecar else {
            // Only what the store has too is ours to remove: a brand's own picture may stand here.
            if entry.status != ImageStatus::Generated && inputs.is_stored_copy(id) {
                self.pictures_changed = true;
                self.removals.push(inputs.dir.chapter_picture(id));
            }
            return;
        };
        let shows = inputs.image_files.get(id).is_some_and(|f| f.sha256 == sidecar.sha256);
        if shows || is_edited(inputs, id, sidecar.call_id) || inputs.intact(sidecar.call_id).is_none() {
            return;
        }
        if inputs.is_only_copy(id) {
            self.set_aside.push(inputs.dir.chapter_picture(id));
        }
        // Compared with what the manifest says, since what was adopted just now is no news to `current`.
        let named = inputs.manifest.as_ref().and_then(|m| m.entry(id)).and_then(|e| e.call_id);
        self.pictures_changed |= named != Some(sidecar.call_id);
        self.copies.push((id.clone(), inputs.dir.store().picture(sidecar)));
    }

    /// Tells whether a person would see a difference; rows' file facts alone don't count.
    pub(crate) fn is_needed(&self) -> bool {
        self.manifest_differs
            || !(self.copies.is_empty() && self.removals.is_empty() && self.stale_rows.is_empty())
    }

    /// Writes the draft's marker, chapter files and manifest, in this order, each whole.
    pub(crate) fn write_files(&self, inputs: &Inputs) -> Result<(), FileError> {
        if self.pictures_changed {
            mark_draft(&inputs.dir, self.manifest.generated_at)?;
        }
        for path in &self.set_aside {
            set_aside(path)?;
        }
        for (id, stored) in &self.copies {
            copy_atomic(stored, &inputs.dir.chapter_picture(id))?;
        }
        if self.manifest_differs {
            write_json_atomic(&inputs.dir.manifest(), &self.manifest)?;
        }
        crash_point("manifest-published");
        for path in &self.removals {
            remove_file(path)?;
        }
        Ok(())
    }

    /// Writes the rows of current pictures and removes those of chapters without one.
    pub(crate) fn write_rows(
        &self,
        conn: &mut Conn,
        inputs: &Inputs,
        wanted: &[ImageRow],
    ) -> Result<(), DbError> {
        for id in &self.stale_rows {
            media_assets::delete_image(conn, inputs.dir.id(), id)?;
        }
        wanted
            .iter()
            .filter(|row| !row.is_in(&inputs.rows))
            .try_for_each(|row| row.upsert(conn, inputs.dir.id()))
    }
}

/// Keeps an edited file under a name that is no chapter's.
pub(crate) fn set_aside(path: &std::path::Path) -> Result<(), FileError> {
    let Some(bytes) = btcedu_artifacts::read_optional(path)? else { return Ok(()) };
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let name = format!("{stem}.edited-{}.png", Sha256Hash::of_bytes(&bytes).short());
    copy_atomic(path, &path.with_file_name(name))
}

/// A row of `media_assets` as it should be.
#[derive(Debug, Clone)]
pub(crate) struct ImageRow {
    chapter: ChapterId,
    file_path: String,
    mime_type: String,
    size_bytes: i64,
    metadata: String,
    prompt_version: Option<i64>,
    created_at: UtcTime,
}

impl ImageRow {
    pub(crate) fn of(
        chapter: &ChapterId,
        sidecar: &Sidecar,
        versions: &[PromptVersion],
        facts: RowFacts,
    ) -> Self {
        let metadata = AssetMetadata {
            call_id: sidecar.call_id,
            request_hash: sidecar.request_hash,
            sha256: sidecar.sha256,
            model: sidecar.model.clone(),
            cost_usd: sidecar.cost_usd,
            stored_facts: facts.stored,
            chapter_facts: facts.chapter,
        };
        let template = sidecar.snapshot.settings.template.as_ref();
        Self {
            chapter: chapter.clone(),
            file_path: format!("images/{chapter}.png"),
            mime_type: sidecar.mime_type.clone(),
            size_bytes: i64::try_from(sidecar.size_bytes).unwrap_or(i64::MAX),
            metadata: json!(metadata).to_string(),
            prompt_version: template
                .and_then(|t| versions.iter().find(|v| v.content_hash == t.template_hash))
                .map(|v| v.id),
            created_at: sidecar.generated_at,
        }
    }

    fn is_in(&self, rows: &[MediaAsset]) -> bool {
        rows.iter().any(|row| {
            row.chapter_id.as_ref() == Some(&self.chapter)
                && row.file_path.as_ref() == Some(&self.file_path)
                && row.mime_type.as_ref() == Some(&self.mime_type)
                && row.size_bytes == Some(self.size_bytes)
                && row.metadata.as_ref() == Some(&self.metadata)
                && row.prompt_version_id == self.prompt_version
        })
    }

    pub(crate) fn upsert(&self, conn: &mut Conn, episode: &EpisodeId) -> Result<(), DbError> {
        media_assets::upsert_image(
            conn,
            &NewMediaAsset {
                episode_id: episode,
                asset_type: AssetType::Image,
                chapter_id: Some(&self.chapter),
                file_path: Some(&self.file_path),
                mime_type: Some(&self.mime_type),
                size_bytes: Some(self.size_bytes),
                duration_seconds: None,
                metadata: Some(&self.metadata),
                prompt_version_id: self.prompt_version,
                created_at: self.created_at,
            },
        )
        .map(drop)
    }
}

/// What the file system knows of a picture's two files; lets the next run believe without hashing.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RowFacts {
    pub(crate) stored: Option<FileFacts>,
    pub(crate) chapter: Option<FileFacts>,
}

/// The rows that the entries come to. File facts only of files that were compared or written just now:
/// those of a file that differs would hide the difference from the next run.
pub(crate) fn rows_of(
    inputs: &Inputs,
    entries: &Entries,
    plan: &Publication,
) -> Result<Vec<ImageRow>, FileError> {
    let with_picture = entries.all().iter().filter_map(|e| Some((&e.chapter_id, entries.picture_of(e)?)));
    with_picture
        .map(|(id, sidecar)| {
            let file = inputs.image_files.get(id).filter(|f| f.sha256 == sidecar.sha256);
            let chapter = match file {
                Some(file) => file.facts,
                None if plan.copies.iter().any(|(copied, _)| copied == id) => {
                    FileFacts::read(&inputs.dir.chapter_picture(id))?
                }
                None => None,
            };
            let stored = inputs.intact(sidecar.call_id).and_then(|p| p.facts);
            Ok(ImageRow::of(id, sidecar, &inputs.prompt_versions, RowFacts { stored, chapter }))
        })
        .collect()
}

/// Tells whether all rows are there and right.
pub(crate) fn rows_are_right(inputs: &Inputs, wanted: &[ImageRow]) -> bool {
    wanted.iter().all(|row| row.is_in(&inputs.rows))
}

/// Makes the provenance that the entries come to.
pub(crate) fn provenance_of(
    inputs: &Inputs,
    entries: &Entries,
    now: UtcTime,
    duration_seconds: f64,
) -> ImageProvenance {
    let settings = &inputs.request;
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
    let calls: Vec<&ProviderCall> = inputs.calls.iter().filter(|c| current.contains(&c.call_id)).collect();
    let written = entries.all().iter().any(has_written_prompt);
    Provenance {
        stage: Stage::Imagegen,
        episode_id: inputs.dir.id().clone(),
        timestamp: now,
        prompt_name: Some(settings.prompt.name.to_string()),
        prompt_version: Some(settings.prompt.version),
        prompt_hash: Some(settings.prompt.content_hash),
        model: written.then(|| settings.text_model.clone()),
        model_params: json!({
            "max_tokens": settings.prompt.max_tokens,
            "temperature": {"template": settings.prompt.temperature, "sent": false},
        }),
        input_files: vec![inputs.dir.in_workspace(&inputs.dir.chapters())],
        input_content_hash: inputs.chapters_hash,
        output_files: entries
            .all()
            .iter()
            .filter(|e| entries.picture_of(e).is_some())
            .map(|e| inputs.dir.in_workspace(&inputs.dir.chapter_picture(&e.chapter_id)))
            .collect(),
        output_hashes: pictures.iter().map(|s| s.sha256).collect(),
        input_tokens: calls.iter().filter_map(|c| c.tokens_in).sum(),
        output_tokens: calls.iter().filter_map(|c| c.tokens_out).sum(),
        cost_usd: entries.manifest(inputs, now).totals.cost_usd,
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
pub(crate) fn provenance_differs(inputs: &Inputs, wanted: &ImageProvenance) -> Result<bool, FileError> {
    match read_json::<ImageProvenance>(&inputs.dir.provenance(Stage::Imagegen)) {
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
pub(crate) fn unmark_manifest(inputs: &Inputs) -> Result<(), FileError> {
    let manifest = inputs.dir.manifest();
    if stale_path(&manifest).exists() { StaleMarker::remove(&manifest) } else { Ok(()) }
}

/// Reads what the rows should be, off the async threads.
pub(crate) async fn load_rows_of(
    inputs: &Inputs,
    entries: &Entries,
    plan: Publication,
) -> Result<(Publication, Vec<ImageRow>), StageError> {
    let (inputs, entries) = (inputs.clone(), entries.clone());
    let loaded = btcedu_pictures::offload(move || rows_of(&inputs, &entries, &plan).map(|rows| (plan, rows)));
    Ok(loaded.await??)
}

/// Writes the rows in one transaction of their own, where no run has to be closed with them.
pub(crate) async fn write_rows_alone(
    ctx: &StageContext,
    plan: Publication,
    inputs: &Inputs,
    rows: Vec<ImageRow>,
) -> Result<(), StageError> {
    let inputs = inputs.clone();
    ctx.db.transaction(move |conn| plan.write_rows(conn, &inputs, &rows)).await?;
    Ok(())
}
