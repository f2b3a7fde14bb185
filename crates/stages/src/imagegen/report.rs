//! Puts together what a person is told of a run.

use btcedu_domain::{CallState, ImageStatus, Stage, Usd};
use btcedu_models::provider_calls;

use crate::{
    StageContext,
    frame::{
        report::{ChapterResult, Decision, PictureCounts, PictureDetails, ReportDetails, StageReport},
        run::Totals,
    },
    imagegen::{
        entries::Entries,
        facts::Facts,
        finish::Finished,
        reconcile::Adopted,
        record::Recorded,
        work::Work,
        worklist::{WorkItem, WorkList},
    },
};

/// Makes the report; whatever happened, it has the counts and the cost.
pub(crate) async fn report(
    ctx: &StageContext,
    adopted: &Adopted,
    list: &WorkList,
    work: &Work,
    finished: Finished,
) -> StageReport {
    let facts = &adopted.facts;
    let (row, run) = (facts.episode.id, finished.run);
    let loaded = ctx.db.run(move |conn| {
        let calls = provider_calls::list_for_episode(conn, row)?;
        let unknown = calls.iter().filter(|call| call.state == CallState::Unknown);
        Ok((Totals::load(conn, row, run)?, unknown.map(|call| call.estimated).collect::<Vec<Usd>>()))
    });
    let (totals, unknown) = loaded.await.unwrap_or_else(|error| {
        tracing::warn!(%error, "the ledger can't be read; costs are those of the pictures made");
        (totals_of_pictures(facts, &work.recorded), Vec::new())
    });
    let chapters = chapters(facts, list, &work.recorded);
    StageReport {
        episode_id: facts.dir.id().clone(),
        stage: Stage::Imagegen,
        end: finished.outcome.end,
        details: ReportDetails::Pictures(PictureDetails {
            counts: count(&chapters, &work.recorded),
            manifest_path: facts.dir.manifest(),
            unknown_calls: unknown.len(),
            unknown_cost: unknown.into_iter().sum(),
            mended: adopted.repairs.iter().map(ToString::to_string).collect(),
            chapters,
        }),
        provenance_path: facts.dir.provenance(Stage::Imagegen),
        cost: totals.cost,
        episode_cost: totals.episode_cost,
        input_tokens: totals.input_tokens,
        output_tokens: totals.output_tokens,
        warnings: warnings(&work.recorded.entries),
    }
}

/// Counts each chapter once, by what this run did about it.
fn count(chapters: &[ChapterResult], recorded: &Recorded) -> PictureCounts {
    let mut counts = PictureCounts::default();
    for chapter in chapters {
        let missed = recorded.missed.iter().find(|m| m.chapter == chapter.chapter_id);
        let counter = match (missed, chapter.status, chapter.decision) {
            _ if recorded.bought.contains(&chapter.chapter_id) => &mut counts.generated,
            (Some(missed), _, _) if missed.rejected => &mut counts.rejected,
            (Some(_), _, _) | (None, ImageStatus::Failed, _) => &mut counts.failed,
            (None, ImageStatus::Skipped, _) => &mut counts.skipped,
            (None, ImageStatus::Rejected, _) => &mut counts.rejected,
            (None, ImageStatus::Pending, _) => &mut counts.pending,
            (None, ImageStatus::Generated, Decision::Reuse) => &mut counts.reused,
            (None, ImageStatus::Generated, _) => &mut counts.kept,
        };
        *counter += 1;
    }
    counts
}

fn totals_of_pictures(facts: &Facts, recorded: &Recorded) -> Totals {
    let bought = recorded.entries.all().iter().filter(|e| recorded.bought.contains(&e.chapter_id));
    let cost =
        bought.filter_map(|e| recorded.entries.picture_of(e)).map(|s| s.cost_usd + s.prompt_cost_usd).sum();
    Totals { cost, episode_cost: facts.budget.cost + cost, ..Totals::default() }
}

fn warnings(entries: &Entries) -> Vec<String> {
    let told =
        entries.all().iter().flat_map(|e| e.warnings.iter().map(move |w| format!("{}: {w}", e.chapter_id)));
    told.collect()
}

fn chapters(facts: &Facts, list: &WorkList, recorded: &Recorded) -> Vec<ChapterResult> {
    let with_entry = list.items.iter().zip(recorded.entries.all());
    let missed = |item: &WorkItem| recorded.missed.iter().find(|m| m.chapter == *item.id());
    with_entry
        .map(|(item, entry)| ChapterResult {
            chapter_id: item.id().clone(),
            chapter_title: item.planned.chapter_title.clone(),
            visual_type: item.planned.visual_type,
            decision: item.planned.decision,
            reason: item.planned.reason.clone(),
            status: entry.status,
            file: (entry.status == ImageStatus::Generated).then(|| facts.dir.chapter_picture(item.id())),
            cost: entry.cost_usd,
            error: missed(item).map(|m| m.why.clone()),
            refused: missed(item).is_some_and(|m| m.rejected),
        })
        .collect()
}
