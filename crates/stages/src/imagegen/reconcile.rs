//! What was paid for and not yet recorded: found by a pure function, then mended.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use btcedu_artifacts::{FileCheck, Sidecar, TornPicture, copy_atomic, remove_file};
use btcedu_domain::{
    CallId, CallKind, CallState, ChapterId, EpisodeRowId, RunId, RunStatus, Stage, Usd, UtcTime,
};
use btcedu_models::{
    Conn, DbError, pipeline_runs,
    provider_calls::{self, NewCall, ProviderCall},
};

use crate::{
    StageContext, StageError,
    imagegen::{
        gather::{ChapterFile, Current, Inputs, Picture},
        worklist::snapshot_of,
    },
    ledger::CallSettlement,
};

/// One thing that an interrupted run, or a hand, left to be mended.
#[derive(Debug, Clone, PartialEq)]
pub enum Repair {
    /// A whole picture under its temporary name gets its own.
    FinishPicture(Box<Sidecar>),
    /// A picture is in the store, its ledger row is open: settled from the sidecar.
    SettleAnswered(Box<Sidecar>),
    /// A picture is in the store, its ledger row is missing: written from the sidecar.
    EnterAnswered(Box<Sidecar>),
    /// A call was sent and nothing came of it: it may have been billed.
    MarkUnknown {
        /// The call.
        call: CallId,
        /// The chapter it was for.
        chapter: Option<ChapterId>,
        /// What it may have cost.
        estimate: Usd,
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
    TakeUp {
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
            Self::MarkUnknown { call, chapter, estimate } => {
                let chapter = chapter.as_ref().map_or("text", ChapterId::as_str);
                write!(
                    f,
                    "{chapter}: call {call} of an interrupted run may have been billed, about {estimate}"
                )
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
            Self::TakeUp { chapter, .. } => {
                write!(f, "{chapter}: the picture of an interrupted run becomes the current one")
            }
            Self::RemoveLeftover(path) => write!(f, "the unfinished file '{}' is removed", path.display()),
        }
    }
}

/// Finds what is to be mended, and returns the inputs as they will be afterwards.
pub(crate) fn adopt(mut inputs: Inputs) -> (Inputs, Vec<Repair>) {
    let mut repairs = Vec::new();
    finish_torn(&mut inputs, &mut repairs);
    restore_stored(&mut inputs, &mut repairs);
    settle_calls(&mut inputs, &mut repairs);
    rebuild_selection(&mut inputs, &mut repairs);
    take_up(&mut inputs, &mut repairs);
    repairs.extend(inputs.open_runs.iter().map(|run| Repair::CloseRun(run.id)));
    repairs.extend(std::mem::take(&mut inputs.leftovers).into_iter().map(Repair::RemoveLeftover));
    (inputs, repairs)
}

fn finish_torn(inputs: &mut Inputs, repairs: &mut Vec<Repair>) {
    let store = inputs.dir.store();
    for sidecar in std::mem::take(&mut inputs.torn) {
        // Its temporary files get their names, so they are no leftovers.
        let name = format!(".tmp-{}", sidecar.picture_name());
        let json = Path::new(&name).with_extension("json");
        inputs.leftovers.retain(|p| *p != store.folder().join(&name) && *p != store.folder().join(&json));
        inputs.pictures.retain(|p| p.sidecar.call_id != sidecar.call_id);
        inputs.pictures.push(Picture { sidecar: sidecar.clone(), check: FileCheck::Intact, facts: None });
        repairs.push(Repair::FinishPicture(Box::new(sidecar)));
    }
    inputs.pictures.sort_by_key(|p| p.sidecar.call_id);
}

fn restore_stored(inputs: &mut Inputs, repairs: &mut Vec<Repair>) {
    for (chapter, current) in &inputs.current {
        let whole = |file: &ChapterFile| file.check == FileCheck::Intact;
        if !inputs.chapter_files.get(chapter).is_some_and(whole) {
            continue;
        }
        let stored = inputs.pictures.iter_mut().find(|p| p.sidecar.call_id == current.call);
        if let Some(picture) = stored.filter(|p| p.check != FileCheck::Intact) {
            picture.check = FileCheck::Intact;
            picture.facts = None;
            let sidecar = Box::new(picture.sidecar.clone());
            repairs.push(Repair::RestoreStored { chapter: chapter.clone(), sidecar });
        }
    }
}

fn settle_calls(inputs: &mut Inputs, repairs: &mut Vec<Repair>) {
    let stored: BTreeMap<CallId, &Sidecar> =
        inputs.pictures.iter().map(|p| (p.sidecar.call_id, &p.sidecar)).collect();
    for call in inputs.calls.iter_mut().filter(|c| c.stage == Stage::Imagegen) {
        let open = matches!(call.state, CallState::Sent | CallState::Unknown);
        match stored.get(&call.call_id) {
            Some(sidecar) if open => {
                inputs.cost = inputs.cost - call.estimated + sidecar.cost_usd;
                call.state = CallState::Answered;
                call.actual = Some(sidecar.cost_usd);
                repairs.push(Repair::SettleAnswered(Box::new((*sidecar).clone())));
            }
            None if call.state == CallState::Sent => {
                call.state = CallState::Unknown;
                repairs.push(Repair::MarkUnknown {
                    call: call.call_id,
                    chapter: call.chapter_id.clone(),
                    estimate: call.estimated,
                });
            }
            _ => {}
        }
    }
    let known: std::collections::BTreeSet<CallId> = inputs.calls.iter().map(|c| c.call_id).collect();
    for sidecar in stored.values().filter(|s| !known.contains(&s.call_id) && s.episode_id == *inputs.dir.id())
    {
        inputs.cost += sidecar.cost_usd;
        inputs.calls.push(answered_call(inputs.episode.id, sidecar));
        repairs.push(Repair::EnterAnswered(Box::new((*sidecar).clone())));
    }
}

fn answered_call(episode: EpisodeRowId, sidecar: &Sidecar) -> ProviderCall {
    ProviderCall {
        call_id: sidecar.call_id,
        episode_id: episode,
        run_id: None,
        stage: Stage::Imagegen,
        chapter_id: Some(sidecar.chapter_id.clone()),
        kind: CallKind::Image,
        model: sidecar.model.clone(),
        request_hash: sidecar.request_hash,
        state: CallState::Answered,
        estimated: sidecar.cost_usd,
        actual: Some(sidecar.cost_usd),
        tokens_in: sidecar.tokens_in,
        tokens_out: sidecar.tokens_out,
        reply: None,
        request_id: sidecar.request_id.clone(),
        sent_at: sidecar.sent_at,
        settled_at: None,
        error: None,
    }
}

/// Without a manifest, the newest picture made for a chapter's text is its current one.
fn rebuild_selection(inputs: &mut Inputs, repairs: &mut Vec<Repair>) {
    let why = match (&inputs.manifest, &inputs.manifest_problem) {
        (Some(_), _) => return,
        (None, Some(problem)) => problem.clone(),
        (None, None) if inputs.pictures.is_empty() || inputs.rows.is_empty() => return,
        (None, None) => "it is missing".to_owned(),
    };
    for chapter in inputs.document.chapters.iter().filter(|c| c.visual.visual_type.is_generable()) {
        let snapshot = snapshot_of(chapter, &inputs.request);
        let matching = |exact: bool| {
            inputs.pictures.iter().rev().find(|p| {
                let fits = if exact {
                    p.sidecar.request_hash == snapshot.request_hash()
                } else {
                    p.sidecar.chapter_hash == snapshot.chapter_hash()
                };
                fits && p.check == FileCheck::Intact
                    && inputs.current.values().all(|c| c.call != p.sidecar.call_id)
            })
        };
        if let Some(call) = matching(true).or_else(|| matching(false)).map(|p| p.sidecar.call_id) {
            inputs.current.insert(chapter.chapter_id.clone(), Current { call, chosen_for: None });
        }
    }
    repairs.push(Repair::RebuildSelection { why });
}

/// A run that was interrupted between paying and selecting: its picture replaces an older one for the same request.
fn take_up(inputs: &mut Inputs, repairs: &mut Vec<Repair>) {
    let open: Vec<RunId> = inputs.open_runs.iter().map(|r| r.id).collect();
    for call in inputs.calls.iter().filter(|c| c.run_id.is_some_and(|run| open.contains(&run))) {
        let Some(picture) = inputs.intact(call.call_id) else { continue };
        let (chapter, request) = (picture.sidecar.chapter_id.clone(), picture.sidecar.request_hash);
        let Some(current) = inputs.current.get(&chapter).copied() else { continue };
        let same = inputs.picture(current.call).is_some_and(|p| p.sidecar.request_hash == request);
        if same && current.chosen_for.is_none() && current.call < call.call_id {
            let taken = Current { call: call.call_id, chosen_for: None };
            inputs.current.insert(chapter.clone(), taken);
            // The chapter's file still holds the older picture; it is ours, not edited.
            if let Some(file) = inputs.chapter_files.get_mut(&chapter) {
                file.check = FileCheck::Changed;
                file.edited = false;
            }
            repairs.push(Repair::TakeUp { chapter, call: call.call_id });
        }
    }
}

/// Does what [`adopt`] found; the caller holds the episode's lock.
pub(crate) async fn apply_repairs(
    ctx: &StageContext,
    inputs: &Inputs,
    repairs: &[Repair],
) -> Result<(), StageError> {
    if repairs.is_empty() {
        return Ok(());
    }
    let (dir, files) = (inputs.dir.clone(), repairs.to_vec());
    btcedu_pictures::offload(move || mend_files(&dir, &files)).await??;
    let (episode, rows, now) = (inputs.episode.id, repairs.to_vec(), ctx.clock.now());
    ctx.db.transaction(move |conn| mend_rows(conn, episode, &rows, now)).await?;
    Ok(())
}

fn mend_files(
    dir: &btcedu_artifacts::EpisodeDir,
    repairs: &[Repair],
) -> Result<(), btcedu_artifacts::FileError> {
    let store = dir.store();
    for repair in repairs {
        match repair {
            Repair::FinishPicture(sidecar) => store.finish(&TornPicture { sidecar: (**sidecar).clone() })?,
            Repair::RestoreStored { chapter, sidecar } => {
                copy_atomic(&dir.chapter_picture(chapter), &store.picture(sidecar))?;
            }
            Repair::RemoveLeftover(path) => remove_file(path)?,
            _ => {}
        }
    }
    Ok(())
}

fn mend_rows(
    conn: &mut Conn,
    episode: EpisodeRowId,
    repairs: &[Repair],
    now: UtcTime,
) -> Result<(), DbError> {
    for repair in repairs {
        match repair {
            Repair::SettleAnswered(sidecar) => {
                provider_calls::set_settled(conn, sidecar.call_id, &settlement_of(sidecar).at(now))?;
            }
            Repair::EnterAnswered(sidecar) => {
                provider_calls::insert(
                    conn,
                    &NewCall {
                        call_id: sidecar.call_id,
                        episode_id: episode,
                        run_id: None,
                        stage: Stage::Imagegen,
                        chapter_id: Some(&sidecar.chapter_id),
                        kind: CallKind::Image,
                        model: &sidecar.model,
                        request_hash: sidecar.request_hash,
                        estimated: sidecar.cost_usd,
                        sent_at: sidecar.sent_at,
                    },
                )?;
                provider_calls::set_settled(conn, sidecar.call_id, &settlement_of(sidecar).at(now))?;
            }
            Repair::MarkUnknown { call, .. } => {
                let end = CallSettlement {
                    error: Some("the run was interrupted before an answer was recorded".to_owned()),
                    ..CallSettlement::new(CallState::Unknown)
                };
                provider_calls::set_settled(conn, *call, &end.at(now))?;
            }
            Repair::CloseRun(run) => {
                // After the calls above, so that the sum is of settled rows.
                pipeline_runs::set_totals_from_ledger(conn, *run)?;
                pipeline_runs::set_finished(
                    conn,
                    *run,
                    RunStatus::Failed,
                    now,
                    Some("the run was interrupted"),
                )?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// What the ledger keeps of a picture that is in the store.
pub(crate) fn settlement_of(sidecar: &Sidecar) -> CallSettlement {
    CallSettlement {
        actual: Some(sidecar.cost_usd),
        tokens_in: sidecar.tokens_in,
        tokens_out: sidecar.tokens_out,
        request_id: sidecar.request_id.clone(),
        ..CallSettlement::new(CallState::Answered)
    }
}
