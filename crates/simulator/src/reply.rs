//! What the simulated language model writes, by kind of request.
//!
//! A new stage gets a module of its own and a line in [`KINDS`].

mod adapt;
mod chapterize;
mod correct;
mod image_prompt;
mod material;
mod plain;
mod prose;
mod sample;
mod translate;

use crate::Wrapping;

/// One kind of request that is recognized and answered in its own way.
struct Kind {
    /// Tells from `system` and messages whether a request is of this kind.
    fits: fn(&Asked<'_>) -> bool,
    /// Writes the answer; the same request gets the same text.
    write: fn(&Asked<'_>) -> String,
}

/// What a request says.
pub(super) struct Asked<'a> {
    /// The instructions.
    pub(super) system: &'a str,
    /// All messages as one text.
    pub(super) text: &'a str,
}

/// The kinds, most special first; the last one fits all.
const KINDS: &[Kind] = &[
    Kind { fits: correct::fits, write: correct::write },
    Kind { fits: adapt::fits, write: adapt::write },
    Kind { fits: chapterize::fits, write: chapterize::write },
    Kind { fits: translate::fits, write: translate::write },
    Kind { fits: image_prompt::fits, write: image_prompt::write },
    Kind { fits: plain::fits, write: plain::write },
];

/// Writes an answer to a request.
pub(crate) fn compose(system: &str, text: &str) -> String {
    let asked = Asked { system, text };
    let kind = KINDS.iter().find(|kind| (kind.fits)(&asked));
    kind.map(|kind| (kind.write)(&asked)).unwrap_or_default()
}

/// Packs a text in what was not asked for.
pub(crate) fn wrap(text: &str, wrapping: Wrapping) -> String {
    match wrapping {
        Wrapping::Quotes => format!("\"{text}\""),
        Wrapping::Fence => format!("```text\n{text}\n```"),
        Wrapping::Preamble => format!("Here is your prompt:\n\n{text}"),
        Wrapping::All => format!("Here is your prompt:\n\n```\n\"{text}\"\n```\n"),
    }
}

/// What the model thinks before; little of it at low effort.
pub(crate) fn thought(low_effort: bool) -> String {
    let line = "The request is clear. I settle on one scene, one point of view and calm light. ";
    line.repeat(if low_effort { 1 } else { 6 }).trim_end().to_owned()
}

/// Picks one of several words by a text, always the same one.
pub(super) fn pick<'a>(choices: &[&'a str], text: &str, salt: u64) -> &'a str {
    let mut random = fastrand::Rng::with_seed(crate::draw::seed_of(text) ^ salt.wrapping_mul(0x9E37_79B9));
    random.choice(choices).copied().unwrap_or_default()
}

/// Begins a Turkish text with a capital letter; "i" is the only one with a capital of its own there.
pub(super) fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some('i') => format!("İ{}", chars.as_str()),
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => String::new(),
    }
}
