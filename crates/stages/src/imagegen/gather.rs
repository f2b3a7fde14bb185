//! Reads files and rows; decides nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use btcedu_artifacts::{
    CheckDepth, EpisodeDir, FileCheck, FileError, MAX_PICTURE, Manifest, Sidecar, StoreItem, stale_path,
};
use btcedu_chapters::{ChapterDocument, ChapterError, parse_for};
use btcedu_domain::{CallId, ChapterId, EpisodeId, Sha256Hash, Stage, with_causes};
use btcedu_models::{Conn, episodes, media_assets, pipeline_runs, prompt_versions, provider_calls};

use crate::{
    StageContext, StageError, context,
    frame::{Position, run::Budget, template::Template},
    imagegen::{
        facts::{AssetMetadata, Current, Facts, ImageFile, Leftovers, Picture, Shelf},
        preconditions::{check_pipeline, check_reached},
        request::{ChapterRequest, RequestSettings},
    },
};

/// The name of the template that writes prompts for pictures.
const TEMPLATE: &str = "imagegen";

/// What gathering has found.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) facts: Facts,
    pub(crate) shelf: Shelf,
    pub(crate) leftovers: Leftovers,
}

/// Reads all that the decisions depend on. Nothing is written, and no lock is needed.
pub(crate) async fn gather(
    ctx: &StageContext,
    id: &EpisodeId,
    depth: CheckDepth,
) -> Result<Found, StageError> {
    let id = id.clone();
    let mut found = context::load(ctx, move |conn, ctx| load(conn, ctx, &id, depth)).await?;
    find_whole(&found.facts.dir, &mut found.shelf).await?;
    Ok(found)
}

fn load(conn: &mut Conn, ctx: &StageContext, id: &EpisodeId, depth: CheckDepth) -> Result<Found, StageError> {
    let episode = episodes::find(conn, id)?;
    let episode = episode.ok_or_else(|| StageError::UnknownEpisode { episode: id.clone() })?;
    let position = Position::load(conn, &episode)?;
    let request = RequestSettings::of(ctx, Template::load(conn, &ctx.prompts, TEMPLATE)?)?;
    let dir = ctx.data.episode(id);
    check_pipeline(&episode)?;
    let (document, chapters_hash) = load_document(&dir).map_err(|error| match error {
        // Where the episode hasn't got so far, that is why the document isn't there.
        StageError::MissingInput { .. } => check_reached(&episode, position).err().unwrap_or(error),
        other => other,
    })?;
    let chapters: Vec<Arc<ChapterRequest>> =
        document.chapters.into_iter().map(|chapter| ChapterRequest::of(chapter, &request)).collect();
    let runs = pipeline_runs::list_running(conn, episode.id)?;
    let mut shelf = Shelf {
        pictures: Vec::new(),
        current: BTreeMap::new(),
        image_files: BTreeMap::new(),
        manifest: None,
        stale: stale_path(&dir.manifest()).exists(),
        rows: media_assets::list_images(conn, id)?,
        prompt_versions: prompt_versions::list(conn, TEMPLATE)?,
        strays: Vec::new(),
    };
    let mut left = Leftovers {
        open_runs: runs.into_iter().filter(|run| run.stage == Stage::Imagegen).collect(),
        ..Leftovers::default()
    };
    load_files(&dir, &chapters, &mut shelf, &mut left, depth)?;
    let facts = Facts {
        budget: Budget {
            cap: ctx.settings.max_episode_cost,
            cost: provider_calls::episode_cost(conn, episode.id)?,
        },
        resend_unknown: ctx.settings.resend_unknown,
        calls: provider_calls::list_for_episode(conn, episode.id)?,
        request,
        chapters,
        chapters_hash,
        position,
        episode,
        dir,
    };
    Ok(Found { facts, shelf, leftovers: left })
}

/// Reads chapters.json, with every violation in the error.
pub(crate) fn load_document(dir: &EpisodeDir) -> Result<(ChapterDocument, Sha256Hash), StageError> {
    let path = dir.chapters();
    let data = dir.data();
    if let Some(facts) = data.facts(&path)?.filter(|f| f.size_bytes > btcedu_chapters::MAX_BYTES) {
        // Refused by its size, so that a Raspberry Pi need not hold it first.
        let source = Box::new(ChapterError::TooLarge { bytes: facts.size_bytes });
        return Err(StageError::BadChapters { episode: dir.id().clone(), path, source });
    }
    let Some(bytes) = data.read(&path, btcedu_chapters::MAX_BYTES)? else {
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

fn load_files(
    dir: &EpisodeDir,
    chapters: &[Arc<ChapterRequest>],
    shelf: &mut Shelf,
    left: &mut Leftovers,
    depth: CheckDepth,
) -> Result<(), FileError> {
    let scan = dir.store().scan()?;
    left.torn = scan.torn.into_iter().map(|t| t.sidecar).collect();
    shelf.strays = scan.strays;
    let data = dir.data();
    for folder in dir.picture_folders() {
        left.temporary_files.extend(data.leftovers(&folder)?);
    }
    match data.read_json::<Manifest>(&dir.manifest()) {
        Ok(manifest) => shelf.manifest = manifest,
        Err(error @ FileError::Malformed { .. }) => left.manifest_problem = Some(with_causes(&error)),
        Err(error) => return Err(error),
    }
    if let Some(manifest) = &shelf.manifest {
        let named = manifest.images.iter().filter_map(|e| {
            Some((e.chapter_id.clone(), Current { call: e.call_id?, chosen_for: e.chosen_for }))
        });
        shelf.current = named.collect();
    }
    load_pictures(dir, chapters, shelf, scan.items, depth)?;
    load_image_files(dir, shelf, depth)
}

/// Compares pictures with their hashes: the current ones, and those that may take the place of one.
fn load_pictures(
    dir: &EpisodeDir,
    chapters: &[Arc<ChapterRequest>],
    shelf: &mut Shelf,
    items: Vec<StoreItem>,
    depth: CheckDepth,
) -> Result<(), FileError> {
    let current: BTreeSet<CallId> = shelf.current.values().map(|c| c.call).collect();
    let believed = |item: StoreItem| {
        let check = if item.present { FileCheck::Intact } else { FileCheck::Missing };
        Picture { sidecar: item.sidecar, check, facts: None }
    };
    shelf.pictures = items.into_iter().map(believed).collect();
    let all = depth == CheckDepth::Full;
    check_pictures(dir, shelf, depth, |sidecar| all || current.contains(&sidecar.call_id))?;
    if !all {
        let wanted = requests_without_picture(chapters, shelf);
        check_pictures(dir, shelf, depth, |s| {
            !current.contains(&s.call_id) && wanted.contains(&s.request_hash)
        })?;
    }
    Ok(())
}

fn check_pictures(
    dir: &EpisodeDir,
    shelf: &mut Shelf,
    depth: CheckDepth,
    matters: impl Fn(&Sidecar) -> bool,
) -> Result<(), FileError> {
    let (data, store) = (dir.data(), dir.store());
    let known: BTreeMap<CallId, AssetMetadata> =
        shelf.rows.iter().filter_map(AssetMetadata::of).map(|m| (m.call_id, m)).collect();
    for picture in shelf.pictures.iter_mut().filter(|p| matters(&p.sidecar)) {
        let path = store.picture(&picture.sidecar);
        let known = known.get(&picture.sidecar.call_id).and_then(|m| m.stored_facts.as_ref());
        // Before the bytes are read, so that a change meanwhile shows.
        let now =
            data.facts(&path).or_else(|error| if error.is_refused() { Ok(None) } else { Err(error) })?;
        picture.check = data.check(&path, &picture.sidecar.sha256, known, depth)?;
        picture.facts = now.filter(|_| picture.check == FileCheck::Intact);
    }
    Ok(())
}

/// What is asked for today where the current picture isn't a whole one for it.
fn requests_without_picture(chapters: &[Arc<ChapterRequest>], shelf: &Shelf) -> BTreeSet<Sha256Hash> {
    let wanted = chapters.iter().filter_map(|request| {
        let current = shelf.current.get(&request.chapter.chapter_id).and_then(|c| shelf.intact(c.call));
        let wanted = request.hashes.request;
        (current.map(|p| p.sidecar.request_hash) != Some(wanted)).then_some(wanted)
    });
    wanted.collect()
}

/// Reads which bytes each file in `images/` has; a file whose facts are those of its row is believed.
fn load_image_files(dir: &EpisodeDir, shelf: &mut Shelf, depth: CheckDepth) -> Result<(), FileError> {
    let rows: BTreeMap<&ChapterId, AssetMetadata> = shelf
        .rows
        .iter()
        .filter_map(|row| Some((row.chapter_id.as_ref()?, AssetMetadata::of(row)?)))
        .collect();
    let (data, mut found) = (dir.data(), BTreeMap::new());
    for path in data.list(&dir.images())? {
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let id =
            stem.filter(|_| path.extension().is_some_and(|e| e == "png")).and_then(|stem| stem.parse().ok());
        let Some(id): Option<ChapterId> = id else { continue };
        let facts = data.facts(&path)?;
        let row = rows.get(&id).filter(|row| facts.is_some() && row.chapter_facts == facts);
        let sha256 = match row {
            Some(row) if depth == CheckDepth::Quick => row.sha256,
            _ => match data.hash(&path, MAX_PICTURE)? {
                Some(hash) => hash,
                None => continue,
            },
        };
        found.insert(id, ImageFile { sha256, facts, whole: false });
    }
    shelf.image_files = found;
    Ok(())
}

/// Decodes the files whose bytes are in no stored picture: half a picture is not worth keeping.
async fn find_whole(dir: &EpisodeDir, shelf: &mut Shelf) -> Result<(), StageError> {
    let ids: Vec<ChapterId> =
        shelf.image_files.keys().filter(|id| !shelf.is_stored_copy(id)).cloned().collect();
    for id in ids {
        let (data, path) = (dir.data(), dir.chapter_picture(&id));
        let read = crate::with_files(move || data.read(&path, MAX_PICTURE));
        let Some(bytes) = read.await? else { continue };
        let whole = btcedu_pictures::verify(bytes.into()).await.is_ok();
        if let Some(file) = shelf.image_files.get_mut(&id) {
            file.whole = whole;
        }
    }
    Ok(())
}
