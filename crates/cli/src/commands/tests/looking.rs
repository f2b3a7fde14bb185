//! Commands that only look: what they print of a workspace, as text and as JSON.

use std::fs;

use btcedu_testkit::{Chapters, Finished};
use insta::{Settings, assert_snapshot};

use crate::tests::Workspace;

/// Compares text and JSON with snapshots; what differs from run to run is replaced.
fn compare(name: &str, text: &Finished, json: &Finished) {
    let mut settings = Settings::clone_current();
    settings.set_snapshot_path("snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.add_filter(r"/[^\s'\x22]*/data/", "WORKSPACE/");
    settings.add_filter(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME");
    // Columns are as wide as the time was.
    settings.add_filter(r" +\n", "\n");
    settings.bind(|| assert_snapshot!(name, format!("{}\n{}", text.stdout, json.stdout)));
}

/// Runs a command for people and for scripts, and compares both with a snapshot.
async fn shows(workspace: &Workspace, name: &str, words: &[&str]) {
    let text = workspace.run(words).await.success();
    let json = workspace.run(&[words, &["--json"]].concat()).await.success();
    compare(name, &text, &json);
}

fn chapters() -> Chapters {
    Chapters::own_prompts(1).with("diagram", None).with("title_card", None)
}

#[tokio::test]
async fn a_chapter_document_is_shown_as_a_table_and_as_json() {
    let workspace = Workspace::new();
    workspace.add_chapters("ep1", &chapters()).await;
    shows(&workspace, "chapters", &["chapters", "ep1"]).await;
}

#[tokio::test]
async fn decisions_and_prices_are_shown_before_anything_is_bought() {
    let workspace = Workspace::new();
    workspace.add_chapters("ep1", &chapters()).await;
    shows(&workspace, "imagegen_dry_run", &["imagegen", "ep1", "--dry-run"]).await;
    shows(&workspace, "plan_of_pictures", &["plan", "ep1"]).await;
}

#[tokio::test]
async fn a_cap_that_will_stop_the_run_is_told_before() {
    let mut workspace = Workspace::new();
    workspace.set("IMAGE_GEN_MODEL", "dall-e-3");
    workspace.set("MAX_EPISODE_COST_USD", "0.14");
    workspace.add_chapters("ep1", &Chapters::own_prompts(8)).await;
    let dry = workspace.run(&["imagegen", "ep1", "--dry-run"]).await.success();
    let dry = dry.says("8 pictures to buy, at most $0.32; cap $0.14, spent $0.00, left $0.14");
    let _told = dry.says("the cap will stop this run");
}

#[tokio::test]
async fn a_text_that_would_be_made_is_shown_with_its_price() {
    let workspace = Workspace::new();
    workspace.add("ep1", "--transcript", "Willkommen bei Zehn Minuten pro Block.").await;
    shows(&workspace, "plan_of_a_text", &["plan", "ep1"]).await;
}

#[tokio::test]
async fn episodes_are_listed_with_what_they_wait_for() {
    let workspace = Workspace::new();
    let _none = workspace.run(&["status"]).await.success().says("there is no episode");
    workspace.add("told", "--script", "Bir blok.\n").await;
    let _waits = workspace.run(&["run", "told"]).await.exits(3);
    workspace.add_chapters("drawn", &chapters()).await;
    workspace.add("raw", "--audio", "not really sound").await;
    let _found = workspace.run(&["status", "--search", "FOLGE D"]).await.success().says("drawn");
    let _none = workspace.run(&["status", "--search", "x"]).await.success().says("no episode is like that");
    shows(&workspace, "status", &["status", "told", "drawn", "raw"]).await;
    shows(&workspace, "review_list", &["review", "list"]).await;
    // Looking once marks it as being looked at, so the second look is the one to compare.
    let _opened = workspace.run(&["review", "show", "1"]).await.success();
    shows(&workspace, "review_show_without_a_diff", &["review", "show", "1"]).await;
}

#[tokio::test]
async fn several_reviews_are_approved_at_once_and_all_lists_those_that_were_decided() {
    let workspace = Workspace::new();
    for id in ["ep1", "ep2"] {
        workspace.add(id, "--script", "Bir blok.\n").await;
    }
    let _both = workspace.run(&["run", "ep1", "ep2"]).await.exits(3);
    let approved = workspace.run(&["review", "approve", "1", "2", "--json"]).await.success().json();
    assert_eq!((&approved[0]["episode_id"], &approved[1]["episode_id"]), (&"ep1".into(), &"ep2".into()));
    let _none = workspace.run(&["review", "list"]).await.success().says("nothing waits for a review");
    let all = workspace.run(&["review", "list", "--all", "--json"]).await.success().json();
    assert_eq!(all.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn where_nothing_was_made_or_spent_it_is_said() {
    let workspace = Workspace::new();
    workspace.add_chapters("ep1", &chapters()).await;
    let _nothing = workspace.run(&["cost"]).await.success().says("nothing was spent yet");
    let _list = workspace.run(&["images", "list", "ep1"]).await.exits(1).says("btcedu imagegen ep1");
    let _history =
        workspace.run(&["images", "history", "ep1"]).await.success().says("no picture was made yet");
    let none = workspace.run(&["images", "history", "ep1", "--json"]).await.success().json();
    assert_eq!(none, serde_json::json!({"episode_id": "ep1", "pictures": []}));
    let several = workspace.run(&["images", "history", "ep1", "nowhere", "--json"]).await.exits(1).json();
    assert_eq!((&several[0]["episode_id"], &several[1]["episode_id"]), (&"ep1".into(), &"nowhere".into()));
    assert_eq!(several[1]["exit_code"], 1);
    let _report = workspace.run(&["report", "ep1"]).await.exits(1).says("btcedu run ep1");
}

#[tokio::test]
async fn migrate_and_its_status_agree() {
    let workspace = Workspace::new();
    let before = workspace.run(&["migrate-status", "--json"]).await.success().json();
    let steps = before.as_array().unwrap();
    assert!(!steps.is_empty() && steps.iter().all(|s| s["applied"] == false), "{before}");
    assert!(!workspace.data().join("btcedu.db").exists(), "looking makes no database");
    let applied = workspace.run(&["migrate", "--json"]).await.success().json();
    assert_eq!(applied["applied"].as_array().unwrap().len(), steps.len());
    let after = workspace.run(&["migrate-status", "--json"]).await.success().json();
    let after = after.as_array().unwrap();
    assert!(after.len() == steps.len() && after.iter().all(|s| s["applied"] == true), "{after:?}");
    let _again = workspace.run(&["migrate"]).await.success().says("is up to date");
}

#[tokio::test]
async fn prompt_commands_show_versions_and_promote_one() {
    let mut workspace = Workspace::new();
    let listed = workspace.run(&["prompt", "list", "--json"]).await.success().json();
    let names: Vec<&str> = listed.as_array().unwrap().iter().map(|p| p["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["adapt", "chapterize", "correct_transcript", "imagegen", "system", "translate"]);
    assert!(listed.as_array().unwrap().iter().all(|prompt| prompt["is_default"] == true));
    let _body =
        workspace.run(&["prompt", "show", "imagegen"]).await.success().says("{{ visual_description }}");

    let folder = workspace.data().join("prompts");
    fs::create_dir_all(&folder).unwrap();
    let front = "---\nname: imagegen\nmodel: claude-sonnet-5-5\ntemperature: 0.7\nmax_tokens: 1024\ndescription: d\nauthor: a\n---\n";
    workspace.write("data/prompts/imagegen.md", &format!("{front}Draw {{{{ visual_description }}}}.\n"));
    workspace.set("PROMPTS_DIR", &folder.display().to_string());
    let versions = workspace.run(&["prompt", "list", "--json"]).await.success().json();
    let of_imagegen: Vec<_> =
        versions.as_array().unwrap().iter().filter(|version| version["name"] == "imagegen").collect();
    let default = of_imagegen.iter().find(|v| v["is_default"] == true).unwrap();
    assert_eq!((of_imagegen.len(), &default["version"]), (2, &2.into()));
    let _diff = workspace.run(&["prompt", "diff", "imagegen", "1", "2"]).await.success().says("+Draw {{");
    let promoted = workspace.run(&["prompt", "promote", "imagegen", "1"]).await.success();
    let _back = promoted.says("v1 is the default");
    let shown = workspace.run(&["prompt", "show", "imagegen", "--json"]).await.success().json();
    assert_eq!((&shown["version"], shown["history"].as_array().unwrap().len()), (&1.into(), 2));
    for (words, told) in [
        (&["prompt", "show", "nothing"][..], "nothing"),
        (&["prompt", "show", "imagegen", "9"], "9"),
        (&["prompt", "promote", "imagegen", "9"], "9"),
        (&["prompt", "diff", "imagegen", "1", "9"], "9"),
        (&["prompt", "show", "../x"], "../x"),
    ] {
        let _refused = workspace.run(words).await.exits(2).says(told);
    }
}
