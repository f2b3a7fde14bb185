//! How the diffs are counted and written.

use super::*;

fn change(change_type: ChangeType, category: CorrectionCategory) -> CorrectionChange {
    CorrectionChange {
        change_type,
        original: "für".to_owned(),
        corrected: "\u{1f60a} \"ağ\"\n".to_owned(),
        context: "vor für nach".to_owned(),
        position: Span { start: 4, end: 7 },
        category,
    }
}

#[test]
fn the_correction_diff_has_every_key_counts_what_is_there_and_keeps_letters_as_they_are() {
    let changes = vec![
        change(ChangeType::Replace, CorrectionCategory::Spelling),
        change(ChangeType::Replace, CorrectionCategory::Terminology),
        change(ChangeType::Insert, CorrectionCategory::Spelling),
    ];
    let diff = CorrectionDiff::new("abc123".parse().unwrap(), 10, 12, changes);
    let text = serde_json::to_string(&diff).unwrap();
    let expected = concat!(
        r#"{"episode_id":"abc123","original_length":10,"corrected_length":12,"changes":["#,
        r#"{"type":"replace","original":"für","corrected":"😊 \"ağ\"\n","context":"vor für nach","#,
        r#""position":{"start":4,"end":7},"category":"spelling"},"#,
    );
    assert!(text.starts_with(expected), "{text}");
    let summary = concat!(
        r#""summary":{"total_changes":3,"by_type":{"replace":2,"insert":1,"delete":0},"#,
        r#""by_category":{"spelling":2,"punctuation":0,"grammar":0,"terminology":1,"other":0}}}"#,
    );
    assert!(text.ends_with(summary), "{text}");
    assert_eq!(serde_json::from_str::<CorrectionDiff>(&text).unwrap(), diff);
}

#[test]
fn the_adaptation_diff_counts_tiers_and_has_every_category() {
    let one = |tier, category| Adaptation {
        tier,
        category,
        original: "BaFin".to_owned(),
        adapted: "SPK".to_owned(),
        context: "SPK [T1: x] bu konuda".to_owned(),
        position: Span { start: 4, end: 11 },
    };
    let adaptations = vec![
        one(Tier::T1, AdaptationCategory::InstitutionReplacement),
        one(Tier::T2, AdaptationCategory::CulturalReference),
        one(Tier::T1, AdaptationCategory::InstitutionReplacement),
    ];
    let diff = AdaptationDiff::new("abc123".parse().unwrap(), 10, 12, adaptations);
    let value = serde_json::to_value(&diff).unwrap();
    assert_eq!(
        value["summary"],
        serde_json::json!({"total_adaptations": 3, "tier1_count": 2, "tier2_count": 1, "by_category": {
            "institution_replacement": 2, "currency_conversion": 0, "tone_adjustment": 0, "legal_removal": 0,
            "cultural_reference": 1, "regulatory_context": 0, "other": 0}})
    );
    assert_eq!(value["adaptations"][0]["tier"], "T1");
    assert_eq!(serde_json::from_value::<AdaptationDiff>(value).unwrap(), diff);
}

#[test]
fn an_empty_diff_still_has_every_key() {
    let diff = CorrectionDiff::new("abc123".parse().unwrap(), 0, 0, vec![]);
    assert_eq!((diff.summary.by_type.len(), diff.summary.by_category.len()), (3, 5));
    let diff = AdaptationDiff::new("abc123".parse().unwrap(), 0, 0, vec![]);
    assert_eq!(diff.summary.by_category.len(), 7);
}

#[test]
fn every_word_can_be_read_back() {
    macro_rules! round_trip {
        ($($name:ident),+) => {$(
            for word in $name::ALL {
                assert_eq!(word.as_str().parse::<$name>().unwrap(), *word);
                let json = serde_json::to_string(word).unwrap();
                assert_eq!(serde_json::from_str::<$name>(&json).unwrap(), *word);
            }
            assert!("?".parse::<$name>().unwrap_err().to_string().contains("allowed"));
        )+};
    }
    round_trip!(ChangeType, CorrectionCategory, Tier, AdaptationCategory);
}
