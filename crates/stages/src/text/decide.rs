//! Decides whether a text stage has anything to do, and which calls that takes; pure.

use std::collections::BTreeMap;

use btcedu_clients::TextRequest;
use btcedu_domain::{CallState, Sha256Hash, Usd};
use btcedu_models::provider_calls::ProviderCall;

use crate::{
    ResendUnknown, StageError,
    frame::{
        TextPrices,
        report::StageFlags,
        text_call::{PaidText, text_hash},
    },
    review_tasks::ClosedGate,
    spec::{Job, StageSpec},
    text::facts::Facts,
};

/// The line of a template below which its text changes from call to call.
const VARIABLE_PART: &str = "<!-- variable part -->";

/// What there is to do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TextWork {
    /// What is there is what would be made.
    Current { note: String },
    /// A reviewer must approve the source first.
    Wait(Box<ClosedGate>),
    /// It has to be made.
    Make { reason: String, calls: Vec<PlannedCall> },
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

/// Decides.
///
/// # Errors
/// [`StageError`] says what has to happen first.
pub(crate) fn decide(
    facts: &Facts,
    spec: &dyn StageSpec,
    flags: &StageFlags,
    prices: TextPrices<'_>,
) -> Result<TextWork, StageError> {
    let episode = || facts.dir.id().clone();
    if let Some((file, stale)) = facts.stale_source() {
        let (path, reason) = (file.path.clone(), stale.reason.clone());
        return Err(StageError::StaleInput { episode: episode(), path, reason });
    }
    if let (Some(sent_back), true, false) =
        (&facts.reviews.sent_back, facts.is_reworked_by_hand(), flags.force)
    {
        let note = format!(
            "the text was edited by hand after review {} had sent it back, so it is asked for as it is; --force makes it anew",
            sent_back.id
        );
        return Ok(TextWork::Current { note });
    }
    // A text that is made anew is not made from the answers that it was made from before.
    let anew = flags.force || facts.reviews.sent_back.is_some();
    let (reason, anew) = match reason_to_make(facts, spec, flags) {
        Some(reason) => (reason, anew),
        None => match stopped_before(facts, spec, prices)? {
            Some(reason) => (reason, true),
            None => return Ok(TextWork::Current { note: note_on_model(facts) }),
        },
    };
    if facts.is_edited() && !flags.force {
        let path = facts.output.file.as_ref().map(|file| file.path.clone()).unwrap_or_default();
        return Err(StageError::EditedByHand { episode: episode(), path, stage: facts.stage, reason });
    }
    if let Some(problem) = spec.problem(&facts.sources) {
        let path = facts.source_files.first().map(|file| file.path.clone()).unwrap_or_default();
        return Err(StageError::BadText { episode: episode(), path, problem });
    }
    let calls = plan_calls(facts, spec, &Answers::of(facts, anew), prices)?;
    check_unknown(facts, &calls)?;
    let source = facts.source_files.first();
    Ok(match source.and_then(|file| facts.reviews.closed_gate(facts.stage, file.hash)) {
        Some(closed) => TextWork::Wait(Box::new(closed)),
        None => TextWork::Make { reason, calls },
    })
}

/// Why the output isn't what would be made today; none if it is.
fn reason_to_make(facts: &Facts, spec: &dyn StageSpec, flags: &StageFlags) -> Option<String> {
    let output = facts.dir.output_of(facts.stage).unwrap_or_default();
    let name = output.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if facts.output.file.is_none() {
        return Some(format!("{name} is not there yet"));
    }
    if let Some(stale) = facts.stale() {
        return Some(format!("{name} is out of date: {}", stale.reason));
    }
    if flags.force {
        return Some("--force".to_owned());
    }
    // Without provenance a person brought it in: it stands as it is.
    let made = facts.output.provenance.as_ref()?;
    if made.input_content_hash != facts.input_hash() {
        return Some("its input has changed".to_owned());
    }
    let changed = |name: &str, was: Option<i32>, is: i32| {
        let was = was.map_or_else(|| "unknown".to_owned(), |version| version.to_string());
        Some(format!("the template {name} has changed (version {was} → {is})"))
    };
    let (own, system) = (&facts.templates.own.in_use, &facts.templates.system.in_use);
    if made.prompt_hash != Some(own.content_hash) {
        return changed(spec.template(), made.prompt_version, own.version);
    }
    if made.extra.system_prompt_hash != system.content_hash {
        return changed("system", Some(made.extra.system_prompt_version), system.version);
    }
    let was = made.model.as_deref().unwrap_or("unknown");
    (flags.refresh && was != facts.model).then(|| format!("text model: '{was}' → '{}'", facts.model))
}

/// Finds a run with `--force` that was stopped: what it has paid for is used, and the rest is made anew too.
fn stopped_before(
    facts: &Facts,
    spec: &dyn StageSpec,
    prices: TextPrices<'_>,
) -> Result<Option<String>, StageError> {
    let answered = facts.ledger.in_state(CallState::Answered);
    if facts.output.provenance.is_none()
        || answered.filter(|call| facts.ledger.is_new(call.run_id)).count() == 0
    {
        return Ok(None);
    }
    let calls = plan_calls(facts, spec, &Answers::of(facts, true), prices)?;
    let paid = calls.iter().filter(|call| call.paid.is_some()).count();
    Ok((paid > 0).then(|| {
        format!("a run with --force was stopped, and {paid} of its {} answers are paid", calls.len())
    }))
}

/// Says that another model would be used today, which is no reason by itself.
fn note_on_model(facts: &Facts) -> String {
    let was = facts.output.provenance.as_ref().and_then(|made| made.model.as_deref());
    match was {
        Some(was) if was != facts.model => {
            format!("made with the model '{was}', today it would be '{}'; --force makes it anew", facts.model)
        }
        _ => String::new(),
    }
}

/// A reply that was paid for and can't be used.
struct Spoiled<'f> {
    reply: &'f str,
    /// What was wrong with it.
    problem: &'f str,
}

/// The replies in the ledger that may be used again, by what was asked; the newest where there are several.
struct Answers<'f> {
    paid: BTreeMap<Sha256Hash, PaidText>,
    spoiled: BTreeMap<Sha256Hash, Spoiled<'f>>,
}

impl<'f> Answers<'f> {
    /// Takes all, or only those paid for since the stage's last run that ended well.
    fn of(facts: &'f Facts, only_new: bool) -> Self {
        let usable = |state| {
            let calls = facts.ledger.in_state(state);
            calls.filter(move |call| !only_new || facts.ledger.is_new(call.run_id))
        };
        let spoiled = |call: &'f ProviderCall| {
            Some(Spoiled { reply: call.reply.as_deref()?, problem: call.error.as_deref()? })
        };
        Self {
            paid: usable(CallState::Answered)
                .filter_map(|call| Some((call.request_hash, PaidText::of(call)?)))
                .collect(),
            spoiled: usable(CallState::Failed)
                .filter_map(|call| Some((call.request_hash, spoiled(call)?)))
                .collect(),
        }
    }
}

fn plan_calls(
    facts: &Facts,
    spec: &dyn StageSpec,
    answers: &Answers<'_>,
    prices: TextPrices<'_>,
) -> Result<Vec<PlannedCall>, StageError> {
    let jobs = spec.jobs(&facts.sources);
    jobs.into_iter().map(|job| plan_call(facts, spec, job, answers, prices)).collect()
}

fn plan_call(
    facts: &Facts,
    spec: &dyn StageSpec,
    job: Job,
    answers: &Answers<'_>,
    prices: TextPrices<'_>,
) -> Result<PlannedCall, StageError> {
    let call = |job: Job, request: TextRequest, paid: Option<&PaidText>, is_second: bool| {
        let estimate =
            prices(&request).ok_or_else(|| StageError::NoTextPrice { model: request.model.clone() })?;
        Ok(PlannedCall { job, request, estimate, paid: paid.cloned(), is_second })
    };
    let first = request_of(facts, &job)?;
    let hash = text_hash(&first);
    // One that can't be read any more, since the reading has changed, would fail on every run.
    let paid = answers.paid.get(&hash).filter(|paid| spec.read(&job, &paid.text).is_ok());
    if paid.is_some() {
        return call(job, first, paid, false);
    }
    let spoiled = answers.spoiled.get(&hash);
    let second = spoiled.and_then(|spoiled| second_try(spec, &job, spoiled.reply, spoiled.problem));
    let Some(second) = second else { return call(job, first, None, false) };
    let request = request_of(facts, &second)?;
    let hash = text_hash(&request);
    match answers.paid.get(&hash).filter(|paid| spec.read(&second, &paid.text).is_ok()) {
        // Both were of no use: begin anew.
        None if answers.spoiled.contains_key(&hash) => call(job, first, None, false),
        paid => call(second, request, paid, true),
    }
}

/// Makes the job that has a reply mended, where the stage tries that.
///
/// Not of one that was refused or cut off: what was wrong with it is not what the stage reads in it.
pub(crate) fn second_try(spec: &dyn StageSpec, job: &Job, reply: &str, problem: &str) -> Option<Job> {
    let is_whole = spec.read(job, reply).err().as_deref() == Some(problem);
    if is_whole { spec.second_try(job, reply, problem) } else { None }
}

/// Makes the request of a job: the part that never changes first, so that it can be cached.
pub(crate) fn request_of(facts: &Facts, job: &Job) -> Result<TextRequest, StageError> {
    let variables: Vec<(&str, &str)> =
        job.variables.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let (own, system) = (&facts.templates.own.in_use, &facts.templates.system.in_use);
    let text = btcedu_prompts::render(&own.name, &own.body, &variables)?;
    let system = btcedu_prompts::render(&system.name, &system.body, &[])?;
    let (prefix, variable) = match text.split_once(VARIABLE_PART) {
        Some((prefix, variable)) => (Some(prefix.trim().to_owned()), variable.trim().to_owned()),
        None => (None, text),
    };
    Ok(TextRequest {
        system: Some(system),
        cached_prefix: prefix,
        json_schema: job.schema.clone(),
        ..TextRequest::new(&facts.model, &variable, own.max_tokens.into())
    })
}

/// Stops where calls may have been billed already and the person wants to be asked.
fn check_unknown(facts: &Facts, calls: &[PlannedCall]) -> Result<(), StageError> {
    if facts.resend_unknown == ResendUnknown::Yes {
        return Ok(());
    }
    let open: BTreeMap<Sha256Hash, Usd> = [CallState::Sent, CallState::Unknown]
        .into_iter()
        .flat_map(|state| facts.ledger.in_state(state))
        .map(|call| (call.request_hash, call.estimated))
        .collect();
    let unpaid = calls.iter().filter(|call| call.paid.is_none());
    let asked: Vec<Usd> = unpaid.filter_map(|call| open.get(&text_hash(&call.request)).copied()).collect();
    if asked.is_empty() {
        return Ok(());
    }
    Err(StageError::UnknownCalls {
        episode: facts.dir.id().clone(),
        calls: asked.len(),
        cost: asked.into_iter().sum(),
        chapters: format!("stage {}", facts.stage),
    })
}

#[cfg(test)]
mod tests;
