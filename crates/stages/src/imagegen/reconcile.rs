//! What was paid for and not yet recorded: found by a pure function here, then mended.

mod mend;
mod repair;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

use btcedu_artifacts::{FileCheck, Sidecar};
use btcedu_domain::{CallId, CallKind, CallState, ChapterId, EpisodeRowId, RunId, Stage, Usd};
use btcedu_models::provider_calls::ProviderCall;

use self::mend::apply_repairs;
pub(crate) use self::{mend::settlement_of, repair::Repair};
use crate::{
    StageContext, StageError, StageEvent,
    imagegen::{
        facts::{AssetMetadata, Current, Facts, Leftovers, Picture, Shelf},
        gather::Found,
    },
};

/// What was found, with everything in it that is mended before anything is bought.
#[derive(Debug, Clone)]
pub(crate) struct Adopted {
    pub(crate) facts: Arc<Facts>,
    pub(crate) shelf: Shelf,
    pub(crate) repairs: Vec<Repair>,
}

/// Finds what is to be mended, and returns all as it will be afterwards.
pub(crate) fn adopt(found: Found) -> Adopted {
    let Found { facts, shelf, leftovers } = found;
    let mut adoption = Adoption { facts, shelf, leftovers, repairs: Vec::new() };
    adoption.finish_torn();
    adoption.restore_stored();
    adoption.settle_calls();
    adoption.sort_pictures();
    adoption.write_off();
    adoption.rebuild_selection();
    adoption.adopt_newer();
    let Adoption { facts, shelf, leftovers, mut repairs } = adoption;
    repairs.extend(leftovers.open_runs.iter().map(|run| Repair::CloseRun(run.id)));
    repairs.extend(leftovers.temporary_files.into_iter().map(Repair::RemoveLeftover));
    Adopted { facts: Arc::new(facts), shelf, repairs }
}

impl Adopted {
    /// Does what [`adopt`] found; the caller holds the episode's lock.
    pub(crate) async fn mend(&self, ctx: &StageContext) -> Result<(), StageError> {
        apply_repairs(ctx, &self.facts, &self.shelf, &self.repairs).await?;
        for repair in &self.repairs {
            ctx.observer.on_event(&StageEvent::Mended { what: repair.to_string() });
        }
        Ok(())
    }
}

/// What was found, while it is made what it will be.
struct Adoption {
    facts: Facts,
    shelf: Shelf,
    leftovers: Leftovers,
    repairs: Vec<Repair>,
}

impl Adoption {
    fn finish_torn(&mut self) {
        let store = self.facts.dir.store();
        for sidecar in std::mem::take(&mut self.leftovers.torn) {
            // Its temporary files get their names, so they are no leftovers.
            let name = format!(".tmp-{}", sidecar.picture_name());
            let json = Path::new(&name).with_extension("json");
            self.leftovers
                .temporary_files
                .retain(|p| *p != store.folder().join(&name) && *p != store.folder().join(&json));
            self.shelf.pictures.retain(|p| p.sidecar.call_id != sidecar.call_id);
            self.shelf.pictures.push(Picture {
                sidecar: sidecar.clone(),
                check: FileCheck::Intact,
                facts: None,
            });
            self.repairs.push(Repair::FinishPicture(Box::new(sidecar)));
        }
    }

    fn restore_stored(&mut self) {
        for (chapter, current) in self.shelf.current.clone() {
            let Some(file) = self.shelf.image_files.get(&chapter) else { continue };
            let sidecar = match self.shelf.picture(current.call) {
                Some(picture) if picture.check == FileCheck::Intact => continue,
                Some(picture) => Some(picture.sidecar.clone()),
                None => self.sidecar_again(&chapter, current.call),
            };
            let Some(sidecar) = sidecar.filter(|s| s.sha256 == file.sha256) else { continue };
            let stored = self.facts.dir.store().picture(&sidecar);
            self.shelf.strays.retain(|p| p.with_extension("png") != stored);
            self.shelf.pictures.retain(|p| p.sidecar.call_id != current.call);
            self.shelf.pictures.push(Picture {
                sidecar: sidecar.clone(),
                check: FileCheck::Intact,
                facts: None,
            });
            self.repairs.push(Repair::RestoreStored { chapter, sidecar: Box::new(sidecar) });
        }
    }

    /// Makes a lost sidecar anew from the manifest, as long as the picture is of what is asked for today:
    /// the snapshot that its hashes are taken over is then known.
    fn sidecar_again(&self, chapter: &ChapterId, call: CallId) -> Option<Sidecar> {
        let entry = self.shelf.entry(chapter)?;
        let request = self.facts.chapter(chapter)?;
        let (snapshot, hashes) = (request.snapshot.clone(), request.hashes);
        if entry.request_hash != Some(hashes.request) {
            return None;
        }
        let row = self.facts.calls.iter().find(|c| c.call_id == call);
        Some(Sidecar {
            episode_id: self.facts.dir.id().clone(),
            chapter_id: chapter.clone(),
            call_id: call,
            chapter_hash: hashes.chapter,
            settings_hash: hashes.settings,
            request_hash: hashes.request,
            sha256: entry.sha256?,
            size_bytes: entry.size_bytes?,
            mime_type: entry.mime_type.clone()?,
            width: entry.width?,
            height: entry.height?,
            model: snapshot.settings.model.clone(),
            size: snapshot.settings.size.clone(),
            quality: snapshot.settings.quality.clone(),
            style: snapshot.settings.style.clone(),
            snapshot,
            prompt: entry.prompt.clone()?,
            revised_prompt: entry.revised_prompt.clone(),
            prompt_source: entry.prompt_source?,
            prompt_call_id: None,
            prompt_cost_usd: Usd::ZERO,
            cost_usd: entry.cost_usd?,
            cost_is_estimate: false,
            tokens_in: row.and_then(|r| r.tokens_in),
            tokens_out: row.and_then(|r| r.tokens_out),
            request_id: row.and_then(|r| r.request_id.clone()),
            sent_at: row.map_or(entry.generated_at?, |r| r.sent_at),
            generated_at: entry.generated_at?,
            c2pa: false,
            attempts: entry.attempts,
            warnings: vec!["the sidecar was lost and made again from the manifest".to_owned()],
        })
    }

    fn settle_calls(&mut self) {
        let stored: BTreeMap<CallId, &Sidecar> =
            self.shelf.pictures.iter().map(|p| (p.sidecar.call_id, &p.sidecar)).collect();
        for call in self.facts.calls.iter_mut().filter(|c| c.stage == Stage::Imagegen) {
            let open = matches!(call.state, CallState::Sent | CallState::Unknown);
            match stored.get(&call.call_id) {
                Some(sidecar) if open => {
                    self.facts.budget.cost = self.facts.budget.cost - call.estimated + sidecar.cost_usd;
                    call.state = CallState::Answered;
                    call.actual = Some(sidecar.cost_usd);
                    self.repairs.push(Repair::SettleAnswered(Box::new((*sidecar).clone())));
                }
                None if call.state == CallState::Sent => {
                    call.state = CallState::Unknown;
                    self.repairs.push(Repair::MarkUnknown {
                        call: call.call_id,
                        chapter: call.chapter_id.clone(),
                        estimate: call.estimated,
                    });
                }
                _ => {}
            }
        }
        let mut known: BTreeSet<CallId> = self.facts.calls.iter().map(|c| c.call_id).collect();
        for sidecar in stored.values().filter(|s| s.episode_id == *self.facts.dir.id()) {
            if !known.insert(sidecar.call_id) {
                continue;
            }
            self.facts.budget.cost += sidecar.cost_usd;
            self.facts.calls.push(answered_call(self.facts.episode.id, sidecar));
            self.repairs.push(Repair::EnterAnswered(Box::new((*sidecar).clone())));
            if let Some(prompt) = sidecar.prompt_call_id.filter(|call| known.insert(*call)) {
                self.facts.budget.cost += sidecar.prompt_cost_usd;
                self.repairs
                    .push(Repair::EnterPrompt { call: prompt, sidecar: Box::new((*sidecar).clone()) });
            }
        }
    }

    /// Returns each call's place in the ledger. It tells which call is newer: an id holds the time, and clocks
    /// may be set back. What has no run comes first, as when the ledger is read.
    fn ledger_order(&self) -> BTreeMap<CallId, (Option<RunId>, usize)> {
        let calls = self.facts.calls.iter().enumerate();
        calls.map(|(at, call)| (call.call_id, (call.run_id, at))).collect()
    }

    /// Puts the pictures in the order in which they were bought.
    fn sort_pictures(&mut self) {
        let order = self.ledger_order();
        self.shelf.pictures.sort_by_key(|p| (order.get(&p.sidecar.call_id).copied(), p.sidecar.call_id));
    }

    /// Pictures that are in no file any more; once the ledger says so, they are no disagreement.
    fn write_off(&mut self) {
        let intact: BTreeSet<CallId> = self
            .shelf
            .pictures
            .iter()
            .filter(|p| p.check == FileCheck::Intact)
            .map(|p| p.sidecar.call_id)
            .collect();
        let paid = self.facts.calls.iter_mut().filter(|c| {
            c.stage == Stage::Imagegen && c.kind == CallKind::Image && c.state == CallState::Answered
        });
        for call in paid.filter(|c| !intact.contains(&c.call_id) && c.error.as_deref() != Some(LOST)) {
            call.error = Some(LOST.to_owned());
            self.repairs.push(Repair::WriteOff { call: call.call_id, chapter: call.chapter_id.clone() });
        }
    }

    /// Without a manifest, the newest picture made for a chapter's text is its current one.
    fn rebuild_selection(&mut self) {
        let why = match (&self.shelf.manifest, &self.leftovers.manifest_problem) {
            (Some(_), _) => return,
            (None, Some(problem)) => problem.clone(),
            (None, None) if self.shelf.pictures.is_empty() => return,
            (None, None) => "it is missing".to_owned(),
        };
        for request in self.facts.chapters.iter().filter(|request| request.is_generable()) {
            let matching = |exact: bool| {
                self.shelf.pictures.iter().rev().find(|p| {
                    let fits = if exact {
                        p.sidecar.request_hash == request.hashes.request
                    } else {
                        p.sidecar.chapter_hash == request.hashes.chapter
                    };
                    fits && p.check == FileCheck::Intact
                        && self.shelf.current.values().all(|c| c.call != p.sidecar.call_id)
                })
            };
            if let Some(call) = matching(true).or_else(|| matching(false)).map(|p| p.sidecar.call_id) {
                self.shelf
                    .current
                    .insert(request.chapter.chapter_id.clone(), Current { call, chosen_for: None });
            }
        }
        // Without rows there was no selection yet, so that none is lost.
        if !self.shelf.rows.is_empty() {
            self.repairs.push(Repair::RebuildSelection { why });
        }
    }

    /// A run that was interrupted between paying and selecting: its picture replaces an older one for the same request.
    ///
    /// Such a picture belongs to a run that is still open, or stands in its chapter's row already.
    fn adopt_newer(&mut self) {
        let open: Vec<RunId> = self.leftovers.open_runs.iter().map(|r| r.id).collect();
        let in_rows: Vec<CallId> =
            self.shelf.rows.iter().filter_map(AssetMetadata::of).map(|asset| asset.call_id).collect();
        let order = self.ledger_order();
        let interrupted = |c: &&ProviderCall| {
            c.run_id.is_some_and(|run| open.contains(&run)) || in_rows.contains(&c.call_id)
        };
        for call in self.facts.calls.iter().filter(interrupted) {
            let Some(picture) = self.shelf.intact(call.call_id) else { continue };
            let (chapter, request) = (picture.sidecar.chapter_id.clone(), picture.sidecar.request_hash);
            let Some(current) = self.shelf.current.get(&chapter).copied() else { continue };
            let same = self.shelf.picture(current.call).is_some_and(|p| p.sidecar.request_hash == request);
            if same && current.chosen_for.is_none() && order.get(&current.call) < order.get(&call.call_id) {
                let taken = Current { call: call.call_id, chosen_for: None };
                self.shelf.current.insert(chapter.clone(), taken);
                self.repairs.push(Repair::AdoptNewer { chapter, call: call.call_id });
            }
        }
    }
}

fn answered_call(episode: EpisodeRowId, sidecar: &Sidecar) -> ProviderCall {
    ProviderCall {
        call_id: sidecar.call_id,
        episode_id: episode,
        run_id: None,
        stage: Stage::Imagegen,
        chapter_id: Some(sidecar.chapter_id.clone()),
        kind: CallKind::Image,
        model: sidecar.model.clone(),
        request_hash: sidecar.request_hash,
        state: CallState::Answered,
        estimated: sidecar.cost_usd,
        actual: Some(sidecar.cost_usd),
        tokens_in: sidecar.tokens_in,
        tokens_out: sidecar.tokens_out,
        reply: None,
        request_id: sidecar.request_id.clone(),
        sent_at: sidecar.sent_at,
        settled_at: None,
        error: None,
    }
}

/// What the ledger says of an answered call whose picture is gone.
const LOST: &str = "its picture in the store is missing or broken";
