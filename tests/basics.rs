//! What a person meets first: which chapters get a picture, and that nothing is bought twice.

use btcedu_domain::{CallState, EpisodeStatus};
use btcedu_testkit::{Chapters, simulator::Fault};

use crate::{
    support::{calls, entry, ledger, pictures, pictures_in_state, set_status, status_of, texts},
    world,
};

#[tokio::test]
async fn only_diagrams_b_roll_and_screen_shares_get_a_picture() {
    let env = world().await;
    let chapters = ["title_card", "diagram", "b_roll", "talking_head", "screen_share"]
        .iter()
        .fold(Chapters::none(), |doc, visual| doc.with(visual, Some(&format!("A coin for a {visual}."))));
    env.add("ep1", &chapters).await;
    let result = env.run(&["imagegen", "ep1", "--json"]).await.success().json();
    assert_eq!((&result["generated"], &result["skipped"]), (&3.into(), &2.into()));
    assert_eq!(
        env.files("outputs/ep1/images"),
        ["ch02.png", "ch03.png", "ch05.png", "manifest.json", "store"]
    );
    let statuses: Vec<String> = ["ch01", "ch02", "ch03", "ch04", "ch05"]
        .map(|id| entry(&env, "ep1", id)["status"].as_str().unwrap().to_owned())
        .into();
    assert_eq!(statuses, ["skipped", "generated", "generated", "skipped", "generated"]);
    assert_eq!(status_of(&env, "ep1").await, (EpisodeStatus::ImagesGenerated, None));
}

#[tokio::test]
async fn the_prompt_is_the_chapters_own_or_else_written_from_the_template() {
    let mut env = world().await;
    env.set("IMAGE_GEN_STYLE_PREFIX", "Flat style.");
    env.sim.script(texts(Fault::Text("A golden chain on a table.".into())));
    let chapters = Chapters::none()
        .with("diagram", Some("  A plain coin.  "))
        .with("diagram", None)
        .edit(2, "/title", "Zincir nedir?")
        .with("b_roll", Some("   "));
    env.add("ep1", &chapters).await;
    let _done = env.run(&["imagegen", "ep1"]).await.success();

    let mut sent = env.sim.stats().prompts;
    sent.sort();
    let written = "Flat style. A golden chain on a table.";
    assert_eq!(sent, [written, written, "Flat style. A plain coin."]);
    assert_eq!(calls(&env), (3, 2));
    let asked: Vec<String> = env
        .sim
        .requests()
        .into_iter()
        .filter(|r| r.path == "/v1/messages")
        .map(|r| r.body.to_string())
        .collect();
    let of_chapter_2 = asked.iter().find(|body| body.contains("Zincir nedir?")).expect("the title is sent");
    for part in ["2 numaralı bloğu gösteren", "2. bölümün anlatımıdır", "`diagram`", "Flat style."] {
        assert!(of_chapter_2.contains(part), "{part} is not in {of_chapter_2}");
    }
    for body in &asked {
        assert!(!body.contains("temperature"), "a sampling parameter was sent: {body}");
    }
    let sources = ["ch01", "ch02", "ch03"].map(|id| entry(&env, "ep1", id)["prompt_source"].clone());
    assert_eq!(sources, ["chapter", "template", "template"]);
    assert_eq!(entry(&env, "ep1", "ch02")["prompt"], written);
}

#[tokio::test]
async fn a_second_run_sends_nothing() {
    let env = world().await;
    env.add("ep1", &Chapters::own_prompts(2).with("diagram", None)).await;
    let _first = env.run(&["imagegen", "ep1"]).await.success();
    assert_eq!(calls(&env), (3, 1));
    let before = env.manifest("ep1");
    let second = env.run(&["imagegen", "ep1", "--json"]).await.success().json();
    assert_eq!(second["end"]["kind"], "skipped");
    assert_eq!(calls(&env), (3, 1));
    assert_eq!(env.manifest("ep1"), before, "not even the manifest is written again");
}

#[tokio::test]
async fn a_second_run_needs_neither_keys_nor_network() {
    let mut env = world().await;
    env.add("ep1", &Chapters::own_prompts(1).with("diagram", None)).await;
    let _first = env.run(&["imagegen", "ep1"]).await.success();
    for name in ["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_BASE_URL"] {
        env.unset(name);
    }
    let _second = env.run(&["imagegen", "ep1"]).await.success().says("2 kept");
}

#[tokio::test]
async fn force_buys_all_pictures_anew_and_no_prompt() {
    let env = world().await;
    env.add("ep1", &Chapters::own_prompts(2).with("diagram", None).with("title_card", None)).await;
    let _first = env.run(&["imagegen", "ep1"]).await.success();
    let before = env.manifest("ep1");
    let forced = env.run(&["imagegen", "ep1", "--force", "--json"]).await.success().json();
    assert_eq!(forced["generated"], 3);
    assert_eq!(calls(&env), (6, 1), "the paid text is used again");
    let after = env.manifest("ep1");
    for n in 0..3 {
        assert_ne!(before["images"][n]["call_id"], after["images"][n]["call_id"]);
        assert_ne!(before["images"][n]["sha256"], after["images"][n]["sha256"]);
    }
    let stored = env.files("outputs/ep1/images/store");
    assert_eq!(stored.len(), 12, "six pictures, each with its sidecar: {stored:?}");
}

#[tokio::test]
async fn a_hang_is_tried_three_more_times_then_failed_and_the_others_go_on() {
    let mut env = world().await;
    env.set("IMAGE_GEN_TIMEOUT_SECONDS", "1");
    env.sim.script(pictures(Fault::HangForever { billed: true }).when_prompt_contains("number 2."));
    env.add("ep1", &Chapters::own_prompts(3)).await;
    let done = env.run(&["imagegen", "ep1"]).await.success();
    let done = done.says("ch02 failed").says("may have been billed").says("2 generated · 1 failed");
    assert!(done.stderr.contains("chapter.id=ch02"), "the log names the chapter: {}", done.stderr);
    assert_eq!(env.sim.stats().prompts.iter().filter(|p| p.contains("number 2.")).count(), 4);

    let failed = entry(&env, "ep1", "ch02");
    assert_eq!((&failed["status"], &failed["attempts"]), (&"failed".into(), &4.into()));
    assert!(failed["error"].as_str().unwrap().contains("IMAGE_GEN_TIMEOUT_SECONDS"), "{failed}");
    let ledger = ledger(&env, "ep1").await;
    let of_ch02 = ledger.iter().filter(|c| c.chapter_id.as_ref().is_some_and(|id| id.as_str() == "ch02"));
    let states: Vec<CallState> = of_ch02.map(|c| c.state).collect();
    assert_eq!(states, [CallState::Unknown; 4]);
    assert_eq!(pictures_in_state(&ledger, CallState::Answered), 2);
    assert_eq!(status_of(&env, "ep1").await.0, EpisodeStatus::ImagesGenerated);

    env.sim.clear_rules();
    let again = env.run(&["imagegen", "ep1", "--json"]).await.success().json();
    assert_eq!((&again["generated"], &again["kept"]), (&1.into(), &2.into()));
}

#[tokio::test]
async fn an_episode_that_is_not_chapterized_yet_is_refused() {
    let env = world().await;
    let script = env.write("script.md", "# Bölüm 1\n\nBlok zinciri.").display().to_string();
    let _added = env.run(&["add", "--id", "ep1", "--title", "T", "--script", &script]).await.success();
    let refused = env.run(&["imagegen", "ep1"]).await.exits(1);
    let _told = refused.says("ep1").says("'adapted'").says("'chapterized'").says("btcedu plan ep1");
    let _forced = env.run(&["imagegen", "ep1", "--force"]).await.exits(1).says("'adapted'");
    assert_eq!(status_of(&env, "ep1").await, (EpisodeStatus::Adapted, None), "a refusal is no failure");
    assert_eq!(calls(&env), (0, 0));
}

#[tokio::test]
async fn only_force_takes_an_episode_back_from_a_later_status() {
    let env = world().await;
    env.add("ep1", &Chapters::own_prompts(1)).await;
    let _first = env.run(&["imagegen", "ep1"]).await.success();
    for status in [EpisodeStatus::TtsDone, EpisodeStatus::Rendered, EpisodeStatus::Published] {
        set_status(&env, "ep1", status).await;
        let _refused = env.run(&["imagegen", "ep1"]).await.exits(1).says("--force");
    }
    assert_eq!(calls(&env), (1, 0));
    let _forced = env.run(&["imagegen", "ep1", "--force"]).await.success();
    assert_eq!(calls(&env), (2, 0));
    assert_eq!(status_of(&env, "ep1").await.0, EpisodeStatus::ImagesGenerated);
}

#[tokio::test]
async fn an_episode_of_pipeline_v1_is_refused() {
    let mut env = world().await;
    env.set("PIPELINE_VERSION", "1");
    let transcript = env.write("t.txt", "Willkommen.").display().to_string();
    let add = ["add", "--id", "ep1", "--title", "Blok", "--transcript", &transcript];
    let _added = env.run(&add).await.success();
    for args in [&["imagegen", "ep1"][..], &["imagegen", "ep1", "--force"], &["imagegen", "ep1", "--dry-run"]]
    {
        let _refused = env.run(args).await.exits(1).says("ep1").says("v1").says("btcedu plan ep1");
    }
    assert_eq!(calls(&env), (0, 0));
}

#[tokio::test]
async fn an_unknown_episode_is_refused_and_leaves_no_folder() {
    let env = world().await;
    for args in [&["imagegen", "nowhere"][..], &["imagegen", "nowhere", "--dry-run"]] {
        let _refused = env.run(args).await.exits(1).says("no episode 'nowhere'").says("btcedu status");
    }
    assert!(!env.output("nowhere", "").exists());
}

#[tokio::test]
async fn an_episode_without_a_chapter_to_draw_is_done_at_once_and_free() {
    let mut env = world().await;
    env.unset("OPENAI_API_KEY");
    env.unset("ANTHROPIC_API_KEY");
    env.add("ep1", &Chapters::none().with("title_card", None).with("talking_head", Some("A face."))).await;
    let result = env.run(&["imagegen", "ep1", "--json"]).await.success().json();
    assert_eq!((&result["generated"], &result["skipped"]), (&0.into(), &2.into()));
    assert_eq!(status_of(&env, "ep1").await, (EpisodeStatus::ImagesGenerated, None));
    assert_eq!(env.manifest("ep1")["totals"]["skipped"], 2);
    let _again = env.run(&["imagegen", "ep1"]).await.success().says("nothing was to be done");
    assert_eq!(calls(&env), (0, 0));
}

#[tokio::test]
async fn the_worst_exit_code_of_several_episodes_wins_and_each_has_its_line() {
    let env = world().await;
    env.add("good", &Chapters::own_prompts(1)).await;
    let run = env.run(&["imagegen", "good", "nowhere", "good"]).await.exits(1);
    let _both = run.says("good: 1 generated").says("nowhere: there is no episode");
    assert_eq!(calls(&env), (1, 0), "named twice is worked on once");
    let several = env.run(&["imagegen", "good", "nowhere", "--json"]).await.exits(1).json();
    assert_eq!((&several[0]["kept"], &several[1]["exit_code"]), (&1.into(), &1.into()));
}

/// Every command, as a person types it.
const COMMANDS: &[&str] = &[
    "add",
    "imagegen",
    "run",
    "plan",
    "status",
    "cost",
    "images",
    "images list",
    "images verify",
    "correct",
    "translate",
    "adapt",
    "chapterize",
    "run-pending",
    "run-latest",
    "retry",
    "report",
    "review",
    "review list",
    "review show",
    "review approve",
    "review reject",
    "review request-changes",
    "images history",
    "images use",
    "chapters",
    "prompt",
    "prompt list",
    "prompt show",
    "prompt diff",
    "prompt promote",
    "migrate",
    "migrate-status",
    "doctor",
    "completions",
    "web",
    "web hash-password",
    "help",
];

#[tokio::test]
async fn every_command_has_a_help_that_teaches_with_an_example() {
    let env = world().await;
    let top = env.run(&["--help"]).await.success().says("Exit codes:").says("Examples:");
    let listed = |help: &str| -> Vec<String> {
        let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
        let names = commands.take_while(|line| !line.is_empty()).filter_map(|l| l.split_whitespace().next());
        names.map(ToOwned::to_owned).collect()
    };
    let mut found = listed(&top.stdout);
    for command in COMMANDS.iter().filter(|c| **c != "help") {
        let words: Vec<&str> = command.split(' ').chain(["--help"]).collect();
        let help = env.run(&words).await.success();
        assert!(help.stdout.contains("Usage: btcedu "), "{command}");
        let example = help.stdout.split_once("Example").map(|(_, rest)| rest);
        let example = example.unwrap_or_else(|| panic!("`{command}` has no example:\n{}", help.stdout));
        assert!(example.contains(&format!("btcedu {command}")), "{command}: {example}");
        for inner in listed(&help.stdout).iter().filter(|name| *name != "help") {
            found.push(format!("{command} {inner}"));
        }
    }
    found.sort();
    let mut expected: Vec<String> = COMMANDS.iter().map(|c| (*c).to_owned()).collect();
    expected.sort();
    assert_eq!(found, expected, "a command is missing here or there");
}
