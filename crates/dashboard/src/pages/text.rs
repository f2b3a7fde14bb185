//! One text of an episode, to read.

use std::path::Path;

use actix_web::{HttpRequest, HttpResponse, web};
use btcedu_artifacts::{DataDir, EpisodeDir, FileError, LoadedText};
use btcedu_domain::{EpisodeId, ReviewStage, Sha256Hash};
use btcedu_texts::{AdaptationDiff, plain};

use super::{
    Format, Loaded, SharedPage,
    gather::{self, TextKind, paragraphs},
    path_part,
};
use crate::{
    error::WebError,
    markup::{Marked, script_html},
    state::{AppState, Reader},
    templates::PageName,
    views::{parts::EpisodeHeadView, text::TextView},
};

/// Shows the text.
pub(crate) async fn page(state: web::Data<AppState>, request: HttpRequest) -> Result<HttpResponse, WebError> {
    answer(&state, &request, Format::Html).await
}

/// Answers with the text as JSON.
#[utoipa::path(
    get, path = "/api/v1/episodes/{episode}/texts/{kind}", operation_id = "text",
    params(
        ("episode" = String, Path, description = "The episode's id"),
        ("kind" = String, Path, description = "raw, clean, corrected, turkish or adapted"),
    ),
    responses(
        (status = 200, description = "The text", body = TextView),
        (status = 404, description = "There is no such episode or text"),
    ),
)]
pub(crate) async fn api(state: web::Data<AppState>, request: HttpRequest) -> Result<HttpResponse, WebError> {
    answer(&state, &request, Format::Json).await
}

async fn answer(state: &AppState, request: &HttpRequest, format: Format) -> Result<HttpResponse, WebError> {
    let id: EpisodeId = path_part(request, "episode", "episode")?;
    let name = request.match_info().get("kind").unwrap_or_default();
    let kind = TextKind::of(name).ok_or_else(|| WebError::no_such("text", name))?;
    let page = SharedPage { name: PageName::Text, episode: Some(&id), format, is_kept: true };
    let dir = state.dir(&id);
    let load = move |reader: &Reader| {
        let episode = gather::head(&gather::episode(reader, dir.id())?);
        let view = load(&reader.data, &dir, episode, kind)?;
        Loaded::new(reader, format!("{}: {}", view.text.label, view.episode.title), view)
    };
    page.answer_from(state, request, load).await
}

fn load(
    data: &DataDir,
    dir: &EpisodeDir,
    episode: EpisodeHeadView,
    kind: TextKind,
) -> Result<TextView, WebError> {
    let links = TextKind::ALL.into_iter().map(|kind| kind.link(data, dir));
    let text = read_text(data, &kind.path(dir))?.map_or_else(String::new, |loaded| loaded.text);
    let is_script = kind == TextKind::Adapted && !text.is_empty();
    let html = is_script.then(|| {
        let diff = data.read_json::<AdaptationDiff>(&dir.review_diff(ReviewStage::Adapt));
        // The list may be of another script by now.
        let of_this = diff.ok().flatten().filter(|diff| diff.adapted_length == text.chars().count());
        let adaptations = of_this.map(|diff| diff.adaptations).unwrap_or_default();
        script_html(&text, &adaptations.iter().map(Marked::new).collect::<Vec<_>>())
    });
    Ok(TextView {
        episode,
        text: kind.link(data, dir),
        texts: links.collect(),
        words: text.split_whitespace().count(),
        paragraphs: paragraphs(&text),
        html,
    })
}

/// Reads a text; bytes that are no UTF-8 are shown as replacement characters, and a file that is refused is missing.
pub(super) fn read_text(data: &DataDir, path: &Path) -> Result<Option<LoadedText>, FileError> {
    match btcedu_artifacts::read_text(data, path) {
        Err(FileError::NotText { source, .. }) => {
            let hash = Sha256Hash::of_bytes(source.as_bytes());
            let text = plain(&String::from_utf8_lossy(source.as_bytes())).into_owned();
            Ok(Some(LoadedText { text, hash }))
        }
        Err(error) if error.is_refused() => {
            tracing::warn!(%error, "a text is not shown");
            Ok(None)
        }
        other => other,
    }
}
