//! Installs Chromium and its driver for the browser tests if they are missing.

use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::cargo::{self, say};

const PROGRAMS: [&str; 2] = ["chromium", "chromedriver"];
/// Their packages in Debian.
const PACKAGES: [&str; 2] = ["chromium", "chromium-driver"];

/// Installs the missing ones.
///
/// # Errors
/// If one is missing and can't be installed; the message says how to do it.
pub(crate) fn ensure() -> Result<()> {
    let missing: Vec<&str> = PROGRAMS.into_iter().filter(|program| !answers(program)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let how = format!("on Debian: apt-get install {}", PACKAGES.join(" "));
    say(&format!("{} missing; installing {} …", missing.join(" and "), PACKAGES.join(" and ")));
    // As root, or by sudo if it asks for no password.
    let as_root = if is_root() { Vec::new() } else { vec!["sudo", "-n"] };
    let update = ["apt-get", "update", "-qq"];
    let mut install = vec!["apt-get", "install", "-y", "-qq", "--no-install-recommends"];
    install.extend(PACKAGES);
    for words in [&update[..], &install[..]] {
        let mut words = as_root.iter().chain(words);
        let Some(program) = words.next() else { continue };
        let mut command = Command::new(program);
        command.args(words).env("DEBIAN_FRONTEND", "noninteractive").stdout(Stdio::null());
        if let Err(error) = cargo::run(&mut command) {
            bail!(
                "the browser tests need {}, which can't be installed here ({error:#}); {how}",
                missing.join(" and ")
            );
        }
    }
    match PROGRAMS.into_iter().find(|program| !answers(program)) {
        Some(program) => bail!("{program} is installed and doesn't start; {how}"),
        None => Ok(()),
    }
}

fn answers(program: &str) -> bool {
    let mut command = Command::new(program);
    command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
