//! `schema.rs` is written by hand, so it is compared with what the migrations make.

use std::{collections::BTreeMap, fmt::Display};

use btcedu_domain::{AssetType, CallKind, CallState, EpisodeStatus, ReviewStatus, RunStatus};
use btcedu_models::{DbError, testing};
use diesel::{
    RunQueryDsl,
    connection::SimpleConnection,
    sql_types::{Bool, Integer, Text},
};

use crate::{Fixture, fixture};

#[derive(diesel::QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    declared: String,
    #[diesel(sql_type = Bool)]
    not_null: bool,
    #[diesel(sql_type = Integer)]
    primary_key: i32,
}

#[derive(diesel::QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

fn names(fixture: &Fixture, query: &str) -> Vec<String> {
    let rows: Vec<Name> = fixture.run(|conn| Ok(diesel::sql_query(query).load(conn)?));
    rows.into_iter().map(|row| row.name).collect()
}

/// Reads `table! { name (key) { column -> Type, … } }` blocks: table to its columns and types.
fn tables_of_rust() -> BTreeMap<String, Vec<(String, String)>> {
    let text = include_str!("../../src/schema.rs");
    text.split("table! {")
        .skip(1)
        .map(|block| {
            let name = block.split('(').next().unwrap().trim().to_owned();
            let body = block.split("\n}").next().unwrap();
            let lines = body.lines().filter_map(|line| line.trim().trim_end_matches(',').split_once(" -> "));
            (name, lines.map(|(column, kind)| (column.to_owned(), kind.to_owned())).collect())
        })
        .collect()
}

fn types_for(declared: &str) -> &'static [&'static str] {
    match declared {
        "INTEGER" => &["Integer", "BigInt"],
        "BIGINT" => &["BigInt"],
        "BOOLEAN" => &["Bool"],
        "REAL" => &["Double"],
        "TEXT" | "DATETIME" => &["Text"],
        other => panic!("no type for {other}"),
    }
}

#[test]
fn schema_rs_equals_the_migrated_database() {
    let fixture = fixture();
    let rust = tables_of_rust();
    let tables = names(
        &fixture,
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'
         AND name NOT LIKE '%diesel%' AND name NOT LIKE 'chunks_fts%' ORDER BY name",
    );
    assert_eq!(rust.keys().cloned().collect::<Vec<_>>(), tables);

    for (table, columns) in &rust {
        let query = format!(
            "SELECT name, type AS declared, \"notnull\" AS not_null, pk AS primary_key
             FROM pragma_table_info('{table}') ORDER BY cid"
        );
        let found: Vec<Column> = fixture.run(|conn| Ok(diesel::sql_query(query).load(conn)?));
        // The order may differ: queries name their columns.
        assert_eq!(columns.len(), found.len(), "{table}");
        for column in found {
            let (_, rust_type) = columns
                .iter()
                .find(|(name, _)| *name == column.name)
                .unwrap_or_else(|| panic!("{table}.{} is not in schema.rs", column.name));
            let nullable = rust_type.strip_prefix("Nullable<").and_then(|t| t.strip_suffix('>'));
            let may_be_null = !column.not_null && column.primary_key == 0;
            assert_eq!(nullable.is_some(), may_be_null, "{table}.{}", column.name);
            let bare = nullable.unwrap_or(rust_type);
            assert!(types_for(&column.declared).contains(&bare), "{table}.{}: {rust_type}", column.name);
            // A row id that doesn't fit 32 bits must not be cut.
            if column.name == "id" || column.name.ends_with("_id") {
                assert!(["BigInt", "Text"].contains(&bare), "{table}.{}", column.name);
            }
        }
    }
}

#[test]
fn the_promised_indexes_are_there() {
    let fixture = fixture();
    let indexes = names(&fixture, "SELECT name FROM sqlite_schema WHERE type = 'index'");
    for index in [
        "ix_media_assets_episode",
        "ux_media_assets_image",
        "ix_review_tasks_episode",
        "ix_review_tasks_status",
        "ux_prompt_versions_default",
        "ix_provider_calls_episode_state",
        "ix_provider_calls_episode_request",
        "ix_provider_calls_run",
    ] {
        assert!(indexes.iter().any(|found| found == index), "{index} is missing from {indexes:?}");
    }
    let of_media = "SELECT name FROM pragma_index_info('ix_media_assets_episode') ORDER BY seqno";
    assert_eq!(names(&fixture, of_media), ["episode_id", "asset_type", "chapter_id"]);
}

#[test]
fn every_connection_has_the_promised_settings() {
    let fixture = fixture();
    for (pragma, value) in [("foreign_keys", "1"), ("journal_mode", "wal"), ("synchronous", "2")] {
        let query = format!("SELECT CAST({pragma} AS TEXT) AS name FROM pragma_{pragma}");
        assert_eq!(names(&fixture, &query), [value], "{pragma}");
    }
    assert_eq!(names(&fixture, "SELECT CAST(timeout AS TEXT) AS name FROM pragma_busy_timeout"), ["30000"]);
}

fn refused(fixture: &Fixture, sql: &str) -> DbError {
    testing::run(&fixture.db, |conn| Ok(conn.batch_execute(sql)?)).unwrap_err()
}

#[test]
fn foreign_keys_bite() {
    let fixture = fixture();
    let episode = fixture.episode("abc123", EpisodeStatus::New);
    fixture.run(|conn| Ok(testing::pipeline_run(conn, &episode, btcedu_domain::Stage::Imagegen)));
    for sql in [
        "INSERT INTO pipeline_runs (episode_id, stage, status, started_at) VALUES (99, 's', 'running', 't')",
        "INSERT INTO provider_calls (call_id, episode_id, stage, kind, model, request_hash, state,
            estimated_micros, sent_at) VALUES ('c', 99, 's', 'text', 'm', 'h', 'sent', 1, 't')",
        "INSERT INTO provider_calls (call_id, episode_id, run_id, stage, kind, model, request_hash, state,
            estimated_micros, sent_at) VALUES ('c', 1, 99, 's', 'text', 'm', 'h', 'sent', 1, 't')",
        "INSERT INTO content_artifacts (episode_id, artifact_type, file_path, created_at)
            VALUES ('nobody', 'a', 'f', 't')",
        "INSERT INTO chunks (episode_id, chunk_index, text) VALUES ('nobody', 0, 't')",
        "INSERT INTO review_tasks (episode_id, stage, status, artifact_paths, created_at)
            VALUES ('nobody', 'adapt', 'pending', '[]', 't')",
        "INSERT INTO review_decisions (review_task_id, decision, decided_at) VALUES (99, 'approved', 't')",
        "INSERT INTO media_assets (episode_id, asset_type, prompt_version_id) VALUES ('abc123', 'image', 99)",
        "DELETE FROM episodes",
    ] {
        let error = refused(&fixture, sql);
        assert!(
            matches!(&error, DbError::Constraint { constraint, .. } if constraint.contains("FOREIGN KEY")),
            "{sql}: {error:?}"
        );
    }
}

#[test]
fn closed_sets_take_every_word_of_the_domain_and_no_other() {
    fn words<T: Copy + Display>(all: &[T]) -> Vec<String> {
        all.iter().map(ToString::to_string).collect()
    }
    let fixture = fixture();
    fixture.episode("abc123", EpisodeStatus::New);
    fixture.run(|conn| {
        Ok(conn.batch_execute(
            "INSERT INTO review_tasks (episode_id, stage, status, artifact_paths, created_at)
             VALUES ('abc123', 'adapt', 'pending', '[]', 't')",
        )?)
    });
    let call = "INSERT INTO provider_calls (call_id, episode_id, stage, model, request_hash,
        estimated_micros, sent_at, kind, state) VALUES (hex(randomblob(8)), 1, 's', 'm', 'h', 1, 't',";
    for (words, insert) in [
        (
            words(RunStatus::ALL),
            "INSERT INTO pipeline_runs (episode_id, stage, started_at, status) VALUES (1, 's', 't', ?)"
                .to_owned(),
        ),
        (words(CallKind::ALL), format!("{call} ?, 'sent')")),
        (words(CallState::ALL), format!("{call} 'text', ?)")),
        (
            words(AssetType::ALL),
            "INSERT INTO media_assets (episode_id, asset_type) VALUES ('abc123', ?)".to_owned(),
        ),
        (
            words(ReviewStatus::ALL),
            "INSERT INTO review_tasks (episode_id, stage, artifact_paths, created_at, status)
            VALUES ('abc123', 'adapt', '[]', 't', ?)"
                .to_owned(),
        ),
        (
            words(ReviewStatus::ALL),
            "INSERT INTO review_decisions (review_task_id, decided_at, decision) VALUES (1, 't', ?)"
                .to_owned(),
        ),
    ] {
        for word in words {
            fixture.run(|conn| Ok(conn.batch_execute(&insert.replace('?', &format!("'{word}'")))?));
        }
        let error = refused(&fixture, &insert.replace('?', "'Other'"));
        assert!(matches!(error, DbError::Constraint { .. }), "{insert}: {error:?}");
    }
}
