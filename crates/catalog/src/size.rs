//! Picture sizes, and which of them a model accepts.

use std::{fmt, str::FromStr};

/// Width and height in pixels, written `1536x864`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ImageSize {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

/// A text is not a picture size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a size in pixels like 1536x864")]
pub struct SizeError(String);

impl ImageSize {
    /// Returns the number of pixels.
    pub fn pixels(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// Tells whether both sides are equal; price tables list these sizes separately.
    pub fn is_square(self) -> bool {
        self.width == self.height
    }
}

impl fmt::Display for ImageSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}x{}", self.width, self.height))
    }
}

impl FromStr for ImageSize {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, SizeError> {
        // Only digits: `+1536` parses as a number, but no provider accepts it.
        let side = |part: &str| -> Option<u32> {
            let plain = (1..=5).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
            let value = plain.then(|| part.parse().ok()).flatten()?;
            (value > 0 && !part.starts_with('0')).then_some(value)
        };
        text.split_once('x')
            .and_then(|(width, height)| Some(Self { width: side(width)?, height: side(height)? }))
            .ok_or_else(|| SizeError(text.chars().take(80).collect()))
    }
}

/// The sizes that a model accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SizeRule {
    /// Only these sizes.
    List(Vec<ImageSize>),
    /// Any size within these limits.
    Bounds {
        /// Both sides are a multiple of this many pixels.
        multiple: u32,
        /// The longer side is at most this many times the shorter.
        max_ratio: u32,
        /// The longer side has at most this many pixels.
        max_side: u32,
        /// The picture has at least this many pixels.
        min_pixels: u64,
        /// The picture has at most this many pixels.
        max_pixels: u64,
    },
}

impl SizeRule {
    /// Tells whether a size is accepted.
    pub fn takes(&self, size: ImageSize) -> bool {
        match self {
            Self::List(sizes) => sizes.contains(&size),
            Self::Bounds { multiple, max_ratio, max_side, min_pixels, max_pixels } => {
                let (short, long) = (size.width.min(size.height), size.width.max(size.height));
                size.width.checked_rem(*multiple) == Some(0)
                    && size.height.checked_rem(*multiple) == Some(0)
                    && u64::from(long) <= u64::from(short) * u64::from(*max_ratio)
                    && long <= *max_side
                    && (*min_pixels..=*max_pixels).contains(&size.pixels())
            }
        }
    }
}

impl fmt::Display for SizeRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::List(sizes) => {
                let words: Vec<String> = sizes.iter().map(ToString::to_string).collect();
                f.write_str(&words.join(", "))
            }
            Self::Bounds { multiple, max_ratio, max_side, min_pixels, max_pixels } => write!(
                f,
                "WIDTHxHEIGHT, both multiples of {multiple}, from 1:{max_ratio} to {max_ratio}:1, \
                 longest side {max_side}, {min_pixels} to {max_pixels} pixels in all"
            ),
        }
    }
}

impl btcedu_domain::Kinded for SizeError {
    fn kind(&self) -> btcedu_domain::ErrorKind {
        btcedu_domain::ErrorKind::Usage
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn gpt_image_2() -> SizeRule {
        SizeRule::Bounds {
            multiple: 16,
            max_ratio: 3,
            max_side: 3840,
            min_pixels: 655_360,
            max_pixels: 8_294_400,
        }
    }

    #[test]
    fn bounds_hold_at_each_edge() {
        for (size, taken) in [
            ("1536x864", true),
            ("2048x1152", true),
            ("3840x2160", true),
            ("3840x1280", true),
            ("1024x640", true),
            ("1024x624", false),
            ("3856x1296", false),
            ("3840x2176", false),
            ("1537x864", false),
            ("1792x592", false),
            ("1776x592", true),
            ("592x1776", true),
        ] {
            assert_eq!(gpt_image_2().takes(size.parse().unwrap()), taken, "{size}");
        }
    }

    #[test]
    fn only_plain_sizes_are_sizes() {
        for text in
            ["", "auto", "1024", "x", "1024x", "-16x16", "+16x16", "016x16", "0x16", "16 x16", "1e3x16"]
        {
            assert!(text.parse::<ImageSize>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn text_and_size_are_the_same(width in 1u32..99_999, height in 1u32..99_999) {
            let size = ImageSize { width, height };
            prop_assert_eq!(size.to_string().parse::<ImageSize>().unwrap(), size);
        }

        #[test]
        fn turning_a_picture_changes_nothing(width in 1u32..4_000, height in 1u32..4_000) {
            let (one, other) = (ImageSize { width, height }, ImageSize { width: height, height: width });
            prop_assert_eq!(gpt_image_2().takes(one), gpt_image_2().takes(other));
        }
    }
}
