//! Signing in and out.

use actix_session::Session;
use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use serde::{Deserialize, Serialize};

use super::render_now;
use crate::{
    error::WebError,
    forms::{Fields, see_other, set_signed_in_user, token},
    state::AppState,
    templates::{Page, PageName},
};

/// Where to go after signing in.
#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    next: String,
}

#[derive(Debug, Serialize)]
struct SignInView {
    next: String,
    problem: &'static str,
}

/// Shows the form.
pub(crate) async fn show_sign_in(
    state: web::Data<AppState>,
    session: Session,
    request: HttpRequest,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, WebError> {
    if state.access.user().is_none() {
        return Ok(see_other(&state.base, "/"));
    }
    form(&state, &session, &request, &asked.next, "")
}

fn form(
    state: &AppState,
    session: &Session,
    request: &HttpRequest,
    next: &str,
    problem: &'static str,
) -> Result<HttpResponse, WebError> {
    let mut page = Page::new(state.site(), PageName::SignIn, "Sign in").signed_out();
    page.csrf = token(session)?;
    let mut response = render_now(state, request, &page, &SignInView { next: local(next), problem })?;
    if !problem.is_empty() {
        *response.status_mut() = StatusCode::UNAUTHORIZED;
    }
    Ok(response)
}

/// Checks name and password.
pub(crate) async fn sign_in(
    state: web::Data<AppState>,
    session: Session,
    request: HttpRequest,
    fields: Fields,
) -> Result<HttpResponse, WebError> {
    fields.check(&session)?;
    let (user, password) = (fields.get("user").to_owned(), fields.get("password").to_owned());
    let next = local(fields.get("next"));
    if !state.access.check(&request, user.clone(), password).await? {
        return form(&state, &session, &request, &next, "the name or the password is wrong");
    }
    set_signed_in_user(&session, &user)?;
    Ok(see_other(&state.base, &next))
}

/// Returns an address of our own, or the first page: `//evil.example` would be another host.
fn local(next: &str) -> String {
    let is_local = next.starts_with('/')
        && !next.starts_with("//")
        && !next.contains(|c: char| c == '\\' || c.is_control());
    if is_local { next.to_owned() } else { "/".to_owned() }
}

/// Asks whether to sign out.
pub(crate) async fn show_sign_out(
    state: web::Data<AppState>,
    session: Session,
    request: HttpRequest,
) -> Result<HttpResponse, WebError> {
    let mut page = Page::new(state.site(), PageName::SignOut, "Sign out");
    page.csrf = token(&session)?;
    render_now(&state, &request, &page, &serde_json::json!({}))
}

/// Signs the visitor out.
pub(crate) async fn sign_out(
    state: web::Data<AppState>,
    session: Session,
    fields: Fields,
) -> Result<HttpResponse, WebError> {
    fields.check(&session)?;
    session.purge();
    Ok(see_other(&state.base, "/sign-in"))
}

#[cfg(test)]
mod tests {
    use super::local;

    #[test]
    fn nobody_is_sent_to_another_host() {
        assert_eq!(local("/reviews/7?view=side"), "/reviews/7?view=side");
        for next in [
            "",
            "//evil.example",
            "https://evil.example",
            "/\\evil.example",
            "evil",
            "/a\r\nb",
            "/\t/evil.example",
            "/\u{1}x",
        ] {
            assert_eq!(local(next), "/", "{next:?}");
        }
    }
}
