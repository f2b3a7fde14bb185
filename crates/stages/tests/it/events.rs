//! What a run reports while it works.

use std::time::Duration;

use btcedu_clients::StopReason;
use btcedu_domain::{ChapterId, PromptSource, Usd, VisualType};
use btcedu_imagegen::{ApiFailure, FailureKind};
use btcedu_stages::StageEvent;

use crate::world::{PICTURE, World, images, no_images, no_texts, picture, rejected, slow_down, text, texts};

fn chapter(n: u32) -> ChapterId {
    btcedu_chapters::testing::chapter_id(n)
}

fn finished() -> StageEvent {
    StageEvent::Finished { episode: btcedu_chapters::testing::EPISODE_ID.parse().unwrap() }
}

#[tokio::test(start_paused = true)]
async fn a_plain_run_is_planned_then_each_picture_is_told_then_it_is_finished() {
    let mut world = World::of(&[(VisualType::Diagram, Some("picture 1")), (VisualType::TitleCard, None)]);
    world.settings.image.concurrency = 1;
    world.run(images(|prompt, _| picture(prompt)), no_texts()).await.unwrap();
    let events = world.events();
    let StageEvent::Planned { pictures, estimate, .. } = &events[0] else { panic!("{:?}", events[0]) };
    assert_eq!(*pictures, 1);
    assert!(*estimate > Usd::ZERO);
    assert_eq!(
        events[1..],
        [
            StageEvent::PromptReady { chapter: chapter(1), source: PromptSource::Chapter },
            StageEvent::ImageStarted { chapter: chapter(1), attempt: 1 },
            StageEvent::Generated { chapter: chapter(1), cost: PICTURE },
            finished(),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_run_with_nothing_to_buy_is_planned_and_finished() {
    let world = World::own_prompts(1);
    world.run(images(|prompt, _| picture(prompt)), no_texts()).await.unwrap();
    let before = world.events().len();
    world.run(no_images(), no_texts()).await.unwrap();
    let events = world.events();
    assert!(matches!(events[before], StageEvent::Planned { pictures: 0, .. }));
    assert_eq!(events[before + 1..], [finished()]);
}

#[tokio::test(start_paused = true)]
async fn a_retry_tells_the_attempt_the_wait_and_the_reason() {
    let world = World::own_prompts(1);
    let service = images(|prompt, nth| if nth == 1 { Err(slow_down(Some(9))) } else { picture(prompt) });
    world.run(service, no_texts()).await.unwrap();
    let events = world.events();
    let told = events.iter().find_map(|event| match event {
        StageEvent::Retrying { chapter, attempt, wait, reason } => Some((chapter, attempt, wait, reason)),
        _ => None,
    });
    let (of, attempt, wait, reason) = told.expect("a retry");
    assert_eq!((of, *attempt, *wait), (&chapter(1), 1, Duration::from_secs(9)));
    assert!(reason.contains("slow down"), "{reason}");
    assert!(events.contains(&StageEvent::ImageStarted { chapter: chapter(1), attempt: 2 }));
}

#[tokio::test(start_paused = true)]
async fn refusals_failures_and_written_prompts_are_told_by_chapter() {
    let world = World::of(&[
        (VisualType::Diagram, Some("refused")),
        (VisualType::Diagram, Some("broken")),
        (VisualType::Diagram, None),
    ]);
    let service = images(|prompt, _| match prompt {
        "refused" => rejected(),
        "broken" => Err(ApiFailure::new(FailureKind::BadRequest, "no")),
        _ => picture(prompt),
    });
    world.run(service, texts(|_| text("A coin.", StopReason::EndTurn))).await.unwrap();
    let events = world.events();
    assert!(events.contains(&StageEvent::Rejected { chapter: chapter(1), reason: "not that".to_owned() }));
    let failed =
        events.iter().any(|e| matches!(e, StageEvent::Failed { chapter: of, .. } if *of == chapter(2)));
    assert!(failed, "{events:?}");
    assert!(
        events.contains(&StageEvent::PromptReady { chapter: chapter(3), source: PromptSource::Template })
    );
}

#[tokio::test(start_paused = true)]
async fn the_cap_is_told_once_with_its_figures() {
    for (cap, cost) in [(110_000, 80_000), (30_000, 0)] {
        let mut world = World::own_prompts(4);
        world.settings.max_episode_cost = Usd::from_micros(cap);
        world.run(images(|prompt, _| picture(prompt)), no_texts()).await.unwrap();
        let told: Vec<StageEvent> =
            world.events().into_iter().filter(|e| matches!(e, StageEvent::CapReached { .. })).collect();
        let (cost, cap) = (Usd::from_micros(cost), Usd::from_micros(cap));
        assert_eq!(told, [StageEvent::CapReached { cost, cap }]);
    }
}
