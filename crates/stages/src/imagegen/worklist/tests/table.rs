//! One test per line of the decision table, then the order between lines, then the reasons.

use btcedu_artifacts::FileCheck;
use btcedu_chapters::testing::{chapter_id, narrate};
use btcedu_domain::{CallKind, CallState, Sha256Hash, Usd, VisualType};

use super::scene::Scene;
use crate::{
    StageError,
    frame::report::{Decision, StageFlags},
    imagegen::worklist::{plan_images, unknown_for},
};

fn force() -> StageFlags {
    StageFlags { force: true, ..StageFlags::default() }
}

fn refresh() -> StageFlags {
    StageFlags { refresh: true, ..StageFlags::default() }
}

fn naming(chapters: &[u32]) -> StageFlags {
    StageFlags { chapters: chapters.iter().map(|n| chapter_id(*n)).collect(), ..StageFlags::default() }
}

#[test]
fn line_1_skips_types_that_get_no_picture_whatever_is_asked() {
    let scene = Scene::of(&[
        (VisualType::TitleCard, Some("p")),
        (VisualType::TalkingHead, None),
        (VisualType::Diagram, Some("p")),
    ]);
    for flags in [StageFlags::default(), force(), refresh(), naming(&[3])] {
        assert_eq!(scene.decisions(&flags)[..2], [Decision::Skip, Decision::Skip], "{flags:?}");
    }
    let skipped = scene.item(1);
    assert_eq!(skipped.planned.reason, "a title_card gets no picture here");
    assert_eq!(
        (skipped.planned.prompt_source, skipped.planned.estimate, skipped.picture),
        (None, Usd::ZERO, None)
    );
}

#[test]
fn line_2_leaves_chapters_that_are_not_named_with_force_too() {
    let mut scene = Scene::own_prompts(3);
    let call = scene.buy(1);
    scene.prompt(1, "changed");
    for flags in [naming(&[2]), StageFlags { force: true, refresh: true, ..naming(&[2]) }] {
        use Decision::{Generate, Leave};
        assert_eq!(scene.decisions(&flags), [Leave, Generate, Leave]);
        assert_eq!(scene.item_with(1, &flags).picture, Some(call), "its picture stays its own");
        assert_eq!(scene.item_with(3, &flags).planned.reason, "--chapter names others");
    }
}

#[test]
fn line_3_generates_what_is_named_or_forced_whatever_there_is() {
    let mut scene = Scene::own_prompts(2);
    let call = scene.buy(1);
    scene.choose(1, call);
    scene.enter(2, CallState::Refused);
    assert_eq!(scene.decisions(&force()), [Decision::Generate; 2]);
    assert_eq!(scene.item_with(1, &force()).planned.reason, "--force");
    for n in [1, 2] {
        let item = scene.item_with(n, &naming(&[n]));
        assert_eq!(
            (item.planned.decision, item.planned.reason.as_str()),
            (Decision::Generate, "--chapter names it")
        );
    }
}

#[test]
fn line_4_keeps_what_was_chosen_by_hand_for_todays_request() {
    let mut scene = Scene::own_prompts(2);
    let own = scene.buy(1);
    let other = scene.store(2);
    scene.choose(1, other);
    let item = scene.item(1);
    assert_eq!((item.planned.decision, item.picture, item.chosen), (Decision::Keep, Some(other), true));
    assert_eq!(item.planned.reason, "chosen by hand");
    // The text changes: what was chosen for another text counts no more, and the old one is gone with it.
    scene.prompt(1, "changed");
    assert_eq!(scene.item(1).planned.decision, Decision::Generate);
    scene.prompt(1, "picture 1");
    assert_eq!(scene.item(1).picture, Some(other), "set back, the choice counts again");
    scene.damage(other, FileCheck::Missing);
    let item = scene.item(1);
    assert_eq!((item.planned.decision, item.picture, item.chosen), (Decision::Reuse, Some(own), false));
}

#[test]
fn line_5_keeps_the_current_picture_where_nothing_has_changed() {
    let mut scene = Scene::of(&[(VisualType::Diagram, Some("p")), (VisualType::BRoll, None)]);
    let calls = [scene.buy(1), scene.buy(2)];
    // A newer one for the same request is no reason to change.
    scene.store(1);
    for (n, call) in [(1, calls[0]), (2, calls[1])] {
        for flags in [StageFlags::default(), refresh()] {
            let item = scene.item_with(n, &flags);
            assert_eq!((item.planned.decision, item.picture), (Decision::Keep, Some(call)));
            assert_eq!(
                (item.planned.reason.as_str(), item.planned.estimate),
                ("nothing has changed", Usd::ZERO)
            );
        }
    }
}

#[test]
fn line_6_reuses_the_newest_intact_picture_of_the_store() {
    let mut scene = Scene::own_prompts(1);
    let (_oldest, newer, newest) = (scene.store(1), scene.store(1), scene.store(1));
    let item = scene.item(1);
    assert_eq!(
        (item.planned.decision, item.picture, item.planned.estimate),
        (Decision::Reuse, Some(newest), Usd::ZERO)
    );
    assert_eq!(item.planned.reason, "the store has a picture for the same request, of 2026-11-22");
    for check in [FileCheck::Changed, FileCheck::Missing] {
        scene.damage(newest, check);
        assert_eq!(scene.item(1).picture, Some(newer));
    }
}

#[test]
fn line_7_keeps_a_picture_of_the_same_text_and_refresh_makes_it_anew() {
    let mut scene = Scene::own_prompts(1);
    let call = scene.buy(1);
    scene.request.style_prefix = "flat".to_owned();
    let item = scene.item(1);
    assert_eq!(
        (item.planned.decision, item.picture, item.other_settings),
        (Decision::Keep, Some(call), true)
    );
    assert_eq!(
        item.planned.reason,
        "made with other settings: style prefix: '' → 'flat'; the rest is the same; --refresh makes it anew"
    );
    let item = scene.item_with(1, &refresh());
    assert_eq!((item.planned.decision, item.picture), (Decision::Generate, None));
    assert_eq!(
        item.planned.reason,
        "--refresh, made with other settings: style prefix: '' → 'flat'; the rest is the same"
    );
    assert!(item.planned.estimate > Usd::ZERO);
}

#[test]
fn line_8_keeps_a_refusal_of_todays_request_and_says_how_to_retry() {
    let mut scene = Scene::own_prompts(2);
    scene.enter(2, CallState::Refused);
    for flags in [StageFlags::default(), refresh()] {
        let item = scene.item_with(2, &flags);
        assert_eq!((item.planned.decision, item.planned.estimate), (Decision::KeepRejection, Usd::ZERO));
        assert!(
            item.planned.reason.contains("--chapter ch02") && item.planned.reason.contains("image_prompt")
        );
    }
    scene.prompt(2, "something harmless");
    assert_eq!(scene.item(2).planned.decision, Decision::Generate);
}

#[test]
fn line_8_counts_only_the_newest_answer_to_a_picture_call() {
    let mut scene = Scene::own_prompts(1);
    scene.enter(1, CallState::Refused);
    scene.enter(1, CallState::Unknown);
    scene.enter(1, CallState::Failed);
    assert_eq!(scene.item(1).planned.decision, Decision::KeepRejection, "no answer takes no refusal back");
    scene.enter(1, CallState::Answered);
    assert_eq!(
        scene.item(1).planned.decision,
        Decision::Generate,
        "it was drawn since, and that picture is lost"
    );
    let hash = scene.request_hash(1);
    scene.enter_call(CallKind::Text, hash, CallState::Refused, None);
    assert_eq!(scene.item(1).planned.decision, Decision::Generate, "a text's refusal is another matter");
}

#[test]
fn line_9_generates_whatever_is_left_and_says_why() {
    let mut scene = Scene::own_prompts(1);
    assert_eq!(scene.item(1).planned.reason, "there is no picture yet");
    scene.fail(1, "no picture came within 300 s");
    assert_eq!(scene.item(1).planned.reason, "it failed before: no picture came within 300 s");
    let call = scene.buy(1);
    scene.damage(call, FileCheck::Missing);
    assert_eq!(scene.item(1).planned.reason, "its picture's file is missing");
    scene.damage(call, FileCheck::Changed);
    assert_eq!(scene.item(1).planned.reason, "its picture's file is broken");
    scene.shelf.pictures.clear();
    assert_eq!(scene.item(1).planned.reason, "its picture is not in the store");
    scene.buy(1);
    scene.prompt(1, "picture one");
    assert_eq!(
        scene.item(1).planned.reason,
        "the chapter has changed: prompt: 'picture 1' → 'picture one'; the rest is the same"
    );
    assert_eq!(scene.item(1).planned.decision, Decision::Generate);
}

#[test]
fn line_6_comes_before_7_so_settings_set_back_bring_the_old_picture_back() {
    let mut scene = Scene::own_prompts(1);
    let first = scene.buy(1);
    scene.request.quality = "low".to_owned();
    let list = scene.plan(&refresh());
    scene.follow(&list);
    scene.request.quality = "medium".to_owned();
    for flags in [StageFlags::default(), refresh()] {
        let item = scene.item_with(1, &flags);
        assert_eq!((item.planned.decision, item.picture), (Decision::Reuse, Some(first)));
    }
}

#[test]
fn line_6_comes_before_8_and_7_before_8() {
    let mut scene = Scene::own_prompts(1);
    let call = scene.store(1);
    scene.enter(1, CallState::Refused);
    assert_eq!(scene.item(1).planned.decision, Decision::Reuse, "a paid picture beats a later refusal");
    scene.make_current(1, call, None);
    scene.request.quality = "low".to_owned();
    scene.enter(1, CallState::Refused);
    assert_eq!(scene.item(1).planned.decision, Decision::Keep, "a picture of other settings beats a refusal");
}

#[test]
fn a_text_set_back_finds_its_old_picture() {
    let mut scene = Scene::own_prompts(1);
    let first = scene.buy(1);
    scene.prompt(1, "another");
    let list = scene.plan(&StageFlags::default());
    assert_eq!(list.pictures_to_buy(), 1);
    scene.follow(&list);
    scene.prompt(1, "  picture 1\n");
    let item = scene.item(1);
    assert_eq!((item.planned.decision, item.picture), (Decision::Reuse, Some(first)));
}

#[test]
fn reasons_tell_every_setting_that_differs_field_by_field() {
    let mut scene = Scene::of(&[(VisualType::Diagram, None)]);
    scene.buy(1);
    let settings = &mut scene.request;
    settings.style_prefix = "flat".to_owned();
    settings.model.id = "gpt-image-2".to_owned();
    settings.size = "1536x864".to_owned();
    settings.quality = "low".to_owned();
    settings.text_model = "claude-haiku-5-5".to_owned();
    settings.template.in_use.content_hash = Sha256Hash::of_bytes(b"another body");
    let reason = scene.item(1).planned.reason;
    for part in [
        "style prefix: '' → 'flat'",
        "model: 'gpt-image-2.6-flare' → 'gpt-image-2'",
        "size: '1024x1024' → '1536x864'",
        "quality: 'medium' → 'low'",
        "text model: 'claude-sonnet-5-5' → 'claude-haiku-5-5'",
        "template hash: '",
        "; the rest is the same; --refresh makes it anew",
    ] {
        assert!(reason.contains(part), "{part} is not in: {reason}");
    }
}

#[test]
fn reasons_tell_every_part_of_a_chapter_that_differs_field_by_field() {
    let mut scene = Scene::of(&[(VisualType::Diagram, None)]);
    scene.buy(1);
    scene.edit(1, |c| {
        c.visual.visual_type = VisualType::BRoll;
        c.visual.description = "köprü".to_owned();
        c.title = "Köprü".to_owned();
        narrate(c, "Başka bir anlatım.");
    });
    let item = scene.item(1);
    assert_eq!(item.planned.decision, Decision::Generate);
    for part in [
        "the chapter has changed: ",
        "visual type: 'diagram' → 'b_roll'",
        "visual description: 'Bölüm 1 için",
        "→ 'köprü'",
        "chapter title: 'Bölüm 1' → 'Köprü'",
        "narration context: '",
    ] {
        assert!(item.planned.reason.contains(part), "{part} is not in: {}", item.planned.reason);
    }
}

#[test]
fn a_prompt_of_its_own_instead_of_a_written_one_is_a_change_of_the_chapter() {
    let mut scene = Scene::of(&[(VisualType::Diagram, None)]);
    scene.buy(1);
    scene.prompt(1, "a coin");
    let item = scene.item(1);
    assert_eq!(item.planned.decision, Decision::Generate);
    assert!(item.planned.reason.contains("prompt source: 'template' → 'chapter'"), "{}", item.planned.reason);
}

#[test]
fn paid_text_makes_the_estimate_smaller_and_its_own_prompt_smaller_still() {
    let mut scene = Scene::of(&[(VisualType::Diagram, None), (VisualType::Diagram, Some("a coin"))]);
    let unwritten = scene.item(1);
    assert!(unwritten.text.as_ref().unwrap().paid.is_none());
    let hash = scene.text_hash(1);
    scene.enter_call(CallKind::Text, hash, CallState::Answered, Some("\"A coin on a table.\""));
    let written = scene.item(1);
    let paid = written.text.unwrap().paid.unwrap();
    assert_eq!((paid.text.as_str(), paid.cost), ("A coin on a table.", Usd::from_micros(700)));
    assert!(written.planned.estimate < unwritten.planned.estimate);
    assert!(scene.item(2).text.is_none());
    let list = scene.plan(&StageFlags::default());
    assert_eq!(list.estimate, list.items.iter().map(|i| i.planned.estimate).sum());
    // Asked to try a refused picture again, another prompt is written.
    scene.enter(1, CallState::Refused);
    assert!(scene.item_with(1, &naming(&[1])).text.unwrap().paid.is_none());
    assert!(scene.item(1).text.unwrap().paid.is_some());
}

#[test]
fn calls_that_may_have_been_billed_are_those_of_work_that_would_be_done_again() {
    let mut scene = Scene::of(&[(VisualType::Diagram, Some("a")), (VisualType::Diagram, None)]);
    let unknown = |scene: &Scene| {
        let found = unknown_for(&scene.facts(), &scene.plan(&StageFlags::default()));
        found.into_iter().map(|(id, calls)| (id.to_string(), calls.len())).collect::<Vec<_>>()
    };
    assert_eq!(unknown(&scene), []);
    scene.enter(1, CallState::Unknown);
    let text = scene.text_hash(2);
    scene.enter_call(CallKind::Text, text, CallState::Unknown, None);
    assert_eq!(unknown(&scene), [("ch01".to_owned(), 1), ("ch02".to_owned(), 1)]);
    scene.enter(1, CallState::Failed);
    scene.buy(2);
    assert_eq!(unknown(&scene), [], "answered since, or not to be done again");
}

#[test]
fn chapters_that_cannot_be_named_are_refused_with_those_that_can() {
    let scene = Scene::of(&[
        (VisualType::Diagram, Some("p")),
        (VisualType::TitleCard, None),
        (VisualType::BRoll, None),
    ]);
    for (n, told) in [(2, "has a visual type that gets no picture"), (9, "is not in chapters.json")] {
        let error = plan_images(&scene.facts(), &scene.shelf, &naming(&[1, n])).unwrap_err();
        let StageError::BadChapterFlag { chapter, problem, known, .. } = &error else { panic!("{error}") };
        assert_eq!((chapter, *problem, known.as_str()), (&chapter_id(n), told, "ch01, ch03"));
    }
}

#[test]
fn a_model_without_a_price_is_refused_only_where_something_is_to_be_bought() {
    let mut scene = Scene::of(&[(VisualType::Diagram, None)]);
    scene.request.text_prices = None;
    assert!(matches!(
        plan_images(&scene.facts(), &scene.shelf, &StageFlags::default()),
        Err(StageError::NoTextPrice { .. })
    ));
    scene.buy(1);
    assert_eq!(scene.item(1).planned.decision, Decision::Keep);
}
