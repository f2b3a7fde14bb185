//! What is refused before anything is sent, and with which exit code.

use btcedu_domain::EpisodeStatus;
use btcedu_testkit::Chapters;

use crate::tests::Workspace;

const TEXT_STAGES: [&str; 4] = ["correct", "translate", "adapt", "chapterize"];

#[tokio::test]
async fn pictures_of_an_episode_that_is_not_chapterized_yet() {
    let workspace = Workspace::new();
    workspace.add("ep1", "--script", "# Bölüm 1\n\nBlok zinciri.").await;
    let refused = workspace.run(&["imagegen", "ep1"]).await.exits(1);
    let _told = refused.says("ep1").says("'adapted'").says("'chapterized'").says("btcedu plan ep1");
    let _forced = workspace.run(&["imagegen", "ep1", "--force"]).await.exits(1).says("'adapted'");
    workspace.is_untouched("ep1", EpisodeStatus::Adapted).await;
}

#[tokio::test]
async fn pictures_of_an_episode_that_is_further_on_unless_it_is_forced() {
    let workspace = Workspace::new();
    workspace.add_chapters("ep1", &Chapters::none().with("title_card", None)).await;
    for status in [EpisodeStatus::TtsDone, EpisodeStatus::Rendered, EpisodeStatus::Published] {
        workspace.set_status("ep1", status).await;
        let _refused = workspace.run(&["imagegen", "ep1"]).await.exits(1).says("--force");
        workspace.is_untouched("ep1", status).await;
    }
    let _forced = workspace.run(&["imagegen", "ep1", "--force"]).await.success();
    assert_eq!(workspace.episode("ep1").await.status, EpisodeStatus::ImagesGenerated);
}

#[tokio::test]
async fn pictures_and_texts_of_an_episode_of_v1() {
    let mut workspace = Workspace::new();
    workspace.set("PIPELINE_VERSION", "1");
    workspace.add("ep1", "--transcript", "Willkommen.").await;
    workspace.unset("PIPELINE_VERSION");
    for stage in TEXT_STAGES.into_iter().chain(["imagegen"]) {
        for more in [&[][..], &["--force"], &["--dry-run"]] {
            let refused = workspace.run(&[&[stage, "ep1"], more].concat()).await.exits(1);
            let _told = refused.says("v1").says(stage).says("btcedu plan ep1");
        }
    }
    let run = workspace.run(&["run", "ep1"]).await.exits(1);
    let _told = run.says("not built yet: chunk, generate, refine").says("btcedu plan ep1");
    let plan = workspace.run(&["plan", "ep1"]).await.success();
    assert!(plan.stdout.contains("chunk") && !plan.stdout.contains("correct"), "{}", plan.stdout);
    workspace.is_untouched("ep1", EpisodeStatus::Transcribed).await;
}

#[tokio::test]
async fn an_episode_that_there_is_not_and_no_folder_is_left() {
    let workspace = Workspace::new();
    for words in [
        &["imagegen", "nowhere"][..],
        &["imagegen", "nowhere", "--dry-run"],
        &["correct", "nowhere"],
        &["run", "nowhere"],
        &["plan", "nowhere"],
        &["cost", "nowhere"],
        &["report", "nowhere"],
        &["images", "list", "nowhere"],
        &["images", "verify", "nowhere"],
        &["images", "history", "nowhere"],
    ] {
        let _told = workspace.run(words).await.exits(1).says("no episode 'nowhere'").says("btcedu status");
    }
    let _document = workspace.run(&["chapters", "nowhere"]).await.exits(1).says("nowhere");
    assert!(!workspace.data().join("outputs/nowhere").exists());
}

#[tokio::test]
async fn texts_of_an_episode_that_has_not_come_so_far() {
    let workspace = Workspace::new();
    workspace.add("ep1", "--transcript", "Willkommen.").await;
    for stage in ["translate", "adapt", "chapterize"] {
        for more in [&[][..], &["--force"]] {
            let refused = workspace.run(&[&[stage, "ep1"], more].concat()).await.exits(1);
            let _told = refused.says("'transcribed'").says("btcedu plan ep1");
        }
    }
    workspace.is_untouched("ep1", EpisodeStatus::Transcribed).await;
}

#[tokio::test]
async fn a_stage_that_is_not_built_is_named() {
    let workspace = Workspace::new();
    workspace.add("ep1", "--audio", "not really sound").await;
    let _named = workspace.run(&["run", "ep1"]).await.exits(1).says("ep1").says("transcribe");
    let _planned = workspace.run(&["plan", "ep1"]).await.success().says("transcribe").says("not built");
    workspace.is_untouched("ep1", EpisodeStatus::Downloaded).await;
}

#[tokio::test]
async fn an_episode_without_a_chapter_to_draw_is_done_at_once_without_a_key() {
    let mut workspace = Workspace::new();
    workspace.unset("OPENAI_API_KEY");
    workspace.unset("ANTHROPIC_API_KEY");
    let chapters = Chapters::none().with("title_card", None).with("talking_head", Some("A face."));
    workspace.add_chapters("ep1", &chapters).await;
    let result = workspace.run(&["imagegen", "ep1", "--json"]).await.success().json();
    assert_eq!((&result["generated"], &result["skipped"]), (&0.into(), &2.into()));
    let episode = workspace.episode("ep1").await;
    assert_eq!((episode.status, episode.error_message), (EpisodeStatus::ImagesGenerated, None));
    let listed = workspace.run(&["images", "list", "ep1", "--json"]).await.success().json();
    assert_eq!(listed["totals"]["skipped"], 2);
    let _again = workspace.run(&["imagegen", "ep1"]).await.success().says("nothing was to be done");
}

#[tokio::test]
async fn a_chapter_that_cannot_be_drawn_with_those_that_can() {
    let workspace = Workspace::new();
    workspace.add_chapters("ep1", &Chapters::own_prompts(2).with("title_card", None)).await;
    for (chapter, told) in
        [("ch09", "is not in chapters.json"), ("ch03", "has a visual type that gets no picture")]
    {
        for dry in [None, Some("--dry-run")] {
            let words = ["imagegen", "ep1", "--chapter", "ch01", "--chapter", chapter];
            let words: Vec<&str> = words.into_iter().chain(dry).collect();
            let _told = workspace.run(&words).await.exits(2).says(chapter).says(told).says("ch01, ch02");
        }
    }
    let _no_id = workspace.run(&["imagegen", "ep1", "--chapter", "../x"]).await.exits(2).says("../x");
    workspace.is_untouched("ep1", EpisodeStatus::Chapterized).await;
}

#[tokio::test]
async fn a_missing_key_is_told_by_its_name_alone() {
    for (key, other) in [("OPENAI_API_KEY", "ANTHROPIC_API_KEY"), ("ANTHROPIC_API_KEY", "OPENAI_API_KEY")] {
        let mut workspace = Workspace::new();
        workspace.unset(key);
        workspace.add_chapters("ep1", &Chapters::own_prompts(1).with("diagram", None)).await;
        let refused = workspace.run(&["imagegen", "ep1"]).await.exits(2);
        assert!(refused.stderr.contains(key) && !refused.stderr.contains(other), "{}", refused.stderr);
        let _dry = workspace.run(&["imagegen", "ep1", "--dry-run"]).await.success().says("2 pictures to buy");
        workspace.is_untouched("ep1", EpisodeStatus::Chapterized).await;
    }
}

#[tokio::test]
async fn a_text_without_a_key() {
    let mut workspace = Workspace::new();
    workspace.unset("ANTHROPIC_API_KEY");
    workspace.add("ep1", "--transcript", "Willkommen.").await;
    for words in [&["correct", "ep1"][..], &["run", "ep1"], &["correct", "ep1", "--force"]] {
        let _refused = workspace.run(words).await.exits(2).says("ANTHROPIC_API_KEY");
    }
    workspace.is_untouched("ep1", EpisodeStatus::Transcribed).await;
    assert!(!workspace.data().join("transcripts/ep1/transcript.corrected.de.txt").exists());
    let _price = workspace.run(&["correct", "ep1", "--dry-run"]).await.success().says("1 call to send");
}

#[tokio::test]
async fn a_setting_that_is_not_allowed_names_itself_and_what_is() {
    for (name, value, told) in [
        ("IMAGE_GEN_CONCURRENCY", "many", "from 1 to 16"),
        ("MAX_EPISODE_COST_USD", "-1", "US dollars"),
        ("IMAGE_GEN_SIZE", "1000x1000", "16"),
        ("IMAGE_GEN_SIZE", "large", "large"),
        ("IMAGE_GEN_QUALITY", "splendid", "medium"),
        ("IMAGE_GEN_MODEL", "gpt-image-99", "IMAGE_GEN_PRICE_USD"),
        ("CLAUDE_MODEL", "claude-unheard-of", "CLAUDE_MODEL"),
        ("OPENAI_BASE_URL", "ftp://x", "OPENAI_BASE_URL"),
        ("ANTHROPIC_BASE_URL", "nonsense", "ANTHROPIC_BASE_URL"),
        ("MODELS_FILE", "nowhere.toml", "MODELS_FILE"),
        ("PROMPTS_DIR", "nowhere", "PROMPTS_DIR"),
    ] {
        let mut workspace = Workspace::new();
        workspace.add_chapters("ep1", &Chapters::own_prompts(1).with("diagram", None)).await;
        workspace.set(name, value);
        let _told = workspace.run(&["imagegen", "ep1"]).await.exits(2).says(told);
        workspace.is_untouched("ep1", EpisodeStatus::Chapterized).await;
    }
}

/// A workspace with a script that waits for its first decision, as review 1.
async fn at_gate_2() -> Workspace {
    let workspace = Workspace::new();
    workspace.add("ep1", "--script", "Bir blok. Bir zincir.\n").await;
    let _waits = workspace.run(&["run", "ep1"]).await.exits(3).says("nobody has approved the text yet");
    workspace
}

#[tokio::test]
async fn a_number_that_no_review_has_and_changes_without_notes() {
    let workspace = at_gate_2().await;
    for words in [
        &["approve", "99"][..],
        &["reject", "99"],
        &["request-changes", "99", "--notes", "x"],
        &["show", "99"],
    ] {
        let refused = workspace.run(&[&["review"], words, &["--json"]].concat()).await.exits(2);
        let refused = refused.says("there is no review 99");
        assert_eq!(refused.json()["exit_code"], 2);
    }
    for words in [&["request-changes", "1"][..], &["request-changes", "1", "--notes", "  "], &["approve"]] {
        let _refused = workspace.run(&[&["review"], words].concat()).await.exits(2).says("error: ");
    }
    let waiting = workspace.run(&["review", "list", "--json"]).await.success().json();
    assert_eq!((&waiting[0]["id"], &waiting[0]["status"]), (&1.into(), &"pending".into()));
}

#[tokio::test]
async fn a_second_decision_on_one_review() {
    let decisions =
        [&["approve", "1"][..], &["reject", "1"], &["request-changes", "1", "--notes", "Kürzer."]];
    for first in decisions {
        let workspace = at_gate_2().await;
        let _decided = workspace.run(&[&["review"], first].concat()).await.success();
        let status = workspace.episode("ep1").await.status;
        for again in decisions {
            let refused = workspace.run(&[&["review"], again].concat()).await.exits(1);
            let _told = refused.says("review 1 was decided already");
        }
        assert_eq!(workspace.episode("ep1").await.status, status);
        let history = workspace.data().join("outputs/ep1/review/review_history.json");
        let history: serde_json::Value = serde_json::from_slice(&std::fs::read(history).unwrap()).unwrap();
        assert_eq!(history["reviews"][0]["decisions"].as_array().unwrap().len(), 1);
    }
}
