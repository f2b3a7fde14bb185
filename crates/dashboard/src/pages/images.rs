//! The pictures of an episode, in the manifest and on the disk.

use std::collections::HashMap;

use actix_web::{HttpRequest, HttpResponse, web};
use btcedu_artifacts::{EpisodeDir, EpisodeLock, FileError, Manifest, ManifestEntry, TEMP_PREFIX};
use btcedu_domain::{ChapterId, EpisodeId, ImageStatus, Stage, UtcTime};
use btcedu_models::pipeline_runs;
use serde::Deserialize;

use super::{
    Format, Loaded, SharedPage,
    gather::{self, command},
    path_part,
};
use crate::{
    error::WebError,
    state::{AppState, Reader},
    templates::PageName,
    views::{
        images::{GalleryTotalsView, GalleryView, MadeWithView, PictureView},
        parts::{CommandView, EpisodeHeadView},
    },
};

/// How the names of pictures end.
const PICTURE: &str = ".png";

/// What the gallery is filtered by.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    status: String,
}

/// Shows the gallery.
pub(crate) async fn page(
    state: web::Data<AppState>,
    request: HttpRequest,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, WebError> {
    answer(&state, &request, &asked, Format::Html).await
}

/// Answers with the gallery as JSON.
#[utoipa::path(
    get, path = "/api/v1/episodes/{episode}/images", operation_id = "images",
    params(
        ("episode" = String, Path, description = "The episode's id"),
        ("status" = Option<String>, Query, description = "Only this status"),
    ),
    responses(
        (status = 200, description = "The pictures", body = GalleryView),
        (status = 404, description = "There is no such episode"),
    ),
)]
pub(crate) async fn api(
    state: web::Data<AppState>,
    request: HttpRequest,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, WebError> {
    answer(&state, &request, &asked, Format::Json).await
}

async fn answer(
    state: &AppState,
    request: &HttpRequest,
    asked: &Asked,
    format: Format,
) -> Result<HttpResponse, WebError> {
    let id: EpisodeId = path_part(request, "episode", "episode")?;
    let filter: Option<ImageStatus> = asked.status.parse().ok();
    let page = SharedPage { name: PageName::Images, episode: Some(&id), format, is_kept: true };
    let dir = state.dir(&id);
    let load = move |reader: &Reader| {
        let view = load(reader, &dir, filter)?;
        Loaded::new(reader, format!("Pictures: {}", view.episode.title), view)
    };
    page.answer_from(state, request, load).await
}

fn load(reader: &Reader, dir: &EpisodeDir, filter: Option<ImageStatus>) -> Result<GalleryView, WebError> {
    let episode = gather::episode(reader, dir.id())?;
    let runs = reader.rows(|conn| pipeline_runs::list_running(conn, episode.id))?;
    let running = runs.into_iter().rfind(|run| run.stage == Stage::Imagegen).map(|run| run.started_at);
    Ok(Disk { reader, dir }.gallery(gather::head(&episode), running, filter)?)
}

/// The pictures on the disk.
#[derive(Clone, Copy)]
pub(super) struct Disk<'a> {
    pub(super) reader: &'a Reader,
    pub(super) dir: &'a EpisodeDir,
}

impl Disk<'_> {
    fn gallery(
        self,
        episode: EpisodeHeadView,
        running: Option<UtcTime>,
        filter: Option<ImageStatus>,
    ) -> Result<GalleryView, FileError> {
        let id = self.dir.id();
        let mut view = GalleryView {
            episode,
            problem: None,
            stale: gather::stale_reason(&self.reader.data, &self.dir.manifest()),
            made_with: None,
            totals: GalleryTotalsView::default(),
            filter: filter.map(|status| status.to_string()).unwrap_or_default(),
            pictures: Vec::new(),
            // A run that was killed has left its row behind, but doesn't hold the episode.
            running_since: running.filter(|_| EpisodeLock::is_held(self.dir)),
            differing: 0,
            others: Vec::new(),
            commands: Vec::new(),
        };
        let manifest = self.manifest();
        let is_spoiled = manifest.is_err();
        match manifest {
            Ok(Some(manifest)) => self.fill(&mut view, manifest, filter)?,
            Ok(None) => view.problem = Some("no pictures were made yet".to_owned()),
            Err(error) => {
                tracing::warn!(%error, episode = %id, "the manifest of pictures can't be read");
                view.problem = Some(
                    "the manifest of pictures can't be read; the first command below writes it anew, free"
                        .to_owned(),
                );
            }
        }
        view.commands = self.commands(&view, is_spoiled);
        Ok(view)
    }

    /// Returns the commands for what is to be done about all pictures.
    fn commands(self, view: &GalleryView, is_spoiled: bool) -> Vec<CommandView> {
        let (id, totals) = (self.dir.id(), &view.totals);
        let is_begun = view.made_with.is_some() || is_spoiled;
        let is_whole = is_begun && totals.rejected + totals.failed + totals.pending == 0;
        let mut commands = Vec::new();
        if view.differing > 0 || is_spoiled {
            commands.push(command("Put back what was paid for, free", "images verify --repair", id));
        }
        // Before there are chapters, something else comes first.
        if !is_whole && gather::size(&self.reader.data, &self.dir.chapters()).is_some() {
            commands.push(command("Make what is missing", "imagegen", id));
            commands.push(command("Only look what that would cost", "imagegen --dry-run", id));
        }
        if is_begun {
            let about = "List earlier pictures, to choose among them for free";
            commands.push(command(about, "images history", id));
        }
        commands
    }

    /// Reads the manifest.
    pub(super) fn manifest(self) -> Result<Option<Manifest>, FileError> {
        self.reader.data.read_json(&self.dir.manifest())
    }

    fn fill(
        self,
        view: &mut GalleryView,
        manifest: Manifest,
        filter: Option<ImageStatus>,
    ) -> Result<(), FileError> {
        let totals = &manifest.totals;
        view.totals = GalleryTotalsView {
            chapters: manifest.images.len(),
            generated: totals.generated,
            skipped: totals.skipped,
            rejected: totals.rejected,
            failed: totals.failed,
            pending: totals.pending,
            cost_usd: totals.cost_usd,
        };
        let alts = self.descriptions();
        let pictures = self.pictures(manifest.images, &alts)?;
        view.others = self.others(&pictures);
        view.differing = pictures.iter().filter(|picture| picture.differs.is_some()).count();
        view.pictures = pictures;
        view.pictures.retain(|picture| filter.is_none_or(|status| picture.status == status));
        view.made_with = Some(MadeWithView {
            model: manifest.model,
            size: manifest.size,
            quality: manifest.quality,
            style_prefix: manifest.style_prefix,
            written_at: manifest.generated_at,
        });
        Ok(())
    }

    /// Returns the pictures in the folder that no chapter shows.
    fn others(self, pictures: &[PictureView]) -> Vec<String> {
        let shown = |name: &str| {
            let of = |picture: &PictureView| format!("{}.png", picture.chapter_id) == name;
            pictures.iter().any(|picture| picture.status == ImageStatus::Generated && of(picture))
        };
        let files = self.reader.data.list(&self.dir.images()).unwrap_or_default();
        let names = files.iter().filter_map(|path| path.file_name()?.to_str());
        names
            .filter(|name| name.ends_with(PICTURE) && !name.starts_with(TEMP_PREFIX) && !shown(name))
            .map(str::to_owned)
            .collect()
    }

    /// Returns what each chapter's picture shows; nothing where there is no chapter document.
    fn descriptions(self) -> HashMap<ChapterId, String> {
        let document = self.reader.data.read(&self.dir.chapters(), btcedu_chapters::MAX_BYTES);
        let parsed = document.ok().flatten().and_then(|bytes| btcedu_chapters::parse(&bytes).ok());
        let chapters = parsed.map(|parsed| parsed.document.chapters).unwrap_or_default();
        chapters.into_iter().map(|chapter| (chapter.chapter_id, chapter.visual.description)).collect()
    }

    /// Shows each entry of the manifest with its file on the disk.
    pub(super) fn pictures(
        self,
        entries: Vec<ManifestEntry>,
        alts: &HashMap<ChapterId, String>,
    ) -> Result<Vec<PictureView>, FileError> {
        entries.into_iter().enumerate().map(|(at, entry)| self.picture(at + 1, entry, alts)).collect()
    }

    fn picture(
        self,
        order: usize,
        entry: ManifestEntry,
        alts: &HashMap<ChapterId, String>,
    ) -> Result<PictureView, FileError> {
        let id = self.dir.id();
        let (mut differs, mut url) = (None, None);
        if entry.status == ImageStatus::Generated {
            let path = self.dir.chapter_picture(&entry.chapter_id);
            match self.reader.hashes.hash_of(&self.reader.data, &path) {
                Ok(None) => differs = Some("the picture is missing on the disk".to_owned()),
                Ok(Some(hash)) => {
                    if entry.sha256 != Some(hash) {
                        differs =
                            Some("the file on the disk is another picture than the manifest's".to_owned());
                    }
                    url = Some((format!("/episodes/{id}/images/{}", entry.chapter_id), hash.short()));
                }
                Err(FileError::LeadsOut { .. }) => {
                    differs = Some("the file is a link that leads out of the workspace".to_owned());
                }
                Err(FileError::TooLarge { .. }) => {
                    differs = Some("the file is larger than any picture".to_owned());
                }
                Err(FileError::NotAFile { found, .. }) => {
                    differs = Some(format!("{found} stands where the picture should be"));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(PictureView {
            thumb_url: url.as_ref().map(|(place, version)| format!("{place}/thumb?v={version}")),
            url: url.map(|(place, version)| format!("{place}.png?v={version}")),
            file_name: format!("{id}-{}.png", entry.chapter_id),
            alt: alts.get(&entry.chapter_id).unwrap_or(&entry.chapter_title).clone(),
            differs,
            message: entry.error.or(entry.reason),
            commands: commands(id, &entry.chapter_id, entry.status),
            chapter_id: entry.chapter_id,
            order,
            title: entry.chapter_title,
            visual_type: entry.visual_type,
            status: entry.status,
            width: entry.width,
            height: entry.height,
            size_bytes: entry.size_bytes,
            model: entry.model,
            quality: entry.quality,
            cost_usd: entry.cost_usd,
            generated_at: entry.generated_at,
            prompt: entry.prompt,
            prompt_source: entry.prompt_source.map(|source| source.to_string()),
            revised_prompt: entry.revised_prompt,
            sha256: entry.sha256,
            attempts: entry.attempts,
            warnings: entry.warnings,
        })
    }
}

/// Returns the commands for one picture; they are for a terminal, since they may cost.
fn commands(id: &EpisodeId, chapter: &ChapterId, status: ImageStatus) -> Vec<CommandView> {
    match status {
        ImageStatus::Skipped => Vec::new(),
        ImageStatus::Generated => vec![
            command("Buy another picture", &format!("imagegen --force --chapter {chapter}"), id),
            command("List its earlier pictures", &format!("images history --chapter {chapter}"), id),
        ],
        ImageStatus::Rejected | ImageStatus::Failed | ImageStatus::Pending => {
            vec![command("Try again", &format!("imagegen --chapter {chapter}"), id)]
        }
    }
}
