//! The catalogue: finds a model by name, or derives an unlisted one from its family.

use btcedu_domain::Usd;
use serde::Deserialize;

use crate::{
    error::CatalogError,
    image::{ImageFamily, ImageModel},
    prices::ImagePrices,
    speech::SpeechModel,
    text::TextModel,
};

/// Which listed model a name that isn't listed takes its properties from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Unlisted {
    pub(crate) dall_e: String,
    pub(crate) gpt_image: String,
}

/// Every model that btcedu knows something about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelCatalog {
    pub(crate) images: Vec<ImageModel>,
    pub(crate) texts: Vec<TextModel>,
    pub(crate) speeches: Vec<SpeechModel>,
    pub(crate) unlisted: Unlisted,
}

impl ModelCatalog {
    /// Finds a listed image model by its name or a dated snapshot's.
    pub fn image(&self, id: &str) -> Option<&ImageModel> {
        self.images.iter().find(|model| model.has_name(id))
    }

    /// Finds a listed text model by its name or an alias.
    pub fn text(&self, id: &str) -> Option<&TextModel> {
        self.texts.iter().find(|model| model.has_name(id))
    }

    /// Finds a listed speech model by its name.
    pub fn speech(&self, id: &str) -> Option<&SpeechModel> {
        self.speeches.iter().find(|model| model.id == id)
    }

    /// Returns the listed image models, in the catalogue's order.
    pub fn images(&self) -> impl Iterator<Item = &ImageModel> {
        self.images.iter()
    }

    /// Returns the listed text models, in the catalogue's order.
    pub fn texts(&self) -> impl Iterator<Item = &TextModel> {
        self.texts.iter()
    }

    /// Returns the listed speech models, in the catalogue's order.
    pub fn speeches(&self) -> impl Iterator<Item = &SpeechModel> {
        self.speeches.iter()
    }

    /// Returns the image model for a name; its `id` is that name.
    ///
    /// An unlisted model gets the properties of its family, which follows from its name (`dall-e…`, otherwise
    /// GPT Image), and costs `price`. A listed model keeps the catalogue's prices.
    ///
    /// # Errors
    /// [`CatalogError::UnknownPrice`] if the model is not listed and no price is given.
    pub fn resolve_image(&self, id: &str, price: Option<Usd>) -> Result<ImageModel, CatalogError> {
        if let Some(listed) = self.image(id) {
            return Ok(ImageModel { id: id.to_owned(), ..listed.clone() });
        }
        let like = match ImageFamily::of_name(id) {
            ImageFamily::DallE3 => &self.unlisted.dall_e,
            ImageFamily::GptImage => &self.unlisted.gpt_image,
        };
        let (Some(price), Some(shape)) = (price, self.image(like)) else {
            return Err(CatalogError::UnknownPrice {
                model: id.to_owned(),
                listed: self.models_without_end(),
            });
        };
        Ok(ImageModel {
            id: id.to_owned(),
            aliases: Vec::new(),
            prices: ImagePrices::Given(price),
            retires: None,
            successor: None,
            ..shape.clone()
        })
    }

    /// Returns the names of the image models that have no retirement date, for messages.
    fn models_without_end(&self) -> String {
        let current = self.images.iter().filter(|model| model.retires.is_none());
        current.map(|model| model.id.as_str()).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests;
