//! What the buying part of a run came to.

use btcedu_domain::RunId;

use crate::{
    frame::stop::StopReason,
    imagegen::{
        entries::Entries,
        facts::{Facts, Shelf},
        record::Recorded,
        worklist::{WorkItem, WorkList},
    },
};

/// What the buying part of a run came to; where nothing is to be bought it has no run.
pub(crate) struct Work {
    pub(crate) run: Option<RunId>,
    pub(crate) recorded: Recorded,
    pub(crate) stop: Option<StopReason>,
    /// What an interrupted run had left was mended.
    pub(crate) mended: bool,
    /// Choosing a picture leaves the episode where it is, with what was told of it.
    pub(crate) moves_status: bool,
}

impl Work {
    pub(crate) fn nothing_bought(recorded: Recorded) -> Self {
        Self { run: None, recorded, stop: None, mended: false, moves_status: true }
    }

    pub(crate) fn nothing_to_buy(facts: &Facts, shelf: Shelf, list: &WorkList) -> Self {
        let entries = Entries::at_start(facts, &shelf, list);
        Self::nothing_bought(Recorded::nothing(shelf, entries))
    }

    /// Not even the first call fits under the cap: nothing is sent.
    pub(crate) fn capped(facts: &Facts, shelf: Shelf, list: &WorkList, first: &WorkItem) -> Self {
        let stop = Some(StopReason::Cap { cost: facts.budget.cost, estimate: first.first_call() });
        Self { stop, ..Self::nothing_to_buy(facts, shelf, list) }
    }
}
