//! Text, speech and feed services.
//!
//! So far there is the text service: one trait, and Claude's Messages API behind it. A call is
//! one attempt; the caller decides what the answer means for an episode.
//!
//! May use: `btcedu-domain`, `btcedu-catalog`, `btcedu-http`.
//!
//! Invariants: no sampling parameter is ever sent · thinking is never part of the
//! answer · nothing is sent without a key · no secret in any `Debug` or error.
//!
//! # Example
//! ```no_run
//! use btcedu_catalog::ModelCatalog;
//! use btcedu_clients::{ANTHROPIC, ApiFailure, ClaudeClient, LanguageModel, StopReason, TextRequest};
//! use btcedu_http::Endpoint;
//!
//! # async fn ask() -> Result<(), ApiFailure> {
//! let client = ClaudeClient::new(Endpoint::new(&ANTHROPIC).with_key("sk-ant-…"), ModelCatalog::builtin())?;
//! let request = TextRequest::new("claude-sonnet-5-5", "Describe a block chain as a picture.", 500);
//! let reply = client.complete(&request).await?;
//! if reply.stop_reason == StopReason::EndTurn {
//!     println!("{} ({} tokens)", reply.text, reply.usage.output_tokens);
//! }
//! # Ok(())
//! # }
//! ```

mod claude;
mod text;

pub use claude::{ANTHROPIC, ANTHROPIC_VERSION, ClaudeClient};
#[cfg(feature = "mock")]
pub use text::MockLanguageModel;
pub use text::{ApiFailure, FailureKind, LanguageModel, StopReason, TextReply, TextRequest, TextUsage};
