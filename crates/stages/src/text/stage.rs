//! The four text stages: what each reads, writes, waits for and sets off.

use std::path::PathBuf;

use btcedu_artifacts::EpisodeDir;
use btcedu_domain::{EpisodeId, EpisodeStatus, ReviewStage, Stage};
use serde_json::Value;

use crate::{adapt::Adapting, chapterize::Chapterizing, correct::Correcting, translate::Translating};

/// A stage that makes a text from texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextStage {
    /// Recognition errors are mended.
    Correct,
    /// German becomes Turkish.
    Translate,
    /// The Turkish text is adapted to who reads it.
    Adapt,
    /// The script is cut into chapters.
    Chapterize,
}

impl TextStage {
    /// All, in their order.
    pub const ALL: [Self; 4] = [Self::Correct, Self::Translate, Self::Adapt, Self::Chapterize];

    /// Returns the stage in the pipeline.
    pub const fn stage(self) -> Stage {
        match self {
            Self::Correct => Stage::Correct,
            Self::Translate => Stage::Translate,
            Self::Adapt => Stage::Adapt,
            Self::Chapterize => Stage::Chapterize,
        }
    }

    /// Returns the text stage of a pipeline stage, if it is one.
    pub fn of(stage: Stage) -> Option<Self> {
        Self::ALL.into_iter().find(|text| text.stage() == stage)
    }

    /// Returns the stage whose text a gate looks at.
    pub const fn of_gate(gate: ReviewStage) -> Self {
        match gate {
            ReviewStage::Correct => Self::Correct,
            ReviewStage::Adapt => Self::Adapt,
        }
    }

    /// Returns the status that the episode must have reached.
    pub const fn starts_at(self) -> EpisodeStatus {
        match self {
            Self::Correct => EpisodeStatus::Transcribed,
            Self::Translate => EpisodeStatus::Corrected,
            Self::Adapt => EpisodeStatus::Translated,
            Self::Chapterize => EpisodeStatus::Adapted,
        }
    }

    /// Returns the status that the episode has afterwards.
    pub const fn ends_at(self) -> EpisodeStatus {
        match self {
            Self::Correct => EpisodeStatus::Corrected,
            Self::Translate => EpisodeStatus::Translated,
            Self::Adapt => EpisodeStatus::Adapted,
            Self::Chapterize => EpisodeStatus::Chapterized,
        }
    }

    /// Returns the gate that must be open before it starts: it guards the text that the stage reads first.
    pub fn gate_before(self) -> Option<ReviewStage> {
        ReviewStage::ALL.iter().copied().find(|gate| gate.opens() == self.stage())
    }

    /// Returns the gate that looks at what it writes.
    pub const fn gate_after(self) -> Option<ReviewStage> {
        match self {
            Self::Correct => Some(ReviewStage::Correct),
            Self::Adapt => Some(ReviewStage::Adapt),
            Self::Translate | Self::Chapterize => None,
        }
    }

    /// Returns the name of its template.
    pub(crate) const fn template(self) -> &'static str {
        match self {
            Self::Correct => "correct_transcript",
            Self::Translate => "translate",
            Self::Adapt => "adapt",
            Self::Chapterize => "chapterize",
        }
    }

    /// Returns the files it reads, the one it works on first.
    pub(crate) fn sources(self, dir: &EpisodeDir) -> Vec<PathBuf> {
        match self {
            Self::Correct => vec![dir.clean_transcript()],
            Self::Translate => vec![dir.corrected_transcript()],
            Self::Adapt => vec![dir.translation(), dir.corrected_transcript()],
            Self::Chapterize => vec![dir.script()],
        }
    }

    /// Returns the file it writes.
    pub fn output(self, dir: &EpisodeDir) -> PathBuf {
        match self {
            Self::Correct => dir.corrected_transcript(),
            Self::Translate => dir.translation(),
            Self::Adapt => dir.script(),
            Self::Chapterize => dir.chapters(),
        }
    }

    /// Returns the diff it writes for the reviewer.
    pub(crate) fn diff(self, dir: &EpisodeDir) -> Option<PathBuf> {
        self.gate_after().map(|gate| dir.review_diff(gate))
    }

    /// Returns what later stages have made from its output, directly or not.
    pub fn later_outputs(self, dir: &EpisodeDir) -> Vec<PathBuf> {
        let later = Self::ALL.into_iter().skip_while(|other| *other != self).skip(1);
        later.map(|stage| stage.output(dir)).chain([dir.manifest()]).collect()
    }

    /// Returns what only this stage knows.
    pub(crate) fn craft(self) -> &'static dyn Craft {
        match self {
            Self::Correct => &Correcting,
            Self::Translate => &Translating,
            Self::Adapt => &Adapting,
            Self::Chapterize => &Chapterizing,
        }
    }
}

/// The texts that a stage works on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sources {
    pub(crate) episode: EpisodeId,
    pub(crate) title: String,
    /// In the order of [`TextStage::sources`].
    pub(crate) texts: Vec<String>,
    /// What a reviewer asked for, where it wasn't carried out yet.
    pub(crate) feedback: Option<String>,
}

impl Sources {
    /// Returns the text that the stage works on.
    pub(crate) fn main(&self) -> &str {
        self.texts.first().map_or("", String::as_str)
    }

    /// Returns what a reviewer asked for, or nothing.
    pub(crate) fn feedback(&self) -> String {
        self.feedback.clone().unwrap_or_default()
    }
}

/// One call's share of the work: what its template is given.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Job {
    /// The part of the source that it is about.
    pub(crate) source: String,
    pub(crate) variables: Vec<(&'static str, String)>,
    /// The JSON Schema that the answer must keep.
    pub(crate) schema: Option<Value>,
}

/// What a stage has made of all replies.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Made {
    pub(crate) output: String,
    /// What a person should know.
    pub(crate) warnings: Vec<String>,
}

/// What is different between the text stages. All of it is pure.
pub(crate) trait Craft: Send + Sync {
    /// Tells what is wrong with a text that can't be worked on, before anything is sent.
    fn problem(&self, _sources: &Sources) -> Option<&'static str> {
        None
    }

    /// Cuts the work into calls.
    fn jobs(&self, sources: &Sources) -> Vec<Job>;

    /// Takes out of a reply what the stage wants, or says why that can't be used.
    fn read(&self, job: &Job, reply: &str) -> Result<String, String>;

    /// Makes a second job that has an unusable reply mended, where the stage tries that.
    fn second_try(&self, _job: &Job, _reply: &str, _problem: &str) -> Option<Job> {
        None
    }

    /// Puts together what was read from the replies, one per job.
    fn assemble(&self, sources: &Sources, pieces: &[String]) -> Result<Made, String>;

    /// Makes the diff for the reviewer, from the output as it is on the disk.
    fn diff(&self, _sources: &Sources, _output: &str) -> Option<Value> {
        None
    }

    /// Tells whether nobody needs to look at the change, and why.
    fn is_trivial(&self, _sources: &Sources, _output: &str) -> Option<String> {
        None
    }
}
