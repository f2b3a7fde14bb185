//! The status and the end that follow from the entries.

use btcedu_domain::VisualType;

use super::*;
use crate::Signal;

fn judged(statuses: &[ImageStatus], stop: Option<&StopReason>) -> Outcome {
    let entries: Vec<ManifestEntry> = statuses
        .iter()
        .enumerate()
        .map(|(i, status)| {
            ManifestEntry::without_picture(
                format!("ch{i}").parse().unwrap(),
                String::new(),
                VisualType::Diagram,
                *status,
            )
        })
        .collect();
    judge(&"ep".parse().unwrap(), &entries, &[], stop, Usd::from_micros(1))
}

type Row<'a> = (&'a [ImageStatus], Option<StopReason>, Option<EpisodeStatus>, &'a str);

#[test]
fn the_status_follows_from_all_entries_and_the_reason_to_stop() {
    use EpisodeStatus as E;
    use ImageStatus::{Failed, Generated, Pending, Rejected, Skipped};
    let fatal = || Some(StopReason::Fatal("quota".into()));
    let cap = || Some(StopReason::Cap { cost: Usd::ZERO, estimate: Usd::ZERO });
    let rows: [Row<'_>; 11] = [
        (&[Generated, Skipped], None, Some(E::ImagesGenerated), "done"),
        (&[Skipped, Skipped], None, Some(E::ImagesGenerated), "done"),
        (&[Generated, Failed], None, Some(E::ImagesGenerated), "partly"),
        (&[Generated, Rejected], None, Some(E::ImagesGenerated), "partly"),
        (&[Failed, Rejected, Skipped], None, None, "failed"),
        (&[Rejected], None, None, "failed"),
        (&[Generated, Pending], None, None, "pending"),
        (&[Generated, Pending], cap(), Some(E::CostLimit), "cap"),
        (&[Generated, Pending], fatal(), None, "failed"),
        (&[Generated, Generated], fatal(), None, "failed"),
        (&[Generated, Pending], Some(StopReason::Signal(Signal::Interrupt)), None, "signal"),
    ];
    for (statuses, stop, status, kind) in rows {
        let judged = judged(statuses, stop.as_ref());
        let found = match judged.end {
            StageEnd::Done | StageEnd::Skipped => "done",
            StageEnd::DonePartly { .. } => "partly",
            StageEnd::StillPending => "pending",
            StageEnd::CapReached { .. } => "cap",
            StageEnd::Failed { .. } => "failed",
            StageEnd::Interrupted { .. } => "signal",
        };
        assert_eq!((judged.status, found), (status, kind), "{statuses:?}");
    }
}
