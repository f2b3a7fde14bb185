//! Every disagreement between store, ledger, rows, chapter files and manifest; found, and mended on request.

use btcedu_artifacts::{CheckDepth, EpisodeLock, FileCheck, Sidecar};
use btcedu_domain::{CallKind, CallState, ChapterId, EpisodeId, ImageStatus, Stage};
use serde::Serialize;

use crate::{
    StageContext, StageError,
    imagegen::{
        entries::Entries,
        gather::{AssetMetadata, Inputs, gather},
        publish::{self, Publication},
        reconcile::{Repair, adopt, apply_repairs},
        worklist::{Decision, ImageGenFlags, WorkList, plan_images},
    },
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
    let inputs = gather(ctx, id, CheckDepth::Full).await?;
    Ok(VerifyReport {
        episode_id: id.clone(),
        pictures: inputs.pictures.len(),
        findings: find(&inputs),
        mended: Vec::new(),
    })
}

/// Mends what can be mended without buying anything, then looks again.
///
/// # Errors
/// As [`verify_pictures`], and where mending fails.
pub async fn repair_pictures(ctx: &StageContext, lock: &EpisodeLock) -> Result<VerifyReport, StageError> {
    let before = verify_pictures(ctx, lock.episode()).await?;
    let (mut inputs, repairs) = adopt(gather(ctx, lock.episode(), CheckDepth::Full).await?);
    apply_repairs(ctx, &inputs, &repairs).await?;
    // Asked to put the paid pictures back, an edited file gives way; it is kept beside.
    let edited: Vec<ChapterId> =
        inputs.chapter_files.iter().filter(|(_, f)| f.edited).map(|(id, _)| id.clone()).collect();
    let paths: Vec<_> = edited.iter().map(|id| inputs.dir.chapter_picture(id)).collect();
    btcedu_pictures::offload(move || paths.iter().try_for_each(|p| publish::set_aside(p))).await??;
    for id in &edited {
        if let Some(file) = inputs.chapter_files.get_mut(id) {
            file.edited = false;
        }
    }
    let entries = Entries::at_start(&inputs, &selection_only(&inputs)?);
    let plan = Publication::plan(&inputs, &entries, ctx.clock.now());
    let after = inputs.clone();
    let plan = btcedu_pictures::offload(move || plan.write_files(&after).map(|()| plan)).await??;
    let rows = publish::load_rows_of(&inputs, &entries).await?;
    publish::write_rows_alone(ctx, plan, &inputs, rows).await?;
    let after = verify_pictures(ctx, lock.episode()).await?;
    let mended =
        before.findings.into_iter().filter(|f| !after.findings.contains(f)).map(|f| f.what).collect();
    Ok(VerifyReport { mended, ..after })
}

/// The selection as it is: what a run would make anew is left as its entry says.
fn selection_only(inputs: &Inputs) -> Result<WorkList, StageError> {
    let mut list = plan_images(inputs, &ImageGenFlags::default()).or_else(|error| match error {
        // Prices don't matter where nothing is bought.
        StageError::NoTextPrice { .. } | StageError::NoImagePrice { .. } => {
            Ok(WorkList { items: Vec::new(), estimate: inputs.cost, cost: inputs.cost, cap: inputs.cap })
        }
        other => Err(other),
    })?;
    for item in &mut list.items {
        if matches!(item.decision, Decision::Generate | Decision::Reuse) && inputs.manifest.is_some() {
            item.decision = Decision::Leave;
            item.picture = inputs.current.get(&item.chapter_id).map(|c| c.call);
        }
    }
    Ok(list)
}

fn find(inputs: &Inputs) -> Vec<Finding> {
    let (adopted, repairs) = adopt(inputs.clone());
    let mut findings: Vec<Finding> = repairs.iter().map(from_repair).collect();
    look_at_store(&adopted, &mut findings);
    look_at_ledger(&adopted, &mut findings);
    look_at_manifest(&adopted, &mut findings);
    look_at_rows(&adopted, &mut findings);
    let orphans = adopted
        .orphans
        .iter()
        .map(|path| mendable(None, format!("'{}' belongs to no chapter of chapters.json", path.display())));
    findings.extend(orphans);
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
    let chapter = match repair {
        Repair::FinishPicture(s) | Repair::SettleAnswered(s) | Repair::EnterAnswered(s) => {
            Some(&s.chapter_id)
        }
        Repair::MarkUnknown { chapter, .. } => chapter.as_ref(),
        Repair::RestoreStored { chapter, .. } | Repair::TakeUp { chapter, .. } => Some(chapter),
        Repair::CloseRun(_) | Repair::RebuildSelection { .. } | Repair::RemoveLeftover(_) => None,
    };
    let what = match repair {
        // To a reader, an open row may belong to a run that is at work right now.
        Repair::MarkUnknown { call, estimate, .. } => {
            format!("call {call} is in flight or was interrupted (about {estimate})")
        }
        Repair::CloseRun(run) => format!("run {} is at work or was interrupted", run.0),
        other => other.to_string(),
    };
    mendable(chapter, what)
}

fn look_at_store(inputs: &Inputs, findings: &mut Vec<Finding>) {
    for picture in &inputs.pictures {
        let Sidecar { chapter_id, call_id, .. } = &picture.sidecar;
        let what = match picture.check {
            FileCheck::Intact => continue,
            FileCheck::Missing => format!("the stored picture of call {call_id} is missing"),
            FileCheck::Changed => format!("the stored picture of call {call_id} is broken"),
        };
        findings.push(lasting(Some(chapter_id), what));
    }
    findings.extend(
        inputs
            .strays
            .iter()
            .map(|path| lasting(None, format!("'{}' in the store has no usable sidecar", path.display()))),
    );
}

fn look_at_ledger(inputs: &Inputs, findings: &mut Vec<Finding>) {
    let paid = inputs.calls.iter().filter(|c| {
        c.stage == Stage::Imagegen && c.kind == CallKind::Image && c.state == CallState::Answered
    });
    for call in paid {
        match inputs.picture(call.call_id) {
            None => findings.push(lasting(
                call.chapter_id.as_ref(),
                format!(
                    "call {} was answered and paid for, and its picture is not in the store",
                    call.call_id
                ),
            )),
            Some(picture) if call.actual != Some(picture.sidecar.cost_usd) => findings.push(lasting(
                call.chapter_id.as_ref(),
                format!("call {} costs something else in the ledger than in its sidecar", call.call_id),
            )),
            Some(_) => {}
        }
    }
}

fn look_at_manifest(inputs: &Inputs, findings: &mut Vec<Finding>) {
    let Some(manifest) = &inputs.manifest else { return };
    let wanted: Vec<&ChapterId> = inputs.document.chapters.iter().map(|c| &c.chapter_id).collect();
    let found: Vec<&ChapterId> = manifest.images.iter().map(|e| &e.chapter_id).collect();
    if wanted != found {
        findings.push(mendable(
            None,
            "the manifest doesn't have one entry per chapter, in chapter order".to_owned(),
        ));
    }
    for entry in &manifest.images {
        let id = &entry.chapter_id;
        let file = inputs.chapter_files.get(id);
        if entry.status != ImageStatus::Generated {
            if file.is_some() {
                findings.push(mendable(
                    Some(id),
                    format!("images/{id}.png is there, and the manifest knows no picture"),
                ));
            }
            continue;
        }
        let picture = entry.call_id.and_then(|call| inputs.picture(call));
        match picture {
            None => findings
                .push(lasting(Some(id), "the manifest names a picture that is not in the store".to_owned())),
            Some(p) if entry.sha256 != Some(p.sidecar.sha256) => {
                findings
                    .push(mendable(Some(id), "the manifest has another hash than the picture".to_owned()));
            }
            Some(_) => {}
        }
        let what = match file {
            Some(f) if f.check == FileCheck::Intact => continue,
            None => format!("images/{id}.png is missing"),
            Some(f) if f.edited => format!("images/{id}.png was edited by hand"),
            Some(_) => format!("images/{id}.png is broken"),
        };
        findings.push(Finding {
            mendable: picture.is_some_and(|p| p.check == FileCheck::Intact),
            ..lasting(Some(id), what)
        });
    }
}

fn look_at_rows(inputs: &Inputs, findings: &mut Vec<Finding>) {
    let entries =
        inputs.manifest.iter().flat_map(|m| &m.images).filter(|e| e.status == ImageStatus::Generated);
    let mut with_picture = Vec::new();
    for entry in entries {
        let id = &entry.chapter_id;
        with_picture.push(id);
        let row = inputs.rows.iter().find(|r| r.chapter_id.as_ref() == Some(id));
        let call = row
            .and_then(|r| serde_json::from_str::<AssetMetadata>(r.metadata.as_deref()?).ok())
            .map(|metadata| metadata.call_id);
        let what = match (row, call) {
            (None, _) => "media_assets has no row for its picture",
            (Some(_), call) if call != entry.call_id => {
                "media_assets names another picture than the manifest"
            }
            _ => continue,
        };
        findings.push(mendable(Some(id), what.to_owned()));
    }
    if inputs.manifest.is_some() {
        let extra =
            inputs.rows.iter().filter_map(|r| r.chapter_id.as_ref()).filter(|id| !with_picture.contains(id));
        findings.extend(extra.map(|id| {
            mendable(Some(id), "media_assets has a row, and the manifest knows no picture".to_owned())
        }));
    }
}
