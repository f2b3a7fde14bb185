//! An answer: its status, the few headers that are used, and the whole body.

use std::{fmt, time::Duration};

use btcedu_domain::UtcTime;
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};

/// A provider's answer. Its body may be a picture, so `Debug` shows only its length.
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The provider's id of the request (`x-request-id` or `request-id`), for its support.
    pub request_id: Option<String>,
    /// The media type of the body, without parameters.
    pub media_type: Option<String>,
    /// The whole body.
    pub body: Vec<u8>,
    retry_after: Option<String>,
}

impl Reply {
    /// Makes the reply; of the headers it keeps the few that are used.
    pub(crate) fn new(status: u16, headers: &HeaderMap, body: Vec<u8>) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
        let request_id = text("x-request-id").or_else(|| text("request-id"));
        let media_type = text(CONTENT_TYPE.as_str()).and_then(|value| value.split(';').next());
        Self {
            status,
            request_id: request_id.map(|id| id.chars().take(200).collect()),
            media_type: media_type.map(|value| value.trim().to_ascii_lowercase()),
            retry_after: text(RETRY_AFTER.as_str()).map(str::to_owned),
            body,
        }
    }

    /// Tells whether the status is one of success.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Returns how long the provider asked to wait.
    pub fn retry_after(&self, now: UtcTime) -> Option<Duration> {
        parse_retry_after(self.retry_after.as_deref()?, now)
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("status", &self.status)
            .field("request_id", &self.request_id)
            .field("media_type", &self.media_type)
            .field("retry_after", &self.retry_after)
            .field("body_bytes", &self.body.len())
            .finish()
    }
}

/// Reads a `retry-after` header: seconds or a date (RFC 9110, section 10.2.3).
///
/// A date in the past means no wait. A value that can't be read is treated as missing.
fn parse_retry_after(value: &str, now: UtcTime) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = jiff::fmt::rfc2822::parse(value).ok()?;
    Some(UtcTime::new(date.timestamp()).since(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_seconds_and_dates() {
        let now = "2026-11-22T10:30:00Z".parse().unwrap();
        for (value, wait) in [
            ("0", Some(0)),
            ("17", Some(17)),
            (" 17 ", Some(17)),
            ("Sun, 22 Nov 2026 10:30:40 GMT", Some(40)),
            ("Sun, 22 Nov 2026 10:29:00 GMT", Some(0)),
            ("-1", None),
            ("NaN", None),
            ("1e300", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(parse_retry_after(value, now), wait.map(Duration::from_secs), "{value}");
        }
        assert_eq!(parse_retry_after("1.5", now), Some(Duration::from_millis(1500)));
    }
}
