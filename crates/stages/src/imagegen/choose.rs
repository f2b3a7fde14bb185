//! `images use`: makes a stored picture the current one of a chapter, free of charge.

use btcedu_artifacts::{CheckDepth, EpisodeLock, ManifestEntry};
use btcedu_domain::{CallId, ChapterId};

use crate::{
    StageContext, StageError,
    imagegen::{
        entries::Entries,
        finish::{Work, finish},
        gather::{Inputs, gather},
        preconditions,
        reconcile::{adopt, apply_repairs},
        worklist::{Decision, ImageGenFlags, select_images},
    },
};

/// Chooses a picture for a chapter; it stays chosen for the chapter's text as it is now.
///
/// # Errors
/// [`StageError::NoSuchPicture`] where the store has no whole picture of that call, and
/// [`StageError::BadChapterFlag`] where the chapter can't have one.
pub async fn choose_picture(
    ctx: &StageContext,
    lock: &EpisodeLock,
    chapter: &ChapterId,
    call: CallId,
) -> Result<ManifestEntry, StageError> {
    let started = ctx.clock.now();
    let (inputs, repairs) = adopt(gather(ctx, lock.episode(), CheckDepth::Full).await?);
    preconditions::check_status(&inputs, true)?;
    let flags = ImageGenFlags { chapters: vec![chapter.clone()], ..ImageGenFlags::default() };
    let mut list = select_images(&inputs, &flags)?;
    check_picture(&inputs, call)?;
    apply_repairs(ctx, &inputs, &repairs).await?;
    for item in list.items.iter_mut().filter(|i| i.chapter_id == *chapter) {
        item.decision = Decision::Keep;
        "chosen by hand".clone_into(&mut item.reason);
        item.picture = Some(call);
        item.chosen = true;
    }
    let entries = Entries::at_start(&inputs, &list);
    let entry = entries.all().iter().find(|e| e.chapter_id == *chapter).cloned();
    let work = Work { moves_status: false, ..Work::nothing_to_buy(&inputs, &list) };
    Box::pin(finish(ctx, &inputs, &work, started)).await?;
    entry.ok_or_else(|| missing(&inputs, call, ""))
}

fn check_picture(inputs: &Inputs, call: CallId) -> Result<(), StageError> {
    match (inputs.intact(call), inputs.picture(call)) {
        (Some(_), _) => Ok(()),
        (None, Some(_)) => Err(missing(inputs, call, ": its file is missing or broken")),
        (None, None) => Err(missing(inputs, call, "")),
    }
}

fn missing(inputs: &Inputs, call: CallId, why: &'static str) -> StageError {
    StageError::NoSuchPicture { episode: inputs.dir.id().clone(), call: call.to_string(), why }
}
