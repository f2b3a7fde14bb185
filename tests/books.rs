//! Reads ledger, rows and store from database and disk, without the program, and checks that they agree.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use btcedu_domain::{CallId, CallKind, CallState, EpisodeId, Sha256Hash};
use btcedu_models::{
    Conn, Db, DbConfig, DbError,
    episodes::{self, Episode},
    media_assets::{self, MediaAsset},
    pipeline_runs::{self, PipelineRun},
    provider_calls::{self, ProviderCall},
};
use btcedu_testkit::TestEnv;
use serde_json::Value;

/// The episode that most tests work on.
pub(crate) const EP: &str = "ep1";

/// All rows of one episode.
pub(crate) struct Records {
    pub(crate) episode: Episode,
    pub(crate) calls: Vec<ProviderCall>,
    /// Newest first.
    pub(crate) runs: Vec<PipelineRun>,
    pub(crate) rows: Vec<MediaAsset>,
}

impl Records {
    pub(crate) async fn open(env: &TestEnv) -> Self {
        query(env, |conn| {
            let id: EpisodeId = EP.parse().unwrap();
            let episode = episodes::find(conn, &id)?.expect("the episode");
            Ok(Self {
                calls: provider_calls::list_for_episode(conn, episode.id)?,
                runs: pipeline_runs::list_for_episode(conn, episode.id)?,
                rows: media_assets::list_images(conn, &id)?,
                episode,
            })
        })
        .await
    }

    /// Lists the calls of a kind in a state, oldest first.
    pub(crate) fn calls(&self, kind: CallKind, state: CallState) -> Vec<CallId> {
        let fits = |c: &&ProviderCall| c.kind == kind && c.state == state;
        self.calls.iter().filter(fits).map(|c| c.call_id).collect()
    }

    /// Counts all calls in a state.
    pub(crate) fn count(&self, state: CallState) -> usize {
        self.calls.iter().filter(|c| c.state == state).count()
    }
}

/// Runs a query on the workspace's database.
pub(crate) async fn query<T: Send + 'static>(
    env: &TestEnv,
    queries: impl FnOnce(&mut Conn) -> Result<T, DbError> + Send + 'static,
) -> T {
    let config = DbConfig { path: env.data().join("btcedu.db"), ..DbConfig::default() };
    Db::open(&config).unwrap().run(queries).await.unwrap()
}

/// The calls whose picture is complete in the store, under its final or its temporary name.
pub(crate) fn arrived(env: &TestEnv) -> Vec<CallId> {
    let store = env.output(EP, "images/store");
    let sidecars = env.files(&format!("outputs/{EP}/images/store"));
    let whole = |name: &String| {
        let sidecar: Value = serde_json::from_slice(&fs::read(store.join(name)).unwrap()).ok()?;
        let picture = Path::new(name.trim_start_matches(".tmp-")).with_extension("png");
        let under = [picture.clone(), format!(".tmp-{}", picture.display()).into()];
        let bytes = under.iter().find_map(|p: &PathBuf| fs::read(store.join(p)).ok())?;
        let same = sidecar["sha256"] == Sha256Hash::of_bytes(&bytes).to_string();
        same.then(|| sidecar["call_id"].as_str().unwrap().parse().unwrap())
    };
    let mut calls: Vec<CallId> = sidecars.iter().filter(|n| is_json(n)).filter_map(whole).collect();
    calls.sort();
    calls
}

fn is_json(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|end| end == "json")
}

/// Asserts everything that must hold while no run is active; `story` is part of every message.
pub(crate) async fn audit(env: &TestEnv, story: &str) -> Records {
    let verified = env.run(&["images", "verify", EP]).await;
    assert_eq!(verified.code, Some(0), "{story}: verify says\n{}{}", verified.stdout, verified.stderr);
    let records = Records::open(env).await;
    let answered = records.calls(CallKind::Image, CallState::Answered);
    let stored = env.files(&format!("outputs/{EP}/images/store"));
    for call in &answered {
        for end in ["png", "json"] {
            let name = format!("-{call}.{end}");
            assert_eq!(stored.iter().filter(|f| f.ends_with(&name)).count(), 1, "{story}: {name}");
        }
    }
    assert_eq!(stored.len(), 2 * answered.len(), "{story}: only answered calls have files: {stored:?}");
    assert_eq!(records.count(CallState::Sent), 0, "{story}: every call is settled");
    let unknown = records.calls(CallKind::Image, CallState::Unknown).len();
    let billed = usize::try_from(env.sim.stats().billed_images).unwrap();
    assert!(billed <= answered.len() + unknown, "{story}: {billed} billed, {answered:?}, {unknown} unknown");
    assert!(records.runs.iter().all(|r| r.completed_at.is_some()), "{story}: no run is left open");
    let left = temporary_files(&env.data());
    assert!(left.is_empty(), "{story}: left behind: {left:?}");
    records
}

/// Every temporary file anywhere below a folder.
pub(crate) fn temporary_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().unwrap().is_dir() {
            found.extend(temporary_files(&entry.path()));
        } else if entry.file_name().to_string_lossy().starts_with(".tmp-") {
            found.push(entry.path());
        }
    }
    found
}

/// The picture that the manifest names for each chapter that has one, by chapter.
pub(crate) fn current(env: &TestEnv) -> Vec<(String, CallId)> {
    let manifest = env.manifest(EP);
    let entries = manifest["images"].as_array().unwrap().iter();
    let named =
        |e: &Value| Some((e["chapter_id"].as_str()?.to_owned(), e["call_id"].as_str()?.parse().unwrap()));
    let mut pictures: Vec<_> = entries.filter_map(named).collect();
    pictures.sort();
    pictures
}

/// Overwrites a file as a person's editor does.
#[expect(clippy::disallowed_methods, reason = "a test edits files as a person's hand does")]
pub(crate) fn scribble(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap();
}

/// Waits until a condition holds that another process brings about; panics after half a minute.
pub(crate) async fn until(what: &str, mut so: impl FnMut() -> bool) {
    for _ in 0..15_000 {
        if so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    panic!("in vain: {what}");
}
