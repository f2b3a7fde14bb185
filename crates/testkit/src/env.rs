//! One test's own environment: a folder, environment variables, a simulator.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use btcedu_simulator::{Simulator, SimulatorConfig};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::{Chapters, Finished};

/// The API key for every provider. It must not appear in any output.
pub const KEY: &str = "sk-sim-secret-of-the-test";
/// The image model in the program's settings.
pub const IMAGE_MODEL: &str = "gpt-image-2.6-flare";

/// A folder, a simulator and a clean environment.
pub struct TestEnv {
    folder: TempDir,
    /// The providers that the program talks to.
    pub sim: Simulator,
    program: PathBuf,
    settings: BTreeMap<String, String>,
}

impl TestEnv {
    /// Starts a world in which `program` sees keys, a current image model and a quick simulator.
    ///
    /// # Panics
    /// Where the folder can't be made or the simulator doesn't start.
    pub async fn start(program: &str) -> Self {
        Self::start_with(program, SimulatorConfig::default()).await
    }

    /// Starts a world as [`TestEnv::start`] does, with another simulator.
    ///
    /// # Panics
    /// Where the folder can't be made or the simulator doesn't start.
    pub async fn start_with(program: &str, config: SimulatorConfig) -> Self {
        let sim = Simulator::start(config).await.expect("the simulator starts");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut env = Self { folder, program: program.into(), settings: BTreeMap::new(), sim };
        let url = env.sim.base_url().to_owned();
        for (name, value) in [
            ("OPENAI_BASE_URL", url.as_str()),
            ("ANTHROPIC_BASE_URL", url.as_str()),
            ("OPENAI_API_KEY", KEY),
            ("ANTHROPIC_API_KEY", KEY),
            ("IMAGE_GEN_MODEL", IMAGE_MODEL),
            ("IMAGE_GEN_SIZE", "1024x1024"),
        ] {
            env.set(name, value);
        }
        env
    }

    /// Sets an environment variable for the programs run from now on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.settings.insert(name.to_owned(), value.to_owned());
    }

    /// Removes an environment variable.
    pub fn unset(&mut self, name: &str) {
        self.settings.remove(name);
    }

    /// Returns the folder in which programs run.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the workspace.
    pub fn data(&self) -> PathBuf {
        self.folder().join("data")
    }

    /// Returns a file of an episode's outputs.
    pub fn output(&self, episode: &str, file: &str) -> PathBuf {
        self.data().join("outputs").join(episode).join(file)
    }

    /// Prepares a start of the program; once started, it is killed when dropped.
    pub fn command(&self, args: &[&str]) -> Command {
        #[expect(clippy::disallowed_methods, reason = "the one variable that is passed on")]
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut command = Command::new(&self.program);
        command
            .args(args)
            .current_dir(self.folder())
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.folder())
            .env("TMPDIR", self.folder())
            .env("COLUMNS", "120")
            .env("NO_COLOR", "1")
            .envs(&self.settings)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// Starts the program and leaves it running.
    ///
    /// # Panics
    /// Where it can't be started.
    pub fn spawn(&self, args: &[&str]) -> Child {
        self.command(args).spawn().expect("the program starts")
    }

    /// Runs the program and waits for its end.
    ///
    /// # Panics
    /// Where it can't be started, or where the key is in its output.
    pub async fn run(&self, args: &[&str]) -> Finished {
        finish(self.spawn(args)).await
    }

    /// Waits for a program to end.
    ///
    /// # Panics
    /// Where the key is in its output.
    pub async fn wait(&self, child: Child) -> Finished {
        finish(child).await
    }

    /// Writes a file into the folder and returns its path.
    ///
    /// # Panics
    /// Where it can't be written.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder().join(name);
        write(&path, text.as_bytes());
        path
    }

    /// Brings an episode in from a chapter document.
    ///
    /// # Panics
    /// Where `btcedu add` fails.
    pub async fn add(&self, episode: &str, chapters: &Chapters) {
        let file = self.write(&format!("{episode}.json"), &chapters.json(episode));
        let file = file.display().to_string();
        let id = format!("--id={episode}");
        let _added = self.run(&["add", &id, "--title", "Blok zinciri", "--chapters", &file]).await.success();
    }

    /// Replaces an episode's chapter document, as a person with an editor does.
    ///
    /// # Panics
    /// Where it can't be written.
    pub fn replace_chapters(&self, episode: &str, chapters: &Chapters) {
        write(&self.output(episode, "chapters.json"), chapters.json(episode).as_bytes());
    }

    /// Reads an episode's manifest.
    ///
    /// # Panics
    /// Where it is missing or not JSON.
    pub fn manifest(&self, episode: &str) -> Value {
        let text = fs::read(self.output(episode, "images/manifest.json")).expect("a manifest");
        serde_json::from_slice(&text).expect("a manifest in JSON")
    }

    /// Returns the values of a field in the program's logs, oldest first; events without the field are left out.
    pub fn logged(&self, field: &str) -> Vec<Value> {
        let logs = self.files("logs").into_iter();
        let texts =
            logs.map(|name| fs::read_to_string(self.data().join("logs").join(name)).unwrap_or_default());
        let of = |line: &str| serde_json::from_str::<Value>(line).ok()?.get("fields")?.get(field).cloned();
        texts.flat_map(|text| text.lines().filter_map(of).collect::<Vec<Value>>()).collect()
    }

    /// Lists the names of the files in a folder of the workspace, sorted; a missing folder has none.
    pub fn files(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.data().join(folder)).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

#[expect(clippy::disallowed_methods, reason = "a test edits files as a person's editor does")]
fn write(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).expect("the file can be written");
}

async fn finish(child: Child) -> Finished {
    let output = child.wait_with_output().await.expect("the program can be waited for");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let finished =
        Finished { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) };
    for said in [&finished.stdout, &finished.stderr] {
        assert!(!said.contains(KEY), "a key was printed:\n{said}");
    }
    finished
}
