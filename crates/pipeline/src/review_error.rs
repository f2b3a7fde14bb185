//! Why a review can't be decided.

use btcedu_artifacts::FileError;
use btcedu_domain::{EpisodeId, ErrorKind, Kinded, ReviewStatus};
use btcedu_models::DbError;
use btcedu_stages::StageError;

/// Why a review can't be decided; each message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ReviewError {
    /// No such review.
    #[error("there is no review {task}; `btcedu review list --all` lists those there are")]
    Unknown {
        /// The number asked for.
        task: i64,
    },
    /// The review was decided before.
    #[error("review {task} was decided already ({status}{when}); a decision is not taken twice")]
    AlreadyDecided {
        /// The review.
        task: i64,
        /// What was decided.
        status: ReviewStatus,
        /// The end of the message's first part: when it was decided, or nothing.
        when: String,
    },
    /// There is a newer review of the same text.
    #[error("review {task} is not the newest of its episode; `btcedu review list` shows the one that waits")]
    Superseded {
        /// The review.
        task: i64,
    },
    /// The text was changed after the review was opened.
    #[error(
        "the text of review {task} ('{path}') was changed since; the review is brought up to date, so look again with `btcedu review show {task}` and then decide"
    )]
    TextChanged {
        /// The review.
        task: i64,
        /// The text.
        path: String,
    },
    /// The reviewer has read another text than the one that the review is now about.
    #[error(
        "the text of review {task} was made anew since you opened it; look at it as it is now and then decide"
    )]
    OtherTextSeen {
        /// The review.
        task: i64,
    },
    /// A text that this one was made from has changed, so its stage must run again.
    #[error(
        "the text of review {task} is out of date ({reason}); it is made anew first and then asked for again, so there is nothing to decide: `btcedu run {episode}`"
    )]
    OutOfDate {
        /// The review.
        task: i64,
        /// The episode.
        episode: EpisodeId,
        /// What has changed.
        reason: String,
    },
    /// The text's file is missing.
    #[error("the text of review {task} ('{path}') is missing; put it back, or run its stage again")]
    TextMissing {
        /// The review.
        task: i64,
        /// The text, relative to the workspace.
        path: String,
    },
    /// A request for changes has no notes.
    #[error("say what to change: a request for changes needs notes")]
    NotesMissing,
    /// An error of a stage, the database or a file.
    #[error(transparent)]
    Stage(#[from] StageError),
}

impl Kinded for ReviewError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Unknown { .. } => ErrorKind::UnknownName,
            Self::NotesMissing => ErrorKind::Usage,
            Self::AlreadyDecided { .. } | Self::Superseded { .. } | Self::TextMissing { .. } => {
                ErrorKind::Conflict
            }
            // It can be decided after the text was read again, or its stage was run.
            Self::TextChanged { .. } | Self::OtherTextSeen { .. } | Self::OutOfDate { .. } => {
                ErrorKind::Blocked
            }
            Self::Stage(error) => error.kind(),
        }
    }
}

impl From<DbError> for ReviewError {
    fn from(error: DbError) -> Self {
        Self::Stage(error.into())
    }
}

impl From<FileError> for ReviewError {
    fn from(error: FileError) -> Self {
        Self::Stage(error.into())
    }
}
