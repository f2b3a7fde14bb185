//! Simple pictures: bars on a flat ground. Colors and heights differ from call to call.

use btcedu_domain::Sha256Hash;
use bytes::Bytes;
use fastrand::Rng;
use image::{
    Rgb, RgbImage,
    codecs::{
        jpeg::JpegEncoder,
        png::{CompressionType, FilterType, PngEncoder},
        webp::WebPEncoder,
    },
};
use img_parts::png::{Png, PngChunk};

use crate::{SimulatorConfig, SimulatorError};

const BARS: u32 = 8;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// File formats of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Png,
    /// With a quality from 0 to 100.
    Jpeg(u8),
    WebP,
}

impl Format {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg(_) => "jpeg",
            Self::WebP => "webp",
        }
    }
}

/// The picture to draw.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PictureOrder<'a> {
    pub(crate) prompt: &'a str,
    /// The call's number, from 1.
    pub(crate) call: u64,
    /// Which picture of that call, from 0.
    pub(crate) index: u64,
    /// Width and height in pixels.
    pub(crate) size: (u32, u32),
    pub(crate) format: Format,
}

/// Draws a picture and returns its file.
pub(crate) fn picture(order: PictureOrder<'_>, config: &SimulatorConfig) -> Result<Vec<u8>, SimulatorError> {
    let (width, height) = order.size;
    let refuse = |source: BoxError| SimulatorError::Draw { width, height, source };
    if !(1..=8192).contains(&width) || !(1..=8192).contains(&height) {
        return Err(refuse("the size is out of range".into()));
    }
    let hash = Sha256Hash::of_bytes(order.prompt.as_bytes());
    let mark = format!("simulated; call {}.{}; prompt sha256 {hash}", order.call, order.index);
    let image = draw(&mark, width, height);
    encode(&image, &mark, order.format, config).map_err(refuse)
}

/// Draws bars whose colors and heights follow from the mark.
fn draw(mark: &str, width: u32, height: u32) -> RgbImage {
    let seed = Sha256Hash::of_bytes(mark.as_bytes()).short();
    let mut random = Rng::with_seed(u64::from_str_radix(&seed, 16).unwrap_or_default());
    let ground = Rgb([random.u8(150..), random.u8(150..), random.u8(150..)]);
    let ink = Rgb([random.u8(..120), random.u8(..120), random.u8(..120)]);
    let mut image = RgbImage::from_pixel(width, height, ground);
    for bar in 0..BARS {
        let (left, right) = (width * bar / BARS, width * (bar + 1) / BARS);
        let top = height - random.u32(..=height);
        let gap = (right - left) / 4;
        for y in top..height {
            for x in left..right - gap {
                image.put_pixel(x, y, ink);
            }
        }
    }
    image
}

fn encode(
    image: &RgbImage,
    mark: &str,
    format: Format,
    config: &SimulatorConfig,
) -> Result<Vec<u8>, BoxError> {
    let mut file = Vec::new();
    match format {
        Format::Png => {
            let encoder = PngEncoder::new_with_quality(&mut file, CompressionType::Fast, FilterType::Up);
            image.write_with_encoder(encoder)?;
            return add_chunks(file.into(), mark, config);
        }
        Format::Jpeg(quality) => {
            image.write_with_encoder(JpegEncoder::new_with_quality(&mut file, quality.clamp(1, 100)))?;
        }
        Format::WebP => image.write_with_encoder(WebPEncoder::new_lossless(&mut file))?,
    }
    Ok(file)
}

/// Adds the mark to a PNG, and a simulated signature and padding if the configuration asks for them.
fn add_chunks(file: Bytes, mark: &str, config: &SimulatorConfig) -> Result<Vec<u8>, BoxError> {
    let missing = config.picture_bytes.unwrap_or_default().saturating_sub(file.len());
    let mut png = Png::from_bytes(file)?;
    let chunks = png.chunks_mut();
    let end = chunks.len().saturating_sub(1);
    if missing > 0 {
        // "spAd" by its letters' case: may be ignored, private, and safe to copy.
        let mut noise = vec![0; missing];
        Rng::with_seed(missing as u64).fill(&mut noise);
        chunks.insert(end, PngChunk::new(*b"spAd", noise.into()));
    }
    // IHDR must come first; these must come before IDAT.
    let after_header = end.min(1);
    if config.signed {
        chunks.insert(after_header, PngChunk::new(*b"caBX", manifest().into()));
    }
    chunks.insert(after_header, PngChunk::new(*b"tEXt", format!("Comment\0{mark}").into()));
    Ok(png.encoder().bytes().to_vec())
}

/// Makes a box of the format of C2PA's manifests (JUMBF, ISO 19566-5): length, type, content; no signature.
fn manifest() -> Vec<u8> {
    let content = b"c2pa: simulated, no signature";
    let length = u32::try_from(content.len() + 8).unwrap_or(u32::MAX);
    [&length.to_be_bytes()[..], b"jumb", content].concat()
}

/// Runs work that takes long off the async threads; `None` if it panicked.
#[expect(
    clippy::disallowed_methods,
    reason = "the simulator may use btcedu-domain only; this is its one door to the blocking threads"
)]
pub(crate) async fn offload<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok()
}

#[cfg(test)]
mod tests;
