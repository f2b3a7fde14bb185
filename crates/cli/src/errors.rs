//! Errors that only the command line has.

use btcedu_stages::Signal;

/// An episode that was not started because a signal came first.
#[derive(Debug, thiserror::Error)]
#[error("not started, since a signal stopped the command; run it again for this episode")]
pub(crate) struct NotStarted(pub(crate) Signal);

/// A command line that is incomplete, or names something that does not exist; exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct UsageError(pub(crate) String);
