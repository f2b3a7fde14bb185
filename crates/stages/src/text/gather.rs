//! Reads all that a text stage's decision depends on; writes nothing.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use btcedu_artifacts::{EpisodeDir, FileError, Provenance, TextProvenance, read_json, read_optional};
use btcedu_domain::{
    CallState, EpisodeId, EpisodeStatus, PipelineVersion, ReviewStage, ReviewStatus, Sha256Hash, Stage, Usd,
};
use btcedu_models::{
    Conn, DbError,
    episodes::{self, Episode},
    pipeline_runs::{self, PipelineRun},
    provider_calls::{self, ProviderCall},
    review_tasks::{self, ReviewTask},
};
use btcedu_prompts::{PromptInUse, PromptName, PromptTemplate};

use crate::{
    ResendUnknown, StageContext, StageError,
    review::{StaleNote, marker_author, stale_note},
    text::stage::{Sources, TextStage},
    text_call::PaidText,
    with_files,
};

/// The template that all text stages share.
const SYSTEM: &str = "system";

/// A text on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TextFile {
    pub(crate) path: PathBuf,
    pub(crate) hash: Sha256Hash,
}

/// Everything that a decision depends on.
#[derive(Debug, Clone)]
pub(crate) struct Gathered {
    pub(crate) stage: TextStage,
    pub(crate) dir: EpisodeDir,
    pub(crate) episode: Episode,
    pub(crate) sources: Sources,
    pub(crate) source_files: Vec<TextFile>,
    /// A source is out of date itself, and why.
    pub(crate) stale_source: Option<(PathBuf, String)>,
    /// Hash of what is read, over all sources.
    pub(crate) input_hash: Sha256Hash,
    pub(crate) output: Option<TextFile>,
    pub(crate) stale: Option<String>,
    /// Who has marked it as stale.
    pub(crate) stale_by: Option<String>,
    pub(crate) provenance: Option<Provenance<TextProvenance>>,
    pub(crate) prompt: PromptInUse,
    pub(crate) system: PromptInUse,
    pub(crate) model: String,
    /// Usable replies by what was asked, the newest where there are several.
    pub(crate) paid: BTreeMap<Sha256Hash, PaidText>,
    /// The text that a review sent back, where it hasn't been made anew yet.
    pub(crate) sent_back: Option<SentBack>,
    /// Replies that were paid for and can't be used.
    pub(crate) spoiled: BTreeMap<Sha256Hash, Spoiled>,
    /// Calls that may have been billed, by what was asked.
    pub(crate) unknown: BTreeMap<Sha256Hash, Usd>,
    pub(crate) resend_unknown: ResendUnknown,
    /// A run of this stage was interrupted while it wrote its files.
    pub(crate) unfinished: bool,
    /// How far the episode is; where a cap stopped it, where that was.
    pub(crate) standing: Option<usize>,
    /// The newest task of the gate before the stage.
    pub(crate) task_before: Option<ReviewTask>,
    /// The newest task of that gate that was approved, for whatever text.
    pub(crate) approved_before: Option<i64>,
    pub(crate) cost: Usd,
    pub(crate) cap: Usd,
}

/// A text that a review sent back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SentBack {
    pub(crate) task: i64,
    /// How its marker names it.
    pub(crate) author: String,
    pub(crate) hash: Option<Sha256Hash>,
}

/// A reply that can't be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spoiled {
    pub(crate) reply: String,
    /// What was wrong with it.
    pub(crate) problem: String,
}

impl Spoiled {
    fn of(row: &ProviderCall) -> Option<Self> {
        Some(Self { reply: row.reply.clone()?, problem: row.error.clone()? })
    }
}

impl Gathered {
    /// Tells whether a person wrote in a text after a review had sent it back: that is the answer to the review.
    pub(crate) fn is_reworked_by_hand(&self) -> bool {
        let (Some(sent_back), Some(output)) = (&self.sent_back, &self.output) else { return false };
        let by_others = self.stale_by.as_ref().is_some_and(|by| *by != sent_back.author);
        let made = self.provenance.as_ref().and_then(|made| made.output_hashes.first());
        let is_theirs = made != Some(&output.hash) && sent_back.hash.is_some_and(|hash| hash != output.hash);
        is_theirs && !by_others
    }
}

/// A stage's template and the one that all share, as the files have them.
#[derive(Debug, Clone)]
pub(crate) struct Templates {
    pub(crate) own: (PromptName, Option<PromptTemplate>),
    pub(crate) system: (PromptName, Option<PromptTemplate>),
}

impl Templates {
    pub(crate) fn load(ctx: &StageContext, stage: TextStage) -> Result<Self, StageError> {
        let load = |name: &str| {
            let name: PromptName = name.parse()?;
            let file = ctx.prompts.load(&name)?;
            Ok::<_, StageError>((name, file))
        };
        Ok(Self { own: load(stage.template())?, system: load(SYSTEM)? })
    }
}

struct Rows {
    episode: Option<Episode>,
    calls: Vec<ProviderCall>,
    runs: Vec<PipelineRun>,
    /// Newest first.
    tasks: Vec<ReviewTask>,
    prompt: Option<PromptInUse>,
    system: Option<PromptInUse>,
    cost: Usd,
}

fn load_rows(conn: &mut Conn, id: &EpisodeId, templates: &Templates) -> Result<Rows, DbError> {
    let in_use = |conn: &mut Conn, (name, file): &(PromptName, Option<PromptTemplate>)| {
        btcedu_prompts::in_use(conn, name, file.as_ref())
    };
    let mut rows = Rows {
        prompt: in_use(conn, &templates.own)?,
        system: in_use(conn, &templates.system)?,
        tasks: review_tasks::list_for_episode(conn, id)?,
        episode: episodes::find(conn, id)?,
        calls: Vec::new(),
        runs: Vec::new(),
        cost: Usd::ZERO,
    };
    if let Some(episode) = &rows.episode {
        rows.calls = provider_calls::list_for_episode(conn, episode.id)?;
        rows.runs = pipeline_runs::list_for_episode(conn, episode.id)?;
        rows.cost = provider_calls::episode_cost(conn, episode.id)?;
    }
    Ok(rows)
}

/// Reads rows and files of a stage. Nothing is written, and no lock is needed.
pub(crate) async fn gather(
    ctx: &StageContext,
    id: &EpisodeId,
    stage: TextStage,
) -> Result<Gathered, StageError> {
    let templates = Templates::load(ctx, stage)?;
    let rows = {
        let (id, templates) = (id.clone(), templates.clone());
        ctx.db.run(move |conn| load_rows(conn, &id, &templates)).await?
    };
    let episode = rows.episode.ok_or_else(|| StageError::UnknownEpisode { episode: id.clone() })?;
    if episode.pipeline_version != PipelineVersion::V2 {
        return Err(StageError::WrongPipeline { episode: id.clone(), stage: stage.stage() });
    }
    let prompt = rows.prompt.ok_or_else(|| ctx.prompts.unknown(&templates.own.0))?;
    let system = rows.system.ok_or_else(|| ctx.prompts.unknown(&templates.system.0))?;
    let standing = standing(&episode, &rows.runs);
    check_reached(&episode, stage, standing)?;
    let dir = ctx.data.episode(id);
    let files = {
        let dir = dir.clone();
        with_files(move || Files::load(&dir, stage)).await?
    };
    let own: Vec<&ProviderCall> = rows.calls.iter().filter(|c| c.stage == stage.stage()).collect();
    let of = |gate: Option<ReviewStage>| rows.tasks.iter().filter(move |task| Some(task.stage) == gate);
    let (before, after) = (of(stage.gate_before()).next(), of(stage.gate_after()).next());
    let approved = of(stage.gate_before()).find(|task| task.status == ReviewStatus::Approved);
    let sent_back = after.filter(|task| task.status.is_sent_back());
    // What a review sent back is made anew: the answers that it was made from are of no more use.
    let since = sent_back.and_then(|task| task.reviewed_at);
    let kept = |state: CallState| {
        own.iter().filter(move |c| c.state == state && since.is_none_or(|at| c.sent_at > at))
    };
    let open = own.iter().filter(|c| matches!(c.state, CallState::Sent | CallState::Unknown));
    let feedback = sent_back.and_then(notes_of);
    // Of a decision that was interrupted before it was written down, only the marker is there.
    let undecided = before.filter(|task| !task.status.is_sent_back()).map(marker_author);
    let stale_source = files.stale_source.filter(|(_, stale)| Some(&stale.by) != undecided.as_ref());
    Ok(Gathered {
        paid: kept(CallState::Answered).filter_map(|c| Some((c.request_hash, PaidText::of(c)?))).collect(),
        spoiled: kept(CallState::Failed).filter_map(|c| Some((c.request_hash, Spoiled::of(c)?))).collect(),
        unknown: open.map(|c| (c.request_hash, c.estimated)).collect(),
        sent_back: sent_back.map(|task| SentBack {
            task: task.id,
            author: marker_author(task),
            hash: task.artifact_hash,
        }),
        sources: Sources { episode: id.clone(), title: episode.title.clone(), texts: files.texts, feedback },
        model: ctx.settings.claude_model.clone().unwrap_or_else(|| prompt.model.clone()),
        input_hash: hash_of_all(&files.sources),
        source_files: files.sources,
        stale_source: stale_source.map(|(path, stale)| (path, stale.reason)),
        unfinished: files.stale.as_ref().is_some_and(|stale| stale.by == stage.stage().as_str()),
        stale_by: files.stale.as_ref().map(|stale| stale.by.clone()),
        output: files.output,
        stale: files.stale.map(|stale| stale.reason),
        provenance: files.provenance,
        resend_unknown: ctx.settings.resend_unknown,
        standing,
        task_before: before.cloned(),
        approved_before: approved.map(|task| task.id),
        cost: rows.cost,
        cap: ctx.settings.max_episode_cost,
        stage,
        dir,
        episode,
        prompt,
        system,
    })
}

fn notes_of(task: &ReviewTask) -> Option<String> {
    let notes = task.reviewer_notes.as_deref()?.trim();
    (!notes.is_empty()).then(|| notes.to_owned())
}

/// Returns how far an episode is in v2; the runs tell in which stage a cap was reached.
pub fn standing(episode: &Episode, runs: &[PipelineRun]) -> Option<usize> {
    match episode.status {
        EpisodeStatus::CostLimit => match runs.iter().max_by_key(|r| r.id)?.stage {
            Stage::Imagegen => EpisodeStatus::Chapterized.place_in_v2(),
            stage => TextStage::of(stage)?.starts_at().place_in_v2(),
        },
        status => status.place_in_v2(),
    }
}

/// Refuses an episode that hasn't got so far.
fn check_reached(episode: &Episode, stage: TextStage, standing: Option<usize>) -> Result<(), StageError> {
    if standing >= stage.starts_at().place_in_v2() {
        return Ok(());
    }
    let id = &episode.episode_id;
    Err(StageError::WrongStatus {
        episode: id.clone(),
        status: episode.status,
        stage: stage.stage(),
        wanted: stage.starts_at().as_str(),
        hint: format!("`btcedu plan {id}` shows what comes before"),
    })
}

/// One hash for all that is read: the file's own where there is only one.
fn hash_of_all(sources: &[TextFile]) -> Sha256Hash {
    match sources {
        [only] => only.hash,
        several => {
            let hashes: Vec<String> = several.iter().map(|s| s.hash.to_string()).collect();
            Sha256Hash::of_bytes(hashes.join("\n").as_bytes())
        }
    }
}

struct Files {
    texts: Vec<String>,
    sources: Vec<TextFile>,
    stale_source: Option<(PathBuf, StaleNote)>,
    output: Option<TextFile>,
    stale: Option<StaleNote>,
    provenance: Option<Provenance<TextProvenance>>,
}

impl Files {
    fn load(dir: &EpisodeDir, stage: TextStage) -> Result<Self, StageError> {
        let (mut texts, mut sources, mut stale_source) = (Vec::new(), Vec::new(), None);
        for path in stage.sources(dir) {
            let (text, hash) = read_text(dir, &path)?;
            if stale_source.is_none() {
                stale_source = stale_note(&path)?.map(|stale| (path.clone(), stale));
            }
            texts.push(text);
            sources.push(TextFile { path, hash });
        }
        let output = stage.output(dir);
        let bytes = read_optional(&output)?;
        let provenance = match read_json(&dir.provenance(stage.stage())) {
            Ok(provenance) => provenance,
            // As good as none: what it says can't be relied on.
            Err(FileError::Malformed { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        Ok(Self {
            texts,
            sources,
            stale_source,
            stale: stale_note(&output)?,
            output: bytes.map(|bytes| TextFile { path: output, hash: Sha256Hash::of_bytes(&bytes) }),
            provenance,
        })
    }
}

/// Reads a text that must be there, in UTF-8 and not blank.
fn read_text(dir: &EpisodeDir, path: &Path) -> Result<(String, Sha256Hash), StageError> {
    let episode = dir.id().clone();
    let Some(bytes) = read_optional(path)? else {
        let hint = "an earlier stage writes it, and `btcedu plan` shows which; or put it back";
        return Err(StageError::MissingInput { episode, path: path.to_owned(), hint });
    };
    let hash = Sha256Hash::of_bytes(&bytes);
    let problem = match String::from_utf8(bytes) {
        Ok(text) if text.trim().is_empty() => "is empty",
        Ok(text) => return Ok((text.trim_start_matches('\u{feff}').replace("\r\n", "\n"), hash)),
        Err(_not_text) => "is not text in UTF-8",
    };
    Err(StageError::BadText { episode, path: path.to_owned(), problem })
}

/// Reads what a stage reads and what it wrote; none where one of them isn't there or is no text.
pub(crate) fn load_pair(dir: &EpisodeDir, stage: TextStage) -> Result<Option<(Sources, String)>, StageError> {
    let read = || {
        let read = |path: &PathBuf| read_text(dir, path).map(|(text, _)| text);
        let texts = stage.sources(dir).iter().map(read).collect::<Result<Vec<String>, StageError>>()?;
        let sources = Sources { episode: dir.id().clone(), title: String::new(), texts, feedback: None };
        Ok((sources, read(&stage.output(dir))?))
    };
    match read() {
        Ok(pair) => Ok(Some(pair)),
        Err(StageError::MissingInput { .. } | StageError::BadText { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
