//! Commands whose effect needs the real program: the doctor's questions, a dry run's files, the log levels.

use std::fs;

use btcedu_domain::EpisodeStatus;
use btcedu_testkit::{Chapters, TestEnv};

use crate::{
    support::{calls, ledger, status_of},
    world,
};

#[tokio::test]
async fn doctor_checks_settings_keys_models_folders_and_disk() {
    let mut env = world().await;
    let well = env.run(&["doctor"]).await.success();
    let _told = well.says("all works").says("disk space").says("accepted").says("(set, not shown)");
    let json = env.run(&["doctor", "--json"]).await.success().json();
    assert!(json["checks"].as_array().unwrap().iter().all(|c| c["verdict"] != "broken"), "{json}");
    assert_eq!(calls(&env), (0, 0), "it costs nothing");
    env.set("OPENAI_API_KEY", "sk-wrong-key-of-the-test");
    let wrong = env.run(&["doctor"]).await.exits(1);
    assert!(!wrong.stdout.contains("sk-wrong"), "{}", wrong.stdout);
    let _told = wrong.says("OPENAI_API_KEY").says("to be mended");
    env.unset("OPENAI_API_KEY");
    let _missing = env.run(&["doctor", "--offline"]).await.exits(1).says("OPENAI_API_KEY");
}

#[tokio::test]
async fn a_dry_run_writes_its_own_files_only_and_sends_nothing() {
    let env = world().await;
    let chapters = Chapters::own_prompts(1).with("diagram", None).with("title_card", None);
    env.add("ep1", &chapters).await;
    let before = tree(&env);
    let dry = env.run(&["imagegen", "ep1", "--dry-run", "--json"]).await.success().json();
    let decisions: Vec<&str> =
        dry["items"].as_array().unwrap().iter().map(|i| i["decision"].as_str().unwrap()).collect();
    assert_eq!(decisions, ["generate", "generate", "skip"]);
    assert_eq!(env.files("outputs/ep1/dry_run/imagegen"), ["ch01-image.json", "ch02-text.json"]);
    let mut after = tree(&env);
    after.retain(|path| !path.contains("/dry_run"));
    assert_eq!(after, before);
    assert_eq!(env.sim.requests(), [], "not even the list of models");
    assert!(ledger(&env, "ep1").await.is_empty());
    assert_eq!(status_of(&env, "ep1").await.0, EpisodeStatus::Chapterized);

    let read = |name: &str| -> serde_json::Value {
        let path = env.output("ep1", "dry_run/imagegen").join(name);
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    };
    let (image, text) = (read("ch01-image.json"), read("ch02-text.json"));
    let _made = env.run(&["imagegen", "ep1"]).await.success();
    let sent: Vec<serde_json::Value> = env.sim.requests().into_iter().map(|r| r.body).collect();
    assert!(sent.contains(&image), "{image} is not among {sent:?}");
    assert!(sent.contains(&text), "{text} is not among {sent:?}");

    let _rest = env.run(&["imagegen", "ep1", "--dry-run"]).await.success().says("0 pictures to buy");
    assert_eq!(
        env.files("outputs/ep1/dry_run/imagegen"),
        Vec::<String>::new(),
        "yesterday's bodies are gone"
    );
}

/// All files and folders below the workspace, with the sizes of all but the database's.
fn tree(env: &TestEnv) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![env.data()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let (path, facts) = (entry.path(), entry.metadata().unwrap());
            let is_database = path.to_string_lossy().contains("btcedu.db");
            if !is_database {
                found.push(format!("{} {}", path.display(), if facts.is_file() { facts.len() } else { 0 }));
            }
            if facts.is_dir() {
                folders.push(path);
            }
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn quiet_says_only_errors_and_verbose_tells_each_picture() {
    let env = world().await;
    env.add("ep1", &Chapters::own_prompts(1)).await;
    let loud = env.run(&["imagegen", "ep1", "-v"]).await.success();
    assert!(loud.stderr.contains("picture made"), "{}", loud.stderr);
    let quiet = env.run(&["imagegen", "ep1", "--force", "-q"]).await.success();
    assert_eq!(quiet.stderr, "");
    assert!(quiet.stdout.contains("1 generated"));
}
