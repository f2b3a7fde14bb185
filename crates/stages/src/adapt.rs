//! Adaptation: what is German for Germans becomes Turkish for Turks; every change is tagged for the reviewer.

use btcedu_domain::Stage;
use btcedu_texts::{
    Adaptation, AdaptationCategory, AdaptationDiff, Tier, check_closed, counterpart, cut, institution_lines,
    join, parse_tags, plain, strip_tags,
};
use serde_json::Value;

use crate::{
    correct::SEGMENT_CHARS,
    sources::Sources,
    spec::{
        Job, Made, StageSpec,
        answer::{between, check_length},
    },
};

/// What only adaptation knows.
pub(crate) struct Adapting;

impl StageSpec for Adapting {
    fn name(&self) -> Stage {
        Stage::Adapt
    }

    fn template(&self) -> &'static str {
        "adapt"
    }

    fn jobs(&self, sources: &Sources) -> Vec<Job> {
        let turkish = sources.main();
        let german = sources.texts.get(1).map_or("", String::as_str);
        let mut at = 0;
        let mut jobs = Vec::new();
        for segment in cut(turkish, SEGMENT_CHARS) {
            let from = at + segment.lead.chars().count();
            let to = from + segment.text.chars().count();
            let original = counterpart(german, turkish, from, to);
            jobs.push(Job {
                source: segment.text.to_owned(),
                variables: vec![
                    ("translation_segment", segment.text.to_owned()),
                    ("original_segment", original.to_owned()),
                    ("institutions", institution_lines()),
                    ("reviewer_feedback", sources.feedback()),
                ],
                schema: None,
            });
            at = to + segment.gap.chars().count();
        }
        jobs
    }

    fn read(&self, job: &Job, reply: &str) -> Result<String, String> {
        let text = plain(between(reply, "adaptation")?);
        // Tags make it longer, removed passages shorter.
        check_length(&job.source, &text, 0.4, 2.5)?;
        check_closed(&strip_tags(&text))?;
        Ok(text.into_owned())
    }

    fn assemble(&self, sources: &Sources, pieces: &[String]) -> Result<Made, String> {
        let output = join(&cut(sources.main(), SEGMENT_CHARS), pieces);
        let mut warnings = Vec::new();
        let about = pieces.iter().filter(|piece| is_about_regulation(&parse_tags(piece))).count();
        if about > 0 && about * 4 >= pieces.len() * 3 {
            warnings.push(
                "the whole episode is about German regulation; look whether it is worth going on".to_owned(),
            );
        }
        Ok(Made { output, warnings })
    }

    fn diff(&self, sources: &Sources, output: &str) -> Option<Value> {
        let (original, adapted) = (sources.main().chars().count(), output.chars().count());
        let diff = AdaptationDiff::new(sources.episode.clone(), original, adapted, parse_tags(output));
        serde_json::to_value(diff).ok()
    }
}

/// A part begins with a tag of its own where all of it is about German rules.
fn is_about_regulation(tags: &[Adaptation]) -> bool {
    tags.first().is_some_and(|tag| {
        let regulation = tag.category == AdaptationCategory::RegulatoryContext;
        tag.tier == Tier::T2 && regulation && tag.position.start == 0
    })
}

#[cfg(test)]
mod tests;
