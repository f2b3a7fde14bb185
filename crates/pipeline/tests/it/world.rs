//! One workspace in a temporary folder, a clock that ticks when it is read, and services that are mocks.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use async_trait::async_trait;
use btcedu_artifacts::{DataDir, EpisodeDir, write_atomic};
use btcedu_catalog::ModelCatalog;
use btcedu_clients::{
    ApiFailure, FailureKind, MockLanguageModel, StopReason, TextReply, TextRequest, TextUsage,
};
use btcedu_domain::{
    CallState, Clock, EpisodeId, EpisodeStatus, PipelineVersion, ReviewStage, Sha256Hash, Stage, Usd, UtcTime,
};
use btcedu_imagegen::{GeneratedImage, ImageOutcome, MockImageGenService, ModelCheck, Rejection};
use btcedu_models::{
    Conn, DbError,
    episodes::{self, Episode, NewEpisode},
    provider_calls::{self, ProviderCall},
    review_tasks::{self, ReviewTask},
    testing,
};
use btcedu_pipeline::{
    Decision, RefreshPlan, ReviewError, ReviewView, RunOptions, RunReport, Verdict, decide_review,
    run_episode,
};
use btcedu_prompts::PromptSource;
use btcedu_stages::{
    ImageSettings, Interrupt, NoObserver, ResendUnknown, StageContext, StageError, StageSettings,
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The episode of most tests.
pub(crate) const EP: &str = "ep1";
/// What a text is estimated at and costs here.
pub(crate) const TEXT: Usd = Usd::from_micros(700);
/// What a picture is estimated at and costs here.
pub(crate) const PICTURE: Usd = Usd::from_micros(40_000);
/// What the four texts and two pictures of an episode cost.
pub(crate) const WHOLE: Usd = Usd::from_micros(4 * TEXT.micros() + 2 * PICTURE.micros());
/// The transcript; the model knows that it is "Lightning".
pub(crate) const TRANSCRIPT: &str = "Heute reden wir über Leitning. Alle zehn Minuten kommt ein Block.";

/// A clock that goes on by a second whenever it is read, and waits without waiting.
struct TickingClock(Mutex<Duration>);

impl TickingClock {
    fn pass(&self, time: Duration) -> Duration {
        let mut passed = self.0.lock().unwrap();
        *passed += time;
        *passed
    }
}

#[async_trait]
impl Clock for TickingClock {
    fn now(&self) -> UtcTime {
        let passed = self.pass(Duration::from_secs(1));
        UtcTime::new(testing::time().timestamp().checked_add(passed).unwrap())
    }

    async fn sleep(&self, duration: Duration) {
        self.pass(duration);
        tokio::task::yield_now().await;
    }
}

type TextAnswer = Box<dyn FnMut(&str) -> Result<String, ApiFailure> + Send>;
type PictureAnswer = Box<dyn FnMut(&str) -> Result<ImageOutcome, ApiFailure> + Send>;

/// What the mocks were asked, and what they answer where a test wants something else.
#[derive(Default)]
struct Script {
    asked: Vec<(Stage, String)>,
    texts: HashMap<Stage, TextAnswer>,
    pictures: Option<PictureAnswer>,
    is_key_missing: bool,
    is_image_model_gone: bool,
}

/// A workspace and what works on it.
pub(crate) struct World {
    folder: TempDir,
    pub(crate) ctx: StageContext,
    script: Arc<Mutex<Script>>,
}

impl World {
    /// Makes a workspace without episodes.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let script = Arc::new(Mutex::new(Script::default()));
        let image = ImageSettings {
            // Unknown to the catalogue, so that it costs what the settings say.
            model: "house-model".to_owned(),
            size: Some("1024x1024".to_owned()),
            quality: None,
            style_prefix: String::new(),
            concurrency: 1,
            per_minute: None,
            price: Some(PICTURE),
        };
        let ctx = StageContext {
            db: testing::migrated(folder.path()),
            data: DataDir::new(folder.path()),
            prompts: PromptSource::Embedded,
            catalog: ModelCatalog::builtin(),
            images: Arc::new(images(&script)),
            texts: Arc::new(texts(&script)),
            clock: Arc::new(TickingClock(Mutex::default())),
            observer: Arc::new(NoObserver),
            interrupt: Interrupt::default(),
            settings: StageSettings {
                auto_approve_trivial: false,
                image,
                claude_model: None,
                max_episode_cost: Usd::from_micros(10_000_000),
                resend_unknown: ResendUnknown::Yes,
            },
        };
        Self { folder, ctx, script }
    }

    /// Makes a workspace with [`EP`], which has its transcript.
    pub(crate) fn transcribed() -> Self {
        let world = Self::new();
        world.add(EP, EpisodeStatus::Transcribed);
        world
    }

    /// As [`World::transcribed`], and runs the episode until a review waits.
    pub(crate) async fn at_gate_1() -> Self {
        let world = Self::transcribed();
        world.run().await;
        world
    }

    /// As [`World::at_gate_1`], approves that, and runs the episode until the next review waits.
    pub(crate) async fn at_gate_2() -> Self {
        let world = Self::at_gate_1().await;
        world.approve(1).await;
        world.run().await;
        world
    }

    /// As [`World::at_gate_2`], approves that, and runs the episode to its pictures.
    pub(crate) async fn finished() -> Self {
        let world = Self::at_gate_2().await;
        world.approve(2).await;
        world.run().await;
        assert_eq!(world.status(), EpisodeStatus::ImagesGenerated);
        world
    }

    /// Adds an episode of pipeline v2 with a transcript.
    pub(crate) fn add(&self, episode: &str, status: EpisodeStatus) {
        self.query(|conn| {
            testing::episode(conn, episode, status);
            Ok(())
        });
        let dir = self.ctx.data.episode(&episode.parse().unwrap());
        write_atomic(&dir.clean_transcript(), TRANSCRIPT.as_bytes()).unwrap();
    }

    /// Adds an episode of pipeline v1.
    pub(crate) fn add_v1(&self, episode: &str, status: EpisodeStatus) {
        self.query(|conn| {
            let new = NewEpisode {
                episode_id: &episode.parse().unwrap(),
                channel_id: None,
                source: "local",
                title: episode,
                published_at: None,
                duration_seconds: None,
                url: None,
                status,
                output_dir: None,
                detected_at: testing::time(),
                pipeline_version: PipelineVersion::V1,
            };
            episodes::insert(conn, &new).map(drop)
        });
    }

    /// Uses templates of a folder that a test may change.
    pub(crate) fn use_template_folder(&mut self) {
        let folder = self.folder.path().join("prompts");
        let embedded = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../prompts");
        for file in fs::read_dir(&embedded).unwrap() {
            let file = file.unwrap().path();
            write_atomic(&folder.join(file.file_name().unwrap()), &fs::read(&file).unwrap()).unwrap();
        }
        self.ctx.prompts = PromptSource::Folder(folder);
    }

    /// Where [`World::use_template_folder`] has a template.
    pub(crate) fn template(&self, name: &str) -> PathBuf {
        self.folder.path().join("prompts").join(format!("{name}.md"))
    }

    /// Does queries on this thread.
    pub(crate) fn query<T>(&self, queries: impl FnOnce(&mut Conn) -> Result<T, DbError>) -> T {
        testing::run(&self.ctx.db, queries).unwrap()
    }

    /// The folders of [`EP`].
    pub(crate) fn dir(&self) -> EpisodeDir {
        self.ctx.data.episode(&id())
    }

    /// Runs [`EP`] along its plan.
    pub(crate) async fn try_run(&self) -> Result<RunReport, StageError> {
        let options = RunOptions { command: "btcedu run ep1", refresh: false, announce: &|_| {} };
        run_episode(&self.ctx, &id(), &options).await
    }

    /// As [`World::try_run`], and it must have come so far that there is a report.
    pub(crate) async fn run(&self) -> RunReport {
        self.try_run().await.unwrap()
    }

    /// Runs [`EP`] with `--refresh`; returns the report and what was announced.
    pub(crate) async fn refresh(&self) -> (RunReport, Vec<RefreshPlan>) {
        let announced = Mutex::new(Vec::new());
        let announce = |again: &RefreshPlan| announced.lock().unwrap().push(again.clone());
        let options = RunOptions { command: "btcedu run ep1", refresh: true, announce: &announce };
        let report = run_episode(&self.ctx, &id(), &options).await.unwrap();
        (report, announced.into_inner().unwrap())
    }

    /// Decides a review as a person who has seen its text as it is.
    pub(crate) async fn decide(&self, task: i64, verdict: Verdict) -> Result<ReviewView, ReviewError> {
        let decision = Decision { task, verdict: &verdict, seen: None, command: "btcedu review" };
        decide_review(&self.ctx, decision).await
    }

    pub(crate) async fn approve(&self, task: i64) {
        self.decide(task, Verdict::Approve).await.unwrap();
    }

    /// Answers a stage's text calls otherwise; the answer is made from the text that was sent.
    pub(crate) fn answer(
        &self,
        stage: Stage,
        answer: impl FnMut(&str) -> Result<String, ApiFailure> + Send + 'static,
    ) {
        self.script().texts.insert(stage, Box::new(answer));
    }

    /// Answers picture calls otherwise; the answer is made from the prompt.
    pub(crate) fn answer_pictures(
        &self,
        answer: impl FnMut(&str) -> Result<ImageOutcome, ApiFailure> + Send + 'static,
    ) {
        self.script().pictures = Some(Box::new(answer));
    }

    /// Answers all calls as in the beginning.
    pub(crate) fn answer_as_usual(&self) {
        let mut script = self.script();
        script.texts.clear();
        script.pictures = None;
    }

    pub(crate) fn lose_the_key(&self) {
        self.script().is_key_missing = true;
    }

    pub(crate) fn retire_the_image_model(&self) {
        self.script().is_image_model_gone = true;
    }

    /// The stages that have made a call, oldest first.
    pub(crate) fn asked(&self) -> Vec<Stage> {
        self.script().asked.iter().map(|(stage, _)| *stage).collect()
    }

    /// The prompt that was sent last.
    pub(crate) fn last_prompt(&self) -> String {
        self.script().asked.last().unwrap().1.clone()
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }

    pub(crate) fn episode(&self) -> Episode {
        self.query(|conn| episodes::find(conn, &id())).unwrap()
    }

    pub(crate) fn status(&self) -> EpisodeStatus {
        self.episode().status
    }

    pub(crate) fn set_status(&self, status: EpisodeStatus) {
        let row = self.episode().id;
        self.query(|conn| episodes::set_status(conn, row, status));
    }

    /// The ledger, oldest call first.
    pub(crate) fn ledger(&self) -> Vec<ProviderCall> {
        let row = self.episode().id;
        self.query(|conn| provider_calls::list_for_episode(conn, row))
    }

    /// Stage and state of each call in the ledger.
    pub(crate) fn calls(&self) -> Vec<(Stage, CallState)> {
        self.ledger().into_iter().map(|call| (call.stage, call.state)).collect()
    }

    /// What the calls of the ledger have cost.
    pub(crate) fn spent(&self) -> Usd {
        self.ledger().iter().filter_map(|call| call.actual).sum()
    }

    pub(crate) fn task(&self, gate: ReviewStage) -> ReviewTask {
        self.query(|conn| review_tasks::find_latest(conn, &id(), gate)).unwrap()
    }

    /// The reports of [`EP`] that are kept on the disk, oldest first.
    pub(crate) fn reports(&self) -> Vec<Value> {
        let mut files = self.ctx.data.list(&self.dir().reports()).unwrap();
        files.sort();
        files.iter().map(|file| read_json(file)).collect()
    }

    /// All files of the workspace but the database's, with their hashes.
    pub(crate) fn files(&self) -> Vec<(PathBuf, Sha256Hash)> {
        let mut found = Vec::new();
        for folder in ["outputs", "transcripts", "reports"] {
            collect_files(&self.folder.path().join(folder), &mut found);
        }
        found.sort();
        found
    }
}

fn collect_files(folder: &Path, found: &mut Vec<(PathBuf, Sha256Hash)>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            collect_files(&path, found);
        } else {
            let hash = Sha256Hash::of_bytes(&fs::read(&path).unwrap());
            found.push((path, hash));
        }
    }
}

pub(crate) fn id() -> EpisodeId {
    EP.parse().unwrap()
}

pub(crate) fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

pub(crate) fn read_json(path: &Path) -> Value {
    serde_json::from_str(&read(path)).unwrap()
}

/// Writes as a person with an editor would.
pub(crate) fn edit(path: &Path, text: &str) {
    write_atomic(path, text.as_bytes()).unwrap();
}

fn images(script: &Arc<Mutex<Script>>) -> MockImageGenService {
    let mut service = MockImageGenService::new();
    let answers = script.clone();
    service.expect_generate_image().returning(move |request| {
        let mut script = answers.lock().unwrap();
        script.asked.push((Stage::Imagegen, request.prompt.clone()));
        match &mut script.pictures {
            Some(answer) => answer(&request.prompt),
            None => Ok(picture(&request.prompt)),
        }
    });
    service.expect_estimate().returning(|_| Some(PICTURE));
    service.expect_concurrency().return_const(1_usize);
    let answers = script.clone();
    service.expect_check_model().returning(move |_| {
        let is_gone = answers.lock().unwrap().is_image_model_gone;
        Ok(if is_gone { ModelCheck::Missing } else { ModelCheck::NotChecked })
    });
    service
}

fn texts(script: &Arc<Mutex<Script>>) -> MockLanguageModel {
    let mut model = MockLanguageModel::new();
    let answers = script.clone();
    model.expect_complete().returning(move |request| {
        let (stage, text) = sent_text(request);
        let mut script = answers.lock().unwrap();
        script.asked.push((stage, request.prompt.clone()));
        let reply = match script.texts.get_mut(&stage) {
            Some(answer) => answer(&text)?,
            None => usual_reply(stage, &text),
        };
        Ok(TextReply {
            text: reply,
            stop_reason: StopReason::EndTurn,
            refusal_category: None,
            model: request.model.clone(),
            usage: TextUsage { input_tokens: 100, output_tokens: 50, ..TextUsage::default() },
            cost: Some(TEXT),
            cost_is_estimate: false,
            request_id: None,
        })
    });
    model.expect_estimate().returning(|_| Some(TEXT));
    let answers = script.clone();
    model.expect_check_ready().returning(move |_| {
        if answers.lock().unwrap().is_key_missing {
            Err(ApiFailure::new(FailureKind::MissingKey, "ANTHROPIC_API_KEY is not set"))
        } else {
            Ok(())
        }
    });
    model
}

/// Tells by its tags which stage a request is of, and takes out the text that it is about.
fn sent_text(request: &TextRequest) -> (Stage, String) {
    let tags = [
        (Stage::Correct, "transcript"),
        (Stage::Translate, "text"),
        (Stage::Adapt, "translation_to_adapt"),
        (Stage::Chapterize, "script"),
    ];
    let within = |tag: &str| {
        let (_, rest) = request.prompt.split_once(&format!("<{tag}>\n"))?;
        rest.split_once(&format!("\n</{tag}>")).map(|(text, _)| text.to_owned())
    };
    tags.into_iter().find_map(|(stage, tag)| Some((stage, within(tag)?))).expect("a stage's request")
}

/// What the model answers unless a test wants something else.
pub(crate) fn usual_reply(stage: Stage, text: &str) -> String {
    match stage {
        Stage::Correct => tagged(stage, &text.replace("Leitning", "Lightning")),
        Stage::Translate => tagged(stage, &format!("Türkçe: {text}")),
        Stage::Adapt => tagged(stage, &text.replace("Türkçe", "Türkiye için")),
        _ => chapters(text),
    }
}

/// Wraps what a stage takes out of a reply.
pub(crate) fn tagged(stage: Stage, text: &str) -> String {
    let tag = match stage {
        Stage::Correct => "corrected_transcript",
        Stage::Translate => "translation",
        _ => "adaptation",
    };
    format!("<{tag}>\n{text}\n</{tag}>")
}

/// One chapter per sentence, each a diagram with a prompt of its own.
fn chapters(script: &str) -> String {
    let chapter = |(number, sentence): (usize, &str)| {
        json!({
            "title": format!("Bölüm {number}"),
            "narration": sentence,
            "visual": {"type": "diagram", "description": "Bloklar", "image_prompt": format!("picture {number}")},
            "overlays": [],
            "transitions": {"in": "fade", "out": "cut"},
            "notes": null,
        })
    };
    let chapters: Vec<Value> = (1..).zip(script.split_inclusive(". ")).map(chapter).collect();
    json!({"title": "Bloklar", "chapters": chapters}).to_string()
}

/// A small picture, different for each prompt.
pub(crate) fn picture(prompt: &str) -> ImageOutcome {
    let shade = prompt.bytes().fold(0_u8, u8::wrapping_add);
    let pixels = image::RgbImage::from_pixel(16, 16, image::Rgb([shade, 90, 160]));
    let mut file = std::io::Cursor::new(Vec::new());
    pixels.write_to(&mut file, image::ImageFormat::Png).unwrap();
    ImageOutcome::Generated(GeneratedImage {
        bytes: file.into_inner().into(),
        media_type: "image/png".to_owned(),
        model: "house-model".to_owned(),
        size: "1024x1024".to_owned(),
        prompt: prompt.to_owned(),
        revised_prompt: None,
        generated_at: testing::time(),
        cost: PICTURE,
        cost_is_estimate: false,
        usage: None,
        request_id: None,
    })
}

pub(crate) fn refused() -> ImageOutcome {
    ImageOutcome::Rejected(Rejection {
        reason: "not that".to_owned(),
        code: Some("moderation_blocked".to_owned()),
        cost: Usd::ZERO,
        usage: None,
        request_id: None,
    })
}

/// A provider that asks to slow down: the call is tried again after a while.
pub(crate) fn slow_down() -> ApiFailure {
    ApiFailure::new(FailureKind::RateLimited, "too many")
}
