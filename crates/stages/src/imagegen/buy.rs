//! The part of a run that spends: probes first, then painters beside one recorder.

use btcedu_artifacts::{free_bytes, probe_writable};
use btcedu_domain::{RunId, Stage, with_causes};
use btcedu_imagegen::{FailureKind, ModelCheck};
use btcedu_models::prompt_versions;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::mpsc;

use crate::{
    ResendUnknown, StageContext, StageError,
    frame::{
        calls::{Caller, Places},
        paid_call::Account,
        run,
        stop::{Stop, StopReason},
    },
    imagegen::{
        entries::Entries,
        facts::{Facts, Shelf},
        paint::Painter,
        record::{Recorded, record_all},
        work::Work,
        worklist::{WorkList, unknown_for},
    },
    with_files,
};

/// Text calls in flight at most; they run ahead of the pictures.
const TEXT_PLACES: usize = 4;
/// What is kept free beside the pictures, for the database and the log.
const SPARE_BYTES: u64 = 64 << 20;
/// Room for one picture, in the store and as the chapter's file.
const BYTES_PER_PICTURE: u64 = 2 * (4 << 20);

/// Everything that must be right before the first call; nothing is written but a probe.
pub(crate) async fn check_before_buying(
    ctx: &StageContext,
    facts: &Facts,
    list: &WorkList,
) -> Result<(), StageError> {
    if list.pictures_to_buy() == 0 {
        return Ok(());
    }
    check_unknown_calls(facts, list)?;
    check_disk(facts, list).await?;
    check_model(ctx, facts).await?;
    check_texts(ctx, facts, list)
}

/// A key that will be missing for the prompts, or a model that is gone, is told before a picture is paid for.
fn check_texts(ctx: &StageContext, facts: &Facts, list: &WorkList) -> Result<(), StageError> {
    let writes = list.to_buy().filter_map(|item| item.text.as_ref()).any(|text| text.paid.is_none());
    if !writes {
        return Ok(());
    }
    ctx.texts.check_ready(&facts.request.text_model).map_err(StageError::not_ready)
}

fn check_unknown_calls(facts: &Facts, list: &WorkList) -> Result<(), StageError> {
    let unknown = unknown_for(facts, list);
    if facts.resend_unknown == ResendUnknown::Yes || unknown.is_empty() {
        return Ok(());
    }
    let chapters: Vec<&str> = unknown.keys().map(btcedu_domain::ChapterId::as_str).collect();
    Err(StageError::UnknownCalls {
        episode: facts.dir.id().clone(),
        calls: unknown.values().map(Vec::len).sum(),
        cost: unknown.values().flatten().copied().sum(),
        chapters: chapters.join(", "),
    })
}

async fn check_disk(facts: &Facts, list: &WorkList) -> Result<(), StageError> {
    let folder = facts.dir.store().folder().to_owned();
    let wanted = SPARE_BYTES + BYTES_PER_PICTURE * list.pictures_to_buy() as u64;
    let probed = folder.clone();
    let free = with_files(move || probe_writable(&probed).and_then(|()| free_bytes(&probed))).await?;
    if free >= wanted {
        return Ok(());
    }
    Err(StageError::LittleRoom { path: folder, free_mib: free >> 20, wanted_mib: wanted >> 20 })
}

async fn check_model(ctx: &StageContext, facts: &Facts) -> Result<(), StageError> {
    let model = facts.request.model.id.clone();
    let gone = |problem: String, successor: Option<String>| {
        let to =
            successor.map_or_else(|| "a model that works".to_owned(), |s| format!("its successor '{s}'"));
        let hint = format!("set IMAGE_GEN_MODEL to {to}");
        Err(StageError::ModelGone { model: model.clone(), problem, hint })
    };
    match ctx.images.check_model(&model).await {
        Ok(ModelCheck::NotChecked) => Ok(()),
        Ok(ModelCheck::Available { shutdown_date }) => {
            if let Some(date) = shutdown_date {
                tracing::warn!(model = %model, %date, "the image model will be shut down");
            }
            Ok(())
        }
        Ok(ModelCheck::Retired { since, successor }) => {
            let since = since.map_or_else(String::new, |date| format!(" since {date}"));
            gone(format!("is shut down{since}"), successor)
        }
        Ok(ModelCheck::Missing) => gone("is not offered to this key".to_owned(), None),
        Err(failure) if failure.kind == FailureKind::MissingKey => Err(StageError::MissingKey(failure.words)),
        Err(error) => {
            // The call itself will tell more; not being able to ask is no reason to stop.
            tracing::warn!(error = %with_causes(&error), "the provider's model list can't be read");
            Ok(())
        }
    }
}

/// Writes down that a run begins, and registers the template that it uses; rows of its pictures point at
/// that version.
pub(crate) async fn open_run(
    ctx: &StageContext,
    facts: &Facts,
    shelf: &mut Shelf,
) -> Result<RunId, StageError> {
    let template = facts.request.template.clone();
    let name = template.in_use.name.clone();
    let run = run::open(ctx, facts.episode.id, Stage::Imagegen, vec![template]).await?;
    shelf.prompt_versions = ctx.db.run(move |conn| prompt_versions::list(conn, name.as_str())).await?;
    Ok(run)
}

/// Buys what the list says, until it is done or something stops it.
pub(crate) async fn buy(
    ctx: &StageContext,
    facts: &Facts,
    mut shelf: Shelf,
    list: &WorkList,
) -> Result<Work, StageError> {
    let run = open_run(ctx, facts, &mut shelf).await?;
    btcedu_artifacts::crash_point("run-opened");
    let stop = Stop::new(ctx.interrupt.clone());
    let account = Account { episode: facts.episode.id, run, cap: facts.budget.cap };
    let image = &ctx.settings.image;
    let painter = Painter {
        calls: Caller::new(ctx, account, &stop),
        dir: &facts.dir,
        settings: &facts.request,
        images: Places::new(image.concurrency.min(ctx.images.concurrency()), image.per_minute),
        texts: Places::new(TEXT_PLACES, None),
    };
    // Unbounded, since the places in hand bound what waits here.
    let (finished, painted) = mpsc::unbounded_channel();
    let painters = async {
        let mut all: FuturesUnordered<_> = list.to_buy().map(|item| painter.paint(item)).collect();
        while let Some(painted) = all.next().await {
            // The recorder ends after this, so it is there to receive.
            let _received = finished.send(painted);
        }
        drop(finished);
    };
    let entries = Entries::at_start(facts, &shelf, list);
    let recorder = record_all(&painter, facts, Recorded::nothing(shelf, entries), painted);
    let ((), recorded) = tokio::join!(painters, recorder);
    let stop = stop.reason().filter(|reason| stopped_early(reason, &recorded, list));
    Ok(Work { run: Some(run), stop, ..Work::nothing_bought(recorded) })
}

/// A signal that came when everything was done changes nothing.
fn stopped_early(reason: &StopReason, recorded: &Recorded, list: &WorkList) -> bool {
    let ended = recorded.bought.len() + recorded.missed.len();
    !matches!(reason, StopReason::Signal(_)) || ended < list.pictures_to_buy()
}
