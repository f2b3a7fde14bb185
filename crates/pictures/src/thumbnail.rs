//! Thumbnails.

use bytes::Bytes;
use fast_image_resize::{IntoImageView, Resizer, images::Image};
use image::{DynamicImage, ExtendedColorType, ImageDecoder, ImageEncoder, codecs::jpeg::JpegEncoder};

use crate::{
    PictureError,
    blocking::compute,
    decode::{broken, check_pixels, reader_of},
    mark,
    media_type::MediaType,
};

/// Width of a thumbnail in pixels; narrower pictures keep their width.
pub const THUMBNAIL_WIDTH: u32 = 480;
/// JPEG quality from 1 to 100; thumbnails have about 12 KB and no visible artifacts.
const QUALITY: u8 = 80;

/// Makes a JPEG of [`THUMBNAIL_WIDTH`] with the AI mark, on another thread.
///
/// # Errors
/// [`PictureError`] if the bytes are not a picture, or the program is ending.
pub async fn thumbnail(picture: Bytes) -> Result<Bytes, PictureError> {
    compute(move || make(&picture)).await?
}

fn make(picture: &Bytes) -> Result<Bytes, PictureError> {
    let decoder = reader_of(picture)?.into_decoder().map_err(broken)?;
    let (wide, high) = decoder.dimensions();
    check_pixels(wide, high)?;
    let whole = DynamicImage::from_decoder(decoder).map_err(broken)?.into_rgb8();
    let (width, height) = whole.dimensions();
    let to = THUMBNAIL_WIDTH.min(width).max(1);
    // Round to the nearest row; keep at least one.
    let rows = (u64::from(height) * u64::from(to) + u64::from(width) / 2) / u64::from(width.max(1));
    let rows = u32::try_from(rows).unwrap_or(height).max(1);
    let source = DynamicImage::ImageRgb8(whole);
    let pixels = source.pixel_type().ok_or_else(|| broken("it has no pixels"))?;
    let mut small = Image::new(to, rows, pixels);
    Resizer::new().resize(&source, &mut small, None).map_err(broken)?;
    drop(source);
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, QUALITY)
        .write_image(small.buffer(), to, rows, ExtendedColorType::Rgb8)
        .map_err(broken)?;
    let jpeg = Bytes::from(jpeg);
    Ok(mark::marked(jpeg.clone(), MediaType::Jpeg).unwrap_or(jpeg))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    async fn of(width: u32, height: u32) -> Bytes {
        let mut png = Cursor::new(Vec::new());
        DynamicImage::new_rgba8(width, height).write_to(&mut png, image::ImageFormat::Png).unwrap();
        thumbnail(png.into_inner().into()).await.unwrap()
    }

    #[tokio::test]
    async fn keeps_the_proportions_is_a_jpeg_and_bears_the_mark() {
        for ((width, height), expected) in [
            ((1792, 1024), (480, 274)),
            ((1024, 1024), (480, 480)),
            ((300, 100), (300, 100)),
            ((3000, 1), (480, 1)),
        ] {
            let jpeg = of(width, height).await;
            let format = image::guess_format(&jpeg).unwrap();
            assert_eq!(format, image::ImageFormat::Jpeg);
            let small = image::load_from_memory(&jpeg).unwrap();
            assert_eq!((small.width(), small.height()), expected);
            let mark = mark::AI_SOURCE_TYPE.as_bytes();
            assert!(jpeg.windows(mark.len()).any(|window| window == mark));
        }
    }

    #[tokio::test]
    async fn what_is_no_picture_has_no_thumbnail() {
        let error = thumbnail("<html>502</html>".into()).await.unwrap_err();
        assert!(matches!(error, PictureError::Broken(_)), "{error}");
    }
}
