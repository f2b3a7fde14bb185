//! Failures on the provider's side: refusals, limits, unusable answers.

use btcedu_domain::{CallState, EpisodeStatus, Usd};
use btcedu_testkit::{Chapters, simulator::Fault};

use crate::{
    support::{calls, entry, ledger, pictures, pictures_in_state, status_of, texts},
    world,
};

#[tokio::test]
async fn one_refusal_of_eight_leaves_seven_pictures_and_a_warning() {
    let env = world().await;
    env.sim.script(pictures(Fault::Refuse).when_prompt_contains("number 5."));
    env.add("ep1", &Chapters::own_prompts(8)).await;
    let done = env.run(&["imagegen", "ep1"]).await.success();
    let done = done.says("7 generated · 1 rejected").says("warning:").says("ch05");
    let _hint = done.says("btcedu imagegen ep1 --chapter ch05").says("image_prompt");
    assert_eq!(calls(&env).0, 8, "a refusal is an answer, so it is not tried again");
    assert_eq!(status_of(&env, "ep1").await, (EpisodeStatus::ImagesGenerated, None));
    let rejected = entry(&env, "ep1", "ch05");
    assert_eq!(rejected["status"], "rejected");
    assert_eq!(rejected["prompt"], "A plain drawing of number 5.");
    assert!(rejected["reason"].as_str().unwrap().contains("safety system"), "{rejected}");
    assert_eq!(env.manifest("ep1")["totals"]["rejected"], 1);
    assert!(!env.output("ep1", "images/ch05.png").exists());
    assert_eq!(pictures_in_state(&ledger(&env, "ep1").await, CallState::Refused), 1);

    let again = env.run(&["imagegen", "ep1"]).await.success();
    let _hint = again.says("the provider refused this prompt").says("--chapter ch05");
    assert_eq!(calls(&env).0, 8, "the same prompt is not sent again");
    let _insisted = env.run(&["imagegen", "ep1", "--chapter", "ch05"]).await.success();
    assert_eq!(calls(&env).0, 9);
    env.sim.clear_rules();
    let _made = env.run(&["imagegen", "ep1", "--chapter", "ch05"]).await.success().says("1 generated");
    assert_eq!(entry(&env, "ep1", "ch05")["status"], "generated");
}

#[tokio::test]
async fn a_refusal_of_the_finished_picture_is_paid_and_counted() {
    let env = world().await;
    env.sim.script(pictures(Fault::RefuseOutput).when_prompt_contains("number 1."));
    env.add("ep1", &Chapters::own_prompts(2)).await;
    let _done = env.run(&["imagegen", "ep1"]).await.success().says("1 generated · 1 rejected");
    let rows = ledger(&env, "ep1").await;
    let spent: i64 = rows.iter().filter_map(|c| c.actual).map(Usd::micros).sum();
    assert_eq!(spent, env.sim.stats().billed.micros());
}

#[tokio::test]
async fn what_passes_is_tried_again_until_there_is_a_picture() {
    let passing = [
        Fault::Status { code: 500, retry_after: Some(0) },
        Fault::Status { code: 529, retry_after: Some(0) },
        Fault::Status { code: 408, retry_after: Some(0) },
        Fault::Html502,
        Fault::Reset { billed: true },
        Fault::CutOff { billed: true },
        Fault::NotAPicture,
        Fault::HalfAPicture,
        Fault::EmptyData,
    ];
    let mut env = world().await;
    env.set("IMAGE_GEN_CONCURRENCY", "9");
    for (n, fault) in passing.iter().enumerate() {
        let prompt = format!("number {}.", n + 1);
        env.sim.script(pictures(fault.clone()).when_prompt_contains(prompt).once());
    }
    env.add("ep1", &Chapters::own_prompts(passing.len())).await;
    let _done = env.run(&["imagegen", "ep1"]).await.success().says("9 generated");
    assert_eq!(calls(&env).0, 18);
    let rows = ledger(&env, "ep1").await;
    let open = rows.iter().filter(|c| c.state == CallState::Unknown).count() as u64;
    let billed = env.sim.stats().billed_images;
    assert!((9..=9 + open).contains(&billed), "{billed} were billed, 9 were answered and {open} are unknown");
    assert!(open >= 5, "whatever may have been billed counts: {open}");
    let _clean = env.run(&["images", "verify", "ep1"]).await.success();
}

#[tokio::test]
async fn a_picture_of_another_size_is_kept_with_a_warning_since_it_was_paid_for() {
    let env = world().await;
    env.sim.script(pictures(Fault::OtherSize { width: 320, height: 200 }));
    env.add("ep1", &Chapters::own_prompts(1)).await;
    let _done = env.run(&["imagegen", "ep1"]).await.success().says("the picture is 320x200, not 1024x1024");
    let made = entry(&env, "ep1", "ch01");
    assert_eq!(
        (&made["width"], &made["height"], &made["status"]),
        (&320.into(), &200.into(), &"generated".into())
    );
    assert_eq!(calls(&env).0, 1);
}

#[tokio::test]
async fn what_no_retry_can_mend_stops_the_run_and_keeps_what_was_made() {
    for (fault, told) in [
        (Fault::Quota, "OPENAI_API_KEY"),
        (Fault::WrongKey, "OPENAI_API_KEY"),
        (Fault::Forbidden, "OPENAI_API_KEY"),
        (Fault::Retired, "IMAGE_GEN_MODEL"),
        (Fault::ModelNotFound, "IMAGE_GEN_MODEL"),
    ] {
        let mut env = world().await;
        env.set("IMAGE_GEN_CONCURRENCY", "1");
        env.sim.script(pictures(fault.clone()).after(2));
        env.add("ep1", &Chapters::own_prompts(6)).await;
        let stopped = env.run(&["imagegen", "ep1"]).await.exits(1);
        let _told = stopped.says("error:").says(told).says("2 generated");
        assert_eq!(calls(&env).0, 3, "{fault:?}: nothing is sent after the first such answer");
        let (status, error) = status_of(&env, "ep1").await;
        assert_eq!(status, EpisodeStatus::Chapterized, "{fault:?}");
        assert!(error.unwrap().contains(told), "{fault:?}");
        assert_eq!(env.manifest("ep1")["totals"]["generated"], 2);
        let _clean = env.run(&["images", "verify", "ep1"]).await.success();

        env.sim.clear_rules();
        let rest = env.run(&["imagegen", "ep1", "--json"]).await.success().json();
        assert_eq!((&rest["generated"], &rest["kept"]), (&4.into(), &2.into()), "{fault:?}");
        assert_eq!(status_of(&env, "ep1").await, (EpisodeStatus::ImagesGenerated, None));
    }
}

#[tokio::test]
async fn calls_in_flight_are_kept_when_another_is_fatal() {
    let env = world().await;
    let delay = |ms| Fault::Delay(std::time::Duration::from_millis(ms));
    for n in 2..=4 {
        env.sim.script(pictures(delay(1_500)).when_prompt_contains(format!("number {n}.")));
    }
    // The refusal waits until the other three are on their way. A delay only combines with a rule behind it.
    env.sim.script(pictures(delay(600)).when_prompt_contains("number 1."));
    env.sim.script(pictures(Fault::Quota).when_prompt_contains("number 1."));
    env.add("ep1", &Chapters::own_prompts(8)).await;
    let _stopped = env.run(&["imagegen", "ep1"]).await.exits(1);
    assert_eq!(calls(&env).0, 4, "nothing is sent after the refusal");
    assert_eq!(env.sim.stats().billed_images, 3);
    let rows = ledger(&env, "ep1").await;
    assert_eq!(pictures_in_state(&rows, CallState::Answered), 3);
    assert_eq!(pictures_in_state(&rows, CallState::Unknown), 0);
    assert_eq!(env.manifest("ep1")["totals"]["generated"], 3);
}

#[tokio::test]
async fn a_wrong_key_for_prompts_stops_the_run_too() {
    let env = world().await;
    env.sim.script(texts(Fault::WrongKey));
    env.add("ep1", &Chapters::without_prompts(6)).await;
    let _stopped = env.run(&["imagegen", "ep1"]).await.exits(1).says("ANTHROPIC_API_KEY");
    let (pictures, texts) = calls(&env);
    assert!(pictures == 0 && (1..=4).contains(&texts), "{texts} texts were asked for");
    assert_eq!(status_of(&env, "ep1").await.0, EpisodeStatus::Chapterized);
}
