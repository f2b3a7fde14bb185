//! `cargo xtask verify`: every check that a change must pass, cheapest first.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::{
    browser,
    cargo::{self, cargo, complain, say},
    embedding, generate, layers, tidy,
    workspace::{Metadata, Package},
};

/// Arguments of `verify`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Run only this step; may be given several times
    #[arg(long, value_name = "STEP", value_parser = STEPS.map(|step| step.name))]
    only: Vec<String>,
}

/// One check.
#[derive(Clone, Copy)]
struct Step {
    name: &'static str,
    run: fn() -> Result<()>,
    /// The command that runs this step alone.
    alone: &'static str,
    /// How to correct the most likely cause.
    mend: &'static str,
}

/// All checks, in the order in which they run.
const STEPS: [Step; 10] = [
    Step {
        name: "tools",
        run: tools,
        alone: "cargo xtask verify --only tools",
        mend: "install what is missing, as said above",
    },
    Step {
        name: "fmt",
        run: || cargo::run(&mut cargo(&["fmt", "--all", "--check"])),
        alone: "cargo fmt --all --check",
        mend: "run `cargo fmt --all`",
    },
    Step {
        name: "layers",
        run: layers::check,
        alone: "cargo xtask layers",
        mend: "take the arrow out, or change the table in xtask/src/layers/table.rs and say why",
    },
    Step { name: "tidy", run: tidy::check, alone: "cargo xtask tidy", mend: "mend the lines named above" },
    Step {
        name: "clippy",
        run: || {
            let scope = ["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"];
            cargo::run(&mut cargo(&scope))
        },
        alone: "cargo clippy --workspace --all-targets --all-features -- -D warnings",
        mend: "mend the warnings; `#[expect(…, reason = \"…\")]` where one is really wrong",
    },
    Step {
        name: "generated",
        run: generate::check,
        alone: "cargo xtask generate --check",
        mend: "run `cargo xtask generate` and commit the result",
    },
    Step {
        name: "check",
        run: each_library_alone,
        alone: "cargo xtask verify --only check",
        mend: "the crate leans on a feature that only another crate turns on: name it in its own manifest",
    },
    Step {
        name: "doc",
        run: || {
            cargo::run(
                cargo(&["doc", "--workspace", "--no-deps", "--quiet"]).env("RUSTDOCFLAGS", "-D warnings"),
            )
        },
        alone: "RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps",
        mend: "mend the links and examples named above",
    },
    Step {
        name: "embedding",
        run: embedding::check,
        alone: "cargo xtask verify --only embedding",
        mend: "keep databases, servers and argument parsers out of chapters, imagegen and what they stand on",
    },
    Step {
        name: "tests",
        run: || cargo::run(&mut cargo(&["test", "--workspace", "--quiet"])),
        alone: "cargo test --workspace",
        mend: "run the failed test alone: cargo test --package PACKAGE NAME",
    },
];

/// Runs the steps until one fails.
///
/// # Errors
/// If a step fails or the working tree was changed on the way.
pub(crate) fn run(args: &Args) -> Result<()> {
    let before = tree();
    let mut total = Duration::ZERO;
    let wanted = |step: &&Step| args.only.is_empty() || args.only.iter().any(|name| name == step.name);
    for step in STEPS.iter().filter(wanted) {
        say(&format!("== {} ({})", step.name, step.alone));
        let (done, took) = timed(step.run);
        total += took;
        if let Err(error) = done {
            complain(&format!("{error:#}"));
            bail!(
                "step '{}' failed after {:.1} s\nto mend it: {}\nto run it alone: {}",
                step.name,
                took.as_secs_f64(),
                step.mend,
                step.alone
            );
        }
        say(&format!("   ok, {:.1} s", took.as_secs_f64()));
    }
    if tree() != before {
        bail!(
            "the steps changed the working tree; see `git status`: a test or generator writes where it should not"
        );
    }
    say(&format!("all is well, {:.1} s", total.as_secs_f64()));
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "shows a developer how long a step took; nothing depends on it"
)]
fn timed(step: fn() -> Result<()>) -> (Result<()>, Duration) {
    let start = std::time::Instant::now();
    (step(), start.elapsed())
}

/// Returns git's status of the working tree; none without git or a repository.
fn tree() -> Option<String> {
    let mut git = Command::new("git");
    git.args(["status", "--porcelain"]).current_dir(cargo::root()).stderr(Stdio::null());
    let output = git.output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Tools that are not in every Rust toolchain, and how to install them.
fn tools() -> Result<()> {
    needs(
        Command::new("cc").arg("--version"),
        "the C compiler `cc` is missing, which the bundled SQLite needs; on Debian: apt-get install gcc libc6-dev",
    )?;
    needs(
        cargo(&["fmt", "--version"]).env_remove("RUSTFMT"),
        "rustfmt is missing: rustup component add rustfmt",
    )?;
    needs(&mut cargo(&["clippy", "--version"]), "clippy is missing: rustup component add clippy")?;
    browser::ensure()
}

fn needs(command: &mut Command, missing: &'static str) -> Result<()> {
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    if status.is_ok_and(|status| status.success()) { Ok(()) } else { bail!(missing) }
}

/// Checks each crate alone: in a build of the whole workspace it gets features that other crates turn on.
fn each_library_alone() -> Result<()> {
    let metadata = Metadata::load()?;
    for package in metadata.packages.iter().filter(|package| Package::is_library(package)) {
        cargo::run(&mut cargo(&["check", "--quiet", "--package", &package.name]))
            .with_context(|| format!("{} doesn't compile alone", package.name))?;
    }
    Ok(())
}
