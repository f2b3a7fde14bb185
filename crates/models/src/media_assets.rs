//! Table `media_assets`: the current pictures, audio and videos of an episode.

use btcedu_domain::{AssetType, ChapterId, EpisodeId, UtcTime};
use diesel::{prelude::*, sqlite::Sqlite};

use crate::{
    columns::AnyTime,
    error::{DbError, expect_row},
    pool::Conn,
    schema::media_assets,
};

/// A row of `media_assets`.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable)]
#[diesel(table_name = media_assets, check_for_backend(Sqlite))]
pub struct MediaAsset {
    /// Row id.
    pub id: i64,
    /// The episode's id (not its row id).
    pub episode_id: EpisodeId,
    /// The kind of asset.
    pub asset_type: AssetType,
    /// The chapter that it belongs to.
    pub chapter_id: Option<ChapterId>,
    /// The file, relative to `outputs/{ep}/`.
    pub file_path: Option<String>,
    /// The file's media type.
    pub mime_type: Option<String>,
    /// The file's size in bytes.
    pub size_bytes: Option<i64>,
    /// Length of audio or video in seconds.
    pub duration_seconds: Option<f64>,
    /// Other facts, as JSON.
    pub metadata: Option<String>,
    /// The template version that the prompt was written with; none for a chapter's own prompt.
    pub prompt_version_id: Option<i64>,
    /// When it was made.
    #[diesel(deserialize_as = AnyTime)]
    pub created_at: Option<UtcTime>,
}

/// An asset to insert.
#[derive(Debug, Clone, Copy, PartialEq, Insertable, AsChangeset)]
#[diesel(table_name = media_assets, treat_none_as_null = true)]
pub struct NewMediaAsset<'a> {
    /// The episode's id (not its row id).
    pub episode_id: &'a EpisodeId,
    /// The kind of asset.
    pub asset_type: AssetType,
    /// The chapter that it belongs to.
    pub chapter_id: Option<&'a ChapterId>,
    /// The file, relative to `outputs/{ep}/`.
    pub file_path: Option<&'a str>,
    /// The file's media type.
    pub mime_type: Option<&'a str>,
    /// The file's size in bytes.
    pub size_bytes: Option<i64>,
    /// Length of audio or video in seconds.
    pub duration_seconds: Option<f64>,
    /// Other facts, as JSON; the table refuses any other text.
    pub metadata: Option<&'a str>,
    /// The template version that the prompt was written with.
    pub prompt_version_id: Option<i64>,
    /// When it was made.
    pub created_at: UtcTime,
}

/// Lists the rows of an episode's current pictures, by chapter id.
///
/// # Errors
/// [`DbError`] of the query.
pub fn list_images(conn: &mut Conn, episode_id: &EpisodeId) -> Result<Vec<MediaAsset>, DbError> {
    let query = media_assets::table
        .filter(media_assets::episode_id.eq(episode_id))
        .filter(media_assets::asset_type.eq(AssetType::Image));
    let order = (media_assets::chapter_id, media_assets::id);
    Ok(query.order(order).select(MediaAsset::as_select()).load(conn)?)
}

/// Inserts an asset and returns its row id.
///
/// # Errors
/// [`DbError::Duplicate`] for a second picture of one chapter.
pub fn insert(conn: &mut Conn, new: &NewMediaAsset<'_>) -> Result<i64, DbError> {
    let query = diesel::insert_into(media_assets::table).values(new);
    Ok(query.returning(media_assets::id).get_result(conn)?)
}

/// Inserts or replaces a chapter's picture and returns its row id.
///
/// # Errors
/// [`DbError::Constraint`] if the metadata isn't JSON or the prompt version is unknown.
pub fn upsert_image(conn: &mut Conn, new: &NewMediaAsset<'_>) -> Result<i64, DbError> {
    let as_image = NewMediaAsset { asset_type: AssetType::Image, ..*new };
    let current = media_assets::table
        .filter(media_assets::episode_id.eq(new.episode_id))
        .filter(media_assets::asset_type.eq(AssetType::Image))
        .filter(media_assets::chapter_id.is(new.chapter_id));
    let updated = diesel::update(current).set(as_image).returning(media_assets::id);
    match updated.get_result(conn).optional()? {
        Some(id) => Ok(id),
        None => insert(conn, &as_image),
    }
}

/// Replaces an asset's metadata (JSON).
///
/// # Errors
/// [`DbError::NotFound`] if there is no such row, [`DbError::Constraint`] if it isn't JSON.
pub fn set_metadata(conn: &mut Conn, id: i64, metadata: Option<&str>) -> Result<(), DbError> {
    let query = diesel::update(media_assets::table.find(id)).set(media_assets::metadata.eq(metadata));
    expect_row(query.execute(conn)?, "media asset", &id)
}

/// Deletes the row of a chapter's picture and tells whether there was one.
///
/// # Errors
/// [`DbError`] of the query.
pub fn delete_image(
    conn: &mut Conn,
    episode_id: &EpisodeId,
    chapter_id: &ChapterId,
) -> Result<bool, DbError> {
    let rows = media_assets::table
        .filter(media_assets::episode_id.eq(episode_id))
        .filter(media_assets::asset_type.eq(AssetType::Image))
        .filter(media_assets::chapter_id.eq(chapter_id));
    Ok(diesel::delete(rows).execute(conn)? > 0)
}
