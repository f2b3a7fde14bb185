//! The reviewers' dashboard.
//!
//! Pages for people and `/api/v1` for programs: both show the same views, made from rows
//! and files. It reads and decides reviews; it has no way to run a stage, so it can't
//! spend. Everything it needs is inside the program.
//!
//! May use: `btcedu-domain`, `-chapters`, `-pictures`, `-artifacts`, `-models`,
//! `-texts`, `-prompts`, `-pipeline`.
//!
//! Invariants: a path comes only from a validated id, and a link that leads out of the
//! workspace is not followed · what a model, a file or a person wrote is shown as text ·
//! nothing changes but by a POST of the same origin with its session's token · a page is
//! kept only as long as database and files are what they were.
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
mod error;
mod forms;
mod live;
mod markup;
mod metrics;
mod pages;
mod pictures;
mod routes;
mod server;
mod state;
mod templates;
mod views;

pub use access::{BadCredentials, Credentials, hash_password};
pub use api::openapi_json;
pub use config::{BasePath, BasePathError, DashboardConfig};
pub use server::{Dashboard, ServeError, bind};
