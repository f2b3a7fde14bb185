//! Results as text and as JSON, made from values; a stage's types are built in one place below.

use btcedu_artifacts::{Manifest, ManifestEntry, ManifestTotals};
use btcedu_domain::{
    ChapterId, EpisodeStatus, ImageStatus, ReviewStage, ReviewStatus, Stage, Usd, UtcTime, VisualType,
};
use btcedu_pipeline::{ReviewView, RunReport, RunnerEnd, StageRun};
use btcedu_stages::{
    ChapterResult, Decision, PictureCounts, PictureDetails, ReportDetails, Signal, StageEnd, StageReport,
    TextDetails,
    imagegen::{Finding, StoredPictureInfo, VerifyReport},
};
use btcedu_texts::{
    Adaptation, AdaptationCategory, AdaptationDiff, ChangeType, CorrectionCategory, CorrectionChange,
    CorrectionDiff, Span, Tier,
};
use insta::{Settings, assert_snapshot};
use serde::Serialize;

use crate::{
    commands::{images, report, review, run, stage},
    exit::ExitStatus,
};

/// Compares a result, as text and as JSON, with a snapshot.
fn compare(name: &str, text: &str, value: &impl Serialize) {
    let json = serde_json::to_string_pretty(value).unwrap();
    compare_text(name, &format!("{text}\n\n{json}"));
}

fn compare_text(name: &str, text: &str) {
    assert!(!text.contains('\u{1b}'), "no colors: {text:?}");
    let mut settings = Settings::clone_current();
    settings.set_snapshot_path("snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.add_filter(r" +\n", "\n");
    settings.bind(|| assert_snapshot!(name, text));
}

fn time() -> UtcTime {
    "2026-11-22T10:30:00Z".parse().unwrap()
}

fn cents(cents: i64) -> Usd {
    Usd::from_micros(cents * 10_000)
}

fn chapter(n: usize) -> ChapterId {
    format!("ch{n:02}").parse().unwrap()
}

// Pictures.

/// A chapter of a result: what was decided, and the error of this run.
fn drawn(n: usize, decision: Decision, status: ImageStatus, error: Option<&str>) -> ChapterResult {
    let has_picture = status == ImageStatus::Generated;
    ChapterResult {
        chapter_id: chapter(n),
        chapter_title: format!("Bölüm {n}"),
        visual_type: if decision == Decision::Skip { VisualType::TitleCard } else { VisualType::Diagram },
        decision,
        reason: "the reason".to_owned(),
        status,
        file: has_picture.then(|| format!("images/ch{n:02}.png").into()),
        cost: has_picture.then_some(cents(4)),
        error: error.map(ToOwned::to_owned),
        refused: error.is_some_and(|error| error.contains("refused")),
    }
}

/// A stage's report; every stage has these values.
fn stage_report(stage: Stage, end: StageEnd, details: ReportDetails) -> StageReport {
    StageReport {
        episode_id: "ep1".parse().unwrap(),
        stage,
        end,
        details,
        provenance_path: format!("data/outputs/ep1/provenance/{stage}_provenance.json").into(),
        cost: cents(8),
        episode_cost: cents(20),
        input_tokens: 120,
        output_tokens: 6240,
        warnings: Vec::new(),
    }
}

fn picture_details(chapters: Vec<ChapterResult>) -> PictureDetails {
    let count = |decision: Decision| chapters.iter().filter(|c| c.decision == decision).count();
    let tried = |fits: fn(&ChapterResult) -> bool| {
        chapters.iter().filter(|c| c.decision == Decision::Generate && fits(c)).count()
    };
    PictureDetails {
        counts: PictureCounts {
            generated: tried(|c| c.error.is_none()),
            kept: count(Decision::Keep),
            reused: count(Decision::Reuse),
            skipped: count(Decision::Skip),
            rejected: tried(|c| c.refused) + count(Decision::KeepRejection),
            failed: tried(|c| c.error.is_some() && !c.refused),
            pending: count(Decision::Leave),
        },
        manifest_path: "data/outputs/ep1/images/manifest.json".into(),
        unknown_calls: 0,
        unknown_cost: Usd::ZERO,
        mended: Vec::new(),
        chapters,
    }
}

fn pictures(end: StageEnd, details: PictureDetails) -> StageReport {
    stage_report(Stage::Imagegen, end, ReportDetails::Pictures(details))
}

#[test]
fn pictures_of_every_decision() {
    let told = "ch05, ch06 could not be made anew and keeps the picture it had";
    let mut details = picture_details(vec![
        drawn(1, Decision::Skip, ImageStatus::Skipped, None),
        drawn(2, Decision::Generate, ImageStatus::Generated, None),
        drawn(3, Decision::Keep, ImageStatus::Generated, None),
        drawn(4, Decision::Reuse, ImageStatus::Generated, None),
        drawn(5, Decision::Generate, ImageStatus::Generated, Some("the provider refused the prompt")),
        drawn(6, Decision::Generate, ImageStatus::Generated, Some("4 attempts: timed out")),
        drawn(7, Decision::KeepRejection, ImageStatus::Rejected, None),
        drawn(8, Decision::Leave, ImageStatus::Pending, None),
    ]);
    details.chapters[2].reason = "made with other settings: quality: 'medium' → 'low'".to_owned();
    details.mended = vec!["ch04: the picture of an interrupted run becomes the current one".to_owned()];
    (details.unknown_calls, details.unknown_cost) = (1, cents(4));
    let mut result = pictures(StageEnd::DonePartly { message: told.to_owned() }, details);
    result.warnings = vec!["ch05: a new picture was asked for and not made".to_owned()];
    compare("imagegen", &stage::report_text(&result), &result);
}

#[test]
fn every_end_of_a_run_for_pictures_has_its_line_and_its_exit_code() {
    let message = || "what to do".to_owned();
    let mut told = String::new();
    for (end, code) in [
        (StageEnd::Done, 0),
        (StageEnd::Skipped, 0),
        (StageEnd::StillPending, 0),
        (StageEnd::DonePartly { message: message() }, 0),
        (StageEnd::CapReached { message: message() }, 3),
        (StageEnd::Failed { message: message() }, 1),
        (StageEnd::Interrupted { signal: Signal::Interrupt }, 130),
        (StageEnd::Interrupted { signal: Signal::Terminate }, 143),
    ] {
        assert_eq!(i32::from(ExitStatus::of_end(&end)), code, "{end:?}");
        let kept = picture_details(vec![drawn(1, Decision::Keep, ImageStatus::Generated, None)]);
        told = format!("{told}{}\n\n", stage::report_text(&pictures(end, kept)));
    }
    compare_text("imagegen_ends", &told);
}

#[test]
fn the_current_pictures() {
    let entry = |n, visual_type, status| {
        ManifestEntry::without_picture(chapter(n), format!("Bölüm {n}"), visual_type, status)
    };
    let manifest = Manifest {
        episode_id: "ep1".parse().unwrap(),
        schema_version: btcedu_artifacts::MANIFEST_VERSION.to_owned(),
        generated_at: time(),
        model: "gpt-image-2.6-flare".to_owned(),
        size: "1024x1024".to_owned(),
        quality: "medium".to_owned(),
        style_prefix: String::new(),
        totals: ManifestTotals {
            generated: 1,
            skipped: 1,
            rejected: 1,
            cost_usd: cents(4),
            ..Default::default()
        },
        images: vec![
            ManifestEntry {
                file_path: Some("images/ch01.png".to_owned()),
                width: Some(1024),
                height: Some(1024),
                cost_usd: Some(cents(4)),
                ..entry(1, VisualType::Diagram, ImageStatus::Generated)
            },
            ManifestEntry {
                reason: Some("the provider refused this prompt".to_owned()),
                ..entry(2, VisualType::BRoll, ImageStatus::Rejected)
            },
            entry(3, VisualType::TitleCard, ImageStatus::Skipped),
        ],
    };
    compare_text("images_list", &images::list_text(&manifest));
}

#[test]
fn what_disagrees_and_what_was_mended() {
    let mut verified = VerifyReport {
        episode_id: "ep1".parse().unwrap(),
        pictures: 3,
        findings: vec![
            Finding {
                chapter_id: Some(chapter(1)),
                what: "images/ch01.png is missing".to_owned(),
                mendable: true,
            },
            Finding { chapter_id: None, what: "the picture is lost".to_owned(), mendable: false },
        ],
        mended: vec!["ch02: images/ch02.png was written again".to_owned()],
    };
    let mut told = images::verify_text(&verified);
    verified.findings.remove(0);
    verified.mended.clear();
    told = format!("{told}\n\n{}", images::verify_text(&verified));
    verified.findings.clear();
    told = format!("{told}\n\n{}", images::verify_text(&verified));
    compare("images_verify", &told, &verified);
}

#[test]
fn earlier_pictures_with_all_that_a_choice_needs() {
    let picture = |intact, current_for: &[usize], differences: &[&str]| StoredPictureInfo {
        chapter_id: chapter(1),
        call_id: "019a0000-0000-7000-8000-000000000000".parse().unwrap(),
        generated_at: time(),
        cost: cents(4),
        model: "gpt-image-2.6-flare".to_owned(),
        current_for: current_for.iter().copied().map(chapter).collect(),
        intact,
        differences: differences.iter().map(ToString::to_string).collect(),
        file: "data/outputs/ep1/images/store/ch01.png".into(),
    };
    let pictures = vec![
        picture(true, &[], &["style prefix: '' → 'Flat.'", "prompt"]),
        picture(false, &[], &[]),
        picture(true, &[1, 3], &[]),
    ];
    let told = images::history_text(&pictures);
    compare("images_history", &told, &images::History { episode_id: "ep1".parse().unwrap(), pictures });
}

// Texts.

fn text_details() -> TextDetails {
    TextDetails {
        reason: "--force was given".to_owned(),
        segments: 3,
        reused: 0,
        output_path: "data/transcripts/ep1/transcript.corrected.de.txt".into(),
        diff_path: Some("data/outputs/ep1/review/correction_diff.json".into()),
        review_task: None,
        duration_seconds: 4.5,
    }
}

fn text_report(end: StageEnd, details: TextDetails) -> StageReport {
    stage_report(Stage::Correct, end, ReportDetails::Text(details))
}

#[test]
fn a_text_that_was_made() {
    let details = TextDetails { reused: 2, review_task: Some(7), ..text_details() };
    let mut result = text_report(StageEnd::Done, details);
    result.warnings = vec!["the text is much shorter than before".to_owned()];
    compare("text", &stage::report_text(&result), &result);
}

#[test]
fn every_end_of_a_run_for_a_text_has_its_line_and_its_exit_code() {
    let message = || "what to do".to_owned();
    let mut told = String::new();
    for (end, code) in [
        (StageEnd::Done, 0),
        (StageEnd::Skipped, 0),
        (StageEnd::CapReached { message: message() }, 3),
        (StageEnd::Failed { message: message() }, 1),
        (StageEnd::Interrupted { signal: Signal::Interrupt }, 130),
        (StageEnd::Interrupted { signal: Signal::Terminate }, 143),
    ] {
        assert_eq!(i32::from(ExitStatus::of_end(&end)), code, "{end:?}");
        told = format!("{told}{}\n\n", stage::report_text(&text_report(end, text_details())));
    }
    compare_text("text_ends", &told);
}

// Runs along the plan.

fn run_report(end: RunnerEnd, stages: Vec<StageRun>) -> RunReport {
    RunReport {
        episode_id: "ep1".parse().unwrap(),
        command: "btcedu run ep1".to_owned(),
        started_at: time(),
        ended_at: time(),
        stages,
        end,
        status: EpisodeStatus::Corrected,
        cost: cents(9),
        episode_cost: cents(29),
    }
}

fn stage_run(stage: Stage, outcome: &'static str, result: StageReport) -> StageRun {
    StageRun { stage, outcome, duration_seconds: 4.5, cost: cents(1), result }
}

#[test]
fn a_run_of_two_stages_and_its_report() {
    let drawn = vec![drawn(1, Decision::Generate, ImageStatus::Generated, None)];
    let stages = vec![
        stage_run(Stage::Correct, "done", text_report(StageEnd::Done, text_details())),
        stage_run(Stage::Imagegen, "done", pictures(StageEnd::Done, picture_details(drawn))),
    ];
    let ran = run_report(RunnerEnd::Finished, stages);
    let kept = serde_json::to_value(&ran).unwrap();
    compare("run", &format!("{}\n\n{}", run::report_text(&ran), report::text(&kept)), &ran);
}

#[test]
fn every_end_of_a_run_has_its_line_and_its_exit_code() {
    let message = || "what to do".to_owned();
    let mut told = String::new();
    for (end, code) in [
        (RunnerEnd::Finished, 0),
        (RunnerEnd::FinishedPartly { message: message() }, 0),
        (RunnerEnd::AwaitingReview { message: message() }, 3),
        (RunnerEnd::Blocked { message: message() }, 3),
        (RunnerEnd::CapReached { message: message() }, 3),
        (RunnerEnd::NotBuilt { message: message() }, 1),
        (RunnerEnd::Failed { message: message() }, 1),
        (RunnerEnd::Interrupted { signal: Signal::Interrupt }, 130),
        (RunnerEnd::Interrupted { signal: Signal::Terminate }, 143),
    ] {
        assert_eq!(i32::from(ExitStatus::of_runner_end(&end)), code, "{end:?}");
        let ran = run_report(end, Vec::new());
        let kept = serde_json::to_value(&ran).unwrap();
        told = format!("{told}{}\n\n{}\n\n", run::report_text(&ran), report::text(&kept));
    }
    compare_text("run_ends", &told);
}

// Reviews.

fn review_of(stage: ReviewStage, status: ReviewStatus) -> ReviewView {
    ReviewView {
        id: 7,
        episode_id: "ep1".parse().unwrap(),
        title: "Was ist das Halving?".to_owned(),
        stage,
        status,
        created_at: time(),
        reviewed_at: None,
        notes: None,
        text_path: "data/the-text".into(),
        diff_path: "data/the-diff".into(),
        artifact_hash: None,
        text_changed: false,
        out_of_date: None,
        warnings: Vec::new(),
    }
}

#[test]
fn reviews_and_what_to_know_before_deciding() {
    let waiting = review_of(ReviewStage::Correct, ReviewStatus::Pending);
    let changed = ReviewView { text_changed: true, ..review_of(ReviewStage::Adapt, ReviewStatus::InReview) };
    let old = ReviewView { out_of_date: Some("correct".to_owned()), ..waiting.clone() };
    let told = review::list_text(&[waiting, changed, old], true);
    compare_text(
        "reviews",
        &format!("{told}\n\n{}\n{}", review::list_text(&[], true), review::list_text(&[], false)),
    );
}

#[test]
fn a_correction_with_its_changes() {
    let change = |original: &str, corrected: &str| CorrectionChange {
        change_type: ChangeType::Replace,
        original: original.to_owned(),
        corrected: corrected.to_owned(),
        context: format!("über das\n{original} und"),
        position: Span { start: 71, end: 78 },
        category: CorrectionCategory::Spelling,
    };
    let changes = vec![change("Halfing", "Halving"), change(" ", "\n\n"), change(&"lang ".repeat(30), "")];
    let shown = review::Shown {
        review: ReviewView {
            text_changed: true,
            notes: Some("Namen prüfen".to_owned()),
            warnings: vec!["a warning".to_owned()],
            ..review_of(ReviewStage::Correct, ReviewStatus::Pending)
        },
        correction: Some(CorrectionDiff::new("ep1".parse().unwrap(), 200, 190, changes)),
        adaptation: None,
    };
    console::set_colors_enabled(false);
    compare("review_of_a_correction", &review::show_text(&shown), &shown);
}

#[test]
fn an_adaptation_with_its_tags_after_it_was_decided() {
    let tag = |tier| Adaptation {
        tier,
        category: AdaptationCategory::InstitutionReplacement,
        original: "BaFin".to_owned(),
        adapted: "SPK".to_owned(),
        context: "SPK soruyor".to_owned(),
        position: Span { start: 12, end: 60 },
    };
    let shown = review::Shown {
        review: ReviewView {
            out_of_date: Some("the text before it has changed".to_owned()),
            ..review_of(ReviewStage::Adapt, ReviewStatus::Approved)
        },
        correction: None,
        adaptation: Some(AdaptationDiff::new(
            "ep1".parse().unwrap(),
            200,
            260,
            vec![tag(Tier::T1), tag(Tier::T2)],
        )),
    };
    console::set_colors_enabled(false);
    let decided = review::decided_text(&shown.review);
    compare("review_of_an_adaptation", &format!("{}\n\n{decided}", review::show_text(&shown)), &shown);
}
