//! Pictures and their small copies, by what is on the disk right now.

use std::{
    collections::HashMap,
    fs::File,
    io::{Read, Seek},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use actix_files::NamedFile;
use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, ContentDisposition, DispositionParam, DispositionType},
    web,
};
use btcedu_artifacts::{DataDir, EpisodeDir, FileError, FileFacts, write_atomic};
use btcedu_domain::{ChapterId, EpisodeId, Sha256Hash};
use bytes::Bytes;

use crate::{
    answer::{Freshness, asked_version, knows},
    error::WebError,
    pages::path_part,
    state::AppState,
};

/// No picture is larger, in bytes.
const MAX_PICTURE: u64 = btcedu_pictures::MAX_BYTES as u64;
/// So many hashes are remembered before all are forgotten.
const MAX_HASHES: usize = 20_000;

/// Hashes of pictures, computed once for each state of a file; and who makes a small copy right now.
#[derive(Debug, Default)]
pub(crate) struct Hashes {
    known: Arc<Mutex<HashMap<PathBuf, (FileFacts, Sha256Hash)>>>,
    /// Two who ask for the same copy at once get the same; by the first byte of its hash.
    makers: [tokio::sync::Mutex<()>; 8],
}

impl Hashes {
    /// Returns what [`hash_of`] does, with what is known already.
    pub(crate) fn known(&self) -> KnownHashes {
        KnownHashes(self.known.clone())
    }
}

/// A handle to what is known, for a thread that reads files.
#[derive(Debug, Clone)]
pub(crate) struct KnownHashes(Arc<Mutex<HashMap<PathBuf, (FileFacts, Sha256Hash)>>>);

impl KnownHashes {
    /// Opens a picture and hashes it, unless that was done since it was last changed; `None` where there is none.
    ///
    /// # Errors
    /// [`FileError`] of a file that can't be read, is too large, or leads out of the workspace.
    pub(crate) fn open(&self, data: &DataDir, path: &Path) -> Result<Option<(File, Sha256Hash)>, FileError> {
        // Opened each time: a link may have taken the file's place.
        let Some(mut file) = data.open_inside(path)? else { return Ok(None) };
        let facts = FileFacts::of(&file, path)?;
        if let Some((then, hash)) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(path)
            && *then == facts
        {
            return Ok(Some((file, *hash)));
        }
        if facts.size_bytes > MAX_PICTURE {
            return Err(FileError::TooLarge { path: path.to_owned(), limit: MAX_PICTURE });
        }
        let failed = |source| FileError::Read { path: path.to_owned(), source };
        let hash = Sha256Hash::of_reader((&mut file).take(MAX_PICTURE)).map_err(failed)?;
        file.rewind().map_err(failed)?;
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_HASHES {
            known.clear();
        }
        known.insert(path.to_owned(), (facts, hash));
        Ok(Some((file, hash)))
    }

    /// Returns a picture's hash.
    ///
    /// # Errors
    /// As [`KnownHashes::open`].
    pub(crate) fn hash_of(&self, data: &DataDir, path: &Path) -> Result<Option<Sha256Hash>, FileError> {
        Ok(self.open(data, path)?.map(|(_, hash)| hash))
    }
}

/// Reads ids from an address; what is no id names nothing.
fn ids(request: &HttpRequest) -> Result<(EpisodeId, ChapterId), WebError> {
    let episode = path_part(request, "episode", "episode")?;
    let chapter = path_part(request, "chapter", "chapter")?;
    Ok((episode, chapter))
}

fn freshness(request: &HttpRequest, hash: Sha256Hash) -> Freshness {
    if asked_version(request) == Some(hash.short().as_str()) {
        Freshness::Forever
    } else {
        Freshness::AskAgain
    }
}

fn tag(hash: Sha256Hash) -> String {
    format!("\"{}\"", hash.short())
}

/// A picture that is open, so that what is sent is what was hashed.
struct Picture {
    path: PathBuf,
    file: File,
    hash: Sha256Hash,
}

/// Opens the picture of a chapter.
async fn find(state: &AppState, dir: &EpisodeDir, chapter: &ChapterId) -> Result<Picture, WebError> {
    let (data, path, known) = (state.desk.data().clone(), dir.chapter_picture(chapter), state.hashes.known());
    let opened =
        btcedu_pictures::offload(move || known.open(&data, &path).map(|found| (path, found))).await??;
    let (path, Some((file, hash))) = opened else {
        return Err(WebError::NotFound(format!("there is no picture of chapter '{chapter}'")));
    };
    Ok(Picture { path, file, hash })
}

/// Answers with the picture itself.
pub(crate) async fn full(state: web::Data<AppState>, request: HttpRequest) -> Result<HttpResponse, WebError> {
    let (episode, chapter) = ids(&request)?;
    let Picture { path, file, hash } = find(&state, &state.dir(&episode), &chapter).await?;
    let name = DispositionParam::Filename(format!("{episode}-{chapter}.png"));
    let disposition = ContentDisposition { disposition: DispositionType::Inline, parameters: vec![name] };
    let mut response = NamedFile::from_file(file, path)
        .map_err(WebError::internal)?
        .set_content_disposition(disposition)
        .use_last_modified(false)
        .use_etag(false)
        .into_response(&request);
    if knows(&request, &tag(hash)) {
        response = HttpResponse::NotModified().finish();
    }
    put_headers(&mut response, freshness(&request, hash), hash);
    Ok(response)
}

/// Answers with the small copy, made when it is first asked for.
pub(crate) async fn thumb(
    state: web::Data<AppState>,
    request: HttpRequest,
) -> Result<HttpResponse, WebError> {
    let (episode, chapter) = ids(&request)?;
    let dir = state.dir(&episode);
    let picture = find(&state, &dir, &chapter).await?;
    let hash = picture.hash;
    let mut response = if knows(&request, &tag(hash)) {
        HttpResponse::NotModified().finish()
    } else {
        let jpeg = load_or_make(&state, &dir, picture).await?;
        HttpResponse::Ok().insert_header((header::CONTENT_TYPE, "image/jpeg")).body(jpeg)
    };
    put_headers(&mut response, freshness(&request, hash), hash);
    Ok(response)
}

fn put_headers(response: &mut HttpResponse, freshness: Freshness, hash: Sha256Hash) {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static(freshness.header()));
    if let Ok(tag) = header::HeaderValue::from_str(&tag(hash)) {
        headers.insert(header::ETAG, tag);
    }
}

async fn load_or_make(state: &AppState, dir: &EpisodeDir, picture: Picture) -> Result<Bytes, WebError> {
    let Picture { path, file, hash } = picture;
    let small = dir.thumbnail(&hash);
    if let Some(jpeg) = read(state, &small).await? {
        return Ok(jpeg);
    }
    let maker = hash.to_string().bytes().next().map_or(0, usize::from) % state.hashes.makers.len();
    let Some(maker) = state.hashes.makers.get(maker) else { return Err(WebError::internal("no maker")) };
    let _turn = maker.lock().await;
    // Somebody else may have made it meanwhile.
    if let Some(jpeg) = read(state, &small).await? {
        return Ok(jpeg);
    }
    let read_all = move || {
        let mut bytes = Vec::new();
        file.take(MAX_PICTURE).read_to_end(&mut bytes).map_err(|source| FileError::Read { path, source })?;
        Ok::<_, FileError>(bytes)
    };
    let bytes = Bytes::from(btcedu_pictures::offload(read_all).await??);
    if Sha256Hash::of_bytes(&bytes) != hash {
        return Err(WebError::NotFound(
            "the picture was changed while it was read; load the page anew".to_owned(),
        ));
    }
    let jpeg = match btcedu_pictures::thumbnail(bytes).await {
        Ok(jpeg) => jpeg,
        Err(error) => return Err(WebError::NotFound(format!("there is no small copy: {error}"))),
    };
    let (copy, data) = (jpeg.clone(), state.desk.data().clone());
    let keep = move || data.check_inside(&small).and_then(|()| write_atomic(&small, &copy));
    if let Err(error) = btcedu_pictures::offload(keep).await? {
        // A disk that is full, or can't be written, hides no picture.
        tracing::warn!(%error, "the small copy can't be kept, so it is made again next time");
    }
    Ok(jpeg)
}

async fn read(state: &AppState, path: &Path) -> Result<Option<Bytes>, WebError> {
    let (data, path) = (state.desk.data().clone(), path.to_owned());
    let read = btcedu_pictures::offload(move || data.read_inside(&path, MAX_PICTURE)).await?;
    Ok(read?.map(Bytes::from))
}
