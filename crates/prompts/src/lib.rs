//! Versioned prompt templates.
//!
//! Reads templates (Markdown with YAML front matter), registers each new body as a
//! version in the database, and renders the body of the default version. New versions
//! come from files; a run always renders a version from the database.
//!
//! May use: `btcedu-domain`, `btcedu-models`.
//!
//! Invariants: a body is registered once per name · one default per name · a variable
//! that isn't given is an error, not an empty text.
//!
//! # Example
//! ```
//! use btcedu_prompts::{PromptSource, render};
//!
//! let name = "imagegen".parse()?;
//! let template = PromptSource::Embedded.load(&name)?.ok_or("not there")?;
//! assert_eq!(template.max_tokens, 1024);
//! assert_eq!(render(&name, "Draw {{ what }}.", &[("what", "a coin")])?, "Draw a coin.");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod name;
mod registry;
mod source;
mod template;

pub use error::PromptError;
pub use name::PromptName;
pub use registry::{PromptInUse, diff, in_use, promote, register, register_all};
pub use source::PromptSource;
pub use template::{PromptTemplate, render};
