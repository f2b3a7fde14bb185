//! What happens to connections, to calls in flight, and to the bill when they break.

use std::{error::Error, io::ErrorKind};

use super::*;

/// The system's error at the bottom of a client's.
fn io_kind(error: &reqwest::Error) -> Option<ErrorKind> {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            return Some(io.kind());
        }
        source = cause.source();
    }
    None
}

#[tokio::test]
async fn a_reset_is_a_real_one_and_billed_as_scripted() {
    for billed in [true, false] {
        let scene = Scene::with_fault(Endpoint::Images, Fault::Reset { billed }).await;
        let error = scene.image(&gpt("x")).send().await.unwrap_err();
        assert_eq!(io_kind(&error), Some(ErrorKind::ConnectionReset), "{error:?}");
        let stats = scene.sim.stats();
        assert_eq!(
            (stats.billed_images, stats.image_answers, stats.images_in_flight),
            (u64::from(billed), 0, 0)
        );
    }
}

#[tokio::test]
async fn a_cut_off_body_breaks_half_way() {
    for billed in [true, false] {
        let scene = Scene::with_fault(Endpoint::Images, Fault::CutOff { billed }).await;
        let mut answer = scene.image(&gpt("x")).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let announced = answer.content_length().unwrap();
        let mut received = 0;
        let error = loop {
            match answer.chunk().await {
                Ok(Some(chunk)) => received += chunk.len() as u64,
                Ok(None) => panic!("the body ended as if it were whole"),
                Err(error) => break error,
            }
        };
        assert!(error.is_body() || error.is_decode(), "{error:?}");
        assert!(received > 0 && received <= announced / 2, "{received} of {announced}");
        let stats = scene.sim.stats();
        assert_eq!((stats.billed_images, stats.image_answers), (u64::from(billed), 0));
    }
}

#[tokio::test]
async fn a_download_can_be_cut_off_reset_or_sent_elsewhere_by_prompt() {
    let scene = Scene::new().await;
    let rule = |fault| Rule::new(Endpoint::Download, fault).when_prompt_contains("ch02").once();
    scene.sim.script(rule(Fault::CutOff { billed: true }));
    scene.sim.script(rule(Fault::Reset { billed: true }));
    scene.sim.script(rule(Fault::Redirect { to: "http://10.0.0.1/x.png".to_owned() }));
    scene.sim.script(rule(Fault::Status { code: 503, retry_after: None }));
    let mut body = dall_e_3("ch02");
    body["response_format"] = "url".into();
    let (_, answer) = status_and_json(scene.image(&body)).await;
    let get = || scene.client.get(answer["data"][0]["url"].as_str().unwrap()).send();

    assert!(get().await.unwrap().bytes().await.is_err());
    assert_eq!(io_kind(&get().await.unwrap_err()), Some(ErrorKind::ConnectionReset));
    let elsewhere = get().await.unwrap();
    assert_eq!(
        (elsewhere.status().as_u16(), &elsewhere.headers()["location"]),
        (302, &"http://10.0.0.1/x.png".parse().unwrap())
    );
    assert_eq!(get().await.unwrap().status(), 503);
    let whole = get().await.unwrap().bytes().await.unwrap();
    image::load_from_memory(&whole).unwrap();
    assert_eq!((scene.sim.stats().downloads, scene.sim.stats().billed_images), (5, 1));
}

#[tokio::test]
async fn a_hanging_call_is_in_flight_until_the_client_goes_away() {
    for billed in [true, false] {
        let scene = Scene::with_fault(Endpoint::Images, Fault::HangForever { billed }).await;
        let call = in_flight(&scene, scene.image(&gpt("x")), 1).await;
        until(|| scene.sim.stats().billed_images == u64::from(billed)).await;
        assert_eq!(scene.sim.stats().images_in_flight, 1);
        call.abort();
        until(|| scene.sim.stats().images_in_flight == 0).await;
        assert!(scene.sim.stats().statuses.is_empty());
    }
}

#[tokio::test]
async fn a_client_that_goes_away_pays_all_the_same() {
    let scene = Scene::new().await;
    scene.sim.script(Rule::new(Endpoint::Images, Fault::Delay(std::time::Duration::from_millis(200))));
    let call = in_flight(&scene, scene.image(&gpt("x")), 1).await;
    call.abort();
    until(|| scene.sim.stats().images_in_flight == 0).await;
    until(|| scene.sim.stats().billed_images == 1).await;
}

#[tokio::test]
async fn the_most_calls_at_once_are_counted_by_kind() {
    let scene = Scene::new().await;
    scene.sim.script(Rule::new(Endpoint::Images, Fault::HangForever { billed: false }));
    scene.sim.script(Rule::new(Endpoint::Messages, Fault::HangForever { billed: false }));
    let mut calls = Vec::new();
    for count in 1..=3 {
        calls.push(in_flight(&scene, scene.image(&gpt("x")), count).await);
    }
    calls.push(in_flight(&scene, scene.message(&claude("x")), 4).await);
    let stats = scene.sim.stats();
    assert_eq!((stats.max_concurrent_images, stats.max_concurrent_texts), (3, 1));
    for call in calls {
        call.abort();
    }
    until(|| scene.sim.stats().images_in_flight + scene.sim.stats().texts_in_flight == 0).await;
    scene.sim.reset_stats();
    assert_eq!(scene.sim.stats(), btcedu_simulator::Stats::default());
}

#[tokio::test]
async fn calls_one_after_the_other_are_never_counted_as_two_at_once() {
    let scene = Scene::new().await;
    for _ in 0..8 {
        assert_eq!(status_and_json(scene.image(&gpt("x"))).await.0, 200);
    }
    assert_eq!(scene.sim.stats().max_concurrent_images, 1);
}

#[tokio::test]
async fn an_oversized_body_goes_on_for_as_long_as_asked() {
    let scene = Scene::with_fault(Endpoint::Images, Fault::Oversized { bytes: 3_000_000 }).await;
    let answer = scene.image(&gpt("x")).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.content_length()), (200, None));
    assert_eq!(answer.bytes().await.unwrap().len(), 3_000_000);
}

#[tokio::test]
async fn a_stopped_simulator_refuses_connections() {
    let Scene { sim, client } = Scene::new().await;
    let url = format!("{}/v1/models", sim.base_url());
    assert_eq!(client.get(&url).send().await.unwrap().status(), 401);
    sim.stop().await;
    assert!(client.get(&url).send().await.is_err());
}
