//! `btcedu migrate` and `migrate-status`: the database's schema.

use clap::Args;
use serde_json::json;

use crate::{
    app::App,
    errors::CommandResult,
    exit::ExitStatus,
    output::{Output, table},
};

/// Bring the database up to date; all pending steps or none
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  btcedu migrate      every command that needs the database does this by itself"
)]
pub(crate) struct MigrateArgs {}

/// Show which steps of the schema are applied, without changing anything
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  btcedu migrate-status")]
pub(crate) struct MigrateStatusArgs {}

pub(crate) async fn run(app: &App, output: Output) -> CommandResult<ExitStatus> {
    let db = app.database()?;
    let applied = db.migrate().await?;
    output.result(&json!({"database": db.path(), "applied": applied}), || match applied.len() {
        0 => format!("{} is up to date", db.path().display()),
        _ => format!("{}: applied {}", db.path().display(), applied.join(", ")),
    })?;
    Ok(ExitStatus::Done)
}

pub(crate) async fn status(app: &App, output: Output) -> CommandResult<ExitStatus> {
    let db = app.database()?;
    let steps = db.migration_status().await?;
    let document: Vec<_> = steps.iter().map(|s| json!({"name": s.name, "applied": s.applied})).collect();
    output.result(&document, || {
        let rows = steps
            .iter()
            .map(|s| vec![s.name.clone(), if s.applied { "applied" } else { "pending" }.to_owned()]);
        format!("{}\n{}", db.path().display(), table(&["step", ""], rows.collect()))
    })?;
    Ok(ExitStatus::Done)
}
