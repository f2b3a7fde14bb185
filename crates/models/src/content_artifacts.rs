//! Table `content_artifacts`: which files a stage has written for an episode.

use btcedu_domain::{EpisodeId, Sha256Hash, UtcTime};
use diesel::{prelude::*, sqlite::Sqlite};

use crate::{db::Conn, error::DbError, schema::content_artifacts};

/// A row of `content_artifacts`.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = content_artifacts, check_for_backend(Sqlite))]
pub struct ContentArtifact {
    /// Row id.
    pub id: i64,
    /// The episode's id (not its row id).
    pub episode_id: EpisodeId,
    /// What it is, in the stage's words.
    pub artifact_type: String,
    /// The file, relative to the workspace.
    pub file_path: String,
    /// The model that wrote it.
    pub model: Option<String>,
    /// Hash of the prompt that it was made with.
    pub prompt_hash: Option<Sha256Hash>,
    /// v1: what was looked up for it.
    pub retrieval_snapshot_path: Option<String>,
    /// When it was written.
    pub created_at: UtcTime,
}

/// An artifact to write down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Insertable)]
#[diesel(table_name = content_artifacts)]
pub struct NewContentArtifact<'a> {
    /// The episode's id (not its row id).
    pub episode_id: &'a EpisodeId,
    /// What it is, in the stage's words.
    pub artifact_type: &'a str,
    /// The file, relative to the workspace.
    pub file_path: &'a str,
    /// The model that wrote it.
    pub model: Option<&'a str>,
    /// Hash of the prompt that it was made with.
    pub prompt_hash: Option<Sha256Hash>,
    /// When it was written.
    pub created_at: UtcTime,
}

/// Writes an artifact down and returns its row id.
///
/// # Errors
/// [`DbError::Constraint`] where there is no such episode.
pub fn insert(conn: &mut Conn, new: &NewContentArtifact<'_>) -> Result<i64, DbError> {
    let query = diesel::insert_into(content_artifacts::table).values(new);
    Ok(query.returning(content_artifacts::id).get_result(conn)?)
}

/// Lists an episode's artifacts, oldest first.
///
/// # Errors
/// [`DbError`] of the query.
pub fn list_for_episode(conn: &mut Conn, episode_id: &EpisodeId) -> Result<Vec<ContentArtifact>, DbError> {
    let query = content_artifacts::table.filter(content_artifacts::episode_id.eq(episode_id));
    Ok(query.order(content_artifacts::id).select(ContentArtifact::as_select()).load(conn)?)
}
