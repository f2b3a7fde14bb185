//! The text that is sent for a picture: the chapter's own or the language model's, prefixed once and not too long.

use btcedu_artifacts::ChapterSnapshot;
use btcedu_clients::{StopReason, TextReply, TextRequest};

use crate::{StageError, frame::text_call::check_whole, imagegen::request::RequestSettings};

/// The request that has a prompt written, for chapters without one of their own.
pub(crate) fn text_request(
    chapter: &ChapterSnapshot,
    settings: &RequestSettings,
) -> Result<Option<TextRequest>, StageError> {
    let ChapterSnapshot::Template { visual_type, visual_description, chapter_title, narration_context } =
        chapter
    else {
        return Ok(None);
    };
    let variables = [
        ("visual_type", visual_type.as_str()),
        ("visual_description", visual_description),
        ("chapter_title", chapter_title),
        ("narration_context", narration_context),
        ("style_prefix", &settings.style_prefix),
    ];
    let template = &settings.template.in_use;
    let prompt = btcedu_prompts::render(&template.name, &template.body, &variables)?;
    Ok(Some(TextRequest::new(&settings.text_model, &prompt, template.max_tokens.into())))
}

/// Takes the prompt out of a reply, or says why there is none in it.
pub(crate) fn usable_text(reply: &TextReply) -> Result<String, String> {
    check_whole(reply, "imagegen").map_err(|problem| match reply.stop_reason {
        StopReason::Refusal => format!("{problem}; write an image_prompt into the chapter"),
        _ => problem,
    })?;
    clean_text(&reply.text).ok_or_else(|| "the text model's answer was empty".to_owned())
}

/// Trims quotes, fences and preamble from a model's plain text; `None` if nothing is left.
pub(crate) fn clean_text(raw: &str) -> Option<String> {
    let mut text = raw.trim();
    loop {
        let before = text;
        text = without_fence(text);
        text = without_preamble(text);
        text = without_quotes(text);
        if text == before {
            break;
        }
    }
    (!text.is_empty()).then(|| text.to_owned())
}

fn without_fence(text: &str) -> &str {
    let Some(inside) = text.strip_prefix("```").and_then(|t| t.strip_suffix("```")) else { return text };
    match inside.split_once('\n') {
        // The first line may name a language.
        Some((language, rest)) if !language.trim().contains(' ') => rest.trim(),
        _ => inside.trim(),
    }
}

/// Drops a first line such as "Here is the prompt:", if something follows it.
fn without_preamble(text: &str) -> &str {
    const OPENINGS: [&str; 7] =
        ["here is", "here's", "here’s", "sure", "certainly", "image prompt", "prompt"];
    let Some((first, rest)) = text.split_once(':') else { return text };
    let opening = first.trim_start_matches(['*', '#', ' ']).to_lowercase();
    let is_preamble = first.chars().count() <= 80
        && !first.contains('\n')
        && OPENINGS.iter().any(|o| opening.starts_with(o))
        && (opening.contains("prompt") || rest.starts_with('\n'));
    let rest = rest.trim_start_matches('*').trim();
    if is_preamble && !rest.is_empty() { rest } else { text }
}

fn without_quotes(text: &str) -> &str {
    const PAIRS: [(char, char); 4] = [('"', '"'), ('\'', '\''), ('“', '”'), ('„', '“')];
    let inside = |(open, close): (char, char)| {
        let inner = text.strip_prefix(open)?.strip_suffix(close)?;
        (!inner.contains([open, close])).then_some(inner.trim())
    };
    PAIRS.into_iter().find_map(inside).unwrap_or(text)
}

/// A prompt ready to be sent, and what happened to it on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReadyPrompt {
    pub(crate) text: String,
    pub(crate) warning: Option<String>,
}

/// Puts the style prefix in front, once, and cuts what is over the model's limit at a sentence end.
pub(crate) fn compose(style_prefix: &str, text: &str, max_chars: usize) -> ReadyPrompt {
    let text = text.trim();
    let whole = if style_prefix.is_empty() || begins_with(text, style_prefix) {
        text.to_owned()
    } else {
        format!("{style_prefix} {text}")
    };
    let length = whole.chars().count();
    if length <= max_chars {
        return ReadyPrompt { text: whole, warning: None };
    }
    let cut = cut_at_sentence(&whole, max_chars);
    let warning = format!(
        "the prompt of {length} characters was cut to {} (the model takes {max_chars})",
        cut.chars().count()
    );
    ReadyPrompt { text: cut, warning: Some(warning) }
}

/// Tells whether a text begins with the prefix as words of their own.
fn begins_with(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|rest| {
        prefix.ends_with(|c: char| !c.is_alphanumeric()) || !rest.starts_with(char::is_alphanumeric)
    })
}

/// Cuts at the last sentence end that fits; at a word's end, or hard, where there is none.
///
/// A sentence end in the first half would throw away more than it is worth: often all but the style prefix.
fn cut_at_sentence(text: &str, max_chars: usize) -> String {
    let fits: String = text.chars().take(max_chars).collect();
    let sentence_end = fits
        .char_indices()
        .zip(text.chars().skip(1).map(Some).chain([None]))
        .filter(|((_, c), next)| matches!(c, '.' | '!' | '?' | '…') && next.is_none_or(char::is_whitespace))
        .map(|((at, c), _)| at + c.len_utf8())
        .filter(|end| *end > fits.len() / 2)
        .last();
    let end = sentence_end.or_else(|| fits.rfind(char::is_whitespace)).unwrap_or(fits.len());
    fits.get(..end).unwrap_or(&fits).trim_end().to_owned()
}

#[cfg(test)]
mod tests;
