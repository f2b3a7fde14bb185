//! The command line as people and scripts meet it: words, exit codes, JSON.

use std::fs;

use btcedu_domain::EpisodeStatus;
use btcedu_testkit::{Chapters, TestEnv};

use crate::{
    support::{calls, ledger, status_of},
    world,
};

/// Brings an episode in from a chapter document and returns what `add` said of it.
async fn add_file(env: &TestEnv, id: &str, file: &str) -> btcedu_testkit::Finished {
    let id = format!("--id={id}");
    env.run(&["add", &id, "--title", "Blok zinciri", "--chapters", file]).await
}

#[tokio::test]
async fn add_copies_the_file_and_gives_the_status_that_fits() {
    let env = world().await;
    env.write("script.md", "# Bölüm 1\n");
    env.write("transcript.txt", "Guten Tag.");
    env.write("audio.m4a", "not really sound");
    env.write("chapters.json", &Chapters::own_prompts(1).json("a"));
    for (id, flag, file, status, copies) in [
        ("a", "--chapters", "chapters.json", EpisodeStatus::Chapterized, vec!["outputs/a/chapters.json"]),
        ("b", "--script", "script.md", EpisodeStatus::Adapted, vec!["outputs/b/script.adapted.tr.md"]),
        (
            "c",
            "--transcript",
            "transcript.txt",
            EpisodeStatus::Transcribed,
            vec!["transcripts/c/transcript.de.txt", "transcripts/c/transcript.clean.de.txt"],
        ),
        ("d", "--audio", "audio.m4a", EpisodeStatus::Downloaded, vec!["raw/d/audio.m4a"]),
    ] {
        let added =
            env.run(&["add", "--id", id, "--title", "T", flag, file, "--json"]).await.success().json();
        assert_eq!((&added["episode_id"], &added["status"]), (&id.into(), &status.as_str().into()));
        for copy in copies {
            assert_eq!(fs::read(env.data().join(copy)).unwrap(), fs::read(env.folder().join(file)).unwrap());
        }
        assert_eq!(status_of(&env, id).await, (status, None));
    }
    let text = env.run(&["add", "--id", "e", "--title", "T", "--audio", "audio.m4a"]).await.success();
    let _next = text.says("added e").says("next: btcedu");
}

#[tokio::test]
async fn add_refuses_ids_that_are_paths_before_it_touches_anything() {
    let env = world().await;
    let file = env.write("chapters.json", &Chapters::own_prompts(1).json("x")).display().to_string();
    let long = "x".repeat(65);
    for id in ["../../etc/x", "a/b", "a\\b", "..", ".", "", "a b", "ä", "a\u{0}b", "C:x", &long] {
        if id.contains('\u{0}') {
            continue; // No system passes such an argument on.
        }
        let refused = add_file(&env, id, &file).await.exits(2);
        assert!(refused.stderr.contains("64"), "{id}: {}", refused.stderr);
    }
    assert!(!env.data().exists(), "nothing was made");
    for words in [&["imagegen", "../x"][..], &["plan", "a/b"], &["status", ".."], &["cost", "a/../b"]] {
        let _refused = env.run(words).await.exits(2);
    }
}

#[tokio::test]
async fn add_refuses_an_id_that_exists_and_leaves_the_episode_alone() {
    let env = world().await;
    env.add("ep1", &Chapters::own_prompts(1)).await;
    let before = fs::read(env.output("ep1", "chapters.json")).unwrap();
    let file = env.write("other.json", &Chapters::own_prompts(3).json("ep1")).display().to_string();
    let _refused = add_file(&env, "ep1", &file).await.exits(2).says("'ep1' exists already");
    assert_eq!(fs::read(env.output("ep1", "chapters.json")).unwrap(), before);
}

#[tokio::test]
async fn add_wants_exactly_one_file_that_is_there_and_has_something_in_it() {
    let env = world().await;
    env.write("empty.txt", "  \n");
    let base = ["add", "--id", "ep1", "--title", "T"];
    for (more, code, told) in [
        (&[][..], 2, "--chapters"),
        (&["--audio", "a", "--script", "b"], 2, "--script"),
        (&["--script", "nowhere.md"], 1, "nowhere.md"),
        (&["--transcript", "empty.txt"], 1, "empty.txt"),
    ] {
        let words: Vec<&str> = base.iter().chain(more).copied().collect();
        let _refused = env.run(&words).await.exits(code).says(told);
    }
    let _blank = env.run(&["add", "--id", "x", "--title", " ", "--script", "empty.txt"]).await.exits(2);
    let _none = env.run(&["status"]).await.success().says("there is no episode");
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
async fn an_invalid_document_is_refused_with_all_its_violations() {
    let env = world().await;
    let file = env.write("broken.json", &broken()).display().to_string();
    let paths = [
        "$.chapters[0].title",
        "$.chapters[1].visual.type",
        "$.chapters[1].order",
        "$.chapters[2].narration.word_count",
    ];
    let added = add_file(&env, "ep1", &file).await.exits(1);
    let checked = env.run(&["chapters", &file]).await.exits(1);
    env.add("ep1", &Chapters::own_prompts(3)).await;
    fs::copy(&file, env.output("ep1", "chapters.json")).unwrap();
    let drawn = env.run(&["imagegen", "ep1"]).await.exits(1).says("btcedu chapters ep1");
    let of_episode = env.run(&["chapters", "ep1"]).await.exits(1);
    for finished in [&added, &checked, &drawn, &of_episode] {
        for path in paths {
            assert!(finished.stderr.contains(path), "{path} is not in {}", finished.stderr);
        }
    }
    let json = env.run(&["chapters", &file, "--json"]).await.exits(1).json();
    assert_eq!((&json["valid"], json["violations"].as_array().unwrap().len()), (&false.into(), 4), "{json}");
    assert_eq!(calls(&env), (0, 0));
}

#[tokio::test]
async fn a_file_of_17_mib_is_refused_by_its_size() {
    let env = world().await;
    let file = env.write("large.json", &" ".repeat(17 << 20)).display().to_string();
    for finished in [env.run(&["chapters", &file]).await, add_file(&env, "ep1", &file).await] {
        let _told = finished.exits(1).says("16 MiB").says("large.json");
    }
}

#[tokio::test]
async fn chapters_shows_a_document_as_a_table_and_as_json() {
    let env = world().await;
    env.add("ep1", &Chapters::own_prompts(1).with("diagram", None).with("title_card", None)).await;
    let shown = env.run(&["chapters", "ep1"]).await.success();
    let _told = shown.says("own prompt").says("prompt to be written").says("no picture").says("Bölüm 2");
    let json = env.run(&["chapters", "ep1", "--json"]).await.success().json();
    assert_eq!((&json["valid"], &json["document"]["total_chapters"]), (&true.into(), &3.into()));
    let missing = env.run(&["chapters", "nowhere"]).await.exits(1);
    let _told = missing.says("nowhere");
}

#[tokio::test]
async fn an_id_that_begins_with_a_dash_is_taken_everywhere() {
    let env = world().await;
    let id = "-QuuHAnujxk";
    env.add(id, &Chapters::own_prompts(2)).await;
    let _by_flag = env.run(&["imagegen", "--episode-id=-QuuHAnujxk"]).await.success().says("2 generated");
    let _after_dashes = env.run(&["imagegen", "--", id]).await.success().says("2 kept");
    for words in [
        &["plan", "--", id][..],
        &["status", "--", id],
        &["cost", "--", id],
        &["chapters", "--", id],
        &["images", "list", "--", id],
        &["images", "verify", "--episode-id", id],
        &["images", "history", "--", id],
        &["run", "--episode-id=-QuuHAnujxk"],
    ] {
        let _done = env.run(words).await.success();
    }
    let call = env.manifest(id)["images"][0]["call_id"].as_str().unwrap().to_owned();
    let _chosen = env.run(&["images", "use", "--chapter", "ch01", "--", id, &call]).await.success();
}

#[tokio::test]
async fn plan_shows_what_comes_next_and_what_is_not_built() {
    let env = world().await;
    env.add("ep1", &Chapters::own_prompts(1)).await;
    let _text = env.run(&["plan", "ep1"]).await.success().says("imagegen").says("next");
    env.write("transcript.txt", "Guten Tag.");
    let add = ["add", "--id", "early", "--title", "T", "--transcript", "transcript.txt"];
    let _added = env.run(&add).await.success();
    let early = env.run(&["plan", "early"]).await.success();
    let early = early.says("correct").says("review gate 1").says("later");
    assert!(!early.stdout.contains("not built"), "all steps ahead are there: {}", early.stdout);
    env.write("audio.m4a", "not really sound");
    let add = ["add", "--id", "raw", "--title", "T", "--audio", "audio.m4a"];
    let _added = env.run(&add).await.success();
    let _told = env.run(&["plan", "raw"]).await.success().says("transcribe").says("not built");
    let state = async |name: &str| {
        let plan = env.run(&["plan", "ep1", "--json"]).await.success().json();
        let steps = plan["steps"].as_array().unwrap().clone();
        let step = steps.into_iter().find(|s| s.to_string().contains(&format!("\"{name}\"")));
        step.expect("the step")["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(state("imagegen").await, "next");
    assert_eq!(state("chapterize").await, "done");
    let _made = env.run(&["imagegen", "ep1"]).await.success();
    assert_eq!(state("imagegen").await, "done");
    let _unknown = env.run(&["plan", "nowhere"]).await.exits(1).says("nowhere");
    let _none = env.run(&["plan"]).await.exits(2).says("EPISODE_ID");
}

#[tokio::test]
async fn run_does_the_next_stage_and_names_the_one_that_is_not_built() {
    let env = world().await;
    env.add("ep1", &Chapters::own_prompts(1)).await;
    let _made = env.run(&["run", "ep1"]).await.success().says("1 generated");
    assert_eq!(status_of(&env, "ep1").await.0, EpisodeStatus::ImagesGenerated);
    let _nothing = env.run(&["run", "ep1"]).await.success().says("nothing is left to do");
    assert_eq!(calls(&env), (1, 0));
    env.write("transcript.txt", "Guten Tag.");
    let add = ["add", "--id", "early", "--title", "T", "--transcript", "transcript.txt"];
    let _added = env.run(&add).await.success();
    let _waits = env.run(&["run", "early"]).await.exits(3).says("early").says("review approve");
    assert_eq!(status_of(&env, "early").await.0, EpisodeStatus::Corrected);
    env.write("audio.m4a", "not really");
    let add = ["add", "--id", "earliest", "--title", "T", "--audio", "audio.m4a"];
    let _added = env.run(&add).await.success();
    let _named = env.run(&["run", "earliest"]).await.exits(1).says("earliest").says("transcribe");
    assert_eq!(status_of(&env, "earliest").await.0, EpisodeStatus::Downloaded);
}

#[tokio::test]
async fn status_and_cost_show_what_was_spent() {
    let mut env = world().await;
    env.set("IMAGE_GEN_MODEL", "dall-e-3");
    env.add("ep1", &Chapters::own_prompts(2)).await;
    env.add("ep2", &Chapters::own_prompts(1)).await;
    let _nothing = env.run(&["cost"]).await.success().says("nothing was spent yet");
    let _made = env.run(&["imagegen", "ep1"]).await.success();
    let _text = env.run(&["status"]).await.success().says("images_generated").says("$0.08 of $10.00");
    let rows = env.run(&["status", "--json"]).await.success().json();
    assert_eq!(rows.as_array().unwrap().len(), 2);
    let one = env.run(&["status", "ep1", "--json"]).await.success().json();
    assert_eq!((&one[0]["status"], &one[0]["cost_usd"]), (&"images_generated".into(), &0.08.into()));
    let some = env.run(&["status", "--status", "chapterized", "--json"]).await.success().json();
    assert_eq!((some.as_array().unwrap().len(), &some[0]["episode_id"]), (1, &"ep2".into()));
    let _none = env.run(&["status", "nowhere"]).await.exits(1).says("nowhere");
    let _bad = env.run(&["status", "--status", "splendid"]).await.exits(2).says("splendid");
    for by in ["episode", "stage", "month", "model"] {
        let costs = env.run(&["cost", "--by", by, "--json"]).await.success().json();
        assert_eq!((&costs["total_usd"], &costs["lines"][0]["calls"]), (&0.08.into(), &2.into()), "{by}");
        let of_one = env.run(&["cost", "ep1", "--by", by, "--json"]).await.success().json();
        assert_eq!(of_one["total_usd"], 0.08, "{by}");
    }
    let _text = env.run(&["cost"]).await.success().says("total: $0.08");
    let _unknown = env.run(&["cost", "nowhere"]).await.exits(1).says("nowhere");
}

#[tokio::test]
async fn prompt_commands_show_versions_and_promote_one() {
    let mut env = world().await;
    let listed = env.run(&["prompt", "list", "--json"]).await.success().json();
    let names: Vec<&str> = listed.as_array().unwrap().iter().map(|p| p["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["adapt", "chapterize", "correct_transcript", "imagegen", "system", "translate"]);
    assert!(listed.as_array().unwrap().iter().all(|prompt| prompt["is_default"] == true));
    let shown = env.run(&["prompt", "show", "imagegen"]).await.success();
    let _body = shown.says("{{ visual_description }}");
    fs::create_dir(env.folder().join("prompts")).unwrap();
    let front = "---\nname: imagegen\nmodel: claude-sonnet-5-5\ntemperature: 0.7\nmax_tokens: 1024\ndescription: d\nauthor: a\n---\n";
    env.write("prompts/imagegen.md", &format!("{front}Draw {{{{ visual_description }}}}.\n"));
    env.set("PROMPTS_DIR", "prompts");
    let versions = env.run(&["prompt", "list", "--json"]).await.success().json();
    let of_imagegen: Vec<_> =
        versions.as_array().unwrap().iter().filter(|version| version["name"] == "imagegen").collect();
    let default = of_imagegen.iter().find(|v| v["is_default"] == true).unwrap();
    assert_eq!((of_imagegen.len(), &default["version"]), (2, &2.into()));
    let _diff = env.run(&["prompt", "diff", "imagegen", "1", "2"]).await.success().says("+Draw {{");
    let _back = env.run(&["prompt", "promote", "imagegen", "1"]).await.success().says("v1 is the default");
    let shown = env.run(&["prompt", "show", "imagegen", "--json"]).await.success().json();
    assert_eq!((&shown["version"], shown["history"].as_array().unwrap().len()), (&1.into(), 2));
    for (words, told) in [
        (&["prompt", "show", "nothing"][..], "nothing"),
        (&["prompt", "show", "imagegen", "9"], "9"),
        (&["prompt", "promote", "imagegen", "9"], "9"),
        (&["prompt", "diff", "imagegen", "1", "9"], "9"),
        (&["prompt", "show", "../x"], "../x"),
    ] {
        let _refused = env.run(words).await.exits(2).says(told);
    }
}

#[tokio::test]
async fn migrate_and_its_status_agree() {
    let env = world().await;
    let before = env.run(&["migrate-status", "--json"]).await.success().json();
    assert!(before.as_array().unwrap().iter().all(|s| s["applied"] == false));
    assert!(!env.data().join("btcedu.db").exists(), "looking makes no database");
    let applied = env.run(&["migrate", "--json"]).await.success().json();
    assert_eq!(applied["applied"].as_array().unwrap().len(), before.as_array().unwrap().len());
    let after = env.run(&["migrate-status", "--json"]).await.success().json();
    assert!(after.as_array().unwrap().iter().all(|s| s["applied"] == true));
    let _again = env.run(&["migrate"]).await.success().says("is up to date");
}

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
async fn completions_are_made_for_each_shell() {
    let env = world().await;
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = env.run(&["completions", shell]).await.success();
        assert!(script.stdout.contains("imagegen") && script.stderr.is_empty(), "{shell}");
    }
    let _unknown = env.run(&["completions", "csh"]).await.exits(2);
    assert!(!env.data().exists());
}

#[tokio::test]
async fn stages_without_a_command_say_why() {
    let env = world().await;
    for name in ["chunk", "generate", "refine"] {
        let _v1 = env.run(&[name, "ep1", "--force"]).await.exits(2).says("pipeline v1").says(name);
    }
    for name in ["detect", "backfill", "download", "transcribe"] {
        let _later = env.run(&[name]).await.exits(2).says("not in this version").says(name);
    }
    let _no_such = env.run(&["paint"]).await.exits(2);
    assert!(!env.data().exists());
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
async fn json_errors_are_one_document_with_the_exit_code() {
    let env = world().await;
    let error = env.run(&["imagegen", "nowhere", "--json"]).await.exits(1).json();
    assert_eq!(error["exit_code"], 1);
    assert!(error["error"].as_str().unwrap().contains("nowhere"));
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
