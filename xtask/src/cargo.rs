//! Starts cargo and other programs, and finds the workspace.

use std::{
    ffi::OsString,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

/// Returns the workspace's root folder.
pub(crate) fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// Returns a command for the cargo that started this program, in the workspace's root.
pub(crate) fn cargo(args: &[&str]) -> Command {
    #[expect(clippy::disallowed_methods, reason = "cargo tells its programs by a variable where it is")]
    let program = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(program);
    command.args(args).current_dir(root());
    command
}

/// Runs a program to its end; it prints to our output.
///
/// # Errors
/// If it can't be started or fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    run_expecting(command, 0)
}

/// Runs a program to its end, and expects an exit code; it prints to our output.
///
/// # Errors
/// If it can't be started or ends with another code.
pub(crate) fn run_expecting(command: &mut Command, code: i32) -> Result<()> {
    let status = command.status().with_context(|| format!("can't start {}", shown(command)))?;
    if status.code() != Some(code) {
        bail!("`{}` failed ({status}, expected exit code {code})", shown(command));
    }
    Ok(())
}

/// Runs a program to its end and returns its output; it prints errors to our standard error.
///
/// # Errors
/// If it can't be started, fails, or prints something that isn't UTF-8.
pub(crate) fn capture(command: &mut Command) -> Result<String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("can't start {}", shown(command)))?;
    if !output.status.success() {
        bail!("`{}` failed ({})", shown(command), output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("{} printed no UTF-8", shown(command)))
}

/// Builds a program of the workspace and returns the path of its executable.
///
/// # Errors
/// If it doesn't build, or cargo names no executable.
pub(crate) fn build(package: &str, bin: &str, profile: &[&str]) -> Result<PathBuf> {
    let args = ["build", "--package", package, "--bin", bin, "--message-format", "json-render-diagnostics"];
    let messages = capture(cargo(&args).args(profile))?;
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message.pointer("/target/name").and_then(|name| name.as_str()) == Some(bin))
        .find_map(|message| message.get("executable")?.as_str().map(PathBuf::from))
        .with_context(|| format!("cargo built {bin}, but named no executable"))
}

/// Prints a line to standard output.
pub(crate) fn say(text: &str) {
    // A closed standard output is no reason to stop.
    let _gone = writeln!(std::io::stdout().lock(), "{text}");
}

/// Prints a line to standard error.
pub(crate) fn complain(text: &str) {
    let _gone = writeln!(std::io::stderr().lock(), "{text}");
}

/// Returns the command as it would be typed in a shell, without environment variables.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    std::iter::once(program)
        .chain(command.get_args())
        .map(|part| part.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}
