//! Reads files and rows into one plain struct; decides nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use btcedu_artifacts::{
    CheckDepth, EpisodeDir, FileCheck, FileError, FileFacts, Manifest, Sidecar, check_file, leftovers,
    read_json, read_optional, stale_path,
};
use btcedu_catalog::{ImageModel, TextModel};
use btcedu_chapters::{ChapterDocument, parse_for};
use btcedu_domain::{CallId, ChapterId, EpisodeId, Sha256Hash, Stage, Usd};
use btcedu_models::{
    Conn, DbError,
    episodes::{self, Episode},
    media_assets::{self, MediaAsset},
    pipeline_runs::{self, PipelineRun},
    prompt_versions::{self, PromptVersion},
    provider_calls::{self, ProviderCall},
};
use btcedu_prompts::{PromptInUse, PromptName, PromptTemplate};
use serde::{Deserialize, Serialize};

use crate::{ResendUnknown, StageContext, StageError, imagegen::worklist::snapshot_of};

/// What a picture is asked for with today, beside its chapter.
#[derive(Debug, Clone)]
pub(crate) struct RequestSettings {
    pub(crate) model: ImageModel,
    pub(crate) size: String,
    pub(crate) quality: String,
    pub(crate) style_prefix: String,
    pub(crate) prompt: PromptInUse,
    pub(crate) text_model: String,
    pub(crate) text_prices: Option<TextModel>,
}

/// A stored picture and what became of its file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Picture {
    pub(crate) sidecar: Sidecar,
    /// Checked only where the picture matters today; else `Intact` means "there".
    pub(crate) check: FileCheck,
    pub(crate) facts: Option<FileFacts>,
}

/// `images/{chapter}.png`, compared with the chapter's current picture.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ChapterFile {
    pub(crate) check: FileCheck,
    /// It differs and is a whole picture: somebody edited it.
    pub(crate) edited: bool,
    pub(crate) facts: Option<FileFacts>,
}

/// Which picture is current for a chapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Current {
    pub(crate) call: CallId,
    pub(crate) chosen_for: Option<Sha256Hash>,
}

/// What `media_assets.metadata` holds for a picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct AssetMetadata {
    pub(crate) call_id: CallId,
    pub(crate) request_hash: Sha256Hash,
    pub(crate) sha256: Sha256Hash,
    pub(crate) model: String,
    pub(crate) cost_usd: Usd,
    pub(crate) stored_facts: Option<FileFacts>,
    pub(crate) chapter_facts: Option<FileFacts>,
}

/// Everything that the decisions of one run depend on.
#[derive(Debug, Clone)]
pub(crate) struct Inputs {
    pub(crate) dir: EpisodeDir,
    pub(crate) episode: Episode,
    pub(crate) document: ChapterDocument,
    pub(crate) chapters_hash: Sha256Hash,
    pub(crate) request: RequestSettings,
    pub(crate) resend_unknown: ResendUnknown,
    pub(crate) cap: Usd,
    pub(crate) cost: Usd,
    pub(crate) pictures: Vec<Picture>,
    pub(crate) torn: Vec<Sidecar>,
    pub(crate) strays: Vec<PathBuf>,
    pub(crate) leftovers: Vec<PathBuf>,
    pub(crate) calls: Vec<ProviderCall>,
    pub(crate) open_runs: Vec<PipelineRun>,
    /// Whether imagegen's latest run is also the episode's: a cost cap was then reached here.
    pub(crate) ran_last: bool,
    pub(crate) rows: Vec<MediaAsset>,
    pub(crate) prompt_versions: Vec<PromptVersion>,
    pub(crate) manifest: Option<Manifest>,
    pub(crate) manifest_problem: Option<String>,
    pub(crate) current: BTreeMap<ChapterId, Current>,
    pub(crate) chapter_files: BTreeMap<ChapterId, ChapterFile>,
    /// Chapter pictures in `images/` of chapters that the document doesn't have.
    pub(crate) orphans: Vec<PathBuf>,
    pub(crate) stale: bool,
}

impl Inputs {
    pub(crate) fn picture(&self, call: CallId) -> Option<&Picture> {
        self.pictures.iter().find(|p| p.sidecar.call_id == call)
    }

    pub(crate) fn intact(&self, call: CallId) -> Option<&Picture> {
        self.picture(call).filter(|p| p.check == FileCheck::Intact)
    }
}

/// The name of the template that writes prompts for pictures.
pub(crate) fn template_name() -> Result<PromptName, StageError> {
    Ok("imagegen".parse()?)
}

/// Reads the template's file, if the set has one.
pub(crate) fn load_template(ctx: &StageContext) -> Result<Option<PromptTemplate>, StageError> {
    Ok(ctx.prompts.load(&template_name()?)?)
}

struct Rows {
    episode: Option<Episode>,
    calls: Vec<ProviderCall>,
    runs: Vec<PipelineRun>,
    assets: Vec<MediaAsset>,
    versions: Vec<PromptVersion>,
    prompt: Option<PromptInUse>,
    cost: Usd,
}

fn load_rows(
    conn: &mut Conn,
    id: &EpisodeId,
    name: &PromptName,
    file: Option<&PromptTemplate>,
) -> Result<Rows, DbError> {
    let prompt = btcedu_prompts::in_use(conn, name, file)?;
    let versions = prompt_versions::list(conn, name.as_str())?;
    let Some(episode) = episodes::find(conn, id)? else {
        return Ok(Rows {
            episode: None,
            calls: vec![],
            runs: vec![],
            assets: vec![],
            versions,
            prompt,
            cost: Usd::ZERO,
        });
    };
    Ok(Rows {
        calls: provider_calls::list_for_episode(conn, episode.id)?,
        runs: pipeline_runs::list_for_episode(conn, episode.id)?,
        assets: media_assets::list_images(conn, id)?,
        cost: provider_calls::episode_cost(conn, episode.id)?,
        episode: Some(episode),
        versions,
        prompt,
    })
}

/// Reads all that the decisions depend on. Nothing is written, and no lock is needed.
pub(crate) async fn gather(
    ctx: &StageContext,
    id: &EpisodeId,
    depth: CheckDepth,
) -> Result<Inputs, StageError> {
    let name = template_name()?;
    let file = load_template(ctx)?;
    let rows = {
        let (id, name) = (id.clone(), name.clone());
        ctx.db.run(move |conn| load_rows(conn, &id, &name, file.as_ref())).await?
    };
    let episode = rows.episode.ok_or_else(|| StageError::UnknownEpisode { episode: id.clone() })?;
    let prompt = rows.prompt.ok_or_else(|| ctx.prompts.unknown(&name))?;
    let request = request_settings(ctx, prompt)?;
    let dir = ctx.data.episode(id);
    super::preconditions::check_pipeline(&episode)?;
    let (document, chapters_hash) = load_document(&dir)?;
    let ran_last = rows.runs.iter().max_by_key(|r| r.id).is_some_and(|r| r.stage == Stage::Imagegen);
    let runs: Vec<PipelineRun> = rows.runs.into_iter().filter(|r| r.stage == Stage::Imagegen).collect();
    let mut inputs = Inputs {
        episode,
        chapters_hash,
        resend_unknown: ctx.settings.resend_unknown,
        cap: ctx.settings.max_episode_cost,
        cost: rows.cost,
        pictures: Vec::new(),
        torn: Vec::new(),
        strays: Vec::new(),
        leftovers: Vec::new(),
        calls: rows.calls,
        open_runs: runs.iter().filter(|r| r.completed_at.is_none()).cloned().collect(),
        ran_last,
        rows: rows.assets,
        prompt_versions: rows.versions,
        manifest: None,
        manifest_problem: None,
        current: BTreeMap::new(),
        chapter_files: BTreeMap::new(),
        orphans: Vec::new(),
        stale: stale_path(&dir.manifest()).exists(),
        dir,
        document,
        request,
    };
    inputs = btcedu_pictures::offload(move || load_files(inputs, depth)).await??;
    find_edited(&mut inputs).await?;
    Ok(inputs)
}

fn request_settings(ctx: &StageContext, prompt: PromptInUse) -> Result<RequestSettings, StageError> {
    let image = &ctx.settings.image;
    let model = ctx.catalog.resolve_image(&image.model, image.price)?;
    let size = image.size.clone().unwrap_or_else(|| model.default_size.to_string());
    let quality = image.quality.clone().unwrap_or_else(|| model.default_quality.clone());
    model.check_settings(&size, &quality, None)?;
    let text_model = ctx.settings.claude_model.clone().unwrap_or_else(|| prompt.model.clone());
    Ok(RequestSettings {
        text_prices: ctx.catalog.text(&text_model).cloned(),
        style_prefix: image.style_prefix.trim().to_owned(),
        model,
        size,
        quality,
        prompt,
        text_model,
    })
}

/// Reads chapters.json, with every violation in the error.
pub(crate) fn load_document(dir: &EpisodeDir) -> Result<(ChapterDocument, Sha256Hash), StageError> {
    let path = dir.chapters();
    let Some(bytes) = read_optional(&path)? else {
        return Err(StageError::MissingInput {
            episode: dir.id().clone(),
            path,
            hint: "chapterize writes it; put it back, or bring the episode in anew with `btcedu add`",
        });
    };
    match parse_for(&bytes, dir.id()) {
        Ok(parsed) => Ok((parsed.document, Sha256Hash::of_bytes(&bytes))),
        Err(source) => {
            Err(StageError::BadChapters { episode: dir.id().clone(), path, source: Box::new(source) })
        }
    }
}

fn load_files(mut inputs: Inputs, depth: CheckDepth) -> Result<Inputs, FileError> {
    let store = inputs.dir.store();
    let scan = store.scan()?;
    inputs.torn = scan.torn.into_iter().map(|t| t.sidecar).collect();
    inputs.strays = scan.strays;
    for folder in inputs.dir.folders_with_leftovers() {
        inputs.leftovers.extend(leftovers(&folder)?);
    }
    match read_json::<Manifest>(&inputs.dir.manifest()) {
        Ok(manifest) => inputs.manifest = manifest,
        Err(error @ FileError::Malformed { .. }) => {
            inputs.manifest_problem = Some(crate::retry::with_causes(&error));
        }
        Err(error) => return Err(error),
    }
    if let Some(manifest) = &inputs.manifest {
        inputs.current = manifest
            .images
            .iter()
            .filter_map(|e| {
                Some((e.chapter_id.clone(), Current { call: e.call_id?, chosen_for: e.chosen_for }))
            })
            .collect();
    }
    let facts = known_facts(&inputs.rows);
    let matters = calls_that_matter(&inputs, scan.items.iter().map(|i| &i.sidecar));
    for item in scan.items {
        let path = store.picture(&item.sidecar);
        let known = facts.get(&item.sidecar.call_id).and_then(|m| m.stored_facts.as_ref());
        let check = match item.present {
            false => FileCheck::Missing,
            true if depth == CheckDepth::Quick && !matters.contains(&item.sidecar.call_id) => {
                FileCheck::Intact
            }
            true => check_file(&path, &item.sidecar.sha256, known, depth)?,
        };
        inputs.pictures.push(Picture { facts: FileFacts::read(&path)?, sidecar: item.sidecar, check });
    }
    load_chapter_files(&mut inputs, &facts, depth)?;
    Ok(inputs)
}

/// Pictures that a decision may rest on: the current ones, and those made for a request of today.
fn calls_that_matter<'a>(inputs: &Inputs, sidecars: impl Iterator<Item = &'a Sidecar>) -> BTreeSet<CallId> {
    let wanted: BTreeSet<Sha256Hash> =
        inputs.document.chapters.iter().map(|c| snapshot_of(c, &inputs.request).request_hash()).collect();
    let current: BTreeSet<CallId> = inputs.current.values().map(|c| c.call).collect();
    sidecars
        .filter(|s| current.contains(&s.call_id) || wanted.contains(&s.request_hash))
        .map(|s| s.call_id)
        .collect()
}

fn known_facts(rows: &[MediaAsset]) -> BTreeMap<CallId, AssetMetadata> {
    let read = |row: &MediaAsset| serde_json::from_str::<AssetMetadata>(row.metadata.as_deref()?).ok();
    rows.iter().filter_map(read).map(|m| (m.call_id, m)).collect()
}

fn load_chapter_files(
    inputs: &mut Inputs,
    facts: &BTreeMap<CallId, AssetMetadata>,
    depth: CheckDepth,
) -> Result<(), FileError> {
    let ids: BTreeSet<&ChapterId> = inputs.document.chapters.iter().map(|c| &c.chapter_id).collect();
    for path in pictures_in(&inputs.dir.images())? {
        let Some(id) = path.file_stem().and_then(|s| s.to_str()).and_then(|s| s.parse::<ChapterId>().ok())
        else {
            continue;
        };
        if !ids.contains(&id) {
            inputs.orphans.push(path);
            continue;
        }
        let current = inputs.current.get(&id).and_then(|c| inputs.picture(c.call));
        let check = match current {
            Some(picture) => {
                let known = facts.get(&picture.sidecar.call_id).and_then(|m| m.chapter_facts.as_ref());
                check_file(&path, &picture.sidecar.sha256, known, depth)?
            }
            None => FileCheck::Changed,
        };
        inputs.chapter_files.insert(id, ChapterFile { check, edited: false, facts: FileFacts::read(&path)? });
    }
    Ok(())
}

fn pictures_in(folder: &Path) -> Result<Vec<PathBuf>, FileError> {
    let mut found = btcedu_artifacts::list_files(folder)?;
    found.retain(|p| p.extension().is_some_and(|e| e == "png"));
    found.sort();
    Ok(found)
}

/// Looks at chapter files that differ from their picture: a whole picture was edited by somebody.
async fn find_edited(inputs: &mut Inputs) -> Result<(), StageError> {
    for (id, file) in &mut inputs.chapter_files {
        if file.check != FileCheck::Changed || !inputs.current.contains_key(id) {
            continue;
        }
        if let Some(bytes) = read_optional(&inputs.dir.chapter_picture(id))? {
            file.edited = btcedu_pictures::verify(bytes.into()).await.is_ok();
        }
    }
    Ok(())
}
