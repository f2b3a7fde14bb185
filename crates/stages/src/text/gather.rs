//! Reads all that a text stage decides from; writes nothing, decides nothing.

use btcedu_artifacts::{EpisodeDir, FileError, MAX_TEXT, Provenance, TextProvenance};
use btcedu_domain::{EpisodeId, RunStatus, Stage};
use btcedu_models::{Conn, episodes, pipeline_runs, provider_calls, review_tasks};

use crate::{
    StageContext, StageError, context,
    frame::{Position, run::Budget, template::Template},
    review_tasks::Reviews,
    sources::{Sources, TextFile, load_sources},
    spec::StageSpec,
    text::facts::{Facts, Output, StageLedger, Templates, check_reached},
};

/// The template that all text stages share.
const SYSTEM: &str = "system";

/// Reads rows and files of a stage, in one piece of blocking work. No lock is needed.
pub(crate) async fn gather(
    ctx: &StageContext,
    id: &EpisodeId,
    spec: &impl StageSpec,
) -> Result<Facts, StageError> {
    let (stage, template) = (spec.name(), spec.template());
    let id = id.clone();
    context::load(ctx, move |conn, ctx| load(conn, ctx, &id, stage, template)).await
}

fn load(
    conn: &mut Conn,
    ctx: &StageContext,
    id: &EpisodeId,
    stage: Stage,
    template: &str,
) -> Result<Facts, StageError> {
    let episode = episodes::find(conn, id)?;
    let episode = episode.ok_or_else(|| StageError::UnknownEpisode { episode: id.clone() })?;
    let position = Position::load(conn, &episode)?;
    let templates = Templates {
        own: Template::load(conn, &ctx.prompts, template)?,
        system: Template::load(conn, &ctx.prompts, SYSTEM)?,
    };
    let dir = ctx.data.episode(id);
    let reviews = Reviews::of(stage, &review_tasks::list_for_episode(conn, id)?);
    // Where the episode hasn't got so far, that is why a file isn't there.
    let sources = load_sources(&dir, stage)
        .map_err(|error| check_reached(&episode, position, stage).err().unwrap_or(error))?;
    let (texts, source_files) = sources.into_iter().map(|source| (source.text, source.file)).unzip();
    Ok(Facts {
        stage,
        budget: Budget {
            cap: ctx.settings.max_episode_cost,
            cost: provider_calls::episode_cost(conn, episode.id)?,
        },
        resend_unknown: ctx.settings.resend_unknown,
        model: ctx.settings.claude_model.clone().unwrap_or_else(|| templates.own.in_use.model.clone()),
        sources: Sources {
            episode: id.clone(),
            title: episode.title.clone(),
            texts,
            feedback: reviews.notes(),
        },
        source_files,
        output: load_output(&dir, stage)?,
        ledger: load_ledger(conn, &episode, stage)?,
        reviews,
        templates,
        position,
        episode,
        dir,
    })
}

fn load_ledger(
    conn: &mut Conn,
    episode: &episodes::Episode,
    stage: Stage,
) -> Result<StageLedger, StageError> {
    let calls = provider_calls::list_for_episode(conn, episode.id)?;
    let runs = pipeline_runs::list_for_episode(conn, episode.id)?;
    let successes = runs.iter().filter(|run| run.stage == stage && run.status == RunStatus::Success);
    Ok(StageLedger {
        last_success: successes.map(|run| run.id).max(),
        calls: calls.into_iter().filter(|call| call.stage == stage).collect(),
    })
}

fn load_output(dir: &EpisodeDir, stage: Stage) -> Result<Output, StageError> {
    let provenance = match dir.data().read_json::<Provenance<TextProvenance>>(&dir.provenance(stage)) {
        Ok(provenance) => provenance,
        // Treated as missing: what it says can't be relied on.
        Err(FileError::Malformed { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let Some(path) = dir.output_of(stage) else { return Ok(Output { file: None, provenance }) };
    let file = match dir.data().hash(&path, MAX_TEXT)? {
        Some(hash) => {
            let stale = dir.data().stale_note(&path)?;
            Some(TextFile { path, hash, stale })
        }
        None => None,
    };
    Ok(Output { file, provenance })
}
