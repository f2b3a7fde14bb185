//! The database: tables, queries and migrations. No other crate uses SQL.
//!
//! One module per table, each with its row, its insert struct and synchronous
//! functions from a closed set of verbs. They take a connection, do one thing and
//! never commit. Other crates get a connection only from [`Db::run`] and [`Db::transaction`].
//!
//! May use: `btcedu-domain`.
//!
//! Invariants: a writing transaction is immediate, so it waits for its turn
//! instead of failing · pending migrations are applied all or not at all · costs
//! are summed from the ledger only · every error about the file has its path.
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
mod write_queue;

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
