//! Draws pictures that a person likes to look at and can't mistake for real ones.

mod canvas;
mod lettering;
mod motif;
mod packing;
mod palette;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use btcedu_domain::Sha256Hash;
use bytes::Bytes;
use fastrand::Rng;
use image::RgbImage;

use crate::{SimulatorConfig, SimulatorError, openai::Format};

/// Who draws; keeps what was drawn ahead.
#[derive(Debug)]
pub(crate) struct Artist {
    signed: bool,
    picture_bytes: Option<usize>,
    ahead: Vec<Bytes>,
    ahead_size: (u32, u32),
    next: AtomicUsize,
}

/// One picture that is wanted.
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

impl Artist {
    /// Makes an artist, and lets it draw what is to be drawn ahead.
    pub(crate) async fn hire(config: &SimulatorConfig) -> Result<Arc<Self>, SimulatorError> {
        let (signed, picture_bytes) = (config.signed, config.picture_bytes);
        let mut artist =
            Self { signed, picture_bytes, ahead: Vec::new(), ahead_size: (0, 0), next: AtomicUsize::new(0) };
        if let Some(predraw) = config.predraw {
            let draw_all = move || -> Result<Vec<Bytes>, SimulatorError> {
                (1..=predraw.count)
                    .map(|number| draw_ahead(number, predraw.size, signed, picture_bytes))
                    .collect()
            };
            artist.ahead_size = predraw.size;
            artist.ahead = match offload(draw_all).await {
                Some(drawn) => drawn?,
                None => Vec::new(),
            };
        }
        Ok(Arc::new(artist))
    }

    /// Returns a picture's file: a new drawing, or one drawn ahead with this call's mark in it.
    pub(crate) fn picture(&self, order: PictureOrder<'_>) -> Result<Vec<u8>, SimulatorError> {
        let mark = mark(order);
        if order.format == Format::Png && order.size == self.ahead_size && !self.ahead.is_empty() {
            let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.ahead.len();
            if let Some(base) = self.ahead.get(turn) {
                return packing::mark_png(base.clone(), &mark).map_err(|source| refused(order.size, source));
            }
        }
        let image =
            draw(order.prompt, order.size, &format!("call {}", order.call), order.call * 16 + order.index)?;
        let file = match order.format {
            Format::Png => packing::png(&image, self.signed, self.picture_bytes)
                .and_then(|png| packing::mark_png(png.into(), &mark)),
            Format::Jpeg(quality) => packing::jpeg(&image, quality),
            Format::WebP => packing::webp(&image),
        };
        file.map_err(|source| refused(order.size, source))
    }
}

fn draw_ahead(
    number: u32,
    size: (u32, u32),
    signed: bool,
    picture_bytes: Option<usize>,
) -> Result<Bytes, SimulatorError> {
    let image =
        draw("A picture that was drawn ahead", size, &format!("drawn ahead, {number}"), number.into())?;
    let png = packing::png(&image, signed, picture_bytes).map_err(|source| refused(size, source))?;
    Ok(png.into())
}

/// Draws: background, motif, then the band with the prompt's first words and the badge.
///
/// The prompt chooses colors and motif, `variant` the arrangement.
fn draw(prompt: &str, size: (u32, u32), caption: &str, variant: u64) -> Result<RgbImage, SimulatorError> {
    if !(1..=8192).contains(&size.0) || !(1..=8192).contains(&size.1) {
        return Err(refused(size, "the size is out of range"));
    }
    let seed = seed_of(prompt);
    let mut canvas = canvas::Canvas::new(size);
    let palette = palette::choose(seed);
    let mut random = Rng::with_seed(seed ^ variant.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    motif::background(&mut canvas, palette, &mut random);
    motif::foreground(&mut canvas, palette, seed, &mut random);
    lettering::label(&mut canvas, palette, prompt, caption).map_err(|source| refused(size, source))?;
    Ok(canvas.into_image())
}

/// What makes a file's bytes differ from any other's: call, and hash of the prompt.
fn mark(order: PictureOrder<'_>) -> String {
    let prompt = Sha256Hash::of_bytes(order.prompt.as_bytes());
    format!("simulated; call {}.{}; prompt sha256 {prompt}", order.call, order.index)
}

/// Turns a text into a seed, the same one in every build.
pub(crate) fn seed_of(text: &str) -> u64 {
    let hash = Sha256Hash::of_bytes(text.as_bytes()).short();
    u64::from_str_radix(&hash, 16).unwrap_or_default()
}

fn refused(
    (width, height): (u32, u32),
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> SimulatorError {
    SimulatorError::Draw { width, height, source: source.into() }
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
