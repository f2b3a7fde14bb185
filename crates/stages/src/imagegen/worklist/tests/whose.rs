//! Whose picture it is: after renumbering, between chapters that ask for the same, and beside `--chapter`.

use btcedu_chapters::testing::chapter_id;
use btcedu_domain::CallId;

use super::scene::Scene;
use crate::imagegen::worklist::{
    Decision::{Generate, Keep, Leave, Reuse},
    StageFlags, WorkList,
};

fn naming(n: u32) -> StageFlags {
    StageFlags { chapters: vec![chapter_id(n)], ..StageFlags::default() }
}

/// Moves the first chapter to the end and numbers all anew.
fn rotate(scene: &mut Scene) {
    let chapters = &mut scene.document.chapters;
    chapters.rotate_left(1);
    for (n, chapter) in (1..).zip(chapters.iter_mut()) {
        chapter.chapter_id = chapter_id(n);
        chapter.order = n;
    }
}

fn pictures(list: &WorkList) -> Vec<Option<CallId>> {
    list.items.iter().map(|i| i.picture).collect()
}

#[test]
fn renumbered_chapters_find_their_pictures() {
    let mut scene = Scene::own_prompts(3);
    let [a, b, c] = [scene.buy(1), scene.buy(2), scene.buy(3)];
    rotate(&mut scene);
    let list = scene.plan(&StageFlags::default());
    assert_eq!(list.items.iter().map(|i| i.planned.decision).collect::<Vec<_>>(), [Reuse; 3]);
    assert_eq!(pictures(&list), [Some(b), Some(c), Some(a)]);
}

#[test]
fn a_choice_by_hand_follows_its_text_to_another_number() {
    let mut scene = Scene::own_prompts(3);
    let [a, b] = [scene.buy(1), scene.buy(2)];
    let older = scene.store(3);
    let chosen = scene.buy(3);
    scene.choose(3, older);
    rotate(&mut scene);
    let list = scene.plan(&StageFlags::default());
    assert_eq!(pictures(&list), [Some(b), Some(older), Some(a)], "not {chosen}, the newest");
    assert!(list.items[1].chosen);
}

#[test]
fn a_picture_of_other_settings_follows_its_text_too() {
    let mut scene = Scene::own_prompts(3);
    let [a, b, c] = [scene.buy(1), scene.buy(2), scene.buy(3)];
    scene.request.style_prefix = "flat".to_owned();
    rotate(&mut scene);
    let list = scene.plan(&StageFlags::default());
    assert_eq!(list.pictures_to_buy(), 0);
    assert_eq!(pictures(&list), [Some(b), Some(c), Some(a)]);
    assert!(list.items.iter().all(|i| i.other_settings));
}

#[test]
fn an_entry_that_is_left_is_left_even_where_another_names_the_same_picture() {
    let mut scene = Scene::own_prompts(3);
    let call = scene.buy(1);
    // Somebody wrote one picture into two entries of the manifest.
    scene.make_current(2, call, None);
    let list = scene.plan(&naming(3));
    assert_eq!(list.items.iter().map(|i| i.planned.decision).collect::<Vec<_>>(), [Leave, Leave, Generate]);
    assert_eq!(pictures(&list), [Some(call), Some(call), None]);
}

#[test]
fn a_new_chapter_does_not_take_the_current_picture_of_one_with_the_same_request() {
    let mut scene = Scene::own_prompts(2);
    // Both ask for the same, and the second one has the only picture.
    scene.prompt(1, "the same");
    scene.prompt(2, "the same");
    let call = scene.buy(2);
    let list = scene.plan(&StageFlags::default());
    assert_eq!(list.items[0].planned.decision, Generate);
    assert_eq!((list.items[1].planned.decision, list.items[1].picture), (Keep, Some(call)));
}

#[test]
fn two_chapters_with_one_request_get_two_pictures_of_the_store_or_buy_the_second() {
    let mut scene = Scene::own_prompts(2);
    scene.prompt(1, "the same");
    scene.prompt(2, "the same");
    let first = scene.store(1);
    assert_eq!(scene.decisions(&StageFlags::default()), [Reuse, Generate]);
    let second = scene.store(1);
    let list = scene.plan(&StageFlags::default());
    assert_eq!([list.items[0].picture, list.items[1].picture], [Some(second), Some(first)]);
}

#[test]
fn what_a_left_chapter_has_is_not_reused_for_another() {
    let mut scene = Scene::own_prompts(3);
    for n in 1..=3 {
        scene.prompt(n, "the same");
    }
    let call = scene.buy(3);
    let list = scene.plan(&naming(1));
    assert_eq!(list.items[2].picture, Some(call));
    assert_eq!((list.items[0].planned.decision, list.items[0].picture), (Generate, None));
}
