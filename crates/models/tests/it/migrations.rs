//! Steps go up, down and up again; all pending ones or none.

use btcedu_models::{Db, DbConfig, DbError, MigrationStatus, testing};
use diesel::{RunQueryDsl, connection::SimpleConnection, sql_types::Text};

use crate::fixture;

const STEPS: [&str; 6] = [
    "2026-11-22-000001_base_tables",
    "2026-11-22-000002_v2_columns_on_episodes",
    "2026-11-22-000003_prompt_versions",
    "2026-11-22-000004_review_tables",
    "2026-11-22-000005_media_assets",
    "2026-11-22-000006_provider_calls",
];

#[derive(diesel::QueryableByName)]
struct Sql {
    #[diesel(sql_type = Text)]
    sql: String,
}

/// Returns the SQL of everything that was made, without Diesel's own list of steps.
fn structure(db: &Db) -> Vec<String> {
    let query = "SELECT COALESCE(sql, name) AS sql FROM sqlite_schema
                 WHERE name NOT LIKE '%diesel%' AND name <> 'sqlite_sequence' ORDER BY name";
    let rows: Vec<Sql> = testing::run(db, |conn| Ok(diesel::sql_query(query).load(conn)?)).unwrap();
    rows.into_iter().map(|row| row.sql).collect()
}

fn empty(folder: &std::path::Path) -> Db {
    Db::open(&DbConfig { path: folder.join("btcedu.db"), ..DbConfig::default() }).unwrap()
}

#[tokio::test]
async fn goes_up_down_and_up_again() {
    let folder = tempfile::tempdir().unwrap();
    let db = empty(folder.path());
    assert_eq!(db.migrate().await.unwrap(), STEPS);
    let first = structure(&db);
    assert!(first.len() > 20, "{first:#?}");

    assert_eq!(testing::revert_all(&db), STEPS.len());
    assert_eq!(structure(&db), [""; 0]);

    assert_eq!(db.migrate().await.unwrap(), STEPS);
    assert_eq!(structure(&db), first);
}

#[tokio::test]
async fn goes_down_with_rows_in_the_tables() {
    let fixture = fixture();
    let episode = fixture.episode("abc123", btcedu_domain::EpisodeStatus::Chapterized);
    fixture.run(|conn| {
        let run = testing::pipeline_run(conn, &episode, btcedu_domain::Stage::Imagegen);
        let cost = btcedu_domain::Usd::from_micros(1);
        testing::call(conn, &episode, Some(run), btcedu_domain::CallKind::Image, cost);
        Ok(())
    });
    assert_eq!(testing::revert_all(&fixture.db), STEPS.len());
    assert_eq!(fixture.db.migrate().await.unwrap().len(), STEPS.len());
}

#[tokio::test]
async fn does_nothing_where_nothing_is_pending_even_while_another_process_writes() {
    let fixture = fixture();
    let path = fixture.db.path().to_owned();
    let impatient = Db::open(&DbConfig { path, busy_timeout: std::time::Duration::ZERO }).unwrap();
    fixture.run(|conn| {
        conn.batch_execute("BEGIN IMMEDIATE")?;
        Ok(())
    });
    assert_eq!(impatient.migrate().await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn status_lists_every_step_and_creates_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let db = empty(&folder.path().join("not/there/yet"));
    let listed = |status: Vec<MigrationStatus>, applied: bool| {
        assert!(status.iter().all(|step| step.applied == applied), "{status:?}");
        assert_eq!(status.into_iter().map(|step| step.name).collect::<Vec<_>>(), STEPS);
    };
    listed(db.migration_status().await.unwrap(), false);
    assert!(!db.exists());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);

    db.migrate().await.unwrap();
    assert!(db.exists());
    listed(db.migration_status().await.unwrap(), true);
}

#[tokio::test]
async fn a_step_that_fails_leaves_nothing_of_the_others_behind() {
    let folder = tempfile::tempdir().unwrap();
    let db = empty(folder.path());
    testing::run(&db, |conn| Ok(conn.batch_execute("CREATE TABLE provider_calls (id INTEGER)")?)).unwrap();
    let error = db.migrate().await.unwrap_err();
    assert!(matches!(&error, DbError::Migration { step, .. } if step == STEPS[5]), "{error:?}");
    assert_eq!(structure(&db), ["CREATE TABLE provider_calls (id INTEGER)"]);
    assert!(db.migration_status().await.unwrap().iter().all(|step| !step.applied));
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused_by_name_of_the_step() {
    let fixture = fixture();
    fixture.run(|conn| {
        Ok(conn.batch_execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('20990101000001')")?)
    });
    let error = fixture.db.migrate().await.unwrap_err();
    assert!(matches!(&error, DbError::NewerSchema { step, .. } if step == "20990101000001"), "{error:?}");
    assert_eq!(fixture.db.migration_status().await.unwrap().len(), STEPS.len() + 1);
}

#[tokio::test]
async fn a_name_that_has_a_meaning_to_sqlite_is_a_plain_file() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["file:a?mode=memory", ":memory:", "sqlite:b", "ğ ü"] {
        let path = folder.path().join(name);
        let db = Db::open(&DbConfig { path, ..DbConfig::default() }).unwrap();
        db.migrate().await.unwrap();
        assert!(db.exists(), "{name}");
    }
}
