//! A migrated database and plausible rows, for the tests of the crates above.

#![expect(clippy::expect_used, reason = "a test that can't be set up should stop at once, and say where")]

use std::{path::Path, time::Duration};

use btcedu_domain::{
    CallId, CallKind, EpisodeStatus, PipelineVersion, RunId, Sha256Hash, Stage, Usd, UtcTime,
};
use diesel_migrations::MigrationHarness;

use crate::{
    db::{Db, DbConfig},
    episodes::{self, Episode, NewEpisode},
    error::DbError,
    migrate::{self, MIGRATIONS},
    pipeline_runs::{self, NewRun},
    pool::Conn,
    prompt_versions::{self, NewPromptVersion, PromptVersion},
    provider_calls::{self, NewCall},
};

/// Returns 2026-11-22T10:30:00Z, the same every time.
pub fn time() -> UtcTime {
    "2026-11-22T10:30:00Z".parse().expect("a time")
}

/// Returns `btcedu.db` in a folder, migrated; needs no async runtime.
pub fn migrated(folder: &Path) -> Db {
    let path = folder.join("btcedu.db");
    let config = DbConfig { path: path.clone(), busy_timeout: Duration::from_secs(30) };
    let db = Db::open(&config).expect("a handle");
    db.run_blocking(|conn| migrate::apply_pending(conn, &path)).expect("the migrations apply");
    db
}

/// Does what [`Db::run`] does on the caller's thread, for tests without an async runtime.
///
/// # Errors
/// As [`Db::run`].
pub fn run<T>(db: &Db, queries: impl FnOnce(&mut Conn) -> Result<T, DbError>) -> Result<T, DbError> {
    db.run_blocking(queries)
}

/// Undoes all migrations, newest first, and returns how many there were.
pub fn revert_all(db: &Db) -> usize {
    let reverted = run(db, |conn| {
        conn.immediate_transaction(|conn| {
            let reverted = conn.revert_all_migrations(MIGRATIONS).map(|all| all.len());
            reverted.map_err(|source| DbError::migration(db.path(), "(down)", source))
        })
    });
    reverted.expect("the migrations can be undone")
}

/// Writes down a v2 episode that has got this far.
pub fn episode(conn: &mut Conn, episode_id: &str, status: EpisodeStatus) -> Episode {
    let new = NewEpisode {
        episode_id: &episode_id.parse().expect("an episode id"),
        channel_id: None,
        source: "local",
        title: &format!("Bitcoin erklärt: {episode_id}"),
        published_at: Some(time()),
        duration_seconds: Some(1800),
        url: None,
        status,
        output_dir: None,
        detected_at: time(),
        pipeline_version: PipelineVersion::V2,
    };
    episodes::insert(conn, &new).expect("an episode that isn't there yet")
}

/// Writes down that a stage begins.
pub fn pipeline_run(conn: &mut Conn, episode: &Episode, stage: Stage) -> RunId {
    let new = NewRun { episode_id: episode.id, stage, started_at: time() };
    pipeline_runs::insert(conn, &new).expect("a run of a known episode")
}

/// Returns a call about to be sent: imagegen, no chapter, hashed from its model.
pub fn new_call<'a>(
    episode: &Episode,
    run: Option<RunId>,
    kind: CallKind,
    model: &'a str,
    estimated: Usd,
) -> NewCall<'a> {
    NewCall {
        call_id: CallId::new(),
        episode_id: episode.id,
        run_id: run,
        stage: Stage::Imagegen,
        chapter_id: None,
        kind,
        model,
        request_hash: Sha256Hash::of_bytes(model.as_bytes()),
        estimated,
        sent_at: time(),
    }
}

/// Writes down a call as `sent`.
pub fn call(
    conn: &mut Conn,
    episode: &Episode,
    run: Option<RunId>,
    kind: CallKind,
    estimated: Usd,
) -> CallId {
    let new = new_call(episode, run, kind, "test-model", estimated);
    provider_calls::insert(conn, &new).expect("a call of a known episode");
    new.call_id
}

/// Registers a version of a template, not as the default.
pub fn prompt_version(conn: &mut Conn, name: &str, version: i32, body: &str) -> PromptVersion {
    let new = NewPromptVersion {
        name,
        version,
        content_hash: Sha256Hash::of_bytes(body.as_bytes()),
        template_path: None,
        model: None,
        temperature: None,
        max_tokens: None,
        created_at: time(),
        notes: None,
        body,
    };
    prompt_versions::insert(conn, &new).expect("a version that isn't there yet")
}
