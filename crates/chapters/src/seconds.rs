//! A time inside a chapter, as a decimal number of seconds.

use std::fmt;

use serde::{Serialize, Serializer};

/// Seconds from 0 to 4294967295, with decimals: `2.5`.
///
/// A whole number is written without decimals, whether it was read as `75` or as `75.0`.
#[derive(Debug, Clone, Copy, Default, PartialEq, PartialOrd)]
pub struct Seconds(f64);

/// The value is never NaN.
impl Eq for Seconds {}

impl Seconds {
    /// The largest number of seconds.
    pub const MAX: Self = Self(u32::MAX as f64);

    /// Takes a number; none if it is negative, too large or not a number.
    pub fn new(seconds: f64) -> Option<Self> {
        // The sum makes 0 of -0.
        (0.0..=Self::MAX.0).contains(&seconds).then_some(Self(seconds + 0.0))
    }

    /// Returns the number.
    pub fn as_f64(self) -> f64 {
        self.0
    }

    /// Adds two times; at most [`Self::MAX`].
    #[must_use]
    pub fn saturating_add(self, other: Self) -> Self {
        Self((self.0 + other.0).min(Self::MAX.0))
    }

    /// Subtracts a time; at least 0.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        Self((self.0 - other.0).max(0.0))
    }
}

impl From<u32> for Seconds {
    fn from(seconds: u32) -> Self {
        Self(seconds.into())
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.fract() > 0.0 {
            return serializer.serialize_f64(self.0);
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a whole number in range"
        )]
        serializer.serialize_u32(self.0 as u32)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn refuses_what_is_no_time() {
        for number in [-0.001, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 4_294_967_296.0] {
            assert_eq!(Seconds::new(number), None, "{number}");
        }
    }

    #[test]
    fn sums_and_differences_stay_in_range() {
        let (short, long) = (Seconds::new(0.5).unwrap(), Seconds::from(60));
        assert_eq!(long.saturating_sub(short).to_string(), "59.5");
        assert_eq!(short.saturating_sub(long), Seconds::default());
        assert_eq!(long.saturating_add(Seconds::MAX), Seconds::MAX);
    }

    proptest! {
        #[test]
        fn every_time_is_read_back_as_it_was_written(number in 0.0..=4_294_967_295.0_f64, whole: u32) {
            for seconds in [Seconds::new(number).unwrap(), Seconds::from(whole)] {
                let text = serde_json::to_string(&seconds).unwrap();
                prop_assert_eq!(Seconds::new(text.parse().unwrap()), Some(seconds));
            }
        }
    }
}
