//! Answers to texts without a recorded answer: clearly artificial, in the form that each stage expects.

/// Terms that a translation introduces with the original in brackets.
const TERMS: [(&str, &str); 4] = [
    ("Blockchain", "blok zinciri"),
    ("Node", "düğüm"),
    ("Seed", "kurtarma kelimeleri"),
    ("Wallet", "cüzdan"),
];

/// The beginning of an adaptation after a reviewer has asked for changes.
pub(super) const FEEDBACK_HEEDED: &str =
    "Gelin, birlikte bakalım. [T1: tone_adjustment: izleyiciyi içine alan bir cümle eklendi]";

/// The terms that a translation has still to introduce.
pub(super) struct Terms(Vec<(&'static str, &'static str)>);

impl Terms {
    /// Leaves out those that are known from an earlier part of the text.
    pub(super) fn new(known: &str) -> Self {
        let is_new = |german: &str| known.split([',', '\n']).all(|term| term.trim() != german);
        Self(TERMS.into_iter().filter(|(german, _)| is_new(german)).collect())
    }
}

/// Marks a German paragraph as translated; only terms are replaced, at their first use.
pub(super) fn translated(german: &str, terms: &mut Terms) -> String {
    let mut text = format!("(Türkçe) {}", german.trim_start());
    terms.0.retain(|(german, turkish)| {
        let is_used = text.contains(german);
        text = text.replacen(german, &format!("{turkish} ({german})"), 1);
        !is_used
    });
    text
}

/// Replaces and tags the listed institutions in a paragraph; the list has one `German → Turkish` a line.
pub(super) fn adapted<'a>(turkish: &str, institutions: &'a str) -> String {
    // What the list has in brackets only explains.
    let pair = |line: &'a str| line.trim().split(" (").next()?.split_once(" → ");
    let institutions: Vec<(&str, &str)> = institutions.lines().filter_map(pair).collect();
    let words = turkish.split(' ').map(|word| {
        let name = word.trim_matches(|c: char| !c.is_alphanumeric());
        match institutions.iter().find(|(german, _)| *german == name) {
            Some((old, new)) => {
                let tagged = format!("{new} [T1: institution_replacement: \"{old}\" → \"{new}\"]");
                word.replace(old, &tagged)
            }
            None => word.to_owned(),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Writes an image prompt from a description.
pub(super) fn image_prompt(description: &str) -> String {
    format!(
        "A plain illustration of this: {}. One clear subject in the middle of a wide 16:9 frame, soft light, \
         few elements and calm colors, no text, letters, numbers or logos.",
        description.trim_end_matches('.')
    )
}
