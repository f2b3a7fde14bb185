//! What holds for any episode, however it got there.

use std::collections::BTreeSet;

use btcedu_artifacts::FileCheck;
use btcedu_chapters::testing::chapter_id;
use btcedu_domain::{CallState, Sha256Hash, VisualType};
use proptest::prelude::*;

use super::scene::Scene;
use crate::imagegen::worklist::{Decision, StageFlags};

/// Something that happens to a chapter between two runs.
#[derive(Debug, Clone, Copy)]
enum Event {
    Buy,
    Store,
    Choose,
    Refuse,
    Lose,
    Break,
    Prompt(u8),
    Written,
    Style(u8),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => Just(Event::Buy),
        2 => Just(Event::Store),
        1 => Just(Event::Choose),
        1 => Just(Event::Refuse),
        1 => Just(Event::Lose),
        1 => Just(Event::Break),
        // Few different ones, so that chapters often ask for the same.
        3 => (0..3_u8).prop_map(Event::Prompt),
        1 => Just(Event::Written),
        1 => (0..2_u8).prop_map(Event::Style),
    ]
}

fn visual() -> impl Strategy<Value = VisualType> {
    prop_oneof![
        3 => Just(VisualType::Diagram),
        1 => Just(VisualType::BRoll),
        1 => Just(VisualType::ScreenShare),
        1 => Just(VisualType::TitleCard),
        1 => Just(VisualType::TalkingHead),
    ]
}

fn scene() -> impl Strategy<Value = Scene> {
    let visuals = prop::collection::vec((visual(), prop::option::of(0..3_u8)), 1..7);
    let events = prop::collection::vec((any::<prop::sample::Index>(), event()), 0..25);
    (visuals, events).prop_map(|(visuals, events)| {
        let prompts: Vec<_> = visuals.iter().map(|(v, p)| (*v, p.map(|p| format!("prompt {p}")))).collect();
        let visuals: Vec<_> = prompts.iter().map(|(v, p)| (*v, p.as_deref())).collect();
        let mut scene = Scene::of(&visuals);
        for (index, event) in events {
            let n = u32::try_from(index.index(visuals.len())).unwrap() + 1;
            happen(&mut scene, n, event);
        }
        scene
    })
}

fn happen(scene: &mut Scene, n: u32, event: Event) {
    let current = scene.shelf.current.get(&chapter_id(n)).map(|c| c.call);
    match event {
        Event::Buy => drop(scene.buy(n)),
        Event::Store => drop(scene.store(n)),
        Event::Choose => {
            let call = scene.store(n);
            scene.choose(n, call);
        }
        Event::Refuse => scene.enter(n, CallState::Refused),
        Event::Lose => {
            if let Some(call) = current {
                scene.damage(call, FileCheck::Missing);
            }
        }
        Event::Break => {
            if let Some(call) = current {
                scene.damage(call, FileCheck::Changed);
            }
        }
        Event::Prompt(p) => scene.prompt(n, &format!("prompt {p}")),
        Event::Written => scene.edit(n, |c| c.visual.image_prompt = None),
        Event::Style(s) => scene.request.style_prefix = format!("style {s}"),
    }
}

fn flags() -> impl Strategy<Value = StageFlags> {
    (any::<bool>(), any::<bool>()).prop_map(|(force, refresh)| StageFlags {
        force,
        refresh,
        chapters: Vec::new(),
    })
}

proptest! {
    #[test]
    fn every_chapter_has_exactly_one_item_in_order(scene in scene(), flags in flags()) {
        let list = scene.plan(&flags);
        let planned: Vec<_> = list.items.iter().map(|i| &i.planned.chapter_id).collect();
        let chapters: Vec<_> = scene.document.chapters.iter().map(|c| &c.chapter_id).collect();
        prop_assert_eq!(planned, chapters);
    }

    #[test]
    fn a_picture_is_never_assigned_to_two_chapters(scene in scene(), flags in flags()) {
        let list = scene.plan(&flags);
        let mut seen = BTreeSet::new();
        for call in list.items.iter().filter_map(|i| i.picture) {
            prop_assert!(seen.insert(call), "{call} is assigned twice");
        }
    }

    #[test]
    fn only_intact_pictures_are_kept_or_reused(scene in scene(), flags in flags()) {
        for item in &scene.plan(&flags).items {
            if matches!(item.planned.decision, Decision::Keep | Decision::Reuse) {
                prop_assert!(scene.shelf.intact(item.picture.unwrap()).is_some());
            }
        }
    }

    #[test]
    fn a_second_plan_after_all_was_bought_buys_nothing(scene in scene(), flags in flags()) {
        let mut scene = scene;
        let list = scene.plan(&flags);
        // A refused prompt that is drawn for another chapter after all is refused no more.
        let hashes = |decision| -> BTreeSet<Sha256Hash> {
            let decided = list.items.iter().filter(move |i| i.planned.decision == decision);
            decided.map(|i| i.request.hashes.request).collect()
        };
        prop_assume!(hashes(Decision::KeepRejection).is_disjoint(&hashes(Decision::Generate)));
        scene.follow(&list);
        let second = scene.plan(&StageFlags { refresh: flags.refresh, ..StageFlags::default() });
        prop_assert_eq!(second.pictures_to_buy(), 0, "{:?}", second.items);
        scene.follow(&second);
        let third = scene.plan(&StageFlags::default());
        prop_assert!(third.items.iter().all(|i| i.planned.decision != Decision::Reuse), "it is settled");
    }

    #[test]
    fn naming_a_chapter_touches_no_other(scene in scene(), index in any::<prop::sample::Index>()) {
        let chapters = &scene.document.chapters;
        let able: Vec<_> = chapters.iter().filter(|c| c.visual.visual_type.is_generable()).collect();
        prop_assume!(!able.is_empty());
        let named = index.get(&able).chapter_id.clone();
        let flags = StageFlags { chapters: vec![named.clone()], ..StageFlags::default() };
        for item in &scene.plan(&flags).items {
            let current = scene.shelf.current.get(&item.planned.chapter_id).map(|c| c.call);
            match item.planned.decision {
                Decision::Generate => prop_assert_eq!(&item.planned.chapter_id, &named),
                Decision::Leave => prop_assert_eq!(item.picture, current),
                decision => prop_assert_eq!(decision, Decision::Skip),
            }
        }
    }

    #[test]
    fn only_what_is_bought_costs_something(scene in scene(), flags in flags()) {
        for item in &scene.plan(&flags).items {
            prop_assert_eq!(item.planned.decision == Decision::Generate, item.planned.estimate.micros() > 0);
            prop_assert!(!item.planned.reason.is_empty());
        }
    }
}
