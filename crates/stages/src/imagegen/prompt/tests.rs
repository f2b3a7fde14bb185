//! How a prompt is read from a reply, put together and cut.

use proptest::prelude::*;

use super::*;

#[test]
fn trims_what_models_put_around_a_prompt() {
    for raw in [
        "A coin on a table.",
        "  \n\"A coin on a table.\"\n",
        "“A coin on a table.”",
        "```\nA coin on a table.\n```",
        "```text\nA coin on a table.\n```",
        "Here is your prompt:\n\nA coin on a table.",
        "Here's the image prompt: A coin on a table.",
        "**Prompt:** A coin on a table.",
        "Sure! Here is the prompt:\n```\n\"A coin on a table.\"\n```",
    ] {
        assert_eq!(clean_text(raw).as_deref(), Some("A coin on a table."), "{raw:?}");
    }
    for raw in ["", "  ", "\"\"", "```\n```"] {
        assert_eq!(clean_text(raw), None, "{raw:?}");
    }
}

#[test]
fn keeps_colons_and_quotes_that_belong_to_the_prompt() {
    for raw in ["Two panels: a coin and a chain.", "\"Coin\" beside \"chain\"", "A sign: open"] {
        assert_eq!(clean_text(raw).as_deref(), Some(raw));
    }
}

#[test]
fn the_style_prefix_comes_first_and_once() {
    assert_eq!(compose("Flat.", "A coin.", 99).text, "Flat. A coin.");
    assert_eq!(compose("Flat.", "Flat. A coin.", 99).text, "Flat. A coin.");
    assert_eq!(compose("", "A coin.", 99).text, "A coin.");
    assert_eq!(compose("flat", "flatbed truck", 99).text, "flat flatbed truck");
    assert_eq!(compose("flat", "flat, with coins", 99).text, "flat, with coins");
}

#[test]
fn a_long_prompt_is_cut_at_a_sentence_end_and_says_so() {
    let ready = compose("", "One coin. Two v1.5 coins! Three", 26);
    assert_eq!(ready.text, "One coin. Two v1.5 coins!");
    assert!(ready.warning.unwrap().contains("26"));
    assert_eq!(compose("", "word another", 6).text, "word");
    assert_eq!(compose("Flat.", "one long prompt without an end", 24).text, "Flat. one long prompt");
    assert_eq!(compose("", "ğğğğğğ", 4).text, "ğğğğ");
}

proptest! {
    #[test]
    fn never_longer_than_the_limit(text in ".{0,60}", prefix in "[a-z.]{0,8}", limit in 1usize..50) {
        prop_assert!(compose(&prefix, &text, limit).text.chars().count() <= limit);
    }
}
