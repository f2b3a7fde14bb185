//! Pictures and their small copies, as they are on the disk right now.

use actix_files::NamedFile;
use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{
        self, ContentDisposition, DispositionParam, DispositionType, EntityTag, TryIntoHeaderValue,
    },
    web,
};
use btcedu_domain::{ChapterId, EpisodeId, Sha256Hash};

use super::path_part;
use crate::{
    answer::{Freshness, has_already},
    error::WebError,
    hashes::OpenPicture,
    state::AppState,
};

/// Which picture is asked for.
struct Asked {
    episode: EpisodeId,
    chapter: ChapterId,
}

impl Asked {
    fn of(request: &HttpRequest) -> Result<Self, WebError> {
        let episode = path_part(request, "episode", "episode")?;
        Ok(Self { episode, chapter: path_part(request, "chapter", "chapter")? })
    }

    /// Opens the picture, so that what is sent is what was hashed.
    async fn open(&self, state: &AppState) -> Result<OpenPicture, WebError> {
        let path = state.dir(&self.episode).chapter_picture(&self.chapter);
        let opened = state.read(move |reader| Ok(reader.hashes.open(&reader.data, &path)?)).await?;
        opened.ok_or_else(|| WebError::NotFound(format!("there is no picture of chapter '{}'", self.chapter)))
    }
}

fn tag_of(hash: Sha256Hash) -> EntityTag {
    EntityTag::new_strong(hash.short())
}

/// Answers with the picture itself.
pub(crate) async fn full(state: web::Data<AppState>, request: HttpRequest) -> Result<HttpResponse, WebError> {
    let asked = Asked::of(&request)?;
    let OpenPicture { path, file, hash } = asked.open(&state).await?;
    let name = DispositionParam::Filename(format!("{}-{}.png", asked.episode, asked.chapter));
    let disposition = ContentDisposition { disposition: DispositionType::Inline, parameters: vec![name] };
    let mut response = NamedFile::from_file(file, path)
        .map_err(WebError::internal)?
        .set_content_disposition(disposition)
        .use_last_modified(false)
        .use_etag(false)
        .into_response(&request);
    if has_already(&request, &tag_of(hash)) {
        response = HttpResponse::NotModified().finish();
    }
    put_headers(&mut response, &request, hash);
    Ok(response)
}

/// Answers with the small copy, which is made when it is first asked for.
pub(crate) async fn thumb(
    state: web::Data<AppState>,
    request: HttpRequest,
) -> Result<HttpResponse, WebError> {
    let asked = Asked::of(&request)?;
    let picture = asked.open(&state).await?;
    let hash = picture.hash;
    let mut response = if has_already(&request, &tag_of(hash)) {
        HttpResponse::NotModified().finish()
    } else {
        let copy = state.thumbnails.get_or_make(&state.dir(&asked.episode), picture).await?;
        HttpResponse::Ok().insert_header((header::CONTENT_TYPE, "image/jpeg")).body(copy)
    };
    put_headers(&mut response, &request, hash);
    Ok(response)
}

fn put_headers(response: &mut HttpResponse, request: &HttpRequest, hash: Sha256Hash) {
    let freshness = Freshness::of_hash(request, &hash.short());
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static(freshness.header()));
    if let Ok(tag) = tag_of(hash).try_into_value() {
        headers.insert(header::ETAG, tag);
    }
}
