//! The retry loop, the pace and the brake, with every wait on the test's clock.

use std::{sync::Arc, time::Duration};

use btcedu_domain::{CallState, ErrorKind, Kinded, Usd};
use btcedu_imagegen::{ApiFailure, FailureKind, GeneratedImage, ImageOutcome};
use btcedu_stages::{ResendUnknown, Signal, StageEnd};

use crate::world::{
    Asked, Heard, PICTURE, PicturesRun, World, generated, images, no_images, no_texts, picture, slow_down,
    timed_out,
};

fn failed(result: &PicturesRun, chapter: usize) -> &str {
    result.pictures.chapters[chapter].error.as_deref().expect("an error")
}

#[tokio::test(start_paused = true)]
async fn three_429s_with_a_time_then_success_wait_as_told() {
    let world = World::own_prompts(1);
    let service =
        images(|prompt, nth| if nth <= 3 { Err(slow_down(Some(4 + nth as u64))) } else { picture(prompt) });
    let result = world.run(service, no_texts()).await.unwrap();
    assert_eq!((result.pictures.counts.generated, result.cost), (1, PICTURE));
    assert_eq!(world.clock.sleeps(), [5, 6, 7].map(Duration::from_secs));
    assert_eq!(world.clock.passed().as_secs(), 18);
    assert_eq!(
        world.states().await,
        [CallState::Failed, CallState::Failed, CallState::Failed, CallState::Answered],
        "each attempt has its own row"
    );
}

#[tokio::test(start_paused = true)]
async fn without_a_time_the_waits_are_jittered_below_one_two_and_four_seconds() {
    for _ in 0..10 {
        let world = World::own_prompts(1);
        let service = images(|prompt, nth| {
            let error = ApiFailure::new(FailureKind::Unavailable, "broken");
            if nth <= 3 { Err(error) } else { picture(prompt) }
        });
        assert_eq!(world.run(service, no_texts()).await.unwrap().pictures.counts.generated, 1);
        let waits = world.clock.sleeps();
        assert_eq!(waits.len(), 3);
        for (wait, most) in waits.iter().zip([1, 2, 4]) {
            assert!(*wait <= Duration::from_secs(most), "{waits:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_minute_is_waited_and_more_is_a_failure_with_the_time_in_it() {
    let world = World::own_prompts(1);
    let service = images(|prompt, nth| if nth == 1 { Err(slow_down(Some(60))) } else { picture(prompt) });
    assert_eq!(world.run(service, no_texts()).await.unwrap().pictures.counts.generated, 1);
    assert_eq!(world.clock.sleeps(), [Duration::from_mins(1)]);

    let world = World::own_prompts(2);
    let service =
        images(|prompt, _| if prompt == "picture 1" { Err(slow_down(Some(61))) } else { picture(prompt) });
    let result = world.run(service, no_texts()).await.unwrap();
    assert_eq!((result.pictures.counts.generated, result.pictures.counts.failed), (1, 1));
    assert!(failed(&result, 0).contains("61 seconds"), "{}", failed(&result, 0));
    assert_eq!(world.clock.sleeps(), [] as [Duration; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_429_pauses_the_whole_run() {
    for concurrency in [1, 2, 4] {
        let mut world = World::own_prompts(6);
        world.settings.image.concurrency = concurrency;
        let asked = Asked::default();
        let (notes, clock) = (asked.clone(), world.clock.clone());
        let service = images(move |prompt, nth| {
            notes.note(prompt, &clock);
            if nth == 1 { Err(slow_down(Some(30))) } else { picture(prompt) }
        });
        assert_eq!(world.run(service, no_texts()).await.unwrap().pictures.counts.generated, 6);
        let started = asked.seconds();
        let at_once = started.iter().filter(|at| **at < 30).count();
        assert!(at_once <= concurrency, "only what was on its way already: {started:?}");
        assert_eq!(started.len(), 7);
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_of_one_call_does_not_pause_the_others() {
    let mut world = World::own_prompts(3);
    world.settings.image.concurrency = 1;
    let asked = Asked::default();
    let (notes, clock) = (asked.clone(), world.clock.clone());
    let service = images(move |prompt, nth| {
        notes.note(prompt, &clock);
        let error = ApiFailure {
            retry_after: Some(Duration::from_secs(50)),
            ..ApiFailure::new(FailureKind::Unavailable, "busy")
        };
        if nth == 1 { Err(error) } else { picture(prompt) }
    });
    assert_eq!(world.run(service, no_texts()).await.unwrap().pictures.counts.generated, 3);
    assert_eq!(asked.seconds(), [0, 0, 0, 50]);
}

#[tokio::test(start_paused = true)]
async fn no_more_calls_start_a_minute_than_allowed() {
    let mut world = World::own_prompts(5);
    world.settings.image.per_minute = Some(2);
    let asked = Asked::default();
    let (notes, clock) = (asked.clone(), world.clock.clone());
    let service = images(move |prompt, _| {
        notes.note(prompt, &clock);
        picture(prompt)
    });
    assert_eq!(world.run(service, no_texts()).await.unwrap().pictures.counts.generated, 5);
    assert_eq!(asked.seconds(), [0, 0, 60, 60, 120]);
}

#[tokio::test(start_paused = true)]
async fn a_retry_is_a_start_and_counts_for_the_pace() {
    let mut world = World::own_prompts(2);
    world.settings.image.per_minute = Some(1);
    let asked = Asked::default();
    let (notes, clock) = (asked.clone(), world.clock.clone());
    let service = images(move |prompt, nth| {
        notes.note(prompt, &clock);
        if nth == 1 { Err(slow_down(Some(1))) } else { picture(prompt) }
    });
    assert_eq!(world.run(service, no_texts()).await.unwrap().pictures.counts.generated, 2);
    assert_eq!(asked.seconds(), [0, 60, 120]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_never_answers_is_tried_three_more_times_and_every_try_counts() {
    let world = World::own_prompts(3);
    let service = images(|prompt, _| if prompt == "picture 2" { Err(timed_out()) } else { picture(prompt) });
    let result = world.run(service, no_texts()).await.unwrap();
    assert_eq!((result.pictures.counts.generated, result.pictures.counts.failed), (2, 1));
    assert!(failed(&result, 1).contains("4 attempts"), "{}", failed(&result, 1));
    assert_eq!(world.clock.sleeps().len(), 3);
    assert_eq!(world.states().await.iter().filter(|s| **s == CallState::Unknown).count(), 4);
    assert_eq!(
        (result.pictures.unknown_calls, result.pictures.unknown_cost),
        (4, PICTURE + PICTURE + PICTURE + PICTURE)
    );
    assert_eq!(result.episode_cost, Usd::from_micros(6 * PICTURE.micros()), "unknown ones at their estimate");
}

#[tokio::test(start_paused = true)]
async fn bytes_that_are_no_picture_are_tried_again() {
    let world = World::own_prompts(1);
    let service = images(|prompt, nth| match nth {
        1 => Ok(generated(prompt, b"<html>sorry</html>".to_vec())),
        _ => picture(prompt),
    });
    assert_eq!(world.run(service, no_texts()).await.unwrap().pictures.counts.generated, 1);
    assert_eq!(world.states().await, [CallState::Unknown, CallState::Answered]);
}

#[tokio::test(start_paused = true)]
async fn who_wants_to_be_asked_is_asked_before_a_call_is_repeated() {
    let mut world = World::own_prompts(2);
    world.settings.resend_unknown = ResendUnknown::Ask;
    let service = images(|prompt, _| if prompt == "picture 1" { Err(timed_out()) } else { picture(prompt) });
    let result = world.run(service, no_texts()).await.unwrap();
    assert_eq!((result.pictures.counts.generated, result.pictures.counts.failed), (1, 1));
    assert!(failed(&result, 0).contains("RESEND_UNKNOWN"), "{}", failed(&result, 0));
    assert_eq!(world.states().await.len(), 2, "it was sent once");

    let asked = world.run(no_images(), no_texts()).await.unwrap_err();
    assert_eq!(asked.kind(), ErrorKind::Blocked);
    let told = asked.to_string();
    for part in ["1 call", "$0.04", "ch01", "RESEND_UNKNOWN=yes"] {
        assert!(told.contains(part), "{part} is not in: {told}");
    }
    world.settings.resend_unknown = ResendUnknown::Yes;
    let result = world.run(images(|prompt, _| picture(prompt)), no_texts()).await.unwrap();
    assert_eq!((result.pictures.counts.generated, result.pictures.unknown_calls), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_after_the_first_answer_that_no_retry_can_mend() {
    for concurrency in [1, 3] {
        let mut world = World::own_prompts(12);
        world.settings.image.concurrency = concurrency;
        let asked = Asked::default();
        let (notes, clock) = (asked.clone(), world.clock.clone());
        let service = images(move |prompt, nth| {
            notes.note(prompt, &clock);
            let quota = ApiFailure::new(FailureKind::QuotaExhausted, "no credit for OPENAI_API_KEY");
            if nth == 2 { Err(quota) } else { picture(prompt) }
        });
        let result = world.run(service, no_texts()).await.unwrap();
        let StageEnd::Failed { message } = &result.end else { panic!("{:?}", result.end) };
        assert!(message.contains("OPENAI_API_KEY"), "{message}");
        let sent = asked.all().len();
        assert!(sent <= 1 + concurrency, "{sent} calls were sent with {concurrency} at once");
        let states = world.states().await;
        assert_eq!(
            states.iter().filter(|s| **s == CallState::Answered).count(),
            result.pictures.counts.generated
        );
        assert!(!states.contains(&CallState::Unknown) && !states.contains(&CallState::Sent), "{states:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_signal_ends_the_waits_at_once() {
    let mut world = World::own_prompts(2);
    world.settings.image.concurrency = 1;
    world.heard = Arc::new(Heard::that_stops_on_retry(&world.interrupt));
    let service = images(|_, _| Err(slow_down(Some(50))));
    let result = world.run(service, no_texts()).await.unwrap();
    assert_eq!(result.end, StageEnd::Interrupted { signal: Signal::Interrupt });
    assert_eq!((result.pictures.counts.generated, result.pictures.counts.pending), (0, 2));
    assert!(world.clock.passed() < Duration::from_secs(50));
    assert_eq!(world.states().await, [CallState::Failed], "what was not billed costs nothing");
    assert_eq!(result.episode_cost, Usd::ZERO);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_under_the_cap_is_not_started_and_all_that_fits_is() {
    // Many times, since what fits and what doesn't are reserved side by side.
    for _ in 0..20 {
        let mut world = World::own_prompts(8);
        world.settings.max_episode_cost = Usd::from_micros(PICTURE.micros() * 7 / 2);
        let result = world.run(images(|prompt, _| picture(prompt)), no_texts()).await.unwrap();
        assert!(matches!(result.end, StageEnd::CapReached { .. }));
        assert_eq!((result.pictures.counts.generated, result.pictures.counts.pending), (3, 5));
        assert_eq!(world.states().await, [CallState::Answered; 3]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_does_not_fit_under_the_cap_yet_gives_its_start_back() {
    let mut world = World::own_prompts(3);
    world.settings.image.concurrency = 3;
    world.settings.image.per_minute = Some(3);
    // Room for one call at its estimate; it turns out to cost a tenth, so that the next fits.
    world.settings.max_episode_cost = Usd::from_micros(PICTURE.micros() * 2 - 1_000);
    let asked = Asked::default();
    let (notes, clock) = (asked.clone(), world.clock.clone());
    let service = images(move |prompt, _| {
        notes.note(prompt, &clock);
        Ok(match picture(prompt)? {
            ImageOutcome::Generated(image) => {
                ImageOutcome::Generated(GeneratedImage { cost: Usd::from_micros(4_000), ..image })
            }
            rejected @ ImageOutcome::Rejected(_) => rejected,
        })
    });
    assert_eq!(world.run(service, no_texts()).await.unwrap().pictures.counts.generated, 3);
    assert_eq!(asked.seconds(), [0, 0, 0], "three starts a minute are allowed");
}
