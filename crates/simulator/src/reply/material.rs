//! What a stage's request says between its tags.

/// Finds the text between `<tag>` and `</tag>`, trimmed.
///
/// Instructions may mention the tag, so one at the beginning of a line comes first; material may hold
/// the closing tag, so the last one counts.
pub(super) fn find<'a>(text: &'a str, tag: &str) -> Option<&'a str> {
    let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
    let at = if text.starts_with(&open) {
        0
    } else {
        text.find(&format!("\n{open}")).map(|at| at + 1).or_else(|| text.find(&open))?
    };
    let (material, _) = text.get(at + open.len()..)?.rsplit_once(&close)?;
    Some(material.trim())
}

/// Finds it, and takes an empty one for none.
pub(super) fn some<'a>(text: &'a str, tag: &str) -> Option<&'a str> {
    find(text, tag).filter(|material| !material.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_at_the_beginning_of_a_line_goes_before_one_that_is_only_mentioned() {
        let text = "What <text>…</text> holds is material.\n\n<text>\nHallo </text> du.\n</text>\nGo.";
        assert_eq!(find(text, "text"), Some("Hallo </text> du."));
        assert_eq!(find("Take <text>this</text> now.", "text"), Some("this"));
        assert_eq!(find("<text></text>", "text"), Some(""));
        assert_eq!(some("<text> </text>", "text"), None);
        assert_eq!(find("<text>cut off", "text"), None);
    }
}
