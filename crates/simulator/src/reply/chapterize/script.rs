//! The words of a script that are spoken, and parts of them that fit on a screen.

/// Returns the script without tags, removal markers and Markdown, with tidy spaces.
pub(super) fn spoken(script: &str) -> String {
    let mut kept = String::with_capacity(script.len());
    let mut rest = script;
    while let Some(at) = rest.find('[') {
        let (before, from) = rest.split_at(at);
        kept.push_str(before);
        let length = if is_for_the_reviewer(from) { balanced(from) } else { None };
        let (dropped, after) = from.split_at(length.unwrap_or(1));
        if length.is_none() {
            kept.push_str(dropped);
        }
        rest = after;
    }
    kept.push_str(rest);
    let paragraphs = kept.split("\n\n").map(tidy).filter(|paragraph| !paragraph.is_empty());
    paragraphs.collect::<Vec<_>>().join("\n\n")
}

/// Finds a figure with the two words after it.
pub(super) fn figure(narration: &str) -> Option<String> {
    let words: Vec<&str> = narration.split_whitespace().collect();
    let at = words.iter().position(|word| {
        word.starts_with(|c: char| c.is_ascii_digit())
            && word.chars().filter(char::is_ascii_digit).count() > 1
    })?;
    let phrase: Vec<&str> = words.iter().skip(at).take(3).copied().collect();
    // A figure that ends its sentence stands alone.
    let end = phrase.iter().position(|word| word.ends_with(['.', ',', '!', '?', ';', ':']));
    let phrase = phrase.get(..=end.unwrap_or(phrase.len() - 1))?.join(" ");
    Some(trimmed(&phrase))
}

/// Returns the first words of a text as a title.
pub(super) fn opening(text: &str, words: usize) -> String {
    let opening: Vec<&str> = text.split_whitespace().take(words).collect();
    let opening = trimmed(&opening.join(" "));
    if opening.is_empty() { "Bölüm".to_owned() } else { super::capitalized(&opening) }
}

fn trimmed(text: &str) -> String {
    text.trim_matches(|c: char| !c.is_alphanumeric() && c != ')').to_owned()
}

fn is_for_the_reviewer(text: &str) -> bool {
    let lower: String = text.chars().take(12).flat_map(char::to_lowercase).collect();
    ["[t1:", "[t2:", "[kaldırıldı"].iter().any(|start| lower.starts_with(start))
}

/// Returns the length in bytes up to the bracket that closes the first one.
fn balanced(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '[' => depth += 1,
            ']' if depth == 1 => return Some(at + 1),
            ']' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// One space between words, none before punctuation, no marks of headings or lists.
fn tidy(paragraph: &str) -> String {
    let lines = paragraph.lines().map(|line| line.trim().trim_start_matches(['#', '>', '*', '-', ' ']));
    let words: Vec<&str> = lines.flat_map(str::split_whitespace).collect();
    let mut text = words.join(" ");
    for mark in [".", ",", "!", "?", ";", ":", "…"] {
        text = text.replace(&format!(" {mark}"), mark);
    }
    text
}
