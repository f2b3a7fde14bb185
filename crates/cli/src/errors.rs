//! Why a command failed, and the exit code that follows from it.

use btcedu_domain::{ErrorKind, Kinded, with_causes};
use btcedu_stages::Signal;

use crate::exit::ExitStatus;

/// The result of a command.
pub(crate) type CommandResult<T> = Result<T, CommandError>;

/// Why a command failed. An error type without a kind does not convert into it: use [`OrFail`] to give it words.
#[derive(Debug)]
pub(crate) struct CommandError {
    pub(crate) status: ExitStatus,
    pub(crate) error: anyhow::Error,
}

impl<E: Kinded + Send + Sync + 'static> From<E> for CommandError {
    fn from(error: E) -> Self {
        Self { status: ExitStatus::of_kind(error.kind()), error: error.into() }
    }
}

impl CommandError {
    /// Makes an error of words alone.
    pub(crate) fn failed(words: impl Into<String>) -> Self {
        Self { status: ExitStatus::Failed, error: anyhow::Error::msg(words.into()) }
    }

    /// Makes the error of an episode that was not started because a signal came first.
    pub(crate) fn not_started(signal: Signal) -> Self {
        let words = "not started, since a signal stopped the command; run it again for this episode";
        Self { status: ExitStatus::of_signal(signal), error: anyhow::Error::msg(words) }
    }

    /// Writes the error with its causes on one line.
    pub(crate) fn with_causes(&self) -> String {
        with_causes(self.error.as_ref())
    }

    /// Puts words in front; the exit code stays.
    pub(crate) fn context(self, words: String) -> Self {
        Self { error: self.error.context(words), ..self }
    }
}

/// Gives words to an error that has no kind, or to what is missing: the command has failed.
pub(crate) trait OrFail<T> {
    /// Returns the value, or an error with these words in front.
    fn or_fail(self, words: impl FnOnce() -> String) -> CommandResult<T>;
}

impl<T, E: std::error::Error + Send + Sync + 'static> OrFail<T> for Result<T, E> {
    fn or_fail(self, words: impl FnOnce() -> String) -> CommandResult<T> {
        self.map_err(|error| CommandError {
            status: ExitStatus::Failed,
            error: anyhow::Error::new(error).context(words()),
        })
    }
}

impl<T> OrFail<T> for Option<T> {
    fn or_fail(self, words: impl FnOnce() -> String) -> CommandResult<T> {
        self.ok_or_else(|| CommandError::failed(words()))
    }
}

/// A command line that is incomplete, or names something that does not exist; exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct UsageError(pub(crate) String);

impl Kinded for UsageError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Usage
    }
}
