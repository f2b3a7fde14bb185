//! Table `channels`: the podcasts that episodes are found in.

use btcedu_domain::UtcTime;
use diesel::{prelude::*, sqlite::Sqlite};

use crate::{error::DbError, pool::Conn, schema::channels};

/// A row of `channels`.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = channels, check_for_backend(Sqlite))]
pub struct Channel {
    /// Row id.
    pub id: i64,
    /// Our id of the channel.
    pub channel_id: String,
    /// The channel's name.
    pub name: String,
    /// `YouTube`'s id of it.
    pub youtube_channel_id: Option<String>,
    /// Its feed.
    pub rss_url: Option<String>,
    /// Whether new episodes are looked for.
    pub is_active: bool,
    /// When it was first written down.
    pub created_at: UtcTime,
    /// When it last changed.
    pub updated_at: UtcTime,
}

/// A channel to write down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewChannel<'a> {
    /// Our id of the channel.
    pub channel_id: &'a str,
    /// The channel's name.
    pub name: &'a str,
    /// `YouTube`'s id of it.
    pub youtube_channel_id: Option<&'a str>,
    /// Its feed.
    pub rss_url: Option<&'a str>,
    /// Now.
    pub now: UtcTime,
}

/// Finds a channel by our id.
///
/// # Errors
/// [`DbError`] of the query.
pub fn find(conn: &mut Conn, channel_id: &str) -> Result<Option<Channel>, DbError> {
    let query = channels::table.filter(channels::channel_id.eq(channel_id));
    Ok(query.select(Channel::as_select()).first(conn).optional()?)
}

/// Lists all channels by name.
///
/// # Errors
/// [`DbError`] of the query.
pub fn list(conn: &mut Conn) -> Result<Vec<Channel>, DbError> {
    Ok(channels::table.order((channels::name, channels::id)).select(Channel::as_select()).load(conn)?)
}

/// Writes a channel down, or brings name and addresses of a known one up to date.
///
/// # Errors
/// [`DbError`] of the query.
pub fn upsert(conn: &mut Conn, new: &NewChannel<'_>) -> Result<Channel, DbError> {
    let changes = (
        channels::name.eq(new.name),
        channels::youtube_channel_id.eq(new.youtube_channel_id),
        channels::rss_url.eq(new.rss_url),
        channels::updated_at.eq(new.now),
    );
    let query = diesel::insert_into(channels::table)
        .values((channels::channel_id.eq(new.channel_id), channels::created_at.eq(new.now), changes))
        .on_conflict(channels::channel_id)
        .do_update()
        .set(changes);
    Ok(query.returning(Channel::as_returning()).get_result(conn)?)
}
