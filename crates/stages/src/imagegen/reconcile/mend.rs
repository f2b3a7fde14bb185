//! Does what was found to be mended: files first, then rows in one transaction.

use btcedu_artifacts::{EpisodeDir, FileError, Sidecar, TornPicture, read_optional, remove_file};
use btcedu_domain::{CallId, CallKind, CallState, EpisodeRowId, RunStatus, Stage, Usd, UtcTime};
use btcedu_models::{
    Conn, DbError, pipeline_runs,
    provider_calls::{self, NewCall, ProviderCall, Settlement},
};

use super::{LOST, Repair};
use crate::{
    StageContext, StageError,
    imagegen::{
        gather::Inputs,
        publish::{ImageRow, RowFacts},
    },
    ledger::CallSettlement,
};

/// Does what [`adopt`](super::adopt) found; the caller holds the episode's lock.
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

fn mend_files(dir: &EpisodeDir, repairs: &[Repair]) -> Result<(), FileError> {
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
