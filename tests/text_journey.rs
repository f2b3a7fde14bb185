//! The journey: a transcript becomes pictures, with a reviewer at both gates, and then nothing is left to do.

use std::{collections::BTreeMap, fs, path::Path};

use btcedu_domain::{CallState, EpisodeId, EpisodeStatus, Usd};
use btcedu_models::content_artifacts;
use btcedu_testkit::TestEnv;
use serde_json::Value;

use crate::{
    books::{EP, query},
    support::{calls, ledger, status_of},
    text_support::{
        ADAPT, CHAPTERIZE, CORRECT, TEXT_STAGES, TRANSCRIPT, TRANSLATE, add_transcript, hash_of, json_file,
        runs, waiting_reviews,
    },
    world,
};

const NOTES: &str = "Bitte die Schreibweise der Behörde noch einmal ansehen";

/// Asserts that this review is the only one that waits.
async fn only_review(env: &TestEnv, id: i64, stage: &str, status: &str) {
    let waiting = waiting_reviews(env).await;
    assert_eq!(waiting.len(), 1, "{waiting:#?}");
    let review = &waiting[0];
    assert_eq!(
        (&review["id"], &review["stage"], &review["status"]),
        (&id.into(), &stage.into(), &status.into())
    );
    assert_eq!((&review["episode_id"], &review["text_changed"]), (&EP.into(), &false.into()));
}

async fn runs_until_a_reviewer_is_needed(env: &TestEnv, stages: &[&str], review: i64) {
    let report = env.run(&["run", EP, "--json"]).await.exits(3).json();
    assert_eq!(report["end"]["kind"], "awaiting_review", "{report:#}");
    let message = report["end"]["message"].as_str().unwrap();
    assert!(message.contains(&format!("btcedu review show {review}")), "{message}");
    let ran: Vec<&str> =
        report["stages"].as_array().unwrap().iter().map(|s| s["stage"].as_str().unwrap()).collect();
    assert_eq!(ran, stages);
    for stage in report["stages"].as_array().unwrap() {
        assert_eq!(stage["outcome"], "done", "{stage:#}");
        assert!(stage["cost_usd"].as_f64().unwrap() > 0.0 && stage["duration_seconds"].is_number());
    }
}

#[tokio::test]
async fn a_transcript_goes_through_both_gates_to_its_pictures_and_a_second_run_does_nothing() {
    let env = world().await;
    add_transcript(&env, TRANSCRIPT).await;
    runs_until_a_reviewer_is_needed(&env, &["correct"], 1).await;
    only_review(&env, 1, "correct", "pending").await;

    let shown = env.run(&["review", "show", "1"]).await.success();
    let _shown = shown.says("review 1 of ep1 (correct): in_review").says("Halfing → Halving").says("Siet");
    only_review(&env, 1, "correct", "in_review").await;
    let shown = env.run(&["review", "show", "1", "--json"]).await.success().json();
    assert_eq!(shown["correction"], json_file(&env.output(EP, "review/correction_diff.json")));
    assert_eq!(shown["adaptation"], Value::Null);

    let sent_back = env.run(&["review", "request-changes", "1", "--notes", NOTES, "--json"]).await.success();
    assert_eq!(sent_back.json()["status"], "changes_requested");
    assert_eq!(status_of(&env, EP).await, (EpisodeStatus::Transcribed, None));
    assert_eq!(json_file(&CORRECT.marker(&env))["invalidated_by"], "review 1");

    runs_until_a_reviewer_is_needed(&env, &["correct"], 2).await;
    assert!(!CORRECT.marker(&env).exists());
    let _approved = env.run(&["review", "approve", "2", "--json"]).await.success().json();
    runs_until_a_reviewer_is_needed(&env, &["translate", "adapt"], 3).await;
    only_review(&env, 3, "adapt", "pending").await;
    let shown = env.run(&["review", "show", "3"]).await.success();
    let _tags = shown.says("review 3 of ep1 (adapt): in_review").says("T1 institution_replacement");
    let _approved = env.run(&["review", "approve", "3"]).await.success().says("btcedu run ep1");

    let finished = env.run(&["run", EP, "--json"]).await.success().json();
    assert_eq!(finished["end"]["kind"], "finished");
    assert_eq!(status_of(&env, EP).await, (EpisodeStatus::ImagesGenerated, None));

    notes_were_sent_once(&env);
    every_file_is_there_and_holds_what_it_should(&env).await;
    the_books_are_balanced(&env).await;
    a_second_run_does_nothing(&env).await;
}

fn notes_were_sent_once(env: &TestEnv) {
    let [first, second] = <[String; 2]>::try_from(CORRECT.prompts(env)).unwrap();
    assert!(!first.contains("<reviewer_feedback>"), "{first}");
    assert_eq!(second.matches(NOTES).count(), 1, "{second}");
    let all: Vec<String> = env.sim.requests().iter().map(|r| r.body.to_string()).collect();
    assert_eq!(all.iter().filter(|body| body.contains(NOTES)).count(), 1, "in no other request");
    assert_eq!(env.sim.stats().text_calls, 5, "correct twice, the others once");
    for stage in TEXT_STAGES {
        assert!(!stage.text(env).contains(NOTES), "{}", stage.name);
    }
}

async fn every_file_is_there_and_holds_what_it_should(env: &TestEnv) {
    let transcripts =
        ["transcript.clean.de.txt", "transcript.corrected.de.txt", "transcript.de.txt", "transcript.tr.txt"];
    assert_eq!(env.files("transcripts/ep1"), transcripts);
    let outputs = [".lock", "chapters.json", "images", "provenance", "review", "script.adapted.tr.md"];
    assert_eq!(env.files("outputs/ep1"), outputs);
    assert_eq!(
        env.files("outputs/ep1/review"),
        ["adaptation_diff.json", "correction_diff.json", "review_history.json"]
    );
    let provenances = ["adapt", "chapterize", "correct", "imagegen", "translate"];
    let provenances = provenances.map(|stage| format!("{stage}_provenance.json"));
    assert_eq!(env.files("outputs/ep1/provenance"), provenances);
    the_correction_diff_rebuilds_the_text(env);
    the_adaptation_diff_has_every_tag(env);
    for file in provenances {
        provenance_is_of_the_files(env, &file);
    }
    the_history_tells_everything(env);
    the_reports_tell_what_ran(env);
    let _valid = env.run(&["chapters", EP]).await.success();
    let chapters = json_file(&CHAPTERIZE.output(env));
    assert_eq!(chapters["chapters"][0]["chapter_id"], "ch01");
    let narration = chapters["chapters"].to_string();
    assert!(!narration.contains("[T1") && !narration.contains("kaldırıldı"), "{narration}");
    let _verified = env.run(&["images", "verify", EP]).await.success();
    assert!(env.manifest(EP)["totals"]["generated"].as_u64().unwrap() > 0);
}

fn characters(text: &str, span: &Value) -> String {
    let at = |end: &str| usize::try_from(span[end].as_u64().unwrap()).unwrap();
    text.chars().skip(at("start")).take(at("end") - at("start")).collect()
}

fn the_correction_diff_rebuilds_the_text(env: &TestEnv) {
    let diff = json_file(&env.output(EP, "review/correction_diff.json"));
    let (original, corrected) = (TRANSCRIPT, CORRECT.text(env));
    assert_eq!(diff["original_length"], original.chars().count());
    assert_eq!(diff["corrected_length"], corrected.chars().count());
    let (mut rebuilt, mut at) = (String::new(), 0);
    let changes = diff["changes"].as_array().unwrap();
    for change in changes {
        assert_eq!(characters(original, &change["position"]), change["original"].as_str().unwrap());
        let [start, end] =
            ["start", "end"].map(|it| usize::try_from(change["position"][it].as_u64().unwrap()).unwrap());
        rebuilt.extend(original.chars().skip(at).take(start - at));
        rebuilt.push_str(change["corrected"].as_str().unwrap());
        at = end;
    }
    rebuilt.extend(original.chars().skip(at));
    assert_eq!(rebuilt, corrected);
    assert!(changes.iter().any(|c| c["category"] == "terminology"), "{diff:#}");
    assert_eq!(diff["summary"]["total_changes"], changes.len());
}

fn the_adaptation_diff_has_every_tag(env: &TestEnv) {
    let diff = json_file(&env.output(EP, "review/adaptation_diff.json"));
    let script = ADAPT.text(env);
    assert_eq!(diff["original_length"], TRANSLATE.text(env).chars().count());
    assert_eq!(diff["adapted_length"], script.chars().count());
    let adaptations = diff["adaptations"].as_array().unwrap();
    assert!(!adaptations.is_empty());
    for one in adaptations {
        let tag = characters(&script, &one["position"]);
        assert!(
            tag.starts_with(&format!("[{}: ", one["tier"].as_str().unwrap())) && tag.ends_with(']'),
            "{tag}"
        );
        assert!(tag.contains(one["category"].as_str().unwrap()), "{tag}");
    }
    assert_eq!(adaptations.len(), script.matches("[T1: ").count() + script.matches("[T2: ").count());
    let tiers = ["tier1_count", "tier2_count"].map(|tier| diff["summary"][tier].as_u64().unwrap());
    assert_eq!(usize::try_from(tiers[0] + tiers[1]).unwrap(), adaptations.len());
}

const PROVENANCE_KEYS: [&str; 17] = [
    "stage",
    "episode_id",
    "timestamp",
    "prompt_name",
    "prompt_version",
    "prompt_hash",
    "model",
    "model_params",
    "input_files",
    "input_content_hash",
    "output_files",
    "output_hashes",
    "input_tokens",
    "output_tokens",
    "cost_usd",
    "duration_seconds",
    "segments",
];

fn provenance_is_of_the_files(env: &TestEnv, file: &str) {
    let provenance = json_file(&env.output(EP, "provenance").join(file));
    let is_text = !file.starts_with("imagegen");
    for key in PROVENANCE_KEYS.iter().filter(|key| is_text || **key != "segments") {
        assert!(!provenance[*key].is_null() || !is_text, "{file}: {key}");
    }
    let files = |key: &str| -> Vec<String> {
        let files = provenance[key].as_array().unwrap().iter();
        files.map(|f| hash_of(&env.data().join(f.as_str().unwrap()))).collect()
    };
    let recorded: Vec<&str> =
        provenance["output_hashes"].as_array().unwrap().iter().map(|h| h.as_str().unwrap()).collect();
    assert_eq!(files("output_files"), recorded, "{file}");
    let read = files("input_files");
    if let [only] = &read[..] {
        assert_eq!(provenance["input_content_hash"], only.as_str(), "{file}");
    } else {
        assert_eq!((read.len(), &provenance["stage"]), (2, &"adapt".into()));
    }
    if is_text {
        assert!(provenance["cost_usd"].as_f64().unwrap() > 0.0 && provenance["segments"] == 1, "{file}");
    }
    let notes = if file.starts_with("correct") { NOTES.into() } else { Value::Null };
    assert_eq!(provenance["reviewer_feedback"], notes, "{file}");
}

fn the_history_tells_everything(env: &TestEnv) {
    let history = json_file(&env.output(EP, "review/review_history.json"));
    assert_eq!(history["episode_id"], EP);
    let reviews = history["reviews"].as_array().unwrap();
    let told: Vec<(&str, &str, &Value)> = reviews
        .iter()
        .map(|r| (r["stage"].as_str().unwrap(), r["status"].as_str().unwrap(), &r["decisions"][0]["notes"]))
        .collect();
    assert_eq!(
        told,
        [
            ("correct", "changes_requested", &NOTES.into()),
            ("correct", "approved", &Value::Null),
            ("adapt", "approved", &Value::Null)
        ]
    );
    assert_eq!(reviews[1]["artifact_hash"], hash_of(&CORRECT.output(env)).as_str());
    assert_eq!(reviews[2]["artifact_hash"], hash_of(&ADAPT.output(env)).as_str());
    for review in reviews {
        assert_eq!(review["decisions"].as_array().unwrap().len(), 1);
        assert_eq!(review["decisions"][0]["decided_at"], review["reviewed_at"]);
    }
    let raw = fs::read_to_string(env.output(EP, "review/review_history.json")).unwrap();
    assert!(raw.contains("Behörde"), "human letters as they are");
}

fn the_reports_tell_what_ran(env: &TestEnv) {
    let reports = env.files("reports/ep1");
    assert!(!reports.is_empty());
    let last = json_file(&env.data().join("reports/ep1").join(reports.last().unwrap()));
    let ran: Vec<&Value> = last["stages"].as_array().unwrap().iter().map(|s| &s["stage"]).collect();
    assert_eq!(ran, ["chapterize", "imagegen"]);
    assert_eq!((&last["episode_id"], &last["end"]["kind"]), (&EP.into(), &"finished".into()));
    assert_eq!(last["status"], "images_generated");
}

async fn the_books_are_balanced(env: &TestEnv) {
    let calls = ledger(env, EP).await;
    assert!(calls.iter().all(|c| c.state == CallState::Answered), "{calls:#?}");
    let paid: Usd = calls.iter().filter_map(|c| c.actual).sum();
    assert_eq!(paid, env.sim.stats().billed, "the ledger is the bill");
    let runs = runs(env).await;
    assert_eq!(runs.iter().map(|r| r.estimated_cost_usd).sum::<Usd>(), paid, "and so are the runs");
    let stages: Vec<&str> = runs.iter().map(|r| r.stage.as_str()).collect();
    assert_eq!(stages, ["correct", "correct", "translate", "adapt", "chapterize", "imagegen"]);
    assert!(runs.iter().all(|r| r.completed_at.is_some() && r.error_message.is_none()));
    let id: EpisodeId = EP.parse().unwrap();
    let artifacts = query(env, move |conn| content_artifacts::list_for_episode(conn, &id)).await;
    assert_eq!(artifacts.len(), 6, "{artifacts:#?}");
}

/// The files of the workspace with their bytes, without logs and database.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() && name != "logs" {
            found.extend(contents(&path));
        } else if path.is_file() && !name.starts_with("btcedu.db") && name != ".lock" {
            found.insert(path.display().to_string(), fs::read(&path).unwrap());
        }
    }
    found
}

async fn a_second_run_does_nothing(env: &TestEnv) {
    let (before, sent, rows) = (contents(&env.data()), calls(env), runs(env).await.len());
    let second = env.run(&["run", EP, "--json"]).await.success().json();
    assert_eq!((&second["end"]["kind"], &second["cost_usd"]), (&"finished".into(), &0.0.into()));
    assert_eq!(second["stages"], Value::Array(Vec::new()));
    for stage in TEXT_STAGES {
        let skipped = env.run(&[stage.name, EP, "--json"]).await.success().json();
        assert_eq!(skipped["end"]["kind"], "skipped", "{skipped:#}");
    }
    assert_eq!(calls(env), sent);
    assert_eq!(runs(env).await.len(), rows);
    let after = contents(&env.data());
    assert!(
        before == after,
        "{:?}",
        before.keys().filter(|k| before.get(*k) != after.get(*k)).collect::<Vec<_>>()
    );
    assert_eq!(status_of(env, EP).await, (EpisodeStatus::ImagesGenerated, None));
}
