//! `btcedu completions`: what a shell needs to complete commands.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::{commands::Cli, exit::ExitStatus, output::Output};

/// Print completions for a shell
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  btcedu completions bash > ~/.local/share/bash-completion/completions/btcedu"
)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of every command")]
pub(crate) fn run(args: &CompletionsArgs, output: Output) -> anyhow::Result<ExitStatus> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "btcedu", &mut script);
    output.text(&String::from_utf8_lossy(&script));
    Ok(ExitStatus::Done)
}
