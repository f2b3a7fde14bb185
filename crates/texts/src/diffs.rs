//! `review/correction_diff.json` and `review/adaptation_diff.json`: what a stage changed, for the person who decides on it.

mod kinds;

use std::collections::BTreeMap;

use btcedu_domain::EpisodeId;
use serde::{Deserialize, Serialize};

pub use kinds::{AdaptationCategory, ChangeType, CorrectionCategory, Tier};

/// Part of a text, counted in characters (Unicode scalar values); `end` is not part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The first character.
    pub start: usize,
    /// The first character behind it.
    pub end: usize,
}

/// Everything that the correction changed in a transcript.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorrectionDiff {
    /// The episode.
    pub episode_id: EpisodeId,
    /// Length of the transcript in characters.
    pub original_length: usize,
    /// Length of the corrected transcript in characters.
    pub corrected_length: usize,
    /// In the order of the text, none touching another.
    pub changes: Vec<CorrectionChange>,
    /// Counts over the changes.
    pub summary: CorrectionSummary,
}

/// One change: enough to do it, or to undo it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorrectionChange {
    /// Replaced, inserted or deleted.
    #[serde(rename = "type")]
    pub change_type: ChangeType,
    /// The text before; empty for an insertion.
    pub original: String,
    /// The text after; empty for a deletion.
    pub corrected: String,
    /// The passage of the original around it.
    pub context: String,
    /// Where it is in the original; empty for an insertion.
    pub position: Span,
    /// What kind of error it mends, computed from the two texts.
    pub category: CorrectionCategory,
}

/// Counts over the changes; each kind has its key, also where it is 0.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorrectionSummary {
    /// All changes.
    pub total_changes: usize,
    /// By what was done.
    pub by_type: BTreeMap<ChangeType, usize>,
    /// By what was wrong.
    pub by_category: BTreeMap<CorrectionCategory, usize>,
}

impl CorrectionDiff {
    /// Makes the document, with its counts; lengths are in characters.
    pub fn new(
        episode_id: EpisodeId,
        original_length: usize,
        corrected_length: usize,
        changes: Vec<CorrectionChange>,
    ) -> Self {
        let summary = CorrectionSummary {
            total_changes: changes.len(),
            by_type: counts(ChangeType::ALL, changes.iter().map(|change| change.change_type)),
            by_category: counts(CorrectionCategory::ALL, changes.iter().map(|change| change.category)),
        };
        Self { episode_id, original_length, corrected_length, changes, summary }
    }
}

/// Everything that is tagged in an adapted script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdaptationDiff {
    /// The episode.
    pub episode_id: EpisodeId,
    /// Length of the translation in characters.
    pub original_length: usize,
    /// Length of the adapted script in characters, tags included.
    pub adapted_length: usize,
    /// In the order of the script.
    pub adaptations: Vec<Adaptation>,
    /// Counts over the adaptations.
    pub summary: AdaptationSummary,
}

/// One tag of the adapted script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adaptation {
    /// How far it goes.
    pub tier: Tier,
    /// What it is about, as the tag says or as its words tell.
    pub category: AdaptationCategory,
    /// The words before; empty where the tag names none.
    pub original: String,
    /// The words after; where the tag is a remark, the remark.
    pub adapted: String,
    /// The passage of the script around the tag.
    pub context: String,
    /// Where the tag is in the script.
    pub position: Span,
}

/// Counts over the adaptations; each category has its key, also where it is 0.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdaptationSummary {
    /// All adaptations.
    pub total_adaptations: usize,
    /// The mechanical ones.
    pub tier1_count: usize,
    /// The editorial ones.
    pub tier2_count: usize,
    /// By what they are about.
    pub by_category: BTreeMap<AdaptationCategory, usize>,
}

impl AdaptationDiff {
    /// Makes the document, with its counts; lengths are in characters.
    pub fn new(
        episode_id: EpisodeId,
        original_length: usize,
        adapted_length: usize,
        adaptations: Vec<Adaptation>,
    ) -> Self {
        let of_tier = |tier| adaptations.iter().filter(|adaptation| adaptation.tier == tier).count();
        let summary = AdaptationSummary {
            total_adaptations: adaptations.len(),
            tier1_count: of_tier(Tier::T1),
            tier2_count: of_tier(Tier::T2),
            by_category: counts(AdaptationCategory::ALL, adaptations.iter().map(|one| one.category)),
        };
        Self { episode_id, original_length, adapted_length, adaptations, summary }
    }
}

fn counts<K: Ord + Copy>(all: &[K], found: impl Iterator<Item = K>) -> BTreeMap<K, usize> {
    let mut counts: BTreeMap<K, usize> = all.iter().map(|key| (*key, 0)).collect();
    for key in found {
        *counts.entry(key).or_default() += 1;
    }
    counts
}

#[cfg(test)]
mod tests;
