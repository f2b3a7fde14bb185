//! One module per page: what is asked for, the view loaded from rows and files, the page and its JSON.

pub(crate) mod chapters;
pub(crate) mod costs;
pub(crate) mod episode;
pub(crate) mod episodes;
pub(crate) mod events;
mod gather;
pub(crate) mod health;
pub(crate) mod images;
pub(crate) mod metrics;
pub(crate) mod pictures;
pub(crate) mod prompt;
pub(crate) mod prompts;
mod provenance;
pub(crate) mod review;
pub(crate) mod reviews;
pub(crate) mod sign_in;
pub(crate) mod static_file;
pub(crate) mod text;

use std::str::FromStr;

use actix_session::Session;
use actix_web::{HttpRequest, HttpResponse};
use btcedu_domain::EpisodeId;
use serde::Serialize;

use crate::{
    answer::{Body, Freshness, HTML},
    error::WebError,
    forms::{take_notice, token},
    state::{AppState, Reader},
    templates::{Page, PageName},
};

/// Reads a part of the address; a text that isn't of its form names nothing.
fn path_part<T: FromStr>(request: &HttpRequest, name: &str, what: &'static str) -> Result<T, WebError> {
    let text = request.match_info().get(name).unwrap_or_default();
    text.parse().map_err(|_no_such_id| WebError::no_such(what, text))
}

/// How a view is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    /// As a page, for people.
    Html,
    /// As JSON, for programs.
    Json,
}

/// A page without forms: it is the same for every visitor until rows or files change.
struct SharedPage<'a> {
    name: PageName,
    /// The episode whose files it shows, and whose changes it follows.
    episode: Option<&'a EpisodeId>,
    format: Format,
    /// Whether it may be kept. What the next stage would do depends on templates and the day, too, so a page that
    /// shows that may not.
    is_kept: bool,
}

/// A view, and what the page around it needs.
struct Loaded<V> {
    title: String,
    view: V,
    pending_reviews: i64,
}

impl<V> Loaded<V> {
    /// Adds the count of waiting reviews; blocks.
    fn new(reader: &Reader, title: impl Into<String>, view: V) -> Result<Self, WebError> {
        Ok(Self { title: title.into(), view, pending_reviews: reader.pending_reviews()? })
    }
}

impl SharedPage<'_> {
    /// Answers with the page as it was made before, or loads its view and makes it.
    async fn answer<V: Serialize>(
        &self,
        state: &AppState,
        request: &HttpRequest,
        load: impl AsyncFnOnce() -> Result<Loaded<V>, WebError>,
    ) -> Result<HttpResponse, WebError> {
        // Read before the view: a change while the page is made gives the next request another version.
        let version = state.version(self.episode).await?;
        let make = async || self.make(state, &version, &load().await?);
        let body = if self.is_kept {
            let path = state.base.strip(request.path());
            let address = format!("{:?} {path}?{}", self.format, request.query_string());
            state.cache.get_or_make(&address, &version, make).await?
        } else {
            make().await?
        };
        Ok(body.respond(request, Freshness::AskAgain))
    }

    /// As [`SharedPage::answer`], with a view that is loaded in one closure on a thread that may block.
    async fn answer_from<V: Serialize + Send + 'static>(
        &self,
        state: &AppState,
        request: &HttpRequest,
        load: impl FnOnce(&Reader) -> Result<Loaded<V>, WebError> + Send + 'static,
    ) -> Result<HttpResponse, WebError> {
        self.answer(state, request, async || state.read(load).await).await
    }

    fn make<V: Serialize>(
        &self,
        state: &AppState,
        version: &str,
        loaded: &Loaded<V>,
    ) -> Result<Body, WebError> {
        if self.format == Format::Json {
            return Body::json(&loaded.view);
        }
        let mut page = Page::new(state.site(), self.name, &loaded.title);
        page.pending_reviews = loaded.pending_reviews;
        follow(&mut page, self.episode, version);
        Ok(Body::new(state.templates.render(&page, &loaded.view)?.into(), HTML))
    }
}

/// Lets a page follow what it shows; `version` is that of before its view was read, so that no change is missed.
fn follow(page: &mut Page, episode: Option<&EpisodeId>, version: &str) {
    version.clone_into(&mut page.version);
    page.live = episode.map_or_else(|| "/events".to_owned(), |id| format!("/events?episode={id}"));
}

/// Answers with a page for this session only.
fn render_now(
    state: &AppState,
    request: &HttpRequest,
    page: &Page,
    view: &impl Serialize,
) -> Result<HttpResponse, WebError> {
    let html = state.templates.render(page, view)?;
    Ok(Body::new(html.into(), HTML).respond(request, Freshness::Never))
}

/// Begins a page with forms: the session's token, what came of the last form, and the count of waiting reviews.
fn page_with_forms(
    state: &AppState,
    session: &Session,
    name: PageName,
    title: &str,
    pending_reviews: i64,
) -> Result<Page, WebError> {
    let mut page = Page::new(state.site(), name, title);
    page.csrf = token(session)?;
    page.notice = take_notice(session);
    page.pending_reviews = pending_reviews;
    Ok(page)
}
