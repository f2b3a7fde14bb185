//! Tasks of the workspace: `cargo xtask verify`, `demo`, `generate` and the checks that they use.
//!
//! It uses no crate of ours, so that it builds in seconds and works even if they don't compile. It starts
//! `cargo` by the path in `$CARGO`, never a shell.

mod bench;
mod browser;
mod cargo;
mod demo;
mod embedding;
mod generate;
mod layers;
mod listening;
mod simulator;
mod tidy;
mod verify;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Tasks of the btcedu workspace
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Check everything that must hold before a change goes in
    Verify(verify::Args),
    /// Make the sample episode's pictures with the simulator, free and without network, and serve the dashboard
    Demo(demo::Args),
    /// Check the arrows between the crates and print the table of what may use what
    Layers,
    /// Check the rules that no compiler knows: file heads, sizes, stray paths, forgotten tests
    Tidy,
    /// Write every generated file anew, or only compare
    Generate(generate::Args),
    /// Run the benchmarks
    Bench(bench::Args),
}

fn main() -> ExitCode {
    let done = match Args::parse().verb {
        Verb::Verify(args) => verify::run(&args),
        Verb::Demo(args) => demo::run(args),
        Verb::Layers => layers::run(),
        Verb::Tidy => tidy::run(),
        Verb::Generate(args) => generate::run(args),
        Verb::Bench(args) => bench::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            cargo::complain(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
