//! `btcedu completions`: what a shell needs to complete commands.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::{commands::Cli, exit::ExitStatus, output::write_out};

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

pub(crate) fn run(args: &CompletionsArgs) -> ExitStatus {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "btcedu", &mut script);
    write_out(&String::from_utf8_lossy(&script));
    ExitStatus::Done
}
