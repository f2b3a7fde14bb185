//! Style, script and icon, from inside the program; each address holds the content's hash.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, web};
use btcedu_domain::Sha256Hash;
use bytes::Bytes;
use rust_embed::RustEmbed;

use crate::{
    answer::{self, Freshness},
    error::WebError,
    state::AppState,
};

#[derive(RustEmbed)]
#[folder = "../../web-assets/static"]
#[exclude = ".*"]
struct Files;

/// All assets by name.
#[derive(Debug)]
pub(crate) struct Assets(BTreeMap<String, Asset>);

#[derive(Debug)]
struct Asset {
    body: answer::Body,
    hash: String,
}

impl Assets {
    pub(crate) fn load() -> Self {
        let assets = Files::iter().filter_map(|name| {
            let data = Bytes::from(Files::get(&name)?.data.into_owned());
            let hash = Sha256Hash::of_bytes(&data).short();
            Some((name.to_string(), Asset { body: answer::Body::new(data, media_type(&name)), hash }))
        });
        Self(assets.collect())
    }

    /// Returns an asset's address below the base path.
    pub(crate) fn url(&self, name: &str) -> String {
        let hash = self.0.get(name).map_or("", |asset| asset.hash.as_str());
        format!("/static/{name}?v={hash}")
    }
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

/// Serves one asset.
pub(crate) async fn get(
    state: web::Data<AppState>,
    name: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, WebError> {
    let asset = state.assets.0.get(name.as_str()).ok_or_else(|| WebError::no_such("file", &*name))?;
    let is_current = answer::asked_version(&request).is_some_and(|version| version == asset.hash);
    let freshness = if is_current { Freshness::Forever } else { Freshness::AskAgain };
    Ok(asset.body.respond(&request, freshness))
}
