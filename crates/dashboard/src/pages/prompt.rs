//! One prompt template: its versions, their differences, and which is in use.

use actix_session::Session;
use actix_web::{HttpRequest, HttpResponse, web};
use btcedu_models::prompt_versions::{self, PromptVersion};
use btcedu_prompts::{PromptName, diff, promote as make_default};
use serde::Deserialize;

use super::{Loaded, page_with_forms, path_part, prompts::Uses, render_now};
use crate::{
    answer::{Body, Freshness},
    error::WebError,
    forms::{Fields, leave_notice, see_other},
    state::{AppState, Reader},
    templates::PageName,
    views::prompts::{DiffLineView, PromptDiffView, PromptView},
};

/// Which version to show, and which two to compare.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub(crate) struct Asked {
    version: Option<i32>,
    from: Option<i32>,
    to: Option<i32>,
}

/// Shows the template.
pub(crate) async fn page(
    state: web::Data<AppState>,
    session: Session,
    request: HttpRequest,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, WebError> {
    let name = path_part(&request, "prompt", "prompt")?;
    let loaded = state.read(move |reader| load(reader, &name, *asked)).await?;
    let Loaded { title, view, pending_reviews } = loaded;
    let page = page_with_forms(&state, &session, PageName::Prompt, &title, pending_reviews)?;
    render_now(&state, &request, &page, &view)
}

/// Answers with the template as JSON.
#[utoipa::path(
    get, path = "/api/v1/prompts/{prompt}", operation_id = "prompt",
    params(
        ("prompt" = String, Path, description = "The template's name"),
        ("version" = Option<i32>, Query, description = "The version whose text is wanted; else the one in use"),
        ("from" = Option<i32>, Query, description = "The older version to compare"),
        ("to" = Option<i32>, Query, description = "The newer version to compare"),
    ),
    responses(
        (status = 200, description = "The template with all its versions", body = PromptView),
        (status = 404, description = "There is no such template or version"),
    ),
)]
pub(crate) async fn api(
    state: web::Data<AppState>,
    request: HttpRequest,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, WebError> {
    let name = path_part(&request, "prompt", "prompt")?;
    let loaded = state.read(move |reader| load(reader, &name, *asked)).await?;
    Ok(Body::json(&loaded.view)?.respond(&request, Freshness::AskAgain))
}

fn load(reader: &Reader, name: &PromptName, asked: Asked) -> Result<Loaded<PromptView>, WebError> {
    let versions = reader.rows(|conn| prompt_versions::list(conn, name.as_str()))?;
    let uses = reader.rows(Uses::load)?;
    if versions.is_empty() {
        return Err(WebError::no_such("prompt", name));
    }
    let find = |number: i32| {
        let found = versions.iter().find(|version| version.version == number);
        found.ok_or_else(|| WebError::no_such("version", format!("{name} v{number}")))
    };
    let shown = match asked.version {
        Some(number) => find(number)?,
        None => match versions.iter().find(|version| version.is_default).or(versions.first()) {
            Some(version) => version,
            None => return Err(WebError::no_such("prompt", name)),
        },
    };
    let diff = match (asked.from, asked.to) {
        (Some(from), Some(to)) => Some(compare(name, &versions, from, to)?),
        _ => None,
    };
    let view = PromptView {
        name: name.to_string(),
        shown: shown.version,
        body: shown.body.clone(),
        diff,
        versions: versions.into_iter().map(|version| uses.view(version)).collect(),
    };
    Loaded::new(reader, format!("Prompt {name}"), view)
}

/// Compares two versions: a unified diff, line by line.
fn compare(
    name: &PromptName,
    versions: &[PromptVersion],
    from: i32,
    to: i32,
) -> Result<PromptDiffView, WebError> {
    let text = diff(name, versions, from, to).map_err(|error| WebError::NotFound(error.to_string()))?;
    // The names of the two come first.
    let lines = text.lines().skip(if text.starts_with("---") { 2 } else { 0 });
    let line = |line: &str| {
        let (kind, text) = match line.split_at_checked(1) {
            Some(("+", text)) => ("ins", text),
            Some(("-", text)) => ("del", text),
            Some(("@", _)) => ("gap", "…"),
            Some((" ", text)) => ("same", text),
            _ => ("same", line),
        };
        DiffLineView { kind: kind.to_owned(), text: text.to_owned() }
    };
    Ok(PromptDiffView { from, to, lines: lines.map(line).collect() })
}

/// Makes a version the one in use.
pub(crate) async fn promote(
    state: web::Data<AppState>,
    session: Session,
    request: HttpRequest,
    fields: Fields,
) -> Result<HttpResponse, WebError> {
    fields.check(&session)?;
    let name: PromptName = path_part(&request, "prompt", "prompt")?;
    let Ok(version) = fields.get("version").parse::<i32>() else {
        return Err(WebError::BadInput("the form names no version".to_owned()));
    };
    let promoted = name.clone();
    let found = state.desk.db().transaction(move |conn| {
        let known = prompt_versions::find_version(conn, promoted.as_str(), version)?.is_some();
        if known {
            make_default(conn, &promoted, version)?;
        }
        Ok(known)
    });
    if !found.await? {
        return Err(WebError::no_such("version", format!("{name} v{version}")));
    }
    let told = format!(
        "{name} v{version} is in use now; what was made with another version stays, `btcedu run EPISODE_ID --refresh` makes it anew"
    );
    leave_notice(&session, "done", told)?;
    Ok(see_other(&state.base, &format!("/prompts/{name}")))
}
