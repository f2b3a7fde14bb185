//! Counts of requests, answers and costs, and the requests as they arrived.

use std::collections::BTreeMap;

use btcedu_domain::Usd;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Endpoint, cache::Usage};

/// Counts since the start or the last reset.
///
/// A call is in flight from its last request byte until its last answer byte is handed to the
/// connection, or the client disconnects.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Stats {
    /// Image requests received, answered or not.
    pub image_calls: u64,
    /// Image requests answered whole with 200.
    pub image_answers: u64,
    /// Text requests received, answered or not.
    pub text_calls: u64,
    /// Text requests answered whole with 200.
    pub text_answers: u64,
    /// Requests for a picture by its `url`.
    pub downloads: u64,
    /// Requests for the list of models, or one of them.
    pub model_calls: u64,
    /// Image calls in flight now.
    pub images_in_flight: u64,
    /// Most image calls in flight at once.
    pub max_concurrent_images: u64,
    /// Text calls in flight now.
    pub texts_in_flight: u64,
    /// Most text calls in flight at once.
    pub max_concurrent_texts: u64,
    /// Pictures charged for, delivered or not.
    pub billed_images: u64,
    /// Texts charged for, delivered or not.
    pub billed_texts: u64,
    /// Cost of all of them.
    pub billed: Usd,
    /// Cost of the images alone.
    pub billed_for_images: Usd,
    /// Cost of the texts alone.
    pub billed_for_texts: Usd,
    /// Tokens that text models read without the cache.
    #[serde(default)]
    pub text_input_tokens: u64,
    /// Tokens that text models read from the cache.
    #[serde(default)]
    pub text_cache_read_tokens: u64,
    /// Tokens that text models wrote to the cache.
    #[serde(default)]
    pub text_cache_write_tokens: u64,
    /// Prompts of all image requests, in order of arrival.
    pub prompts: Vec<String>,
    /// How many requests were answered with which status; hangs and resets have none.
    pub statuses: BTreeMap<u16, u64>,
}

/// One request as it arrived.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordedRequest {
    /// Which endpoint it was for.
    pub endpoint: Endpoint,
    /// `GET` or `POST`.
    pub method: String,
    /// Path with query.
    pub path: String,
    /// Headers with lower-case names; `authorization` and `x-api-key` are left out.
    pub headers: BTreeMap<String, String>,
    /// The body; `null` if there was none or it was no JSON.
    pub body: Value,
}

/// Cost of an answer that was produced.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bill {
    /// Number of pictures, and the price of all of them.
    Images(u64, Usd),
    /// Price and tokens of a text.
    Text(Usd, Usage),
}

impl Stats {
    pub(crate) fn charge(&mut self, bill: Bill) {
        match bill {
            Bill::Images(count, price) => {
                self.billed_images += count;
                self.billed_for_images += price;
                self.billed += price;
            }
            Bill::Text(price, usage) => {
                self.text_input_tokens += usage.input;
                self.text_cache_read_tokens += usage.cache_read;
                self.text_cache_write_tokens += usage.cache_written();
                self.billed_texts += 1;
                self.billed_for_texts += price;
                self.billed += price;
            }
        }
    }

    pub(crate) fn enter(&mut self, endpoint: Endpoint) {
        match endpoint {
            Endpoint::Images => {
                self.image_calls += 1;
                self.images_in_flight += 1;
                self.max_concurrent_images = self.max_concurrent_images.max(self.images_in_flight);
            }
            Endpoint::Messages => {
                self.text_calls += 1;
                self.texts_in_flight += 1;
                self.max_concurrent_texts = self.max_concurrent_texts.max(self.texts_in_flight);
            }
            Endpoint::Download => self.downloads += 1,
            Endpoint::Models => self.model_calls += 1,
        }
    }

    pub(crate) fn leave(&mut self, endpoint: Endpoint) {
        match endpoint {
            Endpoint::Images => self.images_in_flight = self.images_in_flight.saturating_sub(1),
            Endpoint::Messages => self.texts_in_flight = self.texts_in_flight.saturating_sub(1),
            Endpoint::Download | Endpoint::Models => {}
        }
    }

    /// Sets all counts to zero, except those of the calls that are in flight.
    pub(crate) fn reset(&mut self) {
        *self = Self {
            images_in_flight: self.images_in_flight,
            max_concurrent_images: self.images_in_flight,
            texts_in_flight: self.texts_in_flight,
            max_concurrent_texts: self.texts_in_flight,
            ..Self::default()
        };
    }
}
