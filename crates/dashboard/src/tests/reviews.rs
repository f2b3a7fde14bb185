//! Reviews: the queue, the changes, and decisions, also those that are refused.

use btcedu_artifacts::{remove_file, write_atomic};
use btcedu_domain::{EpisodeStatus, ReviewStage, ReviewStatus, Sha256Hash};
use serde_json::{Value, json};

use super::world::{CORRECTED, EP, EVIL, Visitor, World};

fn seen() -> String {
    Sha256Hash::of_bytes(CORRECTED.as_bytes()).to_string()
}

/// Sends a form of review 1 for the text as it was written.
async fn decide(visitor: &Visitor, what: &str, fields: &[(&str, &str)]) -> super::world::Answer {
    let seen = seen();
    visitor
        .submit("/sign-out", &format!("/reviews/1/{what}"), &[&[("seen", seen.as_str())], fields].concat())
        .await
}

#[actix_web::test]
async fn the_queue_lists_what_waits_with_its_size_and_what_was_decided() {
    let world = World::new();
    world.add_correction("ep2");
    let visitor = world.visitor().await;
    let _done = decide(&visitor, "approve", &[]).await.is(303);
    let queue = visitor.api("/reviews").await;
    let (pending, decided) = (queue["pending"].as_array().unwrap(), queue["decided"].as_array().unwrap());
    assert_eq!((pending.len(), decided.len(), &queue["decided_total"]), (1, 1, &json!(1)));
    assert_eq!(
        (&pending[0]["id"], &pending[0]["changes"], &pending[0]["blocked"]),
        (&json!(2), &json!(2), &Value::Null)
    );
    assert_eq!((&decided[0]["id"], &decided[0]["status"]), (&json!(1), &json!("approved")));
    let page = visitor.get("/reviews").await.is(200).says("data-review=\"2\"");
    let _box = page.says(&format!("name=\"review\" value=\"2:{}\"", seen()));
}

#[actix_web::test]
async fn a_correction_shows_its_changes_passage_by_passage() {
    let visitor = World::new().visitor().await;
    let page = visitor.get("/reviews/1").await.is(200).says("id=\"change-1\"").says("id=\"change-2\"");
    let page = page.says(">Halfing</del>").says(">Halving</ins>");
    let _forms = page.says("id=\"approve-form\"").says("id=\"changes-form\"").says("id=\"reject-form\"");
    let review = visitor.api("/reviews/1").await;
    assert_eq!(
        (&review["summary"]["total"], &review["problem"], &review["decidable"]),
        (&json!(2), &Value::Null, &json!(true))
    );
    assert_eq!(review["passages"].as_array().unwrap().len(), 2);
    assert_eq!(review["summary"]["by_category"], json!([{"name": "terminology", "count": 2}]));
}

#[actix_web::test]
async fn a_look_marks_nothing_and_the_open_form_does() {
    let world = World::new();
    let visitor = world.visitor().await;
    let _look = visitor.get("/reviews/1").await.is(200);
    let _twin = visitor.api("/reviews/1").await;
    assert_eq!(world.review_status(1), ReviewStatus::Pending);
    let opened = visitor.submit("/reviews/1", "/reviews/1/open", &[]).await.is(303);
    assert_eq!(opened.header("location"), "/reviews/1");
    assert_eq!(world.review_status(1), ReviewStatus::InReview);
}

#[actix_web::test]
async fn an_approval_is_written_down_and_said() {
    let world = World::new();
    let visitor = world.visitor().await;
    let _done = decide(&visitor, "approve", &[]).await.is(303);
    assert_eq!((world.review_status(1), world.notes(EP)), (ReviewStatus::Approved, vec![None]));
    assert_eq!(world.episode_status(EP), EpisodeStatus::Corrected);
    let page = visitor.get("/reviews/1").await.is(200);
    assert_eq!(page.notice(), "approved; `btcedu run ep1` goes on from here");
    let _no_forms = page.says("This is decided: approved").says_nothing_of("id=\"approve-form\"");
}

#[actix_web::test]
async fn a_request_for_changes_sends_the_episode_back_with_its_notes() {
    let world = World::new();
    let visitor = world.visitor().await;
    let fields = [("about", "tone"), ("notes", "  Bitte „Schlüssel“\r\nschreiben \n")];
    let _done = decide(&visitor, "request-changes", &fields).await.is(303);
    assert_eq!(world.review_status(1), ReviewStatus::ChangesRequested);
    assert_eq!(world.notes(EP), [Some("tone: Bitte „Schlüssel“\nschreiben".to_owned())]);
    assert_eq!(world.episode_status(EP), EpisodeStatus::Transcribed);
    assert_eq!(visitor.get("/reviews/1").await.notice(), "sent back; `btcedu run ep1` makes it anew");
}

#[actix_web::test]
async fn a_rejection_needs_no_notes_and_keeps_its_subject() {
    for (fields, notes) in [
        (vec![], None),
        (vec![("about", "factual error")], Some("factual error")),
        (vec![("about", "factual error"), ("notes", "Tarih yanlış")], Some("factual error: Tarih yanlış")),
    ] {
        let world = World::new();
        let _done = decide(&world.visitor().await, "reject", &fields).await.is(303);
        assert_eq!(world.review_status(1), ReviewStatus::Rejected);
        assert_eq!(world.notes(EP), [notes.map(str::to_owned)]);
    }
}

#[actix_web::test]
async fn a_request_for_changes_without_notes_is_refused() {
    let world = World::new();
    let visitor = world.visitor().await;
    for notes in ["", "  \r\n "] {
        let _back = decide(&visitor, "request-changes", &[("about", "tone"), ("notes", notes)]).await.is(303);
        let notice = visitor.get("/reviews/1").await.notice();
        assert!(notice.starts_with("say what to change"), "{notice}");
    }
    assert_eq!((world.review_status(1), world.notes(EP)), (ReviewStatus::Pending, vec![]));
}

#[actix_web::test]
async fn a_form_with_an_odd_subject_or_without_the_text_seen_is_refused() {
    let world = World::new();
    let visitor = world.visitor().await;
    let odd = decide(&visitor, "reject", &[("about", "weather"), ("notes", "x")]).await.is(422);
    let _told = odd.says("notes are about one of these");
    for seen in ["", "0000", "x"] {
        let unseen = visitor.submit("/reviews/1", "/reviews/1/approve", &[("seen", seen)]).await.is(422);
        let _told = unseen.says("which text was seen");
    }
    assert_eq!(world.review_status(1), ReviewStatus::Pending);
}

#[actix_web::test]
async fn a_text_that_was_made_anew_since_it_was_seen_is_not_decided_on() {
    let world = World::new();
    let visitor = world.visitor().await;
    let other = Sha256Hash::of_bytes(b"another text").to_string();
    let _back = visitor.submit("/reviews/1", "/reviews/1/approve", &[("seen", other.as_str())]).await.is(303);
    let page = visitor.get("/reviews/1").await;
    assert!(page.notice().contains("made anew since you opened it"), "{}", page.notice());
    assert_eq!(world.review_status(1), ReviewStatus::Pending);
}

#[actix_web::test]
async fn a_text_that_was_changed_on_the_disk_is_looked_at_anew_first() {
    let world = World::new();
    let visitor = world.visitor().await;
    let changed = format!("{CORRECTED}Von Hand ergänzt.\n");
    write_atomic(&world.dir(EP).corrected_transcript(), changed.as_bytes()).unwrap();
    let page = visitor.get("/reviews/1").await.is(200).says("id=\"take-up-form\"");
    let _blocked = page.says("the text on the disk is another one").says_nothing_of("id=\"approve-form\"");
    let _back = visitor.submit("/reviews/1", "/reviews/1/take-up", &[]).await.is(303);
    let page = visitor.get("/reviews/1").await.is(200).says("id=\"approve-form\"").says("Von Hand ergänzt.");
    assert!(page.notice().contains("look at it anew"), "{}", page.notice());
    let seen = page.field("seen");
    assert_eq!(seen, Sha256Hash::of_bytes(changed.as_bytes()).to_string());
    let _done = visitor.submit("/reviews/1", "/reviews/1/approve", &[("seen", seen.as_str())]).await.is(303);
    assert_eq!(world.review_status(1), ReviewStatus::Approved);
}

#[actix_web::test]
async fn what_is_decided_is_not_decided_twice() {
    let world = World::new();
    let visitor = world.visitor().await;
    let _done = decide(&visitor, "approve", &[]).await.is(303);
    for what in ["approve", "reject"] {
        let _back = decide(&visitor, what, &[]).await.is(303);
        let notice = visitor.get("/reviews/1").await.notice();
        assert!(notice.starts_with("review 1 was decided already"), "{notice}");
    }
    assert_eq!((world.review_status(1), world.notes(EP).len()), (ReviewStatus::Approved, 1));
    let _none = visitor.submit("/sign-out", "/reviews/9/approve", &[("seen", seen().as_str())]).await.is(404);
}

#[actix_web::test]
async fn several_are_approved_at_once_and_those_that_cant_be_are_named() {
    let world = World::new();
    world.add_correction("ep2");
    world.add_correction("ep3");
    let visitor = world.visitor().await;
    let other = Sha256Hash::of_bytes(b"another text");
    let chosen = [format!("1:{}", seen()), format!("2:{other}"), format!("3:{}", seen())];
    let fields: Vec<(&str, &str)> = chosen.iter().map(|one| ("review", one.as_str())).collect();
    let done = visitor.submit("/reviews", "/reviews/approve", &fields).await.is(303);
    assert_eq!(done.header("location"), "/reviews");
    let statuses = [1, 2, 3].map(|task| world.review_status(task));
    assert_eq!(statuses, [ReviewStatus::Approved, ReviewStatus::Pending, ReviewStatus::Approved]);
    let notice = visitor.get("/reviews").await.notice();
    assert!(notice.starts_with("2 reviews were approved") && notice.contains("review 2"), "{notice}");
}

#[actix_web::test]
async fn an_approval_of_several_without_a_choice_or_with_an_odd_one_does_nothing() {
    let world = World::new();
    let visitor = world.visitor().await;
    let _none = visitor.submit("/reviews", "/reviews/approve", &[]).await.is(303);
    assert_eq!(visitor.get("/reviews").await.notice(), "choose the reviews to approve first");
    for odd in ["1", "1:", "x:y", ":"] {
        let _odd = visitor.submit("/reviews", "/reviews/approve", &[("review", odd)]).await.is(422);
    }
    assert_eq!(world.review_status(1), ReviewStatus::Pending);
}

#[actix_web::test]
async fn changes_are_filtered_and_shown_in_one_text() {
    let visitor = World::new().visitor().await;
    let inline = visitor.api("/reviews/1?view=inline&changes=only&only=spelling").await;
    assert_eq!(
        (&inline["layout"], &inline["only"], &inline["changes_only"]),
        (&json!("inline"), &json!("spelling"), &json!(true))
    );
    assert!(inline["passages"].as_array().unwrap().is_empty(), "no change is of that category");
    let odd = visitor.api("/reviews/1?view=nonsense").await;
    assert_eq!((&odd["layout"], odd["passages"].as_array().unwrap().len()), (&json!("side"), 2));
}

#[actix_web::test]
async fn a_lost_diff_shows_the_whole_text_and_how_to_get_it_back() {
    let world = World::new();
    remove_file(&world.dir(EP).review_diff(ReviewStage::Correct)).unwrap();
    let visitor = world.visitor().await;
    let review = visitor.api("/reviews/1").await;
    assert!(review["problem"].as_str().unwrap().contains("`btcedu correct ep1` writes it anew"), "{review}");
    assert_eq!(review["whole"].as_array().unwrap().len(), 2);
    let _page = visitor.get("/reviews/1").await.is(200).says("id=\"whole\"").says("id=\"approve-form\"");
}

#[actix_web::test]
async fn notes_are_shown_as_text() {
    let world = World::new();
    let visitor = world.visitor().await;
    let _done = decide(&visitor, "request-changes", &[("notes", EVIL)]).await.is(303);
    for path in ["/reviews/1", "/reviews", "/episodes/ep1"] {
        let page = visitor.get(path).await.is(200).says("&lt;script&gt;alert(1)");
        let _text = page.says_nothing_of("<script>alert").says_nothing_of("<img src=x");
    }
}

#[actix_web::test]
async fn a_decision_waits_for_nobody_who_holds_the_episode() {
    use btcedu_artifacts::{EpisodeLock, LockHolder};
    let world = World::new();
    let visitor = world.visitor().await;
    let clock = btcedu_domain::SystemClock;
    let holder = LockHolder::this_process("btcedu correct ep1", btcedu_models::testing::time());
    let _lock = EpisodeLock::acquire(&world.dir(EP), &holder, &clock).await.unwrap();
    let _back = decide(&visitor, "approve", &[]).await.is(303);
    let notice = visitor.get("/reviews/1").await.notice();
    assert!(notice.contains("is held by") && notice.contains("btcedu correct ep1"), "{notice}");
    assert_eq!(world.review_status(1), ReviewStatus::Pending);
}
