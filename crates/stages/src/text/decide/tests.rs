//! What a text stage decides, row by row, from facts that are built in memory: no file, no row, no clock.

use btcedu_artifacts::{DataDir, Provenance, StaleNote, TextProvenance};
use btcedu_domain::{
    CallId, CallKind, EpisodeRowId, EpisodeStatus, PipelineVersion, ReviewStage, ReviewStatus, RunId, Stage,
};
use btcedu_models::{episodes::Episode, review_tasks::ReviewTask, testing::time};
use btcedu_prompts::PromptInUse;

use super::*;
use crate::{
    frame::{Position, run::Budget, template::Template},
    review_tasks::Reviews,
    sources::{Sources, TextFile},
    spec::Made,
    text::facts::{Output, StageLedger, Templates},
};

const PLAIN: StageFlags = StageFlags { force: false, refresh: false, chapters: Vec::new() };
const FORCE: StageFlags = StageFlags { force: true, refresh: false, chapters: Vec::new() };
const REFRESH: StageFlags = StageFlags { force: false, refresh: true, chapters: Vec::new() };

/// A stage whose parts are separated by `|`, whose answers begin with "ok", and which gives "bad" ones a second try.
struct Simple;

impl StageSpec for Simple {
    fn name(&self) -> Stage {
        Stage::Correct
    }

    fn template(&self) -> &'static str {
        "own"
    }

    fn problem(&self, sources: &Sources) -> Option<&'static str> {
        (sources.main() == "forbidden").then_some("is forbidden")
    }

    fn jobs(&self, sources: &Sources) -> Vec<Job> {
        sources.main().split('|').map(job).collect()
    }

    fn read(&self, _job: &Job, reply: &str) -> Result<String, String> {
        if reply.starts_with("ok") { Ok(reply.to_owned()) } else { Err("not ok".to_owned()) }
    }

    fn second_try(&self, first: &Job, reply: &str, _problem: &str) -> Option<Job> {
        reply.starts_with("bad").then(|| job(&format!("{} again", first.source)))
    }

    fn assemble(&self, _sources: &Sources, pieces: &[String]) -> Result<Made, String> {
        Ok(Made { output: pieces.concat(), warnings: Vec::new() })
    }
}

fn job(part: &str) -> Job {
    Job { source: part.to_owned(), variables: vec![("part", part.to_owned())], schema: None }
}

/// The facts of an episode, with what a test changes as time would.
struct Scene(Box<Facts>);

impl Scene {
    /// The source is "a|b", nothing was made of it, nothing is paid.
    fn new() -> Self {
        let dir = DataDir::new("nowhere").episode(&"ep1".parse().unwrap());
        let episode = episode();
        let source = dir.clean_transcript();
        Self(Box::new(Facts {
            stage: Stage::Correct,
            position: Position::of(&episode, None),
            budget: Budget { cap: Usd::from_micros(100), cost: Usd::ZERO },
            resend_unknown: ResendUnknown::Yes,
            templates: Templates { own: template("own", 1), system: template("system", 1) },
            model: "m1".to_owned(),
            sources: Sources {
                episode: dir.id().clone(),
                title: String::new(),
                texts: vec!["a|b".to_owned()],
                feedback: None,
            },
            source_files: vec![TextFile { path: source, hash: hash("a|b"), stale: None }],
            output: Output { file: None, provenance: None },
            reviews: Reviews::of(Stage::Correct, &[]),
            ledger: StageLedger { calls: Vec::new(), last_success: None },
            episode,
            dir,
        }))
    }

    /// As [`Scene::new`], made into a text in run 1.
    fn made() -> Self {
        let mut scene = Self::new();
        scene.enter(1, "a", CallState::Answered, "ok a");
        scene.enter(1, "b", CallState::Answered, "ok b");
        let Scene(facts) = &mut scene;
        facts.ledger.last_success = Some(RunId(1));
        let path = facts.dir.corrected_transcript();
        facts.output = Output {
            file: Some(TextFile { path, hash: hash("made"), stale: None }),
            provenance: Some(provenance(facts)),
        };
        scene
    }

    fn with(mut self, change: impl FnOnce(&mut Facts)) -> Self {
        change(&mut self.0);
        self
    }

    fn source(self, text: &str) -> Self {
        self.with(|facts| {
            facts.sources.texts = vec![text.to_owned()];
            facts.source_files[0].hash = hash(text);
        })
    }

    /// Marks the output as out of date.
    fn stale(self, by: &str) -> Self {
        self.with(|facts| facts.output.file.as_mut().unwrap().stale = Some(note(by)))
    }

    /// A person writes over the output.
    fn edited(self) -> Self {
        self.with(|facts| facts.output.file.as_mut().unwrap().hash = hash("edited"))
    }

    /// Review 7 sends back what was made.
    fn sent_back(self) -> Self {
        let sent_back = task(7, ReviewStatus::Rejected);
        self.stale("review 7").with(|facts| facts.reviews = Reviews::of(Stage::Correct, &[sent_back]))
    }

    /// Enters a call for a part into the ledger.
    fn enter(&mut self, run: i64, part: &str, state: CallState, reply: &str) {
        let request = request_of(&self.0, &job(part)).unwrap();
        self.0.ledger.calls.push(ProviderCall {
            call_id: CallId::new(),
            episode_id: EpisodeRowId(1),
            run_id: Some(RunId(run)),
            stage: Stage::Correct,
            chapter_id: None,
            kind: CallKind::Text,
            model: "m1".to_owned(),
            request_hash: text_hash(&request),
            state,
            estimated: Usd::from_micros(1),
            actual: Some(Usd::from_micros(1)),
            tokens_in: None,
            tokens_out: None,
            reply: (!reply.is_empty()).then(|| reply.to_owned()),
            request_id: None,
            sent_at: time(),
            settled_at: None,
            error: (state == CallState::Failed).then(|| "not ok".to_owned()),
        });
    }

    /// As [`Scene::enter`], to build with.
    fn call(mut self, run: i64, part: &str, state: CallState, reply: &str) -> Self {
        self.enter(run, part, state, reply);
        self
    }

    /// Says in a line what is decided: of each call whether it is paid, asked for, or asked for a second time.
    fn decided(&self, flags: &StageFlags) -> String {
        match decide(&self.0, &Simple, flags, &|_| Some(Usd::from_micros(1))) {
            Ok(TextWork::Current { note }) => format!("current {note}").trim().to_owned(),
            Ok(TextWork::Wait(_)) => "wait".to_owned(),
            Ok(TextWork::Make { reason, calls }) => {
                let calls = calls.iter().map(|call| match (&call.paid, call.is_second) {
                    (Some(paid), _) => paid.text.clone(),
                    (None, false) => format!("ask {}", call.job.source),
                    (None, true) => format!("second {}", call.job.source),
                });
                format!("make: {reason} [{}]", calls.collect::<Vec<_>>().join(", "))
            }
            Err(error) => {
                let name = format!("{error:?}");
                format!("error {}", name.split([' ', '(']).next().unwrap_or_default())
            }
        }
    }
}

fn hash(text: &str) -> Sha256Hash {
    Sha256Hash::of_bytes(text.as_bytes())
}

fn note(by: &str) -> StaleNote {
    StaleNote { by: by.to_owned(), reason: "so".to_owned() }
}

fn template(name: &str, version: i32) -> Template {
    let body = format!("{name} {version} {VARIABLE_PART} {{{{ part }}}}");
    Template::without_file(PromptInUse {
        name: name.parse().unwrap(),
        version,
        id: Some(1),
        model: "m1".to_owned(),
        temperature: None,
        max_tokens: 1024,
        content_hash: hash(&body),
        body: if name == "system" { format!("system {version}") } else { body },
    })
}

fn provenance(facts: &Facts) -> Provenance<TextProvenance> {
    let (own, system) = (&facts.templates.own.in_use, &facts.templates.system.in_use);
    Provenance {
        stage: facts.stage,
        episode_id: facts.dir.id().clone(),
        timestamp: time(),
        prompt_name: Some(own.name.to_string()),
        prompt_version: Some(own.version),
        prompt_hash: Some(own.content_hash),
        model: Some(facts.model.clone()),
        model_params: serde_json::Value::Null,
        input_files: Vec::new(),
        input_content_hash: facts.input_hash(),
        output_files: Vec::new(),
        output_hashes: vec![hash("made")],
        input_tokens: 0,
        output_tokens: 0,
        cost_usd: Usd::ZERO,
        duration_seconds: 0.0,
        extra: TextProvenance {
            system_prompt_version: system.version,
            system_prompt_hash: system.content_hash,
            segments: 2,
            reviewer_feedback: None,
            warnings: Vec::new(),
        },
    }
}

fn task(id: i64, status: ReviewStatus) -> ReviewTask {
    ReviewTask {
        id,
        episode_id: "ep1".parse().unwrap(),
        stage: ReviewStage::Correct,
        status,
        artifact_paths: "[]".to_owned(),
        diff_path: None,
        prompt_version_id: None,
        created_at: time(),
        reviewed_at: None,
        reviewer_notes: None,
        artifact_hash: Some(hash("made")),
    }
}

fn episode() -> Episode {
    Episode {
        id: EpisodeRowId(1),
        episode_id: "ep1".parse().unwrap(),
        channel_id: None,
        source: "local".to_owned(),
        title: "T".to_owned(),
        published_at: None,
        duration_seconds: None,
        url: None,
        status: EpisodeStatus::Transcribed,
        audio_path: None,
        transcript_path: None,
        output_dir: None,
        detected_at: time(),
        completed_at: None,
        error_message: None,
        retry_count: 0,
        pipeline_version: PipelineVersion::V2,
        review_status: None,
        youtube_video_id: None,
        published_at_youtube: None,
    }
}

#[test]
fn a_text_is_made_where_it_is_not_what_would_be_made_today() {
    let missing = "make: transcript.corrected.de.txt is not there yet";
    let stale = "make: transcript.corrected.de.txt is out of date: so";
    let rows = [
        (Scene::new(), PLAIN, format!("{missing} [ask a, ask b]")),
        (Scene::new().call(1, "a", CallState::Answered, "ok a"), PLAIN, format!("{missing} [ok a, ask b]")),
        (Scene::made().with(|f| f.output.file = None), PLAIN, format!("{missing} [ok a, ok b]")),
        (Scene::made(), PLAIN, "current".to_owned()),
        (Scene::made(), REFRESH, "current".to_owned()),
        (Scene::made(), FORCE, "make: --force [ask a, ask b]".to_owned()),
        (Scene::made().stale("translate"), PLAIN, format!("{stale} [ok a, ok b]")),
        (Scene::made().stale("translate"), FORCE, format!("{stale} [ask a, ask b]")),
        (Scene::made().source("a|c"), PLAIN, "make: its input has changed [ok a, ask c]".to_owned()),
        (
            Scene::made().with(|f| f.templates.own = template("own", 2)),
            PLAIN,
            "make: the template own has changed (version 1 → 2) [ask a, ask b]".to_owned(),
        ),
        (
            Scene::made().with(|f| f.templates.system = template("system", 3)),
            PLAIN,
            "make: the template system has changed (version 1 → 3) [ask a, ask b]".to_owned(),
        ),
        (
            Scene::made().with(|f| f.model = "m2".to_owned()),
            PLAIN,
            "current made with the model 'm1', today it would be 'm2'; --force makes it anew".to_owned(),
        ),
        (
            Scene::made().with(|f| f.model = "m2".to_owned()),
            REFRESH,
            "make: text model: 'm1' → 'm2' [ask a, ask b]".to_owned(),
        ),
        (Scene::made().source("x").with(|f| f.output.provenance = None), PLAIN, "current".to_owned()),
    ];
    for (number, (scene, flags, expected)) in (1..).zip(rows) {
        assert_eq!(scene.decided(&flags), expected, "row {number}");
    }
}

#[test]
fn what_a_person_wrote_is_written_over_only_with_force() {
    let stale = "make: transcript.corrected.de.txt is out of date: so";
    let reworked = "current the text was edited by hand after review 7 had sent it back, so it is asked for as it is; --force makes it anew";
    let rows = [
        (Scene::made().edited(), PLAIN, "current".to_owned()),
        (Scene::made().edited().stale("translate"), PLAIN, "error EditedByHand".to_owned()),
        (Scene::made().edited().source("x"), PLAIN, "error EditedByHand".to_owned()),
        (Scene::made().edited(), FORCE, "make: --force [ask a, ask b]".to_owned()),
        // The stage's own marker says that a run was interrupted while it wrote.
        (Scene::made().edited().stale("correct"), PLAIN, format!("{stale} [ok a, ok b]")),
        (Scene::made().sent_back(), PLAIN, format!("{stale} [ask a, ask b]")),
        (Scene::made().edited().sent_back(), PLAIN, reworked.to_owned()),
        (Scene::made().edited().sent_back(), FORCE, format!("{stale} [ask a, ask b]")),
        (Scene::made().edited().sent_back().stale("translate"), PLAIN, "error EditedByHand".to_owned()),
    ];
    for (number, (scene, flags, expected)) in (1..).zip(rows) {
        assert_eq!(scene.decided(&flags), expected, "row {number}");
    }
}

#[test]
fn answers_of_a_run_that_was_stopped_are_used_and_those_of_the_text_before_are_not() {
    let stale = "make: transcript.corrected.de.txt is out of date: so";
    let new = |scene: Scene| scene.call(2, "a", CallState::Answered, "ok new");
    let rows = [
        (new(Scene::made()), FORCE, "make: --force [ok new, ask b]".to_owned()),
        (
            new(Scene::made()),
            PLAIN,
            "make: a run with --force was stopped, and 1 of its 2 answers are paid [ok new, ask b]"
                .to_owned(),
        ),
        (new(Scene::made().sent_back()), PLAIN, format!("{stale} [ok new, ask b]")),
        (new(Scene::made()).with(|f| f.ledger.last_success = Some(RunId(2))), PLAIN, "current".to_owned()),
        // What was paid for another text is of no use.
        (Scene::made().call(2, "c", CallState::Answered, "ok c"), PLAIN, "current".to_owned()),
        (Scene::made().call(2, "a", CallState::Failed, "bad"), PLAIN, "current".to_owned()),
    ];
    for (number, (scene, flags, expected)) in (1..).zip(rows) {
        assert_eq!(scene.decided(&flags), expected, "row {number}");
    }
}

#[test]
fn a_spoiled_answer_is_gone_on_with_by_its_second_try_unless_that_is_spoiled_too() {
    let spoiled = |reply| Scene::new().call(1, "a", CallState::Failed, reply);
    let rows = [
        (spoiled("bad a"), "second a again, ask b"),
        (spoiled("ill a"), "ask a, ask b"),
        (spoiled("bad a").call(1, "a again", CallState::Answered, "ok again"), "ok again, ask b"),
        (spoiled("bad a").call(1, "a again", CallState::Failed, "bad too"), "ask a, ask b"),
        (spoiled("bad a").call(2, "a", CallState::Answered, "ok a"), "ok a, ask b"),
        // It was read otherwise when it was paid for.
        (Scene::new().call(1, "a", CallState::Answered, "no"), "ask a, ask b"),
    ];
    for (number, (scene, expected)) in (1..).zip(rows) {
        let expected = format!("make: transcript.corrected.de.txt is not there yet [{expected}]");
        assert_eq!(scene.decided(&PLAIN), expected, "row {number}");
    }
}

#[test]
fn what_has_to_happen_first_is_an_error() {
    let ask = |scene: Scene| scene.with(|f| f.resend_unknown = ResendUnknown::Ask);
    let unknown = || Scene::new().call(1, "b", CallState::Unknown, "");
    let missing = "make: transcript.corrected.de.txt is not there yet [ask a, ask b]";
    let rows = [
        (
            Scene::new().with(|f| f.source_files[0].stale = Some(note("transcribe"))),
            FORCE,
            "error StaleInput",
        ),
        (Scene::new().source("forbidden"), PLAIN, "error BadText"),
        (unknown(), PLAIN, missing),
        (ask(unknown()), PLAIN, "error UnknownCalls"),
        (ask(Scene::new().call(1, "b", CallState::Sent, "")), PLAIN, "error UnknownCalls"),
        (ask(Scene::new().call(1, "c", CallState::Unknown, "")), PLAIN, missing),
        (ask(Scene::made().call(1, "b", CallState::Unknown, "")), PLAIN, "current"),
    ];
    for (number, (scene, flags, expected)) in (1..).zip(rows) {
        assert_eq!(scene.decided(&flags), expected, "row {number}");
    }
    let unpriced = decide(&Scene::new().0, &Simple, &PLAIN, &|_| None);
    assert!(matches!(unpriced, Err(StageError::NoTextPrice { model }) if model == "m1"));
}

#[test]
fn a_text_that_its_reviewer_has_not_approved_is_waited_for() {
    let gate = |tasks: &[ReviewTask]| {
        let scene = Scene::new().source("made").with(|f| {
            f.stage = Stage::Translate;
            f.reviews = Reviews::of(Stage::Translate, tasks);
        });
        scene.decided(&FORCE).split(':').next().unwrap_or_default().to_owned()
    };
    let of_another_text =
        ReviewTask { artifact_hash: Some(hash("other")), ..task(1, ReviewStatus::Approved) };
    for (tasks, expected) in [
        (vec![], "wait"),
        (vec![task(1, ReviewStatus::Pending)], "wait"),
        (vec![task(1, ReviewStatus::InReview)], "wait"),
        (vec![task(1, ReviewStatus::Approved)], "make"),
        (vec![of_another_text], "wait"),
        (vec![task(2, ReviewStatus::ChangesRequested), task(1, ReviewStatus::Approved)], "wait"),
    ] {
        assert_eq!(gate(&tasks), expected, "{tasks:?}");
    }
}
