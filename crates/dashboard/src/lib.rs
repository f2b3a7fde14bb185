//! The reviewers' dashboard.
//!
//! Pages for people and `/api/v1` for programs: both show the same views, made from rows
//! and files. The dashboard reads, and decides reviews; it has no way to run a stage, so it
//! can't spend money. Everything it needs is inside the program.
//!
//! May use: `btcedu-domain`, `-chapters`, `-pictures`, `-artifacts`, `-models`,
//! `-texts`, `-prompts`, `-pipeline`.
//!
//! Invariants: a path comes only from a validated id, and is read by `btcedu-artifacts`
//! alone · text of models, files and people is shown as text, never as HTML · only a POST
//! of the same origin with its session's token changes anything · a page is kept only until
//! the database or its files change · nothing blocks an async thread.
//!
//! # Example
//! ```
//! use btcedu_dashboard::{Credentials, DashboardConfig, hash_password};
//!
//! let line = hash_password("ayşe", "correct horse battery staple")?;
//! let credentials: Credentials = line.parse()?;
//! assert_eq!(format!("{credentials:?}"), "Credentials { user: \"ayşe\", .. }");
//!
//! let config = DashboardConfig { base_path: "/btcedu".parse()?, ..DashboardConfig::default() };
//! assert!(config.listen.ip().is_loopback());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod access;
mod answer;
mod api;
mod assets;
mod cache;
mod config;
mod credentials;
mod error;
mod forms;
mod hashes;
mod hub;
mod markup;
mod metrics;
mod middleware;
mod pages;
mod random;
mod routes;
mod server;
mod state;
mod templates;
#[cfg(test)]
mod tests;
mod thumbnails;
mod views;

pub use api::openapi_json;
pub use config::{BasePath, BasePathError, DashboardConfig};
pub use credentials::{BadCredentials, Credentials, hash_password};
pub use server::{Dashboard, ServeError, bind};
