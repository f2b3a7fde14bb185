//! A workspace in a temporary folder, a clock that waits without waiting, and providers of a few words.
//!
//! What is here serves both kinds of stages, or imagegen alone; `text_world` has what only text stages need.

#![expect(clippy::unnecessary_wraps, reason = "the mocks answer with these as they stand")]

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use btcedu_artifacts::{DataDir, EpisodeDir, EpisodeLock, LockHolder, write_atomic};
use btcedu_catalog::ModelCatalog;
use btcedu_chapters::{
    ChapterDocument,
    testing::{EPISODE_ID, document_of, json},
};
use btcedu_clients::{
    ApiFailure, FailureKind, LanguageModel, MockLanguageModel, StopReason, TextReply, TextRequest, TextUsage,
};
use btcedu_domain::{CallState, Clock, EpisodeId, EpisodeStatus, Usd, UtcTime, VisualType};
use btcedu_imagegen::{GeneratedImage, ImageOutcome, MockImageGenService, ModelCheck, Rejection};
use btcedu_models::{
    Conn, Db, DbError,
    episodes::{self, Episode},
    pipeline_runs::{self, PipelineRun},
    provider_calls::{self, ProviderCall},
    testing,
};
use btcedu_prompts::PromptSource;
use btcedu_stages::{
    BuiltStage, ImageSettings, Interrupt, Observer, PictureDetails, ReportDetails, ResendUnknown,
    StageContext, StageError, StageEvent, StageFlags, StageReport, StageSettings,
};
use tempfile::TempDir;

/// Where the program's own templates stand.
const TEMPLATES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../prompts");
/// What a picture is estimated at and costs here.
pub(crate) const PICTURE: Usd = Usd::from_micros(40_000);
/// What a text costs here.
pub(crate) const TEXT: Usd = Usd::from_micros(700);

/// The runtime's time, which a test has paused: it passes when all wait for it. Keeps every wait.
pub(crate) struct TestClock {
    started: tokio::time::Instant,
    set_back: Mutex<Duration>,
    sleeps: Mutex<Vec<Duration>>,
}

impl TestClock {
    fn new() -> Self {
        let started = tokio::time::Instant::now();
        Self { started, set_back: Mutex::default(), sleeps: Mutex::default() }
    }

    /// Sets the clock back, as a person or a time server does.
    pub(crate) fn set_back(&self, by: Duration) {
        *self.set_back.lock().unwrap() += by;
    }

    /// The time that has passed since the world began.
    pub(crate) fn passed(&self) -> Duration {
        self.started.elapsed()
    }

    /// All waits that were begun, in order.
    pub(crate) fn sleeps(&self) -> Vec<Duration> {
        self.sleeps.lock().unwrap().clone()
    }
}

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> UtcTime {
        let now = testing::time().timestamp().checked_add(self.passed()).unwrap();
        UtcTime::new(now.checked_sub(*self.set_back.lock().unwrap()).unwrap())
    }

    async fn sleep(&self, duration: Duration) {
        self.sleeps.lock().unwrap().push(duration);
        tokio::time::sleep(duration).await;
    }
}

/// Keeps what a run reports, and may pull the brake.
#[derive(Default)]
pub(crate) struct Heard {
    events: Mutex<Vec<StageEvent>>,
    stops_on_retry: Option<Interrupt>,
}

impl Heard {
    /// Raises a signal when a retry is told.
    pub(crate) fn that_stops_on_retry(interrupt: &Interrupt) -> Self {
        Self { stops_on_retry: Some(interrupt.clone()), ..Self::default() }
    }
}

impl Observer for Heard {
    fn on_event(&self, event: &StageEvent) {
        if let (StageEvent::Retrying { .. }, Some(brake)) = (event, &self.stops_on_retry) {
            brake.raise(btcedu_stages::Signal::Interrupt);
        }
        self.events.lock().unwrap().push(event.clone());
    }
}

/// A run of imagegen that came to an end.
#[derive(Debug)]
pub(crate) struct PicturesRun {
    report: StageReport,
    pub(crate) pictures: PictureDetails,
}

impl std::ops::Deref for PicturesRun {
    type Target = StageReport;

    fn deref(&self) -> &StageReport {
        &self.report
    }
}

/// One episode in a workspace of its own.
pub(crate) struct World {
    folder: TempDir,
    pub(crate) db: Db,
    pub(crate) data: DataDir,
    pub(crate) prompts: PromptSource,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) heard: Arc<Heard>,
    pub(crate) interrupt: Interrupt,
    pub(crate) settings: StageSettings,
    /// What a text model was asked for, in order.
    pub(crate) asked: Arc<Mutex<Vec<TextRequest>>>,
}

impl World {
    /// An episode that has got this far, without a file.
    pub(crate) fn empty(status: EpisodeStatus) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let db = testing::migrated(folder.path());
        testing::run(&db, |conn| {
            testing::episode(conn, EPISODE_ID, status);
            Ok(())
        })
        .unwrap();
        let image = ImageSettings {
            model: "gpt-image-2.6-flare".to_owned(),
            size: Some("1024x1024".to_owned()),
            quality: None,
            style_prefix: String::new(),
            concurrency: 4,
            per_minute: None,
            price: None,
        };
        Self {
            data: DataDir::new(folder.path()),
            folder,
            db,
            prompts: PromptSource::Embedded,
            clock: Arc::new(TestClock::new()),
            heard: Arc::new(Heard::default()),
            interrupt: Interrupt::default(),
            settings: StageSettings {
                auto_approve_trivial: false,
                image,
                claude_model: None,
                max_episode_cost: Usd::from_micros(10_000_000),
                resend_unknown: ResendUnknown::Yes,
            },
            asked: Arc::default(),
        }
    }

    /// Chapterizes an episode into these visuals.
    pub(crate) fn of(visuals: &[(VisualType, Option<&str>)]) -> Self {
        Self::with(&document_of(visuals))
    }

    /// So many diagrams with prompts "picture 1", "picture 2" …
    pub(crate) fn own_prompts(count: usize) -> Self {
        let prompts: Vec<String> = (1..=count).map(|n| format!("picture {n}")).collect();
        let visuals: Vec<_> = prompts.iter().map(|p| (VisualType::Diagram, Some(p.as_str()))).collect();
        Self::of(&visuals)
    }

    pub(crate) fn with(document: &ChapterDocument) -> Self {
        let world = Self::empty(EpisodeStatus::Chapterized);
        world.chapterize_into(document);
        world
    }

    /// Puts a chapter document in the place of the one before.
    pub(crate) fn chapterize_into(&self, document: &ChapterDocument) {
        write_atomic(&self.dir().chapters(), json(document).as_bytes()).unwrap();
    }

    /// Runs the stage with these providers.
    pub(crate) async fn run(
        &self,
        images: MockImageGenService,
        texts: MockLanguageModel,
    ) -> Result<PicturesRun, StageError> {
        self.run_with(images, texts, &StageFlags::default()).await
    }

    /// As [`World::run`], with flags.
    pub(crate) async fn run_with(
        &self,
        images: MockImageGenService,
        texts: MockLanguageModel,
        flags: &StageFlags,
    ) -> Result<PicturesRun, StageError> {
        let ctx = self.context(images, texts);
        let lock = self.lock().await?;
        let report = BuiltStage::Imagegen.run(&ctx, &lock, flags).await?;
        let ReportDetails::Pictures(pictures) = report.details.clone() else { panic!("{report:?}") };
        Ok(PicturesRun { report, pictures })
    }

    /// What a stage is given.
    pub(crate) fn context(
        &self,
        images: MockImageGenService,
        texts: impl LanguageModel + 'static,
    ) -> StageContext {
        StageContext {
            db: self.db.clone(),
            data: self.data.clone(),
            prompts: self.prompts.clone(),
            catalog: ModelCatalog::builtin(),
            images: Arc::new(images),
            texts: Arc::new(texts),
            clock: self.clock.clone(),
            observer: self.heard.clone(),
            interrupt: self.interrupt.clone(),
            settings: self.settings.clone(),
        }
    }

    /// Takes the episode's lock.
    pub(crate) async fn lock(&self) -> Result<EpisodeLock, StageError> {
        let holder = LockHolder::this_process("a test", self.clock.now());
        Ok(EpisodeLock::acquire(&self.dir(), &holder, self.clock.as_ref()).await?)
    }

    /// The episode's folders.
    pub(crate) fn dir(&self) -> EpisodeDir {
        self.data.episode(&id())
    }

    /// Has templates read from a folder of the test's own, which holds those of the program.
    pub(crate) fn use_own_templates(&mut self) {
        let folder = self.folder.path().join("prompts");
        for name in PromptSource::Embedded.names().unwrap() {
            let file = format!("{name}.md");
            let text = std::fs::read(Path::new(TEMPLATES).join(&file)).unwrap();
            write_atomic(&folder.join(file), &text).unwrap();
        }
        self.prompts = PromptSource::Folder(folder);
    }

    /// Returns what saves another wording of a template in the test's own folder.
    pub(crate) fn rewording(&self, name: &'static str, from: &str, to: &str) -> impl Fn() + Send + use<> {
        let PromptSource::Folder(folder) = &self.prompts else { panic!("templates of the program") };
        let path = folder.join(format!("{name}.md"));
        let (from, to) = (from.to_owned(), to.to_owned());
        move || {
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(text.contains(&from) || text.contains(&to), "{name} says neither");
            write_atomic(&path, text.replace(&from, &to).as_bytes()).unwrap();
        }
    }

    /// Does queries that belong to the episode.
    pub(crate) async fn rows<T: Send + 'static>(
        &self,
        queries: impl FnOnce(&mut Conn, &Episode) -> Result<T, DbError> + Send + 'static,
    ) -> T {
        let rows = self.db.transaction(move |conn| {
            let episode = episodes::find(conn, &id())?.expect("the episode");
            queries(conn, &episode)
        });
        rows.await.unwrap()
    }

    /// The episode's row.
    pub(crate) async fn episode(&self) -> Episode {
        self.rows(|_, episode| Ok(episode.clone())).await
    }

    /// The episode's runs, newest first.
    pub(crate) async fn runs(&self) -> Vec<PipelineRun> {
        self.rows(|conn, episode| pipeline_runs::list_for_episode(conn, episode.id)).await
    }

    /// The ledger, oldest call first.
    pub(crate) async fn ledger(&self) -> Vec<ProviderCall> {
        self.rows(|conn, episode| provider_calls::list_for_episode(conn, episode.id)).await
    }

    /// The states in which the ledger's calls are.
    pub(crate) async fn states(&self) -> Vec<CallState> {
        self.ledger().await.into_iter().map(|c| c.state).collect()
    }

    pub(crate) fn events(&self) -> Vec<StageEvent> {
        self.heard.events.lock().unwrap().clone()
    }

    pub(crate) fn picture(&self, chapter: &str) -> PathBuf {
        self.dir().chapter_picture(&chapter.parse().unwrap())
    }
}

pub(crate) fn id() -> EpisodeId {
    EPISODE_ID.parse().unwrap()
}

/// A service that answers by prompt and by how often it was asked so far, in all.
pub(crate) fn images(
    mut answer: impl FnMut(&str, usize) -> Result<ImageOutcome, ApiFailure> + Send + 'static,
) -> MockImageGenService {
    let mut service = MockImageGenService::new();
    let mut asked = 0;
    service.expect_generate_image().returning(move |request| {
        asked += 1;
        answer(&request.prompt, asked)
    });
    service.expect_estimate().returning(|_| Some(PICTURE));
    service.expect_concurrency().return_const(64_usize);
    service.expect_check_model().returning(|_| Ok(ModelCheck::NotChecked));
    service
}

/// A service that must not be asked for a picture.
pub(crate) fn no_images() -> MockImageGenService {
    images(|prompt, _| panic!("a picture was asked for: {prompt}"))
}

/// A model that answers by the request.
pub(crate) fn texts(
    answer: impl Fn(&TextRequest) -> Result<TextReply, ApiFailure> + Send + Sync + 'static,
) -> MockLanguageModel {
    let mut model = MockLanguageModel::new();
    model.expect_complete().returning(move |request| answer(request));
    model.expect_check_ready().returning(|_| Ok(()));
    model
}

/// A model that must not be asked.
pub(crate) fn no_texts() -> MockLanguageModel {
    MockLanguageModel::new()
}

/// A small picture, different for each prompt.
pub(crate) fn picture(prompt: &str) -> Result<ImageOutcome, ApiFailure> {
    let shade = prompt.bytes().fold(0_u8, u8::wrapping_add);
    let pixels = image::RgbImage::from_pixel(16, 16, image::Rgb([shade, 90, 160]));
    let mut file = std::io::Cursor::new(Vec::new());
    pixels.write_to(&mut file, image::ImageFormat::Png).unwrap();
    Ok(generated(prompt, file.into_inner()))
}

/// An answer with these bytes.
pub(crate) fn generated(prompt: &str, bytes: Vec<u8>) -> ImageOutcome {
    ImageOutcome::Generated(GeneratedImage {
        bytes: bytes.into(),
        media_type: "image/png".to_owned(),
        model: "gpt-image-2.6-flare".to_owned(),
        size: "1024x1024".to_owned(),
        prompt: prompt.to_owned(),
        revised_prompt: None,
        generated_at: testing::time(),
        cost: PICTURE,
        cost_is_estimate: false,
        usage: None,
        request_id: Some("req_1".to_owned()),
    })
}

pub(crate) fn rejected() -> Result<ImageOutcome, ApiFailure> {
    Ok(ImageOutcome::Rejected(Rejection {
        reason: "not that".to_owned(),
        code: Some("moderation_blocked".to_owned()),
        cost: Usd::ZERO,
        usage: None,
        request_id: None,
    }))
}

pub(crate) fn slow_down(retry_after: Option<u64>) -> ApiFailure {
    let retry_after = retry_after.map(Duration::from_secs);
    ApiFailure {
        retry_after,
        ..ApiFailure::new(FailureKind::RateLimited, "OpenAI asks to slow down: too many")
    }
}

pub(crate) fn timed_out() -> ApiFailure {
    ApiFailure::new(FailureKind::TimedOut, "no picture came within 300 s")
}

/// A text as the model answers it.
pub(crate) fn text(words: &str, stop_reason: StopReason) -> Result<TextReply, ApiFailure> {
    Ok(TextReply {
        text: words.to_owned(),
        stop_reason,
        refusal_category: None,
        model: "claude-sonnet-5-5".to_owned(),
        usage: TextUsage { input_tokens: 100, output_tokens: 50, ..TextUsage::default() },
        cost: Some(TEXT),
        cost_is_estimate: false,
        request_id: None,
    })
}

/// What the service was asked for, and when.
#[derive(Clone, Default)]
pub(crate) struct Asked(Arc<Mutex<Vec<(String, Duration)>>>);

impl Asked {
    pub(crate) fn note(&self, prompt: &str, clock: &TestClock) {
        self.0.lock().unwrap().push((prompt.to_owned(), clock.passed()));
    }

    pub(crate) fn all(&self) -> Vec<(String, Duration)> {
        self.0.lock().unwrap().clone()
    }

    /// Whole seconds at which calls were started.
    pub(crate) fn seconds(&self) -> Vec<u64> {
        self.all().into_iter().map(|(_, at)| at.as_secs()).collect()
    }
}
