//! A provenance document, as people read it.

use btcedu_artifacts::{DataDir, EpisodeDir};
use btcedu_domain::{Sha256Hash, Stage};
use serde_json::Value;

use crate::{
    templates::{number, span, usd, when, words},
    views::episode::{FactView, FileHashView, ProvenanceView},
};

/// Shows the provenance of every stage that has one; reads the disk.
pub(super) fn load(data: &DataDir, dir: &EpisodeDir) -> Vec<ProvenanceView> {
    Stage::ALL.iter().filter_map(|stage| of_stage(data, dir, *stage)).collect()
}

fn of_stage(data: &DataDir, dir: &EpisodeDir, stage: Stage) -> Option<ProvenanceView> {
    let path = dir.provenance(stage);
    let mut view = ProvenanceView {
        stage: stage.to_string(),
        path: dir.in_workspace(&path),
        problem: None,
        facts: Vec::new(),
        inputs: Vec::new(),
        outputs: Vec::new(),
        warnings: Vec::new(),
    };
    match data.read_json::<Value>(&path) {
        Ok(None) => return None,
        Ok(Some(document)) => fill(&mut view, &document),
        Err(error) => view.problem = Some(error.to_string()),
    }
    Some(view)
}

fn fill(view: &mut ProvenanceView, document: &Value) {
    let text = |key: &str| document.get(key).and_then(Value::as_str).map(str::to_owned);
    let figure = |key: &str| document.get(key).and_then(Value::as_f64);
    let texts = |key: &str| -> Vec<String> {
        let list = document.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let mut add = |label: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            view.facts.push(FactView { label: label.to_owned(), value });
        }
    };
    let version = |key: &str| figure(key).map(|version| format!(" v{version}")).unwrap_or_default();
    add("Written", text("timestamp").map(|time| when(&time)));
    add("Prompt", text("prompt_name").map(|name| format!("{name}{}", version("prompt_version"))));
    add("Prompt hash", text("prompt_hash"));
    add("System prompt", figure("system_prompt_version").map(|version| format!("v{version}")));
    add("Text model", text("model"));
    add("Text parameters", document.get("model_params").and_then(parameters));
    add("Image model", text("image_gen_model"));
    add("Image parameters", document.get("image_params").and_then(parameters));
    let tokens = figure("input_tokens").zip(figure("output_tokens"));
    add(
        "Tokens",
        tokens.map(|(sent, received)| format!("{} sent, {} received", number(sent), number(received))),
    );
    add("Cost", figure("cost_usd").map(usd));
    add("Took", figure("duration_seconds").map(span));
    add("Segments", figure("segments").map(number));
    for key in ["image_count", "generated_count", "skipped_count", "rejected_count", "failed_count"] {
        add(&capitalized(&words(key.trim_end_matches("_count"))), figure(key).map(number));
    }
    add("Reviewer's notes heeded", text("reviewer_feedback"));
    add("Hash of all inputs", text("input_content_hash"));
    view.inputs = texts("input_files");
    let hashes: Vec<Option<Sha256Hash>> =
        texts("output_hashes").iter().map(|hash| hash.parse().ok()).collect();
    let hash_of = |at: usize| hashes.get(at).copied().flatten();
    let outputs = texts("output_files").into_iter().enumerate();
    view.outputs = outputs.map(|(at, path)| FileHashView { path, sha256: hash_of(at) }).collect();
    view.warnings = texts("warnings");
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Writes an object as `name: value`, line by line.
fn parameters(value: &Value) -> Option<String> {
    let written = value.as_object()?.iter().map(|(name, value)| match value {
        Value::String(text) => format!("{}: {text}", words(name)),
        other => format!("{}: {other}", words(name)),
    });
    Some(written.collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_known_is_told_and_what_is_not_leaves_no_line() {
        let mut view = ProvenanceView {
            stage: "correct".to_owned(),
            path: "p".to_owned(),
            problem: None,
            facts: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            warnings: Vec::new(),
        };
        let hash = Sha256Hash::of_bytes(b"x");
        fill(
            &mut view,
            &json!({"prompt_name": "translate", "prompt_version": 2, "model": null, "cost_usd": 0.01234,
                "input_tokens": 1234, "output_tokens": 56, "model_params": {"max_tokens": 8000, "temperature": null},
                "input_files": ["a.txt"], "output_files": ["b.txt", "c.txt"], "output_hashes": [hash],
                "warnings": ["odd"], "image_count": 3}),
        );
        let facts: Vec<(&str, &str)> =
            view.facts.iter().map(|fact| (fact.label.as_str(), fact.value.as_str())).collect();
        let expected = [
            ("Prompt", "translate v2"),
            ("Text parameters", "max tokens: 8000\ntemperature: null"),
            ("Tokens", "1,234 sent, 56 received"),
            ("Cost", "$0.0123"),
            ("Image", "3"),
        ];
        assert_eq!(facts, expected);
        assert_eq!((view.outputs[0].sha256, view.outputs[1].sha256), (Some(hash), None));
        assert_eq!((view.inputs, view.warnings), (vec!["a.txt".to_owned()], vec!["odd".to_owned()]));
    }
}
