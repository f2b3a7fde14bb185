//! What a test or a demo can ask the simulator to do wrong, and which request it happens to.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// One thing that goes wrong, for the requests that it fits.
///
/// Rules are looked through in the order in which they were given; the first one that fits and
/// is not used up yet is taken. [`Fault::Delay`] doesn't end the search, so it combines with another fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Which endpoint it is about.
    pub endpoint: Endpoint,
    /// Which of its requests it is about; all of them by default.
    #[serde(default)]
    pub matching: Match,
    /// How many requests it happens to; `None` is for ever.
    #[serde(default)]
    pub times: Option<u32>,
    /// How many matching requests are let through before that.
    #[serde(default)]
    pub skip: u32,
    /// What goes wrong.
    pub fault: Fault,
}

impl Rule {
    /// Makes a rule for every request of an endpoint, for ever.
    pub const fn new(endpoint: Endpoint, fault: Fault) -> Self {
        Self { endpoint, matching: Match::Any, times: None, skip: 0, fault }
    }

    /// Limits it to so many requests.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times: Some(times), ..self }
    }

    /// Limits it to one request.
    #[must_use]
    pub fn once(self) -> Self {
        self.times(1)
    }

    /// Lets so many fitting requests through first.
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

/// The endpoints that rules can be about.
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

/// Which requests a rule is about.
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

/// What goes wrong. Where it can't happen at an endpoint, the endpoint answers as usual.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// 429 of the kind that passes.
    RateLimit {
        /// Seconds in the `retry-after` header; `None` leaves it out.
        #[serde(default)]
        retry_after: Option<u64>,
    },
    /// 429 of the kind that doesn't pass: no money left.
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
    /// The model is gone: an error for calls, a past `shutdown_date` for the model list.
    Retired,
    /// The model was never there.
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
    /// The text is packed in something that was not asked for.
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

/// What models like to put around a text that should stand alone.
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
    //! Durations as whole milliseconds, since that is what people type.

    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}

/// The rules in the order in which they were given.
#[derive(Debug, Default)]
pub(crate) struct Script {
    rules: Vec<Rule>,
}

/// What goes wrong with one request.
#[derive(Debug, Default)]
pub(crate) struct Injection {
    /// The fault, if one is due.
    pub(crate) fault: Option<Fault>,
    /// Which requests that fault's rule is about.
    pub(crate) matching: Match,
    /// What is added to the latency.
    pub(crate) delay: Duration,
}

impl Script {
    /// Adds a rule after the others.
    pub(crate) fn push(&mut self, rule: Rule) {
        self.rules.push(rule);
    }

    /// Forgets all rules.
    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    /// Finds what goes wrong with a request, and counts the rules that were used.
    pub(crate) fn next_injection(&mut self, endpoint: Endpoint, text: &str) -> Injection {
        let mut injection = Injection::default();
        for rule in self.rules.iter_mut().filter(|rule| rule.fits(endpoint, text)) {
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
    /// Tells whether a text is among those that are meant.
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
        let mut script = Script::default();
        script.push(Rule::new(Endpoint::Images, Fault::Quota).after(1).times(2));
        let injected: Vec<bool> =
            (0..5).map(|_| script.next_injection(Endpoint::Images, "x").fault.is_some()).collect();
        assert_eq!(injected, [false, true, true, false, false]);
    }

    #[test]
    fn only_requests_that_fit_are_counted() {
        let mut script = Script::default();
        script.push(Rule::new(Endpoint::Images, Fault::Refuse).when_prompt_contains("köprü").once());
        assert!(script.next_injection(Endpoint::Messages, "köprü").fault.is_none());
        assert!(script.next_injection(Endpoint::Images, "bridge").fault.is_none());
        assert_eq!(script.next_injection(Endpoint::Images, "eski köprü").fault, Some(Fault::Refuse));
        assert!(script.next_injection(Endpoint::Images, "köprü").fault.is_none());
    }

    #[test]
    fn a_delay_combines_with_a_fault() {
        let mut script = Script::default();
        script.push(Rule::new(Endpoint::Images, Fault::Delay(Duration::from_millis(5))));
        script.push(Rule::new(Endpoint::Images, Fault::Quota));
        let injection = script.next_injection(Endpoint::Images, "");
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
