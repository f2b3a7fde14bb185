//! The basic rules of imagegen: which chapters get a picture, and that nothing is bought twice.

use btcedu_domain::{CallState, EpisodeStatus};
use btcedu_testkit::{Chapters, simulator::Fault};

use crate::{
    support::{calls, entry, ledger, pictures, pictures_in_state, status_of},
    world,
};

#[tokio::test]
async fn only_diagrams_b_roll_and_screen_shares_get_a_picture() {
    let env = world().await;
    let chapters = ["title_card", "diagram", "b_roll", "talking_head", "screen_share"]
        .iter()
        .fold(Chapters::none(), |doc, visual| doc.with(visual, Some(&format!("A coin for a {visual}."))));
    env.add("ep1", &chapters).await;
    let result = env.run(&["imagegen", "ep1", "--json"]).await.success().json();
    assert_eq!((&result["generated"], &result["skipped"]), (&3.into(), &2.into()));
    assert_eq!(
        env.files("outputs/ep1/images"),
        ["ch02.png", "ch03.png", "ch05.png", "manifest.json", "store"]
    );
    let statuses: Vec<String> = ["ch01", "ch02", "ch03", "ch04", "ch05"]
        .map(|id| entry(&env, "ep1", id)["status"].as_str().unwrap().to_owned())
        .into();
    assert_eq!(statuses, ["skipped", "generated", "generated", "skipped", "generated"]);
    assert_eq!(status_of(&env, "ep1").await, (EpisodeStatus::ImagesGenerated, None));
}

#[tokio::test]
async fn a_second_run_sends_nothing_and_needs_neither_keys_nor_network() {
    let mut env = world().await;
    env.add("ep1", &Chapters::own_prompts(2).with("diagram", None)).await;
    let _first = env.run(&["imagegen", "ep1"]).await.success();
    assert_eq!(calls(&env), (3, 1));
    let before = env.manifest("ep1");
    let second = env.run(&["imagegen", "ep1", "--json"]).await.success().json();
    assert_eq!(second["end"]["kind"], "skipped");
    assert_eq!(calls(&env), (3, 1));
    assert_eq!(env.manifest("ep1"), before, "not even the manifest is written again");

    // Keys and network are not needed either.
    for name in ["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_BASE_URL"] {
        env.unset(name);
    }
    let _third = env.run(&["imagegen", "ep1"]).await.success().says("3 kept");
}

#[tokio::test]
async fn force_buys_all_pictures_anew_and_no_prompt() {
    let env = world().await;
    env.add("ep1", &Chapters::own_prompts(2).with("diagram", None).with("title_card", None)).await;
    let _first = env.run(&["imagegen", "ep1"]).await.success();
    let before = env.manifest("ep1");
    let forced = env.run(&["imagegen", "ep1", "--force", "--json"]).await.success().json();
    assert_eq!(forced["generated"], 3);
    assert_eq!(calls(&env), (6, 1), "the paid text is used again");
    let after = env.manifest("ep1");
    for n in 0..3 {
        assert_ne!(before["images"][n]["call_id"], after["images"][n]["call_id"]);
        assert_ne!(before["images"][n]["sha256"], after["images"][n]["sha256"]);
    }
    let stored = env.files("outputs/ep1/images/store");
    assert_eq!(stored.len(), 12, "six pictures, each with its sidecar: {stored:?}");
}

#[tokio::test]
async fn a_hang_is_tried_three_more_times_then_failed_and_the_others_go_on() {
    let mut env = world().await;
    env.set("IMAGE_GEN_TIMEOUT_SECONDS", "1");
    env.sim.script(pictures(Fault::HangForever { billed: true }).when_prompt_contains("number 2."));
    env.add("ep1", &Chapters::own_prompts(3)).await;
    let done = env.run(&["imagegen", "ep1"]).await.success();
    let done = done.says("ch02 failed").says("may have been billed").says("2 generated · 1 failed");
    assert!(done.stderr.contains("chapter.id=ch02"), "the log names the chapter: {}", done.stderr);
    assert_eq!(env.sim.stats().prompts.iter().filter(|p| p.contains("number 2.")).count(), 4);

    let failed = entry(&env, "ep1", "ch02");
    assert_eq!((&failed["status"], &failed["attempts"]), (&"failed".into(), &4.into()));
    assert!(failed["error"].as_str().unwrap().contains("IMAGE_GEN_TIMEOUT_SECONDS"), "{failed}");
    let ledger = ledger(&env, "ep1").await;
    let of_ch02 = ledger.iter().filter(|c| c.chapter_id.as_ref().is_some_and(|id| id.as_str() == "ch02"));
    let states: Vec<CallState> = of_ch02.map(|c| c.state).collect();
    assert_eq!(states, [CallState::Unknown; 4]);
    assert_eq!(pictures_in_state(&ledger, CallState::Answered), 2);
    assert_eq!(status_of(&env, "ep1").await.0, EpisodeStatus::ImagesGenerated);

    env.sim.clear_rules();
    let again = env.run(&["imagegen", "ep1", "--json"]).await.success().json();
    assert_eq!((&again["generated"], &again["kept"]), (&1.into(), &2.into()));
}
