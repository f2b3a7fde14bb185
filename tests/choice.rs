//! Choosing among paid pictures: a choice lasts as long as the text that it was made for.

use btcedu_testkit::{
    Chapters, TestEnv,
    simulator::{Endpoint, Fault, Rule},
};
use serde_json::Value;

use crate::{
    books::{EP, audit, current, scribble},
    support::{calls, entry},
    world,
};

fn chapters() -> Chapters {
    Chapters::own_prompts(2)
}

/// A world in which `ch01` has two pictures, and the older one was chosen by hand.
struct Choice {
    env: TestEnv,
    /// The call of the older picture.
    older: String,
    /// The call of the newer picture.
    newer: String,
}

async fn world_with_a_choice() -> Choice {
    let env = world().await;
    env.add(EP, &chapters()).await;
    let _first = env.run(&["imagegen", EP]).await.success();
    let older = call_of(&env);
    let _second = env.run(&["imagegen", EP, "--chapter", "ch01"]).await.success();
    let newer = call_of(&env);
    let before = calls(&env);
    let _chosen = env.run(&["images", "use", EP, "--chapter", "ch01", &older]).await.success().says("free");
    assert_eq!(calls(&env), before);
    audit(&env, "a choice").await;
    Choice { env, older, newer }
}

fn call_of(env: &TestEnv) -> String {
    let (_, call) = current(env).into_iter().find(|(id, _)| id == "ch01").expect("a picture");
    call.to_string()
}

async fn history(env: &TestEnv, args: &[&str]) -> Vec<Value> {
    let all = [&["images", "history", EP, "--json"], args].concat();
    env.run(&all).await.success().json()["pictures"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_choice_is_the_chapters_picture_and_stays_through_runs() {
    let Choice { env, older, newer } = world_with_a_choice().await;
    let chosen = entry(&env, EP, "ch01");
    assert_eq!(chosen["chosen_for"], chosen["request_hash"]);
    let stored = env.files("outputs/ep1/images/store").into_iter().find(|f| f.contains(&older)).unwrap();
    let bytes = |file: &str| std::fs::read(env.output(EP, file)).unwrap();
    assert_eq!(bytes("images/ch01.png"), bytes(&format!("images/store/{}", stored.replace(".json", ".png"))));
    let before = calls(&env);
    let _plain = env.run(&["imagegen", EP]).await.success();
    let _refreshed = env.run(&["imagegen", EP, "--refresh"]).await.success();
    assert_eq!(calls(&env), before);
    let _other = env.run(&["imagegen", EP, "--chapter", "ch02"]).await.success();
    let _repaired = env.run(&["images", "verify", EP, "--repair"]).await.success();
    assert_eq!(call_of(&env), older);
    assert_ne!(older, newer);
    audit(&env, "through runs").await;
}

#[tokio::test]
async fn a_choice_is_given_up_when_the_text_changes_and_only_then() {
    let Choice { env, older, newer } = world_with_a_choice().await;
    let before = calls(&env).0;
    env.replace_chapters(EP, &chapters().edit(1, "/narration/text", "Başka bir anlatım metni."));
    let _same = env.run(&["imagegen", EP]).await.success();
    assert_eq!((call_of(&env), calls(&env).0), (older, before), "its prompt is the same");
    env.replace_chapters(EP, &chapters().edit(1, "/visual/image_prompt", "A coin on a table."));
    let _changed = env.run(&["imagegen", EP]).await.success();
    assert_eq!(calls(&env).0, before + 1);
    assert_eq!(entry(&env, EP, "ch01")["chosen_for"], Value::Null);
    env.replace_chapters(EP, &chapters());
    let _back = env.run(&["imagegen", EP]).await.success();
    assert_eq!((call_of(&env), calls(&env).0), (newer, before + 1), "the newest for that text, free");
    audit(&env, "text changed and back").await;
}

#[tokio::test]
async fn a_picture_made_for_another_text_can_be_chosen_and_stays() {
    let env = world().await;
    env.add(EP, &chapters()).await;
    let _first = env.run(&["imagegen", EP]).await.success();
    let older = call_of(&env);
    env.replace_chapters(EP, &chapters().edit(1, "/visual/image_prompt", "A coin on a table."));
    let _second = env.run(&["imagegen", EP]).await.success();
    let _chosen = env.run(&["images", "use", EP, "--chapter", "ch01", &older]).await.success();
    let before = calls(&env);
    let _kept = env.run(&["imagegen", EP]).await.success();
    assert_eq!((call_of(&env), calls(&env)), (older.clone(), before));
    // A new picture is requested and refused: the chosen picture stays.
    env.sim.script(Rule::new(Endpoint::Images, Fault::Refuse));
    let _refused = env.run(&["imagegen", EP, "--force"]).await;
    let kept = entry(&env, EP, "ch01");
    assert_eq!((&kept["call_id"], &kept["status"]), (&older.clone().into(), &"generated".into()));
    env.sim.clear_rules();
    let _plain = env.run(&["imagegen", EP]).await.success();
    assert_eq!(call_of(&env), older, "{:#}", entry(&env, EP, "ch01"));
    audit(&env, "chosen for another text").await;
}

#[tokio::test]
async fn a_choice_is_lost_with_the_manifest_and_verify_says_so() {
    let Choice { env, newer, .. } = world_with_a_choice().await;
    let before = calls(&env);
    std::fs::remove_file(env.output(EP, "images/manifest.json")).unwrap();
    let _told = env.run(&["images", "verify", EP]).await.exits(1).says("choices made by hand are gone");
    let dry = env.run(&["imagegen", EP, "--dry-run"]).await.success();
    let _told = dry.says("would mend: ").says("choices made by hand are gone");
    let _told = env.run(&["imagegen", EP]).await.success().says("choices made by hand are gone");
    assert_eq!((call_of(&env), calls(&env)), (newer, before));
    audit(&env, "manifest lost").await;
}

#[tokio::test]
async fn what_cannot_be_chosen_is_refused_and_nothing_changes() {
    let Choice { env, older, newer } = world_with_a_choice().await;
    let manifest = env.manifest(EP);
    let nobody = "019a0000-0000-7000-8000-000000000000";
    for (chapter, call, code, told) in [
        ("ch01", nobody, 2, "images history"),
        ("ch01", "x", 2, "is not a call id"),
        ("ch07", &older, 2, "is not in chapters.json"),
        ("../x", &older, 2, "chapter id"),
    ] {
        let refused = env.run(&["images", "use", EP, "--chapter", chapter, call]).await;
        let _told = refused.exits(code).says(told);
    }
    let stored = env.files("outputs/ep1/images/store");
    let picture = stored.iter().find(|f| f.ends_with(&format!("{newer}.png"))).unwrap();
    scribble(&env.output(EP, &format!("images/store/{picture}")), b"broken");
    let refused = env.run(&["images", "use", EP, "--chapter", "ch01", &newer]).await;
    let _told = refused.exits(2).says("missing or broken");
    assert_eq!(env.manifest(EP), manifest);
}

#[tokio::test]
async fn history_shows_price_date_and_what_was_different() {
    let mut env = world().await;
    env.add(EP, &chapters()).await;
    let _first = env.run(&["imagegen", EP]).await.success();
    env.set("IMAGE_GEN_STYLE_PREFIX", "Flat.");
    env.replace_chapters(EP, &chapters().edit(1, "/visual/image_prompt", "A coin on a table."));
    let _second = env.run(&["imagegen", EP]).await.success();
    let both = history(&env, &["--chapter", "ch01"]).await;
    assert_eq!(both.len(), 2);
    let different = both[0]["differences"].to_string();
    assert!(different.contains("style prefix") && different.contains("prompt"), "{different}");
    assert_eq!(both[1]["differences"].as_array().unwrap().len(), 0);
    assert_eq!((&both[0]["current_for"][0], &both[1]["current_for"][0]), (&Value::Null, &"ch01".into()));
    for picture in &both {
        assert!(picture["cost_usd"].as_f64().unwrap() > 0.0 && picture["generated_at"].is_string());
    }
    assert_eq!(history(&env, &[]).await.len(), 3);
    let text = env.run(&["images", "history", EP]).await.success();
    let _told = text.says("as it would be asked for today").says("current for ch01").says("style prefix");
}
