//! A picture's row in `media_assets`.

use btcedu_artifacts::{FileFacts, Sidecar};
use btcedu_domain::{AssetType, ChapterId, EpisodeId, UtcTime};
use btcedu_models::{
    Conn, DbError,
    media_assets::{self, MediaAsset, NewMediaAsset},
    prompt_versions::PromptVersion,
};
use serde_json::json;

use crate::imagegen::facts::AssetMetadata;

/// A row of `media_assets` as it should be.
#[derive(Debug, Clone)]
pub(crate) struct ImageRow {
    chapter: ChapterId,
    file_path: String,
    mime_type: String,
    size_bytes: i64,
    metadata: String,
    prompt_version: Option<i64>,
    created_at: UtcTime,
}

impl ImageRow {
    pub(crate) fn of(
        chapter: &ChapterId,
        sidecar: &Sidecar,
        versions: &[PromptVersion],
        facts: RowFacts,
    ) -> Self {
        let metadata = AssetMetadata {
            call_id: sidecar.call_id,
            request_hash: sidecar.request_hash,
            sha256: sidecar.sha256,
            model: sidecar.model.clone(),
            cost_usd: sidecar.cost_usd,
            stored_facts: facts.stored,
            chapter_facts: facts.chapter,
        };
        let template = sidecar.snapshot.settings.template.as_ref();
        Self {
            chapter: chapter.clone(),
            file_path: format!("images/{chapter}.png"),
            mime_type: sidecar.mime_type.clone(),
            size_bytes: i64::try_from(sidecar.size_bytes).unwrap_or(i64::MAX),
            metadata: json!(metadata).to_string(),
            prompt_version: template
                .and_then(|t| versions.iter().find(|v| v.content_hash == t.template_hash))
                .map(|v| v.id),
            created_at: sidecar.generated_at,
        }
    }

    /// Tells whether the table has it already.
    pub(crate) fn is_in(&self, rows: &[MediaAsset]) -> bool {
        rows.iter().any(|row| {
            row.chapter_id.as_ref() == Some(&self.chapter)
                && row.file_path.as_ref() == Some(&self.file_path)
                && row.mime_type.as_ref() == Some(&self.mime_type)
                && row.size_bytes == Some(self.size_bytes)
                && row.metadata.as_ref() == Some(&self.metadata)
                && row.prompt_version_id == self.prompt_version
        })
    }

    pub(crate) fn upsert(&self, conn: &mut Conn, episode: &EpisodeId) -> Result<(), DbError> {
        media_assets::upsert_image(
            conn,
            &NewMediaAsset {
                episode_id: episode,
                asset_type: AssetType::Image,
                chapter_id: Some(&self.chapter),
                file_path: Some(&self.file_path),
                mime_type: Some(&self.mime_type),
                size_bytes: Some(self.size_bytes),
                duration_seconds: None,
                metadata: Some(&self.metadata),
                prompt_version_id: self.prompt_version,
                created_at: self.created_at,
            },
        )
        .map(drop)
    }
}

/// What the file system knows of a picture's two files; lets the next run believe without hashing.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RowFacts {
    pub(crate) stored: Option<FileFacts>,
    pub(crate) chapter: Option<FileFacts>,
}
