//! `btcedu doctor`: what is set, and whether it works.

use btcedu_artifacts::{DiskKind, disk_kind, free_bytes, probe_writable};
use btcedu_domain::{Clock, SystemClock, with_causes};
use btcedu_imagegen::{ImageGenService, ModelCheck};
use clap::Args;
use serde::Serialize;

use crate::{
    app::App,
    errors::{CommandError, CommandResult},
    exit::ExitStatus,
    output::{Output, table},
    settings::SETTINGS,
};

/// Show the settings and check whether they work; exit 1 if something doesn't
///
/// Looks at folders, disk, database, templates and the catalogue, then asks the
/// providers whether the keys are accepted and the models served. Costs nothing.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  btcedu doctor
  btcedu doctor --offline      without asking the providers")]
pub(crate) struct DoctorArgs {
    /// Don't ask the providers
    #[arg(long)]
    offline: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Ok,
    Warning,
    Broken,
}

#[derive(Debug, Serialize)]
struct Check {
    what: String,
    verdict: Verdict,
    told: String,
}

#[derive(Debug, Serialize)]
struct SettingRow {
    name: &'static str,
    value: String,
    origin: String,
}

#[derive(Debug, Serialize)]
struct Report {
    settings: Vec<SettingRow>,
    checks: Vec<Check>,
}

fn check(what: impl Into<String>, verdict: Verdict, told: impl Into<String>) -> Check {
    Check { what: what.into(), verdict, told: told.into() }
}

pub(crate) async fn run(app: &App, args: &DoctorArgs, output: Output) -> CommandResult<ExitStatus> {
    let mut checks = Vec::new();
    look_at_disk(app, &mut checks);
    look_at_database(app, &mut checks).await;
    look_at_templates(app, &mut checks);
    look_at_models(app, &mut checks);
    if args.offline {
        look_at_keys(app, &mut checks);
    } else {
        ask_openai(app, &mut checks).await;
        ask_anthropic(app, &mut checks).await;
    }
    let broken = checks.iter().any(|c| c.verdict == Verdict::Broken);
    let report = Report { settings: settings(app), checks };
    output.result(&report, || text(&report))?;
    Ok(if broken { ExitStatus::Failed } else { ExitStatus::Done })
}

fn settings(app: &App) -> Vec<SettingRow> {
    let values = &app.settings.values;
    let row = |s: &crate::settings::Setting| {
        let value = match values.get(s.name) {
            Some(_) if s.secret => "(set, not shown)".to_owned(),
            // An address may carry a user, a password or a token.
            Some(url) if s.name.ends_with("_BASE_URL") && url.contains(['@', '?']) => {
                "(set, not shown)".to_owned()
            }
            Some(value) => value.to_owned(),
            None => s.default.to_owned(),
        };
        SettingRow { name: s.name, value, origin: values.origin(s.name).to_string() }
    };
    SETTINGS.iter().map(row).collect()
}

fn look_at_disk(app: &App, checks: &mut Vec<Check>) {
    let root = app.data.root();
    let name = format!("folder {}", root.display());
    if let Err(error) = probe_writable(root) {
        checks.push(check(name, Verdict::Broken, error.to_string()));
        return;
    }
    checks.push(check(&name, Verdict::Ok, "can be written"));
    match free_bytes(root) {
        Ok(free) if free < 512 << 20 => {
            checks.push(check(
                "disk space",
                Verdict::Warning,
                format!("{} MiB free; an episode of 64 pictures takes about 200", free >> 20),
            ));
        }
        Ok(free) => checks.push(check("disk space", Verdict::Ok, format!("{} MiB free", free >> 20))),
        Err(error) => checks.push(check("disk space", Verdict::Warning, error.to_string())),
    }
    match disk_kind(root) {
        Ok(DiskKind::Network) => checks.push(check(
            "file system",
            Verdict::Broken,
            "the workspace is on a network file system, where locks and the database can't be relied on; move it to a local disk",
        )),
        Ok(DiskKind::Local) => checks.push(check("file system", Verdict::Ok, "local")),
        Err(error) => checks.push(check("file system", Verdict::Warning, error.to_string())),
    }
}

async fn look_at_database(app: &App, checks: &mut Vec<Check>) {
    let name = format!("database {}", app.settings.database.display());
    let status = match app.database() {
        Ok(db) => db.migration_status().await.map_err(CommandError::from),
        Err(error) => Err(error),
    };
    checks.push(match status {
        Ok(steps) if steps.iter().all(|s| s.applied) => check(name, Verdict::Ok, "up to date"),
        Ok(steps) => {
            let pending = steps.iter().filter(|s| !s.applied).count();
            check(
                name,
                Verdict::Ok,
                format!("{pending} steps pending; the next command applies them, or `btcedu migrate`"),
            )
        }
        Err(error) => check(name, Verdict::Broken, error.with_causes()),
    });
}

fn look_at_templates(app: &App, checks: &mut Vec<Check>) {
    let source = app.prompts();
    let name = format!("templates of {}", source.describe());
    let loaded = source.names().and_then(|names| {
        names
            .iter()
            .map(|n| source.load(n))
            .collect::<Result<Vec<_>, _>>()
            .map(|all| all.into_iter().flatten().count())
    });
    checks.push(match loaded {
        Ok(0) => check(name, Verdict::Broken, "there are none; check PROMPTS_DIR"),
        Ok(count) => check(name, Verdict::Ok, format!("{count} can be used")),
        Err(error) => check(name, Verdict::Broken, error.to_string()),
    });
}

fn look_at_models(app: &App, checks: &mut Vec<Check>) {
    let image = &app.settings.image;
    let catalog = match app.catalog() {
        Ok(catalog) => catalog,
        Err(error) => return checks.push(check("model catalogue", Verdict::Broken, error.with_causes())),
    };
    let name = format!("image model {}", image.model);
    let model = match catalog.resolve_image(&image.model, image.price) {
        Ok(model) => model,
        Err(error) => return checks.push(check(name, Verdict::Broken, error.to_string())),
    };
    let size = image.size.clone().unwrap_or_else(|| model.default_size.to_string());
    let quality = image.quality.clone().unwrap_or_else(|| model.default_quality.clone());
    let today = SystemClock.now().date();
    let to = model.successor.as_deref().unwrap_or("another model");
    checks.push(match (model.check_settings(&size, &quality, None), model.retires) {
        (Err(problem), _) => check(name, Verdict::Broken, problem.to_string()),
        (Ok(()), Some(date)) if date <= today => check(
            name,
            if app.settings.openai_base_url.is_none() { Verdict::Broken } else { Verdict::Warning },
            format!("shut down on the public API since {date}; set IMAGE_GEN_MODEL to {to}"),
        ),
        (Ok(()), Some(date)) => check(
            name,
            Verdict::Warning,
            format!("will be shut down on {date}; set IMAGE_GEN_MODEL to {to} by then"),
        ),
        (Ok(()), None) => {
            let price = model
                .estimate(&size, &quality, 1000)
                .map_or_else(String::new, |p| format!(", up to {p} a picture"));
            check(name, Verdict::Ok, format!("{size}, {quality}{price}"))
        }
    });
    look_at_text_model(app, &catalog, checks);
}

fn look_at_text_model(app: &App, catalog: &btcedu_catalog::ModelCatalog, checks: &mut Vec<Check>) {
    let Some(id) = text_model(app) else { return };
    let name = format!("text model {id}");
    let today = SystemClock.now().date();
    checks.push(match catalog.text(&id) {
        None => check(
            name,
            Verdict::Broken,
            "is not in the catalogue, so it has no price; set CLAUDE_MODEL or MODELS_FILE",
        ),
        Some(model) => match model.retires {
            Some(date) if date <= today => {
                check(name, Verdict::Broken, format!("retired since {date}; set CLAUDE_MODEL"))
            }
            Some(date) => check(name, Verdict::Warning, format!("retires on {date}")),
            None => check(name, Verdict::Ok, "listed with a price"),
        },
    });
}

/// The model that writes prompts for pictures, as far as settings and files tell.
fn text_model(app: &App) -> Option<String> {
    let from_template = || Some(app.prompts().load(&"imagegen".parse().ok()?).ok()??.model);
    app.settings.claude_model.clone().or_else(from_template)
}

fn look_at_keys(app: &App, checks: &mut Vec<Check>) {
    for name in ["OPENAI_API_KEY", "ANTHROPIC_API_KEY"] {
        checks.push(match app.settings.values.get(name) {
            Some(_) => check(name, Verdict::Ok, "set; not asked whether it is accepted"),
            None => check(name, Verdict::Broken, "not set"),
        });
    }
}

async fn ask_openai(app: &App, checks: &mut Vec<Check>) {
    let service = match app.catalog().and_then(|c| app.images(c)) {
        Ok(service) => service,
        Err(error) => return checks.push(check("OPENAI_API_KEY", Verdict::Broken, error.with_causes())),
    };
    let listed = match service.list_models().await {
        Ok(listed) => listed,
        Err(error) => return checks.push(check("OPENAI_API_KEY", Verdict::Broken, with_causes(&error))),
    };
    checks.push(check("OPENAI_API_KEY", Verdict::Ok, format!("accepted; {} models", listed.len())));
    let model = &app.settings.image.model;
    let name = format!("{model} at the provider");
    let found = listed.iter().find(|m| m.id == *model);
    let today = SystemClock.now().date();
    checks.push(match found.map(|m| m.shutdown_date) {
        None => check(name, Verdict::Broken, "is not offered to this key; set IMAGE_GEN_MODEL"),
        Some(Some(date)) if date <= today => {
            check(name, Verdict::Broken, format!("shut down since {date}; set IMAGE_GEN_MODEL"))
        }
        Some(Some(date)) => check(name, Verdict::Warning, format!("will be shut down on {date}")),
        Some(None) => check(name, Verdict::Ok, "offered, no shutdown date"),
    });
    if let Ok(ModelCheck::Retired { .. }) = service.check_model(model).await {
        checks.push(check(model, Verdict::Broken, "retired by the catalogue; a run stops before spending"));
    }
}

async fn ask_anthropic(app: &App, checks: &mut Vec<Check>) {
    let asked = match app.catalog().and_then(|c| app.texts(c)) {
        Ok(client) => client.list_models().await.map_err(|e| with_causes(&e)),
        Err(error) => Err(error.with_causes()),
    };
    let models = match asked {
        Ok(models) => models,
        Err(told) => return checks.push(check("ANTHROPIC_API_KEY", Verdict::Broken, told)),
    };
    checks.push(check("ANTHROPIC_API_KEY", Verdict::Ok, format!("accepted; {} models", models.len())));
    let Some(model) = text_model(app) else { return };
    let name = format!("{model} at the provider");
    checks.push(if models.contains(&model) {
        check(name, Verdict::Ok, "offered")
    } else {
        check(name, Verdict::Broken, "is not offered to this key; set CLAUDE_MODEL")
    });
}

fn text(report: &Report) -> String {
    let settings = report.settings.iter().map(|s| vec![s.name.to_owned(), s.value.clone(), s.origin.clone()]);
    let checks = report.checks.iter().map(|c| {
        let word = match c.verdict {
            Verdict::Ok => "ok",
            Verdict::Warning => "warning",
            Verdict::Broken => "broken",
        };
        vec![word.to_owned(), c.what.clone(), c.told.clone()]
    });
    let broken = report.checks.iter().filter(|c| c.verdict == Verdict::Broken).count();
    let end = match broken {
        0 => "all works".to_owned(),
        n => format!("{n} to be mended"),
    };
    format!(
        "{}\n\n{}\n{end}",
        table(&["setting", "value", ""], settings.collect()),
        table(&["", "what", ""], checks.collect())
    )
}
