//! An episode as a run would find it, built in memory: no file, no row, no clock.

use std::{collections::BTreeMap, sync::Arc};

use btcedu_artifacts::{DataDir, FileCheck, Manifest, ManifestEntry, ManifestTotals, Sidecar};
use btcedu_catalog::ModelCatalog;
use btcedu_chapters::{
    Chapter, ChapterDocument,
    testing::{EPISODE_ID, chapter_id, document_of, settle},
};
use btcedu_domain::{
    CallId, CallKind, CallState, EpisodeRowId, EpisodeStatus, ImageStatus, PipelineVersion, PromptSource,
    Sha256Hash, Stage, Usd, UtcTime, VisualType,
};
use btcedu_models::{episodes::Episode, provider_calls::ProviderCall, testing::time};
use btcedu_prompts::PromptInUse;

use crate::{
    ResendUnknown,
    frame::{
        Position,
        report::{Decision, StageFlags},
        run::Budget,
        template::Template,
        text_call::text_hash,
    },
    imagegen::{
        facts::{Current, Facts, Picture, Shelf},
        prompt::text_request,
        request::{ChapterRequest, RequestSettings},
        worklist::{WorkItem, WorkList, plan_images},
    },
};

/// What a test changes as time would; chapters are counted from 1.
#[derive(Clone)]
pub(super) struct Scene {
    pub(super) document: ChapterDocument,
    pub(super) request: RequestSettings,
    pub(super) calls: Vec<ProviderCall>,
    pub(super) shelf: Shelf,
}

/// What a failed property prints: only what decisions depend on.
impl std::fmt::Debug for Scene {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "style {:?}", self.request.style_prefix)?;
        for chapter in &self.document.chapters {
            let (id, visual) = (&chapter.chapter_id, &chapter.visual);
            let hash = ChapterRequest::of(chapter.clone(), &self.request).hashes.request.short();
            let current = self.shelf.current.get(id).map(|c| (c.call, c.chosen_for.map(|h| h.short())));
            writeln!(
                f,
                "{id} {} {:?} asks {hash}, has {current:?}",
                visual.visual_type,
                visual.own_prompt()
            )?;
        }
        for Picture { sidecar, check, .. } in &self.shelf.pictures {
            let (call, hash) = (sidecar.call_id, sidecar.request_hash.short());
            writeln!(f, "picture {call} for {hash} {:?}, {check:?}", sidecar.snapshot.settings.style_prefix)?;
        }
        for call in &self.calls {
            writeln!(f, "call {} for {}: {:?}", call.call_id, call.request_hash.short(), call.state)?;
        }
        Ok(())
    }
}

impl Scene {
    /// An episode of these visuals, with nothing bought yet.
    pub(super) fn of(visuals: &[(VisualType, Option<&str>)]) -> Self {
        Self {
            document: document_of(visuals),
            request: request_settings(),
            calls: Vec::new(),
            shelf: Shelf {
                pictures: Vec::new(),
                current: BTreeMap::new(),
                image_files: BTreeMap::new(),
                manifest: None,
                stale: false,
                rows: Vec::new(),
                prompt_versions: Vec::new(),
                strays: Vec::new(),
            },
        }
    }

    /// So many diagrams with prompts of their own.
    pub(super) fn own_prompts(count: usize) -> Self {
        let prompts: Vec<String> = (1..=count).map(|n| format!("picture {n}")).collect();
        let visuals: Vec<_> = prompts.iter().map(|p| (VisualType::Diagram, Some(p.as_str()))).collect();
        Self::of(&visuals)
    }

    /// What is decided from.
    pub(super) fn facts(&self) -> Facts {
        let chapters = self.document.chapters.iter();
        let episode = episode();
        Facts {
            dir: DataDir::new("nowhere").episode(&EPISODE_ID.parse().unwrap()),
            position: Position::of(&episode, None),
            episode,
            budget: Budget { cap: Usd::from_micros(10_000_000), cost: Usd::ZERO },
            resend_unknown: ResendUnknown::Yes,
            chapters: chapters.map(|c| ChapterRequest::of(c.clone(), &self.request)).collect(),
            chapters_hash: Sha256Hash::of_bytes(b"chapters"),
            request: self.request.clone(),
            calls: self.calls.clone(),
        }
    }

    /// What a chapter asks for today.
    fn asked(&self, n: u32) -> Arc<ChapterRequest> {
        ChapterRequest::of(self.document.chapters[Self::index(n)].clone(), &self.request)
    }

    fn index(n: u32) -> usize {
        n as usize - 1
    }

    /// Changes a chapter as an editor does.
    pub(super) fn edit(&mut self, n: u32, change: impl FnOnce(&mut Chapter)) {
        change(&mut self.document.chapters[Self::index(n)]);
        settle(&mut self.document);
    }

    /// Puts another prompt into a chapter.
    pub(super) fn prompt(&mut self, n: u32, prompt: &str) {
        self.edit(n, |c| c.visual.image_prompt = Some(prompt.to_owned()));
    }

    /// Stores a picture made for what a chapter asks for today.
    pub(super) fn store(&mut self, n: u32) -> CallId {
        let sidecar = sidecar(&self.asked(n), &self.request);
        let call = sidecar.call_id;
        self.shelf.pictures.push(Picture { sidecar, check: FileCheck::Intact, facts: None });
        call
    }

    /// Stores such a picture and makes it the chapter's current one.
    pub(super) fn buy(&mut self, n: u32) -> CallId {
        let call = self.store(n);
        self.make_current(n, call, None);
        call
    }

    pub(super) fn make_current(&mut self, n: u32, call: CallId, chosen_for: Option<Sha256Hash>) {
        self.shelf.current.insert(chapter_id(n), Current { call, chosen_for });
    }

    /// Chooses a picture by hand for what the chapter asks for today.
    pub(super) fn choose(&mut self, n: u32, call: CallId) {
        let hash = self.request_hash(n);
        self.make_current(n, call, Some(hash));
    }

    /// Finds a picture's file changed or missing.
    pub(super) fn damage(&mut self, call: CallId, check: FileCheck) {
        let picture = self.shelf.pictures.iter_mut().find(|p| p.sidecar.call_id == call);
        picture.expect("the picture").check = check;
    }

    /// Enters a call for what a chapter asks for today into the ledger.
    pub(super) fn enter(&mut self, n: u32, state: CallState) {
        let request_hash = self.request_hash(n);
        self.enter_call(CallKind::Image, request_hash, state, None);
    }

    pub(super) fn enter_call(
        &mut self,
        kind: CallKind,
        request_hash: Sha256Hash,
        state: CallState,
        reply: Option<&str>,
    ) {
        self.calls.push(ProviderCall {
            call_id: CallId::new(),
            episode_id: EpisodeRowId(1),
            run_id: None,
            stage: Stage::Imagegen,
            chapter_id: None,
            kind,
            model: "m".to_owned(),
            request_hash,
            state,
            estimated: Usd::from_micros(9_000),
            actual: (state == CallState::Answered).then_some(Usd::from_micros(700)),
            tokens_in: None,
            tokens_out: None,
            reply: reply.map(ToOwned::to_owned),
            request_id: None,
            sent_at: time(),
            settled_at: Some(time()),
            error: None,
        });
    }

    /// Sets the clock back before the ledger's last call: its id is smaller than that of the call before.
    pub(super) fn set_clock_back(&mut self) {
        let [.., before, last] = self.calls.as_mut_slice() else { panic!("two calls") };
        std::mem::swap(&mut before.call_id, &mut last.call_id);
        assert!(last.call_id < before.call_id);
    }

    pub(super) fn request_hash(&self, n: u32) -> Sha256Hash {
        self.asked(n).hashes.request
    }

    /// The hash of the text call that a chapter without a prompt needs today.
    pub(super) fn text_hash(&self, n: u32) -> Sha256Hash {
        let asked = self.asked(n);
        text_hash(
            &text_request(&asked.snapshot.chapter, &self.request)
                .unwrap()
                .expect("a chapter without a prompt"),
        )
    }

    /// Writes a failure of a chapter into the manifest.
    pub(super) fn fail(&mut self, n: u32, error: &str) {
        let entry = ManifestEntry::without_picture(
            chapter_id(n),
            String::new(),
            VisualType::Diagram,
            ImageStatus::Failed,
        );
        self.shelf.manifest = Some(Manifest {
            episode_id: EPISODE_ID.parse().unwrap(),
            schema_version: "1.0".to_owned(),
            generated_at: time(),
            model: String::new(),
            size: String::new(),
            quality: String::new(),
            style_prefix: String::new(),
            totals: ManifestTotals::default(),
            images: vec![ManifestEntry { error: Some(error.to_owned()), ..entry }],
        });
    }

    pub(super) fn plan(&self, flags: &StageFlags) -> WorkList {
        plan_images(&self.facts(), &self.shelf, flags).expect("a plan")
    }

    /// The decision about a chapter without any flag.
    pub(super) fn item(&self, n: u32) -> WorkItem {
        self.item_with(n, &StageFlags::default())
    }

    pub(super) fn item_with(&self, n: u32, flags: &StageFlags) -> WorkItem {
        self.plan(flags).items[Self::index(n)].clone()
    }

    pub(super) fn decisions(&self, flags: &StageFlags) -> Vec<Decision> {
        self.plan(flags).items.iter().map(|i| i.planned.decision).collect()
    }

    /// Buys all that a list says and takes over what it keeps, as a run does.
    pub(super) fn follow(&mut self, list: &WorkList) {
        for (n, item) in (1..).zip(&list.items) {
            match (item.planned.decision, item.picture) {
                (Decision::Generate, _) => {
                    let call = self.buy(n);
                    let hash = self.request_hash(n);
                    self.enter_call(CallKind::Image, hash, CallState::Answered, None);
                    assert!(self.shelf.picture(call).is_some());
                }
                (Decision::Keep | Decision::Reuse, Some(call)) => {
                    let chosen_for = item.chosen.then(|| item.request.hashes.request);
                    self.make_current(n, call, chosen_for);
                }
                (Decision::Skip | Decision::KeepRejection, _) => {
                    self.shelf.current.remove(item.id());
                }
                _ => {}
            }
        }
    }
}

fn request_settings() -> RequestSettings {
    let catalog = ModelCatalog::builtin();
    let body =
        "Draw {{ visual_description }} ({{ visual_type }}) for {{ chapter_title }}: {{ narration_context }}";
    RequestSettings {
        model: catalog.resolve_image("gpt-image-2.6-flare", None).unwrap(),
        size: "1024x1024".to_owned(),
        quality: "medium".to_owned(),
        style_prefix: String::new(),
        template: Template::without_file(PromptInUse {
            name: "imagegen".parse().unwrap(),
            version: 1,
            id: Some(1),
            model: "claude-sonnet-5-5".to_owned(),
            temperature: None,
            max_tokens: 1024,
            content_hash: Sha256Hash::of_bytes(body.as_bytes()),
            body: body.to_owned(),
        }),
        text_model: "claude-sonnet-5-5".to_owned(),
        text_prices: catalog.text("claude-sonnet-5-5").cloned(),
    }
}

fn episode() -> Episode {
    Episode {
        id: EpisodeRowId(1),
        episode_id: EPISODE_ID.parse().unwrap(),
        channel_id: None,
        source: "local".to_owned(),
        title: "T".to_owned(),
        published_at: None,
        duration_seconds: None,
        url: None,
        status: EpisodeStatus::Chapterized,
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

fn sidecar(asked: &ChapterRequest, settings: &RequestSettings) -> Sidecar {
    let call_id = CallId::new();
    let at: UtcTime = time();
    Sidecar {
        episode_id: EPISODE_ID.parse().unwrap(),
        chapter_id: asked.chapter.chapter_id.clone(),
        call_id,
        chapter_hash: asked.hashes.chapter,
        settings_hash: asked.hashes.settings,
        request_hash: asked.hashes.request,
        snapshot: asked.snapshot.clone(),
        sha256: Sha256Hash::of_bytes(call_id.to_string().as_bytes()),
        size_bytes: 1,
        mime_type: "image/png".to_owned(),
        width: 1024,
        height: 1024,
        model: settings.model.id.clone(),
        size: settings.size.clone(),
        quality: settings.quality.clone(),
        style: None,
        prompt: "p".to_owned(),
        revised_prompt: None,
        prompt_source: PromptSource::Chapter,
        prompt_call_id: None,
        prompt_cost_usd: Usd::ZERO,
        cost_usd: Usd::from_micros(40_000),
        cost_is_estimate: false,
        tokens_in: None,
        tokens_out: None,
        request_id: None,
        sent_at: at,
        generated_at: at,
        c2pa: false,
        attempts: 1,
        warnings: Vec::new(),
    }
}
