//! Tests of the drawings.

use proptest::prelude::*;

use super::*;

fn artist(config: &SimulatorConfig) -> Arc<Artist> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(Artist::hire(config)).unwrap()
}

fn order(prompt: &str, call: u64, size: (u32, u32)) -> PictureOrder<'_> {
    PictureOrder { prompt, call, index: 0, size, format: Format::Png }
}

#[test]
fn the_same_prompt_gets_another_arrangement_with_each_call() {
    let artist = artist(&SimulatorConfig::default());
    let pixels = |call| {
        let file = artist.picture(order("Üç düğüm", call, (320, 180))).unwrap();
        image::load_from_memory(&file).unwrap().to_rgb8()
    };
    let (one, two) = (pixels(1), pixels(2));
    let differing = one.pixels().zip(two.pixels()).filter(|(a, b)| a != b).count();
    assert!(differing > 320 * 180 / 10, "{differing} pixels differ");
    assert_eq!(pixels(1), one);
}

#[test]
fn every_motif_and_palette_draws_at_odd_sizes() {
    let artist = artist(&SimulatorConfig::default());
    for number in 0..24 {
        let prompt = format!("Picture {number} with averyveryverylongwordthatfitsnowhereonanyband");
        for size in [(64, 64), (33, 200), (300, 7), (1, 1)] {
            let file = artist.picture(order(&prompt, 1, size)).unwrap();
            let image = image::load_from_memory(&file).unwrap();
            assert_eq!((image.width(), image.height()), size);
        }
    }
}

#[test]
fn a_picture_drawn_ahead_keeps_its_pixels_and_changes_its_bytes() {
    let predraw = Some(crate::Predraw { size: (128, 96), count: 2 });
    let artist = artist(&SimulatorConfig { predraw, signed: true, ..SimulatorConfig::default() });
    let files: Vec<_> = (1..=3).map(|call| artist.picture(order("x", call, (128, 96))).unwrap()).collect();
    assert_ne!(files[0], files[2]);
    let pixels = |file: &[u8]| image::load_from_memory(file).unwrap().to_rgb8();
    assert_eq!(pixels(&files[0]), pixels(&files[2]));
    assert_ne!(pixels(&files[0]), pixels(&files[1]));
    assert!(files.iter().all(|file| file.windows(4).any(|four| four == b"caBX")));
}

#[test]
fn padding_makes_a_picture_about_as_large_as_asked() {
    let artist = artist(&SimulatorConfig { picture_bytes: Some(200_000), ..SimulatorConfig::default() });
    let file = artist.picture(order("x", 1, (128, 96))).unwrap();
    assert!((200_000..201_000).contains(&file.len()), "{}", file.len());
    image::load_from_memory(&file).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_prompt_can_be_drawn(prompt in "\\PC{0,200}", width in 1_u32..160, height in 1_u32..160) {
        let artist = artist(&SimulatorConfig::default());
        let file = artist.picture(order(&prompt, 1, (width, height))).unwrap();
        let image = image::load_from_memory(&file).unwrap();
        prop_assert_eq!((image.width(), image.height()), (width, height));
    }
}
