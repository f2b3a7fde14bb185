//! Reviews in a real browser: sent back with notes, approved, decided meanwhile by someone else.

use btcedu_domain::{EpisodeStatus, ReviewStatus};
use btcedu_testkit::{Browser, Dashboard, Key};

use crate::{
    books::{EP, scribble},
    support::status_of,
    text_support::{CORRECT, TRANSCRIPT},
    web_support::{
        decisions, fill_in, review_status, sends, until_review_is, visit, wait_at_gate_1, waiting_episode,
    },
};

const NOTES: &str = "Bitte „Schlüssel“ statt „Key“ schreiben";

#[tokio::test]
async fn changes_asked_for_in_the_browser_send_the_episode_back_and_approval_lets_it_go_on() {
    let env = waiting_episode().await;
    let dashboard = Dashboard::start(&env, &[]).await;
    let browser = Browser::start().await;

    visit(&browser, &dashboard, "/").await;
    assert_eq!(browser.text("#pending-reviews").await, "1");
    browser.click("[data-episode=ep1] a.episode-link").await;
    browser.wait_for_page("episode").await;
    browser.click("#main a[href$='/reviews/1']").await;
    browser.wait_for_page("review").await;
    until_review_is(&env, 1, ReviewStatus::InReview).await;

    // What was typed outlives the page.
    fill_in(&browser, "#changes-form", "tone", NOTES).await;
    browser.reload().await;
    browser.wait_for_page("review").await;
    let kept = format!("document.querySelector('#changes-form textarea').value === '{NOTES}'");
    browser.until(&kept).await;

    fill_in(&browser, "#changes-form", "tone", "!").await;
    browser.click(&sends("#changes-form")).await;
    browser.wait_for("#notice[role=status]").await;
    assert_eq!(status_of(&env, EP).await, (EpisodeStatus::Transcribed, None));
    let decided = decisions(&env, 1).await;
    let [(ReviewStatus::ChangesRequested, Some(notes))] = &decided[..] else { panic!("{decided:?}") };
    assert!(notes.to_lowercase().starts_with("tone") && notes.ends_with(&format!("{NOTES}!")), "{notes}");
    visit(&browser, &dashboard, "/").await;
    assert_eq!(browser.property("#pending-reviews", "hidden").await, true, "nothing waits");

    let _again = env.run(&["run", EP]).await.exits(3);
    assert!(CORRECT.prompts(&env)[1].contains(NOTES), "the next try is told");
    visit(&browser, &dashboard, "/reviews").await;
    browser.click("[data-review='2'] a.review-link").await;
    browser.wait_for_page("review").await;
    assert_eq!(browser.property("#changes-form textarea", "value").await, "", "notes of another review");
    until_review_is(&env, 2, ReviewStatus::InReview).await;
    browser.click(&sends("#approve-form")).await;
    browser.wait_for("#notice[role=status]").await;
    assert_eq!(decisions(&env, 2).await, [(ReviewStatus::Approved, None)]);

    let _goes_on = env.run(&["run", EP]).await.exits(3);
    assert_eq!(status_of(&env, EP).await, (EpisodeStatus::Adapted, None));
    visit(&browser, &dashboard, "/reviews/3").await;
    assert!(browser.count("mark.tag.t1").await > 0, "the tags are marked");
    let script = "main [lang=tr]";
    assert!(browser.count(script).await > 0);
    fill_in(&browser, "#reject-form", "factual error", "Tarih yanlış").await;
    browser.click(&sends("#reject-form")).await;
    browser.wait_for("#notice[role=status]").await;
    let decided = decisions(&env, 3).await;
    assert!(matches!(&decided[..], [(ReviewStatus::Rejected, Some(notes))] if notes.contains("Tarih")));
    assert_eq!(status_of(&env, EP).await.0, EpisodeStatus::Translated);
    browser.close().await;
}

#[tokio::test]
async fn a_look_alone_marks_nothing_and_keys_go_from_change_to_change() {
    let env = waiting_episode().await;
    let dashboard = Dashboard::start(&env, &[]).await;
    for _ in 0..2 {
        let _page = dashboard.get("/reviews/1").await.is(200);
        let _twin = dashboard.api("/reviews/1").await;
        let _head = dashboard.send("HEAD", "/reviews/1", &[], Vec::new()).await.is(200);
    }
    assert_eq!(review_status(&env, 1).await, ReviewStatus::Pending, "a GET marks nothing");
    let browser = Browser::start().await;
    visit(&browser, &dashboard, "/reviews/1").await;
    until_review_is(&env, 1, ReviewStatus::InReview).await;

    let changes = browser.count(".change[id^=change-]").await;
    assert!(changes > 2, "{changes}");
    let current = |n: u32| {
        format!(
            "document.activeElement?.closest('#change-{n}') \
        || document.querySelector('#change-{n}')?.matches('[aria-current], .current, :target')"
        )
    };
    browser.press('j').await;
    browser.until(&current(1)).await;
    browser.press('n').await;
    browser.until(&current(2)).await;
    browser.press('k').await;
    browser.until(&current(1)).await;
    browser.click("#next-change").await;
    browser.until(&current(2)).await;
    browser.click("#previous-change").await;
    browser.until(&current(1)).await;

    browser.press('c').await;
    browser.until("document.activeElement.matches('textarea[name=notes]')").await;
    // Letters that are typed are letters.
    browser.type_into("#changes-form textarea[name=notes]", "jakna").await;
    assert_eq!(browser.property("#changes-form textarea[name=notes]", "value").await, "jakna");
    assert_eq!(browser.count("dialog[open]").await, 0);
    browser.run("document.activeElement.blur();").await;
    browser.press('a').await;
    browser.wait_for("dialog[open]").await;
    browser.press(Key::Escape).await;
    browser.until("!document.querySelector('dialog[open]')").await;
    assert_eq!(review_status(&env, 1).await, ReviewStatus::InReview, "asked, and answered no");
    assert!(decisions(&env, 1).await.is_empty());

    // Layouts and filters are links.
    browser.click("a.layout[data-layout=inline]").await;
    browser.until("location.search.includes('view=inline')").await;
    let category = browser.attribute(".change", "data-category").await.expect("a category");
    browser.click(&format!("a.filter[data-filter='{category}']")).await;
    browser.until("location.search.includes('only=')").await;
    assert!(browser.count(&format!(".change[data-category='{category}']")).await > 0);
    browser.close().await;
}

#[tokio::test]
async fn several_are_approved_from_the_queue_at_once() {
    let env = waiting_episode().await;
    for id in ["ep2", "ep3"] {
        wait_at_gate_1(&env, id, TRANSCRIPT).await;
    }
    let dashboard = Dashboard::start(&env, &[]).await;
    let browser = Browser::start().await;
    visit(&browser, &dashboard, "/reviews").await;
    assert_eq!(browser.text("#pending-reviews").await, "3");
    assert_eq!(browser.count("#approve-several input[type=checkbox][name=review]").await, 3);
    for review in [1, 3] {
        browser.click(&format!("#approve-several input[name=review][value^='{review}:']")).await;
    }
    browser.click(&sends("#approve-several")).await;
    browser.wait_for("#notice[role=status]").await;
    for (review, status) in
        [(1, ReviewStatus::Approved), (2, ReviewStatus::Pending), (3, ReviewStatus::Approved)]
    {
        assert_eq!(review_status(&env, review).await, status, "review {review}");
    }
    assert_eq!(browser.text("#pending-reviews").await, "1");
    for id in [EP, "ep3"] {
        let _goes_on = env.run(&["run", id]).await.exits(3);
        assert_eq!(status_of(&env, id).await.0, EpisodeStatus::Adapted);
    }

    // Of several, those that can't be approved stay, and the notice says so.
    visit(&browser, &dashboard, "/reviews").await;
    browser.scripts(false).await;
    visit(&browser, &dashboard, "/reviews").await;
    let _meanwhile = env.run(&["review", "reject", "2"]).await.success();
    for review in [2, 4] {
        browser.click(&format!("#approve-several input[name=review][value^='{review}:']")).await;
    }
    browser.click(&sends("#approve-several")).await;
    browser.wait_for("#notice").await;
    assert!(browser.text("#notice").await.contains('2'), "it is named: {}", browser.text("#notice").await);
    assert_eq!(decisions(&env, 2).await.len(), 1);
    assert_eq!(review_status(&env, 2).await, ReviewStatus::Rejected);
    assert_eq!(review_status(&env, 4).await, ReviewStatus::Approved);
    browser.close().await;
}

#[tokio::test]
async fn what_someone_else_decided_or_changed_meanwhile_is_not_decided_by_mistake() {
    let env = waiting_episode().await;
    for id in ["ep2", "ep3"] {
        wait_at_gate_1(&env, id, TRANSCRIPT).await;
    }
    let dashboard = Dashboard::start(&env, &[]).await;
    let browser = Browser::start().await;
    // Without scripts the page stays as it was when it came: an old tab.
    browser.scripts(false).await;

    visit(&browser, &dashboard, "/reviews/1").await;
    let _meanwhile = env.run(&["review", "approve", "1"]).await.success();
    fill_in(&browser, "#changes-form", "", NOTES).await;
    browser.click(&sends("#changes-form")).await;
    browser.wait_for("#notice[role=alert]").await;
    assert!(browser.text("#notice").await.contains("already"), "{}", browser.text("#notice").await);
    assert_eq!(decisions(&env, 1).await, [(ReviewStatus::Approved, None)]);
    assert_eq!(status_of(&env, EP).await, (EpisodeStatus::Corrected, None));
    visit(&browser, &dashboard, "/reviews/1").await;
    assert_eq!(browser.count("#approve-form, #reject-form, #changes-form").await, 0, "no forms any more");

    for form in ["#approve-form", "#reject-form", "#changes-form"] {
        visit(&browser, &dashboard, "/reviews/2").await;
        let file = env.data().join("transcripts/ep2/transcript.corrected.de.txt");
        let text = std::fs::read_to_string(&file).unwrap();
        scribble(&file, format!("{text}Von Hand ergänzt, vor {form}.\n").as_bytes());
        if form == "#changes-form" {
            fill_in(&browser, form, "", NOTES).await;
        }
        browser.click(&sends(form)).await;
        browser.wait_for("#notice[role=alert]").await;
        assert!(browser.text("#notice").await.contains("changed"), "{}", browser.text("#notice").await);
        assert!(decisions(&env, 2).await.is_empty(), "{form}");
        assert_eq!(status_of(&env, "ep2").await, (EpisodeStatus::Corrected, None));
    }
    visit(&browser, &dashboard, "/reviews/2").await;
    assert!(browser.page_text().await.contains("Von Hand ergänzt"), "the page shows the text as it is now");
    browser.click(&sends("#approve-form")).await;
    browser.wait_for("#notice[role=status]").await;
    assert_eq!(decisions(&env, 2).await, [(ReviewStatus::Approved, None)]);

    // A request for changes without notes is none.
    let page = dashboard.get("/reviews/3").await.is(200);
    let (token, seen) = (page.field("csrf").unwrap(), page.field("seen").unwrap());
    let fields = [("csrf", token.as_str()), ("seen", seen.as_str()), ("about", "tone"), ("notes", "  ")];
    let refused = dashboard.post("/reviews/3/request-changes", &fields).await;
    assert!(matches!(refused.status, 303 | 400 | 422), "{}", refused.status);
    assert!(decisions(&env, 3).await.is_empty());
    // Neither is a decision for a text that nobody has seen, or about something odd.
    for (seen, about) in [("", ""), ("0000", ""), (seen.as_str(), "weather")] {
        let fields = [("csrf", token.as_str()), ("seen", seen), ("about", about), ("notes", "x")];
        let refused = dashboard.post("/reviews/3/reject", &fields).await;
        assert!(matches!(refused.status, 303 | 400 | 422), "{seen} {about}: {}", refused.status);
        assert!(decisions(&env, 3).await.is_empty(), "{seen} {about}");
    }
    browser.close().await;
}
