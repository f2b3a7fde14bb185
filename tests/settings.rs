//! Keys and settings as a person sets them: where they come from, and what is told of a bad one.

use btcedu_testkit::{Chapters, TestEnv};

use crate::{
    support::{calls, ledger},
    world,
};

#[tokio::test]
async fn a_missing_key_is_told_before_anything_is_sent() {
    for (key, other) in [("OPENAI_API_KEY", "ANTHROPIC_API_KEY"), ("ANTHROPIC_API_KEY", "OPENAI_API_KEY")] {
        let mut env = world().await;
        env.unset(key);
        env.add("ep1", &Chapters::own_prompts(1).with("diagram", None)).await;
        let refused = env.run(&["imagegen", "ep1"]).await.exits(2);
        assert!(refused.stderr.contains(key) && !refused.stderr.contains(other), "{}", refused.stderr);
        assert_eq!(calls(&env), (0, 0), "{key}");
        assert!(ledger(&env, "ep1").await.is_empty(), "{key}");
        let _dry = env.run(&["imagegen", "ep1", "--dry-run"]).await.success();
    }
}

#[tokio::test]
async fn prompts_of_their_own_need_no_key_of_the_text_model() {
    let mut env = world().await;
    env.unset("ANTHROPIC_API_KEY");
    env.add("ep1", &Chapters::own_prompts(1)).await;
    let _made = env.run(&["imagegen", "ep1"]).await.success();
}

#[tokio::test]
async fn a_setting_that_is_not_allowed_names_itself_and_what_is() {
    let mut env = world().await;
    env.add("ep1", &Chapters::own_prompts(1)).await;
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
        ("PROMPTS_DIR", "nowhere", "nowhere"),
    ] {
        let before = env.folder().join("ep1.json");
        assert!(before.exists());
        let mut world_of_one = Restored::set(&mut env, name, value);
        world_of_one.chapters_with_template();
        let refused = world_of_one.env.run(&["imagegen", "ep1"]).await;
        assert!(matches!(refused.code, Some(1 | 2)), "{name}={value}: {refused:?}");
        if name != "PROMPTS_DIR" {
            assert_eq!(refused.code, Some(2), "{name}={value}: {}", refused.stderr);
        }
        let _told = refused.says(told);
    }
    assert_eq!(calls(&env), (0, 0));
}

/// A world with one setting changed, until it is dropped.
struct Restored<'a> {
    env: &'a mut TestEnv,
    name: &'static str,
}

impl<'a> Restored<'a> {
    fn set(env: &'a mut TestEnv, name: &'static str, value: &str) -> Self {
        env.set(name, value);
        Self { env, name }
    }

    fn chapters_with_template(&mut self) {
        self.env.replace_chapters("ep1", &Chapters::own_prompts(1).with("diagram", None));
    }
}

impl Drop for Restored<'_> {
    fn drop(&mut self) {
        let url = self.env.sim.base_url().to_owned();
        match self.name {
            "IMAGE_GEN_SIZE" => self.env.set(self.name, "1024x1024"),
            "IMAGE_GEN_MODEL" => self.env.set(self.name, "gpt-image-2.6-flare"),
            "OPENAI_BASE_URL" | "ANTHROPIC_BASE_URL" => self.env.set(self.name, &url),
            name => self.env.unset(name),
        }
    }
}

#[tokio::test]
async fn settings_come_from_dotenv_and_the_environment_wins() {
    let mut env = world().await;
    env.add("ep1", &Chapters::own_prompts(1)).await;
    env.write(".env", "IMAGE_GEN_STYLE_PREFIX='Flat style.'\nOPENAI_API_KEY=sk-sim-from-the-file\n");
    env.unset("OPENAI_API_KEY");
    let _made = env.run(&["imagegen", "ep1"]).await.success();
    assert_eq!(env.sim.stats().prompts, ["Flat style. A plain drawing of number 1."]);
    env.set("IMAGE_GEN_STYLE_PREFIX", "Soft light.");
    let _again = env.run(&["imagegen", "ep1", "--force"]).await.success();
    assert_eq!(env.sim.stats().prompts[1], "Soft light. A plain drawing of number 1.");
    env.write(".env", "IMAGE_GEN_CONCURRENCY=2\nOPENAI_API_KEY=sk-sim-secret two words\n");
    let bad = env.run(&["imagegen", "ep1"]).await.exits(2).says(".env").says("after IMAGE_GEN_CONCURRENCY");
    assert!(!bad.stderr.contains("secret"), "{}", bad.stderr);
}

#[tokio::test]
async fn the_old_name_of_claudes_key_still_works() {
    let mut env = world().await;
    env.unset("ANTHROPIC_API_KEY");
    env.set("CLAUDE_API_KEY", "sk-sim-old-name");
    env.add("ep1", &Chapters::without_prompts(1)).await;
    let _made = env.run(&["imagegen", "ep1"]).await.success();
}

#[tokio::test]
async fn data_dir_moves_the_whole_workspace() {
    let mut env = world().await;
    env.set("DATABASE_URL", "elsewhere.db");
    let file = env.write("ep1.json", &Chapters::own_prompts(1).json("ep1")).display().to_string();
    let add = ["--data-dir", "other", "add", "--id", "ep1", "--title", "T", "--chapters", &file];
    let _added = env.run(&add).await.success();
    let _made = env.run(&["imagegen", "ep1", "--data-dir", "other"]).await.success();
    assert!(env.folder().join("other/btcedu.db").exists());
    assert!(env.folder().join("other/outputs/ep1/images/ch01.png").exists());
    assert!(!env.data().exists() && !env.folder().join("elsewhere.db").exists());
}
