//! Settings that nobody may see, or nobody can read: no password is shown, and what is no text is refused by name.

use std::{ffi::OsStr, fs, os::unix::ffi::OsStrExt, path::Path};

use btcedu_testkit::{Chapters, Finished, TestEnv};

use crate::{
    books::{EP, scribble},
    support::{calls, ledger},
    world,
};

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
    // Where nobody listens, the address is named without it.
    env.set("OPENAI_BASE_URL", &format!("http://127.0.0.1:1/v1?token={PASSWORD}"));
    for args in [&["doctor"][..], &["doctor", "--json"], &["imagegen", EP, "--dry-run"]] {
        is_told_nowhere(&env, &env.run(args).await);
    }
}

#[tokio::test]
async fn a_password_in_the_address_of_another_database_is_not_shown() {
    let mut env = world().await;
    env.set("DATABASE_URL", &format!("postgres://user:{PASSWORD}@db.example/btcedu"));
    for args in [&["status"][..], &["status", "--json"], &["doctor"]] {
        let refused = env.run(args).await.exits(2);
        is_told_nowhere(&env, &refused);
        let _named = refused.says("DATABASE_URL=(not shown)").says("sqlite:///relative/path");
    }
}

/// Runs the program with one variable that is no text.
async fn with_no_text(env: &TestEnv, name: &str, args: &[&str]) -> Finished {
    let value = [b"caf", &[0xe9][..], PASSWORD.as_bytes()].concat();
    let child = env.command(args).env(name, OsStr::from_bytes(&value)).spawn().unwrap();
    env.wait(child).await
}

#[tokio::test]
async fn a_setting_that_is_no_text_is_refused_by_its_name() {
    let env = world().await;
    env.add(EP, &Chapters::own_prompts(1)).await;
    for name in
        ["IMAGE_GEN_STYLE_PREFIX", "OPENAI_API_KEY", "CLAUDE_API_KEY", "DATA_DIR", "MAX_EPISODE_COST_USD"]
    {
        let refused = with_no_text(&env, name, &["imagegen", EP]).await;
        if name == "CLAUDE_API_KEY" {
            // The name of today is set, so nobody looks at the old one.
            let _made = refused.success();
            continue;
        }
        let refused = refused.exits(2).says(name).says("text in UTF-8");
        assert!(!refused.stderr.contains("panicked"), "{}", refused.stderr);
        let secret = name.ends_with("_KEY");
        assert_eq!(refused.stderr.contains(PASSWORD), !secret, "{}", refused.stderr);
        let json = with_no_text(&env, name, &["imagegen", EP, "--json"]).await.exits(2).json();
        assert_eq!(json["exit_code"], 2);
    }
    assert_eq!(calls(&env), (1, 0));
    let _not_ours = with_no_text(&env, "SOMEBODY_ELSES", &["imagegen", EP]).await.success();
}

#[tokio::test]
async fn the_old_name_of_claudes_key_that_is_no_text_is_refused_too() {
    let mut env = world().await;
    env.unset("ANTHROPIC_API_KEY");
    env.add(EP, &Chapters::without_prompts(1)).await;
    let refused = with_no_text(&env, "CLAUDE_API_KEY", &["imagegen", EP]).await.exits(2);
    let refused = refused.says("ANTHROPIC_API_KEY").says("text in UTF-8");
    assert!(!refused.stderr.contains(PASSWORD), "{}", refused.stderr);
}

#[tokio::test]
async fn words_that_are_no_text_are_refused_without_a_panic() {
    let env = world().await;
    for before in [&["imagegen"][..], &["imagegen", "ep1", "--chapter"], &["--data-dir"], &["add", "--id"]] {
        let mut command = env.command(before);
        command.arg(OsStr::from_bytes(b"caf\xe9"));
        if before == ["--data-dir"] {
            command.arg("status");
        }
        let refused = env.wait(command.spawn().unwrap()).await.exits(2);
        assert!(
            refused.stderr.contains("UTF-8") && !refused.stderr.contains("panicked"),
            "{}",
            refused.stderr
        );
    }
    assert!(!env.data().exists());
}

#[tokio::test]
async fn a_dotenv_that_cannot_be_read_is_told_as_such_and_none_of_it_is_shown() {
    let env = world().await;
    let no_text = [b"OPENAI_API_KEY=caf", &[0xe9][..], PASSWORD.as_bytes(), b"\n"].concat();
    let utf_16: Vec<u8> =
        format!("\u{feff}OPENAI_API_KEY={PASSWORD}\n").encode_utf16().flat_map(u16::to_le_bytes).collect();
    for bytes in [no_text, utf_16, format!("OPENAI_API_KEY='{PASSWORD}\n").into_bytes(), vec![0xff; 100]] {
        scribble(&env.folder().join(".env"), &bytes);
        let refused = env.run(&["status"]).await.exits(2).says(".env").says("mend or remove it");
        assert!(
            !refused.stderr.contains("panicked") && !refused.stderr.contains(PASSWORD),
            "{}",
            refused.stderr
        );
        let json = env.run(&["status", "--json"]).await.exits(2).json();
        assert_eq!(json["exit_code"], 2);
    }
    fs::remove_file(env.folder().join(".env")).unwrap();
    fs::create_dir(env.folder().join(".env")).unwrap();
    let _folder = env.run(&["status"]).await.exits(2).says(".env");
    assert!(!env.data().exists(), "nothing was made");
}

#[tokio::test]
async fn a_price_that_would_switch_the_cap_off_is_refused_with_name_value_and_what_is_allowed() {
    let mut env = world().await;
    env.add(EP, &Chapters::own_prompts(1)).await;
    for value in
        ["0", "0.00", "-0", "-0.08", "NaN", "nan", "inf", "-inf", "1e400", "free", "0,08", "0.0000001"]
    {
        for (model, dry) in [("gpt-image-99", false), ("gpt-image-2.6-flare", false), ("gpt-image-99", true)]
        {
            env.set("IMAGE_GEN_MODEL", model);
            env.set("IMAGE_GEN_PRICE_USD", value);
            let args = if dry { &["imagegen", EP, "--dry-run"][..] } else { &["imagegen", EP] };
            let refused =
                env.run(args).await.exits(2).says(&format!("IMAGE_GEN_PRICE_USD={value} is not allowed"));
            let _allowed = refused.says("allowed: a price in US dollars above 0, like 0.08");
        }
    }
    assert_eq!((calls(&env), ledger(&env, EP).await.len()), ((0, 0), 0));
    env.set("IMAGE_GEN_MODEL", "gpt-image-2.6-flare");
    env.set("IMAGE_GEN_PRICE_USD", "0.08");
    let _made = env.run(&["imagegen", EP]).await.success();
}
