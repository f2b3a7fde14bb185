//! Which addresses are fetched, how often, and how much of them.

use std::sync::Mutex;

use async_trait::async_trait;
use btcedu_domain::UtcTime;

use super::*;
use crate::testing::{Canned, Responder};

/// A clock that stands still and keeps what it was asked to wait.
#[derive(Default)]
struct Waits(Mutex<Vec<Duration>>);

#[async_trait]
impl Clock for Waits {
    fn now(&self) -> UtcTime {
        "2026-11-22T10:30:00Z".parse().unwrap()
    }

    async fn sleep(&self, duration: Duration) {
        self.0.lock().unwrap().push(duration);
    }
}

async fn fetch_from(answers: Vec<Canned>) -> (Result<Reply, HttpError>, usize, Vec<Duration>) {
    let server = Responder::start(answers).await.unwrap();
    let base = server.url().parse().unwrap();
    let clock = Waits::default();
    let url = format!("{}/files/1.png", server.url());
    let got = HttpClient::default().download(&base, &url, Duration::from_secs(5), 1000, &clock).await;
    (got, server.received().len(), clock.0.into_inner().unwrap())
}

fn answer(status: u16, headers: &[&str], body: &[u8]) -> Canned {
    Canned::Answer(status, headers.iter().map(|&h| h.to_owned()).collect(), body.to_vec())
}

#[tokio::test]
async fn the_own_origin_may_be_plain_http() {
    let (got, calls, waits) = fetch_from(vec![answer(200, &[], b"picture")]).await;
    assert_eq!((got.unwrap().body.as_slice(), calls), (&b"picture"[..], 1));
    assert!(waits.is_empty());
}

#[tokio::test]
async fn tries_three_times_more_and_waits_in_between() {
    let broken = Canned::CutOff(100, b"half".to_vec());
    let (got, calls, waits) =
        fetch_from(vec![broken.clone(), answer(503, &[], b""), Canned::Close, answer(200, &[], b"whole")])
            .await;
    assert_eq!((got.unwrap().body.as_slice(), calls), (&b"whole"[..], 4));
    assert_eq!(waits, WAITS);

    let (got, calls, _) = fetch_from(vec![broken]).await;
    assert!(matches!(got, Err(HttpError::Interrupted { .. })));
    assert_eq!(calls, 4, "and no more than that");
}

#[tokio::test]
async fn what_will_not_pass_is_not_tried_again() {
    for (canned, said) in [
        (answer(302, &["location: https://example.com/x.png"], b""), "redirect"),
        (answer(403, &[], b""), "status 403"),
        (answer(200, &[], &[b'x'; 1001]), "larger than 1000"),
        (Canned::Endless(vec![b'x'; 300]), "larger than 1000"),
    ] {
        let (got, calls, _) = fetch_from(vec![canned]).await;
        let error = got.unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
        assert_eq!(calls, 1, "{error}");
    }
}

#[tokio::test]
async fn other_addresses_must_be_https_and_public() {
    let stranger = Responder::start(vec![answer(200, &[], b"trap")]).await.unwrap();
    let own: BaseUrl = "http://127.0.0.1:1/v1".parse().unwrap();
    let port = stranger.url().rsplit(':').next().unwrap().to_owned();
    for (url, said) in [
        (stranger.url(), "only https"),
        ("http://example.com/x.png".to_owned(), "only https"),
        ("ftp://example.com/x.png".to_owned(), "only https"),
        (format!("https://127.0.0.1:{port}/x.png"), "private network"),
        (format!("https://localhost:{port}/x.png"), "private network"),
        ("https://169.254.169.254/latest/meta-data".to_owned(), "private network"),
        ("https://[::ffff:10.0.0.1]/x.png".to_owned(), "private network"),
        ("https://2130706433/x.png".to_owned(), "private network"),
        ("https://0x7f.1/x.png".to_owned(), "private network"),
        ("file:///etc/passwd".to_owned(), "only https"),
        ("not a url".to_owned(), "not a URL"),
    ] {
        let clock = Waits::default();
        let got = HttpClient::default().download(&own, &url, Duration::from_secs(5), 1000, &clock).await;
        let error = got.unwrap_err();
        assert!(matches!(error, HttpError::Forbidden { .. }), "{url}: {error:?}");
        assert!(error.to_string().contains(said), "{url}: {error}");
    }
    assert!(stranger.received().is_empty(), "nothing was sent to a forbidden address");
}

#[tokio::test]
async fn a_name_that_stands_for_a_private_address_is_found_out() {
    // The machine's own name is in its hosts file and stands for an address of its own.
    let hosts = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
    let is_private = |address: &str| crate::is_private_or_loopback(address);
    let names = hosts.lines().filter(|line| !line.trim_start().starts_with('#')).filter_map(|line| {
        let mut words = line.split_whitespace();
        let address = words.next()?;
        words.find(|name| is_private(address) && !is_private(name)).map(str::to_owned)
    });
    let base: BaseUrl = "http://127.0.0.1:1/v1".parse().unwrap();
    for name in names {
        let url = format!("https://{name}/x.png");
        let clock = Waits::default();
        let got = HttpClient::default().download(&base, &url, Duration::from_secs(5), 1000, &clock).await;
        assert!(matches!(got, Err(HttpError::Forbidden { .. })), "{name}: {got:?}");
    }
}
