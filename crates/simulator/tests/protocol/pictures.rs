//! The files themselves: different each time, and signed-looking if asked for.

use std::time::Duration;

use super::*;

#[tokio::test]
async fn two_calls_for_the_same_prompt_differ() {
    let scene = Scene::new().await;
    let (_, one) = status_and_json(scene.image(&gpt("aynı istem"))).await;
    let (_, two) = status_and_json(scene.image(&gpt("aynı istem"))).await;
    let decode = |answer| image::load_from_memory(&picture_bytes(answer)).unwrap().to_rgb8();
    assert_ne!(decode(&one), decode(&two));
}

#[tokio::test]
async fn a_signed_picture_has_its_chunk_before_the_pixels_and_decodes() {
    for signed in [true, false] {
        let scene = Scene::with(SimulatorConfig { signed, ..SimulatorConfig::default() }).await;
        let (_, answer) = status_and_json(scene.image(&gpt("x"))).await;
        let bytes = picture_bytes(&answer);
        // The parser checks every chunk's CRC.
        let png = img_parts::png::Png::from_bytes(bytes.clone().into()).unwrap();
        let kinds: Vec<_> = png.chunks().iter().map(img_parts::png::PngChunk::kind).collect();
        let place = |kind: &[u8; 4]| kinds.iter().position(|found| found == kind);
        assert_eq!(place(b"caBX").is_some(), signed);
        assert!(place(b"caBX") < place(b"IDAT"));
        if signed {
            let manifest = png.chunk_by_type(*b"caBX").unwrap().contents();
            assert_eq!(u32::from_be_bytes(manifest[..4].try_into().unwrap()) as usize, manifest.len());
            assert_eq!(&manifest[4..8], b"jumb");
        }
        image::load_from_memory(&bytes).unwrap();
    }
}

#[tokio::test]
async fn an_answer_takes_at_least_its_latency() {
    let scene = Scene::with(SimulatorConfig {
        image_latency: Duration::from_millis(300),
        text_latency: Duration::from_millis(100),
        ..SimulatorConfig::default()
    })
    .await;
    let start = tokio::time::Instant::now();
    status_and_json(scene.message(&claude("x"))).await;
    assert!(start.elapsed() >= Duration::from_millis(100));
    let start = tokio::time::Instant::now();
    status_and_json(scene.image(&gpt("x"))).await;
    assert!(start.elapsed() >= Duration::from_millis(300));
}
