//! Correcting: recognition errors of the German transcript are mended, and every change is on record.

use btcedu_domain::Stage;
use btcedu_texts::{
    CorrectionCategory, CorrectionDiff, TERMS, correction_changes, cut, join, plain, terms_in,
};
use serde_json::Value;

use crate::{
    sources::Sources,
    spec::{
        Job, Made, StageSpec,
        answer::{between, check_length},
    },
};

/// The longest part of a transcript that one call is given, in characters.
pub(crate) const SEGMENT_CHARS: usize = 15_000;
/// A correction of fewer changes, all of punctuation, needs no reviewer where a person has said so.
const TRIVIAL_CHANGES: usize = 5;

/// What only correction knows.
pub(crate) struct Correcting;

impl StageSpec for Correcting {
    fn name(&self) -> Stage {
        Stage::Correct
    }

    fn template(&self) -> &'static str {
        "correct_transcript"
    }

    fn jobs(&self, sources: &Sources) -> Vec<Job> {
        let job = |text: &str| Job {
            source: text.to_owned(),
            variables: vec![
                ("transcript_segment", text.to_owned()),
                ("terms", terms_for(text)),
                ("reviewer_feedback", sources.feedback()),
            ],
            schema: None,
        };
        cut(sources.main(), SEGMENT_CHARS).iter().map(|segment| job(segment.text)).collect()
    }

    fn read(&self, job: &Job, reply: &str) -> Result<String, String> {
        let text = plain(between(reply, "corrected_transcript")?);
        // Mending adds and drops hardly anything.
        check_length(&job.source, &text, 0.8, 1.25)?;
        Ok(text.into_owned())
    }

    fn assemble(&self, sources: &Sources, pieces: &[String]) -> Result<Made, String> {
        let output = join(&cut(sources.main(), SEGMENT_CHARS), pieces);
        Ok(Made { output, warnings: Vec::new() })
    }

    fn diff(&self, sources: &Sources, output: &str) -> Option<Value> {
        serde_json::to_value(diff_of(sources, output)).ok()
    }

    fn is_trivial(&self, sources: &Sources, output: &str) -> Option<String> {
        let changes = diff_of(sources, output).changes;
        let trivial = changes.len() < TRIVIAL_CHANGES
            && changes.iter().all(|c| c.category == CorrectionCategory::Punctuation);
        trivial.then(|| format!("approved by btcedu: {} change(s), punctuation only", changes.len()))
    }
}

/// The terms to expect: first those that the segment has already, then the others.
fn terms_for(text: &str) -> String {
    let near = terms_in(text);
    let others = TERMS.iter().copied().filter(|term| !near.contains(term));
    near.iter().copied().chain(others).collect::<Vec<_>>().join(", ")
}

fn diff_of(sources: &Sources, output: &str) -> CorrectionDiff {
    let original = sources.main();
    CorrectionDiff::new(
        sources.episode.clone(),
        original.chars().count(),
        output.chars().count(),
        correction_changes(original, output),
    )
}
