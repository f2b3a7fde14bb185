//! `cargo xtask bench`: starts the benchmarks, which are a separate package.

use anyhow::Result;

use crate::cargo;

/// Arguments of `bench`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only these parts: start, wall, noop, memory, lock, many, prompts, web
    parts: Vec<String>,
}

/// Builds the benchmarks optimized and runs them.
///
/// # Errors
/// If they don't build or fail.
pub(crate) fn run(args: &Args) -> Result<()> {
    let btcedu = cargo::build("btcedu-cli", "btcedu", &["--release"])?;
    cargo::run(
        cargo::cargo(&["run", "--release", "--package", "btcedu-bench", "--"]).arg(btcedu).args(&args.parts),
    )
}
