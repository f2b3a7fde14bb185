//! Real processes on one file: they wait for each other instead of failing.
//!
//! The children are this test program again, asked for `child` alone; they stop
//! at their standard input, so that all start at the same moment.

use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Barrier,
    time::Duration,
};

use btcedu_domain::EpisodeStatus;
use btcedu_models::{Db, DbConfig, DbError, episodes, testing};

use diesel::connection::SimpleConnection;

use crate::fixture;

const TASK: &str = "BTCEDU_MODELS_TEST_CHILD";
const FILE: &str = "BTCEDU_MODELS_TEST_FILE";
const ADDITIONS: i32 = 40;

fn open(path: PathBuf, busy_timeout: Duration) -> Db {
    Db::open(&DbConfig { path, busy_timeout }).unwrap()
}

/// What a child does; does nothing in the parent's own round of tests.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "how a child is told its task")]
async fn child() {
    let (Ok(task), Ok(path)) = (std::env::var(TASK), std::env::var(FILE)) else { return };
    let db = open(path.into(), Duration::from_mins(1));
    match task.as_str() {
        "migrate" => {
            wait_for_parent("ready");
            db.migrate().await.unwrap();
        }
        "add" => {
            wait_for_parent("ready");
            for _ in 0..ADDITIONS {
                db.transaction(add_one).await.unwrap();
            }
        }
        "hold" => {
            let hold = |conn: &mut btcedu_models::Conn| {
                add_one(conn)?;
                wait_for_parent("holding");
                Ok(())
            };
            db.transaction(hold).await.unwrap();
        }
        other => panic!("no such task: {other}"),
    }
}

/// Reads, then writes what it read and one more: lost where two do it at once.
fn add_one(conn: &mut btcedu_models::Conn) -> Result<(), DbError> {
    let episode = episodes::find(conn, &"abc123".parse().unwrap())?.unwrap();
    let sum = episode.retry_count + 1;
    Ok(conn.batch_execute(&format!("UPDATE episodes SET retry_count = {sum}"))?)
}

fn wait_for_parent(word: &str) {
    println!("\n{word}");
    std::io::stdin().lock().read_line(&mut String::new()).unwrap();
}

/// Starts a child and waits until it has said the word.
fn start(task: &str, path: &Path, word: &str) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "processes::child", "--nocapture"])
        .env(TASK, task)
        .env(FILE, path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(child.stdout.as_mut().unwrap()).lines().any(|line| line.unwrap() == word);
    assert!(said, "the child ended before it was {word}");
    child
}

fn release(child: &mut Child) {
    child.stdin.take().unwrap().write_all(b"\n").unwrap();
}

fn release_all_and_wait(mut children: Vec<Child>) {
    children.iter_mut().for_each(release);
    for mut child in children {
        let mut rest = child.stdout.take().unwrap();
        std::io::copy(&mut rest, &mut std::io::sink()).unwrap();
        assert!(child.wait().unwrap().success());
    }
}

#[test]
fn first_runs_that_all_migrate_at_once_all_succeed() {
    for _ in 0..6 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/btcedu.db");
        let children = (0..4).map(|_| start("migrate", &path, "ready")).collect();
        release_all_and_wait(children);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let status = runtime.block_on(open(path, Duration::ZERO).migration_status()).unwrap();
        assert!(status.len() == 6 && status.iter().all(|step| step.applied), "{status:?}");
    }
}

#[test]
fn updates_that_all_migrate_at_once_all_succeed() {
    for _ in 0..6 {
        let fixture = fixture();
        let undo_the_last_step = "DROP TABLE provider_calls; DELETE FROM __diesel_schema_migrations
            WHERE version = (SELECT MAX(version) FROM __diesel_schema_migrations)";
        fixture.run(|conn| Ok(conn.batch_execute(undo_the_last_step)?));
        let children = (0..4).map(|_| start("migrate", fixture.db.path(), "ready")).collect();
        release_all_and_wait(children);
    }
}

#[test]
fn a_fresh_file_opened_by_many_at_once_becomes_a_wal_for_all() {
    for _ in 0..120 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("btcedu.db");
        let start = Barrier::new(6);
        std::thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| {
                    let db = open(path.clone(), Duration::from_mins(1));
                    start.wait();
                    testing::run(&db, |_| Ok(())).unwrap();
                });
            }
        });
    }
}

#[test]
fn processes_that_write_at_once_wait_and_lose_nothing() {
    let fixture = fixture();
    let episode = fixture.episode("abc123", EpisodeStatus::New);
    let children = (0..3).map(|_| start("add", fixture.db.path(), "ready")).collect();
    release_all_and_wait(children);
    let found = fixture.run(|conn| episodes::find(conn, &episode.episode_id)).unwrap();
    assert_eq!(found.retry_count, 3 * ADDITIONS);
}

#[test]
fn a_writer_waits_for_another_process_as_long_as_it_is_told_to() {
    let fixture = fixture();
    let episode = fixture.episode("abc123", EpisodeStatus::New);
    let mut holder = start("hold", fixture.db.path(), "holding");
    let add = |db: &Db| testing::run(db, |conn| conn.immediate_transaction(add_one));

    let impatient = open(fixture.db.path().to_owned(), Duration::ZERO);
    let error = add(&impatient).unwrap_err();
    assert!(matches!(error, DbError::Locked { .. }), "{error:?}");

    std::thread::scope(|scope| {
        let patient = scope.spawn(|| add(&fixture.db));
        release(&mut holder);
        patient.join().unwrap().unwrap();
    });
    assert!(holder.wait().unwrap().success());
    let found = fixture.run(|conn| episodes::find(conn, &episode.episode_id)).unwrap();
    assert_eq!(found.retry_count, 2);
}
