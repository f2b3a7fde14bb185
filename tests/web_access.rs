//! For everyone: checked by axe in light and dark, on a phone, without scripts, and without a word in the console.

use btcedu_domain::ReviewStatus;
use btcedu_testkit::{Browser, Dashboard, Theme};

use crate::{
    text_support::TRANSCRIPT,
    web_support::{
        AXE, NOWHERE, PASSWORD, Page, USER, broken, broken_pages, common_pages, decisions, empty, every_page,
        fill_in, full, guarded, review_status, sends, visit, wait_at_gate_1, waiting_episode,
    },
};

/// Everything that must hold of one page, at each width and in each theme; returns what doesn't.
async fn faults(browser: &Browser, dashboard: &Dashboard, page: &Page) -> Vec<String> {
    let mut found = Vec::new();
    // What the page before still has to say is not this one's.
    browser.open("about:blank").await;
    let _of_the_page_before = browser.console().await;
    for (width, height) in [(1280, 900), (390, 844)] {
        browser.window(width, height).await;
        visit(browser, dashboard, &page.path).await;
        let said = loud(browser, &page.path).await.into_iter();
        found.extend(said.map(|line| format!("{} at {width} px: {line}", page.path)));
        for theme in [Theme::Light, Theme::Dark] {
            browser.theme(theme).await;
            let axe = browser.axe(AXE).await.into_iter();
            found.extend(axe.map(|line| format!("{} at {width} px, {theme}: {line}", page.path)));
        }
        let _of_axe = browser.console().await;
    }
    browser.window(360, 740).await;
    visit(browser, dashboard, &page.path).await;
    let wide = browser
        .run(
            "const width = document.scrollingElement.scrollWidth;
             if (width <= window.innerWidth) return null;
             const far = [...document.querySelectorAll('body *')]
                 .filter(e => e.getBoundingClientRect().right > window.innerWidth + 1).slice(0, 5)
                 .map(e => e.tagName + '.' + e.className);
             return `${width} px wide: ${far.join(', ')}`;",
        )
        .await;
    found.extend(wide.as_str().map(|wide| format!("{} at 360 px: {wide}", page.path)));
    found
}

/// What the console says on a page, but for the page itself not being there where it shouldn't be.
async fn loud(browser: &Browser, path: &str) -> Vec<String> {
    let lines = browser.console().await.into_iter();
    lines.filter(|line| !(path == NOWHERE && line.contains(NOWHERE))).collect()
}

async fn all_well(dashboard: &Dashboard, browser: &Browser, pages: &[Page]) {
    let mut found = Vec::new();
    for page in pages {
        found.extend(faults(browser, dashboard, page).await);
    }
    assert!(found.is_empty(), "{} findings:\n{}", found.len(), found.join("\n"));
}

#[tokio::test]
async fn every_page_can_be_used_by_everyone_on_every_screen() {
    let env = full().await;
    let dashboard = Dashboard::start(&env, &[]).await;
    let browser = Browser::start().await;
    all_well(&dashboard, &browser, &every_page()).await;
    structure(&browser, &dashboard).await;
    browser.close().await;
}

/// What axe doesn't look at: one heading of the first order, a skip link, the languages of texts.
async fn structure(browser: &Browser, dashboard: &Dashboard) {
    browser.window(1280, 900).await;
    browser.theme(Theme::Light).await;
    for page in every_page() {
        visit(browser, dashboard, &page.path).await;
        assert_eq!(browser.attribute("html", "lang").await.as_deref(), Some("en"), "{}", page.path);
        assert_eq!(browser.count("h1").await, 1, "{}", page.path);
        assert_eq!(browser.count("main#main").await, 1, "{}", page.path);
        let skips = "const first = document.querySelector('body a[href]'); \
                     return first !== null && first.getAttribute('href') === '#main';";
        assert_eq!(browser.run(skips).await, true, "{}: the skip link comes first", page.path);
        assert!(browser.attribute("body", "data-page").await.is_some(), "{}", page.path);
    }
    for (path, lang, words) in [
        ("/episodes/ep1/texts/raw", "de", "Blockchain"),
        ("/episodes/ep1/texts/corrected", "de", "Bitcoin"),
        ("/episodes/ep1/texts/turkish", "tr", "Bitcoin"),
        ("/episodes/ep1/texts/adapted", "tr", "Bitcoin"),
        ("/episodes/ep1/chapters", "tr", ""),
        ("/reviews/1", "de", ""),
        ("/reviews/2", "tr", ""),
    ] {
        visit(browser, dashboard, path).await;
        let texts = browser
            .run_with(
                "return [...document.querySelectorAll(`main [lang=${arguments[0]}]`)]
                     .map(e => e.textContent).join(' ');",
                vec![lang.into()],
            )
            .await;
        let texts = texts.as_str().unwrap().to_owned();
        assert!(texts.trim().len() > 20 && texts.contains(words), "{path}: {lang} is said: {texts}");
    }
}

#[tokio::test]
async fn empty_and_broken_pages_can_be_used_by_everyone_too() {
    let env = empty().await;
    let dashboard = Dashboard::start(&env, &[]).await;
    let browser = Browser::start().await;
    all_well(&dashboard, &browser, &common_pages()).await;
    visit(&browser, &dashboard, "/").await;
    assert!(browser.page_text().await.contains("btcedu add"), "an empty list says what to do");
    for page in ["/reviews", "/costs"] {
        visit(&browser, &dashboard, page).await;
        assert!(browser.text("main").await.len() > 20, "{page} says something");
    }
    drop(dashboard);
    drop(env);

    let env = broken().await;
    let dashboard = Dashboard::start(&env, &[]).await;
    all_well(&dashboard, &browser, &broken_pages()).await;
    for path in ["/episodes/noChapters/chapters", "/episodes/noManifest/images", "/reviews/1"] {
        let told = dashboard.api(path).await;
        assert!(told["problem"].is_string(), "{path} says why: {told:#}");
    }
    let rules = dashboard.api("/episodes/badRules/chapters").await;
    let paths: Vec<&str> =
        rules["violations"].as_array().unwrap().iter().map(|one| one["path"].as_str().unwrap()).collect();
    assert!(paths.iter().any(|path| path.contains("order")), "{paths:?}");
    assert_eq!(dashboard.api("/episodes/badPictures/images").await["differing"], 2);
    drop(dashboard);
    drop(env);

    let env = empty().await;
    let dashboard = guarded(&env).await;
    let sign_in = Page { name: "sign-in".to_owned(), path: "/sign-in".to_owned() };
    all_well(&dashboard, &browser, &[sign_in]).await;
    visit(&browser, &dashboard, "/").await;
    browser.wait_for_page("sign-in").await;
    browser.type_into("#sign-in-form input[name=user]", USER).await;
    browser.type_into("#sign-in-form input[name=password]", PASSWORD).await;
    browser.click(&sends("#sign-in-form")).await;
    browser.wait_for_page("episodes").await;
    let sign_out = Page { name: "sign-out".to_owned(), path: "/sign-out".to_owned() };
    all_well(&dashboard, &browser, &[sign_out]).await;
    browser.close().await;
}

#[tokio::test]
async fn without_scripts_links_and_forms_do_the_same() {
    let env = waiting_episode().await;
    for id in ["ep2", "ep3"] {
        wait_at_gate_1(&env, id, TRANSCRIPT).await;
    }
    env.add("withPictures", &btcedu_testkit::Chapters::own_prompts(3).with("title_card", None)).await;
    let _made = env.run(&["imagegen", "withPictures"]).await.success();
    let dashboard = Dashboard::start(&env, &[]).await;
    let browser = Browser::start().await;
    browser.scripts(false).await;

    visit(&browser, &dashboard, "/").await;
    assert_eq!(browser.run("return document.querySelectorAll('button.copy:not([hidden])').length;").await, 0);
    browser.type_into("form input[name=search]", "withPictures").await;
    browser.click("main form button:not([type=button])").await;
    browser.until("location.search.includes('search=withPictures')").await;
    assert_eq!(browser.count("[data-episode]").await, 1);
    browser.click("[data-episode] a.episode-link").await;
    browser.wait_for_page("episode").await;
    browser.click("#main a[href$='/chapters']").await;
    browser.wait_for_page("chapters").await;
    browser.click("#main a[href$='/images']").await;
    browser.wait_for_page("images").await;
    browser.click("a.filter[data-filter=generated]").await;
    browser.until("location.search.includes('generated')").await;
    assert_eq!(browser.count("figure.picture").await, 3);
    browser.click("figure.picture details.prompt summary").await;
    assert_eq!(browser.property("figure.picture details.prompt", "open").await, true);
    browser.click("a.open-picture").await;
    browser.until("location.pathname.endsWith('.png')").await;

    visit(&browser, &dashboard, "/reviews/1").await;
    assert_eq!(review_status(&env, 1).await, ReviewStatus::Pending, "a look alone marks nothing");
    browser.click(&sends("#open-form")).await;
    // The same page comes back, without the form.
    browser.until("document.readyState === 'complete' && !document.getElementById('open-form')").await;
    assert_eq!(review_status(&env, 1).await, ReviewStatus::InReview);
    browser.click("a.layout[data-layout=inline]").await;
    browser.until("location.search.includes('view=inline')").await;
    browser.click(&sends("#approve-form")).await;
    browser.wait_for("#notice[role=status]").await;
    assert_eq!(decisions(&env, 1).await, [(ReviewStatus::Approved, None)]);

    visit(&browser, &dashboard, "/reviews/2").await;
    fill_in(&browser, "#changes-form", "missing content", "Der letzte Satz fehlt").await;
    browser.click(&sends("#changes-form")).await;
    browser.wait_for("#notice[role=status]").await;
    let decided = decisions(&env, 2).await;
    assert!(
        matches!(&decided[..], [(ReviewStatus::ChangesRequested, Some(notes))] if notes.contains("fehlt"))
    );

    visit(&browser, &dashboard, "/reviews").await;
    browser.click("#approve-several input[name=review]").await;
    browser.click(&sends("#approve-several")).await;
    browser.wait_for("#notice[role=status]").await;
    assert_eq!(decisions(&env, 3).await, [(ReviewStatus::Approved, None)]);
    browser.close().await;
}
