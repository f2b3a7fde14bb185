//! Money in whole micro-dollars: sums are exact, floats appear only in JSON.

use std::{
    fmt,
    iter::Sum,
    ops::{Add, AddAssign, Mul, Sub},
    str::FromStr,
};

use crate::sql::big_int_column;

const MICROS_PER_DOLLAR: i64 = 1_000_000;

/// An amount in US dollars, held as integer micro-dollars. Arithmetic saturates.
///
/// `Display` gives at least two decimals and no trailing zeros beyond them
/// (`$0.08`, `$0.0414`); JSON holds dollars as a number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "diesel", derive(diesel::AsExpression, diesel::FromSqlRow))]
#[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::BigInt))]
pub struct Usd(i64);

/// A text or number that is not an amount of dollars.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not an amount of US dollars from 0 to 1,000,000, like 10 or 0.08")]
pub struct UsdError(String);

impl Usd {
    /// No money.
    pub const ZERO: Self = Self(0);

    /// Makes an amount of micro-dollars (millionths of a dollar).
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Returns the amount in micro-dollars.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Makes an amount of dollars, rounded to the nearest micro-dollar.
    ///
    /// # Errors
    /// [`UsdError`] if the number is negative, not finite, or over a million.
    pub fn from_dollars(dollars: f64) -> Result<Self, UsdError> {
        if !(0.0..=1_000_000.0).contains(&dollars) {
            return Err(UsdError(dollars.to_string()));
        }
        #[expect(clippy::cast_possible_truncation, reason = "at most 10^12, checked above")]
        Ok(Self((dollars * 1e6).round() as i64))
    }

    /// Returns the amount in dollars, for JSON and charts only.
    #[expect(clippy::cast_precision_loss, reason = "exact below 9 billion dollars")]
    pub fn dollars(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// Returns the price of `count` units at `self` per million of them, rounded up.
    #[must_use]
    pub fn per_million(self, count: u64) -> Self {
        let micros = (i128::from(self.0) * i128::from(count)).div_euclid(1_000_000)
            + i128::from((i128::from(self.0) * i128::from(count)).rem_euclid(1_000_000) != 0);
        Self(i64::try_from(micros).unwrap_or(i64::MAX))
    }

    /// Subtracts an amount; the result is at least zero.
    #[must_use]
    pub fn less(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0).max(0))
    }
}

impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let micros = self.0.unsigned_abs();
        let fraction = format!("{:06}", micros % MICROS_PER_DOLLAR.unsigned_abs());
        let kept = fraction.trim_end_matches('0');
        f.pad(&format!("{sign}${}.{kept:0<2}", micros / MICROS_PER_DOLLAR.unsigned_abs()))
    }
}

impl FromStr for Usd {
    type Err = UsdError;

    fn from_str(text: &str) -> Result<Self, UsdError> {
        let no_amount = || UsdError(text.chars().take(80).collect());
        let dollars: Option<f64> = text.trim().trim_start_matches('$').parse().ok();
        dollars.and_then(|dollars| Self::from_dollars(dollars).ok()).ok_or_else(no_amount)
    }
}

impl Add for Usd {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}
impl AddAssign for Usd {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}
impl Sub for Usd {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}
impl Mul<i64> for Usd {
    type Output = Self;
    fn mul(self, times: i64) -> Self {
        Self(self.0.saturating_mul(times))
    }
}
impl Sum for Usd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

impl serde::Serialize for Usd {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.dollars())
    }
}

impl<'de> serde::Deserialize<'de> for Usd {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_dollars(f64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

big_int_column!(Usd);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn shows_cents_and_more_only_where_there_is_more() {
        for (micros, text) in [
            (0, "$0.00"),
            (80_000, "$0.08"),
            (41_400, "$0.0414"),
            (10_000_000, "$10.00"),
            (1, "$0.000001"),
            (-80_000, "-$0.08"),
        ] {
            assert_eq!(Usd::from_micros(micros).to_string(), text);
        }
    }

    #[test]
    fn refuses_what_is_no_amount() {
        for text in ["", "-1", "NaN", "inf", "ten", "1e30"] {
            assert!(text.parse::<Usd>().is_err(), "{text}");
        }
        assert_eq!("$0.08".parse::<Usd>().unwrap(), Usd::from_micros(80_000));
    }

    #[test]
    fn prices_per_million_round_up() {
        assert_eq!(Usd::from_micros(30_000_000).per_million(1756), Usd::from_micros(52_680));
        assert_eq!(Usd::from_micros(1).per_million(1), Usd::from_micros(1));
        assert_eq!(Usd::from_micros(5).per_million(0), Usd::ZERO);
    }

    proptest! {
        #[test]
        fn json_keeps_every_micro_dollar(micros in 0i64..1_000_000_000_000) {
            let amount = Usd::from_micros(micros);
            let back: Usd = serde_json::from_str(&serde_json::to_string(&amount).unwrap()).unwrap();
            prop_assert_eq!(back, amount);
        }
    }
}
