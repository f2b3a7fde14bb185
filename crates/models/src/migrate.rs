//! Migrations; two processes may apply them at the same time.

use std::{collections::BTreeSet, path::Path};

use diesel::{
    RunQueryDsl, SqliteConnection,
    migration::{Migration, MigrationSource},
    sql_types::Text,
    sqlite::Sqlite,
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::error::DbError;

pub(crate) const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations");

/// One migration, and whether it has been applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationStatus {
    /// The name of its folder; its number if this version doesn't know it.
    pub name: String,
    /// Whether it has been applied.
    pub applied: bool,
}

type Step = Box<dyn Migration<Sqlite>>;

/// Returns the embedded migrations, oldest first.
fn steps() -> Result<Vec<Step>, DbError> {
    let mut steps: Vec<Step> = MIGRATIONS
        .migrations()
        .map_err(|source| DbError::from(diesel::result::Error::QueryBuilderError(source)))?;
    steps.sort_by_key(version);
    Ok(steps)
}

fn version(step: &Step) -> String {
    step.name().version().to_string()
}

#[derive(diesel::QueryableByName)]
struct Applied {
    #[diesel(sql_type = Text)]
    version: String,
}

/// Returns the applied versions. Unlike Diesel's own function, it only reads.
fn applied(conn: &mut SqliteConnection) -> Result<BTreeSet<String>, DbError> {
    let rows: Result<Vec<Applied>, _> =
        diesel::sql_query("SELECT version FROM __diesel_schema_migrations").load(conn);
    match rows.map_err(DbError::from) {
        Ok(rows) => Ok(rows.into_iter().map(|row| row.version).collect()),
        Err(error) if error.is_unmigrated() => Ok(BTreeSet::new()),
        Err(error) => Err(error),
    }
}

/// Applies the pending migrations in one immediate transaction.
///
/// It looks for pending ones again inside the transaction, because another process may have
/// applied them.
pub(crate) fn apply_pending(conn: &mut SqliteConnection, path: &Path) -> Result<Vec<String>, DbError> {
    let steps = steps()?;
    if pending(conn, &steps, path)?.is_empty() {
        return Ok(Vec::new());
    }
    let names = conn.immediate_transaction(|conn| {
        let setup = conn.applied_migrations();
        setup.map_err(|source| DbError::migration(path, "of the list of migrations", source))?;
        let mut names = Vec::new();
        for step in pending(conn, &steps, path)? {
            let name = step.name().to_string();
            conn.run_migration(step).map_err(|source| DbError::migration(path, &name, source))?;
            names.push(name);
        }
        Ok::<_, DbError>(names)
    })?;
    tracing::info!(path = %path.display(), steps = names.len(), "migrated the database");
    Ok(names)
}

fn pending<'a>(
    conn: &mut SqliteConnection,
    steps: &'a [Step],
    path: &Path,
) -> Result<Vec<&'a Step>, DbError> {
    let mut applied = applied(conn)?;
    let pending = steps.iter().filter(|step| !applied.remove(&version(step))).collect();
    match applied.pop_last() {
        Some(step) => Err(DbError::NewerSchema { path: path.to_owned(), step }),
        None => Ok(pending),
    }
}

/// Lists the migrations of an open database.
pub(crate) fn status(conn: &mut SqliteConnection) -> Result<Vec<MigrationStatus>, DbError> {
    list(applied(conn)?)
}

/// Lists the migrations where there is no database.
pub(crate) fn status_of_nothing() -> Result<Vec<MigrationStatus>, DbError> {
    list(BTreeSet::new())
}

fn list(mut applied: BTreeSet<String>) -> Result<Vec<MigrationStatus>, DbError> {
    let mut list: Vec<MigrationStatus> = steps()?
        .iter()
        .map(|step| MigrationStatus {
            name: step.name().to_string(),
            applied: applied.remove(&version(step)),
        })
        .collect();
    list.extend(applied.into_iter().map(|name| MigrationStatus { name, applied: true }));
    Ok(list)
}
