//! What the provider's list of models says: does it have this one, and until when.

use std::time::Duration;

use btcedu_http::{ApiRequest, Reply};
use jiff::civil::Date;
use serde::Deserialize;

use super::{OpenAiImages, classify::Failure};
use crate::{error::ImageGenError, service::ModelCheck};

/// A list is short and quick; nobody should wait minutes for it.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A model that the provider lists for this key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedModel {
    /// Its name.
    pub id: String,
    /// The first day on which it will be refused.
    pub shutdown_date: Option<Date>,
}

#[derive(Deserialize)]
struct Entry {
    id: String,
    #[serde(default)]
    shutdown_date: Option<String>,
}

#[derive(Deserialize)]
struct List {
    data: Vec<Entry>,
}

impl Entry {
    fn listed(self) -> ListedModel {
        // A date that can't be read says as little as none.
        let shutdown_date = self.shutdown_date.and_then(|date| date.parse().ok());
        ListedModel { id: self.id, shutdown_date }
    }
}

impl OpenAiImages {
    /// Returns the models that the provider lists for this key, whatever the base URL is.
    ///
    /// # Errors
    /// [`ImageGenError`] if there is no list to be had.
    pub async fn list_models(&self) -> Result<Vec<ListedModel>, ImageGenError> {
        let reply = self.get("models").await?;
        if !reply.is_success() {
            return Err(self.failure(&reply).into_error("", None, &self.base.host()));
        }
        match serde_json::from_slice::<List>(&reply.body) {
            Ok(list) => Ok(list.data.into_iter().map(Entry::listed).collect()),
            Err(_not_a_list) => Err(self.wrong_address(&reply)),
        }
    }

    /// Asks about a model, whatever the base URL is.
    ///
    /// The catalogue's dates are for the public API: there a model that has ended is not asked
    /// about, elsewhere its date only explains why it is missing.
    ///
    /// # Errors
    /// [`ImageGenError`] if it can't be asked.
    pub async fn ask_about_model(&self, model: &str) -> Result<ModelCheck, ImageGenError> {
        let today = self.config.clock.now().date();
        let listed = self.config.catalog.image(model);
        let successor = listed.and_then(|entry| entry.successor.clone());
        let ended = listed.filter(|entry| entry.is_retired(today)).map(|entry| entry.retires);
        let retired = |since| ModelCheck::Retired { since, successor: successor.clone() };
        if let Some(since) = ended.filter(|_| self.is_public()) {
            return Ok(retired(since));
        }
        let reply = self.get(&format!("models/{}", path_segment(model))).await?;
        if reply.is_success() {
            let Ok(entry) = serde_json::from_slice::<Entry>(&reply.body) else {
                return Err(self.wrong_address(&reply));
            };
            let shutdown_date = entry.listed().shutdown_date;
            return Ok(match shutdown_date {
                Some(since) if since <= today => retired(Some(since)),
                _ => ModelCheck::Available { shutdown_date },
            });
        }
        let failure = self.failure(&reply);
        if failure.is_missing_model() {
            return Ok(ended.map_or(ModelCheck::Missing, retired));
        }
        Err(failure.into_error(model, successor.as_deref(), &self.base.host()))
    }

    async fn get(&self, path: &str) -> Result<Reply, ImageGenError> {
        let call = ApiRequest::get(&self.base, path, TIMEOUT.min(self.config.timeout)).bearer(self.key()?);
        self.config.http.send(&call).await.map_err(ImageGenError::Transport)
    }

    fn failure(&self, reply: &Reply) -> Failure {
        Failure::read(reply, self.config.clock.now(), |text| self.clean(text))
    }

    fn wrong_address(&self, reply: &Reply) -> ImageGenError {
        ImageGenError::WrongAddress {
            host: self.base.host(),
            status: reply.status,
            request_id: reply.request_id.clone(),
        }
    }
}

/// Keeps a model's name one segment of a path, whatever was typed into the setting.
fn path_segment(model: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
    let one: String = model.chars().map(|c| if safe(c) { c } else { '-' }).collect();
    if one.trim_matches('.').is_empty() { "-".to_owned() } else { one }
}
