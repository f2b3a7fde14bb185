//! Helpers of several journeys: the database of a world, its ledger, rules for the simulator.

use btcedu_domain::{CallKind, CallState, EpisodeId, EpisodeStatus};
use btcedu_models::{
    Db, DbConfig, episodes,
    provider_calls::{self, ProviderCall},
};
use btcedu_testkit::{
    TestEnv,
    simulator::{Endpoint, Fault, Rule},
};
use serde_json::Value;

/// Opens the database of a world.
pub(crate) fn database(env: &TestEnv) -> Db {
    let config = DbConfig { path: env.data().join("btcedu.db"), ..DbConfig::default() };
    Db::open(&config).expect("a handle to the database")
}

/// Reads an episode's status and error.
pub(crate) async fn status_of(env: &TestEnv, episode: &str) -> (EpisodeStatus, Option<String>) {
    let id: EpisodeId = episode.parse().unwrap();
    let found = database(env).run(move |conn| episodes::find(conn, &id)).await.unwrap();
    let found = found.expect("an episode");
    (found.status, found.error_message)
}

/// Sets an episode's status directly, for statuses that no stage of today sets.
pub(crate) async fn set_status(env: &TestEnv, episode: &str, status: EpisodeStatus) {
    let id: EpisodeId = episode.parse().unwrap();
    let db = database(env);
    let set = db.transaction(move |conn| {
        let found = episodes::find(conn, &id)?.expect("an episode");
        episodes::set_status(conn, found.id, status)
    });
    set.await.unwrap();
}

/// Reads an episode's ledger, oldest call first.
pub(crate) async fn ledger(env: &TestEnv, episode: &str) -> Vec<ProviderCall> {
    let id: EpisodeId = episode.parse().unwrap();
    let db = database(env);
    let read = db.run(move |conn| {
        let found = episodes::find(conn, &id)?.expect("an episode");
        provider_calls::list_for_episode(conn, found.id)
    });
    read.await.unwrap()
}

/// Counts the picture calls of a ledger that ended in a state.
pub(crate) fn pictures_in_state(ledger: &[ProviderCall], state: CallState) -> usize {
    ledger.iter().filter(|c| c.kind == CallKind::Image && c.state == state).count()
}

/// Makes a rule for every picture call.
pub(crate) fn pictures(fault: Fault) -> Rule {
    Rule::new(Endpoint::Images, fault)
}

/// Makes a rule for every text call.
pub(crate) fn texts(fault: Fault) -> Rule {
    Rule::new(Endpoint::Messages, fault)
}

/// Returns the manifest's entry of a chapter.
pub(crate) fn entry(env: &TestEnv, episode: &str, chapter: &str) -> Value {
    let manifest = env.manifest(episode);
    let entries = manifest["images"].as_array().expect("entries");
    entries.iter().find(|e| e["chapter_id"] == chapter).expect("the chapter's entry").clone()
}

/// Returns how many calls for pictures and texts the simulator has seen.
pub(crate) fn calls(env: &TestEnv) -> (u64, u64) {
    let stats = env.sim.stats();
    (stats.image_calls, stats.text_calls)
}
