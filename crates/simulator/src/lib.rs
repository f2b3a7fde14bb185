//! A loopback server that speaks the providers' protocols, faults included.
//!
//! Speaks `OpenAI` Images, `OpenAI`'s model list and Anthropic Messages as their real servers do,
//! refuses what they refuse, fails as its rules say, and counts calls, concurrency and
//! cost. Texts are recorded answers for `data/sample` and a plain stand-in for all else;
//! pictures are bars on a flat ground. Tests, the demo and the benchmarks run against it; the
//! product's own code doesn't know it, and it is never shipped.
//!
//! Any key that begins with `sk-sim-` is right. Other processes script it over HTTP:
//! `GET /__sim/stats`, `GET /__sim/requests`, `POST /__sim/rules` (a [`Rule`], or a list of
//! them, as JSON), `POST /__sim/reset`. Parts of messages that are marked for the prompt
//! cache are cached as by the real servers, until the next reset.
//!
//! May use: `btcedu-domain`. Its facts about the providers are its own, so that a wrong
//! catalog entry of the product can't confirm itself.
//!
//! Invariants: listens on loopback only · every answer with 200 is billed unless a
//! fault says otherwise, even if the client has disconnected · no key is recorded ·
//! the same request gets a different picture each time.
//!
//! # Example
//! ```
//! use btcedu_simulator::{Endpoint, Fault, Rule, Simulator, SimulatorConfig};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), btcedu_simulator::SimulatorError> {
//! let sim = Simulator::start(SimulatorConfig::default()).await?;
//! sim.script(Rule::new(Endpoint::Images, Fault::RateLimit { retry_after: Some(1) }).times(2));
//! // … point OPENAI_BASE_URL at format!("{}/v1", sim.base_url()) …
//! assert_eq!(sim.stats().image_calls, 0);
//! sim.stop().await;
//! # Ok(())
//! # }
//! ```

mod answer;
mod anthropic;
mod cache;
mod call;
mod config;
mod control;
mod draw;
mod error;
mod openai;
mod reply;
mod routes;
mod script;
mod server;
mod shared;
mod stats;

pub use config::SimulatorConfig;
pub use error::SimulatorError;
pub use script::{Endpoint, Fault, Match, Rule, StopReason, Wrapping};
pub use server::Simulator;
pub use stats::{RecordedRequest, Stats};
