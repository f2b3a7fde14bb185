//! Where texts are cut, and that nothing gets lost.

use proptest::prelude::*;

use super::*;

fn texts<'a>(segments: &[Segment<'a>]) -> Vec<&'a str> {
    segments.iter().map(|segment| segment.text).collect()
}

fn rebuilt(segments: &[Segment<'_>]) -> String {
    let same: Vec<String> = segments.iter().map(|segment| segment.text.to_owned()).collect();
    join(segments, &same)
}

#[test]
fn a_text_is_cut_at_the_best_place_that_keeps_the_parts_even() {
    let cases: &[(&str, usize, &[&str])] = &[
        ("", 10, &[]),
        (" \n\t ", 10, &[]),
        ("  kurz \n", 10, &["kurz"]),
        ("Eins zwei.\n\nDrei vier.", 12, &["Eins zwei.", "Drei vier."]),
        ("Eins zwei.\r\n\r\nDrei vier.", 12, &["Eins zwei.", "Drei vier."]),
        ("Eins zwei.\n \nDrei\nvier. Fünf.", 18, &["Eins zwei.", "Drei\nvier. Fünf."]),
        ("Eins. Zwei\nDrei. Vier", 12, &["Eins. Zwei", "Drei. Vier"]),
        ("Eins zwei. Drei vier.", 14, &["Eins zwei.", "Drei vier."]),
        ("Es war am 3. Mai. Dann kam er.", 20, &["Es war am 3. Mai.", "Dann kam er."]),
        ("eins zwei drei vier", 10, &["eins zwei", "drei vier"]),
        ("Das sind z. B. zwei", 12, &["Das sind", "z. B. zwei"]),
        ("a Wallettransaktionsgebühr b", 5, &["a", "Wallettransaktionsgebühr", "b"]),
        ("Wallettransaktionsgebühr", 5, &["Wallettransaktionsgebühr"]),
        ("äö üß", 2, &["äö", "üß"]),
        ("a b", 0, &["a", "b"]),
    ];
    for (text, limit, expected) in cases {
        let segments = cut(text, *limit);
        assert_eq!(texts(&segments), *expected, "{text:?} at {limit}");
        if !expected.is_empty() {
            assert_eq!(rebuilt(&segments), *text);
        }
    }
}

#[test]
fn replies_take_the_places_of_their_segments() {
    let segments = cut("\n\nEins zwei.\n\nDrei vier.\n", 12);
    let replies = ["Bir iki.".to_owned(), "Üç dört.".to_owned()];
    assert_eq!(join(&segments, &replies), "\n\nBir iki.\n\nÜç dört.\n");
}

#[test]
fn a_text_a_little_longer_than_the_limit_makes_two_halves_instead_of_a_tiny_rest() {
    let text = "Ein Satz mit genau vierzig Zeichen hier. ".repeat(50);
    let segments = cut(&text, 2_000);
    let lengths: Vec<_> = segments.iter().map(|segment| segment.text.chars().count()).collect();
    assert_eq!(lengths.len(), 2, "{lengths:?}");
    assert!(lengths.iter().all(|length| *length > 900), "{lengths:?}");
}

#[test]
fn an_early_paragraph_makes_no_tiny_part_where_a_sentence_ends_better() {
    let text = format!("Hallo.\n\n{}", "Ein Satz mit genau vierzig Zeichen hier. ".repeat(60));
    assert!(texts(&cut(&text, 2_000)).iter().all(|part| part.len() > 800));
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => "[a-zäöüßçğış]{1,12}",
        2 => "[A-ZÄÖÜ][a-zäöü]{1,9}[.!?…]",
        1 => Just("z.".to_owned()),
        1 => Just("3.".to_owned()),
        1 => Just("👩‍🚀👍🏽".to_owned()),
        1 => Just("x".repeat(40)),
    ]
}

fn space() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => Just(" ".to_owned()),
        1 => Just("\n".to_owned()),
        1 => Just("\n\n".to_owned()),
        1 => Just("\r\n \r\n".to_owned()),
        1 => "[ \t\u{a0}\u{2003}]{1,3}",
    ]
}

proptest! {
    #[test]
    fn nothing_is_lost_no_word_is_cut_and_no_part_is_too_long(
        lead in "[ \n]{0,3}",
        parts in prop::collection::vec((word(), space()), 0..60),
        limit in 0_usize..90,
    ) {
        let text = lead + &parts.iter().flat_map(|(word, space)| [word.as_str(), space]).collect::<String>();
        let segments = cut(&text, limit);
        prop_assert_eq!(segments.is_empty(), text.trim().is_empty());
        if !segments.is_empty() {
            prop_assert_eq!(rebuilt(&segments), text.as_str());
        }
        for (index, segment) in segments.iter().enumerate() {
            prop_assert_eq!(segment.text.trim(), segment.text);
            prop_assert!(!segment.text.is_empty());
            prop_assert!(segment.text.chars().count() <= limit || !segment.text.contains(char::is_whitespace));
            prop_assert!(segment.gap.trim().is_empty() && segment.lead.trim().is_empty());
            prop_assert!(index + 1 == segments.len() || !segment.gap.is_empty());
            prop_assert!(index == 0 || segment.lead.is_empty());
        }
    }

    #[test]
    fn any_text_is_cut_without_loss(text in "\\PC{0,80}", limit in 0_usize..30) {
        let segments = cut(&text, limit);
        if !text.trim().is_empty() {
            prop_assert_eq!(rebuilt(&segments), text.as_str());
        }
    }
}
