//! Decodes a picture completely, within limits, before it is stored.

use std::io::Cursor;

use btcedu_domain::Sha256Hash;
use bytes::Bytes;
use image::{ImageDecoder, ImageFormat, ImageReader, Limits};

use crate::{MediaType, Origin, PictureError, blocking::compute, mark::with_origin};

/// Most bytes a picture may have: 64 MiB.
pub const MAX_BYTES: usize = 64 * 1024 * 1024;
/// Most pixels a picture may have: 64 million.
pub const MAX_PIXELS: u64 = 64_000_000;

/// A picture that was decoded completely; only [`verify`] makes one.
#[derive(Debug, Clone)]
pub struct VerifiedPicture {
    bytes: Bytes,
    media_type: MediaType,
    width: u32,
    height: u32,
    sha256: Sha256Hash,
    origin: Origin,
}

impl VerifiedPicture {
    /// Returns the bytes to store: unchanged if signed, otherwise with the AI mark.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }
    /// Returns the format of the bytes; the provider's own claim is ignored.
    pub fn media_type(&self) -> MediaType {
        self.media_type
    }
    /// Returns the width in pixels.
    pub fn width(&self) -> u32 {
        self.width
    }
    /// Returns the height in pixels.
    pub fn height(&self) -> u32 {
        self.height
    }
    /// Returns the hash of [`Self::bytes`].
    pub fn sha256(&self) -> Sha256Hash {
        self.sha256
    }
    /// Returns how the picture is marked as made by AI.
    pub fn origin(&self) -> Origin {
        self.origin
    }
}

/// Decodes bytes completely, on another thread, and prepares them for the store.
///
/// # Errors
/// [`PictureError`] if they are not a picture.
pub async fn verify(bytes: Bytes) -> Result<VerifiedPicture, PictureError> {
    compute(move || verify_now(bytes)).await?
}

fn verify_now(bytes: Bytes) -> Result<VerifiedPicture, PictureError> {
    if bytes.len() > MAX_BYTES {
        return Err(PictureError::TooLarge {
            found: format!("{} bytes", bytes.len()),
            allowed: format!("{MAX_BYTES} bytes"),
        });
    }
    let media_type = media_type_of(&bytes)?;
    let (width, height) = decode(&bytes, media_type)?;
    let (bytes, origin) = with_origin(bytes, media_type);
    let sha256 = Sha256Hash::of_bytes(&bytes);
    Ok(VerifiedPicture { bytes, media_type, width, height, sha256, origin })
}

fn media_type_of(bytes: &[u8]) -> Result<MediaType, PictureError> {
    match image::guess_format(bytes) {
        Ok(ImageFormat::Png) => Ok(MediaType::Png),
        Ok(ImageFormat::Jpeg) => Ok(MediaType::Jpeg),
        Ok(ImageFormat::WebP) => Ok(MediaType::Webp),
        _ => Err(PictureError::UnknownFormat {
            begins: String::from_utf8_lossy(bytes.get(..16.min(bytes.len())).unwrap_or_default())
                .into_owned(),
        }),
    }
}

fn decode(bytes: &[u8], media_type: MediaType) -> Result<(u32, u32), PictureError> {
    match media_type {
        MediaType::Png => decode_png(bytes),
        MediaType::Jpeg | MediaType::Webp => decode_whole(bytes),
    }
}

/// Decodes row by row, because all pixels together need several times the memory of the file.
fn decode_png(bytes: &[u8]) -> Result<(u32, u32), PictureError> {
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    let header = decoder.read_header_info().map_err(broken)?;
    let (width, height) = (header.width, header.height);
    check_pixels(width, height)?;
    let mut reader = decoder.read_info().map_err(broken)?;
    while reader.next_row().map_err(broken)?.is_some() {}
    reader.finish().map_err(broken)?;
    Ok((width, height))
}

fn decode_whole(bytes: &[u8]) -> Result<(u32, u32), PictureError> {
    let decoder = reader_of(bytes)?.into_decoder().map_err(broken)?;
    let (width, height) = decoder.dimensions();
    check_pixels(width, height)?;
    let mut pixels = vec![0; usize::try_from(decoder.total_bytes()).map_err(broken)?];
    decoder.read_image(&mut pixels).map_err(broken)?;
    Ok((width, height))
}

/// Makes a reader with a memory limit that fits the largest allowed picture.
pub(crate) fn reader_of(bytes: &[u8]) -> Result<ImageReader<Cursor<&[u8]>>, PictureError> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(broken)?;
    let mut limits = Limits::default();
    // 64 megapixels in 8-bit RGBA.
    limits.max_alloc = Some(MAX_PIXELS * 4);
    reader.limits(limits);
    Ok(reader)
}

pub(crate) fn check_pixels(width: u32, height: u32) -> Result<(), PictureError> {
    if u64::from(width) * u64::from(height) <= MAX_PIXELS {
        return Ok(());
    }
    Err(PictureError::TooLarge {
        found: format!("{width}x{height} pixels"),
        allowed: format!("{MAX_PIXELS} pixels"),
    })
}

pub(crate) fn broken(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> PictureError {
    PictureError::Broken(error.into())
}

#[cfg(test)]
mod tests;
