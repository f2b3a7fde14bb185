//! Exit codes, and which kind of error or end means which.

use std::process::ExitCode;

use btcedu_domain::ErrorKind;
use btcedu_pipeline::RunnerEnd;
use btcedu_stages::{Signal, StageEnd};

/// What a script can do next; ordered from good to bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ExitStatus {
    /// 0: done, also skipped, and partly done with a warning.
    Done,
    /// 3: blocked; the message says what to wait for or allow.
    Blocked,
    /// 2: say it differently.
    Usage,
    /// 1: failed.
    Failed,
    /// 130: Ctrl-C.
    Interrupted,
    /// 143: SIGTERM.
    Terminated,
}

impl ExitStatus {
    const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Blocked => 3,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }

    /// Returns the exit code that a kind of error means.
    pub(crate) const fn of_kind(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Usage | ErrorKind::UnknownName => Self::Usage,
            ErrorKind::Blocked => Self::Blocked,
            ErrorKind::NotFound | ErrorKind::Conflict | ErrorKind::Failed => Self::Failed,
        }
    }

    /// Returns the exit code of a run that came to an end.
    pub(crate) fn of_end(end: &StageEnd) -> Self {
        match end {
            StageEnd::Done | StageEnd::Skipped | StageEnd::DonePartly { .. } | StageEnd::StillPending => {
                Self::Done
            }
            StageEnd::CapReached { .. } => Self::Blocked,
            StageEnd::Failed { .. } => Self::Failed,
            StageEnd::Interrupted { signal } => Self::of_signal(*signal),
        }
    }

    /// Returns the exit code of a run along the plan that came to an end.
    pub(crate) fn of_runner_end(end: &RunnerEnd) -> Self {
        match end {
            RunnerEnd::Finished | RunnerEnd::FinishedPartly { .. } => Self::Done,
            RunnerEnd::AwaitingReview { .. } | RunnerEnd::CapReached { .. } | RunnerEnd::Blocked { .. } => {
                Self::Blocked
            }
            RunnerEnd::Failed { .. } | RunnerEnd::NotBuilt { .. } => Self::Failed,
            RunnerEnd::Interrupted { signal } => Self::of_signal(*signal),
        }
    }

    pub(crate) fn of_signal(signal: Signal) -> Self {
        match signal {
            Signal::Interrupt => Self::Interrupted,
            Signal::Terminate => Self::Terminated,
        }
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status.code())
    }
}

impl From<ExitStatus> for i32 {
    fn from(status: ExitStatus) -> Self {
        status.code().into()
    }
}
