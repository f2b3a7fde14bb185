//! The simulator's facts about `OpenAI`'s image models: names, shutdowns, limits and prices.
//!
//! Read from `OpenAI`'s deprecations page, model pages and API reference as of 2026-11-22; token
//! counts per quality are published prices per picture divided by the price per token. gpt-image-1 was
//! no longer in them; its counts and prices are those of its release.

use btcedu_domain::Usd;

/// The day for which `real_world` tells which models are shut down.
pub(crate) const TODAY: &str = "2026-11-22";

/// One image model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ImageModel {
    pub(crate) id: &'static str,
    pub(crate) family: Family,
    /// Day of its shutdown, if one is announced.
    pub(crate) shutdown: Option<&'static str>,
    /// Unix time of its release, roughly.
    pub(crate) created: u64,
}

/// Models that take the same fields and cost the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    DallE3,
    Gpt1,
    Gpt1Mini,
    Gpt15,
    Gpt2,
    Gpt25,
    Gpt26,
}

const fn model(id: &'static str, family: Family, shutdown: Option<&'static str>, created: u64) -> ImageModel {
    ImageModel { id, family, shutdown, created }
}

/// Every image model, oldest first.
pub(crate) const IMAGE_MODELS: &[ImageModel] = &[
    model("dall-e-3", Family::DallE3, Some("2026-05-12"), 1_698_785_189),
    model("gpt-image-1", Family::Gpt1, Some("2026-10-23"), 1_745_517_030),
    model("gpt-image-1-mini", Family::Gpt1Mini, Some("2026-12-01"), 1_758_845_821),
    model("gpt-image-1.5", Family::Gpt15, Some("2026-12-01"), 1_764_030_620),
    model("gpt-image-1.5-2025-12-16", Family::Gpt15, Some("2026-12-01"), 1_765_843_200),
    model("chatgpt-image-latest", Family::Gpt15, Some("2026-12-01"), 1_765_843_200),
    model("gpt-image-2", Family::Gpt2, None, 1_776_729_600),
    model("gpt-image-2-2026-04-21", Family::Gpt2, None, 1_776_729_600),
    model("gpt-image-2.5-flare", Family::Gpt25, None, 1_788_825_600),
    model("gpt-image-2.5-flare-2026-09-08", Family::Gpt25, None, 1_788_825_600),
    model("gpt-image-2.5-sunburst", Family::Gpt25, None, 1_788_825_600),
    model("gpt-image-2.5-sunburst-2026-09-08", Family::Gpt25, None, 1_788_825_600),
    model("gpt-image-2.6-flare", Family::Gpt26, None, 1_793_750_400),
    model("gpt-image-2.6-sunburst", Family::Gpt26, None, 1_793_750_400),
];

impl ImageModel {
    /// Finds a model by its id.
    pub(crate) fn find(id: &str) -> Option<Self> {
        IMAGE_MODELS.iter().copied().find(|model| model.id == id)
    }

    /// Tells whether it was shut down by the simulated day.
    pub(crate) fn is_shut_down(&self) -> bool {
        // Both are YYYY-MM-DD, which sorts as text.
        self.shutdown.is_some_and(|day| day <= TODAY)
    }
}

impl Family {
    /// Longest prompt in characters.
    pub(crate) const fn max_prompt(self) -> usize {
        if matches!(self, Self::DallE3) { 4_000 } else { 32_000 }
    }

    /// Sizes by name; `auto` is among them where it is taken.
    pub(crate) const fn named_sizes(self) -> &'static [&'static str] {
        if matches!(self, Self::DallE3) {
            &["1024x1024", "1792x1024", "1024x1792"]
        } else {
            &["1024x1024", "1536x1024", "1024x1536", "auto"]
        }
    }

    /// Tells whether any width and height within the rule are taken.
    pub(crate) const fn takes_free_sizes(self) -> bool {
        matches!(self, Self::Gpt2 | Self::Gpt25 | Self::Gpt26)
    }

    /// Accepted values of `quality`.
    pub(crate) const fn qualities(self) -> &'static [&'static str] {
        match self {
            Self::DallE3 => &["standard", "hd"],
            Self::Gpt1 | Self::Gpt1Mini | Self::Gpt15 | Self::Gpt2 => &["low", "medium", "high", "auto"],
            Self::Gpt25 | Self::Gpt26 => &["low", "medium", "high", "xhigh", "max", "auto"],
        }
    }

    /// Price of a million text tokens in, and of a million image tokens out.
    const fn token_prices(self) -> (Usd, Usd) {
        let (text_in, image_out) = match self {
            Self::DallE3 => (0, 0),
            Self::Gpt1 => (5, 40),
            Self::Gpt1Mini => (2, 8),
            Self::Gpt15 => (5, 32),
            Self::Gpt2 | Self::Gpt25 | Self::Gpt26 => (5, 30),
        };
        (Usd::from_micros(text_in * 1_000_000), Usd::from_micros(image_out * 1_000_000))
    }

    /// Price of a call's tokens in and out; for dall-e-3, which counts none, of one picture.
    pub(crate) fn price(self, size: (u32, u32), quality: &str, tokens: (u64, u64)) -> Usd {
        if self != Self::DallE3 {
            let (text_in, image_out) = self.token_prices();
            return text_in.per_million(tokens.0) + image_out.per_million(tokens.1);
        }
        Usd::from_micros(match (size.0 == size.1, quality) {
            (true, "hd") => 80_000,
            (true, _) => 40_000,
            (false, "hd") => 120_000,
            (false, _) => 80_000,
        })
    }

    /// Output tokens of one picture.
    ///
    /// The families with fixed sizes have one count for squares and one for the others; gpt-image-2
    /// and later scale the square's count by area. Low and medium of 2.6 take 3.5 times what 2.5 does.
    pub(crate) fn output_tokens(self, (width, height): (u32, u32), quality: &str) -> u64 {
        let (square, oblong) = match (self, quality) {
            (Self::DallE3, _) => (0, 0),
            (Self::Gpt1, "low") => (272, 408),
            (Self::Gpt1, "high") => (4160, 6240),
            (Self::Gpt1, _) => (1056, 1584),
            (Self::Gpt1Mini, "low") => (625, 750),
            (Self::Gpt1Mini, "high") => (4500, 6500),
            (Self::Gpt1Mini, _) => (1375, 1875),
            (Self::Gpt15, "low") => (281, 406),
            (Self::Gpt15, "high") => (4156, 6250),
            (Self::Gpt15, _) => (1062, 1562),
            (Self::Gpt2, "low") => (200, 0),
            (Self::Gpt2, "high") => (7033, 0),
            (Self::Gpt2, _) => (1767, 0),
            (Self::Gpt25, "low") => (196, 0),
            (Self::Gpt25 | Self::Gpt26, "high") => (1756, 0),
            (Self::Gpt25 | Self::Gpt26, "xhigh") => (3122, 0),
            (Self::Gpt25 | Self::Gpt26, "max") => (7024, 0),
            (Self::Gpt25, _) => (439, 0),
            (Self::Gpt26, "low") => (686, 0),
            (Self::Gpt26, _) => (1537, 0),
        };
        if !self.takes_free_sizes() {
            return if width == height { square } else { oblong };
        }
        (square * u64::from(width) * u64::from(height)).div_ceil(1024 * 1024)
    }
}

/// Says why the real servers refuse a free size: multiples of 16, at most 3840 a side, 1:3 to
/// 3:1, and 655,360 to 8,294,400 pixels.
pub(crate) fn free_size_fault((width, height): (u32, u32)) -> Option<&'static str> {
    let pixels = u64::from(width) * u64::from(height);
    if !width.is_multiple_of(16) || !height.is_multiple_of(16) {
        Some("width and height must both be divisible by 16")
    } else if width.max(height) > 3840 {
        Some("the longest edge must be at most 3840 pixels")
    } else if width > height * 3 || height > width * 3 {
        Some("the ratio of the long edge to the short edge must be at most 3:1")
    } else if !(655_360..=8_294_400).contains(&pixels) {
        Some("the number of pixels must be from 655360 to 8294400")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_sizes_follow_the_published_rule() {
        let fine = [(1536, 864), (2048, 1152), (1024, 1024), (3840, 2160), (1424, 480)];
        let bad = [(1530, 864), (3856, 1024), (1600, 512), (512, 512), (3840, 2176)];
        for size in fine {
            assert_eq!(free_size_fault(size), None, "{size:?}");
        }
        for size in bad {
            assert!(free_size_fault(size).is_some(), "{size:?}");
        }
    }

    #[test]
    fn prices_per_picture_match_the_published_ones_to_a_tenth_of_a_cent() {
        let cases = [
            (Family::DallE3, (1024, 1024), "standard", 40_000),
            (Family::DallE3, (1792, 1024), "standard", 80_000),
            (Family::DallE3, (1024, 1792), "hd", 120_000),
            (Family::Gpt1Mini, (1024, 1024), "medium", 11_000),
            (Family::Gpt1Mini, (1536, 1024), "high", 52_000),
            (Family::Gpt15, (1536, 1024), "high", 200_000),
            (Family::Gpt2, (1024, 1024), "high", 211_000),
            (Family::Gpt25, (1024, 1024), "max", 211_000),
            (Family::Gpt25, (1024, 1024), "medium", 13_000),
        ];
        for (family, size, quality, micros) in cases {
            let tokens = (0, family.output_tokens(size, quality));
            let price = family.price(size, quality, tokens).micros();
            assert!((price - micros).abs() < 1_000, "{family:?} {size:?} {quality}: {price}");
        }
    }
}
