//! What is read from a reply, and what makes it unusable.

use super::*;

#[test]
fn the_text_between_the_tags_is_the_answer() {
    let cases = [
        ("<t>\n Merhaba. \n</t>", Ok("Merhaba.")),
        ("Gern:\n<t>a</t>\nFertig.", Ok("a")),
        ("<t>a </t> <t> b</t>", Ok("a </t> <t> b")),
        ("<t>a <t> b</t>", Ok("a <t> b")),
        ("Merhaba.", Err("the reply has no <t>")),
        ("", Err("the reply has no <t>")),
        ("a</t>", Err("the reply has no <t>")),
        ("</t><t>a", Err("the reply has no </t>; it was cut off")),
        ("<t>Merha", Err("the reply has no </t>; it was cut off")),
        ("<t>Merha</t", Err("the reply has no </t>; it was cut off")),
        ("<t> \n</t>", Err("the reply has nothing between <t> and </t>")),
    ];
    for (reply, expected) in cases {
        assert_eq!(between(reply, "t"), expected.map_err(str::to_owned), "{reply:?}");
    }
}

#[test]
fn the_length_is_measured_in_characters_of_long_texts_only() {
    let of = |count| "ğ".repeat(count);
    let cases = [
        (1_000, 1_000, None),
        (1_000, 800, None),
        (1_000, 1_250, None),
        (1_000, 799, Some("too short: 799 characters for 1000, that is 80 %; 80 to 125 % is expected")),
        (1_000, 1_300, Some("too long")),
        (199, 1, None),
        (199, 5_000, None),
        (200, 100, Some("too short")),
        (10, 0, Some("empty")),
        (1_000, 0, Some("empty")),
    ];
    for (sent, came, expected) in cases {
        match (check_length(&of(sent), &of(came), 0.8, 1.25), expected) {
            (Ok(()), None) => {}
            (Err(error), Some(part)) => assert!(error.contains(part), "{error}"),
            (other, _) => panic!("{sent} → {came}: {other:?}"),
        }
    }
    assert!(check_length("a", " \n", 0.8, 1.25).is_err());
}
