//! One module per page: what is asked for, the view loaded from rows and files, the page and its JSON.

pub(crate) mod chapters;
pub(crate) mod costs;
pub(crate) mod episode;
pub(crate) mod episodes;
mod gather;
pub(crate) mod health;
pub(crate) mod images;
pub(crate) mod prompt;
pub(crate) mod prompts;
mod provenance;
pub(crate) mod review;
pub(crate) mod reviews;
pub(crate) mod text;

use std::str::FromStr;

use actix_session::Session;
use actix_web::{HttpRequest, HttpResponse};
use btcedu_domain::EpisodeId;
use btcedu_models::review_tasks;
use serde::Serialize;

use crate::{
    answer::{Body, Freshness, HTML},
    error::WebError,
    forms::{take_notice, token},
    state::AppState,
    templates::{Page, PageName},
};

/// Reads a part of the address; what doesn't have its form names nothing.
pub(crate) fn path_part<T: FromStr>(
    request: &HttpRequest,
    name: &str,
    what: &'static str,
) -> Result<T, WebError> {
    let text = request.match_info().get(name).unwrap_or_default();
    text.parse().map_err(|_no_such_id| WebError::no_such(what, text))
}

/// Who asks for a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum For {
    People,
    Programs,
}

/// A page that shows rows and files only, so it is the same for everybody until they change.
struct Shown<'a> {
    name: PageName,
    /// The episode whose files it shows, and whose changes it follows.
    episode: Option<&'a EpisodeId>,
    asked_by: For,
    /// Whether it shows nothing else: what the next stage would do depends on templates and the day, too.
    is_kept: bool,
}

impl Shown<'_> {
    /// Answers with the page as it was made before, or loads its view and makes it.
    async fn answer<V: Serialize>(
        &self,
        state: &AppState,
        request: &HttpRequest,
        load: impl AsyncFnOnce() -> Result<(String, V), WebError>,
    ) -> Result<HttpResponse, WebError> {
        let version = state.version(self.episode).await?;
        let query = request.query_string();
        let key =
            format!("{:?} {}?{query}", self.asked_by, crate::access::below(&state.base, request.path()));
        // The version was read first: what changes while the page is made is seen by the next who asks.
        let make = async || {
            let (title, view) = load().await?;
            match self.asked_by {
                For::Programs => Body::json(&view),
                For::People => self.page(state, &title, &version, &view).await,
            }
        };
        let body =
            if self.is_kept { state.cache.get_or_make(&key, &version, make).await? } else { make().await? };
        Ok(body.respond(request, Freshness::AskAgain))
    }

    async fn page(
        &self,
        state: &AppState,
        title: &str,
        version: &str,
        view: &impl Serialize,
    ) -> Result<Body, WebError> {
        let mut page = Page::new(state, self.name, title);
        page.pending_reviews = state.desk.db().run(review_tasks::count_open).await?;
        version.clone_into(&mut page.version);
        page.live = events_of(self.episode);
        Ok(Body::new(state.templates.render(&page, view)?.into(), HTML))
    }
}

/// Returns where the changes of a page are told.
fn events_of(episode: Option<&EpisodeId>) -> String {
    episode.map_or_else(|| "/events".to_owned(), |id| format!("/events?episode={id}"))
}

/// Lets a page with forms follow what it shows; `version` was read before that, so that no change is missed.
fn follow(page: &mut Page, episode: Option<&EpisodeId>, version: String) {
    page.version = version;
    page.live = events_of(episode);
}

/// Makes a page for this session only.
pub(crate) fn render_now(
    state: &AppState,
    request: &HttpRequest,
    page: &Page,
    view: &impl Serialize,
) -> Result<HttpResponse, WebError> {
    let html = state.templates.render(page, view)?;
    Ok(Body::new(html.into(), HTML).respond(request, Freshness::Never))
}

/// Begins a page with forms: the session's token, what became of the last form, and the badge.
async fn page_with_forms(
    state: &AppState,
    session: &Session,
    name: PageName,
    title: &str,
) -> Result<Page, WebError> {
    let mut page = Page::new(state, name, title);
    page.csrf = token(session)?;
    page.notice = take_notice(session);
    page.pending_reviews = state.desk.db().run(review_tasks::count_open).await?;
    Ok(page)
}
