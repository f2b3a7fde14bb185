//! An episode at any status with the texts that it has by then, a language model that answers by the request,
//! and a reviewer.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use btcedu_artifacts::{Provenance, StaleMarker, TextProvenance, stale_path, write_atomic};
use btcedu_clients::{
    ApiFailure, FailureKind, LanguageModel, MockLanguageModel, StopReason, TextReply, TextRequest,
};
use btcedu_domain::{Clock, EpisodeStatus, ReviewStage, ReviewStatus, Sha256Hash, Stage, Usd};
use btcedu_models::review_tasks::{self, ReviewTask};
use btcedu_stages::{
    BuiltStage, ReportDetails, StageError, StageFlags, StagePreview, StageReport, TextDetails,
    review_tasks::{ReviewedText, marker_author, record_decision, sync_task, write_history},
};
use serde_json::{Value, json};

use crate::world::{World, id, no_images, text};

/// What a text is estimated at here; it costs [`TEXT`](crate::world::TEXT).
pub(crate) const ESTIMATE: Usd = Usd::from_micros(1_000);

pub(crate) static PLAIN: StageFlags = StageFlags { force: false, refresh: false, chapters: Vec::new() };
pub(crate) static FORCE: StageFlags = StageFlags { force: true, refresh: false, chapters: Vec::new() };
pub(crate) static REFRESH: StageFlags = StageFlags { force: false, refresh: true, chapters: Vec::new() };

pub(crate) const TEXT_STAGES: [BuiltStage; 4] =
    [BuiltStage::Correct, BuiltStage::Translate, BuiltStage::Adapt, BuiltStage::Chapterize];

/// A transcript with one misheard word.
pub(crate) const TRANSCRIPT: &str =
    "Heute reden wir über das Halfing.\n\nAlle vier Jahre bekommt der Miner nur noch die Hälfte.\n";
/// What [`answer`] makes of it.
pub(crate) const CORRECTED: &str =
    "Heute reden wir über das Halving.\n\nAlle vier Jahre bekommt der Miner nur noch die Hälfte.";
/// How [`answer`] adapts: one tag behind the text.
const TAG: &str = " [T1: currency: \"Euro\" → \"lira\"]";

/// A transcript that is cut into so many segments; each of its paragraphs has a number of its own.
pub(crate) fn long_transcript(segments: usize) -> String {
    let sentence = "Ein Block kommt im Mittel alle zehn Minuten, und der Miner bekommt seinen Lohn. ";
    let paragraph = |n: usize| format!("Absatz {n}. {}", sentence.repeat(12).trim_end());
    (1..=segments * 14).map(paragraph).collect::<Vec<_>>().join("\n\n")
}

/// What stands between two tags of a prompt.
pub(crate) fn between<'a>(prompt: &'a str, tag: &str) -> Option<&'a str> {
    let (_, inner) = prompt.split_once(&format!("<{tag}>\n"))?;
    Some(inner.split_once(&format!("\n</{tag}>"))?.0)
}

/// Returns the part of the source that a request is about.
pub(crate) fn source_of(request: &TextRequest) -> &str {
    let tags = ["transcript", "text", "translation_to_adapt", "script"];
    tags.iter().find_map(|tag| between(&request.prompt, tag)).expect("a source in the prompt")
}

/// The number of the first paragraph of a part of [`long_transcript`].
pub(crate) fn first_paragraph(request: &TextRequest) -> u64 {
    let source = source_of(request).trim_start_matches("Absatz ");
    source.split('.').next().unwrap().parse().unwrap()
}

/// Does the work of any text stage: mends "Halfing", says that it is Turkish, tags, makes one chapter.
pub(crate) fn answer(request: &TextRequest) -> Result<TextReply, ApiFailure> {
    let source = source_of(request);
    let is_about = |tag| between(&request.prompt, tag).is_some();
    let reply = if is_about("transcript") {
        wrapped("corrected_transcript", &source.replace("Halfing", "Halving"))
    } else if is_about("text") {
        wrapped("translation", &format!("Türkçe: {source}"))
    } else if is_about("script") {
        draft(source).to_string()
    } else {
        wrapped("adaptation", &format!("{source}{TAG}"))
    };
    text(&reply, StopReason::EndTurn)
}

pub(crate) fn wrapped(tag: &str, words: &str) -> String {
    format!("<{tag}>\n{words}\n</{tag}>")
}

/// A reply of chapterize: one chapter that says this.
pub(crate) fn draft(narration: &str) -> Value {
    json!({"title": "Yarılanma", "chapters": [{
        "title": "Ödül neden yarıya iner",
        "narration": narration,
        "visual": {"type": "diagram", "description": "Dört yığın", "image_prompt": "Four piles of coins"},
        "overlays": [],
        "transitions": {"in": "fade", "out": "fade"},
        "notes": null,
    }]})
}

/// A run of a text stage that came to an end.
#[derive(Debug)]
pub(crate) struct TextRun {
    pub(crate) report: StageReport,
    pub(crate) text: TextDetails,
}

impl World {
    /// An episode that has got this far by texts that a person has brought.
    pub(crate) fn at(status: EpisodeStatus) -> Self {
        Self::with_transcript(status, TRANSCRIPT)
    }

    /// As [`World::at`], with another transcript.
    pub(crate) fn with_transcript(status: EpisodeStatus, transcript: &str) -> Self {
        let world = Self::empty(status);
        write(&world.dir().clean_transcript(), transcript);
        let corrected = transcript.trim().replace("Halfing", "Halving");
        let turkish = format!("Türkçe: {corrected}");
        let script = format!("{turkish}{TAG}");
        for (stage, words) in TEXT_STAGES.into_iter().zip([&corrected, &turkish, &script]) {
            if stage.stage().leaves_at().place_in_v2() <= status.place_in_v2() {
                write(&world.output(stage), words);
            }
        }
        world
    }

    /// An episode whose texts were all made here and approved.
    pub(crate) async fn with_all_texts() -> Self {
        let world = Self::at(EpisodeStatus::Transcribed);
        for stage in TEXT_STAGES {
            world.make(stage).await;
            if let Some(gate) = stage.stage().gate_after() {
                world.approve(gate).await;
            }
        }
        world
    }

    /// Runs a stage whose model answers by the request and by how often it was asked in this run.
    pub(crate) async fn ask(
        &self,
        stage: BuiltStage,
        flags: &StageFlags,
        answer: impl Fn(&TextRequest, usize) -> Result<TextReply, ApiFailure> + Send + Sync + 'static,
    ) -> Result<TextRun, StageError> {
        self.run_text(stage, flags, self.model(answer)).await
    }

    /// Runs a stage whose model does its work; it has to make a text.
    pub(crate) async fn make(&self, stage: BuiltStage) -> TextRun {
        self.make_with(stage, &PLAIN).await
    }

    /// As [`World::make`], with flags.
    pub(crate) async fn make_with(&self, stage: BuiltStage, flags: &StageFlags) -> TextRun {
        let run = self.ask(stage, flags, |request, _| answer(request)).await.unwrap();
        assert_eq!(run.report.end, btcedu_stages::StageEnd::Done, "{run:?}");
        run
    }

    /// Runs a stage whose model must not be asked.
    pub(crate) async fn unasked(&self, stage: BuiltStage, flags: &StageFlags) -> Result<TextRun, StageError> {
        self.ask(stage, flags, |request, _| panic!("a text was asked for: {}", request.prompt)).await
    }

    /// Runs a stage with this model.
    pub(crate) async fn run_text(
        &self,
        stage: BuiltStage,
        flags: &StageFlags,
        model: impl LanguageModel + 'static,
    ) -> Result<TextRun, StageError> {
        let ctx = self.context(no_images(), model);
        let lock = self.lock().await?;
        let report = stage.run(&ctx, &lock, flags).await?;
        let ReportDetails::Text(text) = report.details.clone() else { panic!("{report:?}") };
        Ok(TextRun { report, text })
    }

    /// Looks at what a run would do.
    pub(crate) async fn preview(
        &self,
        stage: BuiltStage,
        flags: &StageFlags,
    ) -> Result<StagePreview, StageError> {
        let ctx = self.context(no_images(), self.model(|request, _| answer(request)));
        stage.preview(&ctx, &id(), flags).await
    }

    /// A model that answers by the request and by how often it was asked so far.
    pub(crate) fn model(
        &self,
        answer: impl Fn(&TextRequest, usize) -> Result<TextReply, ApiFailure> + Send + Sync + 'static,
    ) -> MockLanguageModel {
        let mut model = MockLanguageModel::new();
        self.teach(&mut model, answer);
        model
    }

    /// Makes a model answer, after what it has been taught before.
    pub(crate) fn teach(
        &self,
        model: &mut MockLanguageModel,
        answer: impl Fn(&TextRequest, usize) -> Result<TextReply, ApiFailure> + Send + Sync + 'static,
    ) {
        let (asked, count) = (Arc::clone(&self.asked), AtomicUsize::new(0));
        model.expect_complete().returning(move |request| {
            asked.lock().unwrap().push(request.clone());
            answer(request, count.fetch_add(1, Ordering::Relaxed) + 1)
        });
        model.expect_check_ready().returning(|_| Ok(()));
        model.expect_estimate().returning(|_| Some(ESTIMATE));
        model.expect_request_body().returning(|request| json!({"prompt": request.prompt}));
    }

    /// What the model was asked for so far, in order.
    pub(crate) fn asked(&self) -> Vec<TextRequest> {
        self.asked.lock().unwrap().clone()
    }

    /// How often the model was asked so far.
    pub(crate) fn asked_times(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    /// Raises a signal.
    pub(crate) fn interrupting(&self) -> impl Fn() + Send + Sync + 'static {
        let interrupt = self.interrupt.clone();
        move || interrupt.raise(btcedu_stages::Signal::Interrupt)
    }

    /// Opens or brings up to date the review of a text, and approves it.
    pub(crate) async fn approve(&self, gate: ReviewStage) -> i64 {
        self.decide(gate, ReviewStatus::Approved, None).await
    }

    /// Sends a text back; where that is only a rejection, there are no notes.
    pub(crate) async fn send_back(&self, gate: ReviewStage, notes: Option<&'static str>) -> i64 {
        let decision = if notes.is_some() { ReviewStatus::ChangesRequested } else { ReviewStatus::Rejected };
        let task = self.decide(gate, decision, notes).await;
        let found = self.tasks().await.into_iter().find(|found| found.id == task).unwrap();
        let outputs = self.dir().later_outputs(gate.reviews());
        for path in std::iter::once(self.dir().reviewed_text(gate)).chain(outputs).filter(|p| p.exists()) {
            mark(&path, &marker_author(&found), &format!("review {task}: {decision}"));
        }
        let back_to = gate.reviews().enters_at().unwrap();
        self.set_status(back_to).await;
        task
    }

    async fn decide(&self, gate: ReviewStage, decision: ReviewStatus, notes: Option<&'static str>) -> i64 {
        let (dir, now) = (self.dir(), self.clock.now());
        let hash = hash(&dir.reviewed_text(gate));
        let task = self.rows(move |conn, episode| {
            let text = ReviewedText {
                episode: episode.episode_id.clone(),
                episode_row: episode.id,
                gate,
                path: dir.in_workspace(&dir.reviewed_text(gate)),
                diff: None,
                prompt_version: None,
                hash,
            };
            let task = sync_task(conn, &text, now)?;
            record_decision(conn, episode.id, task.id, decision, notes, now).map(|()| task.id)
        });
        let task = task.await;
        write_history(&self.db, &self.dir()).await.unwrap();
        task
    }

    /// The episode's review tasks, newest first.
    pub(crate) async fn tasks(&self) -> Vec<ReviewTask> {
        self.rows(|conn, episode| review_tasks::list_for_episode(conn, &episode.episode_id)).await
    }

    /// The review that waits for a person.
    pub(crate) async fn waiting(&self) -> ReviewTask {
        let mut open: Vec<_> = self.tasks().await.into_iter().filter(|t| t.status.is_open()).collect();
        assert_eq!(open.len(), 1, "{open:?}");
        open.remove(0)
    }

    pub(crate) async fn status(&self) -> EpisodeStatus {
        self.episode().await.status
    }

    pub(crate) async fn set_status(&self, status: EpisodeStatus) {
        self.rows(move |conn, episode| btcedu_models::episodes::set_status(conn, episode.id, status)).await;
    }

    /// The file that a stage writes.
    pub(crate) fn output(&self, stage: BuiltStage) -> PathBuf {
        self.dir().output_of(stage.stage()).unwrap()
    }

    /// What stands in the file that a stage writes.
    pub(crate) fn text_of(&self, stage: BuiltStage) -> String {
        read(&self.output(stage))
    }

    /// Writes over the file of a stage, as a person does.
    pub(crate) fn edit(&self, stage: BuiltStage, words: &str) {
        write(&self.output(stage), words);
    }

    /// What the marker beside the file of a stage says, if there is one.
    pub(crate) fn marker(&self, stage: BuiltStage) -> Option<StaleMarker> {
        let path = stale_path(&self.output(stage));
        path.exists().then(|| serde_json::from_str(&read(&path)).unwrap())
    }

    pub(crate) fn provenance(&self, stage: BuiltStage) -> Provenance<TextProvenance> {
        serde_json::from_str(&read(&self.dir().provenance(stage.stage()))).unwrap()
    }

    /// Every file of the workspace but the database and the lock, with its bytes.
    pub(crate) fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        let mut folders = vec![self.data.root().to_owned()];
        while let Some(folder) = folders.pop() {
            for path in list(&folder) {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                if path.is_dir() {
                    folders.push(path);
                } else if !name.starts_with("btcedu.db") && name != ".lock" {
                    let bytes = std::fs::read(&path).unwrap();
                    found.push((path, bytes));
                }
            }
        }
        found.sort();
        found
    }

    /// The names of the files beside the one that a stage writes which begin like it.
    pub(crate) fn kept_edits(&self, stage: Stage) -> Vec<PathBuf> {
        let output = self.dir().output_of(stage).unwrap();
        let mut kept = list(output.parent().unwrap());
        kept.retain(|path| path.to_string_lossy().contains(".edited-"));
        kept
    }
}

/// Marks a file as out of date.
pub(crate) fn mark(path: &Path, by: &str, reason: &str) {
    let invalidated_at = btcedu_models::testing::time();
    let marker = StaleMarker { invalidated_by: by.to_owned(), invalidated_at, reason: reason.to_owned() };
    marker.write(path).unwrap();
}

/// What stands in a folder.
pub(crate) fn list(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).collect()
}

pub(crate) fn hash(path: &Path) -> Sha256Hash {
    Sha256Hash::of_bytes(&std::fs::read(path).unwrap())
}

pub(crate) fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(crate) fn write(path: &Path, words: &str) {
    write_atomic(path, words.as_bytes()).unwrap();
}

pub(crate) fn too_many(seconds: u64) -> ApiFailure {
    let retry_after = Some(std::time::Duration::from_secs(seconds));
    ApiFailure { retry_after, ..ApiFailure::new(FailureKind::RateLimited, "too many") }
}

/// The provider failed; whether it counts the call is known, or not.
pub(crate) fn unavailable(billing: btcedu_domain::Billing) -> ApiFailure {
    ApiFailure { billing, ..ApiFailure::new(FailureKind::Unavailable, "busy") }
}

pub(crate) fn bad_request() -> ApiFailure {
    ApiFailure::new(FailureKind::BadRequest, "Anthropic refused the request")
}

pub(crate) fn no_credit() -> ApiFailure {
    ApiFailure::new(FailureKind::QuotaExhausted, "no credit")
}
