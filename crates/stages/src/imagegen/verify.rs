//! Every disagreement between store, ledger, rows, chapter files and manifest; found, and mended on request.

use btcedu_artifacts::{CheckDepth, EpisodeLock, FileCheck};
use btcedu_domain::{CallKind, CallState, ChapterId, EpisodeId, ImageStatus, Stage};
use serde::Serialize;

use crate::{
    StageContext, StageError,
    frame::report::{Decision, StageFlags},
    imagegen::{
        entries::Entries,
        facts::{AssetMetadata, Facts, Shelf},
        gather::{Found, gather},
        publish::{PlannedRows, Publication},
        reconcile::{Adopted, Repair, adopt},
        worklist::{WorkList, select_images},
    },
    with_files,
};

/// One disagreement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The chapter concerned, where there is one.
    pub chapter_id: Option<ChapterId>,
    /// What disagrees, in words.
    pub what: String,
    /// Whether `--repair` mends it.
    pub mendable: bool,
}

/// What a look at an episode's pictures found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    /// The episode.
    pub episode_id: EpisodeId,
    /// Pictures in the store, each compared with its hash.
    pub pictures: usize,
    /// What disagrees.
    pub findings: Vec<Finding>,
    /// What was mended, in words.
    pub mended: Vec<String>,
}

/// Compares everything with everything, every picture by its hash. Writes nothing, takes no lock.
///
/// # Errors
/// [`StageError`] where episode, document, files or rows can't be read.
pub async fn verify_pictures(ctx: &StageContext, id: &EpisodeId) -> Result<VerifyReport, StageError> {
    let found = gather(ctx, id, CheckDepth::Full).await?;
    Ok(VerifyReport {
        episode_id: id.clone(),
        pictures: found.shelf.pictures.len(),
        findings: find(found),
        mended: Vec::new(),
    })
}

/// Mends what can be mended without buying anything, then looks again.
///
/// # Errors
/// As [`verify_pictures`], and where mending fails.
pub async fn repair_pictures(ctx: &StageContext, lock: &EpisodeLock) -> Result<VerifyReport, StageError> {
    let before = verify_pictures(ctx, lock.episode()).await?;
    let adopted = adopt(gather(ctx, lock.episode(), CheckDepth::Full).await?);
    adopted.mend(ctx).await?;
    let Adopted { facts, mut shelf, .. } = adopted;
    // Asked to put the paid pictures back, an edited file gives way; it is kept beside.
    let edited: Vec<ChapterId> = shelf.image_files.keys().filter(|id| shelf.is_edited(id)).cloned().collect();
    let paths: Vec<_> = edited.iter().map(|id| facts.dir.chapter_picture(id)).collect();
    let data = facts.dir.data();
    with_files(move || paths.iter().try_for_each(|path| data.keep_edited(path).map(drop))).await?;
    shelf.image_files.retain(|id, _| !edited.contains(id));
    let entries = Entries::at_start(&facts, &shelf, &selection_only(&facts, &shelf)?);
    let plan = Publication::plan(&facts, &shelf, &entries, ctx.clock.now());
    let dir = facts.dir.clone();
    let plan = with_files(move || plan.write_files(&dir).map(|()| plan)).await?;
    let rows = PlannedRows::load(&facts.dir, &shelf, &entries, plan).await?;
    rows.write_alone(ctx, &facts.dir, &shelf).await?;
    let after = verify_pictures(ctx, lock.episode()).await?;
    let mended =
        before.findings.into_iter().filter(|f| !after.findings.contains(f)).map(|f| f.what).collect();
    Ok(VerifyReport { mended, ..after })
}

/// The selection as it is: what a run would make anew is left as its entry says.
fn selection_only(facts: &Facts, shelf: &Shelf) -> Result<WorkList, StageError> {
    let mut list = select_images(facts, shelf, &StageFlags::default())?;
    for item in &mut list.items {
        // What has no entry has no selection to keep: any fitting picture of the store is right.
        let has_entry = shelf.entry(item.id()).is_some();
        if matches!(item.planned.decision, Decision::Generate | Decision::Reuse) && has_entry {
            item.planned.decision = Decision::Leave;
            item.picture = shelf.current.get(item.id()).map(|c| c.call);
        }
    }
    Ok(list)
}

fn find(found: Found) -> Vec<Finding> {
    let Adopted { facts, shelf, repairs } = adopt(found);
    let mut findings: Vec<Finding> = repairs.iter().map(from_repair).collect();
    look_at_store(&shelf, &mut findings);
    look_at_ledger(&facts, &shelf, &mut findings);
    look_at_manifest(&facts, &shelf, &mut findings);
    look_at_rows(&shelf, &mut findings);
    let of_no_chapter = |id: &&ChapterId| facts.chapter(id).is_none() && shelf.is_stored_copy(id);
    let orphans = shelf.image_files.keys().filter(of_no_chapter);
    findings.extend(
        orphans.map(|id| mendable(None, format!("images/{id}.png belongs to no chapter of chapters.json"))),
    );
    findings.dedup();
    findings
}

fn mendable(chapter: Option<&ChapterId>, what: String) -> Finding {
    Finding { chapter_id: chapter.cloned(), what, mendable: true }
}

fn lasting(chapter: Option<&ChapterId>, what: String) -> Finding {
    Finding { chapter_id: chapter.cloned(), what, mendable: false }
}

fn from_repair(repair: &Repair) -> Finding {
    let (chapter, what) = repair.for_readers();
    Finding { mendable: !matches!(repair, Repair::WriteOff { .. }), ..mendable(chapter, what) }
}

/// Pictures that are gone were told of by [`adopt`], or the ledger says so already.
fn look_at_store(shelf: &Shelf, findings: &mut Vec<Finding>) {
    findings.extend(shelf.strays.iter().map(|path| {
        let what = format!(
            "'{}' in the store has no usable other half; put that back beside it, or move it away",
            path.display()
        );
        lasting(None, what)
    }));
}

fn look_at_ledger(facts: &Facts, shelf: &Shelf, findings: &mut Vec<Finding>) {
    let paid = facts.calls.iter().filter(|c| {
        c.stage == Stage::Imagegen && c.kind == CallKind::Image && c.state == CallState::Answered
    });
    for call in paid {
        if shelf.picture(call.call_id).is_some_and(|p| call.actual != Some(p.sidecar.cost_usd)) {
            findings.push(lasting(
                call.chapter_id.as_ref(),
                format!("call {} costs something else in the ledger than in its sidecar", call.call_id),
            ));
        }
    }
}

fn look_at_manifest(facts: &Facts, shelf: &Shelf, findings: &mut Vec<Finding>) {
    let Some(manifest) = &shelf.manifest else { return };
    let wanted: Vec<&ChapterId> = facts.chapters.iter().map(|c| &c.chapter.chapter_id).collect();
    let found: Vec<&ChapterId> = manifest.images.iter().map(|e| &e.chapter_id).collect();
    if wanted != found {
        findings.push(mendable(
            None,
            "the manifest doesn't have one entry per chapter, in chapter order".to_owned(),
        ));
    }
    for entry in &manifest.images {
        let id = &entry.chapter_id;
        if entry.status != ImageStatus::Generated {
            // A picture that isn't ours may well stand here: a brand's own for a title card, say.
            if shelf.is_stored_copy(id) {
                findings.push(mendable(
                    Some(id),
                    format!("images/{id}.png is there, and the manifest knows no picture"),
                ));
            }
            continue;
        }
        let picture = entry.call_id.and_then(|call| shelf.picture(call));
        match picture {
            None => findings
                .push(lasting(Some(id), "the manifest names a picture that is not in the store".to_owned())),
            Some(p) if entry.sha256 != Some(p.sidecar.sha256) => {
                findings
                    .push(mendable(Some(id), "the manifest has another hash than the picture".to_owned()));
            }
            Some(_) => {}
        }
        let what = match shelf.image_files.get(id) {
            _ if shelf.shows_current(id) => continue,
            // Told already: there is nothing to compare it with.
            Some(_) if picture.is_none() => continue,
            None => format!("images/{id}.png is missing"),
            Some(_) if shelf.is_edited(id) => format!("images/{id}.png was edited by hand"),
            Some(_) => format!("images/{id}.png is broken, or shows another picture of the store"),
        };
        findings.push(Finding {
            mendable: picture.is_some_and(|p| p.check == FileCheck::Intact),
            ..lasting(Some(id), what)
        });
    }
}

fn look_at_rows(shelf: &Shelf, findings: &mut Vec<Finding>) {
    let entries =
        shelf.manifest.iter().flat_map(|m| &m.images).filter(|e| e.status == ImageStatus::Generated);
    let mut with_picture = Vec::new();
    for entry in entries {
        let id = &entry.chapter_id;
        with_picture.push(id);
        let row = shelf.rows.iter().find(|r| r.chapter_id.as_ref() == Some(id));
        let call = row.and_then(|row| AssetMetadata::of(row).map(|asset| asset.call_id));
        let what = match (row, call) {
            (None, _) => "media_assets has no row for its picture",
            (Some(_), call) if call != entry.call_id => {
                "media_assets names another picture than the manifest"
            }
            _ => continue,
        };
        findings.push(mendable(Some(id), what.to_owned()));
    }
    if shelf.manifest.is_some() {
        let extra =
            shelf.rows.iter().filter_map(|r| r.chapter_id.as_ref()).filter(|id| !with_picture.contains(id));
        findings.extend(extra.map(|id| {
            mendable(Some(id), "media_assets has a row, and the manifest knows no picture".to_owned())
        }));
    }
}
