//! `run --refresh` makes again what depends on a changed template, and tells the price before.

use std::fs;

use btcedu_domain::EpisodeStatus;
use btcedu_testkit::{TestEnv, simulator::Fault};

use crate::{
    books::EP,
    support::{calls, status_of, texts},
    text_support::{
        ADAPT, CHAPTERIZE, CORRECT, TRANSCRIPT, TRANSLATE, add_transcript, approve, run_to_the_end,
        waiting_reviews,
    },
    world,
};

/// An episode with its pictures, made with templates from a folder; one of them is changed afterwards.
async fn finished_before_adapt_changed() -> TestEnv {
    let mut env = world().await;
    let folder = env.folder().join("prompts");
    fs::create_dir(&folder).unwrap();
    for entry in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../prompts")).unwrap() {
        let file = entry.unwrap();
        let _copied = fs::copy(file.path(), folder.join(file.file_name())).unwrap();
    }
    env.set("PROMPTS_DIR", &folder.display().to_string());
    add_transcript(&env, TRANSCRIPT).await;
    run_to_the_end(&env).await;
    let template = fs::read_to_string(folder.join("adapt.md")).unwrap();
    let changed = template.replacen("<!-- variable part -->", "Kurze Sätze.\n\n<!-- variable part -->", 1);
    assert_ne!(changed, template);
    let _path = env.write("prompts/adapt.md", &changed);
    env
}

#[tokio::test]
async fn refresh_says_what_and_the_price_and_redoes_adapt_and_all_after_it_and_nothing_before() {
    let env = finished_before_adapt_changed().await;
    let script = ADAPT.text(&env);
    let (corrected, translated) = (CORRECT.text(&env), TRANSLATE.text(&env));
    let sent = calls(&env);
    let _plain = env.run(&["run", EP]).await.success().says("nothing is left to do");
    let _timer = env.run(&["run-pending"]).await.success().says("no episode can go on");
    assert_eq!(calls(&env), sent, "without --refresh nothing is looked at again");
    let asked = [&CORRECT, &TRANSLATE, &ADAPT, &CHAPTERIZE].map(|stage| stage.asked(&env));
    let other = format!("{script}\nBir cümle daha.");
    env.sim.script(texts(Fault::Text(format!("<adaptation>{other}</adaptation>"))).once());

    let stopped = env.run(&["run", EP, "--refresh"]).await.exits(3);
    let told = stopped
        .says("again: adapt, at most $")
        .says("because the template adapt has changed (version 1 → 2)")
        .says("then chapterize, imagegen (up to $")
        .says("btcedu review show 3");
    let price = told.stderr.split("at most $").nth(1).unwrap().split(',').next().unwrap();
    assert!(price.parse::<f64>().unwrap() > 0.0, "{price}");
    assert_eq!(status_of(&env, EP).await, (EpisodeStatus::Adapted, None));
    assert_eq!(ADAPT.text(&env).trim(), other.trim());
    assert!(CHAPTERIZE.marker(&env).exists() && env.output(EP, "images/manifest.json.stale").exists());
    assert_eq!(waiting_reviews(&env).await.len(), 1);

    approve(&env).await;
    let finished = env.run(&["run", EP, "--json"]).await.success().json();
    let ran: Vec<&str> =
        finished["stages"].as_array().unwrap().iter().map(|s| s["stage"].as_str().unwrap()).collect();
    assert_eq!(ran, ["chapterize", "imagegen"]);
    assert!(!CHAPTERIZE.marker(&env).exists() && !env.output(EP, "images/manifest.json.stale").exists());
    let now = [&CORRECT, &TRANSLATE, &ADAPT, &CHAPTERIZE].map(|stage| stage.asked(&env));
    assert_eq!(now, [asked[0], asked[1], asked[2] + 1, asked[3] + 1], "nothing before adapt");
    assert_eq!((CORRECT.text(&env), TRANSLATE.text(&env)), (corrected, translated));

    let sent = calls(&env);
    let _current = env.run(&["run", EP, "--refresh"]).await.success().says("nothing is left to do");
    assert_eq!(calls(&env), sent, "all of it is up to date");
}

#[tokio::test]
async fn a_text_that_comes_out_the_same_leaves_what_follows_alone() {
    let env = finished_before_adapt_changed().await;
    let (script, asked, pictures) = (ADAPT.text(&env), ADAPT.asked(&env), calls(&env).0);
    let _redone = env.run(&["run", EP, "--refresh"]).await.success().says("again: adapt");
    assert_eq!((ADAPT.text(&env), ADAPT.asked(&env)), (script, asked + 1));
    assert_eq!((CHAPTERIZE.asked(&env), calls(&env).0), (1, pictures), "nothing else is bought again");
    assert_eq!(status_of(&env, EP).await, (EpisodeStatus::ImagesGenerated, None));
    assert!(waiting_reviews(&env).await.is_empty(), "it is approved as it stands");
    let _current = env.run(&["run", EP, "--refresh"]).await.success().says("nothing is left to do");
    assert_eq!(ADAPT.asked(&env), asked + 1);
}

#[tokio::test]
async fn one_refresh_looks_at_every_stage_where_each_makes_the_same_text_again() {
    let env = finished_before_adapt_changed().await;
    let system = fs::read_to_string(env.folder().join("prompts/system.md")).unwrap();
    let _path = env.write("prompts/system.md", &format!("{system}\nSchreib wie für einen Freund.\n"));
    let redone = env.run(&["run", EP, "--refresh"]).await.success();
    let told = redone.stderr.matches("again: ").count();
    assert_eq!(told, 4, "{}", redone.stderr);
    assert_eq!([&CORRECT, &TRANSLATE, &ADAPT, &CHAPTERIZE].map(|stage| stage.asked(&env)), [2; 4]);
    assert_eq!(status_of(&env, EP).await, (EpisodeStatus::ImagesGenerated, None));
    let sent = calls(&env);
    let _current = env.run(&["run", EP, "--refresh"]).await.success().says("nothing is left to do");
    assert_eq!(calls(&env), sent);
}
