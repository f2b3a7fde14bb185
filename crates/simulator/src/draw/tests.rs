//! Tests of the drawings.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

fn order(prompt: &str, call: u64, size: (u32, u32)) -> PictureOrder<'_> {
    PictureOrder { prompt, call, index: 0, size, format: Format::Png }
}

fn draw_with(config: &SimulatorConfig, prompt: &str, call: u64, size: (u32, u32)) -> Vec<u8> {
    picture(order(prompt, call, size), config).unwrap()
}

fn pixels(file: &[u8]) -> RgbImage {
    image::load_from_memory(file).unwrap().to_rgb8()
}

#[test]
fn another_prompt_or_call_gets_another_picture_and_the_same_call_the_same() {
    let config = SimulatorConfig::default();
    let drawn = |prompt, call| pixels(&draw_with(&config, prompt, call, (320, 180)));
    let all: HashSet<_> = (0..20)
        .flat_map(|call| ["Üç düğüm", "Bir köprü"].map(|prompt| drawn(prompt, call).into_raw()))
        .collect();
    assert_eq!(all.len(), 40);
    assert_eq!(drawn("Üç düğüm", 1), drawn("Üç düğüm", 1));
}

#[test]
fn signature_and_padding_change_the_file_and_not_the_pixels() {
    let plain = draw_with(&SimulatorConfig::default(), "x", 1, (128, 96));
    let config = SimulatorConfig { signed: true, picture_bytes: Some(200_000), ..SimulatorConfig::default() };
    let file = draw_with(&config, "x", 1, (128, 96));
    assert!((200_000..201_000).contains(&file.len()), "{}", file.len());
    assert!(file.windows(4).any(|four| four == b"caBX") && !plain.windows(4).any(|four| four == b"caBX"));
    assert_eq!(pixels(&file), pixels(&plain));
}

#[test]
fn a_size_out_of_range_is_refused() {
    let config = SimulatorConfig::default();
    for size in [(0, 5), (5, 0), (8193, 1)] {
        assert!(picture(order("x", 1, size), &config).is_err(), "{size:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_prompt_can_be_drawn(prompt in "\\PC{0,200}", width in 1_u32..160, height in 1_u32..160) {
        let image = pixels(&draw_with(&SimulatorConfig::default(), &prompt, 1, (width, height)));
        prop_assert_eq!((image.width(), image.height()), (width, height));
    }
}
