//! Local failures: no disk space, no folder, a locked database. The run stops before the next call.

use std::{fs, sync::mpsc, time::Duration};

use btcedu_domain::{CallState, EpisodeStatus};
use btcedu_testkit::{Chapters, TestEnv, simulator::SimulatorConfig};

use crate::{
    BTCEDU,
    books::until,
    support::{calls, database, ledger, pictures_in_state, status_of},
    world, world_with,
};

/// A world in which pictures are bought one at a time, slowly enough for the test to act in between.
async fn one_by_one(config: SimulatorConfig) -> TestEnv {
    let image_latency = Duration::from_millis(300);
    let mut env = world_with(SimulatorConfig { image_latency, ..config }).await;
    env.set("IMAGE_GEN_CONCURRENCY", "1");
    env.add("ep1", &Chapters::own_prompts(6)).await;
    env
}

#[tokio::test]
async fn a_full_disk_stops_the_run_and_nothing_paid_goes_unrecorded() {
    // Pictures have 3 MiB, and the limit for files is 1 MiB: to the program this is a full disk.
    let env =
        one_by_one(SimulatorConfig { picture_bytes: Some(3 << 20), ..SimulatorConfig::default() }).await;
    let script = "trap '' XFSZ; ulimit -f 2048; exec \"$0\" imagegen ep1";
    let mut command = env.command(&[]);
    let shell = command.as_std_mut();
    let mut limited = tokio::process::Command::new("sh");
    limited.args(["-c", script, BTCEDU]).current_dir(env.folder()).env_clear();
    limited.envs(shell.get_envs().filter_map(|(name, value)| Some((name, value?))));
    limited.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).kill_on_drop(true);
    let stopped = env.wait(limited.spawn().unwrap()).await.exits(1);
    let _told = stopped.says("ch01").says("can't").says("0 generated");
    let sent = calls(&env).0;
    assert!(
        (1..=2).contains(&sent),
        "one was in flight at most when the first couldn't be written: {sent} were sent"
    );
    let (status, error) = status_of(&env, "ep1").await;
    assert_eq!(status, EpisodeStatus::Chapterized);
    assert!(error.unwrap().contains("ch01"));

    let again = env.run(&["imagegen", "ep1"]).await.success().says("6 generated");
    let _told = again.says("may have been billed");
    assert_eq!(pictures_in_state(&ledger(&env, "ep1").await, CallState::Unknown) as u64, sent);
    let _clean = env.run(&["images", "verify", "ep1"]).await.success();
}

#[tokio::test]
async fn too_little_room_is_seen_before_the_first_call() {
    let env = one_by_one(SimulatorConfig::default()).await;
    // A small file system needs a mount namespace, which not every machine allows.
    let try_it = ["-rm", "sh", "-c", "mount -t tmpfs -o size=1m none /mnt"];
    let allowed = tokio::process::Command::new("unshare").args(try_it).output().await;
    if !allowed.is_ok_and(|tried| tried.status.success()) {
        eprintln!("this machine allows no file system of its own, so nothing is tested here");
        return;
    }
    let mounted = "mount -t tmpfs -o size=48m none data/outputs/ep1/images && exec \"$0\" imagegen ep1";
    fs::create_dir_all(env.output("ep1", "images")).unwrap();
    let mut command = tokio::process::Command::new("unshare");
    command.args(["-rm", "sh", "-c", mounted, BTCEDU]).current_dir(env.folder()).env_clear();
    let template = env.command(&[]);
    command.envs(template.as_std().get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).kill_on_drop(true);
    let ended = env.wait(command.spawn().unwrap()).await;
    let _told = ended.exits(1).says("MiB are free").says("make room");
    assert_eq!(calls(&env), (0, 0));
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_stops_the_run_before_the_first_call() {
    let env = world().await;
    env.add("ep1", &Chapters::own_prompts(2).with("diagram", None)).await;
    for place in ["images/store", "images"] {
        // A file in place of a folder: not even root can write into it.
        let path = env.output("ep1", place);
        let _nothing = fs::remove_dir_all(&path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::copy(env.output("ep1", "chapters.json"), &path).unwrap();
        let stopped = env.run(&["imagegen", "ep1"]).await.exits(1);
        let _told = stopped.says("data/outputs/ep1/images");
        assert_eq!(calls(&env), (0, 0), "{place}");
        assert_eq!(status_of(&env, "ep1").await.0, EpisodeStatus::Chapterized);
        fs::remove_file(&path).unwrap();
    }
    let _done = env.run(&["imagegen", "ep1"]).await.success().says("3 generated");
}

#[tokio::test]
async fn a_chapters_file_that_cannot_be_written_stops_the_run_and_the_picture_is_kept() {
    let env = one_by_one(SimulatorConfig::default()).await;
    let running = env.spawn(&["imagegen", "ep1"]);
    until("the first picture is asked for", || calls(&env).0 == 1).await;
    fs::create_dir_all(env.output("ep1", "images/ch02.png/in-the-way")).unwrap();
    let _stopped = env.wait(running).await.exits(1).says("ch02");
    let sent = calls(&env).0;
    assert!((2..=3).contains(&sent), "{sent} were sent");
    assert_eq!(status_of(&env, "ep1").await.0, EpisodeStatus::Chapterized);

    fs::remove_dir_all(env.output("ep1", "images/ch02.png")).unwrap();
    let _rest = env.run(&["imagegen", "ep1"]).await.success();
    assert_eq!(calls(&env).0, 6, "the picture that was paid for is not bought again");
    let _clean = env.run(&["images", "verify", "ep1"]).await.success();
}

/// Holds the database's write lock until the sender is dropped.
async fn lock_database(env: &TestEnv) -> (mpsc::Sender<()>, tokio::task::JoinHandle<()>) {
    let (release, released) = mpsc::channel::<()>();
    let (holding, held) = tokio::sync::oneshot::channel();
    let db = database(env);
    let holder = tokio::spawn(async move {
        let holds = db.transaction(move |_conn| {
            holding.send(()).unwrap();
            let _gone = released.recv();
            Ok(())
        });
        holds.await.unwrap();
    });
    held.await.unwrap();
    (release, holder)
}

#[tokio::test]
async fn a_database_that_gets_locked_stops_the_run_before_the_next_call_and_the_picture_is_kept() {
    let env = one_by_one(SimulatorConfig::default()).await;
    let running = env.spawn(&["imagegen", "ep1"]);
    until("a picture is asked for", || calls(&env).0 == 1).await;
    let (release, holder) = lock_database(&env).await;
    let stopped = env.wait(running).await.exits(1);
    let _told = stopped.says("btcedu.db");
    assert_eq!(calls(&env).0, 1);
    drop(release);
    holder.await.unwrap();
    let _rest = env.run(&["imagegen", "ep1"]).await.success().says("5 generated · 1 reused");
    assert_eq!(calls(&env).0, 6, "the first picture was in the store");
    let _clean = env.run(&["images", "verify", "ep1"]).await.success();
}
