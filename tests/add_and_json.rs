//! `add` with input that never ends, and with input that can be read once only.

use std::fs;

use btcedu_domain::EpisodeStatus;
use btcedu_testkit::{Chapters, Finished, TestEnv};

use crate::{BTCEDU, books::EP, support::status_of, world};

/// Runs the program with 512 MiB of address space, so that a program that reads without a limit fails.
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

/// A pipe can be read only once, so the bytes that were checked must be the bytes that are copied.
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
