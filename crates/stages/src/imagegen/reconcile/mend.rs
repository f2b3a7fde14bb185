//! Does what was found to be mended: files first, then rows in one transaction.

use std::sync::Arc;

use btcedu_artifacts::{EpisodeDir, FileError, MAX_PICTURE, Sidecar, TornPicture, remove_file};
use btcedu_domain::{CallId, CallKind, CallState, EpisodeRowId, Stage, Usd, UtcTime};
use btcedu_models::{
    Conn, DbError,
    provider_calls::{self, NewCall, ProviderCall, Settlement},
};

use super::{LOST, repair::Repair};
use crate::{
    StageContext, StageError,
    frame::{paid_call::CallSettlement, run},
    imagegen::{
        facts::{Facts, Shelf},
        image_row::{ImageRow, RowFacts},
    },
    with_files,
};

/// Does what [`adopt`](super::adopt) found: files first, then rows.
pub(crate) async fn apply_repairs(
    ctx: &StageContext,
    facts: &Arc<Facts>,
    shelf: &Shelf,
    repairs: &[Repair],
) -> Result<(), StageError> {
    if repairs.is_empty() {
        return Ok(());
    }
    let (dir, files) = (facts.dir.clone(), repairs.to_vec());
    with_files(move || mend_files(&dir, &files)).await?;
    let (facts, shelf, rows) = (Arc::clone(facts), shelf.clone(), repairs.to_vec());
    let now = ctx.clock.now();
    ctx.db.transaction(move |conn| mend_rows(conn, &facts, &shelf, &rows, now)).await?;
    Ok(())
}

fn mend_files(dir: &EpisodeDir, repairs: &[Repair]) -> Result<(), FileError> {
    let store = dir.store();
    for repair in repairs {
        match repair {
            Repair::FinishPicture(sidecar) => store.finish(&TornPicture { sidecar: (**sidecar).clone() })?,
            Repair::RestoreStored { chapter, sidecar } => {
                if let Some(bytes) = dir.data().read(&dir.chapter_picture(chapter), MAX_PICTURE)? {
                    store.stage(sidecar, &bytes)?.commit()?;
                }
            }
            Repair::RemoveLeftover(path) => remove_file(path)?,
            _ => {}
        }
    }
    Ok(())
}

fn mend_rows(
    conn: &mut Conn,
    facts: &Facts,
    shelf: &Shelf,
    repairs: &[Repair],
    now: UtcTime,
) -> Result<(), DbError> {
    for repair in repairs {
        match repair {
            Repair::SettleAnswered(sidecar) => {
                provider_calls::set_settled(conn, sidecar.call_id, &settlement_of(sidecar).at(now))?;
            }
            Repair::EnterAnswered(sidecar) => {
                let lost = LostCall {
                    call_id: sidecar.call_id,
                    kind: CallKind::Image,
                    model: &sidecar.model,
                    cost: sidecar.cost_usd,
                };
                enter(conn, facts.episode.id, sidecar, lost)?;
                provider_calls::set_settled(conn, sidecar.call_id, &settlement_of(sidecar).at(now))?;
            }
            Repair::EnterPrompt { call, sidecar } => {
                let template = sidecar.snapshot.settings.template.as_ref();
                let model = template.map_or("", |t| t.text_model.as_str());
                let lost =
                    LostCall { call_id: *call, kind: CallKind::Text, model, cost: sidecar.prompt_cost_usd };
                enter(conn, facts.episode.id, sidecar, lost)?;
                let end = CallSettlement {
                    actual: Some(sidecar.prompt_cost_usd),
                    ..CallSettlement::new(CallState::Answered)
                };
                provider_calls::set_settled(conn, *call, &end.at(now))?;
            }
            Repair::MarkUnknown { call, .. } => run::mark_unknown(conn, *call, now)?,
            // After the calls above, so that the sum is of settled rows.
            Repair::CloseRun(open) => run::close_interrupted(conn, *open, now)?,
            Repair::WriteOff { call, .. } => {
                if let Some(lost) = facts.calls.iter().find(|c| c.call_id == *call) {
                    provider_calls::set_settled(conn, *call, &written_off(lost, now))?;
                }
            }
            Repair::AdoptNewer { chapter, call } => {
                // Remembered, since the run is closed now and the manifest is written later.
                if let Some(picture) = shelf.picture(*call) {
                    let not_compared = RowFacts::default();
                    ImageRow::of(chapter, &picture.sidecar, &shelf.prompt_versions, not_compared)
                        .upsert(conn, facts.dir.id())?;
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

/// A call that the ledger has lost, as a sidecar knows it.
#[derive(Clone, Copy)]
struct LostCall<'a> {
    call_id: CallId,
    kind: CallKind,
    model: &'a str,
    cost: Usd,
}

/// Enters a call that the ledger has lost.
fn enter(
    conn: &mut Conn,
    episode: EpisodeRowId,
    sidecar: &Sidecar,
    lost: LostCall<'_>,
) -> Result<(), DbError> {
    let LostCall { call_id, kind, model, cost } = lost;
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
