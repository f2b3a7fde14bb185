//! Manifests and their entries, for the tests of the crates above.

#![expect(clippy::expect_used, reason = "a test that can't be set up should stop at once, and say where")]

use btcedu_domain::{ChapterId, EpisodeId, ImageStatus, PromptSource, Sha256Hash, Usd, UtcTime, VisualType};

use crate::{
    EpisodeDir, MANIFEST_VERSION, Manifest, ManifestEntry, ManifestTotals, write_atomic, write_json_atomic,
};

/// The time in every document from here.
pub fn time() -> UtcTime {
    "2026-11-22T10:30:00Z".parse().expect("a time")
}

/// Returns a manifest of these entries, with its totals.
pub fn manifest(episode: &EpisodeId, images: Vec<ManifestEntry>) -> Manifest {
    let mut totals = ManifestTotals::default();
    for entry in &images {
        totals.count(entry.status);
        totals.cost_usd += entry.cost_usd.unwrap_or(Usd::ZERO);
    }
    Manifest {
        episode_id: episode.clone(),
        schema_version: MANIFEST_VERSION.to_owned(),
        generated_at: time(),
        model: "gpt-image-2".to_owned(),
        size: "1536x864".to_owned(),
        quality: "medium".to_owned(),
        style_prefix: "Flat style.".to_owned(),
        totals,
        images,
    }
}

/// Returns the entry of a chapter without a picture.
pub fn entry(chapter: &str, visual_type: VisualType, status: ImageStatus) -> ManifestEntry {
    let id: ChapterId = chapter.parse().expect("a chapter id");
    ManifestEntry::without_picture(id, format!("Bölüm {chapter}"), visual_type, status)
}

/// Returns the entry of a diagram that was made, with these bytes.
pub fn generated(chapter: &str, picture: &[u8]) -> ManifestEntry {
    ManifestEntry {
        prompt: Some(format!("The prompt of {chapter}")),
        prompt_source: Some(PromptSource::Chapter),
        model: Some("gpt-image-2".to_owned()),
        size: Some("1536x864".to_owned()),
        quality: Some("medium".to_owned()),
        file_path: Some(format!("images/{chapter}.png")),
        mime_type: Some("image/png".to_owned()),
        size_bytes: u64::try_from(picture.len()).ok(),
        sha256: Some(Sha256Hash::of_bytes(picture)),
        cost_usd: Some(Usd::from_micros(41_000)),
        generated_at: Some(time()),
        attempts: 1,
        ..entry(chapter, VisualType::Diagram, ImageStatus::Generated)
    }
}

/// Writes a manifest, and the pictures of those entries that were made, all with the same bytes.
pub fn write_gallery(dir: &EpisodeDir, images: Vec<ManifestEntry>, picture: &[u8]) {
    for entry in images.iter().filter(|entry| entry.status == ImageStatus::Generated) {
        write_atomic(&dir.chapter_picture(&entry.chapter_id), picture).expect("a picture");
    }
    write_json_atomic(&dir.manifest(), &manifest(dir.id(), images)).expect("a manifest");
}
