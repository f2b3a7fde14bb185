//! Runs commands inside the test's own process, in a workspace that no provider can be reached from.

use std::{collections::BTreeMap, ffi::OsString, fs, path::PathBuf};

use btcedu_domain::{EpisodeId, EpisodeStatus};
use btcedu_models::{
    Db, DbConfig,
    episodes::{self, Episode},
};
use btcedu_testkit::{Chapters, Finished};
use indicatif::{MultiProgress, ProgressDrawTarget};
use tempfile::TempDir;

use crate::{
    commands::{app, run_in_workspace, run_without_workspace},
    conclude,
    errors::CommandResult,
    output::Output,
    parse,
    settings::Values,
};

/// Nothing listens on this port, so a request that is sent fails and nothing can be bought.
const NOWHERE: &str = "http://127.0.0.1:1";

/// A temporary folder with a workspace in `data`, and the settings of the commands that run in it.
pub(crate) struct Workspace {
    folder: TempDir,
    settings: BTreeMap<String, String>,
}

impl Workspace {
    /// Makes an empty workspace with both keys and a current image model.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut workspace = Self { folder, settings: BTreeMap::new() };
        let data = workspace.data().display().to_string();
        for (name, value) in [
            ("DATA_DIR", data.as_str()),
            ("OPENAI_BASE_URL", NOWHERE),
            ("ANTHROPIC_BASE_URL", NOWHERE),
            ("OPENAI_API_KEY", "sk-of-the-test"),
            ("ANTHROPIC_API_KEY", "sk-of-the-test"),
            ("IMAGE_GEN_MODEL", btcedu_testkit::IMAGE_MODEL),
            ("IMAGE_GEN_SIZE", "1024x1024"),
        ] {
            workspace.set(name, value);
        }
        workspace
    }

    /// Sets an environment variable for the commands that follow.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.settings.insert(name.to_owned(), value.to_owned());
    }

    /// Removes an environment variable.
    pub(crate) fn unset(&mut self, name: &str) {
        self.settings.remove(name);
    }

    /// Returns the workspace's folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Writes a file beside the workspace and returns its path.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        write(&path, text);
        path.display().to_string()
    }

    /// Replaces an episode's chapter document.
    pub(crate) fn replace_chapters(&self, episode: &str, text: &str) {
        write(&self.data().join("outputs").join(episode).join("chapters.json"), text);
    }

    /// Runs a command to its end.
    pub(crate) async fn run(&self, words: &[&str]) -> Finished {
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        self.run_os(&words).await
    }

    /// Runs a command whose words may be anything that a system passes on.
    pub(crate) async fn run_os(&self, words: &[OsString]) -> Finished {
        let words = [&["btcedu".into()], words].concat();
        let status = match parse(&words) {
            Ok(cli) => {
                let output = Output::new(cli.global.json);
                conclude(output, self.started(cli, output).await)
            }
            Err(status) => status,
        };
        let (stdout, stderr) = printed::take();
        Finished { code: Some(status.into()), stdout, stderr }
    }

    /// Does what `commands::run` does, with this workspace's settings and without logs.
    async fn started(
        &self,
        cli: crate::commands::Cli,
        output: Output,
    ) -> CommandResult<crate::exit::ExitStatus> {
        if let Some(ended) = run_without_workspace(&cli.command) {
            return ended;
        }
        let environment = |name: &str| self.settings.get(name).map(OsString::from);
        let app = app(&cli.global, Values::from_sources(environment, &BTreeMap::new())?)?;
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::hidden());
        run_in_workspace(&app, cli.command, output, bars).await
    }

    /// Brings an episode in from a chapter document.
    pub(crate) async fn add_chapters(&self, episode: &str, chapters: &Chapters) {
        self.add(episode, "--chapters", &chapters.json(episode)).await;
    }

    /// Brings an episode in from a text; `flag` says what it is.
    pub(crate) async fn add(&self, episode: &str, flag: &str, text: &str) {
        let file = self.write("added.txt", text);
        let title = format!("Folge {episode}");
        let _added = self.run(&["add", "--id", episode, "--title", &title, flag, &file]).await.success();
    }

    /// Opens the workspace's database.
    pub(crate) fn database(&self) -> Db {
        let config = DbConfig { path: self.data().join("btcedu.db"), ..DbConfig::default() };
        Db::open(&config).unwrap()
    }

    /// Reads an episode's row.
    pub(crate) async fn episode(&self, id: &str) -> Episode {
        let id: EpisodeId = id.parse().unwrap();
        let db = self.database();
        let found = db.run(move |conn| episodes::find(conn, &id));
        found.await.unwrap().expect("the episode")
    }

    /// Gives an episode another status.
    pub(crate) async fn set_status(&self, id: &str, status: EpisodeStatus) {
        let row = self.episode(id).await.id;
        let db = self.database();
        let set = db.transaction(move |conn| episodes::set_status(conn, row, status));
        set.await.unwrap();
    }

    /// Demands that an episode has no call in the ledger, no run, and the status it had.
    pub(crate) async fn is_untouched(&self, id: &str, status: EpisodeStatus) {
        let found = self.episode(id).await;
        assert_eq!((found.status, found.error_message), (status, None));
        let row = found.id;
        let db = self.database();
        let rows = db.run(move |conn| {
            let calls = btcedu_models::provider_calls::list_for_episode(conn, row)?;
            Ok((calls.len(), btcedu_models::pipeline_runs::list_for_episode(conn, row)?.len()))
        });
        assert_eq!(rows.await.unwrap(), (0, 0), "calls and runs of {id}");
    }
}

#[expect(clippy::disallowed_methods, reason = "a test writes as a person's editor does")]
fn write(path: &std::path::Path, text: &str) {
    fs::write(path, text).unwrap();
}

/// Keeps what a command prints, one buffer per thread: a test and its command run on the same one.
pub(crate) mod printed {
    use std::{
        cell::RefCell,
        io::{self, Write},
        thread::LocalKey,
    };

    type Buffer = RefCell<Vec<u8>>;

    thread_local! {
        static STDOUT: Buffer = const { RefCell::new(Vec::new()) };
        static STDERR: Buffer = const { RefCell::new(Vec::new()) };
    }

    /// Stands for one of the process's outputs.
    #[derive(Clone, Copy)]
    pub(crate) struct Stream(&'static LocalKey<Buffer>);

    pub(crate) fn stdout() -> Stream {
        Stream(&STDOUT)
    }

    pub(crate) fn stderr() -> Stream {
        Stream(&STDERR)
    }

    /// Returns what was printed to stdout and stderr, and forgets it.
    pub(crate) fn take() -> (String, String) {
        let text = |buffer: &'static LocalKey<Buffer>| String::from_utf8(buffer.take()).unwrap();
        (text(&STDOUT), text(&STDERR))
    }

    impl Stream {
        /// Returns itself: no other thread writes here.
        pub(crate) fn lock(self) -> Self {
            self
        }
    }

    impl Write for Stream {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.with_borrow_mut(|buffer| buffer.extend_from_slice(bytes));
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
}
