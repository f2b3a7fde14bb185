//! `btcedu prompt`: versions of the templates, their differences, and which is in use.

use btcedu_domain::UtcTime;
use btcedu_models::{Conn, DbError, prompt_versions, prompt_versions::PromptVersion};
use btcedu_prompts::{PromptName, PromptTemplate, diff, promote, register_all};
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::{
    app::App,
    errors::CommandResult,
    exit::ExitStatus,
    output::{Output, table},
};

/// Look at prompt templates and their versions, and choose which is in use
///
/// A changed template file is a new version. It becomes the default if the default was
/// the file's version until then; `promote` makes any version the default.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  btcedu prompt list
  btcedu prompt show imagegen
  btcedu prompt diff imagegen 1 2
  btcedu prompt promote imagegen 1")]
pub(crate) struct PromptArgs {
    #[command(subcommand)]
    command: PromptCommand,
}

#[derive(Debug, Subcommand)]
enum PromptCommand {
    /// List templates and their versions
    #[command(after_help = "Example:\n  btcedu prompt list")]
    List,
    /// Show a version's text and the template's history
    #[command(after_help = "Example:\n  btcedu prompt show imagegen 1")]
    Show {
        /// The template
        name: String,
        /// The version; the default's if left out
        #[arg(value_name = "VERSION")]
        number: Option<i32>,
    },
    /// Compare two versions line by line
    #[command(after_help = "Example:\n  btcedu prompt diff imagegen 1 2")]
    Diff {
        /// The template
        name: String,
        /// The older version
        from: i32,
        /// The newer version
        to: i32,
    },
    /// Make a version the default
    #[command(after_help = "Example:\n  btcedu prompt promote imagegen 1")]
    Promote {
        /// The template
        name: String,
        /// The version
        #[arg(value_name = "VERSION")]
        number: i32,
    },
}

#[derive(Debug, Serialize)]
struct VersionRow {
    name: String,
    version: i32,
    is_default: bool,
    in_file: bool,
    model: Option<String>,
    max_tokens: Option<i64>,
    temperature: Option<f64>,
    content_hash: String,
    created_at: UtcTime,
    notes: Option<String>,
}

#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    version: VersionRow,
    body: String,
    history: Vec<VersionRow>,
}

impl From<&PromptVersion> for VersionRow {
    fn from(row: &PromptVersion) -> Self {
        Self {
            name: row.name.clone(),
            version: row.version,
            is_default: row.is_default,
            in_file: row.template_path.is_some(),
            model: row.model.clone(),
            max_tokens: row.max_tokens,
            temperature: row.temperature,
            content_hash: row.content_hash.to_string(),
            created_at: row.created_at,
            notes: row.notes.clone(),
        }
    }
}

pub(crate) async fn run(app: &App, args: &PromptArgs, output: Output) -> CommandResult<ExitStatus> {
    match &args.command {
        PromptCommand::List => list(app, output).await,
        PromptCommand::Show { name, number } => show(app, name.parse()?, *number, output).await,
        PromptCommand::Diff { name, from, to } => {
            let name: PromptName = name.parse()?;
            let versions = versions_of(app, &name).await?;
            let text = diff(&name, &versions, *from, *to)?;
            output.result(
                &serde_json::json!({"name": name, "from": from, "to": to, "diff": text}),
                || {
                    if text.is_empty() { "no difference".to_owned() } else { text.clone() }
                },
            )?;
            Ok(ExitStatus::Done)
        }
        PromptCommand::Promote { name, number } => promote_version(app, name.parse()?, *number, output).await,
    }
}

/// Registers what the files hold, so that what is shown is what a run would see.
async fn register_files(app: &App) -> CommandResult<Vec<PromptVersion>> {
    let files = app.prompts().load_all()?;
    let (db, now) = (app.ready_database().await?, app.clock.now());
    Ok(db.transaction(move |conn| list_all(conn, &files, now)).await?)
}

fn list_all(conn: &mut Conn, files: &[PromptTemplate], now: UtcTime) -> Result<Vec<PromptVersion>, DbError> {
    register_all(conn, files, now)?;
    prompt_versions::list_all(conn)
}

async fn versions_of(app: &App, name: &PromptName) -> CommandResult<Vec<PromptVersion>> {
    let mut versions = register_files(app).await?;
    versions.retain(|v| v.name == name.as_str());
    if versions.is_empty() {
        return Err(app.prompts().unknown(name).into());
    }
    Ok(versions)
}

async fn list(app: &App, output: Output) -> CommandResult<ExitStatus> {
    let rows: Vec<VersionRow> = register_files(app).await?.iter().map(VersionRow::from).collect();
    output.result(&rows, || versions_text(&rows))?;
    Ok(ExitStatus::Done)
}

fn versions_text(rows: &[VersionRow]) -> String {
    let cells = rows.iter().map(|r| {
        let marks = match (r.is_default, r.in_file) {
            (true, true) => "default, in the file",
            (true, false) => "default",
            (false, true) => "in the file",
            (false, false) => "",
        };
        let hash: String = r.content_hash.chars().take(12).collect();
        vec![
            r.name.clone(),
            format!("v{}", r.version),
            marks.to_owned(),
            r.model.clone().unwrap_or_default(),
            hash,
            r.created_at.to_string(),
            r.notes.clone().unwrap_or_default(),
        ]
    });
    table(&["template", "", "", "model", "hash", "registered", "about"], cells.collect())
}

async fn show(app: &App, name: PromptName, number: Option<i32>, output: Output) -> CommandResult<ExitStatus> {
    let versions = versions_of(app, &name).await?;
    let wanted = versions.iter().find(|v| number.map_or(v.is_default, |n| v.version == n));
    let found = wanted.ok_or(btcedu_prompts::PromptError::NoSuchVersion {
        name: name.to_string(),
        version: number.unwrap_or_default(),
    })?;
    let history: Vec<VersionRow> = versions.iter().map(VersionRow::from).collect();
    let shown = Shown { version: found.into(), body: found.body.clone(), history };
    output.result(&shown, || format!("{}\n\n{}", versions_text(&shown.history), shown.body))?;
    Ok(ExitStatus::Done)
}

async fn promote_version(
    app: &App,
    name: PromptName,
    number: i32,
    output: Output,
) -> CommandResult<ExitStatus> {
    let versions = versions_of(app, &name).await?;
    if versions.iter().all(|v| v.version != number) {
        return Err(
            btcedu_prompts::PromptError::NoSuchVersion { name: name.to_string(), version: number }.into()
        );
    }
    let (db, promoted) = (app.ready_database().await?, name.clone());
    db.transaction(move |conn| promote(conn, &promoted, number)).await?;
    output.result(&serde_json::json!({"name": name, "default": number}), || {
        format!("{name} v{number} is the default now; pictures made with another version stay, `--refresh` makes them anew")
    })?;
    Ok(ExitStatus::Done)
}
