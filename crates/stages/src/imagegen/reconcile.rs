//! What was paid for and not yet recorded: found by a pure function, then mended.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::{Path, PathBuf},
};

use btcedu_artifacts::{FileCheck, Sidecar, TornPicture, read_optional, remove_file};
use btcedu_domain::{
    CallId, CallKind, CallState, ChapterId, EpisodeRowId, RunId, RunStatus, Stage, Usd, UtcTime,
};
use btcedu_models::{
    Conn, DbError, pipeline_runs,
    provider_calls::{self, NewCall, ProviderCall, Settlement},
};

use crate::{
    StageContext, StageError,
    imagegen::{
        gather::{Current, Inputs, Picture, call_in_row},
        publish::{ImageRow, RowFacts},
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
            Self::TakeUp { chapter, .. } => {
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
            Self::TakeUp { chapter, call } => (
                Some(chapter),
                format!("call {call} brought a newer picture that is not the current one yet"),
            ),
            Self::RemoveLeftover(path) => (None, format!("the file '{}' is unfinished", path.display())),
        }
    }
}

/// Finds what is to be mended, and returns the inputs as they will be afterwards.
pub(crate) fn adopt(mut inputs: Inputs) -> (Inputs, Vec<Repair>) {
    let mut repairs = Vec::new();
    finish_torn(&mut inputs, &mut repairs);
    restore_stored(&mut inputs, &mut repairs);
    settle_calls(&mut inputs, &mut repairs);
    write_off(&mut inputs, &mut repairs);
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
    for (chapter, current) in inputs.current.clone() {
        let Some(file) = inputs.image_files.get(&chapter) else { continue };
        let sidecar = match inputs.picture(current.call) {
            Some(picture) if picture.check == FileCheck::Intact => continue,
            Some(picture) => Some(picture.sidecar.clone()),
            None => sidecar_again(inputs, &chapter, current.call),
        };
        let Some(sidecar) = sidecar.filter(|s| s.sha256 == file.sha256) else { continue };
        let stored = inputs.dir.store().picture(&sidecar);
        inputs.strays.retain(|p| p.with_extension("png") != stored);
        inputs.pictures.retain(|p| p.sidecar.call_id != current.call);
        inputs.pictures.push(Picture { sidecar: sidecar.clone(), check: FileCheck::Intact, facts: None });
        repairs.push(Repair::RestoreStored { chapter, sidecar: Box::new(sidecar) });
    }
    inputs.pictures.sort_by_key(|p| p.sidecar.call_id);
}

/// Makes a lost sidecar anew from the manifest, as long as the picture is of what is asked for today:
/// the snapshot that its hashes are taken over is then known.
fn sidecar_again(inputs: &Inputs, chapter: &ChapterId, call: CallId) -> Option<Sidecar> {
    let entry = inputs.manifest.as_ref()?.entry(chapter)?;
    let snapshot = snapshot_of(inputs.document.chapter(chapter)?, &inputs.request);
    if entry.request_hash != Some(snapshot.request_hash()) {
        return None;
    }
    let row = inputs.calls.iter().find(|c| c.call_id == call);
    Some(Sidecar {
        episode_id: inputs.dir.id().clone(),
        chapter_id: chapter.clone(),
        call_id: call,
        chapter_hash: snapshot.chapter_hash(),
        settings_hash: snapshot.settings_hash(),
        request_hash: snapshot.request_hash(),
        sha256: entry.sha256?,
        size_bytes: entry.size_bytes?,
        mime_type: entry.mime_type.clone()?,
        width: entry.width?,
        height: entry.height?,
        model: snapshot.settings.model.clone(),
        size: snapshot.settings.size.clone(),
        quality: snapshot.settings.quality.clone(),
        style: snapshot.settings.style.clone(),
        snapshot,
        prompt: entry.prompt.clone()?,
        revised_prompt: entry.revised_prompt.clone(),
        prompt_source: entry.prompt_source?,
        prompt_call_id: None,
        prompt_cost_usd: Usd::ZERO,
        cost_usd: entry.cost_usd?,
        cost_is_estimate: false,
        tokens_in: row.and_then(|r| r.tokens_in),
        tokens_out: row.and_then(|r| r.tokens_out),
        request_id: row.and_then(|r| r.request_id.clone()),
        sent_at: row.map_or(entry.generated_at?, |r| r.sent_at),
        generated_at: entry.generated_at?,
        c2pa: false,
        attempts: entry.attempts,
        warnings: vec!["the sidecar was lost and made again from the manifest".to_owned()],
    })
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
    let mut known: BTreeSet<CallId> = inputs.calls.iter().map(|c| c.call_id).collect();
    for sidecar in stored.values().filter(|s| s.episode_id == *inputs.dir.id()) {
        if !known.insert(sidecar.call_id) {
            continue;
        }
        inputs.cost += sidecar.cost_usd;
        inputs.calls.push(answered_call(inputs.episode.id, sidecar));
        repairs.push(Repair::EnterAnswered(Box::new((*sidecar).clone())));
        if let Some(prompt) = sidecar.prompt_call_id.filter(|call| known.insert(*call)) {
            inputs.cost += sidecar.prompt_cost_usd;
            repairs.push(Repair::EnterPrompt { call: prompt, sidecar: Box::new((*sidecar).clone()) });
        }
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

/// What the ledger says of an answered call whose picture is gone.
pub(crate) const LOST: &str = "its picture in the store is missing or broken";

/// Pictures that are in no file any more; once the ledger says so, they are no disagreement.
fn write_off(inputs: &mut Inputs, repairs: &mut Vec<Repair>) {
    let intact: BTreeSet<CallId> =
        inputs.pictures.iter().filter(|p| p.check == FileCheck::Intact).map(|p| p.sidecar.call_id).collect();
    let paid = inputs.calls.iter_mut().filter(|c| {
        c.stage == Stage::Imagegen && c.kind == CallKind::Image && c.state == CallState::Answered
    });
    for call in paid.filter(|c| !intact.contains(&c.call_id) && c.error.as_deref() != Some(LOST)) {
        call.error = Some(LOST.to_owned());
        repairs.push(Repair::WriteOff { call: call.call_id, chapter: call.chapter_id.clone() });
    }
}

/// Without a manifest, the newest picture made for a chapter's text is its current one.
fn rebuild_selection(inputs: &mut Inputs, repairs: &mut Vec<Repair>) {
    let why = match (&inputs.manifest, &inputs.manifest_problem) {
        (Some(_), _) => return,
        (None, Some(problem)) => problem.clone(),
        (None, None) if inputs.pictures.is_empty() => return,
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
    // Without rows there was no selection yet, so that none is lost.
    if !inputs.rows.is_empty() {
        repairs.push(Repair::RebuildSelection { why });
    }
}

/// A run that was interrupted between paying and selecting: its picture replaces an older one for the same request.
///
/// Such a picture belongs to a run that is still open, or stands in its chapter's row already.
fn take_up(inputs: &mut Inputs, repairs: &mut Vec<Repair>) {
    let open: Vec<RunId> = inputs.open_runs.iter().map(|r| r.id).collect();
    let in_rows: Vec<CallId> = inputs.rows.iter().filter_map(call_in_row).collect();
    let interrupted =
        |c: &&ProviderCall| c.run_id.is_some_and(|run| open.contains(&run)) || in_rows.contains(&c.call_id);
    for call in inputs.calls.iter().filter(interrupted) {
        let Some(picture) = inputs.intact(call.call_id) else { continue };
        let (chapter, request) = (picture.sidecar.chapter_id.clone(), picture.sidecar.request_hash);
        let Some(current) = inputs.current.get(&chapter).copied() else { continue };
        let same = inputs.picture(current.call).is_some_and(|p| p.sidecar.request_hash == request);
        if same && current.chosen_for.is_none() && current.call < call.call_id {
            let taken = Current { call: call.call_id, chosen_for: None };
            inputs.current.insert(chapter.clone(), taken);
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
    let (inputs, rows, now) = (inputs.clone(), repairs.to_vec(), ctx.clock.now());
    ctx.db.transaction(move |conn| mend_rows(conn, &inputs, &rows, now)).await?;
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
                if let Some(bytes) = read_optional(&dir.chapter_picture(chapter))? {
                    store.stage(sidecar, &bytes)?.commit()?;
                }
            }
            Repair::RemoveLeftover(path) => remove_file(path)?,
            _ => {}
        }
    }
    Ok(())
}

fn mend_rows(conn: &mut Conn, inputs: &Inputs, repairs: &[Repair], now: UtcTime) -> Result<(), DbError> {
    for repair in repairs {
        match repair {
            Repair::SettleAnswered(sidecar) => {
                provider_calls::set_settled(conn, sidecar.call_id, &settlement_of(sidecar).at(now))?;
            }
            Repair::EnterAnswered(sidecar) => {
                let image = (sidecar.call_id, CallKind::Image, sidecar.model.as_str(), sidecar.cost_usd);
                enter(conn, inputs.episode.id, sidecar, image)?;
                provider_calls::set_settled(conn, sidecar.call_id, &settlement_of(sidecar).at(now))?;
            }
            Repair::EnterPrompt { call, sidecar } => {
                let template = sidecar.snapshot.settings.template.as_ref();
                let model = template.map_or("", |t| t.text_model.as_str());
                enter(
                    conn,
                    inputs.episode.id,
                    sidecar,
                    (*call, CallKind::Text, model, sidecar.prompt_cost_usd),
                )?;
                let end = CallSettlement {
                    actual: Some(sidecar.prompt_cost_usd),
                    ..CallSettlement::new(CallState::Answered)
                };
                provider_calls::set_settled(conn, *call, &end.at(now))?;
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
            Repair::WriteOff { call, .. } => {
                if let Some(lost) = inputs.calls.iter().find(|c| c.call_id == *call) {
                    provider_calls::set_settled(conn, *call, &written_off(lost, now))?;
                }
            }
            Repair::TakeUp { chapter, call } => {
                // Remembered, since the run is closed now and the manifest is written later.
                if let Some(picture) = inputs.picture(*call) {
                    let facts = RowFacts::default();
                    ImageRow::of(chapter, &picture.sidecar, &inputs.prompt_versions, facts)
                        .upsert(conn, inputs.dir.id())?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// An answered call as it was, and that its picture is lost.
fn written_off(call: &ProviderCall, now: UtcTime) -> Settlement<'_> {
    Settlement {
        state: call.state,
        actual: call.actual,
        tokens_in: call.tokens_in,
        tokens_out: call.tokens_out,
        reply: call.reply.as_deref(),
        request_id: call.request_id.as_deref(),
        error: Some(LOST),
        settled_at: call.settled_at.unwrap_or(now),
    }
}

/// Enters a call that the ledger has lost.
fn enter(
    conn: &mut Conn,
    episode: EpisodeRowId,
    sidecar: &Sidecar,
    (call_id, kind, model, cost): (CallId, CallKind, &str, Usd),
) -> Result<(), DbError> {
    provider_calls::insert(
        conn,
        &NewCall {
            call_id,
            episode_id: episode,
            run_id: None,
            stage: Stage::Imagegen,
            chapter_id: Some(&sidecar.chapter_id),
            kind,
            model,
            request_hash: sidecar.request_hash,
            estimated: cost,
            sent_at: sidecar.sent_at,
        },
    )
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
