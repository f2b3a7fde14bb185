//! Why a stage didn't start, or gave up, in words for the person.

use std::path::PathBuf;

use btcedu_artifacts::{FileError, LockError};
use btcedu_catalog::{CatalogError, SettingProblem};
use btcedu_chapters::ChapterError;
use btcedu_clients::{ApiFailure, FailureKind};
use btcedu_domain::{ChapterId, EpisodeId, EpisodeStatus, ErrorKind, Kinded, ReviewStage, Stage, Usd};
use btcedu_models::DbError;
use btcedu_prompts::PromptError;

/// A stage's error; [`StageError::kind`] tells what the person can do.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// No such episode in the database.
    #[error(
        "there is no episode '{episode}'; `btcedu status` lists those there are, `btcedu add` brings one in"
    )]
    UnknownEpisode {
        /// The id asked for.
        episode: EpisodeId,
    },
    /// A v2 stage was asked of a v1 episode.
    #[error(
        "episode {episode} follows pipeline v1, which has no stage '{stage}'; `btcedu plan {episode}` shows its own plan"
    )]
    WrongPipeline {
        /// The episode.
        episode: EpisodeId,
        /// The stage.
        stage: Stage,
    },
    /// The episode hasn't got that far, or is further already.
    #[error("episode {episode} has status '{status}', and {stage} wants {wanted}; {hint}")]
    WrongStatus {
        /// The episode.
        episode: EpisodeId,
        /// Its status.
        status: EpisodeStatus,
        /// The stage.
        stage: Stage,
        /// The statuses it starts from.
        wanted: &'static str,
        /// What to do.
        hint: String,
    },
    /// A file that the stage reads isn't there.
    #[error("episode {episode}: '{path}' is missing; {hint}")]
    MissingInput {
        /// The episode.
        episode: EpisodeId,
        /// The file.
        path: PathBuf,
        /// What to do.
        hint: &'static str,
    },
    /// A text that the stage reads can't be used.
    #[error("episode {episode}: '{path}' {problem}; put the right text there, nothing was sent")]
    BadText {
        /// The episode.
        episode: EpisodeId,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A text that the stage reads is out of date itself.
    #[error(
        "episode {episode}: '{path}' is out of date ({reason}); the stage that writes it has to run first: `btcedu plan {episode}` shows the stages, `btcedu run {episode} --refresh` runs all that have to"
    )]
    StaleInput {
        /// The episode.
        episode: EpisodeId,
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// What the stage would write over was changed by a person.
    #[error(
        "episode {episode}: '{path}' was edited by hand, and {stage} would write over it ({reason}); keep a copy of it, then use `btcedu {stage} {episode} --force`"
    )]
    EditedByHand {
        /// The episode.
        episode: EpisodeId,
        /// The file.
        path: PathBuf,
        /// The stage.
        stage: Stage,
        /// Why the stage would run.
        reason: String,
    },
    /// A reviewer must approve a text before the stage may start.
    #[error("episode {episode} waits for a review of stage {gate}: {why}; {}", how_to_review(.episode, *.gate, *.task))]
    AwaitingReview {
        /// The episode.
        episode: EpisodeId,
        /// Whose text it is.
        gate: ReviewStage,
        /// The review's number; none where nobody has been asked yet.
        task: Option<i64>,
        /// Why it isn't approved.
        why: String,
    },
    /// The chapter document can't be used.
    #[error(
        "episode {episode}: '{path}' is not a valid chapter document; mend it and check it with `btcedu chapters {episode}`"
    )]
    BadChapters {
        /// The episode.
        episode: EpisodeId,
        /// The file.
        path: PathBuf,
        /// All that is wrong.
        #[source]
        source: Box<ChapterError>,
    },
    /// `--chapter` names what can't be made.
    #[error("episode {episode}: --chapter {chapter} {problem}; chapters that get a picture: {known}")]
    BadChapterFlag {
        /// The episode.
        episode: EpisodeId,
        /// The chapter asked for.
        chapter: ChapterId,
        /// What is wrong with it.
        problem: &'static str,
        /// The chapters that could be named.
        known: String,
    },
    /// A call id that is no picture of this episode.
    #[error(
        "episode {episode} has no stored picture of call {call}{why}; `btcedu images history {episode}` lists those there are"
    )]
    NoSuchPicture {
        /// The episode.
        episode: EpisodeId,
        /// The call asked for.
        call: String,
        /// More, if there is more to say.
        why: &'static str,
    },
    /// An image setting that the model doesn't take.
    #[error(transparent)]
    Setting(#[from] SettingProblem),
    /// The model isn't known well enough to spend money on it.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The text model has no price.
    #[error(
        "the text model '{model}' has no price in the catalogue, so nothing is spent on it; set CLAUDE_MODEL to a listed model, or list it in MODELS_FILE"
    )]
    NoTextPrice {
        /// The model.
        model: String,
    },
    /// The image model has no price for these settings.
    #[error(
        "the image model '{model}' has no price in the catalogue for size {size} and quality {quality}, so nothing is spent on it; choose others with IMAGE_GEN_SIZE and IMAGE_GEN_QUALITY, or give one with IMAGE_GEN_PRICE_USD"
    )]
    NoImagePrice {
        /// The model.
        model: String,
        /// The size.
        size: String,
        /// The quality.
        quality: String,
    },
    /// The provider's own list, or the catalogue, says that the model is gone.
    #[error("the image model '{model}' {problem}; {hint}")]
    ModelGone {
        /// The model.
        model: String,
        /// Since when, in words.
        problem: String,
        /// The setting and the successor.
        hint: String,
    },
    /// The catalogue says that the text model is gone.
    #[error("{0}")]
    TextModelGone(String),
    /// A key is missing, so that no call can be made.
    #[error("{0}")]
    MissingKey(String),
    /// Calls may have been billed, and the person wants to be asked.
    #[error(
        "episode {episode}: {calls} call(s) of an interrupted run may have been billed, about {cost}, for {chapters}; allow them to be made again with RESEND_UNKNOWN=yes"
    )]
    UnknownCalls {
        /// The episode.
        episode: EpisodeId,
        /// How many.
        calls: usize,
        /// Their estimates together.
        cost: Usd,
        /// The chapters concerned.
        chapters: String,
    },
    /// Too little room for the pictures that would be bought.
    #[error(
        "only {free_mib} MiB are free in '{path}', and {wanted_mib} MiB are wanted before pictures are bought; make room and run the command again"
    )]
    LittleRoom {
        /// The folder.
        path: PathBuf,
        /// MiB free.
        free_mib: u64,
        /// MiB wanted.
        wanted_mib: u64,
    },
    /// A template can't be used.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
    /// A file failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// Another run holds the episode.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The program is ending.
    #[error(transparent)]
    Offload(#[from] btcedu_domain::WorkStopped),
}

fn how_to_review(episode: &EpisodeId, gate: ReviewStage, task: Option<i64>) -> String {
    match task {
        Some(task) => {
            format!("look with `btcedu review show {task}`, then `btcedu review approve {task}`")
        }
        None => format!("`btcedu {} {episode}` asks for it", gate.opens()),
    }
}

impl StageError {
    /// Makes the error of a text service that can't be asked at all.
    pub(crate) fn not_ready(failure: ApiFailure) -> Self {
        match failure.kind {
            FailureKind::MissingKey => Self::MissingKey(failure.words),
            _ => Self::TextModelGone(failure.words),
        }
    }

    /// Tells whether the stage was asked of the wrong episode, which is no failure of the episode.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::UnknownEpisode { .. }
                | Self::WrongPipeline { .. }
                | Self::WrongStatus { .. }
                | Self::AwaitingReview { .. }
        )
    }
}

impl Kinded for StageError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::BadChapterFlag { .. }
            | Self::NoSuchPicture { .. }
            | Self::Setting(_)
            | Self::Catalog(_)
            | Self::NoTextPrice { .. }
            | Self::NoImagePrice { .. }
            | Self::MissingKey(_) => ErrorKind::Usage,
            Self::UnknownEpisode { .. } => ErrorKind::NotFound,
            Self::UnknownCalls { .. } | Self::AwaitingReview { .. } => ErrorKind::Blocked,
            Self::Lock(error) => error.kind(),
            _ => ErrorKind::Failed,
        }
    }
}
