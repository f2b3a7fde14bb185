//! Pixels into files, with the chunks that make a PNG signed-looking, large, or one of a kind.

use bytes::{BufMut, Bytes, BytesMut};
use fastrand::Rng;
use image::{
    ExtendedColorType, ImageEncoder, RgbImage,
    codecs::{
        jpeg::JpegEncoder,
        png::{CompressionType, FilterType, PngEncoder},
        webp::WebPEncoder,
    },
};
use img_parts::png::{Png, PngChunk};

use crate::draw::seed_of;

type Fault = Box<dyn std::error::Error + Send + Sync>;

/// Makes a PNG, with a `caBX` chunk if it is to look signed, padded to about `bytes`.
pub(super) fn png(image: &RgbImage, signed: bool, bytes: Option<usize>) -> Result<Vec<u8>, Fault> {
    let mut file = Vec::new();
    let encoder = PngEncoder::new_with_quality(&mut file, CompressionType::Fast, FilterType::Adaptive);
    encoder.write_image(image.as_raw(), image.width(), image.height(), ExtendedColorType::Rgb8)?;
    let missing = bytes.unwrap_or_default().saturating_sub(file.len());
    if !signed && missing == 0 {
        return Ok(file);
    }
    let mut png = Png::from_bytes(file.into())?;
    if signed {
        insert_after_header(&mut png, PngChunk::new(*b"caBX", manifest()));
    }
    if missing > 0 {
        // "spAd" by its letters' case: may be ignored, private, and safe to copy.
        let mut noise = vec![0; missing];
        Rng::with_seed(missing as u64).fill(&mut noise);
        let end = png.chunks().len().saturating_sub(1);
        png.chunks_mut().insert(end, PngChunk::new(*b"spAd", noise.into()));
    }
    Ok(png.encoder().bytes().to_vec())
}

/// Adds a text to a PNG, so that its bytes are like no other's; pixels stay as they are.
pub(super) fn mark_png(file: Bytes, mark: &str) -> Result<Vec<u8>, Fault> {
    let mut png = Png::from_bytes(file)?;
    insert_after_header(&mut png, PngChunk::new(*b"tEXt", format!("Comment\0{mark}").into()));
    Ok(png.encoder().bytes().to_vec())
}

/// Makes a JPEG of a quality from 0 to 100.
pub(super) fn jpeg(image: &RgbImage, quality: u8) -> Result<Vec<u8>, Fault> {
    let mut file = Vec::new();
    JpegEncoder::new_with_quality(&mut file, quality.clamp(1, 100)).encode_image(image)?;
    Ok(file)
}

/// Makes a lossless WebP.
pub(super) fn webp(image: &RgbImage) -> Result<Vec<u8>, Fault> {
    let mut file = Vec::new();
    let encoder = WebPEncoder::new_lossless(&mut file);
    encoder.write_image(image.as_raw(), image.width(), image.height(), ExtendedColorType::Rgb8)?;
    Ok(file)
}

/// IHDR must come first; all that goes in here must come before IDAT.
fn insert_after_header(png: &mut Png, chunk: PngChunk) {
    let place = png.chunks().len().min(1);
    png.chunks_mut().insert(place, chunk);
}

/// A C2PA manifest store to look at: the boxes are JUMBF (ISO 19566-5), the signature is none.
fn manifest() -> Bytes {
    let claim = br#"{"claim_generator":"btcedu-simulator","digitalSourceType":"trainedAlgorithmicMedia","signature":"none: simulated"}"#;
    let content = jumbf(*b"json", claim);
    let assertion = superbox(*b"json", "c2pa.claim", &content);
    let label = format!("urn:c2pa:{:016x}", seed_of("btcedu-simulator"));
    superbox(*b"c2pa", "c2pa", &superbox(*b"c2ma", &label, &assertion)).into()
}

/// One box: length, type, content.
fn jumbf(kind: [u8; 4], content: &[u8]) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    bytes.put_u32(u32::try_from(content.len() + 8).unwrap_or(u32::MAX));
    bytes.put_slice(&kind);
    bytes.put_slice(content);
    bytes.to_vec()
}

/// A box of boxes, opened by a description: type as UUID, toggles, label.
fn superbox(kind: [u8; 4], label: &str, content: &[u8]) -> Vec<u8> {
    const UUID_TAIL: [u8; 12] = [0x00, 0x11, 0x00, 0x10, 0x80, 0x00, 0x00, 0xAA, 0x00, 0x38, 0x9B, 0x71];
    let description = [&kind[..], &UUID_TAIL, &[0x03], label.as_bytes(), &[0]].concat();
    jumbf(*b"jumb", &[jumbf(*b"jumd", &description), content.to_vec()].concat())
}
