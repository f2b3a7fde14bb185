//! A workspace with an episode at gate 1 and one with pictures, and a visitor of its dashboard.

use std::{
    io::Cursor,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use actix_web::{
    HttpMessage,
    body::to_bytes,
    cookie::{Cookie, Key},
    dev::Service,
    http::{
        StatusCode,
        header::{self, HeaderMap},
    },
    test::{TestRequest, init_service},
    web,
};
use btcedu_artifacts::{DataDir, EpisodeDir, testing::entry, write_atomic, write_json_atomic};
use btcedu_catalog::ModelCatalog;
use btcedu_chapters::testing::{EPISODE_ID, document, json};
use btcedu_clients::MockLanguageModel;
use btcedu_domain::{
    EpisodeId, EpisodeStatus, ImageStatus, ReviewStage, ReviewStatus, Sha256Hash, SystemClock, Usd,
    VisualType,
};
use btcedu_imagegen::MockImageGenService;
use btcedu_models::{
    episodes, review_decisions,
    review_tasks::{self, NewReviewTask},
    testing::{self, time},
};
use btcedu_pipeline::Desk;
use btcedu_prompts::PromptSource;
use btcedu_stages::{ImageSettings, Interrupt, NoObserver, ResendUnknown, StageContext, StageSettings};
use bytes::Bytes;
use serde_json::{Value, json};

use crate::{
    config::DashboardConfig,
    random::random_key,
    server::{app, prepare},
    state::AppState,
};

/// The episode that waits at gate 1, as review 1.
pub(super) const EP: &str = "ep1";
/// The episode with pictures: `ch01` gets none, `ch02` has one, `ch03` waits, `ch04` was refused.
pub(super) const PICTURES: &str = EPISODE_ID;
/// Before the correction, and after it: two changes in two paragraphs.
pub(super) const TRANSCRIPT: &str = "Über das Halfing.\n\nUnd Leitning, ja.\n";
pub(super) const CORRECTED: &str = "Über das Halving.\n\nUnd Lightning, ja.\n";
/// Text that would do harm as HTML.
pub(super) const EVIL: &str = "<script>alert(1)</script>\"><img src=x>";

/// A workspace in a temporary folder, and the desk on it.
pub(super) struct World {
    folder: Arc<tempfile::TempDir>,
    ctx: StageContext,
    pub(super) picture: Vec<u8>,
}

impl World {
    /// A workspace without an episode.
    pub(super) fn empty() -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let data = DataDir::new(folder.path().join("data"));
        std::fs::create_dir(data.root()).unwrap();
        let image = ImageSettings {
            model: "gpt-image-2.6-flare".to_owned(),
            size: None,
            quality: None,
            style_prefix: String::new(),
            concurrency: 1,
            per_minute: None,
            price: None,
        };
        let ctx = StageContext {
            db: testing::migrated(data.root()),
            data,
            prompts: PromptSource::Embedded,
            catalog: ModelCatalog::builtin(),
            images: Arc::new(MockImageGenService::new()),
            texts: Arc::new(MockLanguageModel::new()),
            clock: Arc::new(SystemClock),
            observer: Arc::new(NoObserver),
            interrupt: Interrupt::default(),
            settings: StageSettings {
                image,
                claude_model: None,
                max_episode_cost: Usd::from_micros(10_000_000),
                resend_unknown: ResendUnknown::Yes,
                auto_approve_trivial: false,
            },
        };
        Self { folder, ctx, picture: picture(600, 300) }
    }

    /// A workspace with both episodes.
    pub(super) fn new() -> Self {
        let world = Self::empty();
        world.add_correction(EP);
        world.add_pictures();
        world
    }

    /// Adds an episode whose correction waits for a reviewer.
    pub(super) fn add_correction(&self, id: &str) {
        let dir = self.dir(id);
        write_atomic(&dir.transcript(), TRANSCRIPT.as_bytes()).unwrap();
        write_atomic(&dir.clean_transcript(), TRANSCRIPT.as_bytes()).unwrap();
        write_atomic(&dir.corrected_transcript(), CORRECTED.as_bytes()).unwrap();
        let change = |original: &str, corrected: &str, start: usize| {
            json!({"type": "replace", "original": original, "corrected": corrected, "context": "",
                "position": {"start": start, "end": start + original.len()}, "category": "terminology"})
        };
        let changes = [change("Halfing", "Halving", 9), change("Leitning", "Lightning", 23)];
        let diff = json!({"episode_id": id, "original_length": 37, "corrected_length": 38, "changes": changes,
            "summary": {"total_changes": 2, "by_type": {"replace": 2, "insert": 0, "delete": 0},
                "by_category": {"terminology": 2}}});
        write_json_atomic(&dir.review_diff(ReviewStage::Correct), &diff).unwrap();
        let written = testing::run(&self.ctx.db, |conn| {
            let episode = testing::episode(conn, id, EpisodeStatus::Corrected);
            let path = dir.in_workspace(&dir.corrected_transcript());
            let new = NewReviewTask {
                episode_id: dir.id(),
                stage: ReviewStage::Correct,
                artifact_paths: &json!([path]).to_string(),
                diff_path: Some(&dir.in_workspace(&dir.review_diff(ReviewStage::Correct))),
                prompt_version_id: None,
                created_at: time(),
                artifact_hash: Some(Sha256Hash::of_bytes(CORRECTED.as_bytes())),
            };
            review_tasks::insert(conn, &new)?;
            episodes::set_review_status(conn, episode.id, Some(ReviewStatus::Pending))
        });
        written.unwrap();
    }

    fn add_pictures(&self) {
        let dir = self.dir(PICTURES);
        write_atomic(&dir.chapters(), json(&document(4)).as_bytes()).unwrap();
        let mut refused = entry("ch04", VisualType::TalkingHead, ImageStatus::Rejected);
        refused.error = Some("the provider refused the prompt".to_owned());
        let entries = vec![
            entry("ch01", VisualType::TitleCard, ImageStatus::Skipped),
            btcedu_artifacts::testing::generated("ch02", &self.picture),
            entry("ch03", VisualType::BRoll, ImageStatus::Pending),
            refused,
        ];
        btcedu_artifacts::testing::write_gallery(&dir, entries, &self.picture);
        let added = testing::run(&self.ctx.db, |conn| {
            testing::episode(conn, PICTURES, EpisodeStatus::Chapterized);
            Ok(())
        });
        added.unwrap();
    }

    pub(super) fn dir(&self, id: &str) -> EpisodeDir {
        self.ctx.data.episode(&id.parse().unwrap())
    }

    pub(super) fn ctx(&self) -> &StageContext {
        &self.ctx
    }

    /// Writes a file beside the workspace.
    pub(super) fn outside(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        write_atomic(&path, text.as_bytes()).unwrap();
        path
    }

    /// Reads rows.
    pub(super) fn rows<T>(
        &self,
        queries: impl FnOnce(&mut btcedu_models::Conn) -> Result<T, btcedu_models::DbError>,
    ) -> T {
        testing::run(&self.ctx.db, queries).unwrap()
    }

    pub(super) fn review_status(&self, task: i64) -> ReviewStatus {
        self.rows(|conn| review_tasks::find(conn, task)).expect("the review").status
    }

    pub(super) fn episode_status(&self, id: &str) -> EpisodeStatus {
        let id: EpisodeId = id.parse().unwrap();
        self.rows(|conn| episodes::find(conn, &id)).expect("the episode").status
    }

    /// The notes of all decisions about an episode, oldest first.
    pub(super) fn notes(&self, id: &str) -> Vec<Option<String>> {
        let id: EpisodeId = id.parse().unwrap();
        let found = self.rows(|conn| review_decisions::list_for_episode(conn, &id));
        found.into_iter().map(|one| one.notes).collect()
    }

    /// A visitor of a dashboard that lets everybody at this machine in.
    pub(super) async fn visitor(&self) -> Visitor {
        self.visitor_with(DashboardConfig::default()).await
    }

    pub(super) async fn visitor_with(&self, config: DashboardConfig) -> Visitor {
        let state = prepare(Desk::new(self.ctx.clone()), config).await.unwrap();
        let key = random_key().unwrap();
        let state = web::Data::new(state);
        Visitor { state, _folder: self.folder.clone(), key, cookies: Mutex::default() }
    }
}

/// A PNG with a pattern in it, so that it isn't tiny.
pub(super) fn picture(width: u32, height: u32) -> Vec<u8> {
    let pixels = image::RgbImage::from_fn(width, height, |x, y| {
        image::Rgb([x, y, x ^ y].map(|value| value.to_le_bytes()[0]))
    });
    let mut png = Cursor::new(Vec::new());
    pixels.write_to(&mut png, image::ImageFormat::Png).unwrap();
    png.into_inner()
}

/// A browser without scripts: it sends requests and keeps cookies.
pub(super) struct Visitor {
    pub(super) state: web::Data<AppState>,
    /// The workspace is removed with the last of its users.
    _folder: Arc<tempfile::TempDir>,
    key: Key,
    cookies: Mutex<Vec<Cookie<'static>>>,
}

impl Visitor {
    pub(super) async fn get(&self, path: &str) -> Answer {
        self.send(TestRequest::get().uri(path)).await
    }

    pub(super) async fn get_with(&self, path: &str, headers: &[(&'static str, &str)]) -> Answer {
        let request = TestRequest::get().uri(path);
        self.send(headers.iter().fold(request, |request, header| request.insert_header(*header))).await
    }

    /// Returns a page's JSON twin.
    pub(super) async fn api(&self, path: &str) -> Value {
        self.get(&format!("/api/v1{path}")).await.is(200).json()
    }

    /// Sends a form as one of the dashboard's own pages does, with the token of a page.
    pub(super) async fn submit(&self, page: &str, action: &str, fields: &[(&str, &str)]) -> Answer {
        let token = self.get(page).await.field("csrf");
        self.post(action, &[&[("csrf", token.as_str())], fields].concat()).await
    }

    /// Sends a form from the dashboard's own origin.
    pub(super) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let request = TestRequest::post().uri(path).set_form(fields);
        self.send(request.insert_header(("sec-fetch-site", "same-origin"))).await
    }

    pub(super) async fn send(&self, request: TestRequest) -> Answer {
        let request = self.cookies.lock().unwrap().iter().cloned().fold(request, TestRequest::cookie);
        let mut request = request.to_request();
        if !request.headers().contains_key(header::HOST) {
            request.headers_mut().insert(header::HOST, header::HeaderValue::from_static("localhost"));
        }
        let service = init_service(app(self.state.clone(), self.key.clone(), 8090)).await;
        let response = match service.call(request).await {
            Ok(response) => response.into_parts().1.map_into_boxed_body(),
            Err(error) => error.error_response(),
        };
        for cookie in response.cookies() {
            let mut kept = self.cookies.lock().unwrap();
            kept.retain(|known| known.name() != cookie.name());
            kept.push(cookie.into_owned());
        }
        let (status, headers) = (response.status(), response.headers().clone());
        let body = to_bytes(response.into_body()).await.map_err(|_broken_off| ()).unwrap();
        Answer { status, headers, body }
    }
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    #[track_caller]
    pub(super) fn is(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        self
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub(super) fn says(self, part: &str) -> Self {
        assert!(self.text().contains(part), "'{part}' is not in {}", self.text());
        self
    }

    #[track_caller]
    pub(super) fn says_nothing_of(self, part: &str) -> Self {
        assert!(!self.text().contains(part), "'{part}' is in {}", self.text());
        self
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// Returns a header; empty where it is missing.
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Returns the value of a page's first hidden field of a name.
    #[track_caller]
    pub(super) fn field(&self, name: &str) -> String {
        let text = self.text();
        let field = text.split(&format!("name=\"{name}\" value=\"")).nth(1);
        field.unwrap_or_else(|| panic!("no field '{name}' in {text}")).split('"').next().unwrap().to_owned()
    }

    /// Returns the notice that a form has left on the page.
    #[track_caller]
    pub(super) fn notice(&self) -> String {
        let text = self.text();
        let notice = text.split("id=\"notice\"").nth(1).unwrap_or_else(|| panic!("no notice in {text}"));
        let words = notice.split("<p>").nth(1).unwrap().split("</p>").next().unwrap();
        words.replace("&#x27;", "'").replace("&#39;", "'")
    }
}
