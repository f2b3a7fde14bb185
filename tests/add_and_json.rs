//! `add` beside what is there already and with input that never ends; JSON for scripts, whatever goes wrong.

use std::fs;

use btcedu_domain::{EpisodeStatus, PipelineVersion};
use btcedu_testkit::{Chapters, Finished, TestEnv};

use crate::{
    BTCEDU,
    books::{Books, EP},
    support::{calls, status_of},
    world,
};

#[tokio::test]
async fn an_id_that_exists_as_v1_is_not_added_as_v2() {
    let mut env = world().await;
    env.set("PIPELINE_VERSION", "1");
    let transcript = env.write("t.txt", "Willkommen.").display().to_string();
    let first = ["add", "--id", EP, "--title", "Blok", "--transcript", &transcript];
    let _added = env.run(&first).await.success();
    env.unset("PIPELINE_VERSION");
    let file = env.write("chapters.json", &Chapters::own_prompts(1).json(EP)).display().to_string();
    for more in [["--chapters", &file], ["--script", &transcript], ["--transcript", &transcript]] {
        let words = [&["add", "--id", EP, "--title", "Zincir"][..], &more].concat();
        let _refused = env.run(&words).await.exits(2).says("'ep1' exists already").says("btcedu status ep1");
    }
    assert!(!env.output(EP, "chapters.json").exists(), "the episode is left alone");
    let episode = Books::open(&env).await.episode;
    assert_eq!((episode.pipeline_version, episode.status), (PipelineVersion::V1, EpisodeStatus::Transcribed));
    assert_eq!(episode.title, "Blok");
    let _still_v1 = env.run(&["imagegen", EP]).await.exits(1).says("v1");
}

#[tokio::test]
async fn chapters_and_scripts_are_not_added_to_v1() {
    let mut env = world().await;
    env.set("PIPELINE_VERSION", "1");
    let file = env.write("chapters.json", &Chapters::own_prompts(1).json(EP)).display().to_string();
    for flag in ["--chapters", "--script"] {
        let words = ["add", "--id", EP, "--title", "T", flag, &file];
        let _refused = env.run(&words).await.exits(2).says("PIPELINE_VERSION is 1");
    }
    assert!(!env.data().exists());
}

/// Runs the program with 512 MiB of address space, so that whoever reads without end fails.
async fn with_little_memory(env: &TestEnv, words: &[&str]) -> Finished {
    let mut command = tokio::process::Command::new("sh");
    command.args(["-c", "ulimit -v 524288; exec \"$0\" \"$@\"", BTCEDU]).args(words);
    command.current_dir(env.folder()).env_clear();
    let template = env.command(&[]);
    command.envs(template.as_std().get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).kill_on_drop(true);
    let ended = tokio::time::timeout(std::time::Duration::from_secs(30), env.wait(command.spawn().unwrap()));
    ended.await.expect("it ends soon")
}

#[tokio::test]
async fn input_that_never_ends_is_refused_quickly_and_without_holding_it() {
    let env = world().await;
    let _works = with_little_memory(&env, &["status"]).await.success();
    for flag in ["--chapters", "--script", "--transcript", "--audio"] {
        let words = ["add", "--id", EP, "--title", "T", flag, "/dev/zero"];
        let refused = with_little_memory(&env, &words).await.exits(1).says("/dev/zero");
        assert!(!refused.stderr.contains("panicked"), "{flag}: {}", refused.stderr);
        if flag != "--audio" {
            let _told = refused.says("16 MiB");
        }
        let _none = env.run(&["status", EP]).await.exits(1).says("no episode 'ep1'");
    }
    let _checked = with_little_memory(&env, &["chapters", "/dev/zero"]).await.exits(1).says("16 MiB");
    assert!(!env.output(EP, "").exists(), "nothing was copied");
}

/// A pipe can be read once only, so what was checked is what is copied.
#[tokio::test]
async fn a_document_from_a_pipe_is_added_whole() {
    let env = world().await;
    let document = Chapters::own_prompts(2).json(EP);
    env.write("chapters.json", &document);
    env.write("script.md", "# Bölüm 1\n");
    for (id, flag, file, copy) in [
        (EP, "--chapters", "chapters.json", "outputs/ep1/chapters.json"),
        ("ep2", "--script", "script.md", "outputs/ep2/script.adapted.tr.md"),
        ("ep3", "--transcript", "script.md", "transcripts/ep3/transcript.de.txt"),
    ] {
        let script = format!("cat {file} | \"$0\" add --id {id} --title T {flag} /dev/stdin");
        let mut command = tokio::process::Command::new("sh");
        command.args(["-c", &script, BTCEDU]).current_dir(env.folder()).env_clear();
        let template = env.command(&[]);
        command.envs(template.as_std().get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        let _added = env.wait(command.spawn().unwrap()).await.success();
        assert_eq!(
            fs::read(env.data().join(copy)).unwrap(),
            fs::read(env.folder().join(file)).unwrap(),
            "{flag}"
        );
    }
    let _made = env.run(&["imagegen", EP]).await.success().says("2 generated");
    assert_eq!(status_of(&env, "ep2").await.0, EpisodeStatus::Adapted);
}

#[tokio::test]
async fn a_usage_error_with_json_is_one_document_with_exit_code_2() {
    let env = world().await;
    env.add(EP, &Chapters::own_prompts(1)).await;
    for words in [
        &["imagegen", EP, "--no-such-flag", "--json"][..],
        &["--json", "paint"],
        &["--json"],
        &["images", "use", EP, "--json"],
        &["add", "--id", "x", "--json"],
        &["cost", "--by", "colour", "--json"],
        // These are refused by ourselves, after the words were understood.
        &["imagegen", "--json"],
        &["imagegen", "../x", "--json"],
        &["imagegen", EP, "--chapter", "ch09", "--json"],
        &["images", "use", EP, "--chapter", "ch01", "x", "--json"],
        &["--json", "chunk", EP],
    ] {
        let refused = env.run(words).await.exits(2);
        let document = refused.json();
        assert_eq!(document["exit_code"], 2, "{words:?}");
        let told = document["error"].as_str().unwrap();
        assert!(!told.is_empty() && !told.contains("error: error"), "{words:?}: {told}");
        assert!(!refused.stderr.is_empty(), "{words:?}: people are told too");
        let plain: Vec<&str> = words.iter().copied().filter(|w| *w != "--json").collect();
        assert_eq!(env.run(&plain).await.exits(2).stdout, "", "{plain:?}: without --json stdout is empty");
    }
    let _help = env.run(&["imagegen", "--help", "--json"]).await.success().says("Usage: btcedu imagegen");
    assert_eq!(calls(&env), (0, 0));
}

#[tokio::test]
async fn history_in_json_has_episode_and_pictures_with_all_that_a_choice_needs() {
    let env = world().await;
    env.add(EP, &Chapters::own_prompts(2)).await;
    env.add("ep2", &Chapters::own_prompts(1)).await;
    let none = env.run(&["images", "history", EP, "--json"]).await.success().json();
    assert_eq!(none, serde_json::json!({"episode_id": EP, "pictures": []}));
    let _made = env.run(&["imagegen", EP]).await.success();
    let one = env.run(&["images", "history", EP, "--json"]).await.success().json();
    assert_eq!((&one["episode_id"], one["pictures"].as_array().unwrap().len()), (&EP.into(), 2));
    for picture in one["pictures"].as_array().unwrap() {
        let mut keys: Vec<&str> = picture.as_object().unwrap().keys().map(String::as_str).collect();
        keys.sort_unstable();
        let expected = [
            "call_id",
            "chapter_id",
            "cost_usd",
            "current_for",
            "differences",
            "file",
            "generated_at",
            "intact",
            "model",
        ];
        assert_eq!(keys, expected);
        assert_eq!(picture["current_for"], serde_json::json!([picture["chapter_id"]]));
        assert!(picture["intact"] == true && picture["cost_usd"].as_f64().unwrap() > 0.0);
        assert!(env.folder().join(picture["file"].as_str().unwrap()).is_file());
        let call = picture["call_id"].as_str().unwrap();
        let chapter = picture["chapter_id"].as_str().unwrap();
        let chosen =
            env.run(&["images", "use", EP, "--chapter", chapter, call, "--json"]).await.success().json();
        assert_eq!((&chosen["call_id"], &chosen["chapter_id"]), (&call.into(), &chapter.into()));
    }
    let several = env.run(&["images", "history", EP, "ep2", "nowhere", "--json"]).await.exits(1).json();
    assert_eq!((&several[0]["episode_id"], &several[1]["pictures"]), (&EP.into(), &serde_json::json!([])));
    assert_eq!((&several[2]["episode_id"], &several[2]["exit_code"]), (&"nowhere".into(), &1.into()));
}
