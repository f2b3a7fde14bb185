//! The answer to a request for an image prompt: one paragraph that an illustrator could work from.

use super::{Asked, pick};

/// Fits requests for the prompt of a picture that describe, under a label or in a tag, what is seen.
pub(super) fn fits(asked: &Asked<'_>) -> bool {
    let all = format!("{}\n{}", asked.system, asked.text).to_lowercase();
    let wants_a_prompt = ["prompt for one picture", "image prompt", "image generat", "image model"]
        .iter()
        .any(|words| all.contains(words));
    wants_a_prompt && field(asked.text, "description").is_some()
}

/// Writes the prompt from what the request says of the visual.
pub(super) fn write(asked: &Asked<'_>) -> String {
    let text = asked.text;
    let description = field(text, "description").unwrap_or_default();
    let title = field(text, "title").map(|title| format!(" for a lesson on {title}")).unwrap_or_default();
    let is_of_type = |word: &str| {
        text.contains(&format!("`{word}`")) || field(text, "type").is_some_and(|found| found.contains(word))
    };
    let form = if is_of_type("diagram") {
        "A clean explanatory diagram"
    } else if is_of_type("screen_share") {
        "A tidy mock-up of a computer screen"
    } else {
        "A cinematic illustrating scene"
    };
    let view =
        pick(&["seen from slightly above", "seen straight on", "in a wide establishing view"], text, 1);
    let light = pick(&["soft morning light", "warm evening light", "even studio light"], text, 2);
    let colors = pick(
        &["deep blue and amber", "teal and cream", "charcoal and bitcoin orange", "sand and navy"],
        text,
        3,
    );
    format!(
        "{form}{title}: {}. The main subject fills the middle third of a 16:9 frame, {view}, in {light}, \
         with a restrained palette of {colors} and plenty of calm space around it, no text, letters, \
         numbers or logos.",
        description.trim().trim_end_matches('.')
    )
}

/// Finds what a labeled line (`Visual description: …`), the line after a bare label, or a tag
/// (`<visual_description>…`) says; the label's last word decides.
fn field(text: &str, name: &str) -> Option<String> {
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        let Some((label, rest)) = line.split_once([':', '>']) else { continue };
        let label = label.trim_matches(|mark: char| !mark.is_alphanumeric()).to_lowercase();
        if label.len() > 40 || !label.ends_with(name) {
            continue;
        }
        let rest = rest.split("</").next().unwrap_or_default().trim_matches(['*', ' ']);
        let found = if rest.is_empty() { lines.find(|line| !line.is_empty())? } else { rest };
        return Some(found.chars().take(600).collect());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: [&str; 5] = [
        "Write an image prompt.\nVisual type: diagram\nVisual description: Üç düğüm bir halka kurar.\nChapter title: Ağ",
        "Write an image prompt.\n**Visual type:** diagram\n**Visual description:** Üç düğüm bir halka kurar.\n- Chapter title: Ağ",
        "One image prompt, please.\n## Visual type:\n\ndiagram\n\n## Visual description:\nÜç düğüm bir halka kurar.\n## Title:\nAğ",
        "An image prompt:\n<visual_type>diagram</visual_type>\n<visual_description>Üç düğüm bir halka kurar.</visual_description>\n<chapter_title>Ağ</chapter_title>",
        "Write the prompt for one picture. The picture is of the kind `diagram`:\n\n<chapter_title>\nAğ\n</chapter_title>\n\n<visual_description>\nÜç düğüm bir halka kurar.\n</visual_description>\n",
    ];

    #[test]
    fn finds_the_description_however_the_template_marks_it() {
        for text in TEXTS {
            let asked = Asked { system: "You write for an illustrator.", text };
            assert!(fits(&asked), "{text}");
            let prompt = write(&asked);
            assert!(prompt.starts_with("A clean explanatory diagram for a lesson on Ağ: "), "{prompt}");
            assert!(prompt.contains("Üç düğüm bir halka kurar. The main"), "{prompt}");
            assert_eq!(prompt, write(&asked));
        }
    }

    #[test]
    fn another_request_is_not_taken_for_one() {
        assert!(!fits(&Asked { system: "Translate into Turkish.", text: "Ein Text mit description." }));
    }
}
