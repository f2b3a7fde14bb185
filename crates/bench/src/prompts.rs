//! How many tokens the prompts of the text stages have, and how many of them the provider's cache saves.

use btcedu_testkit::TestEnv;

use crate::Line;

const SAMPLE: &str = include_str!("../../../data/sample/transcript.de.txt");

/// Takes the sample through the text stages twice, so that the second episode finds the first one's prompts
/// in the cache; then a text of several segments, whose later ones find those of the first.
///
/// # Errors
/// If a stage fails.
pub(crate) async fn tokens(program: &str, lines: &mut Vec<Line>) -> anyhow::Result<()> {
    let env = TestEnv::start(program).await;
    for (id, times) in [("first", 1), ("second", 1), ("long", 6)] {
        let text = env.write("sample.txt", &SAMPLE.repeat(times)).display().to_string();
        let add = ["add", "--id", id, "--title", "Halving", "--transcript", &text];
        let _added = env.run(&add).await.success();
    }
    let mut review = 0;
    for stage in ["correct", "translate", "adapt", "chapterize"] {
        for id in ["first", "second"] {
            lines.push(measured(&env, stage, id, &format!("{stage}, the sample's {id} episode")).await);
        }
        if matches!(stage, "correct" | "adapt") {
            for _ in 0..2 {
                review += 1;
                let number = review.to_string();
                let _approved = env.run(&["review", "approve", &number]).await.success();
            }
        }
    }
    lines.push(measured(&env, "correct", "long", "correct, six times the sample").await);
    Ok(())
}

async fn measured(env: &TestEnv, stage: &str, id: &str, what: &str) -> Line {
    let before = env.sim.stats();
    let _done = env.run(&[stage, id]).await.success();
    let after = env.sim.stats();
    let fresh = after.text_input_tokens - before.text_input_tokens;
    let read = after.text_cache_read_tokens - before.text_cache_read_tokens;
    let written = after.text_cache_write_tokens - before.text_cache_write_tokens;
    Line {
        what: format!("prompt tokens, {what}"),
        figure: format!(
            "{} without marks, {fresh} + {written} written + {read} read",
            fresh + read + written
        ),
        target: "-",
    }
}
