//! Table `chunks` (v1): pieces of a transcript, with an index over their words.

use btcedu_domain::EpisodeId;
use diesel::{
    prelude::*,
    sql_types::{BigInt, Double, Integer, Nullable, Text},
    sqlite::Sqlite,
};

use crate::{error::DbError, pool::Conn, schema::chunks};

/// A row of `chunks`.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, QueryableByName)]
#[diesel(table_name = chunks, check_for_backend(Sqlite))]
pub struct Chunk {
    /// Row id.
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    /// The episode's id (not its row id).
    #[diesel(sql_type = Text)]
    pub episode_id: EpisodeId,
    /// Counts from 0 inside the episode.
    #[diesel(sql_type = Integer)]
    pub chunk_index: i32,
    /// The words.
    #[diesel(sql_type = Text)]
    pub text: String,
    /// Where it begins in the audio, in seconds.
    #[diesel(sql_type = Nullable<Double>)]
    pub start_seconds: Option<f64>,
    /// Where it ends in the audio, in seconds.
    #[diesel(sql_type = Nullable<Double>)]
    pub end_seconds: Option<f64>,
}

/// A chunk to write down.
#[derive(Debug, Clone, Copy, PartialEq, Insertable)]
#[diesel(table_name = chunks)]
pub struct NewChunk<'a> {
    /// The episode's id (not its row id).
    pub episode_id: &'a EpisodeId,
    /// Counts from 0 inside the episode.
    pub chunk_index: i32,
    /// The words.
    pub text: &'a str,
    /// Where it begins in the audio, in seconds.
    pub start_seconds: Option<f64>,
    /// Where it ends in the audio, in seconds.
    pub end_seconds: Option<f64>,
}

/// Writes a chunk down and returns its row id.
///
/// # Errors
/// [`DbError::Duplicate`] where the episode has a chunk with this index.
pub fn insert(conn: &mut Conn, new: &NewChunk<'_>) -> Result<i64, DbError> {
    let query = diesel::insert_into(chunks::table).values(new);
    Ok(query.returning(chunks::id).get_result(conn)?)
}

/// Lists an episode's chunks in order.
///
/// # Errors
/// [`DbError`] of the query.
pub fn list_for_episode(conn: &mut Conn, episode_id: &EpisodeId) -> Result<Vec<Chunk>, DbError> {
    let query = chunks::table.filter(chunks::episode_id.eq(episode_id));
    Ok(query.order(chunks::chunk_index).select(Chunk::as_select()).load(conn)?)
}

/// Lists chunks that have all of these words, best first.
///
/// # Errors
/// [`DbError`] of the query.
pub fn list_matching(conn: &mut Conn, words: &str, limit: i64) -> Result<Vec<Chunk>, DbError> {
    // Each word in quotes, so that nothing in it is taken for FTS5's query language.
    let quoted: Vec<String> =
        words.split_whitespace().map(|word| format!("\"{}\"", word.replace('"', "\"\""))).collect();
    if quoted.is_empty() {
        return Ok(Vec::new());
    }
    let query = diesel::sql_query(
        "SELECT chunks.* FROM chunks_fts JOIN chunks ON chunks.id = chunks_fts.rowid
         WHERE chunks_fts MATCH ? ORDER BY chunks_fts.rank LIMIT ?",
    );
    Ok(query.bind::<Text, _>(quoted.join(" ")).bind::<BigInt, _>(limit).load(conn)?)
}

/// Deletes an episode's chunks and returns how many there were.
///
/// # Errors
/// [`DbError`] of the query.
pub fn delete_for_episode(conn: &mut Conn, episode_id: &EpisodeId) -> Result<usize, DbError> {
    Ok(diesel::delete(chunks::table.filter(chunks::episode_id.eq(episode_id))).execute(conn)?)
}
