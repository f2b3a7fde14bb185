//! The `OpenAPI` document of `/api/v1`, from the handlers themselves.

use actix_web::{HttpRequest, HttpResponse, web};
use utoipa::OpenApi;

use crate::{
    answer::{Body, Freshness, JSON},
    error::WebError,
    pages::{chapters, costs, episode, episodes, images, prompt, prompts, review, reviews, text},
    state::AppState,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "btcedu dashboard",
        description = "What the dashboard's pages show, for programs. Reading only: reviews are decided on the pages, or with `btcedu review`. Addresses in answers are below the dashboard's base path."
    ),
    paths(
        episodes::api,
        episode::api,
        text::api,
        chapters::api,
        images::api,
        reviews::api,
        review::api,
        prompts::api,
        prompt::api,
        costs::api,
    )
)]
struct Document;

/// Returns the document as JSON, indented, with a line break at the end.
pub fn openapi_json() -> String {
    let mut text = Document::openapi().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

/// Answers with the document.
pub(crate) async fn document(
    _state: web::Data<AppState>,
    request: HttpRequest,
) -> Result<HttpResponse, WebError> {
    Ok(Body::new(openapi_json().into(), JSON).respond(&request, Freshness::AskAgain))
}
