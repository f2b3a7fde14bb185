//! Texts that were saved by another editor: their changes are shown all the same.

use btcedu_artifacts::write_atomic;
use btcedu_domain::{EpisodeStatus, ReviewStage, Sha256Hash};
use btcedu_models::testing;
use btcedu_stages::review_tasks::{ReviewedText, refresh_review_diff, sync_task};
use serde_json::Value;

use super::world::{CORRECTED, EP, TRANSCRIPT, World};

/// Opens a review for the text that a gate looks at, with the diff that its stage makes of it.
async fn open_review(world: &World, gate: ReviewStage) {
    let dir = world.dir(EP);
    let output = dir.reviewed_text(gate);
    let hash = Sha256Hash::of_bytes(&std::fs::read(&output).unwrap());
    let diff = refresh_review_diff(world.ctx(), dir.id(), gate).await.unwrap();
    let (episode, path) = (dir.id().clone(), dir.in_workspace(&output));
    world.rows(|conn| {
        let row = testing::episode(conn, episode.as_str(), EpisodeStatus::Corrected);
        let (episode_row, prompt_version) = (row.id, None);
        let text = ReviewedText { episode, episode_row, gate, path, diff, prompt_version, hash };
        sync_task(conn, &text, testing::time())
    });
}

/// As an editor under Windows saves it.
fn as_windows(text: &str) -> String {
    format!("\u{feff}{}", text.replace('\n', "\r\n"))
}

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
        let world = World::empty();
        write_atomic(&world.dir(EP).clean_transcript(), before.as_bytes()).unwrap();
        write_atomic(&world.dir(EP).corrected_transcript(), after.as_bytes()).unwrap();
        open_review(&world, ReviewStage::Correct).await;
        let review = world.visitor().await.api("/reviews/1").await;
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
        let world = World::empty();
        write_atomic(&world.dir(EP).translation(), literal.as_bytes()).unwrap();
        write_atomic(&world.dir(EP).corrected_transcript(), CORRECTED.as_bytes()).unwrap();
        write_atomic(&world.dir(EP).script(), script.as_bytes()).unwrap();
        open_review(&world, ReviewStage::Adapt).await;
        let review = world.visitor().await.api("/reviews/1").await;
        assert_eq!(review["problem"], Value::Null, "{script:?}");
        let tags = review["adaptation"]["adaptations"].as_array().unwrap();
        assert_eq!(tags.len(), 2, "{script:?}: {review}");
        assert!(tags.iter().all(|tag| tag["marked"] == true), "{script:?}: {review}");
        assert_eq!(review["adaptation"]["literal"].as_array().unwrap().len(), 2, "{literal:?}");
        let text = world.visitor().await.api("/episodes/ep1/texts/adapted").await;
        let marks = text["html"].as_str().unwrap().matches("<mark id=").count();
        assert_eq!(marks, 2, "{script:?}: {text}");
    }
}
