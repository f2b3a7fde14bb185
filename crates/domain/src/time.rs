//! Times in UTC with a fixed width, and the clock that other code gets as an argument.

use std::{fmt, str::FromStr, time::Duration};

use async_trait::async_trait;

use crate::sql::text_column;

/// A moment in UTC; RFC 3339 with milliseconds as text, so that text sorts by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "diesel", derive(diesel::AsExpression, diesel::FromSqlRow))]
#[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::Text))]
pub struct UtcTime(jiff::Timestamp);

/// A text is not an RFC 3339 time.
#[derive(Debug, thiserror::Error)]
#[error("'{found}' is not an RFC 3339 time like 2026-11-22T10:30:00Z")]
pub struct TimeError {
    /// The text that was found.
    pub found: String,
    /// The error of the parser.
    #[source]
    pub source: jiff::Error,
}

impl UtcTime {
    /// Rounds a timestamp down to milliseconds.
    pub fn new(timestamp: jiff::Timestamp) -> Self {
        Self(jiff::Timestamp::from_millisecond(timestamp.as_millisecond()).unwrap_or(timestamp))
    }

    /// Returns the timestamp.
    pub fn timestamp(self) -> jiff::Timestamp {
        self.0
    }

    /// Returns the date in UTC.
    pub fn date(self) -> jiff::civil::Date {
        self.0.to_zoned(jiff::tz::TimeZone::UTC).date()
    }

    /// Returns the time since `earlier`, at least zero.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::try_from(self.0.duration_since(earlier.0)).unwrap_or_default()
    }
}

impl fmt::Display for UtcTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:.3}", self.0))
    }
}

impl FromStr for UtcTime {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let parsed: Result<jiff::Timestamp, _> = text.parse();
        parsed.map(Self::new).map_err(|source| TimeError { found: text.chars().take(80).collect(), source })
    }
}

impl serde::Serialize for UtcTime {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for UtcTime {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

text_column!(UtcTime);

/// The source of time. Tests use a clock that they can set and whose `sleep` returns at once.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Returns the current time.
    fn now(&self) -> UtcTime;
    /// Waits. Dropping the future ends the wait.
    async fn sleep(&self, duration: Duration);
}

/// The machine's clock.
#[cfg(feature = "tokio")]
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

#[cfg(feature = "tokio")]
#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> UtcTime {
        UtcTime::new(jiff::Timestamp::now())
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_has_a_fixed_width_and_sorts_by_time() {
        let times: Vec<String> =
            ["2026-11-22T10:30:00Z", "2026-11-22T10:30:00.5Z", "2026-11-22T11:30:00.123456+01:00"]
                .iter()
                .map(|t| t.parse::<UtcTime>().unwrap().to_string())
                .collect();
        assert_eq!(
            times,
            ["2026-11-22T10:30:00.000Z", "2026-11-22T10:30:00.500Z", "2026-11-22T10:30:00.123Z"]
        );
    }

    #[test]
    fn never_goes_backwards_in_durations() {
        let (a, b): (UtcTime, UtcTime) =
            ("2026-01-01T00:00:00Z".parse().unwrap(), "2026-01-01T00:00:02Z".parse().unwrap());
        assert_eq!(b.since(a), Duration::from_secs(2));
        assert_eq!(a.since(b), Duration::ZERO);
    }
}
