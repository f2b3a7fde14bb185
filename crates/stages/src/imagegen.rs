//! Image generation: from chapters.json to pictures that are paid for once, stored, recorded and current.

mod buy;
mod chapter_file;
mod choose;
mod entries;
mod facts;
mod finish;
mod gather;
mod history;
mod image_row;
mod paint;
mod preconditions;
mod prompt;
mod publish;
mod reconcile;
mod record;
mod report;
mod request;
mod verdict;
mod verify;
mod work;
mod worklist;

use async_trait::async_trait;
use btcedu_artifacts::{ChapterSnapshot, CheckDepth};
use btcedu_domain::{EpisodeId, UtcTime, with_causes};
use btcedu_imagegen::ImageRequest;

pub use self::{
    choose::choose_picture,
    history::{StoredPictureInfo, picture_history},
    verify::{Finding, VerifyReport, repair_pictures, verify_pictures},
};
use self::{
    finish::{Finished, close_broken, finish},
    gather::gather,
    preconditions::check_status,
    reconcile::{Adopted, Repair, adopt},
    report::report,
    work::Work,
    worklist::{WorkItem, WorkList, plan_images},
};
use crate::{
    StageContext, StageError, StageEvent,
    frame::{
        RequestBody, Stage, TextPrices,
        report::{PicturesPreview, PreviewDetails, StageFlags, StagePreview, StageReport},
        run::Outcome,
        stop::StopReason,
    },
};

/// The stage imagegen.
pub(crate) struct ImageGen;

#[async_trait]
impl Stage for ImageGen {
    type Facts = Adopted;
    type Work = WorkList;

    fn name(&self) -> btcedu_domain::Stage {
        btcedu_domain::Stage::Imagegen
    }

    async fn gather(&self, ctx: &StageContext, id: &EpisodeId) -> Result<Adopted, StageError> {
        Ok(adopt(gather(ctx, id, CheckDepth::Quick).await?))
    }

    fn check(&self, adopted: &Adopted, flags: &StageFlags) -> Result<(), StageError> {
        check_status(&adopted.facts.episode, adopted.facts.position, flags.force)
    }

    fn decide(
        &self,
        adopted: &Adopted,
        flags: &StageFlags,
        _prices: TextPrices<'_>,
    ) -> Result<WorkList, StageError> {
        plan_images(&adopted.facts, &adopted.shelf, flags)
    }

    fn preview(&self, adopted: &Adopted, list: &WorkList) -> Result<StagePreview, StageError> {
        let budget = adopted.facts.budget;
        Ok(StagePreview {
            episode_id: adopted.facts.dir.id().clone(),
            details: PreviewDetails::Pictures(PicturesPreview {
                mends: adopted.repairs.iter().map(in_words).collect(),
                items: list.items.iter().map(|item| item.planned.clone()).collect(),
                cost: budget.cost,
                cap: budget.cap,
            }),
            estimate: list.estimate,
            left_under_cap: budget.left(),
            files: Vec::new(),
        })
    }

    fn requests(
        &self,
        ctx: &StageContext,
        adopted: &Adopted,
        list: &WorkList,
    ) -> Result<Vec<RequestBody>, StageError> {
        Ok(list.to_buy().map(|item| request_of(ctx, adopted, item)).collect())
    }

    async fn mend(&self, ctx: &StageContext, adopted: &Adopted) -> Result<(), StageError> {
        adopted.mend(ctx).await
    }

    async fn act(
        &self,
        ctx: &StageContext,
        adopted: Adopted,
        list: WorkList,
        started: UtcTime,
    ) -> Result<StageReport, StageError> {
        let facts = &adopted.facts;
        buy::check_before_buying(ctx, facts, &list).await?;
        let episode = facts.dir.id().clone();
        let pictures = list.pictures_to_buy();
        ctx.observer.on_event(&StageEvent::Planned {
            episode: episode.clone(),
            pictures,
            estimate: list.estimate,
        });
        let shelf = adopted.shelf.clone();
        let mut work = match list.to_buy().next() {
            Some(first) if !facts.budget.fits(first.first_call()) => Work::capped(facts, shelf, &list, first),
            Some(_) => buy::buy(ctx, facts, shelf, &list).await?,
            None => Work::nothing_to_buy(facts, shelf, &list),
        };
        work.mended = !adopted.repairs.is_empty();
        if let Some(StopReason::Cap { cost, .. }) = &work.stop {
            ctx.observer.on_event(&StageEvent::CapReached { cost: *cost, cap: facts.budget.cap });
        }
        let finished = match (finish(ctx, facts, &work, started).await, work.run) {
            (Ok(finished), _) => finished,
            // Something was bought, so the person must see what, whatever else goes wrong.
            (Err(error), Some(run)) => {
                let outcome = Outcome::failed(with_causes(&error));
                close_broken(ctx, facts, run, outcome.clone()).await;
                Finished { run: Some(run), outcome }
            }
            (Err(error), None) => return Err(error),
        };
        ctx.observer.on_event(&StageEvent::Finished { episode });
        Ok(report(ctx, &adopted, &list, &work, finished).await)
    }
}

fn in_words(repair: &Repair) -> String {
    match repair.for_readers() {
        (Some(chapter), what) => format!("{chapter}: {what}"),
        (None, what) => what,
    }
}

/// Makes the first request for a picture: for its prompt where that has to be written, else for the picture.
fn request_of(ctx: &StageContext, adopted: &Adopted, item: &WorkItem) -> RequestBody {
    let settings = &adopted.facts.request;
    let paid = item.text.as_ref().map(|job| (job, &job.paid));
    let own = match (&item.request.snapshot.chapter, paid) {
        (ChapterSnapshot::Chapter { prompt }, _) => prompt.as_str(),
        (ChapterSnapshot::Template { .. }, Some((_, Some(paid)))) => paid.text.as_str(),
        (ChapterSnapshot::Template { .. }, Some((job, None))) => {
            let body = ctx.texts.request_body(&job.request);
            return RequestBody { file_name: format!("{}-text.json", item.id()), body };
        }
        (ChapterSnapshot::Template { .. }, None) => "",
    };
    let request = ImageRequest {
        prompt: prompt::compose(&settings.style_prefix, own, settings.model.max_prompt_chars).text,
        model: settings.model.id.clone(),
        size: settings.size.clone(),
        quality: settings.quality.clone(),
        style: None,
    };
    RequestBody { file_name: format!("{}-image.json", item.id()), body: ctx.images.request_body(&request) }
}
