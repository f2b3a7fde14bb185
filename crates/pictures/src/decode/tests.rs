//! What counts as a picture, and what happens to its bytes.

use std::io::Cursor;

use image::{DynamicImage, RgbImage};
use img_parts::png::{Png, PngChunk};

use super::*;
use crate::AI_SOURCE_TYPE;

fn picture() -> DynamicImage {
    DynamicImage::ImageRgb8(RgbImage::from_fn(96, 54, |x, y| {
        image::Rgb([u8::try_from(x * 2).unwrap(), u8::try_from(y * 4).unwrap(), 77])
    }))
}

fn encoded(format: ImageFormat) -> Bytes {
    let mut bytes = Cursor::new(Vec::new());
    picture().write_to(&mut bytes, format).unwrap();
    bytes.into_inner().into()
}

fn signed() -> Bytes {
    let mut png = Png::from_bytes(encoded(ImageFormat::Png)).unwrap();
    png.chunks_mut()
        .insert(1, PngChunk::new(*b"caBX", Bytes::from_static(b"\0\0\0\x1cjumb manifest").clone()));
    png.encoder().bytes()
}

#[tokio::test]
async fn keeps_a_signed_picture_byte_for_byte() {
    let verified = verify(signed()).await.unwrap();
    assert_eq!(verified.bytes(), &signed());
    assert_eq!(verified.origin(), Origin::Signed);
}

#[tokio::test]
async fn marks_an_unsigned_picture_and_changes_no_pixel() {
    for format in [ImageFormat::Png, ImageFormat::Jpeg] {
        let before = encoded(format);
        let verified = verify(before.clone()).await.unwrap();
        assert_eq!(verified.origin(), Origin::Marked, "{format:?}");
        assert!(String::from_utf8_lossy(verified.bytes()).contains(AI_SOURCE_TYPE));
        let pixels = |bytes: &[u8]| image::load_from_memory(bytes).unwrap().to_rgb8();
        assert_eq!(pixels(verified.bytes()), pixels(&before));
        assert_eq!((verified.width(), verified.height()), (96, 54));
        assert_eq!(verified.sha256(), Sha256Hash::of_bytes(verified.bytes()));
    }
}

#[tokio::test]
async fn writes_the_mark_as_an_uncompressed_itxt_chunk_behind_the_header() {
    let verified = verify(encoded(ImageFormat::Png)).await.unwrap();
    let png = Png::from_bytes(verified.bytes().clone()).unwrap();
    let chunk = &png.chunks()[1];
    assert_eq!(&chunk.kind(), b"iTXt");
    assert!(chunk.contents().starts_with(b"XML:com.adobe.xmp\0\0\0\0\0"));
    assert!(String::from_utf8_lossy(chunk.contents()).contains("Iptc4xmpExt:DigitalSourceType"));
}

#[tokio::test]
async fn knows_a_webp_but_leaves_it_unmarked() {
    let before = encoded(ImageFormat::WebP);
    let verified = verify(before.clone()).await.unwrap();
    assert_eq!((verified.media_type(), verified.origin()), (MediaType::Webp, Origin::Unmarked));
    assert_eq!(verified.bytes(), &before);
}

#[tokio::test]
async fn refuses_a_picture_that_breaks_off_anywhere() {
    let whole = encoded(ImageFormat::Png);
    for length in (0..whole.len() - 12).step_by(7) {
        assert!(verify(whole.slice(..length)).await.is_err(), "{length} of {} bytes", whole.len());
    }
}

#[tokio::test]
async fn refuses_a_flipped_byte_in_the_pixels() {
    let mut bytes = encoded(ImageFormat::Png).to_vec();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x55;
    assert!(matches!(verify(bytes.into()).await, Err(PictureError::Broken(_))));
}

#[tokio::test]
async fn refuses_a_header_that_claims_too_many_pixels() {
    let mut png = Png::from_bytes(encoded(ImageFormat::Png)).unwrap();
    let mut header = png.chunks()[0].contents().to_vec();
    header[..8].copy_from_slice(&[0, 0, 0x80, 0, 0, 0, 0x80, 0]);
    png.chunks_mut()[0] = PngChunk::new(*b"IHDR", header.into());
    let error = verify(png.encoder().bytes()).await.unwrap_err();
    assert!(matches!(error, PictureError::TooLarge { .. } | PictureError::Broken(_)), "{error:?}");
}

#[tokio::test]
async fn refuses_more_bytes_than_a_picture_may_have() {
    let error = verify(vec![0; MAX_BYTES + 1].into()).await.unwrap_err();
    assert!(error.to_string().contains("too large"), "{error}");
}
