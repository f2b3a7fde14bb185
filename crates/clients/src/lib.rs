//! Text, speech and feed services.
//!
//! So far the text service: one trait, and Claude's Messages API behind it. A call is
//! one attempt; what its answer means for an episode is for the caller to say.
//!
//! May use: `btcedu-domain`, `btcedu-catalog`, `btcedu-http`.
//!
//! Invariants: no sampling parameter is ever sent · thinking is never taken for the
//! answer · nothing is sent without a key · no secret in any `Debug` or error.
//!
//! # Example
//! ```no_run
//! use btcedu_clients::{ClaudeClient, ClaudeConfig, LanguageModel, StopReason, TextRequest};
//!
//! # async fn ask() -> Result<(), btcedu_clients::TextError> {
//! let client = ClaudeClient::new(ClaudeConfig::default().with_key("sk-ant-…"))?;
//! let request = TextRequest::new("claude-sonnet-5-5", "Describe a block chain as a picture.", 500);
//! let reply = client.complete(&request).await?;
//! if reply.stop_reason == StopReason::EndTurn {
//!     println!("{} ({} tokens)", reply.text, reply.usage.output_tokens);
//! }
//! # Ok(())
//! # }
//! ```

mod claude;
mod error;
mod text;

pub use claude::{ANTHROPIC_VERSION, ClaudeClient, ClaudeConfig};
pub use error::TextError;
#[cfg(feature = "mock")]
pub use text::MockLanguageModel;
pub use text::{LanguageModel, StopReason, TextReply, TextRequest, TextUsage};
