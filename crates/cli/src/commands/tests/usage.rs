//! The command line itself: help, usage errors, ids, exit codes.

use std::{ffi::OsString, os::unix::ffi::OsStringExt};

use btcedu_testkit::Chapters;
use clap::{CommandFactory, Parser};

use crate::{
    commands::{Cli, Command},
    tests::Workspace,
};

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

/// Every command that help shows, as a person types it.
const COMMANDS: &[&str] = &[
    "adapt",
    "add",
    "chapterize",
    "chapters",
    "completions",
    "correct",
    "cost",
    "doctor",
    "imagegen",
    "images",
    "images history",
    "images list",
    "images use",
    "images verify",
    "migrate",
    "migrate-status",
    "plan",
    "prompt",
    "prompt diff",
    "prompt list",
    "prompt promote",
    "prompt show",
    "report",
    "retry",
    "review",
    "review approve",
    "review list",
    "review reject",
    "review request-changes",
    "review show",
    "run",
    "run-latest",
    "run-pending",
    "status",
    "translate",
    "web",
    "web hash-password",
];

/// Looks at the help of a command and of those below it, and adds their names to `found`.
fn look_at_help(command: &mut clap::Command, found: &mut Vec<String>) {
    for inner in command.get_subcommands_mut() {
        if inner.is_hide_set() || inner.get_name() == "help" {
            continue;
        }
        let name = inner.get_bin_name().unwrap().to_owned();
        let help = inner.render_long_help().to_string();
        assert!(help.contains(&format!("Usage: {name}")), "{help}");
        let (_, examples) =
            help.split_once("Example").unwrap_or_else(|| panic!("`{name}` has no example:\n{help}"));
        assert!(examples.contains(&name), "{name}: {examples}");
        found.push(name.strip_prefix("btcedu ").unwrap().to_owned());
        look_at_help(inner, found);
    }
}

#[test]
fn every_command_has_a_help_that_teaches_with_an_example() {
    let mut root = Cli::command();
    root.build();
    let help = root.render_long_help().to_string();
    assert!(help.contains("Exit codes:") && help.contains("Examples:"), "{help}");
    let mut found = Vec::new();
    look_at_help(&mut root, &mut found);
    found.sort();
    assert_eq!(found, COMMANDS);
}

#[tokio::test]
async fn help_goes_to_the_person_and_is_no_error_with_json_either() {
    let workspace = Workspace::new();
    let help = workspace.run(&["imagegen", "--help", "--json"]).await.success();
    let _usage = help.says("Usage: btcedu imagegen");
}

#[tokio::test]
async fn completions_are_made_for_each_shell() {
    let workspace = Workspace::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = workspace.run(&["completions", shell]).await.success();
        assert!(script.stdout.contains("imagegen") && script.stderr.is_empty(), "{shell}");
    }
    let _unknown = workspace.run(&["completions", "csh"]).await.exits(2);
    assert!(!workspace.data().exists());
}

#[tokio::test]
async fn stages_without_a_command_say_why() {
    let workspace = Workspace::new();
    for name in ["chunk", "generate", "refine"] {
        let _v1 = workspace.run(&[name, "ep1", "--force"]).await.exits(2).says("pipeline v1").says(name);
    }
    for name in ["detect", "backfill", "download", "transcribe"] {
        let _later = workspace.run(&[name]).await.exits(2).says("not in this version").says(name);
    }
    let _no_such = workspace.run(&["paint"]).await.exits(2);
    assert!(!workspace.data().exists());
}

#[tokio::test]
async fn a_usage_error_with_json_is_one_document_with_exit_code_2() {
    let workspace = Workspace::new();
    workspace.add_chapters("ep1", &Chapters::own_prompts(1)).await;
    for words in [
        &["imagegen", "ep1", "--no-such-flag", "--json"][..],
        &["--json", "paint"],
        &["--json"],
        &["images", "use", "ep1", "--json"],
        &["add", "--id", "x", "--json"],
        &["cost", "--by", "colour", "--json"],
        &["status", "--status", "splendid", "--json"],
        &["run-pending", "--max", "0", "--json"],
        // These are refused by ourselves, after the words were understood.
        &["imagegen", "--json"],
        &["plan", "--json"],
        &["imagegen", "../x", "--json"],
        &["imagegen", "ep1", "--chapter", "ch09", "--json"],
        &["images", "use", "ep1", "--chapter", "ch01", "x", "--json"],
        &["--json", "chunk", "ep1"],
    ] {
        let refused = workspace.run(words).await.exits(2);
        let document = refused.json();
        assert_eq!(document["exit_code"], 2, "{words:?}");
        let told = document["error"].as_str().unwrap();
        assert!(!told.is_empty() && !told.contains("error: error"), "{words:?}: {told}");
        assert!(!refused.stderr.is_empty(), "{words:?}: people are told too");
        let plain: Vec<&str> = words.iter().copied().filter(|w| *w != "--json").collect();
        assert_eq!(
            workspace.run(&plain).await.exits(2).stdout,
            "",
            "{plain:?}: without --json, stdout is empty"
        );
    }
}

#[tokio::test]
async fn an_error_with_json_is_one_document_with_its_exit_code() {
    let refused = Workspace::new().run(&["imagegen", "nowhere", "--json"]).await.exits(1);
    let document = refused.json();
    assert_eq!(document["exit_code"], 1);
    assert!(document["error"].as_str().unwrap().contains("nowhere"), "{document}");
}

#[tokio::test]
async fn the_worst_exit_code_of_several_episodes_wins_and_each_has_its_line() {
    let workspace = Workspace::new();
    // It gets no picture, so it is done without a call.
    workspace.add_chapters("good", &Chapters::none().with("title_card", None)).await;
    let run = workspace.run(&["imagegen", "good", "nowhere", "good"]).await.exits(1);
    assert_eq!(run.stdout.matches("good: 0 generated · 1 skipped").count(), 1, "{}", run.stdout);
    let _both = run.says("nowhere: there is no episode");
    let several = workspace.run(&["imagegen", "good", "nowhere", "--json"]).await.exits(1).json();
    assert_eq!(several.as_array().unwrap().len(), 2);
    assert_eq!((&several[0]["skipped"], &several[1]["exit_code"]), (&1.into(), &1.into()));
}

/// Returns the episodes that a command line names.
fn ids(words: &[&str]) -> Vec<String> {
    let cli = Cli::try_parse_from(["btcedu"].iter().chain(words)).unwrap();
    let found = match &cli.command {
        Command::Imagegen(args) => args.ids.parsed(),
        Command::Correct(args) => args.ids.parsed(),
        Command::Plan(args) => args.ids.parsed(),
        other => panic!("{other:?}"),
    };
    found.unwrap().iter().map(ToString::to_string).collect()
}

#[test]
fn an_id_that_begins_with_a_dash_is_taken_by_flag_and_after_two_dashes() {
    for command in ["imagegen", "correct", "plan"] {
        assert_eq!(ids(&[command, "--episode-id=-QuuHAnujxk"]), ["-QuuHAnujxk"]);
        assert_eq!(ids(&[command, "--episode-id", "-QuuHAnujxk"]), ["-QuuHAnujxk"]);
        assert_eq!(ids(&[command, "--", "-QuuHAnujxk"]), ["-QuuHAnujxk"]);
        assert_eq!(ids(&[command, "--episode-id=-QuuHAnujxk", "--", "-QuuHAnujxk"]), ["-QuuHAnujxk"]);
    }
}

#[tokio::test]
async fn an_id_that_begins_with_a_dash_is_taken_by_every_command() {
    let workspace = Workspace::new();
    let file = workspace.write("chapters.json", &Chapters::none().with("title_card", None).json("-Quu"));
    let add = ["add", "--id=-Quu", "--title", "T", "--chapters", &file];
    let _added = workspace.run(&add).await.success();
    for words in [
        &["imagegen", "--episode-id=-Quu"][..],
        &["plan", "--", "-Quu"],
        &["status", "--", "-Quu"],
        &["cost", "--", "-Quu"],
        &["chapters", "--", "-Quu"],
        &["images", "list", "--", "-Quu"],
        &["images", "verify", "--episode-id", "-Quu"],
        &["images", "history", "--", "-Quu"],
        &["run", "--episode-id=-Quu"],
    ] {
        let _done = workspace.run(words).await.success();
    }
    // The words are understood; the chapter gets no picture.
    let call = "019a0000-0000-7000-8000-000000000000";
    let choose = ["images", "use", "--chapter", "ch01", "--", "-Quu", call];
    let _none = workspace.run(&choose).await.exits(2).says("episode -Quu: --chapter ch01 has a visual type");
}

#[tokio::test]
async fn words_that_are_not_text_are_refused_without_a_panic() {
    let workspace = Workspace::new();
    for before in [&["imagegen"][..], &["imagegen", "ep1", "--chapter"], &["--data-dir"], &["add", "--id"]] {
        let mut words: Vec<OsString> = before.iter().map(OsString::from).collect();
        words.push(OsString::from_vec(b"caf\xe9".to_vec()));
        if before == ["--data-dir"] {
            words.push("status".into());
        }
        let refused = workspace.run_os(&words).await.exits(2);
        assert!(refused.stderr.contains("UTF-8"), "{}", refused.stderr);
    }
    assert!(!workspace.data().exists());
}

#[tokio::test]
async fn the_flag_data_dir_moves_the_whole_workspace() {
    let mut workspace = Workspace::new();
    workspace.set("DATABASE_URL", &workspace.data().with_file_name("elsewhere.db").display().to_string());
    let other = workspace.data().with_file_name("other");
    let folder = other.display().to_string();
    let file = workspace.write("ep1.json", &Chapters::none().with("title_card", None).json("ep1"));
    let add = ["--data-dir", &folder, "add", "--id", "ep1", "--title", "T", "--chapters", &file];
    let _added = workspace.run(&add).await.success();
    let _made = workspace.run(&["imagegen", "ep1", "--data-dir", &folder]).await.success();
    assert!(other.join("btcedu.db").exists() && other.join("outputs/ep1/images/manifest.json").exists());
    assert!(!workspace.data().exists() && !workspace.data().with_file_name("elsewhere.db").exists());
}
