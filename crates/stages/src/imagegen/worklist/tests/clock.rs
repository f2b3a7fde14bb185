//! With the clock set back, what is newer is told by the ledger and not by the time in a call's id.

use btcedu_chapters::testing::chapter_id;
use btcedu_domain::{CallKind, CallState, VisualType};

use super::scene::Scene;
use crate::{
    frame::report::{Decision, StageFlags},
    imagegen::{
        facts::Leftovers,
        gather::Found,
        reconcile::adopt,
        worklist::{plan_images, unknown_for},
    },
};

#[test]
fn a_refusal_after_an_answer_counts() {
    let mut scene = Scene::own_prompts(1);
    scene.enter(1, CallState::Answered);
    scene.enter(1, CallState::Refused);
    scene.set_clock_back();
    assert_eq!(scene.item(1).planned.decision, Decision::KeepRejection);
}

#[test]
fn a_call_that_may_have_been_billed_is_asked_about() {
    let mut scene = Scene::own_prompts(1);
    scene.enter(1, CallState::Failed);
    scene.enter(1, CallState::Unknown);
    scene.set_clock_back();
    let found = unknown_for(&scene.facts(), &scene.plan(&StageFlags::default()));
    assert_eq!(found.into_keys().collect::<Vec<_>>(), [chapter_id(1)]);
}

#[test]
fn the_newest_text_is_drawn() {
    let mut scene = Scene::of(&[(VisualType::Diagram, None)]);
    let hash = scene.text_hash(1);
    for reply in ["the first", "the second"] {
        scene.enter_call(CallKind::Text, hash, CallState::Answered, Some(reply));
    }
    scene.set_clock_back();
    let paid = scene.item(1).text.and_then(|text| text.paid);
    assert_eq!(paid.map(|paid| paid.text).as_deref(), Some("the second"));
}

#[test]
fn the_newest_picture_of_the_store_becomes_the_current_one() {
    let mut scene = Scene::own_prompts(1);
    for _ in 0..2 {
        let call = scene.store(1);
        scene.enter(1, CallState::Answered);
        scene.calls.last_mut().expect("a call").call_id = call;
    }
    scene.set_clock_back();
    let newest = scene.calls[1].call_id;
    let (facts, shelf, leftovers) = (scene.facts(), scene.shelf.clone(), Leftovers::default());
    let adopted = adopt(Found { facts, shelf, leftovers });
    let list = plan_images(&adopted.facts, &adopted.shelf, &StageFlags::default()).expect("a plan");
    assert_eq!((list.items[0].planned.decision, list.items[0].picture), (Decision::Keep, Some(newest)));
}
