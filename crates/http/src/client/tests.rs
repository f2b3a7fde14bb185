//! One attempt, its limits, and what each failure means, over a real socket.

use btcedu_domain::{Billing, FailureClass};

use super::*;
use crate::testing::{Canned, Responder};

const SECOND: Duration = Duration::from_secs(1);
const KEY: &str = "my-very-own-key-0123456789";

async fn server(canned: Canned) -> (Responder, BaseUrl) {
    let server = Responder::start(vec![canned]).await.unwrap();
    let base = server.url().parse().unwrap();
    (server, base)
}

fn get(base: &BaseUrl) -> ApiRequest {
    ApiRequest::get(base, "models", SECOND * 5).bearer(&KEY.into()).max_bytes(1000)
}

#[tokio::test]
async fn sends_once_and_keeps_status_headers_and_body() {
    let headers = ["X-Request-Id: req_1", "Retry-After: 7", "Content-Type: text/html; charset=utf-8"];
    let headers = headers.map(str::to_owned).to_vec();
    let (server, base) = server(Canned::Answer(503, headers, b"<html>".to_vec())).await;
    let request = ApiRequest::post_json(&base, "messages", &serde_json::json!({"a": "ğ"}), SECOND)
        .secret_header("x-api-key", &KEY.into())
        .header("anthropic-version", "1");
    let reply = HttpClient::default().send(&request).await.unwrap();
    assert_eq!((reply.status, reply.is_success()), (503, false));
    assert_eq!(reply.request_id.as_deref(), Some("req_1"));
    assert_eq!(reply.media_type.as_deref(), Some("text/html"));
    assert_eq!(reply.retry_after("2026-01-01T00:00:00Z".parse().unwrap()), Some(SECOND * 7));
    assert_eq!(reply.body, b"<html>");

    let received = server.received();
    assert_eq!(received.len(), 1, "a 503 is not repeated");
    assert!(received[0].head.starts_with("POST /v1/messages HTTP/1.1"));
    assert!(received[0].head.contains(&format!("x-api-key: {KEY}")));
    assert!(received[0].head.contains("content-type: application/json"));
    assert!(!received[0].head.to_ascii_lowercase().contains("accept-encoding"));
    assert_eq!(received[0].body, "{\"a\":\"ğ\"}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let there = vec!["location: http://127.0.0.1:1/elsewhere".to_owned()];
    let (server, base) = server(Canned::Answer(302, there, Vec::new())).await;
    assert_eq!(HttpClient::default().send(&get(&base)).await.unwrap().status, 302);
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn each_failure_says_what_is_known_of_the_money() {
    for (canned, billing, words) in [
        (Canned::Close, Billing::MaybeBilled, "broke"),
        (Canned::CutOff(500, b"half".to_vec()), Billing::MaybeBilled, "broke"),
        (Canned::Hang, Billing::MaybeBilled, "within 1 s"),
        (Canned::CutOff(1001, Vec::new()), Billing::MaybeBilled, "larger than 1000"),
        (Canned::Endless(vec![b'x'; 300]), Billing::MaybeBilled, "larger than 1000"),
    ] {
        let (server, base) = server(canned.clone()).await;
        let request = ApiRequest { timeout: SECOND, ..get(&base) };
        let error = HttpClient::default().send(&request).await.unwrap_err();
        assert_eq!(error.kind().class(), FailureClass::Transient, "{canned:?}");
        assert_eq!(error.kind().billing(), billing, "{canned:?}");
        assert!(error.to_string().contains(words), "{canned:?}: {error}");
        assert_eq!(server.received().len(), 1, "{canned:?} was sent once");
        assert!(!format!("{error:?} {error} {request:?}").contains(KEY));
    }
}

#[tokio::test]
async fn no_connection_means_nothing_was_sent() {
    let (gone, base) = server(Canned::Close).await;
    drop(gone);
    // The port is free only after the server's task has ended.
    let error = loop {
        match HttpClient::default().send(&get(&base)).await {
            Err(error @ HttpError::NotConnected { .. }) => break error,
            _ => tokio::task::yield_now().await,
        }
    };
    assert_eq!((error.kind().class(), error.kind().billing()), (FailureClass::Transient, Billing::NotSent));
    assert!(!format!("{error:?}").contains("/v1"), "an error shows the host and no more");
}

#[tokio::test]
async fn a_key_that_cannot_be_a_header_is_never_sent() {
    let (server, base) = server(Canned::Close).await;
    let request = ApiRequest::get(&base, "models", SECOND).bearer(&"with\na secret tail".into());
    let error = HttpClient::default().send(&request).await.unwrap_err();
    assert_eq!((error.kind().class(), error.kind().billing()), (FailureClass::Fatal, Billing::NotSent));
    assert!(!format!("{error:?} {error}").contains("secret tail"), "{error}");
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn plain_http_may_use_a_name_of_the_own_network() {
    let (server, base) = server(Canned::json(200, "{}")).await;
    let by_name: BaseUrl = base.to_string().replace("127.0.0.1", "localhost").parse().unwrap();
    assert_eq!(HttpClient::default().send(&get(&by_name)).await.unwrap().status, 200);
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn a_dropped_call_closes_its_connection() {
    let (server, base) = server(Canned::Hang).await;
    let client = HttpClient::default();
    let request = get(&base);
    let mut call = Box::pin(client.send(&request));
    while server.received().is_empty() {
        let turn = tokio::time::timeout(Duration::from_millis(5), &mut call);
        assert!(turn.await.is_err(), "a server that hangs doesn't answer");
    }
    drop(call);
    while server.disconnects() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(server.received().len(), 1);
}

#[test]
fn the_first_call_creates_the_client() {
    let client = HttpClient::default();
    assert!(client.clients.lock().unwrap().is_empty());
    assert!(client.client(Reach::Anywhere).is_ok());
    assert_eq!(client.clone().clients.lock().unwrap().len(), 1, "clones share it");
}
