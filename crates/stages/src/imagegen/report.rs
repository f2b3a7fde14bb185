//! Puts together what a person is told of a run.

use btcedu_domain::{CallState, ImageStatus, RunId, Stage, Usd};
use btcedu_models::{pipeline_runs, provider_calls};

use crate::{
    StageContext,
    imagegen::{
        entries::Entries,
        finish::Work,
        gather::Inputs,
        reconcile::Repair,
        record::Recorded,
        result::{ChapterResult, ImageGenResult},
        verdict::EndOfRun,
        worklist::{Decision, WorkItem, WorkList},
    },
};

/// Sums from the ledger.
#[derive(Default)]
struct Totals {
    run_cost: Usd,
    episode_cost: Usd,
    input_tokens: i64,
    output_tokens: i64,
    unknown: Vec<Usd>,
}

/// Makes the result; whatever happened, it has the counts and the cost.
pub(crate) async fn report(
    ctx: &StageContext,
    inputs: &Inputs,
    list: &WorkList,
    repairs: &[Repair],
    work: &Work,
    (run, judged): (Option<RunId>, EndOfRun),
) -> ImageGenResult {
    let totals = match load_totals(ctx, inputs, run).await {
        Ok(totals) => totals,
        Err(error) => {
            tracing::warn!(%error, "the ledger can't be read; costs are those of the pictures made");
            totals_of_pictures(inputs, &work.recorded)
        }
    };
    let mut result = ImageGenResult {
        episode_id: inputs.dir.id().clone(),
        generated: 0,
        kept: 0,
        reused: 0,
        skipped: 0,
        rejected: 0,
        failed: 0,
        pending: 0,
        manifest_path: inputs.dir.manifest(),
        provenance_path: inputs.dir.provenance(Stage::Imagegen),
        cost: totals.run_cost,
        episode_cost: totals.episode_cost,
        input_tokens: totals.input_tokens,
        output_tokens: totals.output_tokens,
        unknown_calls: totals.unknown.len(),
        unknown_cost: totals.unknown.into_iter().sum(),
        mended: repairs.iter().map(ToString::to_string).collect(),
        warnings: warnings(&work.recorded.entries),
        chapters: chapters(inputs, list, &work.recorded),
        end: judged.end,
    };
    count(&mut result, &work.recorded);
    result
}

/// Counts each chapter once, by what this run did about it.
fn count(result: &mut ImageGenResult, recorded: &Recorded) {
    for chapter in &result.chapters {
        let missed = recorded.missed.iter().find(|m| m.chapter == chapter.chapter_id);
        let counter = match (missed, chapter.status, chapter.decision) {
            _ if recorded.bought.contains(&chapter.chapter_id) => &mut result.generated,
            (Some(missed), _, _) if missed.rejected => &mut result.rejected,
            (Some(_), _, _) | (None, ImageStatus::Failed, _) => &mut result.failed,
            (None, ImageStatus::Skipped, _) => &mut result.skipped,
            (None, ImageStatus::Rejected, _) => &mut result.rejected,
            (None, ImageStatus::Pending, _) => &mut result.pending,
            (None, ImageStatus::Generated, Decision::Reuse) => &mut result.reused,
            (None, ImageStatus::Generated, _) => &mut result.kept,
        };
        *counter += 1;
    }
}

async fn load_totals(
    ctx: &StageContext,
    inputs: &Inputs,
    run: Option<RunId>,
) -> Result<Totals, btcedu_models::DbError> {
    let row = inputs.episode.id;
    ctx.db
        .run(move |conn| {
            let run = match run {
                Some(id) => pipeline_runs::find(conn, id)?,
                None => None,
            };
            let calls = provider_calls::list_for_episode(conn, row)?;
            Ok(Totals {
                run_cost: run.as_ref().map_or(Usd::ZERO, |r| r.estimated_cost_usd),
                episode_cost: provider_calls::episode_cost(conn, row)?,
                input_tokens: run.as_ref().map_or(0, |r| r.input_tokens),
                output_tokens: run.as_ref().map_or(0, |r| r.output_tokens),
                unknown: calls
                    .iter()
                    .filter(|c| c.state == CallState::Unknown)
                    .map(|c| c.estimated)
                    .collect(),
            })
        })
        .await
}

fn totals_of_pictures(inputs: &Inputs, recorded: &Recorded) -> Totals {
    let bought = recorded.entries.all().iter().filter(|e| recorded.bought.contains(&e.chapter_id));
    let run_cost =
        bought.filter_map(|e| recorded.entries.picture_of(e)).map(|s| s.cost_usd + s.prompt_cost_usd).sum();
    Totals { run_cost, episode_cost: inputs.cost + run_cost, ..Totals::default() }
}

fn warnings(entries: &Entries) -> Vec<String> {
    let told =
        entries.all().iter().flat_map(|e| e.warnings.iter().map(move |w| format!("{}: {w}", e.chapter_id)));
    told.collect()
}

fn chapters(inputs: &Inputs, list: &WorkList, recorded: &Recorded) -> Vec<ChapterResult> {
    let with_entry = list.items.iter().zip(recorded.entries.all());
    let missed = |item: &WorkItem| recorded.missed.iter().find(|m| m.chapter == item.chapter_id);
    with_entry
        .map(|(item, entry)| ChapterResult {
            chapter_id: item.chapter_id.clone(),
            chapter_title: item.chapter_title.clone(),
            visual_type: item.visual_type,
            decision: item.decision,
            reason: item.reason.clone(),
            status: entry.status,
            file: (entry.status == ImageStatus::Generated)
                .then(|| inputs.dir.chapter_picture(&item.chapter_id)),
            cost: entry.cost_usd,
            error: missed(item).map(|m| m.why.clone()),
            refused: missed(item).is_some_and(|m| m.rejected),
        })
        .collect()
}
