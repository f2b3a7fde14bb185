//! The texts of the simulated model: recorded answers for the bundled sample, a stand-in for all else.
//!
//! The tag around a request's material tells which stage asks.

mod chapters;
mod recorded;
mod stand_in;

use crate::Wrapping;

/// Writes an answer to a request; the same request gets the same text.
pub(crate) fn compose(system: &str, text: &str) -> String {
    let part = |tag| material(text, tag).unwrap_or_default();
    let has_feedback = !part("reviewer_feedback").is_empty();
    if let Some(transcript) = material(text, "transcript") {
        let corrected = recorded::corrected(transcript, has_feedback);
        format!("<corrected_transcript>\n{corrected}\n</corrected_transcript>")
    } else if let Some(translation) = material(text, "translation_to_adapt") {
        let adapted = adapt(translation, part("institutions"), has_feedback);
        format!("<adaptation>\n{adapted}\n</adaptation>")
    } else if let Some(script) = material(text, "script") {
        chapters::draft(script, part("episode_title"))
    } else if let Some(german) = material(text, "text") {
        format!("<translation>\n{}\n</translation>", translate(german, part("known_terms")))
    } else if let Some(description) = material(text, "visual_description") {
        stand_in::image_prompt(description)
    } else {
        let asked = if text.trim().is_empty() { system } else { text };
        let opening: Vec<&str> = asked.split_whitespace().take(24).collect();
        format!("This is a simulated answer to: {}", opening.join(" "))
    }
}

fn translate(german: &str, known_terms: &str) -> String {
    let mut terms = stand_in::Terms::new(known_terms);
    by_paragraph(german, |paragraph| {
        recorded::translated(paragraph).unwrap_or_else(|| stand_in::translated(paragraph, &mut terms))
    })
}

fn adapt(translation: &str, institutions: &str, has_feedback: bool) -> String {
    let adapted = by_paragraph(translation, |paragraph| {
        recorded::adapted(paragraph).unwrap_or_else(|| stand_in::adapted(paragraph, institutions))
    });
    if has_feedback { format!("{} {adapted}", stand_in::FEEDBACK_HEEDED) } else { adapted }
}

/// Rewrites every paragraph; blank ones stay.
fn by_paragraph(text: &str, mut write: impl FnMut(&str) -> String) -> String {
    let written = text
        .split("\n\n")
        .map(|paragraph| if paragraph.trim().is_empty() { paragraph.to_owned() } else { write(paragraph) });
    written.collect::<Vec<_>>().join("\n\n")
}

/// Finds the text between `<tag>` and `</tag>`, trimmed.
///
/// Instructions may mention the tag, so one at the beginning of a line comes first. Material may hold
/// the closing tag, so the last one counts.
fn material<'a>(text: &'a str, tag: &str) -> Option<&'a str> {
    let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
    let at = if text.starts_with(&open) {
        0
    } else {
        text.find(&format!("\n{open}")).map(|at| at + 1).or_else(|| text.find(&open))?
    };
    let (material, _) = text.get(at + open.len()..)?.rsplit_once(&close)?;
    Some(material.trim())
}

/// Puts something around a text that was not asked for.
pub(crate) fn wrap(text: &str, wrapping: Wrapping) -> String {
    match wrapping {
        Wrapping::Quotes => format!("\"{text}\""),
        Wrapping::Fence => format!("```text\n{text}\n```"),
        Wrapping::Preamble => format!("Here is your prompt:\n\n{text}"),
        Wrapping::All => format!("Here is your prompt:\n\n```\n\"{text}\"\n```\n"),
    }
}

#[cfg(test)]
mod tests;
