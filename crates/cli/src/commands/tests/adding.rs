//! `add`: what it copies, and what it refuses before it writes anything.

use std::fs;

use btcedu_domain::{EpisodeStatus, PipelineVersion};
use btcedu_testkit::Chapters;

use crate::tests::Workspace;

#[tokio::test]
async fn the_file_is_copied_and_the_status_is_the_one_that_fits() {
    let workspace = Workspace::new();
    for (id, flag, text, status, copies) in [
        (
            "a",
            "--chapters",
            Chapters::own_prompts(1).json("a"),
            EpisodeStatus::Chapterized,
            &["outputs/a/chapters.json"][..],
        ),
        ("b", "--script", "# Bölüm 1\n".into(), EpisodeStatus::Adapted, &["outputs/b/script.adapted.tr.md"]),
        (
            "c",
            "--transcript",
            "Guten Tag.".into(),
            EpisodeStatus::Transcribed,
            &["transcripts/c/transcript.de.txt", "transcripts/c/transcript.clean.de.txt"],
        ),
        ("d", "--audio", "not really sound".into(), EpisodeStatus::Downloaded, &["raw/d/audio.m4a"]),
    ] {
        let file = workspace.write("given", &text);
        let add = ["add", "--id", id, "--title", "T", flag, &file, "--json"];
        let added = workspace.run(&add).await.success().json();
        assert_eq!((&added["episode_id"], &added["status"]), (&id.into(), &status.as_str().into()));
        for copy in copies {
            assert_eq!(fs::read_to_string(workspace.data().join(copy)).unwrap(), text, "{copy}");
        }
        workspace.is_untouched(id, status).await;
    }
    let file = workspace.write("given", "Guten Tag.");
    for (id, flag, next) in [("e", "--audio", "plan e"), ("f", "--transcript", "run f")] {
        let added = workspace.run(&["add", "--id", id, "--title", "T", flag, &file]).await.success();
        let _next = added.says(&format!("added {id} with status")).says(&format!("next: btcedu {next}"));
    }
}

#[tokio::test]
async fn ids_that_are_paths_are_refused_before_anything_is_touched() {
    let workspace = Workspace::new();
    let file = workspace.write("chapters.json", &Chapters::own_prompts(1).json("x"));
    let long = "x".repeat(65);
    for id in ["../../etc/x", "a/b", "a\\b", "..", ".", "", "a b", "ä", "a\u{0}b", "C:x", &long] {
        let id = format!("--id={id}");
        let refused = workspace.run(&["add", &id, "--title", "T", "--chapters", &file]).await.exits(2);
        assert!(refused.stderr.contains("64"), "{id}: {}", refused.stderr);
    }
    assert!(!workspace.data().exists(), "nothing was made");
    for words in [&["imagegen", "../x"][..], &["plan", "a/b"], &["status", ".."], &["cost", "a/../b"]] {
        let _refused = workspace.run(words).await.exits(2);
    }
}

#[tokio::test]
async fn an_id_that_exists_is_refused_and_the_episode_left_alone() {
    let workspace = Workspace::new();
    workspace.add_chapters("ep1", &Chapters::own_prompts(1)).await;
    let copy = workspace.data().join("outputs/ep1/chapters.json");
    let before = fs::read(&copy).unwrap();
    let file = workspace.write("other.json", &Chapters::own_prompts(3).json("ep1"));
    let again = workspace.run(&["add", "--id", "ep1", "--title", "T", "--chapters", &file]).await.exits(2);
    let _told = again.says("'ep1' exists already");
    assert_eq!(fs::read(copy).unwrap(), before);
    assert_eq!(workspace.episode("ep1").await.title, "Folge ep1");
}

#[tokio::test]
async fn an_id_that_exists_as_v1_is_not_added_as_v2() {
    let mut workspace = Workspace::new();
    workspace.set("PIPELINE_VERSION", "1");
    workspace.add("ep1", "--transcript", "Willkommen.").await;
    workspace.unset("PIPELINE_VERSION");
    let chapters = workspace.write("chapters.json", &Chapters::own_prompts(1).json("ep1"));
    let text = workspace.write("t.txt", "Willkommen.");
    for more in [["--chapters", &chapters], ["--script", &text], ["--transcript", &text]] {
        let words = [&["add", "--id", "ep1", "--title", "Zincir"][..], &more].concat();
        let refused = workspace.run(&words).await.exits(2);
        let _told = refused.says("'ep1' exists already").says("btcedu status ep1");
    }
    assert!(!workspace.data().join("outputs/ep1/chapters.json").exists());
    let episode = workspace.episode("ep1").await;
    assert_eq!((episode.pipeline_version, episode.title.as_str()), (PipelineVersion::V1, "Folge ep1"));
    workspace.is_untouched("ep1", EpisodeStatus::Transcribed).await;
}

#[tokio::test]
async fn chapters_and_scripts_are_not_added_to_v1() {
    let mut workspace = Workspace::new();
    workspace.set("PIPELINE_VERSION", "1");
    let file = workspace.write("chapters.json", &Chapters::own_prompts(1).json("ep1"));
    for flag in ["--chapters", "--script"] {
        let words = ["add", "--id", "ep1", "--title", "T", flag, &file];
        let _refused = workspace.run(&words).await.exits(2).says("PIPELINE_VERSION is 1");
    }
    assert!(!workspace.data().exists());
}

#[tokio::test]
async fn exactly_one_file_is_wanted_that_is_there_and_has_something_in_it() {
    let workspace = Workspace::new();
    let empty = workspace.write("empty.txt", "  \n");
    let base = ["add", "--id", "ep1", "--title", "T"];
    for (more, code, told) in [
        (&[][..], 2, "--chapters"),
        (&["--audio", "a", "--script", "b"], 2, "--script"),
        (&["--script", "nowhere.md"], 1, "nowhere.md"),
        (&["--transcript", &empty], 1, "empty.txt"),
    ] {
        let words = [&base, more].concat();
        let _refused = workspace.run(&words).await.exits(code).says(told);
    }
    let blank = workspace.run(&["add", "--id", "x", "--title", " ", "--script", &empty]).await;
    let _told = blank.exits(2).says("--title must not be empty");
    let _none = workspace.run(&["status"]).await.success().says("there is no episode");
}

/// A document with four violations in three chapters.
fn broken() -> String {
    Chapters::own_prompts(3)
        .edit(1, "/title", "  ")
        .edit(2, "/visual/type", "painting")
        .edit(2, "/order", 7)
        .edit(3, "/narration/word_count", 0.5)
        .json("ep1")
}

#[tokio::test]
async fn an_invalid_document_is_refused_by_every_command_with_all_its_violations() {
    let workspace = Workspace::new();
    let file = workspace.write("broken.json", &broken());
    let paths = [
        "$.chapters[0].title",
        "$.chapters[1].visual.type",
        "$.chapters[1].order",
        "$.chapters[2].narration.word_count",
    ];
    let added = workspace.run(&["add", "--id", "ep1", "--title", "T", "--chapters", &file]).await.exits(1);
    let checked = workspace.run(&["chapters", &file]).await.exits(1);
    workspace.add_chapters("ep1", &Chapters::own_prompts(3)).await;
    workspace.replace_chapters("ep1", &broken());
    let drawn = workspace.run(&["imagegen", "ep1"]).await.exits(1).says("btcedu chapters ep1");
    let of_episode = workspace.run(&["chapters", "ep1"]).await.exits(1);
    for finished in [&added, &checked, &drawn, &of_episode] {
        for path in paths {
            assert!(finished.stderr.contains(path), "{path} is not in {}", finished.stderr);
        }
    }
    let json = workspace.run(&["chapters", &file, "--json"]).await.exits(1).json();
    assert_eq!((&json["valid"], json["violations"].as_array().unwrap().len()), (&false.into(), 4), "{json}");
}

#[tokio::test]
async fn a_file_of_17_mib_is_refused_by_its_size() {
    let workspace = Workspace::new();
    let file = workspace.write("large.json", &" ".repeat(17 << 20));
    for words in [&["chapters", &file][..], &["add", "--id", "ep1", "--title", "T", "--chapters", &file]] {
        let _told = workspace.run(words).await.exits(1).says("16 MiB").says("large.json");
    }
}
