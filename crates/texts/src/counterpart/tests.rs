//! Which German part goes with which Turkish one.

use proptest::prelude::*;

use super::*;

/// Characters of `part` in `text`.
fn range_of(text: &str, part: &str) -> (usize, usize) {
    let byte = text.find(part).unwrap();
    let start = text[..byte].chars().count();
    (start, start + part.chars().count())
}

fn passage<'a>(german: &'a str, turkish: &str, part: &str) -> &'a str {
    let (from, to) = range_of(turkish, part);
    counterpart(german, turkish, from, to)
}

#[test]
fn the_same_number_of_paragraphs_pairs_them() {
    let german = "Erster Absatz.\n\nZweiter, der viel länger ist als die anderen.\n \nDritter.";
    let turkish = "İlk paragraf.\n\nİkincisi.\n\nÜçüncüsü, bu defa çok uzun bir paragraf olarak.";
    assert_eq!(passage(german, turkish, "İlk paragraf."), "Erster Absatz.");
    assert_eq!(passage(german, turkish, "İkincisi."), "Zweiter, der viel länger ist als die anderen.");
    assert_eq!(passage(german, turkish, "cüsü, bu defa"), "Dritter.");
    assert_eq!(
        passage(german, turkish, "paragraf.\n\nİkinci"),
        "Erster Absatz.\n\nZweiter, der viel länger ist als die anderen."
    );
    assert_eq!(counterpart(german, turkish, 14, 15), "Zweiter, der viel länger ist als die anderen.");
    assert_eq!(counterpart(german, turkish, 9_000, 9_001), "Dritter.");
    assert_eq!(counterpart(german, turkish, 5, 2), "Erster Absatz.");
}

#[test]
fn the_whole_range_gives_the_whole_text() {
    let german = " Eins.\n\nZwei. \n";
    assert_eq!(counterpart(german, "Bir. İki.", 0, 9), german);
    assert_eq!(counterpart(german, " Bir. İki. \n", 1, 10), german);
    assert_eq!(counterpart(german, "", 0, 0), german);
    assert_eq!(counterpart("", "Bir. İki.", 0, 3), "");
}

#[test]
fn other_texts_are_paired_by_share_with_a_sentence_of_margin() {
    let numbered = |word: &str, count: usize| {
        let sentences: Vec<_> =
            (1..=count).map(|number| format!("{word} Nummer {number:03} steht hier.")).collect();
        sentences.join(" ")
    };
    let german = numbered("Satz", 100);
    let turkish = numbered("Cümle", 100);
    let passage = passage(&german, &turkish, "Cümle Nummer 050 steht hier.");
    assert!(passage.starts_with("Satz Nummer 04") && passage.ends_with("steht hier."), "{passage}");
    assert!(passage.contains("050") && passage.len() < 200, "{passage}");
}

#[test]
fn a_very_long_paragraph_is_narrowed_though_the_paragraphs_match() {
    let german = format!("Kurz.\n\n{}", "Hier steht ein ganzer Satz. ".repeat(300));
    let turkish = format!("Kısa.\n\n{}", "Burada bütün bir cümle var. ".repeat(300));
    let passage = counterpart(&german, &turkish, 4_000, 5_000);
    assert!((900..1_300).contains(&passage.len()), "{}", passage.len());
    assert!(passage.starts_with("Hier") && passage.ends_with("Satz."), "{passage}");
}

#[test]
fn a_text_without_sentence_ends_is_cut_between_words() {
    let german = "wort ".repeat(4_000);
    let turkish = "kelime ".repeat(4_000);
    let passage = counterpart(&german, &turkish, 14_000, 15_000);
    assert!((2_000..3_500).contains(&passage.len()), "{}", passage.len());
    assert!(passage.split(' ').all(|word| word == "wort"));
}

proptest! {
    #[test]
    fn there_is_always_a_passage(
        german in "([A-Zäöü👍a-z]{1,9}[ .!\n]{1,3}){1,40}",
        turkish in "([A-Zçğıa-z]{1,9}[ .!\n]{1,3}){0,40}",
        from in 0_usize..300,
        length in 0_usize..300,
    ) {
        let passage = counterpart(&german, &turkish, from, from + length);
        prop_assert!(!passage.trim().is_empty());
        prop_assert!(german.contains(passage));
    }

    #[test]
    fn the_passages_of_all_parts_cover_the_german_text(
        german in "([A-Zäöüa-z]{1,9}[ .!\n]{1,3}){1,40}",
        turkish in "([A-Zçğıa-z]{1,9}[ .!\n]{1,3}){1,40}",
        limit in 10_usize..80,
    ) {
        let mut from = 0;
        let mut covered = vec![];
        for segment in crate::cut(&turkish, limit) {
            from += segment.lead.chars().count();
            let to = from + segment.text.chars().count();
            let passage = counterpart(&german, &turkish, from, to);
            let start = passage.as_ptr() as usize - german.as_ptr() as usize;
            covered.push(start..start + passage.len());
            from = to + segment.gap.chars().count();
        }
        let visible = german.char_indices().filter(|(_, one)| !one.is_whitespace());
        for (index, _) in visible {
            prop_assert!(covered.iter().any(|range| range.contains(&index)), "{index} of {german:?}: {covered:?}");
        }
    }
}
