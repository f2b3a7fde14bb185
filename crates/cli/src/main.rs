//! Settings in, services built, results out: the program `btcedu`.
//!
//! The only crate that reads the environment, builds real services and prints. One
//! file per command: its arguments with the help text, then the function that runs it.
//!
//! May use: every crate of ours but simulator, testkit and bench.
//!
//! Invariants: results go to stdout, all else to stderr · no secret is ever printed ·
//! the exit code says what a script can do next.

mod app;
mod command_line;
mod commands;
mod errors;
mod exit;
mod logs;
mod output;
mod progress;
mod settings;
mod signals;
#[cfg(test)]
mod tests;

use std::{ffi::OsString, process::ExitCode};

use clap::Parser;

use crate::errors::CommandResult;
use crate::errors::OrFail;
use crate::{commands::Cli, exit::ExitStatus, output::Output};

fn main() -> ExitCode {
    btcedu_artifacts::arm_crash_points();
    let words: Vec<OsString> = std::env::args_os().collect();
    let cli = match parse(&words) {
        Ok(cli) => cli,
        Err(status) => return status.into(),
    };
    let output = Output::new(cli.global.json);
    // One thread for all that waits, a few for what blocks: more would only hold on to memory.
    let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(4).enable_all().build();
    let ended = match runtime {
        Ok(runtime) => runtime.block_on(commands::run(cli, output)),
        Err(error) => Err(error).or_fail(|| "failed to start the async runtime".to_owned()),
    };
    conclude(output, ended).into()
}

/// Reads the command line. Help and usage errors are printed, and the exit status is returned.
fn parse(words: &[OsString]) -> Result<Cli, ExitStatus> {
    Cli::try_parse_from(words).map_err(|error| {
        let json = words.iter().any(|word| word == "--json");
        output::print_usage_error(&error, json)
    })
}

/// Prints the error, if there is one, and returns the exit status.
fn conclude(output: Output, ended: CommandResult<ExitStatus>) -> ExitStatus {
    ended.unwrap_or_else(|error| {
        output.error(&error);
        error.status
    })
}
