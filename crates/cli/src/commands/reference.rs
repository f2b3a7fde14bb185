//! What README, `.env.example` and the command reference say, made from the program itself.

use std::fmt::Write;

use clap::{Args, CommandFactory, ValueEnum};

use crate::errors::{CommandResult, OrFail};
use crate::{commands::Cli, exit::ExitStatus, output::write_out, settings::SETTINGS};

/// Which text.
#[derive(Debug, Args)]
pub(crate) struct ReferenceArgs {
    #[arg(value_enum)]
    what: What,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum What {
    SettingsTable,
    EnvExample,
    CliReference,
    Openapi,
}

pub(crate) fn run(args: &ReferenceArgs) -> CommandResult<ExitStatus> {
    let words = || "the reference can't be written".to_owned();
    write_out(&match args.what {
        What::SettingsTable => settings_table().or_fail(words)?,
        What::EnvExample => env_example().or_fail(words)?,
        What::CliReference => cli_reference().or_fail(words)?,
        What::Openapi => btcedu_dashboard::openapi_json().trim_end().to_owned(),
    });
    Ok(ExitStatus::Done)
}

fn settings_table() -> Result<String, std::fmt::Error> {
    let mut text = "| setting | default | |\n| --- | --- | --- |\n".to_owned();
    for s in SETTINGS {
        let default = if s.default.is_empty() { "–".to_owned() } else { s.default.replace('|', "\\|") };
        writeln!(text, "| `{}` | {default} | {} |", s.name, s.doc)?;
    }
    Ok(text)
}

fn env_example() -> Result<String, std::fmt::Error> {
    let mut text =
        "# Settings of btcedu: copy to .env and fill in the keys. The environment wins over this file.\n"
            .to_owned();
    for s in SETTINGS {
        writeln!(text, "\n# {}", s.doc)?;
        if let Some(example) = s.example {
            writeln!(text, "{}={example}", s.name)?;
        } else {
            // A default in words is no value.
            let value = if s.default.contains(' ') || s.default.contains("'s") { "" } else { s.default };
            writeln!(text, "# {}={value}", s.name)?;
        }
    }
    Ok(text)
}

fn cli_reference() -> Result<String, std::fmt::Error> {
    let mut text = "# Commands\n\nMade by `cargo xtask generate` from the program's own help.\n".to_owned();
    let mut root = Cli::command().term_width(100);
    root.build();
    add_command(&mut text, &mut root, 2)?;
    Ok(text)
}

fn add_command(text: &mut String, command: &mut clap::Command, level: usize) -> std::fmt::Result {
    let name = command.get_bin_name().unwrap_or("btcedu").to_owned();
    let help = command.render_long_help().to_string();
    let help: Vec<&str> = help.lines().map(str::trim_end).collect();
    writeln!(text, "\n{} {name}\n\n```text\n{}\n```", "#".repeat(level), help.join("\n").trim_end())?;
    for sub in command.get_subcommands_mut() {
        if !sub.is_hide_set() && sub.get_name() != "help" {
            add_command(text, sub, level + 1)?;
        }
    }
    Ok(())
}
