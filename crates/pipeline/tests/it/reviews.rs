//! Decisions: what they do to the episode, its files and its history, and which are refused.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use btcedu_artifacts::{EpisodeLock, LockHolder, StaleMarker, stale_path};
use btcedu_domain::{Clock, EpisodeStatus, ErrorKind, Kinded, ReviewStage, ReviewStatus, Stage, UtcTime};
use btcedu_models::{
    review_tasks::{self, TaskSelection},
    testing,
};
use btcedu_pipeline::{
    ReviewError, ReviewHistory, Verdict, find_review, list_reviews, open_review, run_stage,
};
use btcedu_stages::{BuiltStage, StageError, StageFlags};

use crate::world::{World, edit, id};

pub(crate) fn changes(notes: &str) -> Verdict {
    Verdict::RequestChanges { notes: notes.to_owned() }
}

pub(crate) fn reject(notes: Option<&str>) -> Verdict {
    Verdict::Reject { notes: notes.map(str::to_owned) }
}

fn history(world: &World) -> ReviewHistory {
    world.ctx.data.read_json(&world.dir().review_history()).unwrap().unwrap()
}

#[tokio::test]
async fn an_approval_is_recorded_with_its_text_and_leaves_the_status() {
    let world = World::at_gate_1().await;
    let view = world.decide(1, Verdict::Approve).await.unwrap();
    assert_eq!((view.status, view.notes), (ReviewStatus::Approved, None));
    assert!(view.reviewed_at.is_some());
    assert_eq!(view.artifact_hash, world.task(ReviewStage::Correct).artifact_hash);
    let episode = world.episode();
    assert_eq!(
        (episode.status, episode.review_status),
        (EpisodeStatus::Corrected, Some(ReviewStatus::Approved))
    );
    assert!(!stale_path(&world.dir().corrected_transcript()).exists());
}

#[tokio::test]
async fn a_request_for_changes_goes_back_and_its_notes_reach_the_next_prompt_once() {
    let world = World::at_gate_1().await;
    world.decide(1, changes("  Lightning bleibt englisch. ")).await.unwrap();
    assert_eq!(world.status(), EpisodeStatus::Transcribed);
    assert_eq!(world.episode().review_status, Some(ReviewStatus::ChangesRequested));
    let marker = world.ctx.data.stale_note(&world.dir().corrected_transcript()).unwrap().unwrap();
    assert_eq!((marker.by.as_str(), marker.reason.as_str()), ("review 1", "review 1: changes_requested"));

    world.run().await;
    assert!(world.last_prompt().contains("<reviewer_feedback>\nLightning bleibt englisch.\n"));
    assert_eq!(world.task(ReviewStage::Correct).id, 2, "the new text has a review of its own");
    assert!(!stale_path(&world.dir().corrected_transcript()).exists());
    world.decide(2, reject(None)).await.unwrap();
    world.run().await;
    assert!(!world.last_prompt().contains("<reviewer_feedback>\n"), "{}", world.last_prompt());
}

#[tokio::test]
async fn a_rejection_at_the_second_review_goes_back_one_stage_only() {
    for (verdict, notes) in [(reject(Some("Zu lang.")), Some("Zu lang.")), (reject(Some(" \n")), None)] {
        let world = World::at_gate_2().await;
        let view = world.decide(2, verdict).await.unwrap();
        assert_eq!((view.status, view.notes.as_deref()), (ReviewStatus::Rejected, notes));
        assert_eq!(world.status(), EpisodeStatus::Translated);
        assert!(stale_path(&world.dir().script()).exists());
        assert!(!stale_path(&world.dir().translation()).exists(), "the translation is as good as before");
        assert_eq!(world.task(ReviewStage::Correct).status, ReviewStatus::Approved);
    }
}

#[tokio::test]
async fn what_was_sent_back_marks_all_that_was_made_from_it() {
    let world = World::finished().await;
    edit(&world.dir().corrected_transcript(), "Ein anderer Text.");
    ask_for_gate_1(&world).await;
    world.decide(3, reject(None)).await.unwrap();
    assert_eq!(world.status(), EpisodeStatus::Transcribed);
    let dir = world.dir();
    for path in [dir.corrected_transcript(), dir.translation(), dir.script(), dir.chapters(), dir.manifest()]
    {
        assert_eq!(world.ctx.data.stale_note(&path).unwrap().unwrap().by, "review 3", "{}", path.display());
    }
    assert!(!stale_path(&dir.draft_video()).exists(), "what isn't there gets no marker");
}

/// Has translate ask for the review of a corrected text that was edited after it was approved.
async fn ask_for_gate_1(world: &World) {
    let flags = StageFlags::default();
    let asked = run_stage(&world.ctx, &id(), BuiltStage::Translate, &flags, "btcedu translate ep1").await;
    assert!(matches!(asked, Err(StageError::AwaitingReview { task: Some(3), .. })), "{asked:?}");
}

#[tokio::test]
async fn approving_another_text_than_later_stages_have_used_makes_these_anew() {
    let world = World::finished().await;
    edit(&world.dir().corrected_transcript(), "Ein anderer Text.");
    ask_for_gate_1(&world).await;
    world.approve(3).await;
    assert_eq!(world.status(), EpisodeStatus::Corrected);
    assert!(!stale_path(&world.dir().corrected_transcript()).exists(), "it is the approved one");
    let marker = world.ctx.data.stale_note(&world.dir().translation()).unwrap().unwrap();
    assert_eq!(marker.reason, "review 3 approved another text");
    let report = world.run().await;
    let ran: Vec<Stage> = report.stages.iter().map(|run| run.stage).collect();
    assert_eq!(ran, [Stage::Translate, Stage::Adapt], "and the script needs its review again");
}

#[tokio::test]
async fn changes_without_notes_are_refused_and_nothing_happens() {
    let world = World::at_gate_1().await;
    let files = world.files();
    for notes in ["", " \n\t"] {
        let error = world.decide(1, changes(notes)).await.unwrap_err();
        assert!(matches!(error, ReviewError::NotesMissing), "{error:?}");
    }
    assert_eq!((world.files(), world.status()), (files, EpisodeStatus::Corrected));
    assert_eq!(world.task(ReviewStage::Correct).status, ReviewStatus::Pending);
}

#[tokio::test]
async fn a_second_decision_is_refused_and_names_the_first() {
    let world = World::at_gate_1().await;
    world.approve(1).await;
    let decided = world.task(ReviewStage::Correct);
    for verdict in [Verdict::Approve, reject(None), changes("Nein.")] {
        let error = world.decide(1, verdict).await.unwrap_err();
        assert!(
            matches!(error, ReviewError::AlreadyDecided { status: ReviewStatus::Approved, .. }),
            "{error:?}"
        );
        assert!(error.to_string().contains(&decided.reviewed_at.unwrap().to_string()), "{error}");
    }
    assert_eq!(world.task(ReviewStage::Correct), decided);
    assert_eq!(history(&world).reviews[0].decisions.len(), 1);
}

#[tokio::test]
async fn an_unknown_review_is_told_by_its_number() {
    let world = World::at_gate_1().await;
    let errors = [
        world.decide(7, Verdict::Approve).await.unwrap_err(),
        find_review(&world.ctx, 7).await.unwrap_err(),
        open_review(&world.ctx, 7).await.unwrap_err(),
        btcedu_pipeline::accept_edit(&world.ctx, 7, "btcedu web").await.unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, ReviewError::Unknown { task: 7 }), "{error:?}");
    }
}

#[tokio::test]
async fn a_review_is_not_decided_while_a_run_holds_its_episode() {
    let world = World::at_gate_1().await;
    let holder = LockHolder::this_process("btcedu correct ep1 --force", world.ctx.clock.now());
    let lock = EpisodeLock::acquire(&world.dir(), &holder, world.ctx.clock.as_ref()).await.unwrap();
    let error = world.decide(1, Verdict::Approve).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Blocked);
    assert!(error.to_string().contains("btcedu correct ep1 --force"), "{error}");
    assert_eq!(world.task(ReviewStage::Correct).status, ReviewStatus::Pending);
    drop(lock);
    world.approve(1).await;
}

/// A clock that does something when somebody first waits.
struct OnFirstWait {
    clock: Arc<dyn Clock>,
    action: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

#[async_trait]
impl Clock for OnFirstWait {
    fn now(&self) -> UtcTime {
        self.clock.now()
    }

    async fn sleep(&self, duration: Duration) {
        if let Some(action) = self.action.lock().unwrap().take() {
            action();
        }
        self.clock.sleep(duration).await;
    }
}

#[tokio::test]
async fn a_decision_that_another_took_while_this_one_waited_for_the_lock_is_kept() {
    let mut world = World::at_gate_1().await;
    let holder = LockHolder::this_process("btcedu review approve 1", world.ctx.clock.now());
    let lock = EpisodeLock::acquire(&world.dir(), &holder, world.ctx.clock.as_ref()).await.unwrap();
    let db = world.ctx.db.clone();
    let action = move || {
        let approved = ReviewStatus::Approved;
        testing::run(&db, |conn| review_tasks::set_status(conn, 1, approved, None, None)).unwrap();
        drop(lock);
    };
    let clock = world.ctx.clock.clone();
    world.ctx.clock = Arc::new(OnFirstWait { clock, action: Mutex::new(Some(Box::new(action))) });
    let error = world.decide(1, reject(None)).await.unwrap_err();
    assert!(matches!(error, ReviewError::AlreadyDecided { status: ReviewStatus::Approved, .. }), "{error:?}");
    assert_eq!(world.status(), EpisodeStatus::Corrected);
    assert!(!stale_path(&world.dir().corrected_transcript()).exists());
}

#[tokio::test]
async fn an_approval_takes_away_the_marker_of_a_rejection_that_was_interrupted() {
    let world = World::at_gate_1().await;
    let text = world.dir().corrected_transcript();
    let marker = StaleMarker {
        invalidated_by: "review 1".to_owned(),
        invalidated_at: world.ctx.clock.now(),
        reason: "review 1: rejected".to_owned(),
    };
    marker.write(&text).unwrap();
    assert_eq!(find_review(&world.ctx, 1).await.unwrap().out_of_date, None, "it is its own marker");
    world.approve(1).await;
    assert!(!stale_path(&text).exists());
    assert_eq!(world.run().await.status, EpisodeStatus::Adapted);
}

#[tokio::test]
async fn opening_a_review_marks_it_and_a_decided_one_stays_as_it_is() {
    let world = World::at_gate_1().await;
    assert_eq!(find_review(&world.ctx, 1).await.unwrap().status, ReviewStatus::Pending);
    assert_eq!(open_review(&world.ctx, 1).await.unwrap().status, ReviewStatus::InReview);
    assert_eq!(world.episode().review_status, Some(ReviewStatus::InReview));
    assert_eq!(open_review(&world.ctx, 1).await.unwrap().status, ReviewStatus::InReview);
    world.approve(1).await;
    assert_eq!(open_review(&world.ctx, 1).await.unwrap().status, ReviewStatus::Approved);
    assert_eq!(world.episode().review_status, Some(ReviewStatus::Approved));
}

#[tokio::test]
async fn lists_begin_with_what_waits_longest() {
    let world = World::at_gate_2().await;
    world.decide(2, changes("Kürzer.")).await.unwrap();
    world.run().await;
    let ids = async |which| -> Vec<i64> {
        list_reviews(&world.ctx, which).await.unwrap().iter().map(|view| view.id).collect()
    };
    assert_eq!(ids(TaskSelection::All).await, [3, 1, 2], "the open one, then by age");
    assert_eq!(ids(TaskSelection::Open).await, [3]);
    assert_eq!(ids(TaskSelection::Decided(1)).await, [2], "the last decided");
    let views = list_reviews(&world.ctx, TaskSelection::Open).await.unwrap();
    assert_eq!((views[0].stage, views[0].title.as_str()), (ReviewStage::Adapt, "Bitcoin erklärt: ep1"));
    assert_eq!(views[0].text_path, world.dir().script());
    assert_eq!(views[0].diff_path, world.dir().review_diff(ReviewStage::Adapt));
}

#[tokio::test]
async fn the_history_file_holds_every_review_and_decision() {
    let world = World::at_gate_1().await;
    world.decide(1, changes("Kürzer.")).await.unwrap();
    world.run().await;
    world.approve(2).await;
    let written = history(&world);
    assert_eq!(written.episode_id, id());
    let told: Vec<_> = written
        .reviews
        .iter()
        .map(|review| (review.id, review.stage, review.status, review.decisions[0].notes.as_deref()))
        .collect();
    assert_eq!(
        told,
        [
            (1, ReviewStage::Correct, ReviewStatus::ChangesRequested, Some("Kürzer.")),
            (2, ReviewStage::Correct, ReviewStatus::Approved, None),
        ]
    );
    assert_eq!(written.reviews[1].artifact_paths, ["transcripts/ep1/transcript.corrected.de.txt"]);
    let loaded = world.query(|conn| btcedu_pipeline::load_history(conn, &id()));
    assert_eq!(loaded, written, "the rows say the same");
}

#[tokio::test]
async fn a_view_has_what_the_stage_says_to_the_reviewer_until_it_is_decided() {
    let world = World::at_gate_1().await;
    world.approve(1).await;
    world.answer(Stage::Adapt, |text| {
        let all = format!("[T2: regulatory_context: Almanya düzenlemeleri hakkında] {text}");
        Ok(crate::world::tagged(Stage::Adapt, &all))
    });
    world.run().await;
    let view = find_review(&world.ctx, 2).await.unwrap();
    assert_eq!(view.warnings.len(), 1, "{view:?}");
    assert!(view.warnings[0].contains("German regulation"), "{view:?}");
    world.approve(2).await;
    assert_eq!(find_review(&world.ctx, 2).await.unwrap().warnings.len(), 0);
}

#[test]
fn each_error_of_a_review_has_its_kind() {
    let (task, path) = (1, "script.adapted.tr.md".to_owned());
    let rows: [(ReviewError, ErrorKind); 10] = [
        (ReviewError::Unknown { task }, ErrorKind::UnknownName),
        (ReviewError::NotesMissing, ErrorKind::Usage),
        (
            ReviewError::AlreadyDecided { task, status: ReviewStatus::Approved, when: String::new() },
            ErrorKind::Conflict,
        ),
        (ReviewError::Superseded { task }, ErrorKind::Conflict),
        (ReviewError::TextMissing { task, path: path.clone() }, ErrorKind::Conflict),
        (ReviewError::TextChanged { task, path }, ErrorKind::Blocked),
        (ReviewError::OtherTextSeen { task }, ErrorKind::Blocked),
        (
            ReviewError::OutOfDate { task, episode: id(), reason: "correct wrote a new text".to_owned() },
            ErrorKind::Blocked,
        ),
        (StageError::UnknownEpisode { episode: id() }.into(), ErrorKind::NotFound),
        (StageError::MissingKey("no key".to_owned()).into(), ErrorKind::Usage),
    ];
    for (error, kind) in rows {
        assert_eq!(error.kind(), kind, "{error:?}");
    }
}
