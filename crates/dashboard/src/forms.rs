//! What forms send: their fields, and the session's token with them.

use std::{future::Future, pin::Pin, time::Duration};

use actix_session::Session;
use actix_web::{
    FromRequest, HttpRequest, HttpResponse,
    dev::Payload,
    http::header,
    web::{Form, FormConfig},
};
use subtle::ConstantTimeEq;

use crate::{config::BasePath, error::WebError, random::random_word, templates::Notice};

/// Notes may be long; a form is never longer than this, in bytes.
const MAX_FORM: usize = 64 * 1024;
/// How long the rest of a form may take to come.
const MAX_WAIT: Duration = Duration::from_secs(10);
const TOKEN: &str = "csrf";
const NOTICE: &str = "notice";
const USER: &str = "user";

/// The fields of a form, in order; a name may occur several times.
#[derive(Debug)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Returns the first field of a name; empty where there is none.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// Returns all fields of a name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> + use<'a> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Checks that the form holds its session's token.
    ///
    /// # Errors
    /// [`WebError::Forbidden`] where it doesn't.
    pub(crate) fn check(&self, session: &Session) -> Result<(), WebError> {
        let expected: Option<String> = session.get(TOKEN).unwrap_or_default();
        let sent = self.get(TOKEN);
        let fits = expected.is_some_and(|expected| expected.as_bytes().ct_eq(sent.as_bytes()).into());
        if fits {
            return Ok(());
        }
        Err(WebError::Forbidden(
            "the form is too old, or not from this browser; load the page anew and try again",
        ))
    }
}

impl FromRequest for Fields {
    type Error = actix_web::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Self::Error>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let fields = Form::<Vec<(String, String)>>::from_request(request, payload);
        Box::pin(async move {
            match tokio::time::timeout(MAX_WAIT, fields).await {
                Ok(fields) => Ok(Self(fields?.into_inner())),
                Err(_elapsed) => Err(WebError::TooSlow.into()),
            }
        })
    }
}

/// Returns how much a form may send.
pub(crate) fn limits() -> FormConfig {
    FormConfig::default().limit(MAX_FORM)
}

/// Returns the session's token, made where there is none yet.
pub(crate) fn token(session: &Session) -> Result<String, WebError> {
    let known: Option<String> = session.get(TOKEN).unwrap_or_default();
    if let Some(known) = known {
        return Ok(known);
    }
    let new = random_word::<16>()?;
    session.insert(TOKEN, &new).map_err(WebError::internal)?;
    Ok(new)
}

/// Returns the name that has signed in.
pub(crate) fn signed_in_user(session: &Session) -> Option<String> {
    session.get(USER).unwrap_or_default()
}

/// Signs a visitor in; an id that the session had before is worth nothing from now on.
///
/// # Errors
/// [`WebError::Internal`] where the session can't be written.
pub(crate) fn set_signed_in_user(session: &Session, user: &str) -> Result<(), WebError> {
    session.renew();
    session.insert(USER, user).map_err(WebError::internal)
}

/// Leaves a message about the form for the next page.
pub(crate) fn leave_notice(session: &Session, kind: &str, text: impl Into<String>) -> Result<(), WebError> {
    // A cookie holds about 4,000 bytes.
    let text = text.into().chars().take(600).collect();
    session.insert(NOTICE, Notice { kind: kind.to_owned(), text }).map_err(WebError::internal)
}

/// Takes the message that the last form has left.
pub(crate) fn take_notice(session: &Session) -> Option<Notice> {
    session.remove_as(NOTICE).and_then(Result::ok)
}

/// Sends the browser to a page, so that loading it anew doesn't send the form again.
pub(crate) fn see_other(base: &BasePath, path: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, format!("{base}{path}"))).finish()
}
