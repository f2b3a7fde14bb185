//! Reads files and rows into one plain struct; decides nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use btcedu_artifacts::{
    CheckDepth, EpisodeDir, FileCheck, FileError, FileFacts, Manifest, Sidecar, StoreItem, check_file,
    leftovers, read_json, read_optional, stale_path,
};
use btcedu_catalog::{ImageModel, TextModel};
use btcedu_chapters::{ChapterDocument, ChapterError, parse_for};
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

use crate::{
    ResendUnknown, StageContext, StageError,
    imagegen::{
        image_files::{ImageFile, find_whole, load_image_files},
        worklist::snapshot_of,
    },
};

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
    /// Files in `images/` whose name could be a chapter's.
    pub(crate) image_files: BTreeMap<ChapterId, ImageFile>,
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
    let (document, chapters_hash) =
        load_document(&dir).map_err(|error| super::preconditions::explain_missing(error, &episode))?;
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
        image_files: BTreeMap::new(),
        stale: stale_path(&dir.manifest()).exists(),
        dir,
        document,
        request,
    };
    inputs = btcedu_pictures::offload(move || load_files(inputs, depth)).await??;
    find_whole(&mut inputs).await?;
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
    if let Some(facts) = FileFacts::read(&path)?.filter(|f| f.size_bytes > btcedu_chapters::MAX_BYTES) {
        // Refused by its size, so that a Raspberry Pi need not hold it first.
        let source = Box::new(ChapterError::TooLarge { bytes: facts.size_bytes });
        return Err(StageError::BadChapters { episode: dir.id().clone(), path, source });
    }
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
    for folder in inputs.dir.picture_folders() {
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
    load_pictures(&mut inputs, scan.items, depth)?;
    load_image_files(&mut inputs, depth)?;
    Ok(inputs)
}

/// Compares pictures with their hashes: the current ones, and those that may take the place of one.
fn load_pictures(inputs: &mut Inputs, items: Vec<StoreItem>, depth: CheckDepth) -> Result<(), FileError> {
    let facts = known_facts(&inputs.rows);
    let current: BTreeSet<CallId> = inputs.current.values().map(|c| c.call).collect();
    let believed = |item: StoreItem| {
        let check = if item.present { FileCheck::Intact } else { FileCheck::Missing };
        Picture { sidecar: item.sidecar, check, facts: None }
    };
    inputs.pictures = items.into_iter().map(believed).collect();
    let all = depth == CheckDepth::Full;
    check_pictures(inputs, &facts, depth, |sidecar| all || current.contains(&sidecar.call_id))?;
    if !all {
        let wanted = requests_without_picture(inputs);
        check_pictures(inputs, &facts, depth, |s| {
            !current.contains(&s.call_id) && wanted.contains(&s.request_hash)
        })?;
    }
    Ok(())
}

fn check_pictures(
    inputs: &mut Inputs,
    facts: &BTreeMap<CallId, AssetMetadata>,
    depth: CheckDepth,
    matters: impl Fn(&Sidecar) -> bool,
) -> Result<(), FileError> {
    let store = inputs.dir.store();
    for picture in inputs.pictures.iter_mut().filter(|p| matters(&p.sidecar)) {
        let path = store.picture(&picture.sidecar);
        let known = facts.get(&picture.sidecar.call_id).and_then(|m| m.stored_facts.as_ref());
        // Before the bytes are read, so that a change meanwhile shows.
        let now = FileFacts::read(&path)?;
        picture.check = check_file(&path, &picture.sidecar.sha256, known, depth)?;
        picture.facts = now.filter(|_| picture.check == FileCheck::Intact);
    }
    Ok(())
}

/// What is asked for today where the current picture isn't a whole one for it.
fn requests_without_picture(inputs: &Inputs) -> BTreeSet<Sha256Hash> {
    let wanted = inputs.document.chapters.iter().filter_map(|chapter| {
        let wanted = snapshot_of(chapter, &inputs.request).request_hash();
        let current = inputs.current.get(&chapter.chapter_id).and_then(|c| inputs.intact(c.call));
        (current.map(|p| p.sidecar.request_hash) != Some(wanted)).then_some(wanted)
    });
    wanted.collect()
}

fn known_facts(rows: &[MediaAsset]) -> BTreeMap<CallId, AssetMetadata> {
    rows.iter().filter_map(metadata_of).map(|m| (m.call_id, m)).collect()
}

/// Reads what a row of `media_assets` says of its picture.
pub(crate) fn metadata_of(row: &MediaAsset) -> Option<AssetMetadata> {
    serde_json::from_str(row.metadata.as_deref()?).ok()
}

/// Returns the call whose picture a row of `media_assets` names.
pub(crate) fn call_in_row(row: &MediaAsset) -> Option<CallId> {
    metadata_of(row).map(|m| m.call_id)
}
