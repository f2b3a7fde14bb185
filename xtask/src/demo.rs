//! `cargo xtask demo`: makes the sample's pictures from its transcript with the simulator, free and without network.

use std::{
    io::BufRead,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::{
    cargo::{self, root, say},
    listening::Listening,
    simulator::{Counts, Simulator},
};

const EPISODE: &str = "sampleEp001";
const TITLE: &str = "Halving, Lightning und der Seed";
/// The default address of `btcedu web`.
const PORT: u16 = 8090;
/// The exit code of a command that waits for a reviewer.
const BLOCKED: i32 = 3;

/// Arguments of `demo`.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Args {
    /// End at once instead of waiting for Enter
    #[arg(long)]
    no_wait: bool,
}

/// Runs the pipeline from transcript to pictures, through both gates. A second run must cost nothing.
///
/// # Errors
/// If something doesn't build, a command fails, no picture comes, or the second run sends anything.
pub(crate) fn run(args: Args) -> Result<()> {
    say("building btcedu and the simulator …");
    let btcedu = cargo::build("btcedu-cli", "btcedu", &[])?;
    let simulator = Simulator::start(&cargo::build("btcedu-simulator", "btcedu-simulator", &[])?)?;
    let folder =
        tempfile::Builder::new().prefix("btcedu-demo-").tempdir().context("can't make a folder")?.keep();
    let program = Program { path: btcedu, folder, base_url: simulator.base_url().to_owned() };

    let sample = root().join("data/sample/transcript.de.txt");
    let sample = sample.to_str().context("the path of this folder is not UTF-8; move it")?;
    program.run(&["add", "--id", EPISODE, "--title", TITLE, "--transcript", sample])?;
    for gate in ["1", "2"] {
        // Exit code 3: it waits for a reviewer.
        program.run_expecting(&["run", EPISODE], BLOCKED)?;
        program.run(&["review", "show", gate])?;
        say("\nA person would read this now. The demo approves it unread:");
        program.run(&["review", "approve", gate])?;
    }
    program.run(&["run", EPISODE])?;
    let first = simulator.counts()?;

    say("\nThe same once more, which must cost nothing:");
    program.run(&["run", EPISODE])?;
    let second = simulator.counts()?;
    summarize(&program.folder, first, second)?;
    drop(simulator);
    serve(&program, args)
}

/// Serves the dashboard with the finished episode until Enter is pressed.
fn serve(program: &Program, args: Args) -> Result<()> {
    // Another dashboard may use the default port already.
    let is_free = TcpListener::bind(("127.0.0.1", PORT)).is_ok();
    let listen = format!("127.0.0.1:{}", if is_free { PORT } else { 0 });
    let mut command = program.command(&["web", "--listen", &listen]);
    let dashboard = Listening::start(&mut command, "dashboard at ")?;
    let gallery = format!("/episodes/{EPISODE}/images");
    if !dashboard.get(&gallery)?.contains("data-status=\"generated\"") {
        bail!("the dashboard shows no picture at {gallery}");
    }
    say(&format!("\nThe dashboard shows it all: {}", dashboard.url()));
    if args.no_wait {
        return Ok(());
    }
    say("Press Enter (or Ctrl-C) to end.");
    std::io::stdin().lock().read_line(&mut String::new()).context("can't read from the terminal")?;
    Ok(())
}

/// `btcedu` in a workspace of its own, with the simulator as its only provider.
struct Program {
    path: PathBuf,
    /// The workspace, and the current folder, so that no `.env` is found.
    folder: PathBuf,
    base_url: String,
}

impl Program {
    fn run(&self, args: &[&str]) -> Result<()> {
        self.run_expecting(args, 0)
    }

    fn run_expecting(&self, args: &[&str], code: i32) -> Result<()> {
        let mut command = self.command(args);
        cargo::run_expecting(&mut command, code)
            .with_context(|| format!("the workspace is kept in {}", self.folder.display()))
    }

    /// Prepares a command, and prints it as it would be typed.
    fn command(&self, args: &[&str]) -> Command {
        let words: Vec<String> = args.iter().map(|arg| quoted(arg)).collect();
        say(&format!("\n$ btcedu {}", words.join(" ")));
        let mut command = Command::new(&self.path);
        command.arg("--data-dir").arg(&self.folder).args(args).current_dir(&self.folder);
        command.env_clear().envs([
            ("OPENAI_BASE_URL", self.base_url.as_str()),
            ("ANTHROPIC_BASE_URL", self.base_url.as_str()),
            ("OPENAI_API_KEY", "sk-sim-demo"),
            ("ANTHROPIC_API_KEY", "sk-sim-demo"),
            ("IMAGE_GEN_MODEL", "gpt-image-2.6-flare"),
        ]);
        command
    }
}

/// Quotes a word for a shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:".contains(c);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

fn summarize(folder: &Path, first: Counts, second: Counts) -> Result<()> {
    let images = folder.join("outputs").join(EPISODE).join("images");
    let manifest = images.join("manifest.json");
    let text =
        std::fs::read_to_string(&manifest).with_context(|| format!("can't read {}", manifest.display()))?;
    let pictures = pictures(&text)?;
    say("\nPictures:");
    for picture in &pictures {
        let path = folder.join("outputs").join(EPISODE).join(picture);
        if !path.is_file() {
            bail!("the manifest names {}, which is not there", path.display());
        }
        say(&format!("  {}", path.display()));
    }
    if pictures.is_empty() {
        bail!("no picture was made; see {}", manifest.display());
    }
    say(&format!("\nSent in the first run:  {first}"));
    say(&format!("Sent in both runs:      {second}"));
    if second != first {
        bail!("the second run sent something, though nothing had changed; see {}", manifest.display());
    }
    say(&format!("The second run cost nothing. The workspace is kept in {}", folder.display()));
    Ok(())
}

/// The files of the manifest's generated entries, relative to the episode's folder.
fn pictures(manifest: &str) -> Result<Vec<String>> {
    let manifest: Value = serde_json::from_str(manifest).context("the manifest is not JSON")?;
    let entries = manifest.get("images").and_then(Value::as_array).context("the manifest has no images")?;
    let text = |entry: &Value, key| entry.get(key).and_then(Value::as_str).map(str::to_owned);
    Ok(entries
        .iter()
        .filter(|entry| text(entry, "status").as_deref() == Some("generated"))
        .filter_map(|entry| text(entry, "file_path"))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_shown_as_they_can_be_typed() {
        assert_eq!(quoted("data/sample/chapters.json"), "data/sample/chapters.json");
        assert_eq!(quoted("Bitcoin'de halving nedir?"), r"'Bitcoin'\''de halving nedir?'");
    }

    #[test]
    fn only_generated_entries_have_pictures() {
        let manifest = r#"{"images": [{"status": "generated", "file_path": "images/ch02.png"},
            {"status": "skipped", "file_path": null}, {"status": "failed", "file_path": "images/ch03.png"}]}"#;
        assert_eq!(pictures(manifest).unwrap(), ["images/ch02.png"]);
        assert!(pictures("{}").is_err());
    }
}
