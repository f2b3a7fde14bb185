//! `images use`: pictures that were made for another chapter.

use btcedu_artifacts::{Manifest, ManifestEntry};
use btcedu_chapters::testing::{chapter, chapter_id, document_of, settle};
use btcedu_domain::{CallId, ChapterId, VisualType};
use btcedu_stages::imagegen::choose_picture;

use crate::{
    text_world::read,
    world::{World, images, no_images, no_texts, picture},
};

const FOREIGN: &str = "the picture was made for chapter";

fn manifest(world: &World) -> Manifest {
    serde_json::from_str(&read(&world.dir().manifest())).unwrap()
}

fn call_of(world: &World, chapter: u32) -> CallId {
    manifest(world).entry(&chapter_id(chapter)).unwrap().call_id.unwrap()
}

async fn choose(world: &World, chapter: &ChapterId, call: CallId) -> ManifestEntry {
    let ctx = world.context(no_images(), no_texts());
    let lock = world.lock().await.unwrap();
    choose_picture(&ctx, &lock, chapter, call).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_picture_that_was_made_for_another_chapter_carries_a_warning() {
    let world = World::own_prompts(2);
    world.run(images(|prompt, _| picture(prompt)), no_texts()).await.unwrap();
    let (own, other) = (call_of(&world, 1), call_of(&world, 2));
    let entry = choose(&world, &chapter_id(1), other).await;
    let told = format!("{FOREIGN} ch02, not for ch01");
    assert!(entry.warnings.contains(&told), "{:?}", entry.warnings);
    assert_eq!(manifest(&world).entry(&chapter_id(1)).unwrap().warnings, entry.warnings);
    assert_eq!(std::fs::read(world.picture("ch01")).unwrap(), std::fs::read(world.picture("ch02")).unwrap());

    let entry = choose(&world, &chapter_id(1), own).await;
    assert!(!entry.warnings.iter().any(|warning| warning.contains(FOREIGN)), "{:?}", entry.warnings);
}

#[tokio::test(start_paused = true)]
async fn a_picture_of_a_chapter_that_was_only_renumbered_carries_none() {
    let visual = (VisualType::Diagram, Some("picture 1"));
    let mut document = document_of(&[visual]);
    let world = World::with(&document);
    world.run(images(|prompt, _| picture(prompt)), no_texts()).await.unwrap();
    let call = call_of(&world, 1);
    let mut renumbered = document.chapters.remove(0);
    renumbered.chapter_id = chapter_id(2);
    document.chapters = vec![chapter(1, VisualType::Diagram, Some("picture of another text")), renumbered];
    settle(&mut document);
    world.chapterize_into(&document);
    let entry = choose(&world, &chapter_id(2), call).await;
    assert_eq!((entry.call_id, entry.file_path.as_deref()), (Some(call), Some("images/ch02.png")));
    assert!(!entry.warnings.iter().any(|warning| warning.contains(FOREIGN)), "{:?}", entry.warnings);
}
