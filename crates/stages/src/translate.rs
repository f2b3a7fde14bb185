//! Translating: the corrected German text in Turkish, faithfully; nothing is adapted yet.

use btcedu_domain::Stage;
use btcedu_texts::{NOUN_ENDINGS, TERMS, cut, holds_word, join, paragraphs, plain, terms_in};

use crate::{
    correct::SEGMENT_CHARS,
    sources::Sources,
    spec::{
        Job, Made, StageSpec,
        answer::{between, check_length},
    },
};

/// The house vocabulary of `prompts/system.md`, as far as [`TERMS`] doesn't have it.
///
/// It is written here too, since the system prompt takes no variables; a test compares both.
const VOCABULARY: &[&str] = &[
    "Block",
    "Schlüssel",
    "Transaktion",
    "Gebühr",
    "Adresse",
    "Zahlungskanal",
    "Verwahrung",
    "Geldmenge",
    "Knappheit",
];

/// What only translation knows.
pub(crate) struct Translating;

impl StageSpec for Translating {
    fn name(&self) -> Stage {
        Stage::Translate
    }

    fn template(&self) -> &'static str {
        "translate"
    }

    fn jobs(&self, sources: &Sources) -> Vec<Job> {
        let mut known: Vec<&str> = Vec::new();
        let mut jobs = Vec::new();
        for segment in cut(sources.main(), SEGMENT_CHARS) {
            let text = segment.text.to_owned();
            let variables = vec![("text_segment", text.clone()), ("known_terms", known.join(", "))];
            jobs.push(Job { source: text, variables, schema: None });
            // A term has its original in brackets where the whole text has it first.
            let new: Vec<&str> =
                terms_used(segment.text).into_iter().filter(|t| !known.contains(t)).collect();
            known.extend(new);
        }
        jobs
    }

    fn read(&self, job: &Job, reply: &str) -> Result<String, String> {
        let text = plain(between(reply, "translation")?);
        check_length(&job.source, &text, 0.5, 2.0)?;
        if text == job.source && text.split_whitespace().count() > 20 {
            return Err("the answer is the German text, not a translation".to_owned());
        }
        Ok(text.into_owned())
    }

    fn assemble(&self, sources: &Sources, pieces: &[String]) -> Result<Made, String> {
        let output = join(&cut(sources.main(), SEGMENT_CHARS), pieces);
        let (german, turkish) = (paragraphs(sources.main()).len(), paragraphs(&output).len());
        let warnings = if german == turkish {
            Vec::new()
        } else {
            vec![format!("the translation has {turkish} paragraphs, the German text {german}")]
        };
        Ok(Made { output, warnings })
    }
}

/// Lists the terms that a German text uses, in any of their forms: its translation introduces them.
///
/// Forms are told by their capital letter, since "blocken" is no block.
fn terms_used(german: &str) -> Vec<&'static str> {
    let (listed, plain) = (terms_in(german), without_umlauts(german));
    TERMS
        .iter()
        .chain(VOCABULARY)
        .copied()
        .filter(|term| listed.contains(term) || holds_word(&plain, &without_umlauts(term), NOUN_ENDINGS))
        .collect()
}

/// A plural may have an umlaut that its noun hasn't: Block, Blöcke.
fn without_umlauts(text: &str) -> String {
    text.replace('ä', "a").replace('ö', "o").replace('ü', "u")
}

#[cfg(test)]
mod tests;
