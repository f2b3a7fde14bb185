//! `cargo xtask tidy`: rules that the compiler doesn't check.

mod files;
mod rules;

use anyhow::{Result, bail};
use files::SourceFile;

use crate::cargo::{root, say};

/// Checks the rules and lists large files.
///
/// # Errors
/// As [`check`].
pub(crate) fn run() -> Result<()> {
    check()?;
    say("tidy");
    Ok(())
}

/// Checks every source file; large ones are only listed.
///
/// # Errors
/// If a file breaks a rule; all violations are listed.
pub(crate) fn check() -> Result<()> {
    let files = files::read_all(root())?;
    for remark in rules::remarks(&files) {
        say(&remark);
    }
    let problems = problems(&files);
    if !problems.is_empty() {
        bail!("{} not tidy:\n  {}", problems.len(), problems.join("\n  "));
    }
    Ok(())
}

fn problems(files: &[SourceFile]) -> Vec<String> {
    files.iter().flat_map(rules::problems).chain(rules::forgotten_tests(files)).collect()
}

#[cfg(test)]
mod tests;
