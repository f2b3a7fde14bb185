//! Who is let in.

use actix_web::test::TestRequest;
use base64::{Engine, prelude::BASE64_STANDARD};
use btcedu_domain::ReviewStatus;

use super::world::{Visitor, World};
use crate::{config::DashboardConfig, credentials::hash_password};

const PASSWORD: &str = "geheim $1 'und' mehr";

async fn guarded(world: &World) -> Visitor {
    let credentials = hash_password("ayşe", PASSWORD).unwrap().parse().unwrap();
    world.visitor_with(DashboardConfig { credentials: Some(credentials), ..DashboardConfig::default() }).await
}

fn basic(password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("ayşe:{password}")))
}

#[actix_web::test]
async fn another_host_name_is_refused_unless_it_was_allowed() {
    let world = World::new();
    let config = DashboardConfig { hosts: vec!["dash.example".to_owned()], ..DashboardConfig::default() };
    let visitor = world.visitor_with(config).await;
    for host in
        ["evil.example", "127.0.0.1.evil.example:8090", "dash.example.evil.example", "169.254.169.254"]
    {
        let _refused = visitor.get_with("/", &[("host", host)]).await.is(421).says("--allow-host");
    }
    for host in ["dash.example", "localhost:8090", "127.0.0.1:8090", "[::1]:8090"] {
        let _answered = visitor.get_with("/", &[("host", host)]).await.is(200);
    }
}

#[actix_web::test]
async fn without_signing_in_a_page_leads_to_the_form_and_the_api_asks_for_a_password() {
    let world = World::new();
    let visitor = guarded(&world).await;
    let sent = visitor.get("/reviews/1?view=side").await.is(303);
    assert_eq!(sent.header("location"), "/sign-in?next=/reviews/1%3Fview%3Dside");
    let api = visitor.get("/api/v1/episodes").await.is(401);
    assert!(api.header("www-authenticate").starts_with("Basic"), "a program is asked for its password");
    let events = visitor.get("/events").await.is(401);
    assert_eq!(events.header("www-authenticate"), "", "a page has a form for that");
    let _open = visitor.get("/healthz").await.is(200);
    let form = visitor.get("/sign-in?next=/costs").await.is(200).says("id=\"sign-in-form\"");
    let _next = form.says("value=\"/costs\"").says_nothing_of("ayşe");
}

#[actix_web::test]
async fn the_right_password_lets_in_until_signing_out() {
    let world = World::new();
    let visitor = guarded(&world).await;
    let fields = [("user", "ayşe"), ("password", PASSWORD), ("next", "/costs")];
    let signed_in = visitor.submit("/sign-in", "/sign-in", &fields).await.is(303);
    assert_eq!(signed_in.header("location"), "/costs");
    let _page = visitor.get("/costs").await.is(200).says("ayşe").says("/sign-out");
    let _form = visitor.get("/sign-out").await.is(200);
    let signed_out = visitor.submit("/sign-out", "/sign-out", &[]).await.is(303);
    assert_eq!(signed_out.header("location"), "/sign-in");
    let _again = visitor.get("/costs").await.is(303);
}

#[actix_web::test]
async fn a_wrong_password_or_name_is_refused_in_the_same_words() {
    let world = World::new();
    let visitor = guarded(&world).await;
    for (user, password) in [("ayşe", "geheim"), ("mehmet", PASSWORD), ("", "")] {
        let fields = [("user", user), ("password", password)];
        let refused = visitor.submit("/sign-in", "/sign-in", &fields).await.is(401);
        let _told = refused.says("the name or the password is wrong");
        let _out = visitor.get("/").await.is(303);
    }
}

#[actix_web::test]
async fn nobody_is_sent_to_another_host_after_signing_in() {
    let world = World::new();
    for next in ["//evil.example", "https://evil.example", "/\\evil.example"] {
        let visitor = guarded(&world).await;
        let fields = [("user", "ayşe"), ("password", PASSWORD), ("next", next)];
        let signed_in = visitor.submit("/sign-in", "/sign-in", &fields).await.is(303);
        assert_eq!(signed_in.header("location"), "/", "{next}");
    }
}

#[actix_web::test]
async fn a_program_signs_in_by_basic() {
    let world = World::new();
    let visitor = guarded(&world).await;
    for _ in 0..2 {
        let right = basic(PASSWORD);
        let _in = visitor.get_with("/api/v1/episodes", &[("authorization", right.as_str())]).await.is(200);
        let _in = visitor.get_with("/metrics", &[("authorization", right.as_str())]).await.is(200);
    }
    for wrong in [basic("geheim"), "Basic ?".to_owned(), format!("Bearer {PASSWORD}")] {
        let _out = visitor.get_with("/api/v1/episodes", &[("authorization", wrong.as_str())]).await.is(401);
    }
    // Pages are for people, who have a form.
    let right = basic(PASSWORD);
    let _page = visitor.get_with("/costs", &[("authorization", right.as_str())]).await.is(303);
}

#[actix_web::test]
async fn too_many_tries_from_one_address_have_to_wait() {
    let world = World::new();
    let visitor = guarded(&world).await;
    let token = visitor.get("/sign-in").await.field("csrf");
    let mut statuses = Vec::new();
    for _ in 0..12 {
        let form = [("csrf", token.as_str()), ("user", "ayşe"), ("password", "x")];
        let request = TestRequest::post()
            .uri("/sign-in")
            .set_form(form)
            .insert_header(("sec-fetch-site", "same-origin"));
        let answer = visitor.send(request.peer_addr("198.51.100.7:1".parse().unwrap())).await;
        statuses.push(answer.status.as_u16());
        if answer.status == 429 {
            assert_eq!(answer.header("retry-after"), "60");
        }
    }
    assert_eq!(statuses[..10], [401; 10]);
    assert_eq!(statuses[10..], [429; 2]);
}

#[actix_web::test]
async fn only_a_form_of_our_own_origin_with_the_sessions_token_changes_anything() {
    let world = World::new();
    let visitor = world.visitor().await;
    let page = visitor.get("/reviews/1").await.is(200);
    let (token, seen) = (page.field("csrf"), page.field("seen"));
    let form = [("csrf", token.as_str()), ("seen", seen.as_str())];
    for headers in [
        vec![],
        vec![("origin", "http://evil.example")],
        vec![("origin", "null")],
        vec![("sec-fetch-site", "cross-site")],
        vec![("sec-fetch-site", "same-site"), ("origin", "http://localhost")],
    ] {
        let request = TestRequest::post().uri("/reviews/1/approve").set_form(form);
        let request = headers.iter().fold(request, |request, header| request.insert_header(*header));
        let _refused = visitor.send(request).await.is(403).says("own pages");
    }
    for token in ["", "0", "00000000000000000000000000000000"] {
        let form = [("csrf", token), ("seen", seen.as_str())];
        let _refused = visitor.post("/reviews/1/approve", &form).await.is(403).says("too old");
    }
    let stranger = world.visitor().await;
    let _refused = stranger.post("/reviews/1/approve", &form).await.is(403);
    assert_eq!(world.review_status(1), ReviewStatus::Pending);
    let request = TestRequest::post().uri("/reviews/1/approve").set_form(form);
    let _done = visitor.send(request.insert_header(("origin", "http://localhost"))).await.is(303);
    assert_eq!(world.review_status(1), ReviewStatus::Approved);
}
