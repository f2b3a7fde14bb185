//! Table `content_artifacts`: the files that stages have written for an episode.

use btcedu_domain::{EpisodeId, Sha256Hash, UtcTime};
use diesel::{
    prelude::*,
    sql_types::{BigInt, Text},
    sqlite::Sqlite,
};

use crate::{error::DbError, pool::Conn, schema::content_artifacts};

/// A row of `content_artifacts`.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = content_artifacts, check_for_backend(Sqlite))]
pub struct ContentArtifact {
    /// Row id.
    pub id: i64,
    /// The episode's id (not its row id).
    pub episode_id: EpisodeId,
    /// The kind of artifact, as the stage names it.
    pub artifact_type: String,
    /// The file, relative to the workspace.
    pub file_path: String,
    /// The model that wrote it.
    pub model: Option<String>,
    /// Hash of the prompt that it was made with.
    pub prompt_hash: Option<Sha256Hash>,
    /// v1: the chunks that were retrieved for it.
    pub retrieval_snapshot_path: Option<String>,
    /// When it was written.
    pub created_at: UtcTime,
}

/// An artifact to insert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Insertable)]
#[diesel(table_name = content_artifacts)]
pub struct NewContentArtifact<'a> {
    /// The episode's id (not its row id).
    pub episode_id: &'a EpisodeId,
    /// The kind of artifact, as the stage names it.
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

/// Inserts an artifact and returns its row id.
///
/// # Errors
/// [`DbError::Constraint`] if there is no such episode.
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

/// An episode with an artifact that was made with a prompt.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct PromptUse {
    /// SHA-256 of the prompt's text.
    #[diesel(sql_type = Text)]
    pub prompt_hash: Sha256Hash,
    /// The episode's id (not its row id).
    #[diesel(sql_type = Text)]
    pub episode_id: EpisodeId,
    /// The episode's title.
    #[diesel(sql_type = Text)]
    pub title: String,
    /// The number of episodes with an artifact that was made with the prompt.
    #[diesel(sql_type = BigInt)]
    pub episodes: i64,
}

/// Lists the episodes of each prompt's artifacts, newest artifact first and at most `most` per prompt.
///
/// # Errors
/// [`DbError`] of the query.
pub fn list_prompt_uses(conn: &mut Conn, most: i64) -> Result<Vec<PromptUse>, DbError> {
    let query = diesel::sql_query(
        "SELECT prompt_hash, used.episode_id AS episode_id, title, episodes FROM (
            SELECT prompt_hash, episode_id,
                   ROW_NUMBER() OVER (PARTITION BY prompt_hash ORDER BY MAX(id) DESC) AS place,
                   COUNT(*) OVER (PARTITION BY prompt_hash) AS episodes
            FROM content_artifacts WHERE prompt_hash IS NOT NULL
            GROUP BY prompt_hash, episode_id
         ) AS used JOIN episodes USING (episode_id)
         WHERE place <= ?1 ORDER BY prompt_hash, place",
    );
    Ok(query.bind::<BigInt, _>(most).load(conn)?)
}
