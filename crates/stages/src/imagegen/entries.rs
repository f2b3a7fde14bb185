//! The manifest's entries: one per chapter, from what was decided and what came of it.

use std::collections::{BTreeMap, BTreeSet};

use btcedu_artifacts::{MANIFEST_VERSION, Manifest, ManifestEntry, ManifestTotals, Sidecar};
use btcedu_domain::{
    CallId, CallKind, CallState, ChapterId, ImageStatus, PromptSource, Sha256Hash, Usd, UtcTime,
};

use crate::{
    frame::report::Decision,
    imagegen::{
        facts::{Facts, Shelf},
        paint::PaintEnd,
        prompt::compose,
        worklist::{WorkItem, WorkList},
    },
};

/// All entries while a run is on, in chapter order.
#[derive(Debug, Clone)]
pub(crate) struct Entries {
    entries: Vec<ManifestEntry>,
    /// Sidecars of the pictures that entries name, by call.
    sidecars: BTreeMap<CallId, Sidecar>,
}

impl Entries {
    /// Makes the entries as they are before anything is bought.
    pub(crate) fn at_start(facts: &Facts, shelf: &Shelf, list: &WorkList) -> Self {
        let sidecars = shelf.pictures.iter().map(|p| (p.sidecar.call_id, p.sidecar.clone())).collect();
        let entries = list.items.iter().map(|item| entry_at_start(facts, shelf, item)).collect();
        Self { entries, sidecars }
    }

    pub(crate) fn all(&self) -> &[ManifestEntry] {
        &self.entries
    }

    /// Returns the picture that is current for a chapter.
    pub(crate) fn picture_of(&self, entry: &ManifestEntry) -> Option<&Sidecar> {
        self.sidecars.get(&entry.call_id?).filter(|_| entry.status == ImageStatus::Generated)
    }

    /// Makes a fresh picture the current one of its chapter.
    pub(crate) fn take(&mut self, item: &WorkItem, sidecar: &Sidecar) {
        let entry = with_picture(item, sidecar, None, None);
        self.sidecars.insert(sidecar.call_id, sidecar.clone());
        self.replace(entry);
    }

    /// Records that a chapter got no picture; one that it had for the same text stays, with a warning.
    pub(crate) fn miss(&mut self, item: &WorkItem, end: &PaintEnd<'_>) {
        let (status, attempts, reason, error, prompt) = match end {
            PaintEnd::Picture(_) | PaintEnd::Pending => return,
            PaintEnd::Rejected { prompt, reason, attempts } => {
                (ImageStatus::Rejected, *attempts, Some(reason.clone()), None, Some(prompt.clone()))
            }
            PaintEnd::Failed { error, attempts } => {
                (ImageStatus::Failed, *attempts, None, Some(error.clone()), None)
            }
        };
        let Some(before) = self.entries.iter_mut().find(|e| e.chapter_id == *item.id()) else { return };
        let what = reason.as_deref().or(error.as_deref()).unwrap_or_default().to_owned();
        if before.status == ImageStatus::Generated {
            before
                .warnings
                .push(format!("a new picture was asked for and not made ({what}); the one before is kept"));
            return;
        }
        let hashes = item.request.hashes;
        *before = ManifestEntry {
            prompt,
            prompt_source: item.planned.prompt_source,
            attempts,
            reason,
            error,
            chapter_hash: Some(hashes.chapter),
            settings_hash: Some(hashes.settings),
            request_hash: Some(hashes.request),
            ..bare(item, status)
        };
    }

    fn replace(&mut self, entry: ManifestEntry) {
        if let Some(before) = self.entries.iter_mut().find(|e| e.chapter_id == entry.chapter_id) {
            *before = entry;
        }
    }

    /// Makes the manifest that these entries come to.
    pub(crate) fn manifest(&self, facts: &Facts, now: UtcTime) -> Manifest {
        Manifest {
            episode_id: facts.dir.id().clone(),
            schema_version: MANIFEST_VERSION.to_owned(),
            generated_at: now,
            model: facts.request.model.id.clone(),
            size: facts.request.size.clone(),
            quality: facts.request.quality.clone(),
            style_prefix: facts.request.style_prefix.clone(),
            totals: self.totals(),
            images: self.entries.clone(),
        }
    }

    /// Counts the entries; a prompt that two pictures were drawn from is counted once.
    fn totals(&self) -> ManifestTotals {
        let mut totals = ManifestTotals::default();
        let mut prompts = BTreeSet::new();
        for entry in &self.entries {
            totals.count(entry.status);
            if let Some(sidecar) = self.picture_of(entry) {
                totals.cost_usd += sidecar.cost_usd;
                if sidecar.prompt_call_id.is_some_and(|call| prompts.insert(call)) {
                    totals.cost_usd += sidecar.prompt_cost_usd;
                }
            }
        }
        totals
    }
}

fn entry_at_start(facts: &Facts, shelf: &Shelf, item: &WorkItem) -> ManifestEntry {
    let before = shelf.entry(item.id());
    match item.planned.decision {
        Decision::Skip => bare(item, ImageStatus::Skipped),
        Decision::Leave => left(shelf, item, before),
        Decision::KeepRejection => rejected(facts, item, before),
        Decision::Keep | Decision::Reuse => {
            kept(facts, shelf, item).unwrap_or_else(|| bare(item, ImageStatus::Pending))
        }
        Decision::Generate => waiting(shelf, item),
    }
}

/// `--chapter` names others: the entry stays as it is, pending if there never was one.
fn left(shelf: &Shelf, item: &WorkItem, before: Option<&ManifestEntry>) -> ManifestEntry {
    let rebuilt = || Some(with_picture(item, &shelf.picture(item.picture?)?.sidecar, None, None));
    // What was skipped as another visual type was never tried as this one.
    let before = before.filter(|b| b.status != ImageStatus::Skipped);
    before.cloned().or_else(rebuilt).unwrap_or_else(|| bare(item, ImageStatus::Pending))
}

fn kept(facts: &Facts, shelf: &Shelf, item: &WorkItem) -> Option<ManifestEntry> {
    let picture = shelf.picture(item.picture?)?;
    // A choice made for other settings is kept for the day when they return.
    let current = shelf.current.get(item.id()).filter(|c| Some(c.call) == item.picture);
    let earlier = current.and_then(|c| c.chosen_for);
    let chosen_for = if item.chosen { Some(item.request.hashes.request) } else { earlier };
    let reason = (item.chosen || item.other_settings).then(|| item.planned.reason.clone());
    let mut entry = with_picture(item, &picture.sidecar, chosen_for, reason);
    entry.warnings.extend(foreign_warning(item, &picture.sidecar));
    if is_edited(shelf, item.id(), picture.sidecar.call_id) {
        entry.warnings.push(edited_warning(facts, item.id()));
    }
    Some(entry)
}

/// Somebody edited the file of the picture that is current, and it stays current.
///
/// What was adopted just now was asked for when the file had been edited already, so the file gives way to it.
pub(crate) fn is_edited(shelf: &Shelf, chapter: &ChapterId, call: CallId) -> bool {
    let entry = shelf.entry(chapter);
    let is_adopted = entry.is_some_and(|e| e.call_id != Some(call));
    shelf.current.get(chapter).is_some_and(|c| c.call == call) && !is_adopted && shelf.is_edited(chapter)
}

/// A picture that was chosen by hand and made for another chapter; one that was only renumbered has the same text.
fn foreign_warning(item: &WorkItem, sidecar: &Sidecar) -> Option<String> {
    let is_foreign = item.chosen
        && sidecar.chapter_id != *item.id()
        && sidecar.chapter_hash != item.request.hashes.chapter;
    is_foreign
        .then(|| format!("the picture was made for chapter {}, not for {}", sidecar.chapter_id, item.id()))
}

fn edited_warning(facts: &Facts, chapter: &ChapterId) -> String {
    let id = facts.dir.id();
    format!(
        "images/{chapter}.png was edited by hand and is left alone; `btcedu images verify {id} --repair` puts the paid picture back"
    )
}

/// A picture is to be bought: until it is there, the one before stays if it was chosen or is of the same text.
fn waiting(shelf: &Shelf, item: &WorkItem) -> ManifestEntry {
    let Some(current) = shelf.current.get(item.id()) else {
        return bare(item, ImageStatus::Pending);
    };
    let chosen_for = current.chosen_for.filter(|request| *request == item.request.hashes.request);
    let reason = chosen_for.map(|_| "chosen by hand".to_owned());
    match shelf.intact(current.call) {
        Some(p) if chosen_for.is_some() || p.sidecar.chapter_hash == item.request.hashes.chapter => {
            with_picture(item, &p.sidecar, chosen_for, reason)
        }
        _ => bare(item, ImageStatus::Pending),
    }
}

fn rejected(facts: &Facts, item: &WorkItem, before: Option<&ManifestEntry>) -> ManifestEntry {
    let hashes = item.request.hashes;
    if let Some(before) =
        before.filter(|b| b.status == ImageStatus::Rejected && b.request_hash == Some(hashes.request))
    {
        return ManifestEntry {
            chapter_title: item.planned.chapter_title.clone(),
            visual_type: item.planned.visual_type,
            ..before.clone()
        };
    }
    // The manifest is lost or spoke of another text: the ledger has the refusal.
    let refusal = facts.calls.iter().rev().find(|c| {
        c.kind == CallKind::Image && c.state == CallState::Refused && c.request_hash == hashes.request
    });
    ManifestEntry {
        prompt: prompt_again(facts, item),
        prompt_source: item.planned.prompt_source,
        attempts: 1,
        reason: refusal.and_then(|c| c.error.clone()),
        chapter_hash: Some(hashes.chapter),
        settings_hash: Some(hashes.settings),
        request_hash: Some(hashes.request),
        ..bare(item, ImageStatus::Rejected)
    }
}

/// The full prompt of a refusal, made again from what it was made of.
fn prompt_again(facts: &Facts, item: &WorkItem) -> Option<String> {
    let text = match (&item.request.snapshot.chapter, &item.text) {
        (btcedu_artifacts::ChapterSnapshot::Chapter { prompt }, _) => prompt.clone(),
        (_, text) => text.as_ref()?.paid.as_ref()?.text.clone(),
    };
    Some(compose(&facts.request.style_prefix, &text, facts.request.model.max_prompt_chars).text)
}

fn bare(item: &WorkItem, status: ImageStatus) -> ManifestEntry {
    ManifestEntry::without_picture(
        item.id().clone(),
        item.planned.chapter_title.clone(),
        item.planned.visual_type,
        status,
    )
}

fn with_picture(
    item: &WorkItem,
    sidecar: &Sidecar,
    chosen_for: Option<Sha256Hash>,
    reason: Option<String>,
) -> ManifestEntry {
    ManifestEntry {
        prompt: Some(sidecar.prompt.clone()),
        prompt_source: Some(sidecar.prompt_source),
        revised_prompt: sidecar.revised_prompt.clone(),
        model: Some(sidecar.model.clone()),
        size: Some(sidecar.size.clone()),
        quality: Some(sidecar.quality.clone()),
        file_path: Some(format!("images/{}.png", item.id())),
        mime_type: Some(sidecar.mime_type.clone()),
        size_bytes: Some(sidecar.size_bytes),
        sha256: Some(sidecar.sha256),
        width: Some(sidecar.width),
        height: Some(sidecar.height),
        cost_usd: Some(sidecar.cost_usd),
        generated_at: Some(sidecar.generated_at),
        chapter_hash: Some(sidecar.chapter_hash),
        settings_hash: Some(sidecar.settings_hash),
        request_hash: Some(sidecar.request_hash),
        call_id: Some(sidecar.call_id),
        chosen_for,
        attempts: sidecar.attempts,
        reason,
        warnings: sidecar.warnings.clone(),
        ..bare(item, ImageStatus::Generated)
    }
}

/// Tells whether an entry's prompt was written by the language model.
pub(crate) fn has_written_prompt(entry: &ManifestEntry) -> bool {
    entry.prompt_source == Some(PromptSource::Template)
}

/// What an entry's prompt cost, by its picture's sidecar.
pub(crate) fn prompt_cost(sidecar: Option<&Sidecar>) -> Usd {
    sidecar.map_or(Usd::ZERO, |s| s.prompt_cost_usd)
}
