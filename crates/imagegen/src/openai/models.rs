//! Asks the provider which models it has, and until when.

use btcedu_http::ErrorReply;
use jiff::civil::Date;
use serde::{Deserialize, de::DeserializeOwned};

use super::{OpenAiImages, classify};
use crate::service::{ImageGenError, ModelCheck};

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
        // A date that can't be read is treated as missing.
        let shutdown_date = self.shutdown_date.and_then(|date| date.parse().ok());
        ListedModel { id: self.id, shutdown_date }
    }
}

impl OpenAiImages {
    /// Returns the models that the provider lists for this key. It also asks gateways.
    ///
    /// # Errors
    /// [`ImageGenError`] if there is no list.
    pub async fn list_models(&self) -> Result<Vec<ListedModel>, ImageGenError> {
        match self.get::<List>("models").await? {
            Ok(list) => Ok(list.data.into_iter().map(Entry::listed).collect()),
            Err(reply) => Err(classify::failure(reply, "", None)),
        }
    }

    /// Asks about a model. It also asks gateways.
    ///
    /// The catalogue's dates are those of the public API, so nothing is sent there for a model
    /// that has ended. At a gateway the date only explains why the model is missing.
    ///
    /// # Errors
    /// [`ImageGenError`] if the provider can't be asked.
    pub async fn ask_about_model(&self, model: &str) -> Result<ModelCheck, ImageGenError> {
        let today = self.config.endpoint.clock.now().date();
        let listed = self.config.catalog.image(model);
        let successor = listed.and_then(|entry| entry.successor.clone());
        let ended = listed.filter(|entry| entry.is_retired(today)).map(|entry| entry.retires);
        let retired = |since| ModelCheck::Retired { since, successor: successor.clone() };
        if let Some(since) = ended.filter(|_| self.config.endpoint.is_public()) {
            return Ok(retired(since));
        }
        match self.get::<Entry>(&format!("models/{}", path_segment(model))).await? {
            Ok(entry) => Ok(match entry.listed().shutdown_date {
                Some(since) if since <= today => retired(Some(since)),
                shutdown_date => ModelCheck::Available { shutdown_date },
            }),
            Err(reply) if classify::is_missing_model(&reply) => {
                Ok(ended.map_or(ModelCheck::Missing, retired))
            }
            Err(reply) => Err(classify::failure(reply, model, successor.as_deref())),
        }
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<Result<T, ErrorReply<'_>>, ImageGenError> {
        let endpoint = &self.config.endpoint;
        endpoint.send_for_json(&endpoint.get(path)?.bearer(endpoint.key()?)).await
    }
}

/// Makes a model's name one safe segment of a path, since people type it into a setting.
fn path_segment(model: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
    let one: String = model.chars().map(|c| if safe(c) { c } else { '-' }).collect();
    if one.trim_matches('.').is_empty() { "-".to_owned() } else { one }
}
