//! Table `episodes`: the facts about each episode, and its status.

use btcedu_domain::{EpisodeId, EpisodeRowId, EpisodeStatus, PipelineVersion, ReviewStatus, UtcTime};
use diesel::{dsl::sql, prelude::*, sql_types::Text, sqlite::Sqlite};

use crate::{
    columns::VersionNumber,
    error::{DbError, expect_row},
    pool::Conn,
    schema::episodes,
};

/// A row of `episodes`.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable)]
#[diesel(table_name = episodes, check_for_backend(Sqlite))]
pub struct Episode {
    /// Row id; `pipeline_runs` and `provider_calls` refer to it.
    pub id: EpisodeRowId,
    /// The id, which is also the name of the episode's folders.
    pub episode_id: EpisodeId,
    /// `channels.channel_id`; none if it came from no channel.
    pub channel_id: Option<String>,
    /// Its source (`youtube_rss`, `rss`, `local`).
    pub source: String,
    /// The episode's title.
    pub title: String,
    /// The publication time in the feed.
    pub published_at: Option<UtcTime>,
    /// Length of the audio in seconds.
    pub duration_seconds: Option<i64>,
    /// The episode's link; none for local files.
    pub url: Option<String>,
    /// Its status.
    pub status: EpisodeStatus,
    /// The audio file, relative to the workspace.
    pub audio_path: Option<String>,
    /// The German transcript, relative to the workspace.
    pub transcript_path: Option<String>,
    /// The folder of outputs, relative to the workspace.
    pub output_dir: Option<String>,
    /// When it was found or added.
    pub detected_at: UtcTime,
    /// When the pipeline had completed it.
    pub completed_at: Option<UtcTime>,
    /// The last error, until a run succeeds.
    pub error_message: Option<String>,
    /// How often a stage has failed.
    pub retry_count: i32,
    /// Which pipeline it follows.
    #[diesel(deserialize_as = VersionNumber)]
    pub pipeline_version: PipelineVersion,
    /// The state of the last review.
    pub review_status: Option<ReviewStatus>,
    /// `YouTube`'s id of the video that btcedu publishes; not used by this version yet.
    pub youtube_video_id: Option<String>,
    /// When btcedu published its video; not used by this version yet.
    pub published_at_youtube: Option<UtcTime>,
}

/// An episode to insert.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEpisode<'a> {
    /// The id, which is also the name of the episode's folders.
    pub episode_id: &'a EpisodeId,
    /// `channels.channel_id`; none if it came from no channel.
    pub channel_id: Option<&'a str>,
    /// Its source (`youtube_rss`, `rss`, `local`).
    pub source: &'a str,
    /// The episode's title.
    pub title: &'a str,
    /// The publication time in the feed.
    pub published_at: Option<UtcTime>,
    /// Length of the audio in seconds.
    pub duration_seconds: Option<i64>,
    /// The episode's link; none for local files.
    pub url: Option<&'a str>,
    /// Its status.
    pub status: EpisodeStatus,
    /// The folder of outputs, relative to the workspace.
    pub output_dir: Option<&'a str>,
    /// When it was found or added.
    pub detected_at: UtcTime,
    /// Which pipeline it follows; always written, because the table's default is v1.
    pub pipeline_version: PipelineVersion,
}

/// Which episodes to list; the default is all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EpisodeFilter {
    /// Only this status.
    pub status: Option<EpisodeStatus>,
    /// Only if title or id contain this text (ignoring the case of A–Z).
    pub search: Option<String>,
    /// The largest number of episodes.
    pub limit: Option<i64>,
    /// The number of episodes to skip.
    pub offset: i64,
}

/// Finds an episode by its id.
///
/// # Errors
/// [`DbError`] of the query.
pub fn find(conn: &mut Conn, episode_id: &EpisodeId) -> Result<Option<Episode>, DbError> {
    let query = episodes::table.filter(episodes::episode_id.eq(episode_id));
    Ok(query.select(Episode::as_select()).first(conn).optional()?)
}

/// Lists episodes, newest first (by publication time, otherwise by the time they were found).
///
/// # Errors
/// [`DbError`] of the query.
pub fn list(conn: &mut Conn, filter: &EpisodeFilter) -> Result<Vec<Episode>, DbError> {
    let newest_first = sql::<Text>("COALESCE(published_at, detected_at) DESC");
    let query = filtered(filter).order((newest_first, episodes::id.desc())).select(Episode::as_select());
    // SQLite accepts an offset only with a limit; -1 means no limit.
    Ok(query.limit(filter.limit.unwrap_or(-1)).offset(filter.offset).load(conn)?)
}

/// Lists the titles of episodes, with their ids.
///
/// # Errors
/// [`DbError`] of the query.
pub fn list_titles(conn: &mut Conn, ids: &[&str]) -> Result<Vec<(String, String)>, DbError> {
    let query = episodes::table.filter(episodes::episode_id.eq_any(ids));
    Ok(query.select((episodes::episode_id, episodes::title)).load(conn)?)
}

/// Counts the episodes that match a filter, without its limit.
///
/// # Errors
/// [`DbError`] of the query.
pub fn count(conn: &mut Conn, filter: &EpisodeFilter) -> Result<i64, DbError> {
    Ok(filtered(filter).count().get_result(conn)?)
}

/// Counts the episodes of each status that occurs.
///
/// # Errors
/// [`DbError`] of the query.
pub fn count_by_status(conn: &mut Conn) -> Result<Vec<(EpisodeStatus, i64)>, DbError> {
    let query = episodes::table.group_by(episodes::status).order(episodes::status);
    Ok(query.select((episodes::status, diesel::dsl::count_star())).load(conn)?)
}

fn filtered(filter: &EpisodeFilter) -> episodes::BoxedQuery<'_, Sqlite> {
    let mut query = episodes::table.into_boxed();
    if let Some(status) = filter.status {
        query = query.filter(episodes::status.eq(status));
    }
    if let Some(search) = &filter.search {
        let pattern = format!("%{}%", search.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"));
        let found = episodes::title.like(pattern.clone()).escape('\\');
        query = query.filter(found.or(episodes::episode_id.like(pattern).escape('\\')));
    }
    query
}

/// Inserts an episode.
///
/// # Errors
/// [`DbError::Duplicate`] if the id exists already.
pub fn insert(conn: &mut Conn, new: &NewEpisode<'_>) -> Result<Episode, DbError> {
    let values = (
        episodes::episode_id.eq(new.episode_id),
        episodes::channel_id.eq(new.channel_id),
        episodes::source.eq(new.source),
        episodes::title.eq(new.title),
        episodes::published_at.eq(new.published_at),
        episodes::duration_seconds.eq(new.duration_seconds),
        episodes::url.eq(new.url),
        episodes::status.eq(new.status),
        episodes::output_dir.eq(new.output_dir),
        episodes::detected_at.eq(new.detected_at),
        episodes::pipeline_version.eq(new.pipeline_version.number()),
    );
    let query = diesel::insert_into(episodes::table).values(values);
    Ok(query.returning(Episode::as_returning()).get_result(conn)?)
}

macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident($column:ident: $type:ty);)+) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        /// [`DbError::NotFound`] if there is no such row.
        pub fn $name(conn: &mut Conn, id: EpisodeRowId, $column: $type) -> Result<(), DbError> {
            let query = diesel::update(episodes::table.find(id)).set(episodes::$column.eq($column));
            expect_row(query.execute(conn)?, "episode row", &id.0)
        }
    )+};
}

setters! {
    /// Moves the episode to a status.
    set_status(status: EpisodeStatus);
    /// Records or clears the last error, without counting a failure.
    set_error(error_message: Option<&str>);
    /// Records the length of the audio in seconds.
    set_duration_seconds(duration_seconds: Option<i64>);
    /// Records where the audio is, relative to the workspace.
    set_audio_path(audio_path: Option<&str>);
    /// Records where the transcript is, relative to the workspace.
    set_transcript_path(transcript_path: Option<&str>);
    /// Records the state of the last review.
    set_review_status(review_status: Option<ReviewStatus>);
}

/// Records a failure: sets the error and increments the count.
///
/// # Errors
/// [`DbError::NotFound`] if there is no such row.
pub fn set_failure(conn: &mut Conn, id: EpisodeRowId, error: &str) -> Result<(), DbError> {
    let changes = (episodes::error_message.eq(error), episodes::retry_count.eq(episodes::retry_count + 1));
    let query = diesel::update(episodes::table.find(id)).set(changes);
    expect_row(query.execute(conn)?, "episode row", &id.0)
}
