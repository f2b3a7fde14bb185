//! What a stage did or would do, for the CLI, JSON and tests; nothing is computed a second time.

use std::{fmt, path::PathBuf};

use btcedu_domain::{ChapterId, EpisodeId, ImageStatus, PromptSource, Stage, Usd, VisualType};
use serde::Serialize;

use crate::Signal;

/// What the person asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StageFlags {
    /// Do it again whatever is there, and write over what was edited by hand.
    pub force: bool,
    /// Also make anew what was made with another model or other settings.
    pub refresh: bool,
    /// Only these chapters, for imagegen; all if empty.
    pub chapters: Vec<ChapterId>,
}

/// Why a run of a stage ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum StageEnd {
    /// The output is there and current.
    Done,
    /// There was nothing to do.
    Skipped,
    /// Some chapters failed or were refused; the others have their picture.
    DonePartly {
        /// Which, and what to do.
        message: String,
    },
    /// `--chapter` left chapters without a picture.
    StillPending,
    /// The next call would pass the cap; what was paid for is kept.
    CapReached {
        /// How to go on.
        message: String,
    },
    /// A person must change something first; what was paid for is kept.
    Failed {
        /// What to change.
        message: String,
    },
    /// A signal ended it; what was paid for is kept.
    Interrupted {
        /// Which.
        signal: Signal,
    },
}

impl StageEnd {
    /// Returns the word for it in JSON.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Skipped => "skipped",
            Self::DonePartly { .. } => "done_partly",
            Self::StillPending => "still_pending",
            Self::CapReached { .. } => "cap_reached",
            Self::Failed { .. } => "failed",
            Self::Interrupted { .. } => "interrupted",
        }
    }
}

/// How a run of a stage ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StageReport {
    /// The episode.
    pub episode_id: EpisodeId,
    /// The stage; in JSON only of text stages, whose documents have always had it.
    #[serde(skip_serializing_if = "is_imagegen")]
    pub stage: Stage,
    /// Why it ended, and what that means.
    pub end: StageEnd,
    /// What only this kind of stage has.
    #[serde(flatten)]
    pub details: ReportDetails,
    /// The provenance, whether it had to be written or not.
    pub provenance_path: PathBuf,
    /// What this run cost, by the ledger; calls that may have been billed count at their estimate.
    #[serde(rename = "cost_usd")]
    pub cost: Usd,
    /// What the episode has cost by now, over all stages.
    #[serde(rename = "episode_cost_usd")]
    pub episode_cost: Usd,
    /// Tokens sent in this run.
    pub input_tokens: i64,
    /// Tokens received in this run.
    pub output_tokens: i64,
    /// What a person should know.
    pub warnings: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_imagegen(stage: &Stage) -> bool {
    *stage == Stage::Imagegen
}

/// What only one kind of stage reports.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ReportDetails {
    /// Of a text stage.
    Text(TextDetails),
    /// Of imagegen.
    Pictures(PictureDetails),
}

/// What a text stage made.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TextDetails {
    /// Why it ran, or what there is to say of what it left alone.
    pub reason: String,
    /// Parts that the text was cut into.
    pub segments: usize,
    /// Parts whose answer had been paid for before.
    pub reused: usize,
    /// The file it writes.
    pub output_path: PathBuf,
    /// The diff for the reviewer.
    pub diff_path: Option<PathBuf>,
    /// The review that was opened or brought up to date.
    pub review_task: Option<i64>,
    /// How long it took, in seconds.
    pub duration_seconds: f64,
}

/// What imagegen made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PictureDetails {
    /// Each chapter counted once, by what this run did about it.
    #[serde(flatten)]
    pub counts: PictureCounts,
    /// The manifest, whether it had to be written or not.
    pub manifest_path: PathBuf,
    /// Calls of this episode that may have been billed without an answer.
    pub unknown_calls: usize,
    /// Their estimates together.
    #[serde(rename = "unknown_cost_usd")]
    pub unknown_cost: Usd,
    /// What an interrupted run had left and was mended, in words.
    pub mended: Vec<String>,
    /// Per chapter, in chapter order.
    pub chapters: Vec<ChapterResult>,
}

/// Chapters by what a run did about them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct PictureCounts {
    /// Pictures bought in this run.
    pub generated: usize,
    /// Pictures that stayed.
    pub kept: usize,
    /// Pictures of the store that became current.
    pub reused: usize,
    /// Chapters whose type gets none.
    pub skipped: usize,
    /// Chapters whose prompt was refused, now or before.
    pub rejected: usize,
    /// Chapters where all tries of this run failed.
    pub failed: usize,
    /// Chapters that have no picture and weren't tried.
    pub pending: usize,
}

/// What happened to one chapter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChapterResult {
    /// The chapter.
    pub chapter_id: ChapterId,
    /// Its title.
    pub chapter_title: String,
    /// Kind of visual.
    pub visual_type: VisualType,
    /// What was decided.
    pub decision: Decision,
    /// Why.
    pub reason: String,
    /// What the manifest says now.
    pub status: ImageStatus,
    /// The picture's file.
    pub file: Option<PathBuf>,
    /// What the current picture cost.
    #[serde(rename = "cost_usd")]
    pub cost: Option<Usd>,
    /// What went wrong in this run.
    pub error: Option<String>,
    /// It went wrong because the provider refused the prompt.
    pub refused: bool,
}

/// What is done about a chapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Its type gets no picture here.
    Skip,
    /// `--chapter` names others.
    Leave,
    /// A picture is bought.
    Generate,
    /// The current picture stays.
    Keep,
    /// A picture of the store becomes current.
    Reuse,
    /// The prompt was refused before, so it isn't sent again.
    KeepRejection,
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Skip => "skip",
            Self::Leave => "leave",
            Self::Generate => "generate",
            Self::Keep => "keep",
            Self::Reuse => "reuse",
            Self::KeepRejection => "keep rejection",
        })
    }
}

/// What a run would do, without doing it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StagePreview {
    /// The episode.
    pub episode_id: EpisodeId,
    /// What only this kind of stage has.
    #[serde(flatten)]
    pub details: PreviewDetails,
    /// What it should cost at most.
    #[serde(rename = "estimate_usd")]
    pub estimate: Usd,
    /// What the cap leaves for this run.
    #[serde(rename = "left_under_cap_usd")]
    pub left_under_cap: Usd,
    /// The request bodies that `--dry-run` wrote.
    pub files: Vec<PathBuf>,
}

/// What only one kind of stage would do.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum PreviewDetails {
    /// Of a text stage.
    Text(TextPreview),
    /// Of imagegen.
    Pictures(PicturesPreview),
}

/// What a text stage would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TextPreview {
    /// The stage.
    pub stage: Stage,
    /// Whether it would do anything.
    pub would_run: bool,
    /// Why, or why not.
    pub reason: String,
    /// Parts that the text would be cut into.
    pub segments: usize,
    /// Parts whose answer is paid for already.
    pub reused: usize,
}

/// What imagegen would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PicturesPreview {
    /// What an interrupted run left and a run would mend, in words.
    pub mends: Vec<String>,
    /// One decision per chapter, in chapter order.
    pub items: Vec<PlannedPicture>,
    /// What the episode has cost so far.
    #[serde(rename = "episode_cost_usd")]
    pub cost: Usd,
    /// What the episode may cost.
    #[serde(rename = "cap_usd")]
    pub cap: Usd,
}

impl PicturesPreview {
    /// Counts the pictures to buy.
    pub fn pictures_to_buy(&self) -> usize {
        self.items.iter().filter(|item| item.decision == Decision::Generate).count()
    }
}

/// One chapter's decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedPicture {
    /// The chapter.
    pub chapter_id: ChapterId,
    /// Its title.
    pub chapter_title: String,
    /// Kind of visual.
    pub visual_type: VisualType,
    /// What is done.
    pub decision: Decision,
    /// Why, in words.
    pub reason: String,
    /// Who writes the prompt; none for types without a picture.
    pub prompt_source: Option<PromptSource>,
    /// What it should cost at most, a prompt not yet written included.
    #[serde(rename = "estimate_usd")]
    pub estimate: Usd,
}

impl StagePreview {
    /// Tells whether a run would make anything.
    pub fn would_run(&self) -> bool {
        match &self.details {
            PreviewDetails::Text(text) => text.would_run,
            PreviewDetails::Pictures(pictures) => pictures.pictures_to_buy() > 0,
        }
    }

    /// Says what a run would do, in words.
    pub fn summary(&self) -> String {
        match &self.details {
            PreviewDetails::Text(text) => text.reason.clone(),
            PreviewDetails::Pictures(pictures) => match pictures.pictures_to_buy() {
                0 => "no picture would be bought".to_owned(),
                1 => "1 picture would be bought".to_owned(),
                more => format!("{more} pictures would be bought"),
            },
        }
    }
}
