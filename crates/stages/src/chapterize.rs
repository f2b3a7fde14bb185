//! Chapters: the adapted script becomes the chapter document; what can be counted is counted, not believed.

use btcedu_chapters::{DraftChapter, assemble, draft_json_schema, parse, parse_draft};
use btcedu_domain::Stage;
use btcedu_texts::{check_closed, check_faithful, cut, plain, strip_tags};

use crate::{
    sources::Sources,
    spec::{Job, Made, StageSpec},
};

/// The longest part of a script that one call is given, in characters: its answer repeats it as narration.
const SCRIPT_CHARS: usize = 12_000;

/// What only chapterize knows.
pub(crate) struct Chapterizing;

impl StageSpec for Chapterizing {
    fn name(&self) -> Stage {
        Stage::Chapterize
    }

    fn template(&self) -> &'static str {
        "chapterize"
    }

    fn problem(&self, sources: &Sources) -> Option<&'static str> {
        let spoken = strip_tags(sources.main());
        if check_closed(&spoken).is_err() {
            return Some("has a tag that is not closed");
        }
        spoken.trim().is_empty().then_some("has nothing to say once its tags are taken out")
    }

    fn jobs(&self, sources: &Sources) -> Vec<Job> {
        // Tags go first: a cut through one would leave half of it on each side.
        let spoken = strip_tags(sources.main());
        let segments = cut(&spoken, SCRIPT_CHARS);
        let count = segments.len().to_string();
        let job = |(number, text): (usize, &str)| Job {
            source: text.to_owned(),
            variables: vec![
                ("script_segment", text.to_owned()),
                ("segment_number", number.to_string()),
                ("segment_count", count.clone()),
                ("episode_title", sources.title.clone()),
                ("rejected_reply", String::new()),
                ("violations", String::new()),
            ],
            schema: Some(draft_json_schema()),
        };
        (1..).zip(segments.iter().map(|s| s.text)).map(job).collect()
    }

    fn read(&self, job: &Job, reply: &str) -> Result<String, String> {
        let draft = parse_draft(reply).map_err(|error| error.to_string())?;
        let narrations: Vec<String> = draft.chapters.iter().map(spoken).collect();
        if let Some(at) = narrations.iter().position(|narration| narration.trim().is_empty()) {
            return Err(format!("$.chapters[{at}].narration: nothing is left of it without its tags"));
        }
        for (at, narration) in narrations.iter().enumerate() {
            check_closed(narration).map_err(|problem| format!("$.chapters[{at}].narration: {problem}"))?;
        }
        check_faithful(&job.source, &narrations.join("\n"))?;
        Ok(reply.trim().to_owned())
    }

    fn second_try(&self, job: &Job, reply: &str, problem: &str) -> Option<Job> {
        let variables = job.variables.iter().map(|(name, text)| match *name {
            "rejected_reply" => (*name, reply.to_owned()),
            "violations" => (*name, problem.to_owned()),
            _ => (*name, text.clone()),
        });
        Some(Job { variables: variables.collect(), ..job.clone() })
    }

    fn assemble(&self, sources: &Sources, pieces: &[String]) -> Result<Made, String> {
        let mut drafts = Vec::new();
        for piece in pieces {
            let mut draft = parse_draft(piece).map_err(|error| error.to_string())?;
            for chapter in &mut draft.chapters {
                chapter.narration = spoken(chapter);
            }
            drafts.push(draft);
        }
        let document = assemble(&sources.episode, &sources.title, &drafts);
        let mut output = serde_json::to_string_pretty(&document).map_err(|error| error.to_string())?;
        output.push('\n');
        // What the next stage will read is checked as it will read it.
        let parsed = parse(output.as_bytes()).map_err(|error| error.to_string())?;
        Ok(Made { output, warnings: parsed.warnings.iter().map(ToString::to_string).collect() })
    }
}

/// Returns what is said in a chapter: what a tag says is for the reviewer.
fn spoken(chapter: &DraftChapter) -> String {
    strip_tags(&plain(&chapter.narration))
}

#[cfg(test)]
mod tests;
