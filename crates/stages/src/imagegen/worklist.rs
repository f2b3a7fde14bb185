//! The decision per chapter, made in one place: dry run, plan, dashboard and run all show this.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use btcedu_artifacts::{ChapterSnapshot, FileCheck};
use btcedu_clients::TextRequest;
use btcedu_domain::{CallId, CallKind, CallState, ChapterId, ImageStatus, Sha256Hash, Usd};
use btcedu_models::provider_calls::ProviderCall;

use crate::{
    StageError,
    frame::{
        report::{Decision, PlannedPicture, StageFlags},
        text_call::{PaidText, text_hash},
    },
    imagegen::{
        facts::{Current, Facts, Picture, Shelf},
        prompt::{clean_text, compose, text_request},
        request::ChapterRequest,
    },
};

/// The length that a prompt not written yet is priced at, in characters.
const TYPICAL_PROMPT: usize = 1000;

/// One chapter's decision, and what doing it takes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct WorkItem {
    pub(crate) planned: PlannedPicture,
    /// What the picture depends on today.
    pub(crate) request: Arc<ChapterRequest>,
    /// The picture that is current afterwards, where none is bought.
    pub(crate) picture: Option<CallId>,
    /// The picture was chosen by hand for this very request.
    pub(crate) chosen: bool,
    /// The picture was made with other settings than today's.
    pub(crate) other_settings: bool,
    /// The prompt that has to be written, or was.
    pub(crate) text: Option<TextJob>,
}

impl WorkItem {
    /// Returns the chapter.
    pub(crate) fn id(&self) -> &ChapterId {
        &self.planned.chapter_id
    }

    /// Returns what the item's first call should cost at most: its prompt's, where that has to be written.
    pub(crate) fn first_call(&self) -> Usd {
        let text = self.text.as_ref().map(|t| t.estimate).filter(|estimate| *estimate > Usd::ZERO);
        text.unwrap_or(self.planned.estimate)
    }
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

/// The decisions for all chapters, in chapter order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct WorkList {
    /// One item per chapter.
    pub(crate) items: Vec<WorkItem>,
    /// What it all should cost at most.
    pub(crate) estimate: Usd,
}

impl WorkList {
    /// Counts the pictures to buy.
    pub(crate) fn pictures_to_buy(&self) -> usize {
        self.to_buy().count()
    }

    pub(crate) fn to_buy(&self) -> impl Iterator<Item = &WorkItem> {
        self.items.iter().filter(|item| item.planned.decision == Decision::Generate)
    }
}

/// Decides for every chapter; the numbers are those of the specification's table.
///
/// # Errors
/// [`StageError::BadChapterFlag`] for a chapter that can't be named, and what makes a
/// prompt or its price impossible where one is needed.
pub(crate) fn plan_images(facts: &Facts, shelf: &Shelf, flags: &StageFlags) -> Result<WorkList, StageError> {
    decide(facts, shelf, flags, Pricing::Priced)
}

/// As [`plan_images`], where nothing is bought: no price is needed.
///
/// # Errors
/// [`StageError::BadChapterFlag`] for a chapter that can't be named.
pub(crate) fn select_images(
    facts: &Facts,
    shelf: &Shelf,
    flags: &StageFlags,
) -> Result<WorkList, StageError> {
    decide(facts, shelf, flags, Pricing::Unpriced)
}

/// Whether what is to be bought must have a price.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pricing {
    Priced,
    Unpriced,
}

fn decide(
    facts: &Facts,
    shelf: &Shelf,
    flags: &StageFlags,
    pricing: Pricing,
) -> Result<WorkList, StageError> {
    check_chapter_flags(facts, flags)?;
    let requests: Vec<Request<'_>> =
        facts.chapters.iter().map(|asked| Request { asked, facts, shelf, flags }).collect();
    // Lines 4 and 5 come before 6 for all chapters, so that no picture is taken from under another chapter.
    let mut taken: BTreeSet<CallId> = BTreeSet::new();
    let mut verdicts: Vec<Option<Verdict>> = Vec::new();
    for request in &requests {
        // An entry that is left stays as it is, whatever it names.
        let free = |v: &Verdict| {
            v.decision == Decision::Leave || v.picture.is_none_or(|call| !taken.contains(&call))
        };
        let found = request.first_look().filter(free);
        taken.extend(found.as_ref().and_then(|v| v.picture));
        verdicts.push(found);
    }
    for (request, verdict) in requests.iter().zip(&mut verdicts) {
        if verdict.is_none() {
            let found = request.second_look(&taken);
            taken.extend(found.picture);
            *verdict = Some(found);
        }
    }
    let items = requests
        .into_iter()
        .zip(verdicts.into_iter().flatten())
        .map(|(request, verdict)| request.item(verdict, pricing))
        .collect::<Result<Vec<_>, _>>()?;
    let estimate = items.iter().map(|item| item.planned.estimate).sum();
    Ok(WorkList { items, estimate })
}

fn check_chapter_flags(facts: &Facts, flags: &StageFlags) -> Result<(), StageError> {
    for id in &flags.chapters {
        let problem = match facts.chapter(id) {
            None => "is not in chapters.json",
            Some(request) if !request.is_generable() => "has a visual type that gets no picture",
            Some(_) => continue,
        };
        let generable = facts.chapters.iter().filter(|request| request.is_generable());
        let known: Vec<&str> = generable.map(|request| request.chapter.chapter_id.as_str()).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Err(StageError::BadChapterFlag {
            episode: facts.dir.id().clone(),
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

/// A chapter with what is asked for it today, and all that its decision depends on.
struct Request<'a> {
    asked: &'a Arc<ChapterRequest>,
    facts: &'a Facts,
    shelf: &'a Shelf,
    flags: &'a StageFlags,
}

impl<'a> Request<'a> {
    fn id(&self) -> &'a ChapterId {
        &self.asked.chapter.chapter_id
    }

    /// Lines 1 to 5.
    fn first_look(&self) -> Option<Verdict> {
        let visual = self.asked.chapter.visual.visual_type;
        let named = self.flags.chapters.contains(self.id());
        if !self.asked.is_generable() {
            return Some(Verdict::new(Decision::Skip, format!("a {visual} gets no picture here")));
        }
        if !named && !self.flags.chapters.is_empty() {
            let mut verdict = Verdict::new(Decision::Leave, "--chapter names others");
            verdict.picture = self.shelf.current.get(self.id()).map(|c| c.call);
            return Some(verdict);
        }
        if named {
            return Some(Verdict::new(Decision::Generate, "--chapter names it"));
        }
        if self.flags.force {
            return Some(Verdict::new(Decision::Generate, "--force"));
        }
        if let Some(picture) = self.chosen() {
            return Some(Verdict {
                chosen: true,
                ..Verdict::keeping(Decision::Keep, picture, "chosen by hand")
            });
        }
        let current = self.shelf.current.get(self.id())?;
        let picture = self.shelf.intact(current.call)?;
        let same = picture.sidecar.request_hash == self.asked.hashes.request;
        same.then(|| Verdict::keeping(Decision::Keep, picture, "nothing has changed"))
    }

    /// The picture chosen by hand for today's request: this chapter's, or that of the id it had before.
    fn chosen(&self) -> Option<&'a Picture> {
        let for_this = |c: &&Current| c.chosen_for == Some(self.asked.hashes.request);
        let moved = || self.shelf.current.iter().find(|(id, c)| for_this(c) && !self.is_asked_by(id));
        let own = self.shelf.current.get(self.id()).filter(for_this);
        self.shelf.intact(own.or_else(|| moved().map(|(_, c)| c))?.call)
    }

    /// Tells whether another chapter of that id asks for the same.
    fn is_asked_by(&self, id: &ChapterId) -> bool {
        self.facts.chapter(id).is_some_and(|other| other.hashes.request == self.asked.hashes.request)
    }

    /// Lines 6 to 9.
    fn second_look(&self, taken: &BTreeSet<CallId>) -> Verdict {
        let stored = self.shelf.pictures.iter().rev().find(|p| {
            p.sidecar.request_hash == self.asked.hashes.request
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
        if let Some(picture) = self.made_with_other_settings(taken) {
            let differences = self.differences(picture);
            return if self.flags.refresh {
                Verdict::new(
                    Decision::Generate,
                    format!("--refresh, made with other settings: {differences}"),
                )
            } else {
                let reason = format!("made with other settings: {differences}; --refresh makes it anew");
                Verdict { other_settings: true, ..Verdict::keeping(Decision::Keep, picture, reason) }
            };
        }
        if self.refused().is_some() {
            let id = self.id();
            return Verdict::new(
                Decision::KeepRejection,
                format!(
                    "the provider refused this prompt; change the chapter's image_prompt or description, or try again with --chapter {id}"
                ),
            );
        }
        Verdict::new(Decision::Generate, self.why_generate())
    }

    /// This chapter's current picture, or that of the id it had before.
    fn made_with_other_settings(&self, taken: &BTreeSet<CallId>) -> Option<&'a Picture> {
        let wanted = self.asked.hashes.chapter;
        let fits = |c: &Current| {
            let picture = self.shelf.intact(c.call)?;
            (picture.sidecar.chapter_hash == wanted && !taken.contains(&c.call)).then_some(picture)
        };
        let own = self.shelf.current.get(self.id()).and_then(fits);
        let is_theirs =
            |id: &ChapterId| self.facts.chapter(id).is_some_and(|other| other.hashes.chapter == wanted);
        let moved = || self.shelf.current.iter().find_map(|(id, c)| fits(c).filter(|_| !is_theirs(id)));
        own.or_else(moved)
    }

    fn differences(&self, picture: &Picture) -> String {
        let told = self.asked.snapshot.differences_from(&picture.sidecar.snapshot);
        format!("{}; the rest is the same", told.join(", "))
    }

    /// The newest refusal for today's request, unless something was answered since.
    fn refused(&self) -> Option<&'a ProviderCall> {
        newest_verdict(self.facts, self.asked.hashes.request).filter(|c| c.state == CallState::Refused)
    }

    fn why_generate(&self) -> String {
        let entry = self.shelf.entry(self.id());
        let Some(current) = self.shelf.current.get(self.id()) else {
            return match entry.map(|e| (e.status, e.error.as_deref())) {
                Some((ImageStatus::Failed, error)) => {
                    format!("it failed before: {}", error.unwrap_or("no reason kept"))
                }
                _ => "there is no picture yet".to_owned(),
            };
        };
        match self.shelf.picture(current.call) {
            None => "its picture is not in the store".to_owned(),
            Some(p) if p.check == FileCheck::Missing => "its picture's file is missing".to_owned(),
            Some(p) if p.check == FileCheck::Changed => "its picture's file is broken".to_owned(),
            Some(p) => format!("the chapter has changed: {}", self.differences(p)),
        }
    }

    fn item(self, verdict: Verdict, pricing: Pricing) -> Result<WorkItem, StageError> {
        let buys = verdict.decision == Decision::Generate && pricing == Pricing::Priced;
        let wanted = buys || verdict.decision == Decision::KeepRejection;
        let text = if wanted { self.text_job(buys)? } else { None };
        let estimate = if buys { self.estimate(text.as_ref())? } else { Usd::ZERO };
        Ok(WorkItem {
            planned: PlannedPicture {
                chapter_id: self.id().clone(),
                chapter_title: self.asked.chapter.title.clone(),
                visual_type: self.asked.chapter.visual.visual_type,
                decision: verdict.decision,
                reason: verdict.reason,
                prompt_source: (verdict.decision != Decision::Skip).then(|| self.asked.prompt_source()),
                estimate,
            },
            request: Arc::clone(self.asked),
            picture: verdict.picture,
            chosen: verdict.chosen,
            other_settings: verdict.other_settings,
            text,
        })
    }

    fn text_job(&self, must_be_priced: bool) -> Result<Option<TextJob>, StageError> {
        let settings = &self.facts.request;
        let Some(request) = text_request(&self.asked.snapshot.chapter, settings)? else { return Ok(None) };
        let hash = text_hash(&request);
        // A text whose picture was refused is not worth trying again when a person asks for another try.
        let refused = must_be_priced && self.refused().is_some();
        let paid = if refused { None } else { paid_text(self.facts, hash) };
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

    fn estimate(&self, text: Option<&TextJob>) -> Result<Usd, StageError> {
        let settings = &self.facts.request;
        let prompt = match (&self.asked.snapshot.chapter, text.and_then(|t| t.paid.as_ref())) {
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
pub(crate) fn newest_verdict(facts: &Facts, request_hash: Sha256Hash) -> Option<&ProviderCall> {
    let ended = |c: &&ProviderCall| {
        c.kind == CallKind::Image
            && c.request_hash == request_hash
            && matches!(c.state, CallState::Answered | CallState::Refused)
    };
    facts.calls.iter().rfind(ended)
}

/// The newest usable text that was paid for with this request.
fn paid_text(facts: &Facts, hash: Sha256Hash) -> Option<PaidText> {
    let answered = |c: &&ProviderCall| {
        c.kind == CallKind::Text && c.request_hash == hash && c.state == CallState::Answered
    };
    let newest = facts.calls.iter().rfind(answered)?;
    let paid = PaidText::of(newest)?;
    Some(PaidText { text: clean_text(&paid.text)?, ..paid })
}

/// Calls that may have been billed, for work that this list would do again; by chapter.
pub(crate) fn unknown_for(facts: &Facts, list: &WorkList) -> BTreeMap<ChapterId, Vec<Usd>> {
    let mut found: BTreeMap<ChapterId, Vec<Usd>> = BTreeMap::new();
    for item in list.to_buy() {
        let text = item.text.as_ref().filter(|t| t.paid.is_none()).map(|t| t.hash);
        let hashes = [Some(item.request.hashes.request), text];
        for hash in hashes.into_iter().flatten() {
            let newest = facts.calls.iter().rfind(|c| c.request_hash == hash);
            if let Some(call) = newest.filter(|c| c.state == CallState::Unknown) {
                found.entry(item.id().clone()).or_default().push(call.estimated);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests;
