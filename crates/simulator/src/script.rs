//! Rules: which requests fail, how often, and how.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A fault, and the requests that it happens to.
///
/// Rules are tried in the order in which they were added. The first one that fits and is not used up
/// is taken. [`Fault::Delay`] doesn't end the search, so it combines with another fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The endpoint that it applies to.
    pub endpoint: Endpoint,
    /// The requests of the endpoint that it applies to; all of them by default.
    #[serde(default)]
    pub matching: Match,
    /// How many requests fail; `None` means no limit.
    #[serde(default)]
    pub times: Option<u32>,
    /// How many matching requests succeed before that.
    #[serde(default)]
    pub skip: u32,
    /// How they fail.
    pub fault: Fault,
}

impl Rule {
    /// Makes a rule for every request of an endpoint, without a limit.
    pub const fn new(endpoint: Endpoint, fault: Fault) -> Self {
        Self { endpoint, matching: Match::Any, times: None, skip: 0, fault }
    }

    /// Limits it to a number of requests.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times: Some(times), ..self }
    }

    /// Limits it to one request.
    #[must_use]
    pub fn once(self) -> Self {
        self.times(1)
    }

    /// Lets a number of matching requests succeed first.
    #[must_use]
    pub fn after(self, skip: u32) -> Self {
        Self { skip, ..self }
    }

    /// Limits it to requests whose prompt contains this text.
    #[must_use]
    pub fn when_prompt_contains(self, text: impl Into<String>) -> Self {
        Self { matching: Match::PromptContains(text.into()), ..self }
    }
}

/// The endpoints that rules can apply to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// `POST /v1/images/generations`.
    Images,
    /// `POST /v1/messages`.
    Messages,
    /// `GET /files/{id}.png`, where a picture answered as `url` is fetched.
    Download,
    /// `GET /v1/models` and `GET /v1/models/{id}`.
    Models,
}

/// The requests that a rule applies to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Match {
    /// All of them.
    #[default]
    Any,
    /// Those whose text contains this: an image's prompt (for a download: the prompt of the
    /// picture that is fetched), a message's `system` and messages, or a model's id in the list.
    PromptContains(String),
}

/// How a request fails. An endpoint at which a fault can't happen answers as usual.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// 429 for too many requests; a later attempt can succeed.
    RateLimit {
        /// Seconds in the `retry-after` header; `None` leaves it out.
        #[serde(default)]
        retry_after: Option<u64>,
    },
    /// 429 for a used-up budget; a later attempt fails too.
    Quota,
    /// Any other status, with the error body that the provider documents for it.
    Status {
        /// The HTTP status, from 400.
        code: u16,
        /// Seconds in the `retry-after` header; `None` leaves it out.
        #[serde(default)]
        retry_after: Option<u64>,
    },
    /// An edge proxy's 502 with an HTML body.
    Html502,
    /// 401, as for a wrong key.
    WrongKey,
    /// 403, as for an organization that isn't verified (`OpenAI`) or a missing permission (Anthropic).
    Forbidden,
    /// The model was shut down: an error for calls, a past `shutdown_date` for the model list.
    Retired,
    /// The model never existed.
    ModelNotFound,
    /// The content policy refuses the prompt: a 400 for images, stop reason `refusal` for messages.
    Refuse,
    /// The content policy refuses the finished picture, which is billed all the same.
    RefuseOutput,
    /// No answer, until the client disconnects.
    HangForever {
        /// Whether the answer was produced, and so billed, before.
        billed: bool,
    },
    /// The connection is reset (a TCP RST) instead of an answer.
    Reset {
        /// Whether the answer was produced, and so billed, before.
        billed: bool,
    },
    /// The answer's body ends half-way, with the connection.
    CutOff {
        /// Whether it is billed.
        billed: bool,
    },
    /// A billed 200 whose picture is no picture.
    NotAPicture,
    /// A billed 200 whose picture lacks its second half.
    HalfAPicture,
    /// A billed 200 whose picture has another size (in pixels) than asked for.
    OtherSize {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// A 200 whose `data` is empty; not billed.
    EmptyData,
    /// A 200 whose body is this many bytes too large to keep, streamed; not billed.
    Oversized {
        /// Bytes of the body.
        bytes: u64,
    },
    /// A billed 200 without `usage`.
    NoUsage,
    /// The picture comes as a `url` whatever was asked for, and as this one if it is given.
    AsUrl {
        /// The address; `None` is this server's own.
        #[serde(default)]
        url: Option<String>,
    },
    /// A download answers 302 to this address.
    Redirect {
        /// The `location` header.
        to: String,
    },
    /// The text ends for this reason.
    StopReason(StopReason),
    /// The text is there, and empty.
    EmptyText,
    /// Something is put around the text that was not asked for.
    Wrapped(Wrapping),
    /// The text is this one.
    Text(String),
    /// The answer takes longer than the configured latency, by milliseconds in JSON.
    #[serde(rename = "delay_ms", with = "millis")]
    Delay(Duration),
}

/// Why a text ended; the values of Anthropic's `stop_reason`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// It was done.
    EndTurn,
    /// `max_tokens` were used up; the text is cut off.
    MaxTokens,
    /// One of `stop_sequences` came.
    StopSequence,
    /// A tool is to be used.
    ToolUse,
    /// A long turn is paused.
    PauseTurn,
    /// The policy refused; the content is empty and `stop_details` says the category.
    Refusal,
    /// The context window is full; the text is cut off.
    ModelContextWindowExceeded,
}

/// What models often put around a text that should stand alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wrapping {
    /// `"…"`.
    Quotes,
    /// Three backticks before and after.
    Fence,
    /// "Here is your prompt:" before.
    Preamble,
    /// All three at once.
    All,
}

mod millis {
    //! Durations as whole milliseconds, which are easy to type.

    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}

/// The fault and the delay of one request.
#[derive(Debug, Default)]
pub(crate) struct Injection {
    /// The fault, if one is due.
    pub(crate) fault: Option<Fault>,
    /// The requests that the fault's rule applies to.
    pub(crate) matching: Match,
    /// Added to the configured latency.
    pub(crate) delay: Duration,
}

impl Injection {
    /// Finds the fault and the delay of a request, and counts the uses of their rules.
    pub(crate) fn next(rules: &mut [Rule], endpoint: Endpoint, text: &str) -> Self {
        let mut injection = Self::default();
        for rule in rules.iter_mut().filter(|rule| rule.fits(endpoint, text)) {
            if !rule.use_once() {
                continue;
            }
            match &rule.fault {
                Fault::Delay(delay) => injection.delay += *delay,
                fault => {
                    injection.fault = Some(fault.clone());
                    injection.matching = rule.matching.clone();
                    break;
                }
            }
        }
        injection
    }
}

impl Match {
    /// Tells whether a request with this text matches.
    pub(crate) fn fits(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::PromptContains(part) => text.contains(part.as_str()),
        }
    }
}

impl Rule {
    fn fits(&self, endpoint: Endpoint, text: &str) -> bool {
        self.endpoint == endpoint && self.matching.fits(text)
    }

    fn use_once(&mut self) -> bool {
        if self.times == Some(0) {
            return false;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        self.times = self.times.map(|times| times - 1);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_skips_happens_so_often_and_is_used_up() {
        let mut rules = [Rule::new(Endpoint::Images, Fault::Quota).after(1).times(2)];
        let injected: Vec<bool> =
            (0..5).map(|_| Injection::next(&mut rules, Endpoint::Images, "x").fault.is_some()).collect();
        assert_eq!(injected, [false, true, true, false, false]);
    }

    #[test]
    fn only_requests_that_fit_are_counted() {
        let mut rules = [Rule::new(Endpoint::Images, Fault::Refuse).when_prompt_contains("köprü").once()];
        assert!(Injection::next(&mut rules, Endpoint::Messages, "köprü").fault.is_none());
        assert!(Injection::next(&mut rules, Endpoint::Images, "bridge").fault.is_none());
        assert_eq!(Injection::next(&mut rules, Endpoint::Images, "eski köprü").fault, Some(Fault::Refuse));
        assert!(Injection::next(&mut rules, Endpoint::Images, "köprü").fault.is_none());
    }

    #[test]
    fn a_delay_combines_with_a_fault() {
        let delay = Fault::Delay(Duration::from_millis(5));
        let mut rules = [delay, Fault::Quota].map(|fault| Rule::new(Endpoint::Images, fault));
        let injection = Injection::next(&mut rules, Endpoint::Images, "");
        assert_eq!((injection.delay, injection.fault), (Duration::from_millis(5), Some(Fault::Quota)));
    }

    #[test]
    fn rules_read_as_short_json() {
        let cases = [
            (r#"{"endpoint":"images","fault":"quota"}"#, Rule::new(Endpoint::Images, Fault::Quota)),
            (
                r#"{"endpoint":"images","matching":{"prompt_contains":"x"},"times":3,"skip":1,
                    "fault":{"rate_limit":{"retry_after":2}}}"#,
                Rule::new(Endpoint::Images, Fault::RateLimit { retry_after: Some(2) })
                    .when_prompt_contains("x")
                    .times(3)
                    .after(1),
            ),
            (
                r#"{"endpoint":"messages","fault":{"delay_ms":1500}}"#,
                Rule::new(Endpoint::Messages, Fault::Delay(Duration::from_millis(1500))),
            ),
            (
                r#"{"endpoint":"messages","fault":{"stop_reason":"max_tokens"}}"#,
                Rule::new(Endpoint::Messages, Fault::StopReason(StopReason::MaxTokens)),
            ),
        ];
        for (json, rule) in cases {
            assert_eq!(serde_json::from_str::<Rule>(json).unwrap(), rule);
            let again = serde_json::to_string(&rule).unwrap();
            assert_eq!(serde_json::from_str::<Rule>(&again).unwrap(), rule);
        }
        assert!(serde_json::from_str::<Rule>(r#"{"endpoint":"images","fault":"quota","tims":1}"#).is_err());
    }
}
