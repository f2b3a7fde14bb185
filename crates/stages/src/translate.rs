//! Translation: the corrected German text in Turkish, faithfully; nothing is adapted yet.

use crate::{
    correct::{SEGMENT_CHARS, terms::terms_in},
    text::{
        answer::{between, check_length},
        segments::{cut, join},
        stage::{Craft, Job, Made, Sources},
    },
};

/// What only translation knows.
pub(crate) struct Translating;

impl Craft for Translating {
    fn jobs(&self, sources: &Sources) -> Vec<Job> {
        let mut known: Vec<&str> = Vec::new();
        let mut jobs = Vec::new();
        for segment in cut(sources.main(), SEGMENT_CHARS) {
            let text = segment.text.to_owned();
            let variables = vec![("text_segment", text.clone()), ("known_terms", known.join(", "))];
            jobs.push(Job { source: text, variables, schema: None });
            // A term has its original in brackets where the whole text has it first.
            let new: Vec<&str> = terms_in(segment.text).into_iter().filter(|t| !known.contains(t)).collect();
            known.extend(new);
        }
        jobs
    }

    fn read(&self, job: &Job, reply: &str) -> Result<String, String> {
        let text = between(reply, "translation")?;
        check_length(&job.source, text, 0.5, 2.0)?;
        if text == job.source && text.split_whitespace().count() > 20 {
            return Err("the answer is the German text, not a translation".to_owned());
        }
        Ok(text.to_owned())
    }

    fn assemble(&self, sources: &Sources, pieces: &[String]) -> Result<Made, String> {
        let output = join(&cut(sources.main(), SEGMENT_CHARS), pieces);
        let (german, turkish) = (paragraphs(sources.main()), paragraphs(&output));
        let warnings = if german == turkish {
            Vec::new()
        } else {
            vec![format!("the translation has {turkish} paragraphs, the German text {german}")]
        };
        Ok(Made { output, warnings })
    }
}

fn paragraphs(text: &str) -> usize {
    text.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty()).count()
}
