//! What was paid for and not yet recorded: found by a pure function here, then mended.

mod mend;
mod repair;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use btcedu_artifacts::{FileCheck, Sidecar};
use btcedu_domain::{CallId, CallKind, CallState, ChapterId, EpisodeRowId, RunId, Stage, Usd};
use btcedu_models::provider_calls::ProviderCall;

pub(crate) use self::mend::{apply_repairs, settlement_of};
pub use self::repair::Repair;
use crate::imagegen::{
    gather::{Current, Inputs, Picture, call_in_row},
    worklist::snapshot_of,
};

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
const LOST: &str = "its picture in the store is missing or broken";

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
