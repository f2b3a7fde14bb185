//! What is to be mended, in words for who mends it and for who only looks.

use std::{fmt, path::PathBuf};

use btcedu_artifacts::Sidecar;
use btcedu_domain::{CallId, ChapterId, RunId, Usd};

/// One thing that an interrupted run, or a hand, left to be mended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Repair {
    /// A whole picture under its temporary name gets its own.
    FinishPicture(Box<Sidecar>),
    /// A picture is in the store, its ledger row is open: settled from the sidecar.
    SettleAnswered(Box<Sidecar>),
    /// A picture is in the store, its ledger row is missing: written from the sidecar.
    EnterAnswered(Box<Sidecar>),
    /// The ledger has lost the call that wrote a stored picture's prompt: its cost is entered, its text is gone.
    EnterPrompt {
        /// The text call.
        call: CallId,
        /// The picture's sidecar, which knows what the text cost.
        sidecar: Box<Sidecar>,
    },
    /// A call was sent and nothing came of it: it may have been billed.
    MarkUnknown {
        /// The call.
        call: CallId,
        /// The chapter it was for.
        chapter: Option<ChapterId>,
        /// What it may have cost.
        estimate: Usd,
    },
    /// A picture that was paid for is gone from the store for good: the ledger says so from now on.
    WriteOff {
        /// The call that was paid for.
        call: CallId,
        /// The chapter it was for.
        chapter: Option<ChapterId>,
    },
    /// A run that never ended is closed.
    CloseRun(RunId),
    /// A stored picture is missing or broken; the chapter's file has its bytes.
    RestoreStored {
        /// The chapter whose file has the bytes.
        chapter: ChapterId,
        /// The picture.
        sidecar: Box<Sidecar>,
    },
    /// The manifest is lost or unreadable; the selection is made anew.
    RebuildSelection {
        /// Why.
        why: String,
    },
    /// An interrupted run had bought a newer picture for the same request.
    AdoptNewer {
        /// The chapter.
        chapter: ChapterId,
        /// The picture's call.
        call: CallId,
    },
    /// A temporary file that nobody will finish.
    RemoveLeftover(PathBuf),
}

impl fmt::Display for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FinishPicture(s) => write!(
                f,
                "{}: a picture that arrived in an interrupted run is put in its place",
                s.chapter_id
            ),
            Self::SettleAnswered(s) => write!(
                f,
                "{}: call {} is settled, since its picture is in the store",
                s.chapter_id, s.call_id
            ),
            Self::EnterAnswered(s) => write!(
                f,
                "{}: call {} is entered in the ledger, since its picture is in the store",
                s.chapter_id, s.call_id
            ),
            Self::EnterPrompt { call, sidecar } => write!(
                f,
                "{}: call {call}, which wrote the prompt, is entered in the ledger at {}",
                sidecar.chapter_id, sidecar.prompt_cost_usd
            ),
            Self::MarkUnknown { call, chapter, estimate } => {
                let chapter = chapter.as_ref().map_or("text", ChapterId::as_str);
                write!(
                    f,
                    "{chapter}: call {call} of an interrupted run may have been billed, about {estimate}"
                )
            }
            Self::WriteOff { call, chapter } => {
                let chapter = chapter.as_ref().map_or("picture", ChapterId::as_str);
                write!(f, "{chapter}: the picture of call {call} is lost, and the ledger says so now")
            }
            Self::CloseRun(run) => write!(f, "run {} was interrupted and is closed", run.0),
            Self::RestoreStored { chapter, .. } => {
                write!(f, "{chapter}: the stored picture is restored from the chapter's file")
            }
            Self::RebuildSelection { why } => {
                write!(
                    f,
                    "the manifest is rebuilt from the newest matching pictures ({why}); choices made by hand are gone"
                )
            }
            Self::AdoptNewer { chapter, .. } => {
                write!(f, "{chapter}: the picture of an interrupted run becomes the current one")
            }
            Self::RemoveLeftover(path) => write!(f, "the unfinished file '{}' is removed", path.display()),
        }
    }
}

impl Repair {
    /// Says what is found to who mends nothing: an open row may belong to a run that is at work right now.
    pub(crate) fn for_readers(&self) -> (Option<&ChapterId>, String) {
        match self {
            Self::FinishPicture(s) => (
                Some(&s.chapter_id),
                format!("the picture of call {} has arrived and is not in its place yet", s.call_id),
            ),
            Self::SettleAnswered(s) => (
                Some(&s.chapter_id),
                format!("call {} is open in the ledger, and its picture is in the store", s.call_id),
            ),
            Self::EnterAnswered(s) => (
                Some(&s.chapter_id),
                format!("call {} is not in the ledger, and its picture is in the store", s.call_id),
            ),
            Self::EnterPrompt { call, sidecar } => (
                Some(&sidecar.chapter_id),
                format!("call {call}, which wrote the prompt, is not in the ledger"),
            ),
            Self::MarkUnknown { call, chapter, estimate } => {
                (chapter.as_ref(), format!("call {call} is in flight or was interrupted (about {estimate})"))
            }
            Self::WriteOff { call, chapter } => (
                chapter.as_ref(),
                format!("call {call} was paid for, and its picture in the store is missing or broken"),
            ),
            Self::CloseRun(run) => (None, format!("run {} is at work or was interrupted", run.0)),
            Self::RestoreStored { chapter, .. } => (
                Some(chapter),
                "the stored picture is missing or broken, and the chapter's file has its bytes".to_owned(),
            ),
            Self::RebuildSelection { why } => {
                (None, format!("the manifest can't be used ({why}); choices made by hand are gone"))
            }
            Self::AdoptNewer { chapter, call } => (
                Some(chapter),
                format!("call {call} brought a newer picture that is not the current one yet"),
            ),
            Self::RemoveLeftover(path) => (None, format!("the file '{}' is unfinished", path.display())),
        }
    }
}
