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
mod tests {
    use super::*;

    const SYSTEM: &str = include_str!("../../../prompts/system.md");

    /// The originals in a line such as `Miner, Mining: madenci, madencilik · Node: düğüm`.
    fn house_vocabulary() -> Vec<&'static str> {
        let (_, section) = SYSTEM.split_once("## House vocabulary").unwrap();
        let line = section.lines().find(|line| line.contains(" · ")).unwrap();
        line.split(" · ").flat_map(|entry| entry.split_once(": ").unwrap().0.split(", ")).collect()
    }

    #[test]
    fn the_house_vocabulary_is_the_same_in_the_prompt() {
        let house = house_vocabulary();
        for term in &house {
            let count = TERMS.iter().chain(VOCABULARY).filter(|known| *known == term).count();
            assert_eq!(count, 1, "{term}");
        }
        for term in VOCABULARY {
            assert!(house.contains(term), "{term}");
        }
    }

    #[test]
    fn terms_are_found_in_their_forms_and_not_in_other_words() {
        let cases: &[(&str, &[&str])] = &[
            ("", &[]),
            ("bei den Minern", &["Miner"]),
            ("drei Blöcke", &["Block"]),
            ("in den Blöcken der Zahlungskanäle", &["Block", "Zahlungskanal"]),
            ("mit Schlüsseln, der Gebühren und Transaktionen wegen", &["Schlüssel", "Transaktion", "Gebühr"]),
            ("WALLETS und eine Lightning-Adresse", &["Lightning", "Wallet", "Adresse"]),
            ("Wir blocken Adressaten in der Blockchain.", &["Blockchain"]),
        ];
        for (text, expected) in cases {
            assert_eq!(terms_used(text), *expected, "{text}");
        }
    }

    #[test]
    fn what_a_segment_has_introduced_is_known_in_the_next_one() {
        let first = "Ein Zahlungskanal braucht zwei Blöcke. ".repeat(SEGMENT_CHARS / 30);
        let sources = Sources {
            episode: "ep1".parse().unwrap(),
            title: String::new(),
            texts: vec![format!("{first}\n\nDen Minern bleibt die Gebühr.")],
            feedback: None,
        };
        let jobs = Translating.jobs(&sources);
        let known = |job: &Job| {
            let mut variables = job.variables.iter();
            variables.find(|(name, _)| *name == "known_terms").map(|(_, text)| text.clone())
        };
        assert!(jobs.len() > 1);
        assert_eq!(jobs.first().and_then(known), Some(String::new()));
        assert_eq!(jobs.last().and_then(known), Some("Block, Zahlungskanal".to_owned()));
    }

    #[test]
    fn german_text_is_no_translation_whatever_its_line_ends() {
        let source = "Das ist ein Satz.\n".repeat(10).trim_end().to_owned();
        let reply = format!("<translation>{}</translation>", source.replace('\n', "\r\n"));
        let job = Job { source, variables: Vec::new(), schema: None };
        assert!(Translating.read(&job, &reply).unwrap_err().contains("German"));
    }
}
