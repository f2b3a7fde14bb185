//! Style, script and icon, from inside the program; each address holds the content's hash.

use std::collections::BTreeMap;

use btcedu_domain::Sha256Hash;
use bytes::Bytes;
use rust_embed::RustEmbed;

use crate::answer::Body;

#[derive(RustEmbed)]
#[folder = "../../web-assets/static"]
#[exclude = ".*"]
struct Files;

/// All assets by name.
#[derive(Debug)]
pub(crate) struct Assets(BTreeMap<String, Asset>);

/// One asset.
#[derive(Debug)]
pub(crate) struct Asset {
    pub(crate) body: Body,
    pub(crate) hash: String,
}

impl Assets {
    pub(crate) fn load() -> Self {
        let assets = Files::iter().filter_map(|name| {
            let data = Bytes::from(Files::get(&name)?.data.into_owned());
            let hash = Sha256Hash::of_bytes(&data).short();
            Some((name.to_string(), Asset { body: Body::new(data, media_type(&name)), hash }))
        });
        Self(assets.collect())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Asset> {
        self.0.get(name)
    }

    /// Returns an asset's address below the base path.
    pub(crate) fn url(&self, name: &str) -> String {
        let hash = self.get(name).map_or("", |asset| asset.hash.as_str());
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
