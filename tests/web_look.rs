//! Pictures of every page, to be looked at: wide and narrow, light and dark, full, empty and broken.

use btcedu_testkit::{Browser, Dashboard, Theme};

use crate::{
    books::scribble,
    web_support::{
        PASSWORD, Page, USER, broken, broken_pages, common_pages, empty, every_page, full, guarded,
        screenshots, sends, visit,
    },
};

/// A page on which something is to be seen has more colors than this.
const FEW_COLORS: usize = 8;

/// Takes each page at both widths and in both themes into `target/screenshots/WORLD`.
async fn take(browser: &Browser, dashboard: &Dashboard, world: &str, pages: &[Page]) {
    let folder = screenshots(world);
    for page in pages {
        for (width, height) in [(1280, 900), (390, 844)] {
            browser.window(width, height).await;
            visit(browser, dashboard, &page.path).await;
            for theme in [Theme::Light, Theme::Dark] {
                browser.theme(theme).await;
                let png = browser.screenshot().await;
                let name = format!("{}-{width}-{theme}.png", page.name);
                scribble(&folder.join(&name), &png);
                let picture = image::load_from_memory(&png).unwrap().to_rgb8();
                assert_eq!(picture.width(), width, "{name} is as wide as its window");
                let mut colors: Vec<[u8; 3]> = picture.pixels().step_by(7).map(|pixel| pixel.0).collect();
                colors.sort_unstable();
                colors.dedup();
                assert!(colors.len() > FEW_COLORS, "{world}/{name} is blank: {} colors", colors.len());
                let ground = picture.get_pixel(1, picture.height() - 2).0.map(u16::from);
                let is_light = ground.iter().sum::<u16>() > 3 * 128;
                assert_eq!(is_light, theme == Theme::Light, "{world}/{name}: the ground is {ground:?}");
            }
        }
    }
}

#[tokio::test]
async fn pages_full_of_data_are_pictured() {
    let env = full().await;
    let dashboard = Dashboard::start(&env, &[]).await;
    let browser = Browser::start().await;
    take(&browser, &dashboard, "full", &every_page()).await;
    drop(dashboard);
    let dashboard = guarded(&env).await;
    let page = |name: &str| Page { name: name.to_owned(), path: format!("/{name}") };
    take(&browser, &dashboard, "full", &[page("sign-in")]).await;
    browser.type_into("#sign-in-form input[name=user]", USER).await;
    browser.type_into("#sign-in-form input[name=password]", PASSWORD).await;
    browser.click(&sends("#sign-in-form")).await;
    browser.wait_for_page("episodes").await;
    take(&browser, &dashboard, "full", &[page("sign-out")]).await;
    browser.close().await;
}

#[tokio::test]
async fn empty_pages_are_pictured() {
    let env = empty().await;
    let dashboard = Dashboard::start(&env, &[]).await;
    let browser = Browser::start().await;
    take(&browser, &dashboard, "empty", &common_pages()).await;
    // An episode of which nothing is there yet but its transcript.
    crate::text_support::add_transcript(&env, crate::text_support::TRANSCRIPT).await;
    take(&browser, &dashboard, "empty", &crate::web_support::episode_pages("ep1")[..3]).await;
    browser.close().await;
}

#[tokio::test]
async fn broken_pages_are_pictured() {
    let env = broken().await;
    let dashboard = Dashboard::start(&env, &[]).await;
    let browser = Browser::start().await;
    take(&browser, &dashboard, "broken", &broken_pages()).await;
    browser.close().await;
}
