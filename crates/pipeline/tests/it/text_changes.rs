//! A decision is for one text: what happens where the text on the disk is another one, or none.

use btcedu_artifacts::StaleMarker;
use btcedu_domain::{EpisodeStatus, ReviewStage, ReviewStatus, Sha256Hash};
use btcedu_models::review_tasks::{self, NewReviewTask};
use btcedu_pipeline::{Decision, ReviewError, Verdict, accept_edit, decide_review, find_review, open_review};

use crate::{
    reviews::{changes, reject},
    world::{World, edit, id, read, read_json},
};

const EDITED: &str = "Heute reden wir über das Lightning-Netz. Alle zehn Minuten kommt ein Block.";

async fn edited_while_its_review_waits() -> World {
    let world = World::at_gate_1().await;
    edit(&world.dir().corrected_transcript(), EDITED);
    world
}

fn hash_in_the_row(world: &World) -> Option<Sha256Hash> {
    world.task(ReviewStage::Correct).artifact_hash
}

#[tokio::test]
async fn a_text_that_was_changed_is_not_decided_and_the_review_is_brought_up_to_date() {
    for verdict in [Verdict::Approve, reject(None), changes("Kürzer.")] {
        let world = edited_while_its_review_waits().await;
        open_review(&world.ctx, 1).await.unwrap();
        assert!(find_review(&world.ctx, 1).await.unwrap().text_changed);
        let error = world.decide(1, verdict).await.unwrap_err();
        assert!(matches!(error, ReviewError::TextChanged { task: 1, .. }), "{error:?}");

        assert_eq!(hash_in_the_row(&world), Some(Sha256Hash::of_bytes(EDITED.as_bytes())));
        assert_eq!(world.task(ReviewStage::Correct).status, ReviewStatus::Pending, "nobody has seen it");
        assert!(!find_review(&world.ctx, 1).await.unwrap().text_changed);
        let diff = read_json(&world.dir().review_diff(ReviewStage::Correct)).to_string();
        assert!(diff.contains("Lightning-Netz"), "{diff}");
        assert_eq!(world.status(), EpisodeStatus::Corrected);
        world.approve(1).await;
    }
}

#[tokio::test]
async fn an_edit_is_accepted_without_deciding_anything() {
    let world = edited_while_its_review_waits().await;
    let view = accept_edit(&world.ctx, 1, "btcedu web").await.unwrap();
    assert_eq!((view.status, view.text_changed), (ReviewStatus::Pending, false));
    assert_eq!(view.artifact_hash, Some(Sha256Hash::of_bytes(EDITED.as_bytes())));
    let again = accept_edit(&world.ctx, 1, "btcedu web").await.unwrap();
    assert_eq!(again, view, "a second time there is nothing to accept");
    assert_eq!(read(&world.dir().corrected_transcript()), EDITED);
    world.approve(1).await;
    assert_eq!(world.run().await.status, EpisodeStatus::Adapted);
}

#[tokio::test]
async fn an_edit_of_a_decided_review_is_not_accepted() {
    let world = World::at_gate_1().await;
    world.approve(1).await;
    edit(&world.dir().corrected_transcript(), EDITED);
    let error = accept_edit(&world.ctx, 1, "btcedu web").await.unwrap_err();
    assert!(matches!(error, ReviewError::AlreadyDecided { .. }), "{error:?}");
    let view = find_review(&world.ctx, 1).await.unwrap();
    assert!(!view.text_changed, "what was decided is history");
    assert_ne!(view.artifact_hash, Some(Sha256Hash::of_bytes(EDITED.as_bytes())));
}

#[tokio::test]
async fn a_person_who_has_seen_another_text_decides_nothing() {
    let world = World::at_gate_1().await;
    let verdict = Verdict::Approve;
    let seeing = |seen| {
        decide_review(&world.ctx, Decision { task: 1, verdict: &verdict, seen, command: "btcedu web" })
    };
    let error = seeing(Some(Sha256Hash::of_bytes(b"another"))).await.unwrap_err();
    assert!(matches!(error, ReviewError::OtherTextSeen { task: 1 }), "{error:?}");
    assert_eq!(world.task(ReviewStage::Correct).status, ReviewStatus::Pending);
    let view = seeing(hash_in_the_row(&world)).await.unwrap();
    assert_eq!(view.status, ReviewStatus::Approved);
}

#[tokio::test]
async fn a_text_that_is_out_of_date_is_not_decided() {
    let world = World::at_gate_2().await;
    let marker = StaleMarker {
        invalidated_by: "correct".to_owned(),
        invalidated_at: world.ctx.clock.now(),
        reason: "correct wrote a new text".to_owned(),
    };
    marker.write(&world.dir().script()).unwrap();
    let view = find_review(&world.ctx, 2).await.unwrap();
    assert_eq!(view.out_of_date.as_deref(), Some("correct wrote a new text"));
    for error in [
        world.decide(2, Verdict::Approve).await.unwrap_err(),
        world.decide(2, reject(None)).await.unwrap_err(),
        accept_edit(&world.ctx, 2, "btcedu web").await.unwrap_err(),
    ] {
        assert!(matches!(error, ReviewError::OutOfDate { task: 2, .. }), "{error:?}");
        assert!(error.to_string().contains("btcedu run ep1"), "{error}");
    }
    assert_eq!(world.task(ReviewStage::Adapt).status, ReviewStatus::Pending);
    assert_eq!(world.status(), EpisodeStatus::Adapted);
}

#[tokio::test]
async fn a_text_that_is_missing_or_a_link_out_of_the_workspace_is_not_decided() {
    let world = World::at_gate_1().await;
    let text = world.dir().corrected_transcript();
    let before = hash_in_the_row(&world);
    std::fs::remove_file(&text).unwrap();
    for link in [false, true] {
        if link {
            std::os::unix::fs::symlink("/etc/hostname", &text).unwrap();
        }
        assert!(find_review(&world.ctx, 1).await.unwrap().text_changed);
        let error = world.decide(1, Verdict::Approve).await.unwrap_err();
        assert!(matches!(error, ReviewError::TextMissing { task: 1, .. }), "{error:?}");
        assert!(error.to_string().contains("transcripts/ep1/transcript.corrected.de.txt"), "{error}");
        let error = accept_edit(&world.ctx, 1, "btcedu web").await.unwrap_err();
        assert!(matches!(error, ReviewError::TextMissing { .. }), "{error:?}");
    }
    assert_eq!(hash_in_the_row(&world), before);
}

#[tokio::test]
async fn an_older_review_of_the_same_text_is_not_decided() {
    let world = edited_while_its_review_waits().await;
    let newer = world.query(|conn| {
        let new = NewReviewTask {
            episode_id: &id(),
            stage: ReviewStage::Correct,
            artifact_paths: "[]",
            diff_path: None,
            prompt_version_id: None,
            created_at: world.ctx.clock.now(),
            artifact_hash: None,
        };
        review_tasks::insert(conn, &new)
    });
    let error = world.decide(1, Verdict::Approve).await.unwrap_err();
    assert!(matches!(error, ReviewError::Superseded { task: 1 }), "{error:?}");
    assert_eq!(world.task(ReviewStage::Correct).id, newer.id);
    assert_eq!(
        hash_in_the_row(&world),
        Some(Sha256Hash::of_bytes(EDITED.as_bytes())),
        "the newer is current"
    );
    world.approve(newer.id).await;
}
