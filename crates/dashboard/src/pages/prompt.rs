//! One prompt template: its versions, their differences, and which is in use.

use actix_session::Session;
use actix_web::{HttpRequest, HttpResponse, web};
use btcedu_models::prompt_versions::{self, PromptVersion};
use btcedu_prompts::{PromptName, promote as make_default};
use serde::Deserialize;
use similar::{ChangeTag, TextDiff};

use super::{page_with_forms, path_part, prompts::Uses, render_now};
use crate::{
    answer::{Body, Freshness},
    error::WebError,
    forms::{Fields, leave_notice, see_other},
    state::AppState,
    templates::PageName,
    views::prompts::{DiffLineView, PromptDiffView, PromptView},
};

/// Lines that stay around those that change.
const CONTEXT: usize = 3;

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
    let view = load(&state, &path_part(&request, "prompt", "prompt")?, *asked).await?;
    let page = page_with_forms(&state, &session, PageName::Prompt, &format!("Prompt {}", view.name)).await?;
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
    let view = load(&state, &path_part(&request, "prompt", "prompt")?, *asked).await?;
    Ok(Body::json(&view)?.respond(&request, Freshness::AskAgain))
}

async fn load(state: &AppState, name: &PromptName, asked: Asked) -> Result<PromptView, WebError> {
    let wanted = name.clone();
    let loaded = state
        .desk
        .db()
        .run(move |conn| Ok((prompt_versions::list(conn, wanted.as_str())?, Uses::load(conn)?)));
    let (versions, uses) = loaded.await?;
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
        (Some(from), Some(to)) => Some(compare(find(from)?, find(to)?)),
        _ => None,
    };
    Ok(PromptView {
        name: name.to_string(),
        shown: shown.version,
        body: shown.body.clone(),
        diff,
        versions: versions.into_iter().map(|version| uses.view(version)).collect(),
    })
}

fn compare(from: &PromptVersion, to: &PromptVersion) -> PromptDiffView {
    let diff = TextDiff::from_lines(from.body.as_str(), to.body.as_str());
    let mut lines = Vec::new();
    for (at, group) in diff.grouped_ops(CONTEXT).iter().enumerate() {
        if at > 0 {
            lines.push(DiffLineView { kind: "gap".to_owned(), text: "…".to_owned() });
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let kind = match change.tag() {
                ChangeTag::Equal => "same",
                ChangeTag::Delete => "del",
                ChangeTag::Insert => "ins",
            };
            let text = change.value().trim_end_matches('\n').to_owned();
            lines.push(DiffLineView { kind: kind.to_owned(), text });
        }
    }
    PromptDiffView { from: from.version, to: to.version, lines }
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
    Ok(see_other(&state, &format!("/prompts/{name}")))
}
