//! What a person meets first: which chapters get a picture, and that nothing is bought twice.

use btcedu_testkit::Chapters;

use crate::world;

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
}

#[tokio::test]
async fn a_second_run_sends_nothing() {
    let env = world().await;
    env.add("ep1", &Chapters::own_prompts(2).with("diagram", None)).await;
    let _first = env.run(&["imagegen", "ep1"]).await.success();
    let calls = (env.sim.stats().image_calls, env.sim.stats().text_calls);
    assert_eq!(calls, (3, 1));
    let second = env.run(&["imagegen", "ep1", "--json"]).await.success().json();
    assert_eq!(second["end"]["kind"], "skipped");
    assert_eq!((env.sim.stats().image_calls, env.sim.stats().text_calls), calls);
}
