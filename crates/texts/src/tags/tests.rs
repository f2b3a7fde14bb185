//! What tags say, and what the script sounds like without them.

use AdaptationCategory::{
    CulturalReference, CurrencyConversion, InstitutionReplacement, LegalRemoval, Other, RegulatoryContext,
    ToneAdjustment,
};
use proptest::prelude::*;

use super::*;

#[test]
fn a_tag_is_read_however_the_model_wrote_it() {
    let cases: &[(&str, Tier, AdaptationCategory, &str, &str)] = &[
        (
            "[T1: institution_replacement: \"BaFin\" → \"SPK\"]",
            Tier::T1,
            InstitutionReplacement,
            "BaFin",
            "SPK",
        ),
        ("[t2:cultural_reference:“Tatort”->“dizi”]", Tier::T2, CulturalReference, "Tatort", "dizi"),
        ("[T1: Tone-Adjustment: 'du' => 'siz']", Tier::T1, ToneAdjustment, "du", "siz"),
        ("[ T1 : \"a [b] c\" → \"d [e [f]]\"]", Tier::T1, Other, "a [b] c", "d [e [f]]"),
        ("[T1: \"die „Bank“ da\" → \"\"]", Tier::T1, Other, "die „Bank“ da", ""),
        ("[T1: \"a: b\" → \"c: d\" (açıklama)]", Tier::T1, Other, "a: b", "c: d"),
        ("[T1: legal_removal: \"…\" → \"\"]", Tier::T1, LegalRemoval, "…", ""),
        ("[T1: \"Sparkassen\" → \"bankalar\"]", Tier::T1, InstitutionReplacement, "Sparkassen", "bankalar"),
        (
            "[T1: \"100 €\" → \"yaklaşık 110 dolar\"]",
            Tier::T1,
            CurrencyConversion,
            "100 €",
            "yaklaşık 110 dolar",
        ),
        ("[T1: elli avroluk tutar]", Tier::T1, CurrencyConversion, "", "elli avroluk tutar"),
        (
            "[T1: ülkeye özgü vergi bilgisi KALDIRILDI]",
            Tier::T1,
            LegalRemoval,
            "",
            "ülkeye özgü vergi bilgisi KALDIRILDI",
        ),
        (
            "[T2: bölümün tamamı Almanya düzenlemeleri hakkında]",
            Tier::T2,
            RegulatoryContext,
            "",
            "bölümün tamamı Almanya düzenlemeleri hakkında",
        ),
        ("[T2: yaşam tarzı]", Tier::T2, CulturalReference, "", "yaşam tarzı"),
        ("[T1: sadeleştirildi]", Tier::T1, Other, "", "sadeleştirildi"),
        ("[T2: not: \"x\"]", Tier::T2, CulturalReference, "", "not: \"x\""),
        ("[T1: ton: \"du\" → \"siz\"]", Tier::T1, Other, "du", "siz"),
        ("[T1:]", Tier::T1, Other, "", ""),
    ];
    for (tag, tier, category, original, adapted) in cases {
        let script = format!("Şöyle: {tag} devam.");
        let found = parse_tags(&script);
        let [one] = found.as_slice() else { panic!("{tag}: {found:?}") };
        assert_eq!((one.tier, one.category), (*tier, *category), "{tag}");
        assert_eq!((one.original.as_str(), one.adapted.as_str()), (*original, *adapted), "{tag}");
        assert_eq!(one.position, Span { start: 7, end: 7 + tag.chars().count() }, "{tag}");
        assert_eq!(one.context, script, "{tag}");
    }
}

#[test]
fn what_is_no_tag_is_left_as_text() {
    for script in
        ["", "[1] [T3: x] [T1 x] [Not: T1: y]", "[T1: açık", "T1: x]", "] [T1: a [b]", "[kaldırıldığı: x]"]
    {
        assert_eq!(parse_tags(script), [], "{script}");
    }
    for script in
        ["[1] (a) [T3: x]", "[T1: açık ama kapalı değil", "a  b , c", "[kaldırıldığı: x] y", "\n a \n\n\n"]
    {
        assert_eq!(strip_tags(script), script);
    }
}

#[test]
fn a_removal_marker_without_a_tag_is_told_all_the_same() {
    let script = "Bir. [kaldırıldı: ülkeye özgü] İki. [kaldırıldı: a] [kaldırıldı: b] [T1: \"x\" → \"y\"]";
    let found = parse_tags(script);
    let words: Vec<_> = found.iter().map(|one| (one.category, one.adapted.as_str())).collect();
    let (first, second) = ("[kaldırıldı: ülkeye özgü]", "[kaldırıldı: a]");
    assert_eq!(words, [(LegalRemoval, first), (LegalRemoval, second), (LegalRemoval, "y")]);
    let shown: Vec<String> = found
        .iter()
        .map(|one| {
            script.chars().skip(one.position.start).take(one.position.end - one.position.start).collect()
        })
        .collect();
    assert_eq!(shown, [first, second, "[T1: \"x\" → \"y\"]"]);
}

#[test]
fn what_is_left_of_a_tag_that_was_never_closed_is_found() {
    for script in ["a [T2: açık", "[t1 : b", "x [kaldırıldı y", "a [ T1: b"] {
        let problem = check_closed(&strip_tags(script)).unwrap_err();
        assert!(problem.contains('['), "{problem}");
    }
    for script in
        ["", "[1] a [b]", "[Not: T1] a", "a [T1: b] c [kaldırıldı: d]", "[T1000 modeli", "[kaldırıldığı gün"]
    {
        assert_eq!(check_closed(&strip_tags(script)), Ok(()), "{script}");
    }
}

#[test]
fn a_tag_inside_a_tag_belongs_to_it_and_one_in_other_brackets_is_found() {
    let found = parse_tags("[T1: a [T2: b] c] ve [not [T2: d] e] ve [açık [T1: f]");
    let words: Vec<_> = found.iter().map(|one| one.adapted.as_str()).collect();
    assert_eq!(words, ["a [T2: b] c", "d", "f"]);
}

#[test]
fn a_tag_right_behind_a_removal_marker_tells_of_a_removal() {
    let found =
        parse_tags("Bir. [kaldırıldı: ülkeye özgü] [T1: \"Haltefrist\" → \"\"] İki [T1: \"x\" → \"y\"].");
    assert_eq!(found.iter().map(|one| one.category).collect::<Vec<_>>(), [LegalRemoval, Other]);
}

#[test]
fn the_script_reads_well_without_its_tags() {
    let cases = [
        ("SPK [T1: \"BaFin\" → \"SPK\"] bu konuda", "SPK bu konuda"),
        ("SPK [T1: x], dedi [T2: y].", "SPK, dedi."),
        ("SPK [T1: x]'nin ve SPK[T1: x] ise", "SPK'nin ve SPK ise"),
        ("“SPK [T1: x]” ile \"SPK [T1: x]\" ve [T1: x] \"söz\"", "“SPK” ile \"SPK\" ve \"söz\""),
        ("(SPK [T1: x]) ve ([T1: x] not)", "(SPK) ve (not)"),
        ("a [T1: b [c [d]]] [T2: e] f", "a f"),
        ("Bir. [kaldırıldı: ülkeye özgü] [T1: legal_removal: \"…\" → \"\"] İki.", "Bir. İki."),
        ("Bir. [kaldırıldı: ülkeye özgü] [T1: x]. İki.", "Bir. İki."),
        ("Bir, [KALDIRILDI: ülkeye özgü]. İki.", "Bir. İki."),
        ("Bir.\n\n[kaldırıldı: ülkeye özgü] [T1: x]\n\nİki.", "Bir.\n\nİki."),
        ("Bir.\n\n[kaldırıldı]\n\nİki.", "Bir.\n\nİki."),
        ("Bir.\n[T1: x]\nİki.", "Bir.\nİki."),
        ("Bir.\n[T1: x]\n\nİki.", "Bir.\n\nİki."),
        ("[T2: regulatory_context: tamamı]\n\nBir.", "Bir."),
        ("[T2: a]\n[T2: b]\n\nBir.", "Bir."),
        ("[T2: a] Bir.\n  [T2: b] İki [T1: c]\nÜç", "Bir.\nİki\nÜç"),
        ("Bir.\n\n[T1: x]\n", "Bir.\n"),
        ("Bir.\n\n[T1: x]", "Bir."),
        ("Bir [T1: x]\n", "Bir\n"),
        ("[T1: x]", ""),
        ("[T1: x]\n", ""),
        ("[not] kalır, [1] de [T1: x].", "[not] kalır, [1] de."),
        ("[not: SPK [T1: x]] kalır", "[not: SPK] kalır"),
        ("iki  boşluk [T1: x]  kalır  burada", "iki  boşluk kalır  burada"),
    ];
    for (script, expected) in cases {
        assert_eq!(strip_tags(script), expected, "{script:?}");
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the test is about real time")]
fn hostile_scripts_take_linear_time() {
    let patterns = [
        "[",
        "]",
        "[T1: ",
        "[T1:]",
        "[T1:]\n",
        "\n",
        "[ ",
        "[kaldırıldı",
        "[T1: \"→ \" ->",
        " ",
        "→",
        "[T1: ]'",
    ];
    for pattern in patterns {
        let many = pattern.repeat(12_000);
        for script in [many.clone(), format!("[T1: \"{many}]"), format!("{}{many}", "\n ".repeat(12_000))] {
            let started = std::time::Instant::now();
            let found = parse_tags(&script).len();
            let length = strip_tags(&script).len();
            let took = started.elapsed();
            assert!(took.as_secs() < 10, "{pattern:?}: {found} tags, {length} bytes, {took:?}");
        }
    }
}

/// Words that no rule about categories knows, with balanced brackets.
fn inner_words() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        4 => "[a-fğüşöç]{1,6}",
        1 => "\\[[a-f ]{0,4}\\]",
        1 => "\\[[a-f]{0,2}\\[[a-f]{1,2}\\]\\]",
    ];
    prop::collection::vec(word, 1..4).prop_map(|words| words.join(" "))
}

/// A tag as it is written, and what must be read from it.
fn tag() -> impl Strategy<Value = (String, Tier, AdaptationCategory, String, String)> {
    let category = prop::sample::select(AdaptationCategory::ALL);
    let tier = prop::sample::select(Tier::ALL);
    (tier, category, inner_words(), inner_words(), any::<bool>()).prop_map(
        |(tier, category, old, new, pair)| {
            if pair {
                (format!("[{tier}: {category}: \"{old}\" → \"{new}\"]"), tier, category, old, new)
            } else {
                (format!("[{tier}: {category}: {new}]"), tier, category, String::new(), new)
            }
        },
    )
}

proptest! {
    #[test]
    fn what_was_put_in_is_found_and_taken_out_again(
        first in "[A-Zİ][a-zğüşıöç]{0,8}",
        parts in prop::collection::vec((prop::option::of(tag()), "[ \n]", "[a-zğüşıöç👍]{1,8}[,.]?|\\[[a-z0-9]{1,3}\\]"), 0..20),
    ) {
        let (mut script, mut plain, mut expected) = (first.clone(), first, vec![]);
        for (tag, space, word) in parts {
            if let Some((written, tier, category, old, new)) = tag {
                script.push(' ');
                let start = script.chars().count();
                script.push_str(&written);
                expected.push((tier, category, old, new, Span { start, end: script.chars().count() }));
            }
            for text in [&mut script, &mut plain] {
                text.push_str(&space);
                text.push_str(&word);
            }
        }
        let found = parse_tags(&script);
        for one in &found {
            prop_assert!(script.contains(&one.context));
        }
        let found: Vec<_> =
            found.into_iter().map(|one| (one.tier, one.category, one.original, one.adapted, one.position)).collect();
        prop_assert_eq!(found, expected);
        prop_assert_eq!(strip_tags(&script), plain);
    }

    #[test]
    fn a_text_without_tags_stays_as_it_is(text in "([a-zA-ZğİI.,:'\" \n]|\\[[0-9a-s]{0,3}\\]|[\\[\\]]){0,60}") {
        prop_assume!(parse_tags(&text).is_empty());
        prop_assert_eq!(strip_tags(&text), text);
    }

    #[test]
    fn any_text_is_read(text in "(\\PC|\\[[Tt][12] ?: ?|\\[kaldırıldı:?|[\\[\\]\n\"→ ]){0,60}") {
        let found = parse_tags(&text);
        let length = text.chars().count();
        prop_assert!(found.iter().all(|one| one.position.start < one.position.end && one.position.end <= length));
        prop_assert!(strip_tags(&text).len() <= text.len());
    }
}
