//! Reviews as the handlers answer them, over a workspace in a temporary folder.

use std::sync::Arc;

use actix_web::test::{TestRequest, call_and_read_body_json, init_service};
use btcedu_artifacts::{DataDir, EpisodeDir, write_atomic};
use btcedu_catalog::ModelCatalog;
use btcedu_clients::MockLanguageModel;
use btcedu_domain::{EpisodeStatus, ReviewStage, Sha256Hash, SystemClock, Usd};
use btcedu_imagegen::MockImageGenService;
use btcedu_models::testing;
use btcedu_prompts::PromptSource;
use btcedu_stages::{
    ImageSettings, Interrupt, NoObserver, ResendUnknown, StageContext, StageSettings,
    review_tasks::{ReviewedText, refresh_review_diff, sync_task},
};
use serde_json::Value;

use super::*;

/// A workspace with one episode, and providers that nobody may ask.
struct World {
    _folder: tempfile::TempDir,
    ctx: StageContext,
    dir: EpisodeDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::new(folder.path());
        let image = ImageSettings {
            model: "gpt-image-2.6-flare".to_owned(),
            size: None,
            quality: None,
            style_prefix: String::new(),
            concurrency: 1,
            per_minute: None,
            price: None,
        };
        let dir = data.episode(&"ep1".parse().unwrap());
        let ctx = StageContext {
            db: testing::migrated(folder.path()),
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
        Self { _folder: folder, ctx, dir }
    }

    /// Opens a review for the text that a gate looks at, with the diff that its stage makes of it.
    async fn open_review(&self, gate: ReviewStage) {
        let output = self.dir.reviewed_text(gate);
        let hash = Sha256Hash::of_bytes(&std::fs::read(&output).unwrap());
        let diff = refresh_review_diff(&self.ctx, self.dir.id(), gate).await.unwrap();
        let (episode, path) = (self.dir.id().clone(), self.dir.in_workspace(&output));
        let opened = self.ctx.db.transaction(move |conn| {
            let row = testing::episode(conn, episode.as_str(), EpisodeStatus::Corrected);
            let (episode_row, prompt_version) = (row.id, None);
            let text = ReviewedText { episode, episode_row, gate, path, diff, prompt_version, hash };
            sync_task(conn, &text, testing::time())
        });
        opened.await.unwrap();
    }

    /// Answers as `/api/v1` does.
    async fn get(&self, path: &str) -> Value {
        let config = DashboardConfig { listen: "127.0.0.1:0".parse().unwrap(), ..DashboardConfig::default() };
        let dashboard = bind(Desk::new(self.ctx.clone()), config).await.unwrap();
        let service = init_service(app(dashboard.state, Key::generate(), 0)).await;
        let request = TestRequest::get().uri(path).insert_header(("host", "localhost")).to_request();
        call_and_read_body_json(&service, request).await
    }
}

/// As an editor under Windows saves it.
fn as_windows(text: &str) -> String {
    format!("\u{feff}{}", text.replace('\n', "\r\n"))
}

const TRANSCRIPT: &str = "Über das Halfing.\n\nUnd Leitning, ja.\n";
const CORRECTED: &str = "Über das Halving.\n\nUnd Lightning, ja.\n";
const SCRIPT: &str = "SPK [T1: \"BaFin\" → \"SPK\"] bu konuda.\n\nİkinci [T2: yaşam tarzı] paragraf.\n";

/// Every way in which the two texts of a gate may have been saved.
fn saved(before: &str, after: &str) -> [(String, String); 4] {
    let both = |first: &str, second: &str| (first.to_owned(), second.to_owned());
    [
        both(before, after),
        both(&as_windows(before), after),
        both(before, &as_windows(after)),
        both(&before.replace('\n', "\r"), &format!("\u{feff}{after}")),
    ]
}

#[actix_web::test]
async fn a_correction_shows_its_changes_however_the_texts_were_saved() {
    for (before, after) in saved(TRANSCRIPT, CORRECTED) {
        let world = World::new();
        write_atomic(&world.dir.clean_transcript(), before.as_bytes()).unwrap();
        write_atomic(&world.dir.corrected_transcript(), after.as_bytes()).unwrap();
        world.open_review(ReviewStage::Correct).await;
        let review = world.get("/api/v1/reviews/1").await;
        assert_eq!(review["problem"], Value::Null, "{before:?} → {after:?}");
        let passages = review["passages"].as_array().unwrap();
        let marked: Vec<&Value> = passages.iter().filter(|passage| passage["changed"] == true).collect();
        assert_eq!(marked.len(), 2, "{before:?} → {after:?}: {review}");
        assert_eq!(review["summary"]["total"], 2);
    }
}

#[actix_web::test]
async fn an_adaptation_shows_its_tags_however_it_was_saved() {
    for (literal, script) in saved("BaFin bu konuda.\n\nİkinci paragraf.\n", SCRIPT) {
        let world = World::new();
        write_atomic(&world.dir.translation(), literal.as_bytes()).unwrap();
        write_atomic(&world.dir.corrected_transcript(), CORRECTED.as_bytes()).unwrap();
        write_atomic(&world.dir.script(), script.as_bytes()).unwrap();
        world.open_review(ReviewStage::Adapt).await;
        let review = world.get("/api/v1/reviews/1").await;
        assert_eq!(review["problem"], Value::Null, "{script:?}");
        let tags = review["adaptation"]["adaptations"].as_array().unwrap();
        assert_eq!(tags.len(), 2, "{script:?}: {review}");
        assert!(tags.iter().all(|tag| tag["marked"] == true), "{script:?}: {review}");
        assert_eq!(review["adaptation"]["literal"].as_array().unwrap().len(), 2, "{literal:?}");
        let text = world.get("/api/v1/episodes/ep1/texts/adapted").await;
        let marks = text["html"].as_str().unwrap().matches("<mark id=").count();
        assert_eq!(marks, 2, "{script:?}: {text}");
    }
}
