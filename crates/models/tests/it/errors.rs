//! Each cause has its variant, and every error about the file names it.

use std::{
    error::Error,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use btcedu_domain::EpisodeStatus;
use btcedu_models::{Conn, Db, DbConfig, DbError, episodes, episodes::EpisodeFilter, testing};
use diesel::{
    SqliteConnection,
    connection::{Connection, SimpleConnection},
};

use crate::fixture;

fn open(path: &Path) -> Db {
    Db::open(&DbConfig { path: path.to_owned(), busy_timeout: Duration::from_millis(50) }).unwrap()
}

fn list(db: &Db) -> Result<Vec<episodes::Episode>, DbError> {
    testing::run(db, |conn| episodes::list(conn, &EpisodeFilter::default()))
}

#[expect(clippy::disallowed_methods, reason = "a test's own file, not an artifact")]
fn write(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn a_lock_held_too_long_is_named_with_its_file() {
    let fixture = fixture();
    let other = open(fixture.db.path());
    list(&other).unwrap();
    let error = fixture.run(|conn| {
        conn.immediate_transaction(|_| {
            let blocked = testing::run(&other, |conn| {
                conn.immediate_transaction(|conn| Ok(testing::episode(conn, "x", EpisodeStatus::New)))
            });
            Ok::<_, DbError>(blocked.unwrap_err())
        })
    });
    assert!(matches!(&error, DbError::Locked { path, .. } if path == fixture.db.path()), "{error:?}");
    assert!(error.to_string().contains("btcedu.db is locked"), "{error}");
    assert_eq!(error.source().unwrap().to_string(), "database is locked");
}

#[test]
fn readers_go_on_while_another_process_writes() {
    let fixture = fixture();
    fixture.episode("abc123", EpisodeStatus::New);
    let other = open(fixture.db.path());
    let seen = fixture.run(|conn| {
        conn.immediate_transaction(|conn| {
            testing::episode(conn, "not-committed", EpisodeStatus::New);
            list(&other)
        })
    });
    assert_eq!(seen.len(), 1);
}

#[test]
fn a_full_disk_is_told_as_such() {
    let fixture = fixture();
    let error = testing::run(&fixture.db, |conn| {
        conn.batch_execute("PRAGMA max_page_count = 1; CREATE TABLE big AS SELECT randomblob(100000)")?;
        Ok(())
    })
    .unwrap_err();
    assert!(matches!(error, DbError::Full { .. }), "{error:?}");
}

#[test]
fn a_full_disk_while_migrating_is_told_as_such_too() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(&folder.path().join("btcedu.db"));
    testing::run(&db, |conn| Ok(conn.batch_execute("PRAGMA max_page_count = 3")?)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let error = runtime.block_on(db.migrate()).unwrap_err();
    assert!(matches!(error, DbError::Full { .. }), "{error:?}");
}

#[test]
fn a_read_only_database_is_told_as_such() {
    let fixture = fixture();
    let error = testing::run(&fixture.db, |conn| {
        conn.batch_execute("PRAGMA query_only = ON")?;
        Ok(conn.batch_execute("DELETE FROM episodes")?)
    })
    .unwrap_err();
    assert!(matches!(error, DbError::ReadOnly { .. }), "{error:?}");
}

#[test]
fn a_file_that_is_something_else_is_refused_at_once_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    write(&path, "Bitcoin für alle.\n".repeat(100).as_bytes());
    let before = std::fs::read(&path).unwrap();
    let error = list(&open(&path)).unwrap_err();
    assert!(matches!(error, DbError::NotADatabase { .. }), "{error:?}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_damaged_file_is_told_as_such() {
    let fixture = fixture();
    fixture.episode("abc123", EpisodeStatus::New);
    let copy = fixture.folder.path().join("copy.db");
    fixture.run(|conn| Ok(conn.batch_execute(&format!("VACUUM INTO '{}'", copy.display()))?));
    let mut bytes = std::fs::read(&copy).unwrap();
    let first_page = 4096;
    bytes[first_page..].fill(0xff);
    write(&copy, &bytes);
    let error = list(&open(&copy)).unwrap_err();
    assert!(matches!(error, DbError::Corrupt { .. }), "{error:?}");
}

#[test]
fn a_folder_in_place_of_the_file_or_a_file_in_place_of_the_folder_can_not_be_opened() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("file"), b"");
    for path in [folder.path().to_owned(), folder.path().join("file/btcedu.db")] {
        let error = list(&open(&path)).unwrap_err();
        assert!(matches!(&error, DbError::CannotOpen { path: named, .. } if *named == path), "{error:?}");
    }
}

#[test]
fn a_database_without_tables_says_how_to_make_them() {
    let folder = tempfile::tempdir().unwrap();
    let error = list(&open(&folder.path().join("new/btcedu.db"))).unwrap_err();
    assert!(matches!(error, DbError::Unmigrated { .. }), "{error:?}");
    assert!(error.to_string().contains("btcedu migrate"), "{error}");
}

#[test]
fn a_stored_word_that_nobody_knows_is_an_error_that_names_it() {
    let fixture = fixture();
    fixture.episode("abc123", EpisodeStatus::New);
    for change in [
        "status = 'floating'",
        "status = 'new', pipeline_version = 7",
        "pipeline_version = 2, detected_at = 'soon'",
    ] {
        fixture.run(|conn| Ok(conn.batch_execute(&format!("UPDATE episodes SET {change}"))?));
        let error = list(&fixture.db).unwrap_err();
        assert!(matches!(error, DbError::Unreadable { .. }), "{change}: {error:?}");
    }
}

#[tokio::test]
async fn an_error_undoes_the_transaction() {
    let fixture = fixture();
    let result: Result<(), DbError> = fixture
        .db
        .transaction(|conn| {
            testing::episode(conn, "abc123", EpisodeStatus::New);
            Err(DbError::NotFound { what: "reason", id: "none".to_owned() })
        })
        .await;
    assert!(matches!(result, Err(DbError::NotFound { .. })));
    assert!(list(&fixture.db).unwrap().is_empty());
}

#[tokio::test]
async fn a_panic_comes_through_undoes_the_transaction_and_frees_the_lock() {
    static REACHED: AtomicBool = AtomicBool::new(false);
    let fixture = fixture();
    let db = fixture.db.clone();
    let failed = tokio::spawn(async move {
        db.transaction::<(), _>(|conn| {
            testing::episode(conn, "abc123", EpisodeStatus::New);
            REACHED.store(true, Ordering::SeqCst);
            std::panic::resume_unwind(Box::new("a panic of the closure"));
        })
        .await
    })
    .await
    .unwrap_err();
    assert_eq!(*failed.into_panic().downcast::<&str>().unwrap(), "a panic of the closure");
    assert!(REACHED.load(Ordering::SeqCst));
    assert!(list(&fixture.db).unwrap().is_empty());
    fixture.episode("abc123", EpisodeStatus::New);
}

#[tokio::test]
async fn those_who_wait_together_are_committed_together_and_undo_only_their_own() {
    let fixture = fixture();
    let add =
        |name: &'static str| move |conn: &mut Conn| Ok(testing::episode(conn, name, EpisodeStatus::New));
    let path = fixture.db.path().to_owned();
    let (go, wait) = std::sync::mpsc::channel();
    let first = fixture.db.transaction(move |conn| {
        wait.recv().unwrap();
        add("first")(conn)
    });
    let good = fixture.db.transaction(add("good"));
    let bad = fixture.db.transaction(move |conn| {
        let _undone = add("bad")(conn)?;
        Err::<(), _>(DbError::NotFound { what: "reason", id: "none".to_owned() })
    });
    let broken = fixture.db.transaction::<(), _>(move |conn| {
        let _undone = add("broken")(conn)?;
        std::panic::resume_unwind(Box::new("a panic of the closure"));
    });
    let broken = futures_util::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(broken));
    let last = fixture.db.transaction(move |conn| {
        let _row = add("last")(conn)?;
        let mut other = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        Ok(names(&mut other))
    });
    let open_the_gate = async { go.send(()).unwrap() };
    let (first, good, bad, broken, seen, ()) =
        tokio::join!(biased; first, good, bad, broken, last, open_the_gate);
    assert!(first.is_ok() && good.is_ok());
    assert!(matches!(bad, Err(DbError::NotFound { .. })));
    assert_eq!(*broken.unwrap_err().downcast::<&str>().unwrap(), "a panic of the closure");
    assert!(!seen.unwrap().contains(&"good".to_owned()), "a row comes with those that waited beside it");
    assert_eq!(fixture.run(|conn| Ok(names(conn))), ["first", "good", "last"]);
}

#[tokio::test]
async fn a_lock_that_is_held_too_long_is_told_to_all_who_wait_together() {
    let fixture = fixture();
    let other = open(fixture.db.path());
    list(&other).unwrap();
    let mut holder = SqliteConnection::establish(fixture.db.path().to_str().unwrap()).unwrap();
    holder.batch_execute("BEGIN IMMEDIATE").unwrap();
    let add = |name: &'static str| {
        other.transaction(move |conn| Ok(testing::episode(conn, name, EpisodeStatus::New)))
    };
    let (one, two, three) = tokio::join!(add("one"), add("two"), add("three"));
    for error in [one.unwrap_err(), two.unwrap_err(), three.unwrap_err()] {
        assert!(matches!(&error, DbError::Locked { .. }), "{error:?}");
    }
    holder.batch_execute("ROLLBACK").unwrap();
    add("one").await.unwrap();
    assert_eq!(fixture.run(|conn| Ok(names(conn))), ["one"]);
}

fn names(conn: &mut Conn) -> Vec<String> {
    let all = episodes::list(conn, &EpisodeFilter::default()).unwrap();
    let mut names: Vec<String> = all.iter().map(|episode| episode.episode_id.to_string()).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn more_queries_than_connections_wait_for_their_turn() {
    let fixture = fixture();
    let tasks: Vec<_> = (0..40)
        .map(|n| {
            let db = fixture.db.clone();
            tokio::spawn(async move {
                db.transaction(move |conn| Ok(testing::episode(conn, &format!("ep{n}"), EpisodeStatus::New)))
                    .await
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(list(&fixture.db).unwrap().len(), 40);
}
