//! The episode's status and the run's end: a function of all entries and of why the run stopped.

use btcedu_artifacts::ManifestEntry;
use btcedu_domain::{EpisodeId, EpisodeStatus, ImageStatus, Usd};

use crate::{
    frame::{report::StageEnd, run::Outcome, stop::StopReason},
    imagegen::record::Missed,
};

/// Judges a run by all entries and by why it stopped; the status is that of the entries, whatever the run did.
///
/// A chapter that was tried in vain and still has its earlier picture is named in the end, no more.
pub(crate) fn judge(
    episode: &EpisodeId,
    entries: &[ManifestEntry],
    missed: &[Missed],
    stop: Option<&StopReason>,
    cap: Usd,
) -> Outcome {
    match stop {
        Some(StopReason::Cap { cost, estimate }) => cap_reached(episode, *cost, *estimate, cap),
        Some(StopReason::Fatal(message)) => Outcome::failed(message.clone()),
        Some(StopReason::Signal(signal)) => Outcome {
            end: StageEnd::Interrupted { signal: *signal },
            status: None,
            error: Some("interrupted by a signal".to_owned()),
        },
        None => judge_entries(episode, entries, missed),
    }
}

fn judge_entries(episode: &EpisodeId, entries: &[ManifestEntry], missed: &[Missed]) -> Outcome {
    let with = |status: ImageStatus| -> Vec<&str> {
        entries.iter().filter(|e| e.status == status).map(|e| e.chapter_id.as_str()).collect()
    };
    let (failed_ones, rejected) = (with(ImageStatus::Failed), with(ImageStatus::Rejected));
    let (pictures, pending) = (with(ImageStatus::Generated).len(), with(ImageStatus::Pending).len());
    if pending > 0 {
        return Outcome::good(StageEnd::StillPending, None);
    }
    let in_vain: Vec<&str> = with(ImageStatus::Generated)
        .into_iter()
        .filter(|id| missed.iter().any(|m| m.chapter.as_str() == *id))
        .collect();
    let without = what_is_missing(episode, &failed_ones, &rejected, &in_vain);
    match (pictures, without) {
        (_, None) => Outcome::good(StageEnd::Done, Some(EpisodeStatus::ImagesGenerated)),
        (0, Some(message)) => Outcome::failed(format!("no chapter has a picture: {message}")),
        (_, Some(message)) => {
            Outcome::good(StageEnd::DonePartly { message }, Some(EpisodeStatus::ImagesGenerated))
        }
    }
}

fn what_is_missing(
    episode: &EpisodeId,
    failed: &[&str],
    rejected: &[&str],
    in_vain: &[&str],
) -> Option<String> {
    let mut parts = Vec::new();
    if !failed.is_empty() {
        parts.push(format!("{} failed; `btcedu imagegen {episode}` tries again", failed.join(", ")));
    }
    if let Some(first) = rejected.first() {
        let all = rejected.join(", ");
        parts.push(format!(
            "the provider refused {all}; change the image_prompt in chapters.json, or try the same again with `btcedu imagegen {episode} --chapter {first}`"
        ));
    }
    if !in_vain.is_empty() {
        parts.push(format!("{} could not be made anew and keeps the picture it had", in_vain.join(", ")));
    }
    (!parts.is_empty()).then(|| parts.join(". "))
}

fn cap_reached(episode: &EpisodeId, cost: Usd, estimate: Usd, cap: Usd) -> Outcome {
    Outcome::cap_reached(format!(
        "the cost cap of {cap} is reached: the episode has cost {cost}, and the next call needs up to {estimate}; raise MAX_EPISODE_COST_USD and run `btcedu imagegen {episode}` again"
    ))
}

#[cfg(test)]
mod tests;
