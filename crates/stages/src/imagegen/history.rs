//! Earlier pictures of an episode, with date, price and what was different.

use std::path::PathBuf;

use btcedu_artifacts::{CheckDepth, FileCheck};
use btcedu_domain::{CallId, ChapterId, EpisodeId, Usd, UtcTime};
use serde::Serialize;

use crate::{
    StageContext, StageError,
    imagegen::{
        facts::Picture,
        gather::gather,
        reconcile::{Adopted, adopt},
    },
};

/// A stored picture, for a person who chooses among them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StoredPictureInfo {
    /// The chapter that it was made for.
    pub chapter_id: ChapterId,
    /// The call that made it; what `images use` takes.
    pub call_id: CallId,
    /// When it was made.
    pub generated_at: UtcTime,
    /// What it cost.
    #[serde(rename = "cost_usd")]
    pub cost: Usd,
    /// Image model.
    pub model: String,
    /// The chapters for which it is current now.
    pub current_for: Vec<ChapterId>,
    /// Whether its file is whole.
    pub intact: bool,
    /// What is different from what the chapter would be asked for today.
    pub differences: Vec<String>,
    /// The file.
    pub file: PathBuf,
}

/// Lists the stored pictures, of one chapter or all, oldest first.
///
/// # Errors
/// [`StageError`] where episode, document, files or rows can't be read.
pub async fn picture_history(
    ctx: &StageContext,
    id: &EpisodeId,
    chapter: Option<&ChapterId>,
) -> Result<Vec<StoredPictureInfo>, StageError> {
    let adopted = adopt(gather(ctx, id, CheckDepth::Full).await?);
    let wanted = |p: &&Picture| {
        chapter.is_none_or(|c| {
            p.sidecar.chapter_id == *c
                || adopted.shelf.current.get(c).is_some_and(|now| now.call == p.sidecar.call_id)
        })
    };
    Ok(adopted.shelf.pictures.iter().filter(wanted).map(|p| info(&adopted, p)).collect())
}

fn info(adopted: &Adopted, picture: &Picture) -> StoredPictureInfo {
    let sidecar = &picture.sidecar;
    let Adopted { facts, shelf, .. } = adopted;
    let differences = match facts.chapter(&sidecar.chapter_id) {
        Some(today) => today.snapshot.differences_from(&sidecar.snapshot),
        None => vec!["the chapter is no longer in chapters.json".to_owned()],
    };
    let current = shelf.current.iter().filter(|(_, c)| c.call == sidecar.call_id).map(|(id, _)| id.clone());
    StoredPictureInfo {
        chapter_id: sidecar.chapter_id.clone(),
        call_id: sidecar.call_id,
        generated_at: sidecar.generated_at,
        cost: sidecar.cost_usd,
        model: sidecar.model.clone(),
        current_for: current.collect(),
        intact: picture.check == FileCheck::Intact,
        differences,
        file: facts.dir.store().picture(sidecar),
    }
}
