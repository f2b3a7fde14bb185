//! Decides whether a text stage has anything to do, and which calls that takes; pure.

use btcedu_clients::TextRequest;
use btcedu_domain::Usd;

use crate::{
    ResendUnknown, StageError,
    text::{
        gather::Gathered,
        stage::{Craft, Job},
    },
    text_call::{PaidText, text_hash},
};

/// The line of a template below which its text changes from call to call.
const VARIABLE_PART: &str = "<!-- variable part -->";

/// What a person asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TextFlags {
    /// Do it again whatever is there, and write over what was edited by hand.
    pub force: bool,
    /// Another model than the one that was used is reason enough.
    pub refresh: bool,
}

/// What there is to do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TextDecision {
    /// What is there is what would be made.
    Current { note: String },
    /// It has to be made.
    Make { reason: String, calls: Vec<PlannedCall> },
}

impl TextDecision {
    /// Returns what the calls should cost at most that aren't paid yet.
    pub(crate) fn estimate(&self) -> Usd {
        match self {
            Self::Current { .. } => Usd::ZERO,
            Self::Make { calls, .. } => calls.iter().filter(|c| c.paid.is_none()).map(|c| c.estimate).sum(),
        }
    }
}

/// One call, and its answer where that is paid already.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PlannedCall {
    pub(crate) job: Job,
    pub(crate) request: TextRequest,
    pub(crate) estimate: Usd,
    pub(crate) paid: Option<PaidText>,
    /// The job is a second try already.
    pub(crate) is_second: bool,
}

/// Prices a request; nothing for a model without a known price.
pub(crate) type Pricing<'a> = &'a dyn Fn(&TextRequest) -> Option<Usd>;

/// Decides.
///
/// # Errors
/// [`StageError`] says what has to happen first.
pub(crate) fn decide(
    gathered: &Gathered,
    flags: TextFlags,
    price: Pricing<'_>,
) -> Result<TextDecision, StageError> {
    if let Some((path, reason)) = &gathered.stale_source {
        return Err(StageError::StaleInput {
            episode: gathered.dir.id().clone(),
            path: path.clone(),
            reason: reason.clone(),
        });
    }
    if let (Some(sent_back), true, false) = (&gathered.sent_back, gathered.is_reworked_by_hand(), flags.force)
    {
        let note = format!(
            "the text was edited by hand after review {} had sent it back, so it is asked for as it is; --force makes it anew",
            sent_back.task
        );
        return Ok(TextDecision::Current { note });
    }
    let Some(reason) = reason_to_make(gathered, flags) else {
        return Ok(TextDecision::Current { note: note_on_model(gathered) });
    };
    if is_edited(gathered) && !flags.force {
        return Err(StageError::EditedByHand {
            episode: gathered.dir.id().clone(),
            path: gathered.stage.output(&gathered.dir),
            stage: gathered.stage.stage(),
            reason,
        });
    }
    if let Some(problem) = gathered.stage.craft().problem(&gathered.sources) {
        return Err(StageError::BadText {
            episode: gathered.dir.id().clone(),
            path: gathered.source_files.first().map(|file| file.path.clone()).unwrap_or_default(),
            problem,
        });
    }
    let jobs = gathered.stage.craft().jobs(&gathered.sources);
    let plan = |job| plan_call(gathered, job, flags, price);
    let calls: Vec<PlannedCall> = jobs.into_iter().map(plan).collect::<Result<_, _>>()?;
    check_unknown(gathered, &calls)?;
    Ok(TextDecision::Make { reason, calls })
}

/// Why the output isn't what would be made today; none if it is.
fn reason_to_make(gathered: &Gathered, flags: TextFlags) -> Option<String> {
    let output = gathered.stage.output(&gathered.dir);
    let name = output.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if gathered.output.is_none() {
        return Some(format!("{name} is not there yet"));
    }
    if let Some(reason) = &gathered.stale {
        return Some(format!("{name} is out of date: {reason}"));
    }
    if flags.force {
        return Some("--force".to_owned());
    }
    // Without provenance a person brought it in: it stands as it is.
    let made = gathered.provenance.as_ref()?;
    if made.input_content_hash != gathered.input_hash {
        return Some("its input has changed".to_owned());
    }
    let changed = |name: &str, was: Option<i32>, is: i32| {
        let was = was.map_or_else(|| "unknown".to_owned(), |version| version.to_string());
        Some(format!("the template {name} has changed (version {was} → {is})"))
    };
    if made.prompt_hash != Some(gathered.prompt.content_hash) {
        return changed(gathered.stage.template(), made.prompt_version, gathered.prompt.version);
    }
    if made.extra.system_prompt_hash != gathered.system.content_hash {
        return changed("system", Some(made.extra.system_prompt_version), gathered.system.version);
    }
    let was = made.model.as_deref().unwrap_or("unknown");
    (flags.refresh && was != gathered.model).then(|| format!("text model: '{was}' → '{}'", gathered.model))
}

/// Says that another model would be used today, which is no reason by itself.
fn note_on_model(gathered: &Gathered) -> String {
    let was = gathered.provenance.as_ref().and_then(|p| p.model.as_deref());
    match was {
        Some(was) if was != gathered.model => format!(
            "made with the model '{was}', today it would be '{}'; --force makes it anew",
            gathered.model
        ),
        _ => String::new(),
    }
}

/// Tells whether a person changed the output since it was made, or brought it.
///
/// What an interrupted run wrote is no edit: its provenance comes after it, its marker goes last.
fn is_edited(gathered: &Gathered) -> bool {
    let Some(output) = &gathered.output else { return false };
    let made = gathered.provenance.as_ref().and_then(|p| p.output_hashes.first());
    made != Some(&output.hash) && !gathered.unfinished
}

fn plan_call(
    gathered: &Gathered,
    job: Job,
    flags: TextFlags,
    price: Pricing<'_>,
) -> Result<PlannedCall, StageError> {
    let call = |job: Job, request: TextRequest, paid: Option<&PaidText>, is_second: bool| {
        let estimate =
            price(&request).ok_or_else(|| StageError::NoTextPrice { model: request.model.clone() })?;
        Ok(PlannedCall { job, request, estimate, paid: paid.cloned(), is_second })
    };
    let first = request_of(gathered, &job)?;
    let hash = text_hash(&first);
    let craft = gathered.stage.craft();
    // One that can't be read any more, since the reading has changed, would fail on every run.
    let readable = |paid: &&PaidText| !flags.force && craft.read(&job, &paid.text).is_ok();
    let paid = gathered.paid.get(&hash).filter(readable);
    if flags.force || paid.is_some() {
        return call(job, first, paid, false);
    }
    let spoiled = gathered.spoiled.get(&hash);
    let second = spoiled.and_then(|spoiled| second_try(craft, &job, &spoiled.reply, &spoiled.problem));
    let Some(second) = second else { return call(job, first, None, false) };
    let request = request_of(gathered, &second)?;
    let hash = text_hash(&request);
    match gathered.paid.get(&hash).filter(|paid| craft.read(&second, &paid.text).is_ok()) {
        // Both were of no use: begin anew.
        None if gathered.spoiled.contains_key(&hash) => call(job, first, None, false),
        paid => call(second, request, paid, true),
    }
}

/// Makes the job that has a reply mended, where the stage tries that.
///
/// Not of one that was refused or cut off: what was wrong with it is not what the stage reads in it.
pub(crate) fn second_try(craft: &dyn Craft, job: &Job, reply: &str, problem: &str) -> Option<Job> {
    let is_whole = craft.read(job, reply).err().as_deref() == Some(problem);
    if is_whole { craft.second_try(job, reply, problem) } else { None }
}

/// Makes the request of a job: the part that never changes first, so that it can be cached.
pub(crate) fn request_of(gathered: &Gathered, job: &Job) -> Result<TextRequest, StageError> {
    let variables: Vec<(&str, &str)> =
        job.variables.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let prompt = &gathered.prompt;
    let text = btcedu_prompts::render(&prompt.name, &prompt.body, &variables)?;
    let system = btcedu_prompts::render(&gathered.system.name, &gathered.system.body, &[])?;
    let (prefix, variable) = match text.split_once(VARIABLE_PART) {
        Some((prefix, variable)) => (Some(prefix.trim().to_owned()), variable.trim().to_owned()),
        None => (None, text),
    };
    Ok(TextRequest {
        system: Some(system),
        cached_prefix: prefix,
        json_schema: job.schema.clone(),
        ..TextRequest::new(&gathered.model, &variable, prompt.max_tokens.into())
    })
}

fn check_unknown(gathered: &Gathered, calls: &[PlannedCall]) -> Result<(), StageError> {
    if gathered.resend_unknown == ResendUnknown::Yes {
        return Ok(());
    }
    let unpaid = calls.iter().filter(|c| c.paid.is_none());
    let open: Vec<Usd> =
        unpaid.filter_map(|c| gathered.unknown.get(&text_hash(&c.request)).copied()).collect();
    if open.is_empty() {
        return Ok(());
    }
    Err(StageError::UnknownCalls {
        episode: gathered.dir.id().clone(),
        calls: open.len(),
        cost: open.into_iter().sum(),
        chapters: format!("stage {}", gathered.stage.stage()),
    })
}
