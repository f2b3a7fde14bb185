//! Pictures in a real browser: from the list to the gallery, large by keyboard, and by themselves while a run works.

use std::time::Duration;

use btcedu_testkit::{
    Browser, Chapters, Dashboard, Key, TestEnv,
    simulator::{Fault, SimulatorConfig},
};

use crate::{
    books::EP,
    support::{entry, pictures},
    web_support::{finished_episode, visit},
    world, world_with,
};

/// The ids of the chapters that have a picture, in order.
fn with_pictures(env: &TestEnv, episode: &str) -> Vec<String> {
    let manifest = env.manifest(episode);
    let entries = manifest["images"].as_array().unwrap().iter();
    let made = entries.filter(|entry| entry["status"] == "generated");
    made.map(|entry| entry["chapter_id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn from_the_list_to_the_pictures_and_through_them_by_keyboard() {
    let env = finished_episode().await;
    let dashboard = Dashboard::start(&env, &[]).await;
    let browser = Browser::start().await;
    visit(&browser, &dashboard, "/").await;
    browser.click("[data-episode=ep1] a.episode-link").await;
    browser.wait_for_page("episode").await;
    browser.click("#main a[href$='/episodes/ep1/images']").await;
    browser.wait_for_page("images").await;

    let manifest = env.manifest(EP);
    let chapters = manifest["images"].as_array().unwrap();
    let made = with_pictures(&env, EP);
    let count = u64::try_from(made.len()).unwrap();
    assert_eq!(browser.count("#gallery figure.picture").await, u64::try_from(chapters.len()).unwrap());
    assert_eq!(browser.count("#gallery a.open-picture img[width][height][alt]").await, count);
    assert_eq!(browser.count("#gallery .placeholder").await, chapters.len() as u64 - count);
    let order = browser.attributes("#gallery figure.picture", "data-chapter").await;
    let expected: Vec<&str> = chapters.iter().map(|one| one["chapter_id"].as_str().unwrap()).collect();
    assert_eq!(order, expected, "all chapters in order");
    let first = &made[0];
    let image = format!("document.querySelector('#{first} a.open-picture img')");
    browser.until(&format!("{image}.complete && {image}.naturalWidth > 0")).await;
    browser.click(&format!("#{first} details.prompt summary")).await;
    let prompt = entry(&env, EP, first)["prompt"].as_str().unwrap().to_owned();
    let shown = browser.text(&format!("#{first} details.prompt")).await;
    let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(squeezed(&shown).contains(&squeezed(&prompt)), "{shown}");

    through_the_lightbox(&browser, &made).await;

    for filter in browser.attributes("a.filter", "data-filter").await {
        visit(&browser, &dashboard, &format!("/episodes/ep1/images?status={filter}")).await;
        let statuses = browser.attributes("#gallery figure.picture", "data-status").await;
        assert!(
            filter.is_empty() || statuses.iter().all(|status| *status == filter),
            "{filter}: {statuses:?}"
        );
    }
    visit(&browser, &dashboard, "/episodes/ep1/images?status=skipped").await;
    let skipped = manifest["totals"]["skipped"].as_u64().unwrap();
    assert_eq!(browser.count("#gallery figure.picture").await, skipped);
    visit(&browser, &dashboard, "/episodes/ep1/chapters").await;
    assert!(browser.count("#main a[href*='/episodes/ep1/images']").await > 0, "linked from the chapters");
    assert_eq!(browser.console().await, Vec::<String>::new());
    browser.close().await;
}

async fn through_the_lightbox(browser: &Browser, made: &[String]) {
    let count = made.len();
    assert!(count > 1, "{made:?}");
    let counter = |n: usize| {
        format!(
            "document.querySelector('#lightbox .lightbox-counter').textContent.trim() === '{n} of {count}'"
        )
    };
    browser.focus(&format!("#{} a.open-picture", made[0])).await;
    browser.press(Key::Enter).await;
    browser.wait_for("dialog#lightbox[open]").await;
    browser.until(&counter(1)).await;
    let shows = |id: &str| {
        format!("document.querySelector('#lightbox img.lightbox-image').src.includes('/images/{id}.png')")
    };
    browser.until(&shows(&made[0])).await;
    browser.press(Key::Right).await;
    browser.until(&counter(2)).await;
    browser.until(&shows(&made[1])).await;
    let full = browser.property("#lightbox a.lightbox-full", "href").await;
    assert!(full.as_str().unwrap().contains(&format!("{}.png", made[1])), "{full}");
    assert!(browser.attribute("#lightbox a.lightbox-download", "download").await.is_some());
    browser.press(Key::Left).await;
    browser.until(&counter(1)).await;
    browser.press(Key::End).await;
    browser.until(&counter(count)).await;
    browser.press(Key::Home).await;
    browser.until(&counter(1)).await;
    browser.click("#lightbox button.lightbox-next").await;
    browser.until(&counter(2)).await;
    browser.press(Key::Escape).await;
    browser.until("!document.querySelector('dialog#lightbox[open]')").await;
    assert!(
        browser.has_focus("#gallery a.open-picture").await,
        "the focus is back on a picture, so that the keyboard goes on from there"
    );
}

#[tokio::test]
async fn new_pictures_appear_by_themselves_while_imagegen_runs_in_another_process() {
    let mut env = world_with(SimulatorConfig {
        // Long beside the 0.4 s in which pages learn of a change.
        image_latency: Duration::from_secs(2),
        ..SimulatorConfig::default()
    })
    .await;
    env.set("IMAGE_GEN_CONCURRENCY", "1");
    env.add(EP, &Chapters::own_prompts(3).with("title_card", None)).await;
    env.sim.script(pictures(Fault::Refuse).when_prompt_contains("number 2"));
    let dashboard = Dashboard::start(&env, &[]).await;
    let browser = Browser::start().await;
    visit(&browser, &dashboard, "/episodes/ep1/images").await;
    browser.run("window.__here = 'the same page';").await;
    assert_eq!(browser.count("a.open-picture").await, 0);

    let child = env.spawn(&["imagegen", EP]);
    browser.wait_for("figure.picture#ch01[data-status=generated] a.open-picture img").await;
    let others = browser.attributes("figure.picture", "data-status").await;
    assert!(others.iter().any(|status| status == "pending"), "it came while the run works: {others:?}");
    let first = "document.querySelector('#ch01 img')";
    browser.until(&format!("{first}.complete && {first}.naturalWidth > 0")).await;
    // What hasn't changed stays the same element: no flicker. What a visitor has opened stays open.
    browser.run("document.querySelector('#ch01').__here = true;").await;
    browser.wait_for("figure.picture#ch02[data-status=rejected] .placeholder").await;
    assert_eq!(browser.run("return document.querySelector('#ch01').__here === true;").await, true);
    browser.run("document.querySelector('#ch01 details.prompt').open = true;").await;
    browser.wait_for("figure.picture#ch03[data-status=generated] a.open-picture img").await;
    browser.wait_for("figure.picture#ch04[data-status=skipped] .placeholder").await;
    let _ended = env.wait(child).await;
    assert_eq!(browser.run("return document.querySelector('#ch01 details.prompt').open;").await, true);

    // The totals and the list follow too, still without a reload.
    browser.until("document.querySelectorAll('a.open-picture').length === 2").await;
    assert_eq!(browser.run("return window.__here;").await, "the same page");
    let told = dashboard.api("/episodes/ep1/images").await;
    assert_eq!((&told["totals"]["generated"], &told["totals"]["rejected"]), (&2.into(), &1.into()));
    browser.until("!document.body.innerText.includes('at work')").await;

    assert_eq!(browser.console().await, Vec::<String>::new());
    browser.close().await;
}

#[tokio::test]
async fn the_list_follows_a_run_and_the_badge_a_review() {
    let env = world().await;
    env.add(EP, &Chapters::own_prompts(2)).await;
    let dashboard = Dashboard::start(&env, &[]).await;
    let browser = Browser::start().await;
    visit(&browser, &dashboard, "/").await;
    browser.run("window.__here = 'the same page';").await;
    let _made = env.run(&["imagegen", EP]).await.success();
    browser
        .until("document.querySelectorAll('[data-episode=ep1] ol.steps > li[data-state=next]').length === 0")
        .await;
    assert_eq!(browser.run("return window.__here;").await, "the same page");
    crate::web_support::wait_at_gate_1(&env, "ep2", crate::text_support::TRANSCRIPT).await;
    browser.until("document.querySelector('#pending-reviews').textContent.trim() === '1'").await;
    browser.until("!document.querySelector('#pending-reviews').hidden").await;
    browser.close().await;
}
