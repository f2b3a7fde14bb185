//! One picture from its work item: the prompt, the paid call, the decoded bytes.

use btcedu_artifacts::{EpisodeDir, Sidecar};
use btcedu_domain::{
    Billing, CallId, CallKind, CallState, FailureClass, PromptSource, Sha256Hash, Stage, Usd, with_causes,
};
use btcedu_imagegen::{GeneratedImage, ImageOutcome, ImageRequest, Rejection};
use btcedu_pictures::{Origin, VerifiedPicture};
use tokio::sync::SemaphorePermit;

use crate::{
    StageEvent,
    frame::{
        calls::{CallEnd, CallFailure, Caller, FailedAttempt, Place, Places},
        paid_call::{CallSettlement, PaidCall, PaidJob},
        text_call::{PaidText, TextEnd, TextOrder, buy_text},
    },
    imagegen::{
        prompt::{ReadyPrompt, compose, usable_text},
        request::RequestSettings,
        worklist::{TextJob, WorkItem},
    },
};

/// What became of one work item, for the recorder.
#[derive(Debug)]
pub(crate) struct Painted<'p> {
    pub(crate) item: &'p WorkItem,
    pub(crate) end: PaintEnd<'p>,
}

#[derive(Debug)]
pub(crate) enum PaintEnd<'p> {
    /// A picture that is paid for and decoded, to be stored and recorded.
    Picture(Box<Fresh<'p>>),
    Rejected {
        prompt: String,
        reason: String,
        attempts: u32,
    },
    Failed {
        error: String,
        attempts: u32,
    },
    /// The run stopped before it was this item's turn.
    Pending,
}

#[derive(Debug)]
pub(crate) struct Fresh<'p> {
    pub(crate) picture: VerifiedPicture,
    pub(crate) sidecar: Sidecar,
    /// Its row is still `sent`: who records the picture settles it.
    pub(crate) call: PaidCall<'p>,
    /// Held until the picture is recorded, so that memory is bounded.
    pub(crate) in_hand: SemaphorePermit<'p>,
}

/// Makes the pictures of one run.
pub(crate) struct Painter<'a> {
    pub(crate) calls: Caller<'a>,
    pub(crate) dir: &'a EpisodeDir,
    pub(crate) settings: &'a RequestSettings,
    pub(crate) images: Places,
    pub(crate) texts: Places,
}

/// A prompt and where it came from.
struct PaintPrompt {
    ready: ReadyPrompt,
    source: PromptSource,
    call: Option<CallId>,
    cost: Usd,
}

/// An answer to the paid call for a picture.
enum Answer<'p> {
    Picture(Box<Arrived<'p>>),
    Rejected(Box<Rejection>),
}

/// A picture that has arrived whole.
struct Arrived<'p> {
    image: GeneratedImage,
    picture: VerifiedPicture,
    in_hand: SemaphorePermit<'p>,
}

impl Painter<'_> {
    /// Makes one picture, prompt first. Never fails: what went wrong is in the end.
    pub(crate) async fn paint<'p>(&'p self, item: &'p WorkItem) -> Painted<'p> {
        let end = match self.prompt(item).await {
            Ok(prompt) => {
                self.tell(&StageEvent::PromptReady { chapter: item.id().clone(), source: prompt.source });
                self.picture(item, &prompt).await
            }
            Err(end) => end,
        };
        Painted { item, end }
    }

    pub(crate) fn tell(&self, event: &StageEvent) {
        self.calls.ctx.observer.on_event(event);
    }

    async fn prompt<'p>(&self, item: &WorkItem) -> Result<PaintPrompt, PaintEnd<'p>> {
        let limit = self.settings.model.max_prompt_chars;
        let ready = |text: &str| compose(&self.settings.style_prefix, text, limit);
        match (&item.request.snapshot.chapter, &item.text) {
            (btcedu_artifacts::ChapterSnapshot::Chapter { prompt }, _) => Ok(PaintPrompt {
                ready: ready(prompt),
                source: PromptSource::Chapter,
                call: None,
                cost: Usd::ZERO,
            }),
            (_, Some(TextJob { paid: Some(paid), .. })) => Ok(PaintPrompt {
                ready: ready(&paid.text),
                source: PromptSource::Template,
                call: Some(paid.call),
                cost: paid.cost,
            }),
            (_, Some(job)) => {
                let paid = self.write_prompt(item, job).await?;
                Ok(PaintPrompt {
                    ready: ready(&paid.text),
                    source: PromptSource::Template,
                    call: Some(paid.call),
                    cost: paid.cost,
                })
            }
            (_, None) => Err(PaintEnd::Failed {
                error: "the chapter has neither a prompt nor a way to one".to_owned(),
                attempts: 0,
            }),
        }
    }

    /// Has the language model write the prompt; what it answered is settled before anything else happens.
    async fn write_prompt<'p>(&self, item: &WorkItem, job: &TextJob) -> Result<PaidText, PaintEnd<'p>> {
        let order = TextOrder {
            stage: Stage::Imagegen,
            chapter: Some(item.id().clone()),
            request: &job.request,
            estimate: job.estimate,
        };
        match buy_text(&self.calls, &self.texts, order, usable_text, self.on_retry(item)).await {
            TextEnd::Bought(paid) => Ok(paid),
            TextEnd::Unusable { problem, .. } => Err(PaintEnd::Failed { error: problem, attempts: 1 }),
            TextEnd::Failed { message, attempts } => Err(PaintEnd::Failed { error: message, attempts }),
            TextEnd::Stopped => Err(PaintEnd::Pending),
        }
    }

    async fn picture<'p>(&'p self, item: &'p WorkItem, prompt: &PaintPrompt) -> PaintEnd<'p> {
        let request = ImageRequest {
            prompt: prompt.ready.text.clone(),
            model: self.settings.model.id.clone(),
            size: self.settings.size.clone(),
            quality: self.settings.quality.clone(),
            style: None,
        };
        let estimate = self.calls.ctx.images.estimate(&request).unwrap_or(item.planned.estimate);
        let job = paid_job(item, CallKind::Image, item.request.hashes.request, &request.model, estimate);
        let send = |attempt, place| self.draw(item, &request, attempt, place);
        match self.calls.call(&job, &self.images, send, self.on_retry(item)).await {
            CallEnd::Answered { value: Answer::Picture(arrived), call, attempts } => {
                let Arrived { image, picture, in_hand } = *arrived;
                let sidecar = self.sidecar(item, prompt, &call, &image, &picture, attempts);
                PaintEnd::Picture(Box::new(Fresh { picture, sidecar, call, in_hand }))
            }
            CallEnd::Answered { value: Answer::Rejected(rejection), call, attempts } => {
                self.reject(call, &rejection).await;
                PaintEnd::Rejected { prompt: request.prompt, reason: rejection.reason, attempts }
            }
            CallEnd::Failed { message, attempts } => PaintEnd::Failed { error: message, attempts },
            CallEnd::Stopped => PaintEnd::Pending,
        }
    }

    /// One attempt: the call, then the decoding, since bytes that don't decode are no answer.
    async fn draw<'p>(
        &self,
        item: &WorkItem,
        request: &ImageRequest,
        attempt: u32,
        place: Place<'p>,
    ) -> Result<Answer<'p>, FailedAttempt<'p>> {
        self.tell(&StageEvent::ImageStarted { chapter: item.id().clone(), attempt });
        let Place { in_flight, in_hand } = place;
        let mut image = match self.calls.ctx.images.generate_image(request).await {
            Ok(ImageOutcome::Generated(image)) => image,
            Ok(ImageOutcome::Rejected(rejection)) => return Ok(Answer::Rejected(Box::new(rejection))),
            Err(error) => {
                let failure = CallFailure::of(&error);
                return Err(FailedAttempt { failure, in_flight: Some(in_flight) });
            }
        };
        // The last byte has arrived: the next call may start while this one is decoded.
        drop(in_flight);
        btcedu_artifacts::crash_point("answered");
        let bytes = std::mem::take(&mut image.bytes);
        match btcedu_pictures::verify(bytes).await {
            Ok(picture) => Ok(Answer::Picture(Box::new(Arrived { image, picture, in_hand }))),
            Err(error) => {
                let failure = CallFailure {
                    class: FailureClass::Transient,
                    billing: Billing::MaybeBilled,
                    retry_after: None,
                    is_rate_limit: false,
                    request_id: image.request_id,
                    message: with_causes(&error),
                };
                Err(FailedAttempt { failure, in_flight: None })
            }
        }
    }

    async fn reject(&self, call: PaidCall<'_>, rejection: &Rejection) {
        let tokens = |n: u64| i64::try_from(n).ok();
        let settlement = CallSettlement {
            actual: Some(rejection.cost),
            tokens_in: rejection.usage.and_then(|u| tokens(u.input_tokens)),
            tokens_out: rejection.usage.and_then(|u| tokens(u.output_tokens)),
            request_id: rejection.request_id.clone(),
            error: Some(rejection.reason.clone()),
            ..CallSettlement::new(CallState::Refused)
        };
        let _stops_the_run = self.calls.settle(vec![call.ended(settlement)], |_| Ok(())).await;
    }

    fn on_retry(&self, item: &WorkItem) -> impl Fn(u32, std::time::Duration, &str) {
        let chapter = item.id().clone();
        move |attempt, wait, reason| {
            let (chapter, reason) = (chapter.clone(), reason.to_owned());
            self.tell(&StageEvent::Retrying { chapter, attempt, wait, reason });
        }
    }

    fn sidecar(
        &self,
        item: &WorkItem,
        prompt: &PaintPrompt,
        call: &PaidCall<'_>,
        image: &GeneratedImage,
        picture: &VerifiedPicture,
        attempts: u32,
    ) -> Sidecar {
        let tokens = |n: u64| i64::try_from(n).ok();
        Sidecar {
            episode_id: self.dir.id().clone(),
            chapter_id: item.id().clone(),
            call_id: call.id(),
            chapter_hash: item.request.hashes.chapter,
            settings_hash: item.request.hashes.settings,
            request_hash: item.request.hashes.request,
            snapshot: item.request.snapshot.clone(),
            sha256: picture.sha256(),
            size_bytes: picture.bytes().len() as u64,
            mime_type: picture.media_type().as_str().to_owned(),
            width: picture.width(),
            height: picture.height(),
            model: image.model.clone(),
            size: self.settings.size.clone(),
            quality: self.settings.quality.clone(),
            style: None,
            prompt: prompt.ready.text.clone(),
            revised_prompt: image.revised_prompt.clone(),
            prompt_source: prompt.source,
            prompt_call_id: prompt.call,
            prompt_cost_usd: prompt.cost,
            cost_usd: image.cost,
            cost_is_estimate: image.cost_is_estimate,
            tokens_in: image.usage.and_then(|u| tokens(u.input_tokens)),
            tokens_out: image.usage.and_then(|u| tokens(u.output_tokens)),
            request_id: image.request_id.clone(),
            sent_at: call.sent_at(),
            generated_at: image.generated_at,
            c2pa: picture.origin() == Origin::Signed,
            attempts,
            warnings: self.warnings(prompt, picture),
        }
    }

    /// What a person should know of a picture that is kept all the same, since it was paid for.
    fn warnings(&self, prompt: &PaintPrompt, picture: &VerifiedPicture) -> Vec<String> {
        let mut warnings: Vec<String> = prompt.ready.warning.iter().cloned().collect();
        let size = format!("{}x{}", picture.width(), picture.height());
        if size != self.settings.size {
            warnings.push(format!("the picture is {size}, not {} as asked", self.settings.size));
        }
        if picture.media_type() != btcedu_pictures::MediaType::Png {
            warnings.push(format!(
                "the provider sent {}, kept under a name that ends in .png",
                picture.media_type().as_str()
            ));
        }
        if picture.origin() == Origin::Unmarked {
            warnings.push("the file carries no machine-readable mark of an AI-made picture".to_owned());
        }
        warnings
    }
}

fn paid_job(
    item: &WorkItem,
    kind: CallKind,
    request_hash: Sha256Hash,
    model: &str,
    estimate: Usd,
) -> PaidJob {
    let chapter = Some(item.id().clone());
    PaidJob { stage: Stage::Imagegen, chapter, kind, model: model.to_owned(), request_hash, estimate }
}
