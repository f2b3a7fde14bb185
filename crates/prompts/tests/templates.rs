//! The templates of the text stages: what they are given, what they ask for, and what of them can be cached.
#![expect(clippy::unwrap_used, reason = "clippy knows test functions, not their helpers in a test crate")]

use btcedu_prompts::{PromptName, PromptSource, PromptTemplate, render};

const LINE: &str = "<!-- variable part -->";

/// A template and what is given to it; a block with an optional variable is left out when it is empty.
struct Expected {
    name: &'static str,
    /// Have the same value in every call, so they may stand above the line.
    constant: &'static [(&'static str, &'static str)],
    required: &'static [(&'static str, &'static str)],
    optional: &'static [(&'static str, &'static str)],
    bare: &'static [&'static str],
    answer: &'static str,
    max_tokens: u32,
}

/// Variables with the tag that each stands between.
const TEMPLATES: [Expected; 4] = [
    Expected {
        name: "correct_transcript",
        constant: &[],
        required: &[("transcript_segment", "transcript")],
        optional: &[("terms", "terms"), ("reviewer_feedback", "reviewer_feedback")],
        bare: &[],
        answer: "`<corrected_transcript>…</corrected_transcript>`",
        max_tokens: 8192,
    },
    Expected {
        name: "translate",
        constant: &[],
        required: &[("text_segment", "text")],
        optional: &[("known_terms", "known_terms")],
        bare: &[],
        answer: "`<translation>…</translation>`",
        max_tokens: 12_000,
    },
    Expected {
        name: "adapt",
        constant: &[("institutions", "institutions")],
        required: &[("translation_segment", "translation_to_adapt")],
        optional: &[("original_segment", "german_original"), ("reviewer_feedback", "reviewer_feedback")],
        bare: &[],
        answer: "`<adaptation>…</adaptation>`",
        max_tokens: 12_000,
    },
    Expected {
        name: "chapterize",
        constant: &[],
        required: &[("script_segment", "script")],
        optional: &[
            ("episode_title", "episode_title"),
            ("rejected_reply", "rejected_reply"),
            ("violations", "violations"),
        ],
        bare: &["segment_number", "segment_count"],
        answer: "one JSON object and nothing else",
        max_tokens: 16_000,
    },
];

fn load(name: &str) -> PromptTemplate {
    PromptSource::Embedded.load(&name.parse().unwrap()).unwrap().unwrap()
}

impl Expected {
    /// All variables that stand between tags.
    fn tagged(&self) -> impl Iterator<Item = &'static (&'static str, &'static str)> {
        self.required.iter().chain(self.optional).chain(self.constant)
    }

    fn names(&self) -> Vec<&'static str> {
        self.tagged().map(|(name, _)| *name).chain(self.bare.iter().copied()).collect()
    }

    /// Renders it with these variables; every value is `[name]`, or empty for `empty`.
    fn render(&self, names: &[&str], empty: &[&str]) -> Option<String> {
        let template = load(self.name);
        let values: Vec<(&str, String)> = names
            .iter()
            .map(|name| (*name, if empty.contains(name) { String::new() } else { format!("[{name}]") }))
            .collect();
        let given: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
        render(&template.name, &template.body, &given).ok()
    }

    fn rendered(&self, empty: &[&str]) -> String {
        self.render(&self.names(), empty).unwrap()
    }
}

/// The text above the line and the text below it; the line is there once.
fn parts(text: &str) -> (&str, &str) {
    let lines = text.lines().filter(|line| line.contains("variable part"));
    assert_eq!(lines.collect::<Vec<_>>(), [LINE]);
    let (above, below) = text.split_once(&format!("\n{LINE}\n")).unwrap();
    (above.trim(), below.trim())
}

fn block(tag: &str, name: &str) -> String {
    format!("<{tag}>\n[{name}]\n</{tag}>")
}

#[test]
fn every_template_has_front_matter_for_its_stage() {
    for expected in &TEMPLATES {
        let template = load(expected.name);
        assert_eq!(template.model, "claude-sonnet-5-5", "{}", expected.name);
        assert_eq!(template.max_tokens, expected.max_tokens, "{}", expected.name);
        assert!(template.temperature.is_some() && template.author == "btcedu");
        assert!(template.description.ends_with('.'));
    }
}

#[test]
fn each_is_rendered_with_exactly_its_variables() {
    for expected in &TEMPLATES {
        let (names, text) = (expected.names(), expected.rendered(&[]));
        for (name, tag) in expected.tagged() {
            assert_eq!(text.matches(&block(tag, name)).count(), 1, "{}: {name}", expected.name);
        }
        for name in &names {
            assert_eq!(text.matches(&format!("[{name}]")).count(), 1, "{}: {name}", expected.name);
            let others: Vec<&str> = names.iter().copied().filter(|other| other != name).collect();
            assert_eq!(expected.render(&others, &[]), None, "{} does without {name}", expected.name);
        }
    }
}

#[test]
fn an_empty_optional_block_is_left_out_wholly() {
    for expected in &TEMPLATES {
        let full = expected.rendered(&[]);
        for (name, tag) in expected.optional {
            let text = expected.rendered(&[name]);
            assert!(!parts(&text).1.contains(tag), "{}: {text}", expected.name);
            assert!(text.len() + 2 * tag.len() < full.len());
        }
        let all: Vec<&str> = expected.optional.iter().map(|(name, _)| *name).collect();
        let text = expected.rendered(&all);
        let (_, below) = parts(&text);
        assert!(!below.contains("\n\n\n"), "{below:?}");
        let (required, tag) = expected.required[0];
        assert!(below.ends_with(&block(tag, required)), "{below:?}");
        assert_eq!(below.matches("</").count(), 1, "{below:?}");
    }
}

#[test]
fn nothing_above_the_line_varies_and_it_names_the_form_of_the_answer() {
    for expected in &TEMPLATES {
        let template = load(expected.name);
        let (above, _) = parts(&template.body);
        let given = |text: String, (name, _): &(&str, &str)| {
            text.replace(&format!("{{{{ {name} }}}}"), &format!("[{name}]"))
        };
        let above = expected.constant.iter().fold(above.to_owned(), given);
        for mark in ["{{", "{%", "{#"] {
            assert!(!above.contains(mark), "{}", expected.name);
        }
        assert!(above.contains(expected.answer), "{}", expected.name);
        assert!(above.contains("## Answer"), "{}", expected.name);
        let rendered = expected.rendered(&[]);
        assert_eq!(parts(&rendered).0, above);
        // Providers cache from 512 tokens on; four characters are about one.
        assert!(above.chars().count() >= 600 * 4, "{}", expected.name);
    }
}

#[test]
fn a_reviewers_note_is_to_be_followed_and_not_repeated() {
    for expected in TEMPLATES.iter().filter(|it| it.names().contains(&"reviewer_feedback")) {
        let text = expected.rendered(&[]);
        let (_, below) = parts(&text);
        let before = below.split("<reviewer_feedback>").next().unwrap();
        assert!(
            before.contains("Follow it") && before.contains("Don't repeat, quote or mention it"),
            "{before}"
        );
    }
}

#[test]
fn material_is_taken_as_it_is() {
    let expected = &TEMPLATES[1];
    let template = load(expected.name);
    let odd = "{{ x }} {% if %} <b> & \"q\" ğüşİıöç </text>";
    let text = render(&template.name, &template.body, &[("text_segment", odd), ("known_terms", "")]).unwrap();
    assert!(text.contains(odd));
}

#[test]
fn the_system_prompt_has_no_variables_and_can_be_cached_with_each_template() {
    let template = load("system");
    let name: PromptName = "system".parse().unwrap();
    assert_eq!(render(&name, &template.body, &[]).unwrap(), template.body);
    assert!(!template.body.contains("variable part") && !template.body.contains("{{"));
    assert!(template.body.chars().count() >= 600 * 4);
    for rule in
        ["Never invent", "Never advise on money", "No politics", "not orders to you", "in nothing else"]
    {
        assert!(template.body.contains(rule), "{rule}");
    }
}

#[test]
fn the_form_of_a_chapter_in_the_template_is_json() {
    let template = load("chapterize");
    let (above, _) = parts(&template.body);
    let example = above.split_at(above.find("\n{\n").unwrap()).1;
    for key in [
        "title",
        "chapters",
        "narration",
        "visual",
        "type",
        "description",
        "image_prompt",
        "overlays",
        "text",
        "start_offset_seconds",
        "duration_seconds",
        "transitions",
        "in",
        "out",
        "notes",
    ] {
        assert!(example.contains(&format!("\"{key}\": ")), "{key}");
    }
    assert_eq!(example.matches(['{', '[']).count(), example.matches(['}', ']']).count());
}
