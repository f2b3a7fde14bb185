//! How a simulator is set up before it starts.

use std::{str::FromStr, time::Duration};

use crate::SimulatorError;

/// How a simulator behaves from its start on; faults come later, by [`crate::Rule`].
#[derive(Debug, Clone)]
pub struct SimulatorConfig {
    /// Port on 127.0.0.1; 0 lets the system choose.
    pub port: u16,
    /// How long an image call takes. Drawing runs within it; see [`crate::Stats::late_answers`].
    pub image_latency: Duration,
    /// How long a text call takes.
    pub text_latency: Duration,
    /// Whether PNGs carry a `caBX` chunk, as `OpenAI`'s signed files do. The signature is no real one.
    pub signed: bool,
    /// Pictures that are drawn at the start, so that calls for their size cost next to nothing.
    pub predraw: Option<Predraw>,
    /// Pads every PNG with an ignored chunk to about this many bytes; never makes it smaller.
    pub picture_bytes: Option<usize>,
    /// Whether models that were shut down by 2026-11-22 are refused. Otherwise all known ones work.
    pub real_world: bool,
    /// Whether text answers open with a `thinking` block, where the model thinks.
    pub thinking: bool,
    /// How long a picture's `url` works; the real one lives 60 minutes.
    pub url_lifetime: Duration,
}

impl Default for SimulatorConfig {
    fn default() -> Self {
        Self {
            port: 0,
            image_latency: Duration::ZERO,
            text_latency: Duration::ZERO,
            signed: false,
            predraw: None,
            picture_bytes: None,
            real_world: false,
            thinking: true,
            url_lifetime: Duration::from_hours(1),
        }
    }
}

/// Which pictures are drawn before the first call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Predraw {
    /// Width and height in pixels.
    pub size: (u32, u32),
    /// How many different ones; calls use them in turn.
    pub count: u32,
}

impl FromStr for Predraw {
    type Err = SimulatorError;

    /// Reads `WIDTHxHEIGHT:COUNT`, such as `1536x864:16`.
    fn from_str(text: &str) -> Result<Self, SimulatorError> {
        let refuse = || SimulatorError::NotAPredraw(text.to_owned());
        let (size, count) = text.split_once(':').ok_or_else(refuse)?;
        let size = parse_size(size).ok_or_else(refuse)?;
        let count = count.parse().ok().filter(|count| (1..=1000).contains(count)).ok_or_else(refuse)?;
        Ok(Self { size, count })
    }
}

/// Reads `WIDTHxHEIGHT` in pixels, up to 8192 each.
pub(crate) fn parse_size(text: &str) -> Option<(u32, u32)> {
    let side = |text: &str| {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|side| digits && (1..=8192).contains(side))
    };
    let (width, height) = text.split_once('x')?;
    Some((side(width)?, side(height)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_predraw_reads_as_size_and_count() {
        assert_eq!("1536x864:16".parse::<Predraw>().unwrap(), Predraw { size: (1536, 864), count: 16 });
        for text in ["", "1536x864", "1536x864:", "1536x864:0", "0x5:1", "+8x8:1", "8x99999:1", "axb:1"] {
            assert!(text.parse::<Predraw>().is_err(), "{text}");
        }
    }
}
