//! Reviews, channels, artifacts and chunks.

use btcedu_domain::{EpisodeStatus, ReviewStage, ReviewStatus, Sha256Hash};
use btcedu_models::{
    DbError,
    channels::{self, NewChannel},
    chunks::{self, NewChunk},
    content_artifacts::{self, NewContentArtifact},
    review_decisions::{self, NewReviewDecision},
    review_tasks::{self, NewReviewTask, ReviewSubject},
    testing,
};
use diesel::connection::SimpleConnection;

use crate::{fixture, time};

#[test]
fn a_review_is_opened_brought_up_to_date_and_decided() {
    let fixture = fixture();
    let episode = fixture.episode("abc123", EpisodeStatus::Corrected).episode_id;
    let new = NewReviewTask {
        episode_id: &episode,
        stage: ReviewStage::Correct,
        artifact_paths: r#"["a.txt"]"#,
        diff_path: Some("correction_diff.json"),
        prompt_version_id: None,
        created_at: testing::time(),
        artifact_hash: Some(Sha256Hash::of_bytes(b"a")),
    };
    let first = fixture.run(|conn| review_tasks::insert(conn, &new));
    let task = fixture.run(|conn| review_tasks::insert(conn, &new));
    assert_eq!(task.status, ReviewStatus::Pending);
    let subject = ReviewSubject {
        artifact_paths: "[]",
        diff_path: None,
        prompt_version_id: None,
        artifact_hash: Some(Sha256Hash::of_bytes(b"b")),
    };
    let at = time("2026-11-23T00:00:00Z");
    fixture.run(|conn| {
        review_tasks::set_subject(conn, task.id, &subject)?;
        review_tasks::set_status(conn, task.id, ReviewStatus::Approved, Some(at), Some("schön"))?;
        let decision = NewReviewDecision {
            review_task_id: task.id,
            decision: ReviewStatus::Approved,
            notes: Some("schön"),
            decided_at: at,
        };
        review_decisions::insert(conn, &decision)
    });
    let latest = fixture.run(|conn| review_tasks::find_latest(conn, &episode, ReviewStage::Correct)).unwrap();
    assert_eq!((latest.id, latest.diff_path, latest.artifact_hash), (task.id, None, subject.artifact_hash));
    assert_eq!((latest.reviewed_at, latest.reviewer_notes.as_deref()), (Some(at), Some("schön")));
    assert_eq!(fixture.run(|conn| review_tasks::find_latest(conn, &episode, ReviewStage::Adapt)), None);
    let ids = |status| {
        fixture.run(|conn| review_tasks::list(conn, status)).iter().map(|t| t.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(None), [task.id, first.id]);
    assert_eq!(ids(Some(ReviewStatus::Pending)), [first.id]);
    assert_eq!(fixture.run(|conn| review_tasks::list_for_episode(conn, &episode)).len(), 2);
    assert_eq!(fixture.run(|conn| review_tasks::find(conn, first.id)).unwrap(), first);
    let decisions = fixture.run(|conn| review_decisions::list_for_episode(conn, &episode));
    assert_eq!(
        (decisions.len(), decisions[0].decision, decisions[0].decided_at),
        (1, ReviewStatus::Approved, at)
    );

    let broken = NewReviewTask { artifact_paths: "a.txt", ..new };
    let error = testing::run(&fixture.db, |conn| review_tasks::insert(conn, &broken)).unwrap_err();
    assert!(matches!(error, DbError::Constraint { .. }), "{error:?}");
}

#[test]
fn a_channel_that_is_known_keeps_its_row_and_its_first_time() {
    let fixture = fixture();
    let new = NewChannel {
        channel_id: "c1",
        name: "Blocktrainer",
        youtube_channel_id: Some("UC1"),
        rss_url: None,
        now: testing::time(),
    };
    let first = fixture.run(|conn| channels::upsert(conn, &new));
    let later =
        NewChannel { name: "Anders", youtube_channel_id: None, now: time("2027-01-01T00:00:00Z"), ..new };
    let second = fixture.run(|conn| channels::upsert(conn, &later));
    assert_eq!((second.id, second.created_at, second.is_active), (first.id, first.created_at, true));
    assert_eq!((second.name.as_str(), second.youtube_channel_id.as_deref()), ("Anders", None));
    assert_eq!(second.updated_at, later.now);
    assert_eq!(fixture.run(|conn| channels::find(conn, "c1")), Some(second.clone()));
    assert_eq!(fixture.run(channels::list), [second]);
}

#[test]
fn artifacts_are_listed_in_the_order_they_were_written() {
    let fixture = fixture();
    let episode = fixture.episode("abc123", EpisodeStatus::Adapted).episode_id;
    for path in ["b.txt", "a.txt"] {
        let new = NewContentArtifact {
            episode_id: &episode,
            artifact_type: "script",
            file_path: path,
            model: Some("claude"),
            prompt_hash: Some(Sha256Hash::of_bytes(b"p")),
            created_at: testing::time(),
        };
        fixture.run(|conn| content_artifacts::insert(conn, &new));
    }
    let all = fixture.run(|conn| content_artifacts::list_for_episode(conn, &episode));
    assert_eq!(all.iter().map(|row| row.file_path.as_str()).collect::<Vec<_>>(), ["b.txt", "a.txt"]);
    assert_eq!(all[0].prompt_hash, Some(Sha256Hash::of_bytes(b"p")));
}

#[test]
fn the_word_index_follows_the_chunks() {
    let fixture = fixture();
    let episode = fixture.episode("abc123", EpisodeStatus::Transcribed).episode_id;
    for (chunk_index, text) in
        [(0, "Das Geld der Bürger"), (1, "Bitcoin ist \"hartes\" Geld, Geld!"), (2, "Ende")]
    {
        let new =
            NewChunk { episode_id: &episode, chunk_index, text, start_seconds: Some(1.5), end_seconds: None };
        fixture.run(|conn| chunks::insert(conn, &new));
    }
    let matching = |words: &str| {
        let rows = fixture.run(|conn| chunks::list_matching(conn, words, 10));
        rows.iter().map(|chunk| chunk.chunk_index).collect::<Vec<_>>()
    };
    assert_eq!(matching("geld"), [1, 0]);
    assert_eq!(matching("geld bürger"), [0]);
    for odd in ["", "  ", "\"", "geld OR", "NEAR(", "text:geld", "*", "-"] {
        matching(odd);
    }
    fixture.run(|conn| Ok(conn.batch_execute("UPDATE chunks SET text = 'Schluss' WHERE chunk_index = 1")?));
    assert_eq!((matching("geld"), matching("schluss")), (vec![0], vec![1]));
    assert_eq!(fixture.run(|conn| chunks::list_for_episode(conn, &episode)).len(), 3);
    assert_eq!(fixture.run(|conn| chunks::delete_for_episode(conn, &episode)), 3);
    assert_eq!(matching("schluss"), [0; 0]);
    fixture.run(|conn| {
        Ok(conn.batch_execute("INSERT INTO chunks_fts (chunks_fts) VALUES ('integrity-check')")?)
    });
}
