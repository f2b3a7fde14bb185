//! Style, script and icon.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::{answer::Freshness, error::WebError, state::AppState};

/// Answers with one asset.
pub(crate) async fn get(
    state: web::Data<AppState>,
    name: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, WebError> {
    let asset = state.assets.get(&name).ok_or_else(|| WebError::no_such("file", &*name))?;
    Ok(asset.body.respond(&request, Freshness::of_hash(&request, &asset.hash)))
}
