//! Exit codes, and which error means which.

use std::process::ExitCode;

use btcedu_artifacts::LockError;
use btcedu_catalog::CatalogError;
use btcedu_dashboard::ServeError;
use btcedu_domain::{CallIdError, ErrorKind, IdError, Kinded};
use btcedu_http::{ApiFailure, FailureKind};
use btcedu_pipeline::{ReviewError, RunnerEnd};
use btcedu_prompts::PromptError;
use btcedu_stages::{Signal, StageEnd, StageError};

use crate::{
    errors::{NotStarted, UsageError},
    settings::SettingsError,
};

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

    /// Returns the exit code that an error means.
    pub(crate) fn of(error: &anyhow::Error) -> Self {
        error.chain().find_map(Self::of_cause).unwrap_or(Self::Failed)
    }

    fn of_cause(cause: &(dyn std::error::Error + 'static)) -> Option<Self> {
        if let Some(error) = cause.downcast_ref::<StageError>() {
            return Some(Self::of_kind(error.kind()));
        }
        if let Some(error) = cause.downcast_ref::<ReviewError>() {
            return Some(Self::of_kind(error.kind()));
        }
        if let Some(ServeError::NeedsPassword { .. }) = cause.downcast_ref() {
            return Some(Self::Usage);
        }
        if let Some(LockError::Held { .. }) = cause.downcast_ref() {
            return Some(Self::Blocked);
        }
        if let Some(NotStarted(signal)) = cause.downcast_ref() {
            return Some(Self::of_signal(*signal));
        }
        let wrong_words = cause.is::<SettingsError>()
            || cause.is::<UsageError>()
            || cause.is::<CatalogError>()
            || cause.is::<IdError>()
            || cause.is::<CallIdError>()
            || matches!(
                cause.downcast_ref(),
                Some(
                    PromptError::BadName { .. }
                        | PromptError::NoSuchVersion { .. }
                        | PromptError::Unknown { .. }
                )
            )
            || matches!(cause.downcast_ref(), Some(ApiFailure { kind: FailureKind::BadSetting, .. }));
        wrong_words.then_some(Self::Usage)
    }

    fn of_kind(kind: ErrorKind) -> Self {
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
