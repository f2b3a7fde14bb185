//! The decision per chapter, made in one place: dry run, plan, dashboard and run all show this.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use btcedu_artifacts::{ChapterSnapshot, FileCheck, PictureSnapshot, SettingsSnapshot, TemplateSnapshot};
use btcedu_chapters::Chapter;
use btcedu_clients::TextRequest;
use btcedu_domain::{
    CallId, CallKind, CallState, ChapterId, ImageStatus, PromptSource, Sha256Hash, Usd, VisualType,
};
use btcedu_models::provider_calls::ProviderCall;
use serde::Serialize;

use crate::{
    StageError,
    imagegen::{
        gather::{Current, Inputs, Picture, RequestSettings},
        prompt::{clean_text, compose, text_request},
    },
    text_call::text_hash,
};

/// How much of a narration a prompt may be written from, in characters.
const NARRATION_CONTEXT: usize = 300;
/// The length that a prompt not written yet is priced at, in characters.
const TYPICAL_PROMPT: usize = 1000;

/// What the person asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageGenFlags {
    /// Make pictures anew, whatever there is.
    pub force: bool,
    /// Make pictures anew that were made with other settings.
    pub refresh: bool,
    /// Only these chapters; all if empty.
    pub chapters: Vec<ChapterId>,
}

/// What is done about a chapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Its type gets no picture here.
    Skip,
    /// `--chapter` names others.
    Leave,
    /// A picture is bought.
    Generate,
    /// The current picture stays.
    Keep,
    /// A picture of the store becomes current.
    Reuse,
    /// The prompt was refused before, so it isn't sent again.
    KeepRejection,
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Skip => "skip",
            Self::Leave => "leave",
            Self::Generate => "generate",
            Self::Keep => "keep",
            Self::Reuse => "reuse",
            Self::KeepRejection => "keep rejection",
        })
    }
}

/// One chapter's decision.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WorkItem {
    /// The chapter.
    pub chapter_id: ChapterId,
    /// Its title.
    pub chapter_title: String,
    /// Kind of visual.
    pub visual_type: VisualType,
    /// What is done.
    pub decision: Decision,
    /// Why, in words.
    pub reason: String,
    /// Who writes the prompt; none for types without a picture.
    pub prompt_source: Option<PromptSource>,
    /// What it should cost at most, a prompt not yet written included.
    #[serde(rename = "estimate_usd")]
    pub estimate: Usd,
    #[serde(skip)]
    pub(crate) snapshot: PictureSnapshot,
    /// The picture that is current afterwards, where none is bought.
    #[serde(skip)]
    pub(crate) picture: Option<CallId>,
    /// The picture was chosen by hand for this very request.
    #[serde(skip)]
    pub(crate) chosen: bool,
    /// The picture was made with other settings than today's.
    #[serde(skip)]
    pub(crate) other_settings: bool,
    /// The prompt that has to be written, or was.
    #[serde(skip)]
    pub(crate) text: Option<TextJob>,
}

/// The text call of a chapter without a prompt of its own.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TextJob {
    pub(crate) request: TextRequest,
    pub(crate) hash: Sha256Hash,
    pub(crate) estimate: Usd,
    /// Text that was paid for already.
    pub(crate) paid: Option<PaidText>,
}

/// Text from the ledger, ready to be used again.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PaidText {
    pub(crate) call: CallId,
    pub(crate) text: String,
    pub(crate) cost: Usd,
}

/// The decisions for all chapters, in chapter order.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WorkList {
    /// One item per chapter.
    pub items: Vec<WorkItem>,
    /// What it all should cost at most.
    #[serde(rename = "estimate_usd")]
    pub estimate: Usd,
    /// What the episode has cost so far.
    #[serde(rename = "episode_cost_usd")]
    pub cost: Usd,
    /// What the episode may cost.
    #[serde(rename = "cap_usd")]
    pub cap: Usd,
}

impl WorkList {
    /// Counts the pictures to buy.
    pub fn pictures_to_buy(&self) -> usize {
        self.to_buy().count()
    }

    pub(crate) fn to_buy(&self) -> impl Iterator<Item = &WorkItem> {
        self.items.iter().filter(|i| i.decision == Decision::Generate)
    }
}

/// Returns what a chapter's picture depends on, with today's settings.
pub(crate) fn snapshot_of(chapter: &Chapter, settings: &RequestSettings) -> PictureSnapshot {
    let own = chapter.visual.own_prompt();
    let template = own.is_none().then(|| TemplateSnapshot {
        template_hash: settings.prompt.content_hash,
        text_model: settings.text_model.clone(),
    });
    let chapter = match own {
        Some(prompt) => ChapterSnapshot::Chapter { prompt: prompt.to_owned() },
        None => ChapterSnapshot::Template {
            visual_type: chapter.visual.visual_type,
            visual_description: chapter.visual.description.clone(),
            chapter_title: chapter.title.clone(),
            narration_context: chapter.narration.text.chars().take(NARRATION_CONTEXT).collect(),
        },
    };
    PictureSnapshot {
        chapter,
        settings: SettingsSnapshot {
            style_prefix: settings.style_prefix.clone(),
            model: settings.model.id.clone(),
            size: settings.size.clone(),
            quality: settings.quality.clone(),
            style: None,
            template,
        },
    }
}

/// Decides for every chapter; the numbers are those of the specification's table.
///
/// # Errors
/// [`StageError::BadChapterFlag`] for a chapter that can't be named, and what makes a
/// prompt or its price impossible where one is needed.
pub(crate) fn plan_images(inputs: &Inputs, flags: &ImageGenFlags) -> Result<WorkList, StageError> {
    decide(inputs, flags, Pricing::Priced)
}

/// As [`plan_images`], for who buys nothing: no price is needed.
///
/// # Errors
/// [`StageError::BadChapterFlag`] for a chapter that can't be named.
pub(crate) fn select_images(inputs: &Inputs, flags: &ImageGenFlags) -> Result<WorkList, StageError> {
    decide(inputs, flags, Pricing::Unpriced)
}

/// Whether what is to be bought must have a price.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pricing {
    Priced,
    Unpriced,
}

fn decide(inputs: &Inputs, flags: &ImageGenFlags, pricing: Pricing) -> Result<WorkList, StageError> {
    check_chapter_flags(inputs, flags)?;
    let chapters = &inputs.document.chapters;
    let requests: Vec<Request<'_>> = chapters.iter().map(|c| Request::of(c, inputs, flags)).collect();
    // Lines 4 and 5 come before 6 for all chapters, so that no picture is taken from under another chapter.
    let mut taken: BTreeSet<CallId> = BTreeSet::new();
    let mut verdicts: Vec<Option<Verdict>> = Vec::new();
    for request in &requests {
        // An entry that is left stays as it is, whatever it names.
        let free = |v: &Verdict| {
            v.decision == Decision::Leave || v.picture.is_none_or(|call| !taken.contains(&call))
        };
        let found = request.first_look(inputs).filter(free);
        taken.extend(found.as_ref().and_then(|v| v.picture));
        verdicts.push(found);
    }
    for (request, verdict) in requests.iter().zip(&mut verdicts) {
        if verdict.is_none() {
            let found = request.second_look(inputs, flags, &taken);
            taken.extend(found.picture);
            *verdict = Some(found);
        }
    }
    let items = requests
        .into_iter()
        .zip(verdicts.into_iter().flatten())
        .map(|(request, verdict)| request.item(verdict, inputs, pricing))
        .collect::<Result<Vec<_>, _>>()?;
    let estimate = items.iter().map(|i| i.estimate).sum();
    Ok(WorkList { items, estimate, cost: inputs.cost, cap: inputs.cap })
}

fn check_chapter_flags(inputs: &Inputs, flags: &ImageGenFlags) -> Result<(), StageError> {
    let generable = |c: &&Chapter| c.visual.visual_type.is_generable();
    for id in &flags.chapters {
        let problem = match inputs.document.chapter(id) {
            None => "is not in chapters.json",
            Some(chapter) if !generable(&chapter) => "has a visual type that gets no picture",
            Some(_) => continue,
        };
        let known: Vec<&str> =
            inputs.document.chapters.iter().filter(generable).map(|c| c.chapter_id.as_str()).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Err(StageError::BadChapterFlag {
            episode: inputs.dir.id().clone(),
            chapter: id.clone(),
            problem,
            known,
        });
    }
    Ok(())
}

/// What a decision is before it becomes an item.
struct Verdict {
    decision: Decision,
    reason: String,
    picture: Option<CallId>,
    chosen: bool,
    other_settings: bool,
}

impl Verdict {
    fn new(decision: Decision, reason: impl Into<String>) -> Self {
        Self { decision, reason: reason.into(), picture: None, chosen: false, other_settings: false }
    }

    fn keeping(decision: Decision, picture: &Picture, reason: impl Into<String>) -> Self {
        Self { picture: Some(picture.sidecar.call_id), ..Self::new(decision, reason) }
    }
}

/// A chapter with what is asked for it today.
struct Request<'a> {
    chapter: &'a Chapter,
    snapshot: PictureSnapshot,
    hash: Sha256Hash,
    named: bool,
    forced: bool,
    left: bool,
}

impl<'a> Request<'a> {
    fn of(chapter: &'a Chapter, inputs: &Inputs, flags: &ImageGenFlags) -> Self {
        let snapshot = snapshot_of(chapter, &inputs.request);
        let named = flags.chapters.contains(&chapter.chapter_id);
        let left = !flags.chapters.is_empty() && !named;
        Self { chapter, hash: snapshot.request_hash(), snapshot, named, forced: flags.force, left }
    }

    /// Lines 1 to 5.
    fn first_look(&self, inputs: &Inputs) -> Option<Verdict> {
        let visual = self.chapter.visual.visual_type;
        if !visual.is_generable() {
            return Some(Verdict::new(Decision::Skip, format!("a {visual} gets no picture here")));
        }
        if self.left {
            let mut verdict = Verdict::new(Decision::Leave, "--chapter names others");
            verdict.picture = inputs.current.get(&self.chapter.chapter_id).map(|c| c.call);
            return Some(verdict);
        }
        if self.named {
            return Some(Verdict::new(Decision::Generate, "--chapter names it"));
        }
        if self.forced {
            return Some(Verdict::new(Decision::Generate, "--force"));
        }
        if let Some(picture) = self.chosen(inputs) {
            return Some(Verdict {
                chosen: true,
                ..Verdict::keeping(Decision::Keep, picture, "chosen by hand")
            });
        }
        let current = inputs.current.get(&self.chapter.chapter_id)?;
        let picture = inputs.intact(current.call)?;
        let same = picture.sidecar.request_hash == self.hash;
        same.then(|| Verdict::keeping(Decision::Keep, picture, "nothing has changed"))
    }

    /// The picture chosen by hand for today's request: this chapter's, or that of the id it had before.
    fn chosen<'i>(&self, inputs: &'i Inputs) -> Option<&'i Picture> {
        let for_this = |c: &&Current| c.chosen_for == Some(self.hash);
        let moved = || inputs.current.iter().find(|(id, c)| for_this(c) && !self.is_asked_by(id, inputs));
        let own = inputs.current.get(&self.chapter.chapter_id).filter(for_this);
        inputs.intact(own.or_else(|| moved().map(|(_, c)| c))?.call)
    }

    /// Tells whether another chapter of that id asks for the same.
    fn is_asked_by(&self, id: &ChapterId, inputs: &Inputs) -> bool {
        let chapter = inputs.document.chapter(id);
        chapter.is_some_and(|c| snapshot_of(c, &inputs.request).request_hash() == self.hash)
    }

    /// Lines 6 to 9.
    fn second_look(&self, inputs: &Inputs, flags: &ImageGenFlags, taken: &BTreeSet<CallId>) -> Verdict {
        let stored = inputs.pictures.iter().rev().find(|p| {
            p.sidecar.request_hash == self.hash
                && p.check == FileCheck::Intact
                && !taken.contains(&p.sidecar.call_id)
        });
        if let Some(picture) = stored {
            let at = picture.sidecar.generated_at.date();
            return Verdict::keeping(
                Decision::Reuse,
                picture,
                format!("the store has a picture for the same request, of {at}"),
            );
        }
        if let Some(picture) = self.made_with_other_settings(inputs, taken) {
            let differences = self.differences(picture);
            return if flags.refresh {
                Verdict::new(
                    Decision::Generate,
                    format!("--refresh, made with other settings: {differences}"),
                )
            } else {
                let reason = format!("made with other settings: {differences}; --refresh makes it anew");
                Verdict { other_settings: true, ..Verdict::keeping(Decision::Keep, picture, reason) }
            };
        }
        if self.refused(inputs).is_some() {
            let id = &self.chapter.chapter_id;
            return Verdict::new(
                Decision::KeepRejection,
                format!(
                    "the provider refused this prompt; change the chapter's image_prompt or description, or try again with --chapter {id}"
                ),
            );
        }
        Verdict::new(Decision::Generate, self.why_generate(inputs))
    }

    /// This chapter's current picture, or that of the id it had before.
    fn made_with_other_settings<'i>(
        &self,
        inputs: &'i Inputs,
        taken: &BTreeSet<CallId>,
    ) -> Option<&'i Picture> {
        let wanted = self.snapshot.chapter_hash();
        let fits = |c: &Current| {
            let picture = inputs.intact(c.call)?;
            (picture.sidecar.chapter_hash == wanted && !taken.contains(&c.call)).then_some(picture)
        };
        let own = inputs.current.get(&self.chapter.chapter_id).and_then(fits);
        let is_theirs = |id: &ChapterId| {
            let chapter = inputs.document.chapter(id);
            chapter.is_some_and(|c| snapshot_of(c, &inputs.request).chapter_hash() == wanted)
        };
        let moved = || inputs.current.iter().find_map(|(id, c)| fits(c).filter(|_| !is_theirs(id)));
        own.or_else(moved)
    }

    fn differences(&self, picture: &Picture) -> String {
        let told = self.snapshot.differences_from(&picture.sidecar.snapshot);
        format!("{}; the rest is the same", told.join(", "))
    }

    /// The newest refusal for today's request, unless something was answered since.
    fn refused<'i>(&self, inputs: &'i Inputs) -> Option<&'i ProviderCall> {
        newest_verdict(inputs, self.hash).filter(|c| c.state == CallState::Refused)
    }

    fn why_generate(&self, inputs: &Inputs) -> String {
        let entry = inputs.manifest.as_ref().and_then(|m| m.entry(&self.chapter.chapter_id));
        let Some(current) = inputs.current.get(&self.chapter.chapter_id) else {
            return match entry.map(|e| (e.status, e.error.as_deref())) {
                Some((ImageStatus::Failed, error)) => {
                    format!("it failed before: {}", error.unwrap_or("no reason kept"))
                }
                _ => "there is no picture yet".to_owned(),
            };
        };
        match inputs.picture(current.call) {
            None => "its picture is not in the store".to_owned(),
            Some(p) if p.check == FileCheck::Missing => "its picture's file is missing".to_owned(),
            Some(p) if p.check == FileCheck::Changed => "its picture's file is broken".to_owned(),
            Some(p) => format!("the chapter has changed: {}", self.differences(p)),
        }
    }

    fn item(self, verdict: Verdict, inputs: &Inputs, pricing: Pricing) -> Result<WorkItem, StageError> {
        let buys = verdict.decision == Decision::Generate && pricing == Pricing::Priced;
        let wanted = buys || verdict.decision == Decision::KeepRejection;
        let text = if wanted { self.text_job(inputs, buys)? } else { None };
        let estimate = if buys { self.estimate(inputs, text.as_ref())? } else { Usd::ZERO };
        let source = match self.snapshot.chapter {
            ChapterSnapshot::Chapter { .. } => PromptSource::Chapter,
            ChapterSnapshot::Template { .. } => PromptSource::Template,
        };
        Ok(WorkItem {
            chapter_id: self.chapter.chapter_id.clone(),
            chapter_title: self.chapter.title.clone(),
            visual_type: self.chapter.visual.visual_type,
            decision: verdict.decision,
            reason: verdict.reason,
            prompt_source: (verdict.decision != Decision::Skip).then_some(source),
            estimate,
            snapshot: self.snapshot,
            picture: verdict.picture,
            chosen: verdict.chosen,
            other_settings: verdict.other_settings,
            text,
        })
    }

    fn text_job(&self, inputs: &Inputs, must_be_priced: bool) -> Result<Option<TextJob>, StageError> {
        let settings = &inputs.request;
        let Some(request) = text_request(&self.snapshot.chapter, settings)? else { return Ok(None) };
        let hash = text_hash(&request);
        // A text whose picture was refused is not worth trying again when a person asks for another try.
        let refused = must_be_priced && self.refused(inputs).is_some();
        let paid = if refused { None } else { paid_text(inputs, hash) };
        let prices = settings.text_prices.as_ref();
        let estimate = match (&paid, prices) {
            (None, Some(prices)) => prices.estimate(request.prompt.chars().count(), 0, request.max_tokens),
            (None, None) if must_be_priced => {
                return Err(StageError::NoTextPrice { model: settings.text_model.clone() });
            }
            (Some(_), _) | (None, None) => Usd::ZERO,
        };
        Ok(Some(TextJob { request, hash, estimate, paid }))
    }

    fn estimate(&self, inputs: &Inputs, text: Option<&TextJob>) -> Result<Usd, StageError> {
        let settings = &inputs.request;
        let prompt = match (&self.snapshot.chapter, text.and_then(|t| t.paid.as_ref())) {
            (ChapterSnapshot::Chapter { prompt }, _) => Some(prompt.as_str()),
            (_, paid) => paid.map(|p| p.text.as_str()),
        };
        let length = prompt.map_or(TYPICAL_PROMPT, |text| {
            compose(&settings.style_prefix, text, settings.model.max_prompt_chars).text.chars().count()
        });
        let price = settings.model.estimate(&settings.size, &settings.quality, length);
        let price = price.ok_or_else(|| StageError::NoImagePrice {
            model: settings.model.id.clone(),
            size: settings.size.clone(),
            quality: settings.quality.clone(),
        })?;
        Ok(price + text.map_or(Usd::ZERO, |t| t.estimate))
    }
}

/// The newest picture call for a request that ended one way or the other.
pub(crate) fn newest_verdict(inputs: &Inputs, request_hash: Sha256Hash) -> Option<&ProviderCall> {
    let ended = |c: &&ProviderCall| {
        c.kind == CallKind::Image
            && c.request_hash == request_hash
            && matches!(c.state, CallState::Answered | CallState::Refused)
    };
    inputs.calls.iter().filter(ended).max_by_key(|c| c.call_id)
}

/// The newest usable text that was paid for with this request.
fn paid_text(inputs: &Inputs, hash: Sha256Hash) -> Option<PaidText> {
    let answered = |c: &&ProviderCall| {
        c.kind == CallKind::Text && c.request_hash == hash && c.state == CallState::Answered
    };
    let newest = inputs.calls.iter().filter(answered).max_by_key(|c| c.call_id)?;
    let text = clean_text(newest.reply.as_deref()?)?;
    Some(PaidText { call: newest.call_id, text, cost: newest.actual.unwrap_or(newest.estimated) })
}

/// Calls that may have been billed, for work that this list would do again; by chapter.
pub(crate) fn unknown_for(inputs: &Inputs, list: &WorkList) -> BTreeMap<ChapterId, Vec<Usd>> {
    let mut found: BTreeMap<ChapterId, Vec<Usd>> = BTreeMap::new();
    for item in list.to_buy() {
        let text = item.text.as_ref().filter(|t| t.paid.is_none()).map(|t| t.hash);
        let hashes = [Some(item.snapshot.request_hash()), text];
        for hash in hashes.into_iter().flatten() {
            let newest = inputs.calls.iter().filter(|c| c.request_hash == hash).max_by_key(|c| c.call_id);
            if let Some(call) = newest.filter(|c| c.state == CallState::Unknown) {
                found.entry(item.chapter_id.clone()).or_default().push(call.estimated);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests;
