//! Reviews, artifacts and the word index over chunks.

use btcedu_domain::{EpisodeStatus, ReviewStage, ReviewStatus, Sha256Hash};
use btcedu_models::{
    Conn, DbError,
    content_artifacts::{self, NewContentArtifact},
    review_decisions::{self, NewReviewDecision},
    review_tasks::{self, NewReviewTask, ReviewSubject},
    testing,
};
use diesel::{
    QueryableByName, RunQueryDsl,
    connection::SimpleConnection,
    sql_query,
    sql_types::{Integer, Text},
};

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
    let all = fixture.run(|conn| review_tasks::list_for_episode(conn, &episode));
    assert_eq!(all.iter().map(|task| task.id).collect::<Vec<_>>(), [task.id, first.id]);
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

#[derive(QueryableByName)]
struct Match {
    #[diesel(sql_type = Integer)]
    chunk_index: i32,
}

#[test]
fn the_word_index_follows_the_chunks() {
    let fixture = fixture();
    fixture.episode("abc123", EpisodeStatus::Transcribed);
    let write = |sql: &str| fixture.run(|conn| Ok(conn.batch_execute(sql)?));
    let matching = |word: &str| {
        let query = "SELECT chunk_index FROM chunks_fts JOIN chunks ON chunks.id = chunks_fts.rowid
                     WHERE chunks_fts MATCH ? ORDER BY chunks_fts.rank";
        let rows = |conn: &mut Conn| Ok(sql_query(query).bind::<Text, _>(word).load::<Match>(conn)?);
        fixture.run(rows).into_iter().map(|row| row.chunk_index).collect::<Vec<_>>()
    };
    write(
        "INSERT INTO chunks (episode_id, chunk_index, text) VALUES ('abc123', 0, 'Das Geld der Bürger'),
         ('abc123', 1, 'Bitcoin ist hartes Geld, Geld!'), ('abc123', 2, 'Ende')",
    );
    assert_eq!((matching("geld"), matching("bürger")), (vec![1, 0], vec![0]));
    write("UPDATE chunks SET text = 'Schluss' WHERE chunk_index = 1");
    assert_eq!((matching("geld"), matching("schluss")), (vec![0], vec![1]));
    write("DELETE FROM chunks");
    assert_eq!(matching("schluss"), [0; 0]);
    write("INSERT INTO chunks_fts (chunks_fts) VALUES ('integrity-check')");
}
