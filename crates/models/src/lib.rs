//! Everything btcedu keeps in tables; nothing else speaks SQL.
//!
//! One module per table, each with its row, its insert struct and synchronous
//! functions from a closed set of verbs. They take a connection, do one thing and
//! never commit: [`Db::run`] and [`Db::transaction`] are the only doors.
//!
//! May use: `btcedu-domain`.
//!
//! Invariants: a writing transaction is immediate, so it waits for its turn
//! instead of failing · pending migrations are applied all or not at all · money
//! is added up from the ledger, nowhere else · a path in every error that is about
//! the file.
//!
//! # Example
//! ```
//! use btcedu_models::{Db, DbConfig, episodes};
//!
//! # let folder = tempfile::tempdir()?;
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let path = folder.path().join("btcedu.db");
//! let db = Db::open(&DbConfig { path, ..DbConfig::default() })?;
//! db.migrate().await?;
//! let all = db.run(|conn| episodes::list(conn, &episodes::EpisodeFilter::default())).await?;
//! assert!(all.is_empty());
//! # Ok::<(), btcedu_models::DbError>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![expect(clippy::ref_option_ref, reason = "Diesel's derive of AsChangeset writes them")]

mod changes;
mod columns;
mod db;
mod error;
mod migrate;
mod pool;
mod schema;
mod turns;

pub mod content_artifacts;
pub mod episodes;
pub mod media_assets;
pub mod pipeline_runs;
pub mod prompt_versions;
pub mod provider_calls;
pub mod review_decisions;
pub mod review_tasks;
#[cfg(feature = "testing")]
pub mod testing;

pub use changes::{ChangeCounter, Changes};
pub use db::{Db, DbConfig};
pub use error::{DbError, SharedError};
pub use migrate::MigrationStatus;
pub use pool::Conn;
