//! What the prompts of the text stages come to in tokens, and how many of them the provider's cache saves.

use anyhow::Context;
use btcedu_testkit::TestEnv;

use crate::Line;

const SAMPLE: &str = include_str!("../../../data/sample/transcript.de.txt");

/// Takes the sample through the text stages twice: the second episode finds the first one's prompts in the cache.
///
/// # Errors
/// If a stage fails.
pub(crate) async fn tokens(program: &str, lines: &mut Vec<Line>) -> anyhow::Result<()> {
    let env = TestEnv::start(program).await;
    let sample = env.write("sample.txt", SAMPLE).display().to_string();
    for id in ["first", "second"] {
        let add = ["add", "--id", id, "--title", "Halving", "--transcript", &sample];
        let _added = env.run(&add).await.success();
    }
    let mut review = 0;
    for stage in ["correct", "translate", "adapt", "chapterize"] {
        let _first = env.run(&[stage, "first"]).await.success();
        let before = env.sim.stats();
        let _second = env.run(&[stage, "second"]).await.success();
        let after = env.sim.stats();
        let fresh = after.text_input_tokens - before.text_input_tokens;
        let read = after.text_cache_read_tokens - before.text_cache_read_tokens;
        let written = after.text_cache_write_tokens - before.text_cache_write_tokens;
        let all = fresh + read + written;
        lines.push(Line {
            what: format!("prompt tokens, {stage}, the sample's second episode"),
            figure: format!("{all} without marks, {fresh} + {read} cached"),
            target: "-",
        });
        if matches!(stage, "correct" | "adapt") {
            for _ in 0..2 {
                review += 1;
                let number = review.to_string();
                let _approved = env.run(&["review", "approve", &number]).await.success();
            }
        }
    }
    lines.last().context("four stages").map(drop)
}
