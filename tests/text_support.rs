//! Helpers for the tests of correct, translate, adapt and chapterize: transcripts, gates, requests by stage.

use std::{fs, path::PathBuf};

use btcedu_domain::{EpisodeId, EpisodeStatus, Sha256Hash};
use btcedu_models::{
    pipeline_runs::{self, PipelineRun},
    provider_calls::ProviderCall,
};
use btcedu_testkit::TestEnv;
use serde_json::Value;

use crate::{
    books::{EP, query},
    support::{ledger, status_of},
};

/// A few sentences with recognition errors, an institution, an amount and a cultural reference.
pub(crate) const TRANSCRIPT: &str = "\
Willkommen bei Zehn Minuten pro Block. Heute reden wir über das Halfing und über Leitning.

Die Bafin und die Sparkasse fragen mich oft danach. Ein Kaffee kostet 4 Euro, und abends läuft der Tatort.

Schreib den Siet auf Papier und leg ihn weg.
";

/// A text stage as tests see it: its name, its files and the statuses around it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TextStage {
    pub(crate) name: &'static str,
    pub(crate) template: &'static str,
    /// A text that only its requests contain.
    asks: &'static str,
    /// What it writes, below the workspace.
    pub(crate) output: &'static str,
    /// The diff that it writes, below the episode's outputs.
    pub(crate) diff: Option<&'static str>,
    pub(crate) before: EpisodeStatus,
    pub(crate) after: EpisodeStatus,
}

pub(crate) const CORRECT: TextStage = TextStage {
    name: "correct",
    template: "correct_transcript",
    asks: "The segment to correct:",
    output: "transcripts/ep1/transcript.corrected.de.txt",
    diff: Some("review/correction_diff.json"),
    before: EpisodeStatus::Transcribed,
    after: EpisodeStatus::Corrected,
};
pub(crate) const TRANSLATE: TextStage = TextStage {
    name: "translate",
    template: "translate",
    asks: "The segment to translate:",
    output: "transcripts/ep1/transcript.tr.txt",
    diff: None,
    before: EpisodeStatus::Corrected,
    after: EpisodeStatus::Translated,
};
pub(crate) const ADAPT: TextStage = TextStage {
    name: "adapt",
    template: "adapt",
    asks: "The segment to adapt:",
    output: "outputs/ep1/script.adapted.tr.md",
    diff: Some("review/adaptation_diff.json"),
    before: EpisodeStatus::Translated,
    after: EpisodeStatus::Adapted,
};
pub(crate) const CHAPTERIZE: TextStage = TextStage {
    name: "chapterize",
    template: "chapterize",
    asks: "The segment to divide:",
    output: "outputs/ep1/chapters.json",
    diff: None,
    before: EpisodeStatus::Adapted,
    after: EpisodeStatus::Chapterized,
};
pub(crate) const TEXT_STAGES: [TextStage; 4] = [CORRECT, TRANSLATE, ADAPT, CHAPTERIZE];

impl TextStage {
    /// Returns the file that it writes.
    pub(crate) fn output(&self, env: &TestEnv) -> PathBuf {
        env.data().join(self.output)
    }

    /// Reads what it wrote.
    pub(crate) fn text(&self, env: &TestEnv) -> String {
        fs::read_to_string(self.output(env)).unwrap()
    }

    /// Returns the marker beside what it writes.
    pub(crate) fn marker(&self, env: &TestEnv) -> PathBuf {
        env.data().join(format!("{}.stale", self.output))
    }

    /// Reads its provenance.
    pub(crate) fn provenance(&self, env: &TestEnv) -> Value {
        json_file(&env.output(EP, &format!("provenance/{}_provenance.json", self.name)))
    }

    /// Returns where a reply is kept that can't be used.
    pub(crate) fn last_reply(&self, env: &TestEnv) -> PathBuf {
        env.output(EP, &format!("provenance/{}_last_reply.txt", self.name))
    }

    /// Returns the bodies of its requests, in the order in which they arrived.
    pub(crate) fn bodies(&self, env: &TestEnv) -> Vec<Value> {
        let bodies = env.sim.requests().into_iter().filter(|r| r.path == "/v1/messages").map(|r| r.body);
        bodies.filter(|body| user_text(body).contains(self.asks)).collect()
    }

    /// Returns what its requests ask.
    pub(crate) fn prompts(&self, env: &TestEnv) -> Vec<String> {
        self.bodies(env).iter().map(user_text).collect()
    }

    /// Counts its requests.
    pub(crate) fn asked(&self, env: &TestEnv) -> usize {
        self.bodies(env).len()
    }

    /// Returns its rows of the ledger, oldest first.
    pub(crate) async fn ledger(&self, env: &TestEnv) -> Vec<ProviderCall> {
        let all = ledger(env, EP).await.into_iter();
        all.filter(|call| call.stage.as_str() == self.name).collect()
    }
}

/// Returns the text of a request's user turn.
pub(crate) fn user_text(body: &Value) -> String {
    match &body["messages"][0]["content"] {
        Value::String(text) => text.clone(),
        blocks => {
            let texts = blocks.as_array().into_iter().flatten().filter_map(|block| block["text"].as_str());
            texts.collect::<Vec<_>>().join("\n")
        }
    }
}

/// Reads a JSON file.
pub(crate) fn json_file(path: &std::path::Path) -> Value {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns a file's hash.
pub(crate) fn hash_of(path: &std::path::Path) -> String {
    Sha256Hash::of_bytes(&fs::read(path).unwrap()).to_string()
}

/// Makes a transcript of at least so many characters, in which each sentence has a number of its own.
pub(crate) fn long_transcript(characters: usize) -> String {
    let mut text = String::new();
    let mut length = 0;
    for number in 1.. {
        let sentence = format!("Satz {number} handelt von der Blockchain und von einem Noud, der sie prüft.");
        let gap = if number % 6 == 0 { "\n\n" } else { " " };
        length += sentence.chars().count() + gap.len();
        text.push_str(&sentence);
        if length >= characters {
            break;
        }
        text.push_str(gap);
    }
    text.push('\n');
    text
}

/// Brings in an episode from a transcript.
pub(crate) async fn add_transcript(env: &TestEnv, text: &str) {
    let file = env.write("transcript.txt", text).display().to_string();
    let add = ["add", "--id", EP, "--title", "Was ist das Halving?", "--transcript", &file];
    let _added = env.run(&add).await.success();
}

/// Lists the reviews that wait, oldest first.
pub(crate) async fn waiting_reviews(env: &TestEnv) -> Vec<Value> {
    let list = env.run(&["review", "list", "--json"]).await.success().json();
    list.as_array().unwrap().clone()
}

/// Returns the number of the only review that waits.
pub(crate) async fn waiting_review(env: &TestEnv) -> String {
    let reviews = waiting_reviews(env).await;
    assert_eq!(reviews.len(), 1, "{reviews:#?}");
    reviews[0]["id"].to_string()
}

/// Approves the only review that waits, and returns its number.
pub(crate) async fn approve(env: &TestEnv) -> String {
    let review = waiting_review(env).await;
    let _approved = env.run(&["review", "approve", &review]).await.success();
    review
}

/// Brings an episode from its transcript right before a stage, with every gate on the way approved.
pub(crate) async fn bring_before(env: &TestEnv, stage: &TextStage, transcript: &str) {
    add_transcript(env, transcript).await;
    for earlier in TEXT_STAGES.iter().take_while(|earlier| earlier.name != stage.name) {
        let _done = env.run(&[earlier.name, EP]).await.success();
        if earlier.diff.is_some() {
            approve(env).await;
        }
    }
    assert_eq!(status_of(env, EP).await, (stage.before, None));
}

/// Runs until nothing is left to do, and approves both gates.
pub(crate) async fn run_to_the_end(env: &TestEnv) {
    for _gate in 0..2 {
        let ended = env.run(&["run", EP]).await;
        if ended.code == Some(0) {
            break;
        }
        let _blocked = ended.exits(3);
        approve(env).await;
    }
    let _done = env.run(&["run", EP]).await.success();
    assert_eq!(status_of(env, EP).await, (EpisodeStatus::ImagesGenerated, None));
}

/// Reads the runs of an episode, oldest first.
pub(crate) async fn runs(env: &TestEnv) -> Vec<PipelineRun> {
    let mut runs = query(env, |conn| {
        let id: EpisodeId = EP.parse().unwrap();
        let episode = btcedu_models::episodes::find(conn, &id)?.expect("the episode");
        pipeline_runs::list_for_episode(conn, episode.id)
    })
    .await;
    runs.sort_by_key(|run| run.id);
    runs
}
