//! What a person writes by hand: before a run it is not written over, and while one is on it is kept beside.

use std::path::Path;

use btcedu_artifacts::Manifest;
use btcedu_domain::{EpisodeStatus, ReviewStage, Sha256Hash, Stage};
use btcedu_stages::{BuiltStage, StageEnd, StageError};

use crate::{
    text_world::{FORCE, PLAIN, TEXT_STAGES, answer, hash, mark, read, write},
    world::{World, images, no_texts, picture},
};

#[tokio::test(start_paused = true)]
async fn a_text_that_was_edited_by_hand_is_not_written_over_without_force() {
    for stage in TEXT_STAGES {
        let world = World::with_all_texts().await;
        let made = world.text_of(stage);
        let edited = made.replacen(' ', "  ", 1);
        world.edit(stage, &edited);
        let left = world.unasked(stage, &PLAIN).await.unwrap();
        assert_eq!(left.report.end, StageEnd::Skipped, "{stage:?}: nothing else has changed");

        mark(&world.output(stage), "a test", "so");
        let error = world.unasked(stage, &PLAIN).await.unwrap_err();
        assert!(matches!(error, StageError::EditedByHand { .. }), "{error}");
        for part in ["was edited by hand", "is out of date: so", &format!("btcedu {} ", stage.stage())] {
            assert!(error.to_string().contains(part), "{part} is not in: {error}");
        }
        assert_eq!(world.text_of(stage), edited);

        world.make_with(stage, &FORCE).await;
        assert_eq!((world.text_of(stage), world.marker(stage)), (made, None));
    }
}

#[tokio::test(start_paused = true)]
async fn what_an_interrupted_run_wrote_is_no_edit() {
    let world = World::at(EpisodeStatus::Transcribed);
    world.make(BuiltStage::Correct).await;
    world.edit(BuiltStage::Correct, "what the next run had written before it was killed");
    mark(&world.output(BuiltStage::Correct), "correct", "correct was interrupted while it wrote it");
    world.make(BuiltStage::Correct).await;
    assert!(world.text_of(BuiltStage::Correct).contains("Halving"));
    assert_eq!(world.asked_times(), 1, "its answer is paid");
}

/// The name under which an edit is kept.
fn kept_name(name: &str, words: &str) -> String {
    let (stem, extension) = name.rsplit_once('.').unwrap();
    format!("{stem}.edited-{}.{extension}", Sha256Hash::of_bytes(words.as_bytes()).short())
}

#[tokio::test(start_paused = true)]
async fn an_edit_made_while_a_text_stage_runs_is_kept_beside_with_a_warning() {
    const MINE: &str = "Von Hand, während die Stufe lief.";
    for stage in TEXT_STAGES {
        for is_first in [true, false] {
            let world = World::with_all_texts().await;
            let output = world.output(stage);
            if is_first {
                std::fs::remove_file(&output).unwrap();
            }
            let path = output.clone();
            let run = world.ask(stage, &FORCE, move |request, _| {
                write(&path, MINE);
                // Another text than before, so that it is written whatever there was.
                let mut reply = answer(request)?;
                reply.text = reply.text.replace("Heute", "Heut").replace("Yarılanma", "Yarılanmalar");
                Ok(reply)
            });
            let run = run.await;
            // What is paid already is not asked for where the text is only missing.
            let run = run.unwrap();
            assert_eq!(run.report.end, StageEnd::Done);
            let name = kept_name(output.file_name().unwrap().to_str().unwrap(), MINE);
            let [kept] = <[_; 1]>::try_from(world.kept_edits(stage.stage())).unwrap();
            assert_eq!(kept, output.with_file_name(name), "{stage:?}");
            assert_eq!(read(&kept), MINE);
            assert_ne!(read(&output), MINE, "the stage's own text is current");
            let told = format!("the edit is kept in '{}'", kept.display());
            assert!(run.report.warnings.iter().any(|w| w.contains(&told)), "{:?}", run.report.warnings);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_forced_run_has_seen_is_written_over_without_a_copy() {
    let world = World::at(EpisodeStatus::Transcribed);
    world.make(BuiltStage::Correct).await;
    world.edit(BuiltStage::Correct, "Von Hand, vor dem Lauf.");
    let run = world.make_with(BuiltStage::Correct, &FORCE).await;
    assert_eq!(run.report.warnings, [] as [&str; 0]);
    assert!(world.kept_edits(Stage::Correct).is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_edit_that_says_what_the_stage_says_needs_no_copy() {
    let world = World::at(EpisodeStatus::Translated);
    let output = world.output(BuiltStage::Adapt);
    let run = world.ask(BuiltStage::Adapt, &PLAIN, move |request, _| {
        let reply = answer(request)?;
        write(&output, crate::text_world::between(&reply.text, "adaptation").unwrap());
        Ok(reply)
    });
    assert_eq!(run.await.unwrap().report.warnings, [] as [&str; 0]);
    assert!(world.kept_edits(Stage::Adapt).is_empty());
    assert_eq!(world.waiting().await.stage, ReviewStage::Adapt);
}

/// The bytes of a picture that no service made.
fn drawn_by_hand(seed: &str) -> Vec<u8> {
    match picture(seed).unwrap() {
        btcedu_imagegen::ImageOutcome::Generated(drawn) => drawn.bytes.to_vec(),
        btcedu_imagegen::ImageOutcome::Rejected(_) => Vec::new(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_picture_put_in_place_while_imagegen_runs_is_kept_beside() {
    for was_there in [false, true] {
        let mut world = World::own_prompts(1);
        if was_there {
            world.run(images(|prompt, _| picture(prompt)), no_texts()).await.unwrap();
            world.settings.image.style_prefix = "Flat style.".to_owned();
        }
        let (path, mine) = (world.picture("ch01"), drawn_by_hand("by hand"));
        let (target, bytes) = (path.clone(), mine.clone());
        let service = images(move |prompt, _| {
            btcedu_artifacts::write_atomic(&target, &bytes).unwrap();
            picture(prompt)
        });
        let flags = btcedu_stages::StageFlags { refresh: was_there, ..Default::default() };
        world.run_with(service, no_texts(), &flags).await.unwrap();
        let kept = kept_picture(&path, &mine);
        assert_eq!(std::fs::read(&kept).unwrap(), mine, "{}", kept.display());
        let manifest: Manifest = serde_json::from_str(&read(&world.dir().manifest())).unwrap();
        assert_eq!(manifest.images[0].sha256, Some(hash(&path)), "the paid picture is current");
    }
}

fn kept_picture(path: &Path, bytes: &[u8]) -> std::path::PathBuf {
    path.with_file_name(format!("ch01.edited-{}.png", Sha256Hash::of_bytes(bytes).short()))
}

#[tokio::test(start_paused = true)]
async fn a_paid_picture_that_another_one_replaces_needs_no_copy() {
    let mut world = World::own_prompts(1);
    world.run(images(|prompt, _| picture(prompt)), no_texts()).await.unwrap();
    let before = hash(&world.picture("ch01"));
    world.settings.image.style_prefix = "Flat style.".to_owned();
    let flags = btcedu_stages::StageFlags { refresh: true, ..Default::default() };
    world.run_with(images(|prompt, _| picture(prompt)), no_texts(), &flags).await.unwrap();
    assert_ne!(hash(&world.picture("ch01")), before);
    assert!(world.kept_edits(Stage::Imagegen).is_empty(), "the store has it");
}
