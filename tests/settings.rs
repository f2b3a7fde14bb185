//! Settings in the environment and in `.env`, as a person sets them.

use btcedu_testkit::Chapters;

use crate::world;

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
