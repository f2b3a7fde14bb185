//! Which addresses are fetched, how often, and how much of them.

use std::{
    error::Error,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use btcedu_domain::{Clock, UtcTime};

use super::*;
use crate::{
    FailureKind, Provider,
    testing::{Canned, Responder},
};

static PROVIDER: Provider = Provider {
    name: "Example",
    api: "Example API",
    host: "api.example.com",
    product: "picture",
    budget: "quota",
    key_setting: "EXAMPLE_API_KEY",
    base_url_setting: "EXAMPLE_BASE_URL",
    timeout: Duration::from_secs(5),
    words_at: &["/error/message"],
};

/// A clock that stands still and records its waits.
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

fn endpoint(base_url: &str) -> (Endpoint, Arc<Waits>) {
    let clock = Arc::new(Waits::default());
    let mut endpoint = Endpoint::new(&PROVIDER).with_base_url(base_url);
    endpoint.clock = clock.clone();
    (endpoint, clock)
}

/// Returns what was the cause of a failed download.
fn cause(got: Result<Reply, ApiFailure>) -> String {
    got.unwrap_err().source().unwrap().to_string()
}

async fn fetch_from(answers: Vec<Canned>) -> (Result<Reply, ApiFailure>, usize, Vec<Duration>) {
    let server = Responder::start(answers).await.unwrap();
    let (endpoint, clock) = endpoint(&server.url());
    let got = endpoint.download(&format!("{}/files/1.png", server.url()), 1000).await;
    let waits = clock.0.lock().unwrap().clone();
    (got, server.received().len(), waits)
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
async fn retries_three_times_and_waits_in_between() {
    let broken = Canned::CutOff(100, b"half".to_vec());
    let (got, calls, waits) =
        fetch_from(vec![broken.clone(), answer(503, &[], b""), Canned::Close, answer(200, &[], b"whole")])
            .await;
    assert_eq!((got.unwrap().body.as_slice(), calls), (&b"whole"[..], 4));
    assert_eq!(waits, WAITS);

    let (got, calls, _) = fetch_from(vec![broken]).await;
    assert_eq!(got.unwrap_err().kind, FailureKind::Interrupted);
    assert_eq!(calls, 4, "and no more than that");
}

#[tokio::test]
async fn permanent_failures_are_not_retried() {
    for (canned, said) in [
        (answer(302, &["location: https://example.com/x.png"], b""), "redirect"),
        (answer(403, &[], b""), "status 403"),
        (answer(200, &[], &[b'x'; 1001]), "larger than 1000"),
        (Canned::Endless(vec![b'x'; 300]), "larger than 1000"),
    ] {
        let (got, calls, _) = fetch_from(vec![canned]).await;
        let error = cause(got);
        assert!(error.contains(said), "{error}");
        assert_eq!(calls, 1, "{error}");
    }
}

#[tokio::test]
async fn other_addresses_must_be_https_and_public() {
    let other = Responder::start(vec![answer(200, &[], b"secret")]).await.unwrap();
    let (own, _) = endpoint("http://127.0.0.1:1/v1");
    let port = other.url().rsplit(':').next().unwrap().to_owned();
    for (url, said) in [
        (other.url(), "only https"),
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
        let got = own.download(&url, 1000).await;
        assert!(matches!(&got, Err(error) if error.kind == FailureKind::Unsendable), "{url}: {got:?}");
        let error = cause(got);
        assert!(error.contains(said), "{url}: {error}");
    }
    assert!(other.received().is_empty(), "nothing was sent to a forbidden address");
}

#[tokio::test]
async fn a_name_with_a_private_address_is_refused() {
    // The hosts file names the machine itself, with a private address.
    let hosts = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
    let is_private = |address: &str| crate::address::is_private_or_loopback(address);
    let names = hosts.lines().filter(|line| !line.trim_start().starts_with('#')).filter_map(|line| {
        let mut words = line.split_whitespace();
        let address = words.next()?;
        words.find(|name| is_private(address) && !is_private(name)).map(str::to_owned)
    });
    let (own, _) = endpoint("http://127.0.0.1:1/v1");
    for name in names {
        let url = format!("https://{name}/x.png");
        let got = own.download(&url, 1000).await;
        assert!(matches!(&got, Err(error) if error.kind == FailureKind::Unsendable), "{name}: {got:?}");
    }
}
