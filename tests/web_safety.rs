//! Hostile requests, hostile data and who may come in: the right status, no effect, and the server stays up.

use std::{fs, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use btcedu_testkit::{Answer, Browser, Dashboard, Key, RawAnswer, TestEnv, form};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use crate::{
    books::EP,
    web_support::{
        EVIL_URL, NOWHERE, PASSWORD, USER, common_pages, decisions, empty, episode_pages, finished_episode,
        guarded, hostile, hostile_pages, sign_in_line, visit, waiting_episode,
    },
};

const SECRET: &str = "what-no-visitor-may-read";

#[tokio::test]
async fn no_path_leads_out_of_the_workspace() {
    let env = finished_episode().await;
    env.write("secret.txt", SECRET);
    env.write("secret.png", SECRET);
    fs::copy(env.folder().join("secret.png"), env.data().join("secret.png")).unwrap();
    let mut dashboard = Dashboard::start(&env, &[]).await;
    for path in [
        "/../../../../etc/passwd",
        "/static/../../../../../../etc/passwd",
        "/static/..%2f..%2f..%2fetc%2fpasswd",
        "/static/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/static/%252e%252e%252fetc%252fpasswd",
        "/static//etc/passwd",
        "/static/..\\..\\secret.txt",
        "/episodes/../../secret.txt",
        "/episodes/..%2f..%2fsecret.txt",
        "/episodes/%2e%2e",
        "/episodes/./ep1%00",
        "/episodes/ep1%00/images",
        "/episodes/ep1/images/..%2f..%2f..%2f..%2fsecret.png",
        "/episodes/ep1/images/../../../../secret.png",
        "/episodes/ep1/images/%2e%2e%2f%2e%2e%2fsecret.png",
        "/episodes/../images/secret.png",
        "/episodes/..%2f..%2f/images/secret.png",
        "/episodes/ep1/images/ch01%00.png",
        "/episodes/ep1/images/ch01.png%00",
        "/episodes/ep1/images/..%2f..%2f..%2fsecret/thumb",
        "/episodes/ep1/texts/..%2f..%2f..%2fsecret.txt",
        "/episodes/ep1/texts/%2e%2e/secret.txt",
        "/episodes/ep1/texts/corrected%2f..%2f..%2fsecret",
        "/prompts/..%2f..%2fsecret",
        "/prompts/%2e%2e%2fsecret.txt",
        "/reviews/..%2f..%2fsecret",
        "/api/v1/episodes/..%2f..%2fsecret.txt",
        "/api/v1/episodes/ep1/texts/..%2f..%2fsecret.txt",
        "/api/v1/../../secret.txt",
        "http://127.0.0.1/../../secret.txt",
        "//127.0.0.1/etc/passwd",
        "/\u{0}",
        "/%",
        "/%ff%fe",
        "/%zz",
        "*",
        "",
    ] {
        let answer = dashboard.raw_get(path).await;
        assert!(!answer.text.contains(SECRET) && !answer.text.contains("root:x:"), "{path}");
        let refused = matches!(answer.status, None | Some(301 | 303 | 308 | 400 | 404 | 405 | 421));
        assert!(refused, "{path}: {:?}\n{}", answer.status, answer.text);
        assert!(!answer.text.contains("panicked"), "{path}");
    }
    let _still_up = dashboard.get("/").await.is(200);
    assert!(dashboard.is_up());
    assert!(!dashboard.said().contains("panicked"), "{}", dashboard.said());
}

/// Demands the headers that keep a browser from doing more with an answer than it should.
#[track_caller]
fn guards(answer: &Answer, story: &str) {
    let policy = answer.header("content-security-policy");
    assert!(policy.contains("default-src 'none'"), "{story}: {policy}");
    assert!(!policy.contains("unsafe") && !policy.contains('*'), "{story}: {policy}");
    assert!(policy.contains("frame-ancestors 'none'"), "{story}: {policy}");
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{story}");
    assert_eq!(answer.header("x-frame-options").to_ascii_uppercase(), "DENY", "{story}");
    let referrer = answer.header("referrer-policy");
    assert!(matches!(referrer, "no-referrer" | "same-origin"), "{story}: {referrer}");
    assert_eq!(answer.header("server"), "", "{story}");
}

#[tokio::test]
async fn too_much_is_refused_and_who_is_slow_holds_up_nobody_and_is_cut() {
    let env = waiting_episode().await;
    let mut dashboard = Dashboard::start(&env, &[]).await;
    let page = dashboard.get("/reviews/1").await.is(200);
    let (token, seen) = (page.field("csrf").unwrap(), page.field("seen").unwrap());
    let head = |length: &str| {
        format!(
            "POST /reviews/1/request-changes HTTP/1.1\r\nhost: {}\r\norigin: {}\r\ncookie: {}\r\n\
             content-type: application/x-www-form-urlencoded\r\n{length}\r\nconnection: close\r\n\r\n",
            dashboard.address(),
            dashboard.origin(),
            dashboard.cookie_header()
        )
    };
    let long = "x".repeat(4_000_000);
    let body =
        form(&[("csrf", token.as_str()), ("seen", seen.as_str()), ("about", ""), ("notes", long.as_str())]);
    let whole = format!("{}{body}", head(&format!("content-length: {}", body.len())));
    let refused = dashboard.raw(whole.as_bytes()).await;
    // Whoever goes on sending may see the connection closed before the answer.
    assert!(matches!(refused.status, Some(413) | None), "{:?}", refused.status);
    let promised = dashboard.raw(head("content-length: 4000000").as_bytes()).await;
    assert_eq!(promised.status, Some(413), "{}", promised.text);
    let chunk = format!("{:x}\r\n{}\r\n0\r\n\r\n", long.len(), long);
    let chunked = dashboard.raw(format!("{}{chunk}", head("transfer-encoding: chunked")).as_bytes()).await;
    assert!(matches!(chunked.status, Some(413) | None), "{:?}", chunked.status);
    for bytes in [
        format!("GET /?search={} HTTP/1.1\r\nhost: {}\r\n\r\n", "y".repeat(300_000), dashboard.address()),
        format!("GET / HTTP/1.1\r\nhost: {}\r\nx-long: {}\r\n\r\n", dashboard.address(), "y".repeat(300_000)),
        "\u{16}\u{3}\u{1}\u{2}nonsense\r\n\r\n".to_owned(),
        format!("GET / HTTP/1.1\r\nhost: {0}\r\nhost: evil.example\r\n\r\n", dashboard.address()),
    ] {
        let answer = dashboard.raw(bytes.as_bytes()).await;
        let story = bytes.chars().take(60).collect::<String>();
        assert!(
            matches!(answer.status, None | Some(400 | 413 | 414 | 421 | 431)),
            "{story}: {:?}",
            answer.status
        );
    }
    assert!(decisions(&env, 1).await.is_empty(), "nothing of it was taken for a decision");

    // Half a head, half a body, many at once; meanwhile everybody else is served.
    let half_head = format!("GET / HTTP/1.1\r\nhost: {}\r\n", dashboard.address());
    let half_body = format!("{}csrf=", head("content-length: 500"));
    let mut slow = Vec::new();
    for n in 0..40 {
        let mut stream = dashboard.connect().await;
        let bytes = if n % 2 == 0 { &half_head } else { &half_body };
        stream.write_all(bytes.as_bytes()).await.unwrap();
        slow.push(stream);
    }
    for _ in 0..20 {
        let quick = timeout(Duration::from_secs(5), dashboard.get("/")).await;
        let _served = quick.expect("others are served meanwhile").is(200);
    }
    let mut last_two = slow.split_off(38);
    let (mut body, mut head) = (last_two.pop().unwrap(), last_two.pop().unwrap());
    let (head, body) = tokio::join!(RawAnswer::read(&mut head), RawAnswer::read(&mut body));
    assert!(head.closed && matches!(head.status, None | Some(408)), "half a head is cut: {head:?}");
    assert!(body.closed && matches!(body.status, None | Some(400 | 408)), "half a body is cut: {body:?}");
    assert!(dashboard.is_up());
    assert!(!dashboard.said().contains("panicked"), "{}", dashboard.said());
}

#[tokio::test]
async fn another_address_than_loopback_needs_someone_to_sign_in() {
    let env = empty().await;
    for listen in ["0.0.0.0:0", "[::]:0"] {
        let ended = timeout(Duration::from_secs(30), env.run(&["web", "--listen", listen])).await;
        let refused = ended.expect("it doesn't serve").exits(2).says("DASHBOARD_AUTH");
        let _told = refused.says("btcedu web hash-password");
    }
    for (value, story) in [("anna", "no hash"), ("anna:secret", "no hash"), (":$argon2id$x", "no name")] {
        env.write(".env", &format!("DASHBOARD_AUTH='{value}'\n"));
        let ended = timeout(Duration::from_secs(30), env.run(&["web", "--listen", "127.0.0.1:0"])).await;
        let refused = ended.unwrap_or_else(|_| panic!("it serves with {story}")).exits(2);
        let _told = refused.says("DASHBOARD_AUTH");
    }
    fs::remove_file(env.folder().join(".env")).unwrap();
    for listen in ["nonsense", "127.0.0.1", "127.0.0.1:99999"] {
        let ended = timeout(Duration::from_secs(30), env.run(&["web", "--listen", listen])).await;
        let _refused = ended.expect("it doesn't serve").exits(2);
    }
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

#[tokio::test]
async fn with_a_password_only_its_owner_comes_in_and_the_line_for_the_env_file_survives_it() {
    let env = finished_episode().await;
    let line = sign_in_line(&env).await;
    assert!(line.starts_with("DASHBOARD_AUTH='anna:$argon2id$") && line.ends_with('\''), "{line}");
    assert!(!line.contains(PASSWORD), "{line}");
    assert_ne!(line, sign_in_line(&env).await, "each has its own salt");
    let dashboard = guarded(&env).await;
    let page = dashboard.get("/sign-in").await.is(200);
    let style = page.attributes("href").into_iter().find(|link| link.contains(".css")).unwrap();
    for path in ["/healthz", style.as_str()] {
        let _open = dashboard.get(path).await.is(200);
    }
    let mut closed: Vec<String> = common_pages().into_iter().map(|page| page.path).collect();
    closed.extend(episode_pages(EP).into_iter().map(|page| page.path));
    closed.extend(
        ["/episodes/ep1/images/ch01.png", "/episodes/ep1/images/ch01/thumb", NOWHERE].map(str::to_owned),
    );
    closed.extend(["/events", "/reviews/1", "/sign-out"].map(str::to_owned));
    for path in &closed {
        let answer = dashboard.get(path).await;
        let to = answer.header("location").to_owned();
        let sent_away = matches!(answer.status, 302 | 303) && to.starts_with("/sign-in");
        assert!(sent_away || answer.status == 401, "{path}: {} {to}", answer.status);
        assert!(!answer.text().contains("Halving"), "{path} shows something");
        guards(&answer, path);
    }
    for path in ["/api/v1/episodes", "/api/v1/episodes/ep1/images", "/api/v1/openapi.json", "/metrics"] {
        let answer = dashboard.get(path).await.is(401);
        assert!(answer.header("www-authenticate").starts_with("Basic"), "{path}");
        let _in =
            dashboard.get_with(path, &[("authorization", basic(USER, PASSWORD).as_str())]).await.is(200);
    }
    let stranger = basic("someone", PASSWORD);
    for odd in [stranger.as_str(), "Basic !!!", "Bearer x"] {
        let _out = dashboard.get_with("/api/v1/episodes", &[("authorization", odd)]).await.is(401);
    }

    let wrong =
        dashboard.submit("/sign-in", "/sign-in", &[("user", USER), ("password", "wrong")]).await.is(401);
    assert!(
        wrong.text().contains("id=\"sign-in-form\"") && !wrong.text().contains("wrong\""),
        "{}",
        wrong.text()
    );
    let back = "/episodes/ep1/images";
    let next = dashboard.get(back).await.header("location").to_owned();
    let form_page = if next.is_empty() { "/sign-in".to_owned() } else { next };
    let hidden = dashboard.get(&form_page).await.field("next").unwrap_or_default();
    let entered = [("user", USER), ("password", PASSWORD), ("next", hidden.as_str())];
    let signed_in = dashboard.submit(&form_page, &form_page, &entered).await.is(303);
    let cookie = signed_in.all("set-cookie").collect::<Vec<_>>().join("\n");
    for mark in ["HttpOnly", "SameSite="] {
        assert!(cookie.contains(mark), "{mark}: {cookie}");
    }
    if form_page.contains("next=") {
        assert_eq!(signed_in.header("location"), back, "back to where the visitor wanted to go");
    }
    for page in episode_pages(EP) {
        let _in = dashboard.get(&page.path).await.is(200);
    }
    let _page = dashboard.get("/").await.is(200).says(USER);

    let kept = dashboard.cookie_header();
    let _out = dashboard.submit("/sign-out", "/sign-out", &[]).await.is(303);
    let outside = dashboard.get("/costs").await;
    assert_ne!(outside.status, 200, "signed out");
    dashboard.forget_cookies();
    for cookie in ["session=1".to_owned(), kept.chars().rev().collect()] {
        let answer = dashboard.get_with("/costs", &[("cookie", cookie.as_str())]).await;
        assert_ne!(answer.status, 200, "a made-up cookie opens nothing: {cookie}");
    }

    // Nobody is led to another host by a sign-in.
    for next in ["//evil.example/", "https://evil.example/", "/\\evil.example", EVIL_URL] {
        let fields = [("user", USER), ("password", PASSWORD), ("next", next)];
        let answer = dashboard.submit("/sign-in", "/sign-in", &fields).await;
        let to = answer.header("location");
        let local = to.starts_with('/') && !to.starts_with("//") && !to.starts_with("/\\");
        assert!(answer.status == 303 && local, "{next} leads to '{to}' ({})", answer.status);
        dashboard.forget_cookies();
    }
}

#[tokio::test]
async fn hostile_data_shows_as_text_on_every_page() {
    let env: TestEnv = hostile().await;
    let dashboard = Dashboard::start(&env, &[]).await;
    let browser = Browser::start().await;
    for page in hostile_pages() {
        visit(&browser, &dashboard, &page.path).await;
        harmless(&browser, &page.path).await;
    }
    let console = browser.console().await;
    let tried: Vec<&String> =
        console.iter().filter(|line| line.contains("Content Security Policy")).collect();
    assert!(tried.is_empty(), "something tried to run: {tried:#?}");

    for path in [
        "/",
        "/episodes/ep1",
        "/episodes/ep1/texts/raw",
        "/episodes/ep1/texts/corrected",
        "/episodes/ep2/texts/adapted",
        "/episodes/evilRow",
        "/episodes/evilChapters/chapters",
        "/episodes/evilChapters/images",
        "/reviews",
        "/reviews/2",
        "/reviews/4",
        "/prompts/adapt",
    ] {
        visit(&browser, &dashboard, path).await;
        let shown = browser.run("return document.body.textContent;").await;
        assert!(shown.as_str().unwrap().contains("window.__pwned="), "{path} shows it as it is");
    }
    visit(&browser, &dashboard, "/episodes/evilRow").await;
    assert_eq!(browser.count("a[href^='javascript']").await, 0);
    assert!(browser.run("return document.title;").await.as_str().unwrap().contains("<script>"));
    assert_eq!(dashboard.api("/episodes/evilRow").await["url"], Value::Null, "no link");

    // What scripts of the page write is text too.
    visit(&browser, &dashboard, "/episodes/evilChapters/images").await;
    browser.focus("a.open-picture").await;
    browser.press(Key::Enter).await;
    browser.wait_for("dialog#lightbox[open]").await;
    harmless(&browser, "the lightbox").await;
    assert!(browser.text("#lightbox .lightbox-title").await.contains("<script>"));
    browser.press(Key::Escape).await;
    // A live update parses the page anew.
    let before = browser.attribute("a.open-picture", "href").await.unwrap();
    let _made = env.run(&["imagegen", "evilChapters", "--chapter", "ch01"]).await;
    let other = format!("document.querySelector('a.open-picture').getAttribute('href') !== '{before}'");
    browser.until(&other).await;
    harmless(&browser, "a live update").await;
    browser.close().await;
}

async fn harmless(browser: &Browser, story: &str) {
    assert_eq!(browser.run("return window.__pwned === undefined;").await, true, "{story}: a script ran");
    assert_eq!(browser.count("img[src=x]").await, 0, "{story}: an element was smuggled in");
    assert_eq!(browser.count("script:not([src])").await, 0, "{story}: a script was smuggled in");
    assert_eq!(browser.count("[onerror], [onclick], [onload]").await, 0, "{story}");
    assert_eq!(browser.count("a[href^='javascript:' i]").await, 0, "{story}");
}

#[tokio::test]
async fn a_signal_ends_the_server_also_while_somebody_follows_a_page() {
    let env = empty().await;
    let quiet = Dashboard::start(&env, &[]).await;
    assert_eq!(quiet.terminate().await, Some(143));
    let followed = Dashboard::start(&env, &[]).await;
    let mut stream = followed.connect().await;
    stream.write_all(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut begins = [0; 15];
    stream.read_exact(&mut begins).await.unwrap();
    assert_eq!(&begins, b"HTTP/1.1 200 OK");
    assert_eq!(followed.terminate().await, Some(143), "the stream holds up nothing");
}
