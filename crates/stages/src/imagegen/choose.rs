//! `images use`: makes a stored picture the current one of a chapter, free of charge.

use btcedu_artifacts::{CheckDepth, EpisodeLock, ManifestEntry};
use btcedu_domain::{CallId, ChapterId};

use crate::{
    StageContext, StageError,
    frame::report::{Decision, StageFlags},
    imagegen::{
        entries::Entries,
        facts::{Facts, Shelf},
        finish::finish,
        gather::gather,
        preconditions::check_status,
        reconcile::adopt,
        work::Work,
        worklist::select_images,
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
    let adopted = adopt(gather(ctx, lock.episode(), CheckDepth::Full).await?);
    let facts = &adopted.facts;
    check_status(&facts.episode, facts.position, true)?;
    let flags = StageFlags { chapters: vec![chapter.clone()], ..StageFlags::default() };
    let mut list = select_images(facts, &adopted.shelf, &flags)?;
    check_picture(facts, &adopted.shelf, call)?;
    adopted.mend(ctx).await?;
    for item in list.items.iter_mut().filter(|item| item.id() == chapter) {
        item.planned.decision = Decision::Keep;
        "chosen by hand".clone_into(&mut item.planned.reason);
        item.picture = Some(call);
        item.chosen = true;
    }
    let entries = Entries::at_start(facts, &adopted.shelf, &list);
    let entry = entries.all().iter().find(|e| e.chapter_id == *chapter).cloned();
    let work = Work { moves_status: false, ..Work::nothing_to_buy(facts, adopted.shelf.clone(), &list) };
    Box::pin(finish(ctx, facts, &work, started)).await?;
    entry.ok_or_else(|| missing(facts, call, ""))
}

fn check_picture(facts: &Facts, shelf: &Shelf, call: CallId) -> Result<(), StageError> {
    match (shelf.intact(call), shelf.picture(call)) {
        (Some(_), _) => Ok(()),
        (None, Some(_)) => Err(missing(facts, call, ": its file is missing or broken")),
        (None, None) => Err(missing(facts, call, "")),
    }
}

fn missing(facts: &Facts, call: CallId, why: &'static str) -> StageError {
    StageError::NoSuchPicture { episode: facts.dir.id().clone(), call: call.to_string(), why }
}
