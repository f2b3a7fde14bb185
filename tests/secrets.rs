//! No command shows a password or a token that stands in a setting.

use std::{fs, path::Path};

use btcedu_testkit::{Chapters, Finished, TestEnv};

use crate::{books::EP, support::calls, world};

const PASSWORD: &str = "hunter2-of-the-test";

/// Every file below a folder.
fn all_files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().unwrap().is_dir() {
            found.extend(all_files(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found
}

fn is_told_nowhere(env: &TestEnv, ended: &Finished) {
    for said in [&ended.stdout, &ended.stderr] {
        assert!(!said.contains(PASSWORD), "{said}");
    }
    for file in all_files(&env.data()) {
        let bytes = fs::read(&file).unwrap();
        let has_it = bytes.windows(PASSWORD.len()).any(|w| w == PASSWORD.as_bytes());
        assert!(!has_it, "{}", file.display());
    }
}

#[tokio::test]
async fn a_password_in_a_base_url_is_refused_and_shown_by_no_command() {
    for (name, url) in [
        ("OPENAI_BASE_URL", format!("https://user:{PASSWORD}@gateway.example")),
        ("OPENAI_BASE_URL", format!("https://{PASSWORD}@gateway.example/v1")),
        ("OPENAI_BASE_URL", format!("http://user:{PASSWORD}@127.0.0.1:1")),
        ("OPENAI_BASE_URL", format!("https://user:{PASSWORD}@:bad:port")),
        ("OPENAI_BASE_URL", format!("user:{PASSWORD}@gateway.example")),
        ("ANTHROPIC_BASE_URL", format!("https://user:{PASSWORD}@gateway.example")),
    ] {
        let mut env = world().await;
        env.add(EP, &Chapters::own_prompts(1).with("diagram", None)).await;
        env.set(name, &url);
        for args in [
            &["imagegen", EP][..],
            &["imagegen", EP, "--json"],
            &["imagegen", EP, "--dry-run"],
            &["imagegen", EP, "-vv"],
            &["run", EP],
            &["images", "verify", EP],
        ] {
            let refused = env.run(args).await.exits(2);
            is_told_nowhere(&env, &refused);
            let _named = refused.says(name);
        }
        for args in [&["doctor"][..], &["doctor", "--json"], &["doctor", "--offline"], &["doctor", "-vv"]] {
            let shown = env.run(args).await;
            is_told_nowhere(&env, &shown);
            let _named = shown.says(name).says("(set, not shown)");
        }
        let _broken = env.run(&["doctor"]).await.exits(1);
        assert_eq!(calls(&env), (0, 0));
    }
}

#[tokio::test]
async fn a_token_in_a_query_is_sent_and_shown_nowhere() {
    let mut env = world().await;
    env.add(EP, &Chapters::own_prompts(1)).await;
    let url = format!("{}/v1?token={PASSWORD}", env.sim.base_url());
    env.set("OPENAI_BASE_URL", &url);
    let made = env.run(&["imagegen", EP, "-vv"]).await;
    is_told_nowhere(&env, &made);
    let sent = env.sim.requests();
    assert!(sent.iter().any(|r| r.path.contains(PASSWORD)), "{sent:?}");
    // An error about a server that doesn't answer names the URL without the token.
    env.set("OPENAI_BASE_URL", &format!("http://127.0.0.1:1/v1?token={PASSWORD}"));
    for args in [&["doctor"][..], &["doctor", "--json"], &["imagegen", EP, "--dry-run"]] {
        is_told_nowhere(&env, &env.run(args).await);
    }
}
