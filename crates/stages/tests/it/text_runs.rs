//! Text stages that do their work: what is sent, what is written, when nothing is, and what is looked at only.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use btcedu_clients::{ApiFailure, FailureKind, LanguageModel, MockLanguageModel, TextReply, TextRequest};
use btcedu_domain::{
    CallKind, CallState, EpisodeStatus, ErrorKind, Kinded, ReviewStage, ReviewStatus, RunStatus, Stage, Usd,
};
use btcedu_stages::{BuiltStage, PreviewDetails, StageEnd, StageError, StageEvent};
use btcedu_texts::{AdaptationDiff, CorrectionDiff};
use serde_json::Value;

use crate::{
    text_world::{
        CORRECTED, ESTIMATE, FORCE, PLAIN, REFRESH, TEXT_STAGES, TRANSCRIPT, answer, first_paragraph, hash,
        list, long_transcript, mark, read, source_of, write,
    },
    world::{TEXT, TestClock, World, id, no_images},
};

#[tokio::test(start_paused = true)]
async fn correct_mends_the_transcript_and_asks_for_its_review() {
    let world = World::at(EpisodeStatus::Transcribed);
    let run = world.make(BuiltStage::Correct).await;
    assert_eq!(world.text_of(BuiltStage::Correct), format!("{CORRECTED}\n"), "its last line end stays");
    assert_eq!((run.text.segments, run.text.reused, run.report.cost), (1, 0, TEXT));
    assert_eq!(run.text.reason, "transcript.corrected.de.txt is not there yet");

    let [sent] = <[TextRequest; 1]>::try_from(world.asked()).unwrap();
    assert_eq!((sent.model.as_str(), sent.max_tokens), ("claude-sonnet-5-5", 8192));
    assert_eq!(source_of(&sent), TRANSCRIPT.trim());
    assert!(sent.prompt.contains("Satoshi"), "the terms to expect: {}", sent.prompt);
    assert!(!sent.cached_prefix.unwrap().contains("Heute reden"), "what changes is not cached");
    assert!(sent.system.unwrap().contains("btcedu"));

    let [call] = <[_; 1]>::try_from(world.ledger().await).unwrap();
    assert_eq!((call.stage, call.kind, call.state), (Stage::Correct, CallKind::Text, CallState::Answered));
    assert_eq!(
        (call.estimated, call.actual, call.run_id),
        (ESTIMATE, Some(TEXT), Some(world.runs().await[0].id))
    );
    let [ended] = <[_; 1]>::try_from(world.runs().await).unwrap();
    assert_eq!(
        (ended.stage, ended.status, ended.estimated_cost_usd),
        (Stage::Correct, RunStatus::Success, TEXT)
    );
    assert_eq!((ended.input_tokens, ended.output_tokens), (100, 50));

    let made = world.provenance(BuiltStage::Correct);
    assert_eq!(made.prompt_name.as_deref(), Some("correct_transcript"));
    assert_eq!((made.prompt_version, made.extra.system_prompt_version, made.extra.segments), (Some(1), 1, 1));
    assert_eq!(made.input_content_hash, hash(&world.dir().clean_transcript()));
    assert_eq!(made.output_hashes, [hash(&world.output(BuiltStage::Correct))]);
    assert_eq!((made.cost_usd, made.input_tokens), (TEXT, 100));

    let diff: CorrectionDiff =
        serde_json::from_str(&read(&world.dir().review_diff(ReviewStage::Correct))).unwrap();
    let [change] = diff.changes.as_slice() else { panic!("{diff:?}") };
    assert_eq!((change.original.as_str(), change.corrected.as_str()), ("Halfing", "Halving"));
    let task = world.waiting().await;
    assert_eq!((task.stage, task.status), (ReviewStage::Correct, ReviewStatus::Pending));
    assert_eq!(task.artifact_hash, Some(hash(&world.output(BuiltStage::Correct))));
    assert_eq!(run.text.review_task, Some(task.id));
    assert!(read(&world.dir().review_history()).contains("\"pending\""));
    let episode = world.episode().await;
    assert_eq!((episode.status, episode.error_message), (EpisodeStatus::Corrected, None));
}

#[tokio::test(start_paused = true)]
async fn translate_makes_turkish_of_the_approved_text() {
    let world = World::at(EpisodeStatus::Corrected);
    world.approve(ReviewStage::Correct).await;
    let run = world.make(BuiltStage::Translate).await;
    assert_eq!(world.text_of(BuiltStage::Translate), format!("Türkçe: {CORRECTED}"));
    assert_eq!((run.report.warnings, run.text.review_task), (vec![], None));
    assert_eq!(source_of(&world.asked()[0]), CORRECTED);
    assert_eq!(world.status().await, EpisodeStatus::Translated);
    assert_eq!(world.tasks().await.len(), 1, "no review looks at a translation");
    assert_eq!(world.provenance(BuiltStage::Translate).model.as_deref(), Some("claude-sonnet-5-5"));
}

#[tokio::test(start_paused = true)]
async fn a_translation_with_fewer_paragraphs_is_kept_with_a_warning() {
    let world = World::at(EpisodeStatus::Corrected);
    world.approve(ReviewStage::Correct).await;
    let run = world.ask(BuiltStage::Translate, &PLAIN, |request, _| {
        let mut reply = answer(request)?;
        reply.text = reply.text.replace("\n\n", " ");
        Ok(reply)
    });
    let warnings = run.await.unwrap().report.warnings;
    assert_eq!(warnings, ["the translation has 1 paragraphs, the German text 2"]);
    assert_eq!(world.provenance(BuiltStage::Translate).extra.warnings, warnings);
}

#[tokio::test(start_paused = true)]
async fn adapt_is_given_both_languages_and_asks_for_its_review() {
    let world = World::at(EpisodeStatus::Translated);
    let run = world.make(BuiltStage::Adapt).await;
    let sent = &world.asked()[0];
    assert_eq!(source_of(sent), format!("Türkçe: {CORRECTED}"));
    assert!(sent.prompt.contains(&format!("<german_original>\n{CORRECTED}")), "{}", sent.prompt);
    assert!(world.text_of(BuiltStage::Adapt).starts_with("Türkçe: Heute"));
    let diff: AdaptationDiff =
        serde_json::from_str(&read(&world.dir().review_diff(ReviewStage::Adapt))).unwrap();
    let [adaptation] = diff.adaptations.as_slice() else { panic!("{diff:?}") };
    assert_eq!((adaptation.original.as_str(), adaptation.adapted.as_str()), ("Euro", "lira"));
    let task = world.waiting().await;
    assert_eq!((task.stage, Some(task.id)), (ReviewStage::Adapt, run.text.review_task));
    assert_eq!(world.status().await, EpisodeStatus::Adapted);
    assert_eq!(world.provenance(BuiltStage::Adapt).input_files.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn chapterize_makes_the_chapter_document_of_the_approved_script() {
    let world = World::at(EpisodeStatus::Adapted);
    world.approve(ReviewStage::Adapt).await;
    world.make(BuiltStage::Chapterize).await;
    let sent = &world.asked()[0];
    assert_eq!(source_of(sent), format!("Türkçe: {CORRECTED}"), "without its tag");
    assert_eq!(sent.json_schema, Some(btcedu_chapters::draft_json_schema()));
    assert!(sent.prompt.contains("segment 1 of 1") && sent.prompt.contains("Bitcoin erklärt"));
    let parsed = btcedu_chapters::parse_for(world.text_of(BuiltStage::Chapterize).as_bytes(), &id()).unwrap();
    let [chapter] = parsed.document.chapters.as_slice() else { panic!("{parsed:?}") };
    assert_eq!((chapter.chapter_id.as_str(), chapter.narration.word_count), ("ch01", 17));
    assert_eq!(chapter.visual.image_prompt.as_deref(), Some("Four piles of coins"));
    assert_eq!(world.status().await, EpisodeStatus::Chapterized);
}

#[tokio::test(start_paused = true)]
async fn a_second_run_of_any_stage_sends_nothing_and_writes_nothing() {
    let world = World::with_all_texts().await;
    let (files, runs, tasks) = (world.files(), world.runs().await, world.tasks().await);
    for stage in TEXT_STAGES {
        let run = world.unasked(stage, &PLAIN).await.unwrap();
        assert_eq!((run.report.end, run.text.reason.as_str()), (StageEnd::Skipped, ""), "{stage:?}");
        assert_eq!((run.report.cost, run.report.episode_cost), (Usd::ZERO, Usd::from_micros(2_800)));
    }
    assert_eq!(world.files(), files);
    assert_eq!((world.runs().await, world.tasks().await), (runs, tasks));
    assert_eq!(world.status().await, EpisodeStatus::Chapterized);
}

#[tokio::test(start_paused = true)]
async fn a_status_that_a_crash_left_behind_moves_on_without_a_call() {
    let world = World::with_all_texts().await;
    world.set_status(EpisodeStatus::Transcribed).await;
    let run = world.unasked(BuiltStage::Correct, &PLAIN).await.unwrap();
    assert_eq!(run.report.end, StageEnd::Skipped);
    assert_eq!(world.status().await, EpisodeStatus::Corrected);
    assert!(world.tasks().await.iter().all(|task| !task.status.is_open()), "it is approved already");
}

#[tokio::test(start_paused = true)]
async fn a_text_that_a_person_brought_in_stands_as_it_is_and_is_asked_for() {
    let world = World::at(EpisodeStatus::Transcribed);
    world.edit(BuiltStage::Correct, "Mein eigener Text.");
    let run = world.unasked(BuiltStage::Correct, &PLAIN).await.unwrap();
    assert_eq!(run.report.end, StageEnd::Skipped);
    assert_eq!(world.text_of(BuiltStage::Correct), "Mein eigener Text.");
    let asked_for = world.waiting().await.artifact_hash;
    assert_eq!(asked_for, Some(hash(&world.output(BuiltStage::Correct))));
    assert_eq!(world.status().await, EpisodeStatus::Corrected);
}

/// A model that takes its time, so that calls can be under way at once.
struct Slow {
    model: MockLanguageModel,
    /// How many seconds an answer takes, by the first paragraph that it is about.
    takes: fn(u64) -> u64,
    clock: Arc<TestClock>,
    /// When each call began.
    began: Arc<Mutex<Vec<u64>>>,
}

#[async_trait]
impl LanguageModel for Slow {
    async fn complete(&self, request: &TextRequest) -> Result<TextReply, ApiFailure> {
        self.began.lock().unwrap().push(self.clock.passed().as_secs());
        tokio::time::sleep(Duration::from_secs((self.takes)(first_paragraph(request)))).await;
        self.model.complete(request).await
    }

    fn check_ready(&self, model: &str) -> Result<(), ApiFailure> {
        self.model.check_ready(model)
    }

    fn estimate(&self, request: &TextRequest) -> Option<Usd> {
        self.model.estimate(request)
    }

    fn request_body(&self, request: &TextRequest) -> Value {
        self.model.request_body(request)
    }
}

fn slow(world: &World, takes: fn(u64) -> u64) -> (Slow, Arc<Mutex<Vec<u64>>>) {
    let began = Arc::default();
    let model = world.model(|request, _| answer(request));
    (Slow { model, takes, clock: world.clock.clone(), began: Arc::clone(&began) }, began)
}

#[tokio::test(start_paused = true)]
async fn of_a_long_text_the_first_segment_goes_alone_and_then_four_at_once() {
    let world = World::with_transcript(EpisodeStatus::Transcribed, &long_transcript(7));
    let (model, began) = slow(&world, |_| 1);
    let run = world.run_text(BuiltStage::Correct, &PLAIN, model).await.unwrap();
    assert_eq!((run.text.segments, run.report.cost), (7, Usd::from_micros(4_900)));
    assert_eq!(*began.lock().unwrap(), [0, 1, 1, 1, 1, 2, 2]);
    let lengths: Vec<usize> = world.asked().iter().map(|asked| source_of(asked).chars().count()).collect();
    assert!(lengths.len() == 7 && lengths.iter().all(|chars| (1..=15_000).contains(chars)), "{lengths:?}");
}

#[tokio::test(start_paused = true)]
async fn answers_are_put_together_in_the_order_of_the_text_however_they_arrive() {
    let transcript = long_transcript(5);
    let world = World::with_transcript(EpisodeStatus::Transcribed, &transcript);
    let (model, _) = slow(&world, |paragraph| 100 - paragraph);
    world.run_text(BuiltStage::Correct, &PLAIN, model).await.unwrap();
    let arrived: Vec<u64> = world.asked().iter().map(first_paragraph).collect();
    assert_eq!(arrived, [1, 57, 43, 29, 15], "the others came the other way round");
    assert_eq!(world.text_of(BuiltStage::Correct), transcript);
}

#[tokio::test(start_paused = true)]
async fn each_segment_is_told_when_it_is_sent_and_when_it_is_paid() {
    let world = World::with_transcript(EpisodeStatus::Transcribed, &long_transcript(2));
    world.make(BuiltStage::Correct).await;
    let stage = Stage::Correct;
    let told = |number| {
        [
            StageEvent::SegmentStarted { stage, number, total: 2 },
            StageEvent::SegmentDone { stage, number, total: 2, cost: TEXT },
        ]
    };
    assert_eq!(world.events(), [told(1), told(2)].concat());
}

#[tokio::test(start_paused = true)]
async fn where_a_passage_of_the_source_has_changed_only_its_segment_is_bought() {
    let world = World::with_transcript(EpisodeStatus::Transcribed, &long_transcript(3));
    world.make(BuiltStage::Correct).await;
    let changed = long_transcript(3).replace("Absatz 20.", "Abschnitt 20.");
    write(&world.dir().clean_transcript(), &changed);
    let run = world.make(BuiltStage::Correct).await;
    assert_eq!(run.text.reason, "its input has changed");
    assert_eq!((run.text.reused, world.asked_times()), (2, 4));
    assert!(source_of(&world.asked()[3]).contains("Abschnitt 20."));
    assert_eq!(world.text_of(BuiltStage::Correct), changed);
    assert_eq!(
        world.provenance(BuiltStage::Correct).cost_usd,
        Usd::from_micros(2_100),
        "of all that it is made of"
    );
    assert_eq!(run.report.cost, TEXT, "of this run");
}

#[tokio::test(start_paused = true)]
async fn a_new_text_marks_all_that_was_made_from_the_old_one_and_deletes_nothing() {
    let world = World::with_all_texts().await;
    let before = TEXT_STAGES.map(|stage| world.text_of(stage));
    let run = world.ask(BuiltStage::Correct, &FORCE, |request, _| {
        let mut reply = answer(request)?;
        reply.text = reply.text.replace("Heute", "Heut");
        Ok(reply)
    });
    assert_eq!(run.await.unwrap().text.reason, "--force");
    assert_ne!(world.text_of(BuiltStage::Correct), before[0]);
    assert_eq!(world.marker(BuiltStage::Correct), None);
    for (stage, text) in TEXT_STAGES.into_iter().zip(before).skip(1) {
        assert_eq!(world.text_of(stage), text, "{stage:?}");
        let marker = world.marker(stage).unwrap();
        assert_eq!(marker.invalidated_by, "correct");
        assert!(marker.reason.contains("transcript.corrected.de.txt"), "{}", marker.reason);
    }
    assert_eq!(world.status().await, EpisodeStatus::Corrected);
    assert_eq!(world.waiting().await.stage, ReviewStage::Correct, "another text, another review");
}

#[tokio::test(start_paused = true)]
async fn the_same_text_made_again_is_paid_and_leaves_everything_else_alone() {
    let world = World::with_all_texts().await;
    let texts = TEXT_STAGES.map(|stage| world.text_of(stage));
    for (stage, times) in TEXT_STAGES.into_iter().zip(5..) {
        let run = world.make_with(stage, &FORCE).await;
        assert_eq!((run.report.cost, run.text.review_task), (TEXT, None), "{stage:?}");
        assert_eq!(world.asked_times(), times);
        assert_eq!(world.status().await, EpisodeStatus::Chapterized, "{stage:?}");
    }
    assert_eq!(TEXT_STAGES.map(|stage| world.text_of(stage)), texts);
    assert_eq!(TEXT_STAGES.map(|stage| world.marker(stage)), [const { None }; 4]);
    assert_eq!(world.tasks().await.len(), 2, "the approvals hold for the same texts");
}

#[tokio::test(start_paused = true)]
async fn another_model_makes_a_text_anew_only_when_that_is_asked_for() {
    let mut world = World::at(EpisodeStatus::Transcribed);
    world.make(BuiltStage::Correct).await;
    world.settings.claude_model = Some("claude-haiku-5-5".to_owned());
    let kept = world.unasked(BuiltStage::Correct, &PLAIN).await.unwrap();
    assert_eq!(kept.report.end, StageEnd::Skipped);
    assert_eq!(
        kept.text.reason,
        "made with the model 'claude-sonnet-5-5', today it would be 'claude-haiku-5-5'; --force makes it anew"
    );
    let anew = world.make_with(BuiltStage::Correct, &REFRESH).await;
    assert_eq!(anew.text.reason, "text model: 'claude-sonnet-5-5' → 'claude-haiku-5-5'");
    assert_eq!(world.asked()[1].model, "claude-haiku-5-5");
    assert_eq!(world.provenance(BuiltStage::Correct).model.as_deref(), Some("claude-haiku-5-5"));
    assert_eq!(world.unasked(BuiltStage::Correct, &REFRESH).await.unwrap().report.end, StageEnd::Skipped);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_out_of_date_is_refused_before_anything_is_sent() {
    let world = World::at(EpisodeStatus::Translated);
    mark(&world.output(BuiltStage::Correct), "correct", "correct was interrupted while it wrote it");
    for stage in [BuiltStage::Translate, BuiltStage::Adapt] {
        let error = world.unasked(stage, &FORCE).await.unwrap_err();
        assert!(matches!(&error, StageError::StaleInput { .. }), "{error}");
        assert!(error.to_string().contains("was interrupted while it wrote it"), "{error}");
        assert_eq!(world.episode().await.error_message, Some(error.to_string()));
    }
    assert!(world.runs().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn sources_that_are_no_texts_are_told_and_nothing_is_sent() {
    for (words, told) in [(b" \n".as_slice(), "is empty"), (b"caf\xe9", "is not text in UTF-8")] {
        let world = World::at(EpisodeStatus::Transcribed);
        btcedu_artifacts::write_atomic(&world.dir().clean_transcript(), words).unwrap();
        let error = world.unasked(BuiltStage::Correct, &PLAIN).await.unwrap_err();
        assert!(error.to_string().contains(told), "{error}");
        assert!(world.runs().await.is_empty() && world.ledger().await.is_empty());
    }
    let world = World::at(EpisodeStatus::Adapted);
    world.edit(BuiltStage::Adapt, "Bir blok. [T2: açık");
    world.approve(ReviewStage::Adapt).await;
    let error = world.unasked(BuiltStage::Chapterize, &PLAIN).await.unwrap_err();
    assert!(error.to_string().contains("has a tag that is not closed"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_stage_that_the_episode_has_not_reached_is_refused_and_no_error_is_recorded() {
    let world = World::at(EpisodeStatus::Transcribed);
    for (stage, wanted) in [
        (BuiltStage::Translate, "corrected"),
        (BuiltStage::Adapt, "translated"),
        (BuiltStage::Chapterize, "adapted"),
    ] {
        let error = world.unasked(stage, &FORCE).await.unwrap_err();
        assert!(matches!(&error, StageError::WrongStatus { .. }), "{error}");
        assert!(error.to_string().contains(&format!("wants {wanted}")), "{error}");
    }
    let episode = world.episode().await;
    assert_eq!((episode.status, episode.error_message), (EpisodeStatus::Transcribed, None));
}

#[tokio::test(start_paused = true)]
async fn a_missing_key_is_told_before_a_run_is_opened() {
    let world = World::at(EpisodeStatus::Transcribed);
    let before = world.files();
    let mut model = MockLanguageModel::new();
    model
        .expect_check_ready()
        .returning(|_| Err(ApiFailure::new(FailureKind::MissingKey, "set ANTHROPIC_API_KEY")));
    world.teach(&mut model, |request, _| panic!("a text was asked for: {}", request.prompt));
    let error = world.run_text(BuiltStage::Correct, &PLAIN, model).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.to_string().contains("ANTHROPIC_API_KEY"), "{error}");
    assert!(world.runs().await.is_empty() && world.ledger().await.is_empty());
    assert_eq!(world.files(), before);
    let episode = world.episode().await;
    assert_eq!((episode.status, episode.error_message), (EpisodeStatus::Transcribed, None));
}

#[tokio::test(start_paused = true)]
async fn a_model_without_a_price_is_not_asked() {
    let world = World::at(EpisodeStatus::Transcribed);
    let mut model = MockLanguageModel::new();
    model.expect_estimate().returning(|_| None);
    world.teach(&mut model, |request, _| panic!("a text was asked for: {}", request.prompt));
    let error = world.run_text(BuiltStage::Correct, &PLAIN, model).await.unwrap_err();
    assert!(matches!(&error, StageError::NoTextPrice { model } if model == "claude-sonnet-5-5"), "{error}");
    assert!(world.runs().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_writes_the_request_bodies_of_what_is_not_paid_and_nothing_else() {
    let world = World::with_transcript(EpisodeStatus::Transcribed, &long_transcript(3));
    let before = world.files();
    let ctx = world.context(no_images(), world.model(|_, _| panic!("a dry run asks nobody")));
    let seen = BuiltStage::Correct.dry_run(&ctx, &id(), &PLAIN).await.unwrap();
    let folder = world.dir().dry_run(Stage::Correct);
    let names = ["segment-01.json", "segment-02.json", "segment-03.json"].map(|name| folder.join(name));
    assert_eq!(seen.files, names);
    let bodies = names.each_ref().map(|path| serde_json::from_str::<Value>(&read(path)).unwrap());
    assert_eq!(world.files().len(), before.len() + 3);
    assert!(world.runs().await.is_empty() && world.ledger().await.is_empty());
    let versions = world.rows(|conn, _| btcedu_models::prompt_versions::list_all(conn)).await;
    assert!(versions.is_empty(), "not even a template is registered");
    assert_eq!(world.status().await, EpisodeStatus::Transcribed);

    world.make(BuiltStage::Correct).await;
    // The second and the third segment may be sent in either order.
    let mut sent: Vec<TextRequest> = world.asked();
    sent.sort_by_key(first_paragraph);
    for (body, sent) in bodies.iter().zip(sent) {
        assert!(body["prompt"] == sent.prompt.as_str(), "what a run sends is what the dry run has shown");
    }
    let seen = BuiltStage::Correct.dry_run(&ctx, &id(), &PLAIN).await.unwrap();
    assert!(seen.files.is_empty(), "nothing would be sent");
    assert_eq!(list(&folder), [] as [PathBuf; 0], "what was written before is gone");
}

#[tokio::test(start_paused = true)]
async fn a_preview_says_what_a_run_would_do_and_writes_nothing() {
    let mut world = World::with_transcript(EpisodeStatus::Transcribed, &long_transcript(3));
    world.settings.max_episode_cost = Usd::from_micros(9_000);
    let before = world.files();
    let seen = world.preview(BuiltStage::Correct, &PLAIN).await.unwrap();
    let PreviewDetails::Text(text) = &seen.details else { panic!("{seen:?}") };
    assert_eq!((text.would_run, text.segments, text.reused), (true, 3, 0));
    assert_eq!(seen.summary(), "transcript.corrected.de.txt is not there yet");
    assert_eq!((seen.estimate, seen.left_under_cap), (Usd::from_micros(3_000), Usd::from_micros(9_000)));
    assert_eq!((world.files(), world.runs().await.len()), (before, 0));

    world.make(BuiltStage::Correct).await;
    let seen = world.preview(BuiltStage::Correct, &PLAIN).await.unwrap();
    assert!(!seen.would_run());
    assert_eq!((seen.estimate, seen.left_under_cap), (Usd::ZERO, Usd::from_micros(6_900)));
    let forced = world.preview(BuiltStage::Correct, &FORCE).await.unwrap();
    assert_eq!((forced.would_run(), forced.summary().as_str()), (true, "--force"));
    assert_eq!(forced.estimate, Usd::from_micros(3_000), "what is made anew is paid anew");
}
