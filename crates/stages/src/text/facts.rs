//! What a text stage decides from: read once, never changed afterwards.

use btcedu_artifacts::{EpisodeDir, Provenance, StaleNote, TextProvenance};
use btcedu_domain::{CallState, PipelineVersion, RunId, Sha256Hash, Stage};
use btcedu_models::{episodes::Episode, provider_calls::ProviderCall};

use crate::{
    ResendUnknown, StageError,
    frame::{Position, run::Budget, template::Template},
    review_tasks::{Reviews, marker_author},
    sources::{Sources, TextFile},
};

/// Everything that a decision depends on.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) stage: Stage,
    pub(crate) dir: EpisodeDir,
    pub(crate) episode: Episode,
    pub(crate) position: Position,
    pub(crate) budget: Budget,
    pub(crate) resend_unknown: ResendUnknown,
    pub(crate) templates: Templates,
    /// The text model that is asked.
    pub(crate) model: String,
    pub(crate) sources: Sources,
    /// Where the sources were read, in the same order; the first is the text that the stage works on.
    pub(crate) source_files: Vec<TextFile>,
    pub(crate) output: Output,
    pub(crate) reviews: Reviews,
    pub(crate) ledger: StageLedger,
}

/// A stage's own template and the one that all text stages share.
#[derive(Debug, Clone)]
pub(crate) struct Templates {
    pub(crate) own: Template,
    pub(crate) system: Template,
}

/// What the stage wrote before, or a person put there.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    pub(crate) file: Option<TextFile>,
    /// What it was made from; none where that is not known, or where the document can't be read.
    pub(crate) provenance: Option<Provenance<TextProvenance>>,
}

/// The stage's own part of the episode's ledger.
#[derive(Debug, Clone)]
pub(crate) struct StageLedger {
    pub(crate) calls: Vec<ProviderCall>,
    /// The last run of the stage that ended well.
    pub(crate) last_success: Option<RunId>,
}

impl StageLedger {
    /// Tells whether a call was paid for after the last run that ended well, by the order of runs: clocks
    /// may be set back.
    pub(crate) fn is_new(&self, run: Option<RunId>) -> bool {
        run > self.last_success
    }

    pub(crate) fn in_state(&self, state: CallState) -> impl Iterator<Item = &ProviderCall> {
        self.calls.iter().filter(move |call| call.state == state)
    }
}

impl Facts {
    /// Returns the hash of all that is read: the file's own where there is only one.
    pub(crate) fn input_hash(&self) -> Sha256Hash {
        match self.source_files.as_slice() {
            [only] => only.hash,
            several => {
                let hashes: Vec<String> = several.iter().map(|file| file.hash.to_string()).collect();
                Sha256Hash::of_bytes(hashes.join("\n").as_bytes())
            }
        }
    }

    /// Returns what the marker beside the output says.
    pub(crate) fn stale(&self) -> Option<&StaleNote> {
        self.output.file.as_ref()?.stale.as_ref()
    }

    /// Returns the source that is out of date itself, and why.
    ///
    /// A marker of a review that sent nothing back is left from a decision that was interrupted.
    pub(crate) fn stale_source(&self) -> Option<(&TextFile, &StaleNote)> {
        let interrupted = self.reviews.interrupted_author();
        let first = self.source_files.iter().find_map(|file| Some((file, file.stale.as_ref()?)));
        first.filter(|(_, stale)| Some(&stale.by) != interrupted.as_ref())
    }

    /// Returns the hash of the output as the stage made it.
    pub(crate) fn made_hash(&self) -> Option<Sha256Hash> {
        self.output.provenance.as_ref()?.output_hashes.first().copied()
    }

    /// Tells whether a person changed the output since it was made, or brought it.
    ///
    /// What an interrupted run wrote is no edit: its provenance comes after it, its marker goes last.
    pub(crate) fn is_edited(&self) -> bool {
        let Some(file) = &self.output.file else { return false };
        let unfinished = self.stale().is_some_and(|stale| stale.by == self.stage.as_str());
        self.made_hash() != Some(file.hash) && !unfinished
    }

    /// Tells whether a person rewrote a text after a review had sent it back: that is the answer to the review.
    pub(crate) fn is_reworked_by_hand(&self) -> bool {
        let (Some(sent_back), Some(file)) = (&self.reviews.sent_back, &self.output.file) else {
            return false;
        };
        let by_others = self.stale().is_some_and(|stale| stale.by != marker_author(sent_back));
        let is_theirs = self.made_hash() != Some(file.hash)
            && sent_back.artifact_hash.is_some_and(|hash| hash != file.hash);
        is_theirs && !by_others
    }
}

/// Refuses an episode of pipeline v1, and one that hasn't got so far.
pub(crate) fn check_reached(episode: &Episode, position: Position, stage: Stage) -> Result<(), StageError> {
    let id = &episode.episode_id;
    if position.version != PipelineVersion::V2 {
        return Err(StageError::WrongPipeline { episode: id.clone(), stage });
    }
    let Some(wanted) = stage.enters_at().filter(|wanted| !position.has_reached(*wanted)) else {
        return Ok(());
    };
    Err(StageError::WrongStatus {
        episode: id.clone(),
        status: episode.status,
        stage,
        wanted: wanted.as_str(),
        hint: format!("`btcedu plan {id}` shows what comes before"),
    })
}
