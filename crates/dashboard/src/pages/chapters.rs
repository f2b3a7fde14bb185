//! The chapters of an episode: on a line, and one by one.

use std::collections::HashMap;

use actix_web::{HttpRequest, HttpResponse, web};
use btcedu_artifacts::FileError;
use btcedu_chapters::{
    Chapter, ChapterDocument, ChapterError, MAX_BYTES, Overlay, Parsed, Violation, parse_for,
};
use btcedu_domain::{ChapterId, EpisodeId, VisualType};

use super::{
    Format, Loaded, SharedPage,
    gather::{self, paragraphs},
    images::Disk,
    path_part,
};
use crate::{
    error::WebError,
    state::{AppState, Reader},
    templates::PageName,
    views::{
        chapters::{ChapterView, ChaptersView, OverlayView, ViolationView, VisualCountView},
        images::PictureView,
        parts::EpisodeHeadView,
    },
};

/// Shows the chapters.
pub(crate) async fn page(state: web::Data<AppState>, request: HttpRequest) -> Result<HttpResponse, WebError> {
    answer(&state, &request, Format::Html).await
}

/// Answers with the chapters as JSON.
#[utoipa::path(
    get, path = "/api/v1/episodes/{episode}/chapters", operation_id = "chapters",
    params(("episode" = String, Path, description = "The episode's id")),
    responses(
        (status = 200, description = "The chapters", body = ChaptersView),
        (status = 404, description = "There is no such episode"),
    ),
)]
pub(crate) async fn api(state: web::Data<AppState>, request: HttpRequest) -> Result<HttpResponse, WebError> {
    answer(&state, &request, Format::Json).await
}

async fn answer(state: &AppState, request: &HttpRequest, format: Format) -> Result<HttpResponse, WebError> {
    let id: EpisodeId = path_part(request, "episode", "episode")?;
    let page = SharedPage { name: PageName::Chapters, episode: Some(&id), format, is_kept: true };
    let dir = state.dir(&id);
    let load = move |reader: &Reader| {
        let episode = gather::head(&gather::episode(reader, dir.id())?);
        let view = load(Disk { reader, dir: &dir }, episode)?;
        Loaded::new(reader, format!("Chapters: {}", view.episode.title), view)
    };
    page.answer_from(state, request, load).await
}

fn load(disk: Disk<'_>, episode: EpisodeHeadView) -> Result<ChaptersView, FileError> {
    let path = disk.dir.chapters();
    let mut view = ChaptersView {
        document_title: String::new(),
        total_seconds: 0,
        problem: None,
        violations: Vec::new(),
        warnings: Vec::new(),
        stale: gather::stale_reason(&disk.reader.data, &path),
        chapters: Vec::new(),
        visual_types: Vec::new(),
        episode,
    };
    let bytes = match disk.reader.data.read(&path, MAX_BYTES) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => {
            view.problem = Some("there are no chapters yet".to_owned());
            return Ok(view);
        }
        Err(error) => {
            tracing::warn!(%error, "a chapter document is not shown");
            view.problem = Some("the chapters can't be read; the log of `btcedu web` says why".to_owned());
            return Ok(view);
        }
    };
    match parse_for(&bytes, disk.dir.id()) {
        Ok(Parsed { document, warnings, .. }) => {
            view.warnings = warnings.into_iter().map(violation).collect();
            fill(&mut view, document, pictures(disk)?);
        }
        Err(ChapterError::Invalid { violations }) => {
            view.problem = Some("the chapters break the rules of their schema".to_owned());
            view.violations = violations.into_iter().map(violation).collect();
        }
        Err(error) => view.problem = Some(error.to_string()),
    }
    Ok(view)
}

fn violation(violation: Violation) -> ViolationView {
    ViolationView { path: violation.path, message: violation.message }
}

/// Returns the pictures by chapter; a manifest that can't be read has none, and the gallery says why.
fn pictures(disk: Disk<'_>) -> Result<HashMap<ChapterId, PictureView>, FileError> {
    let entries = disk.manifest().ok().flatten().map(|manifest| manifest.images).unwrap_or_default();
    let pictures = disk.pictures(entries, &HashMap::new())?;
    Ok(pictures.into_iter().map(|picture| (picture.chapter_id.clone(), picture)).collect())
}

fn fill(view: &mut ChaptersView, document: ChapterDocument, mut pictures: HashMap<ChapterId, PictureView>) {
    let total: u32 = document.chapters.iter().map(length).fold(0, u32::saturating_add);
    let mut start = 0;
    for chapter in document.chapters {
        let mut picture = pictures.remove(&chapter.chapter_id);
        if let Some(picture) = &mut picture {
            picture.alt.clone_from(&chapter.visual.description);
        }
        let seconds = length(&chapter);
        count(&mut view.visual_types, chapter.visual.visual_type);
        view.chapters.push(chapter_view(chapter, picture, start, total));
        start += seconds;
    }
    view.document_title = document.title;
    view.total_seconds = total;
}

fn length(chapter: &Chapter) -> u32 {
    chapter.narration.estimated_duration_seconds
}

fn count(counts: &mut Vec<VisualCountView>, visual_type: VisualType) {
    match counts.iter_mut().find(|known| known.visual_type == visual_type) {
        Some(known) => known.count += 1,
        None => counts.push(VisualCountView { visual_type, count: 1 }),
    }
}

fn chapter_view(chapter: Chapter, picture: Option<PictureView>, start: u32, total: u32) -> ChapterView {
    let seconds = length(&chapter);
    ChapterView {
        order: chapter.order,
        title: chapter.title,
        start_seconds: start,
        duration_seconds: seconds,
        start_percent: percent(start.into(), total.into()),
        width_percent: percent(seconds.into(), total.into()),
        word_count: chapter.narration.word_count,
        narration: paragraphs(&chapter.narration.text),
        visual_type: chapter.visual.visual_type,
        visual_description: chapter.visual.description,
        image_prompt: chapter.visual.image_prompt,
        overlays: chapter.overlays.into_iter().map(|overlay| overlay_view(overlay, seconds)).collect(),
        transition_in: chapter.transitions.transition_in.to_string(),
        transition_out: chapter.transitions.transition_out.to_string(),
        notes: chapter.notes.filter(|notes| !notes.trim().is_empty()),
        chapter_id: chapter.chapter_id,
        picture,
    }
}

fn overlay_view(overlay: Overlay, chapter_seconds: u32) -> OverlayView {
    let chapter = f64::from(chapter_seconds);
    let end = overlay.start_offset_seconds.saturating_add(overlay.duration_seconds).as_f64();
    let (from, to) = (overlay.start_offset_seconds.as_f64().min(chapter), end.min(chapter));
    OverlayView {
        overlay_type: overlay.overlay_type.to_string(),
        text: overlay.text,
        start_seconds: overlay.start_offset_seconds,
        duration_seconds: overlay.duration_seconds,
        start_percent: percent(from, chapter),
        width_percent: percent(to - from, chapter),
        overruns: end > chapter,
    }
}

/// Rounded to a thousandth: less than a pixel.
fn percent(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { (part / whole * 100_000.0).round() / 1000.0 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use btcedu_chapters::{OverlayType, Seconds};

    use super::*;

    #[test]
    fn an_overlay_stays_on_its_chapters_axis() {
        let overlay = |start, duration| {
            let overlay = Overlay {
                overlay_type: OverlayType::Quote,
                text: String::new(),
                start_offset_seconds: Seconds::new(start).unwrap(),
                duration_seconds: Seconds::new(duration).unwrap(),
            };
            let view = overlay_view(overlay, 60);
            (view.start_percent, view.width_percent, view.overruns)
        };
        assert_eq!(overlay(0.0, 60.0), (0.0, 100.0, false));
        assert_eq!(overlay(15.0, 15.0), (25.0, 25.0, false));
        assert_eq!(overlay(1.5, 0.75), (2.5, 1.25, false));
        assert_eq!(overlay(45.0, 30.0), (75.0, 25.0, true));
        assert_eq!(overlay(90.0, 5.0), (100.0, 0.0, true));
        let longest = Seconds::MAX.as_f64();
        assert_eq!(overlay(longest, longest), (100.0, 0.0, true));
    }
}
