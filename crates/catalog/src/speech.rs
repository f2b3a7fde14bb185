//! A speech-to-text model: what it costs, when it retires.

use btcedu_domain::Usd;
use jiff::civil::Date;

/// A speech model's entry in the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpeechModel {
    /// The name to send.
    pub id: String,
    /// Price of a minute of audio.
    pub price_per_minute: Usd,
    /// The first day on which the public API refuses it.
    pub retires: Option<Date>,
    /// The model that its provider recommends instead.
    pub successor: Option<String>,
}

impl SpeechModel {
    /// Returns the cost of this many seconds of audio, rounded up to a second.
    pub fn cost_of(&self, seconds: f64) -> Usd {
        #[expect(clippy::cast_possible_truncation, reason = "clamped to a range that fits")]
        let whole = seconds.clamp(0.0, 1e9).ceil() as i64;
        let micros = self.price_per_minute.micros().saturating_mul(whole);
        Usd::from_micros(micros / 60 + i64::from(micros % 60 != 0))
    }

    /// Tells whether the public API refuses the model on that day.
    pub fn is_retired(&self, on: Date) -> bool {
        self.retires.is_some_and(|retires| retires <= on)
    }
}
