//! Recorded answers for `data/sample/transcript.de.txt`, passage by passage.
//!
//! `sample.txt` holds them. `misheard:` is a mistake of the speech recognition and its correction;
//! `overlooked:` is one that is corrected only after a reviewer's feedback. `de:` is a corrected passage,
//! `tr:` its translation, `ad:` its adaptation where that differs.

use std::sync::LazyLock;

static SAMPLE: LazyLock<Sample> = LazyLock::new(|| Sample::read(include_str!("sample.txt")));

#[derive(Default)]
struct Sample {
    misheard: Vec<Replacement>,
    overlooked: Vec<Replacement>,
    translations: Vec<Replacement>,
    adaptations: Vec<Replacement>,
}

struct Replacement {
    old: &'static str,
    new: &'static str,
}

impl Sample {
    fn read(text: &'static str) -> Self {
        let mut sample = Self::default();
        let (mut german, mut turkish) = ("", "");
        for (label, passage) in text.lines().filter_map(|line| line.split_once(": ")) {
            let (old, new) = passage.split_once(" → ").unwrap_or_default();
            match label {
                "misheard" => sample.misheard.push(Replacement { old, new }),
                "overlooked" => sample.overlooked.push(Replacement { old, new }),
                "de" => german = passage,
                "tr" => {
                    turkish = passage;
                    sample.translations.push(Replacement { old: german, new: turkish });
                }
                _ => sample.adaptations.push(Replacement { old: turkish, new: passage }),
            }
        }
        sample
    }
}

fn replace_all(text: &str, replacements: &[Replacement]) -> String {
    replacements.iter().fold(text.to_owned(), |text, it| text.replace(it.old, it.new))
}

/// Corrects the mistakes of the sample's transcript, in any text; with `thorough` the overlooked ones too.
pub(super) fn corrected(text: &str, thorough: bool) -> String {
    let corrected = replace_all(text, &SAMPLE.misheard);
    if thorough { replace_all(&corrected, &SAMPLE.overlooked) } else { corrected }
}

/// Translates the recorded passages of a text, corrected or not; `None` where it has none.
pub(super) fn translated(german: &str) -> Option<String> {
    let german = corrected(german, true);
    let translated = replace_all(&german, &SAMPLE.translations);
    (translated != german).then_some(translated)
}

/// Adapts the recorded passages of a translation; `None` where it has none.
pub(super) fn adapted(turkish: &str) -> Option<String> {
    let adapted = replace_all(turkish, &SAMPLE.adaptations);
    (adapted != turkish).then_some(adapted)
}
