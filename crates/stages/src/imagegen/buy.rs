//! The part of a run that spends: probes first, then painters beside one recorder.

use btcedu_artifacts::{free_bytes, probe_writable};
use btcedu_domain::{RunId, Stage, Usd};
use btcedu_imagegen::{ImageGenError, ModelCheck};
use btcedu_models::pipeline_runs::{self, NewRun};
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::mpsc;

use crate::{
    ResendUnknown, StageContext, StageError,
    imagegen::{
        entries::Entries,
        finish::Work,
        gather::{Inputs, load_template, template_name},
        paint::Studio,
        record::{Recorded, record_all},
        worklist::{WorkItem, WorkList, unknown_for},
    },
    ledger::Account,
    retry::{CallDesk, Places, with_causes},
    stop::{Stop, StopReason},
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
    inputs: &Inputs,
    list: &WorkList,
) -> Result<(), StageError> {
    if list.pictures_to_buy() == 0 {
        return Ok(());
    }
    check_unknown_calls(inputs, list)?;
    check_disk(inputs, list).await?;
    check_model(ctx, inputs).await?;
    check_texts(ctx, inputs, list)
}

/// A key that will be missing for the prompts, or a model that is gone, is told before a picture is paid for.
fn check_texts(ctx: &StageContext, inputs: &Inputs, list: &WorkList) -> Result<(), StageError> {
    let writes = list.to_buy().filter_map(|item| item.text.as_ref()).any(|text| text.paid.is_none());
    if !writes {
        return Ok(());
    }
    ctx.texts.check_ready(&inputs.request.text_model).map_err(StageError::not_ready)
}

fn check_unknown_calls(inputs: &Inputs, list: &WorkList) -> Result<(), StageError> {
    let unknown = unknown_for(inputs, list);
    if inputs.resend_unknown == ResendUnknown::Yes || unknown.is_empty() {
        return Ok(());
    }
    let chapters: Vec<&str> = unknown.keys().map(btcedu_domain::ChapterId::as_str).collect();
    Err(StageError::UnknownCalls {
        episode: inputs.dir.id().clone(),
        calls: unknown.values().map(Vec::len).sum(),
        cost: unknown.values().flatten().copied().sum(),
        chapters: chapters.join(", "),
    })
}

async fn check_disk(inputs: &Inputs, list: &WorkList) -> Result<(), StageError> {
    let folder = inputs.dir.store().folder().to_owned();
    let wanted = SPARE_BYTES + BYTES_PER_PICTURE * list.pictures_to_buy() as u64;
    let probed = folder.clone();
    let free = btcedu_pictures::offload(move || probe_writable(&probed).and_then(|()| free_bytes(&probed)))
        .await??;
    if free >= wanted {
        return Ok(());
    }
    Err(StageError::LittleRoom { path: folder, free_mib: free >> 20, wanted_mib: wanted >> 20 })
}

async fn check_model(ctx: &StageContext, inputs: &Inputs) -> Result<(), StageError> {
    let model = inputs.request.model.id.clone();
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
        Err(error @ ImageGenError::MissingKey) => Err(StageError::MissingKey(error.to_string())),
        Err(error) => {
            // The call itself will tell more; not being able to ask is no reason to stop.
            tracing::warn!(error = %with_causes(&error), "the provider's model list can't be read");
            Ok(())
        }
    }
}

/// Tells whether not even this item fits under the cap.
pub(crate) fn fits_no_more(inputs: &Inputs, item: &WorkItem) -> bool {
    let first = item
        .text
        .as_ref()
        .map_or(item.estimate, |t| if t.estimate > Usd::ZERO { t.estimate } else { item.estimate });
    inputs.cost + first > inputs.cap
}

/// What an item's first call should cost at most: its prompt's, where that has to be written.
pub(crate) fn first_call(item: &WorkItem) -> Usd {
    let text = item.text.as_ref().map(|t| t.estimate).filter(|estimate| *estimate > Usd::ZERO);
    text.unwrap_or(item.estimate)
}

/// Writes down that a run begins, and registers the template that it uses.
pub(crate) async fn open_run(ctx: &StageContext, inputs: &Inputs) -> Result<RunId, StageError> {
    let (episode, now) = (inputs.episode.id, ctx.clock.now());
    let (name, file) = (template_name()?, load_template(ctx)?);
    let opened = ctx.db.transaction(move |conn| {
        btcedu_prompts::register(conn, &name, file.as_ref(), now)?;
        pipeline_runs::insert(conn, &NewRun { episode_id: episode, stage: Stage::Imagegen, started_at: now })
    });
    Ok(opened.await?)
}

/// Buys what the list says, until it is done or something stops it.
pub(crate) async fn buy(ctx: &StageContext, inputs: &Inputs, list: &WorkList) -> Result<Work, StageError> {
    let run = open_run(ctx, inputs).await?;
    btcedu_artifacts::crash_point("run-opened");
    let inputs = &with_versions(ctx, inputs).await?;
    let stop = Stop::new(ctx.interrupt.clone());
    let account = Account { episode: inputs.episode.id, run, cap: inputs.cap };
    let image = &ctx.settings.image;
    let studio = Studio {
        desk: CallDesk::new(ctx, account, &stop),
        dir: &inputs.dir,
        settings: &inputs.request,
        images: Places::new(image.concurrency.min(ctx.images.concurrency()), image.per_minute),
        texts: Places::new(TEXT_PLACES, None),
    };
    // Unbounded, since the places in hand bound what waits here.
    let (finished, painted) = mpsc::unbounded_channel();
    let painters = async {
        let mut all: FuturesUnordered<_> = list.to_buy().map(|item| studio.paint(item)).collect();
        while let Some(painted) = all.next().await {
            // The recorder ends after this, so it is there to receive.
            let _received = finished.send(painted);
        }
        drop(finished);
    };
    let entries = Entries::at_start(inputs, list);
    let ((), recorded) = tokio::join!(painters, record_all(&studio, inputs, entries, painted));
    let stop = stop.reason().filter(|reason| stopped_early(reason, &recorded, list));
    Ok(Work { run: Some(run), recorded, stop, mended: false, moves_status: true })
}

/// A signal that came when everything was done changes nothing.
fn stopped_early(reason: &StopReason, recorded: &Recorded, list: &WorkList) -> bool {
    let ended = recorded.bought.len() + recorded.missed.len();
    !matches!(reason, StopReason::Signal(_)) || ended < list.pictures_to_buy()
}

/// The template was registered just now: rows of its pictures point at that version.
pub(crate) async fn with_versions(ctx: &StageContext, inputs: &Inputs) -> Result<Inputs, StageError> {
    let name = template_name()?;
    let versions = ctx.db.run(move |conn| btcedu_models::prompt_versions::list(conn, name.as_str())).await?;
    Ok(Inputs { prompt_versions: versions, ..inputs.clone() })
}
