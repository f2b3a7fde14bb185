//! An image model: what it takes, what it costs, until when it lives.

use std::fmt;

use btcedu_domain::Usd;
use jiff::civil::Date;

use crate::{
    error::{Setting, SettingProblem},
    prices::{ImagePrices, ImageUsage, SizeClassPrices},
    size::{ImageSize, SizeRule},
};

/// Which request an image model understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ImageFamily {
    /// dall-e-3: takes `response_format` and `style`, answers with `url` or base64.
    DallE3,
    /// The GPT Image models: take `output_format`, always answer with base64 and a usage.
    GptImage,
}

impl ImageFamily {
    /// Returns the family that a model's name belongs to.
    pub fn of_name(model: &str) -> Self {
        if model.starts_with("dall-e") { Self::DallE3 } else { Self::GptImage }
    }

    /// Reads the word used in the catalogue.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        [Self::DallE3, Self::GptImage].into_iter().find(|family| family.as_str() == word)
    }

    /// Returns the word used in the catalogue.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DallE3 => "dall-e-3",
            Self::GptImage => "gpt-image",
        }
    }
}

impl fmt::Display for ImageFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// An image model's entry in the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageModel {
    /// The name to send.
    pub id: String,
    /// Dated snapshots of the same model.
    pub aliases: Vec<String>,
    /// Which request it understands.
    pub family: ImageFamily,
    /// Which sizes it takes.
    pub sizes: SizeRule,
    /// Which qualities it takes.
    pub qualities: Vec<String>,
    /// Which styles it takes; most take none.
    pub styles: Vec<String>,
    /// The size for who doesn't choose one.
    pub default_size: ImageSize,
    /// The quality for who doesn't choose one.
    pub default_quality: String,
    /// The longest prompt, in characters.
    pub max_prompt_chars: usize,
    /// What a picture costs.
    pub prices: ImagePrices,
    /// The first day on which the public API refuses it.
    pub retires: Option<Date>,
    /// The model that its provider names in its place.
    pub successor: Option<String>,
}

impl ImageModel {
    /// Checks a request's settings.
    ///
    /// # Errors
    /// [`SettingProblem`] for the first that this model doesn't take. `auto` is refused as a
    /// size and as a quality: the price of it isn't known before it is paid.
    pub fn check_settings(
        &self,
        size: &str,
        quality: &str,
        style: Option<&str>,
    ) -> Result<(), SettingProblem> {
        let refuse = |setting, value: &str, allowed| SettingProblem {
            setting,
            value: value.chars().take(80).collect(),
            model: self.id.clone(),
            allowed,
        };
        if !size.parse().is_ok_and(|size| self.sizes.takes(size)) {
            return Err(refuse(Setting::Size, size, self.sizes.to_string()));
        }
        if !self.qualities.iter().any(|known| known == quality) {
            return Err(refuse(Setting::Quality, quality, self.qualities.join(", ")));
        }
        match style {
            Some(style) if !self.styles.iter().any(|known| known == style) => {
                let allowed = if self.styles.is_empty() { "none".to_owned() } else { self.styles.join(", ") };
                Err(refuse(Setting::Style, style, allowed))
            }
            _ => Ok(()),
        }
    }

    /// Returns what one picture should cost at most, or nothing for settings without a price.
    ///
    /// Exact for a model paid by the picture; with a margin for one paid by tokens.
    pub fn estimate(&self, size: &str, quality: &str, prompt_chars: usize) -> Option<Usd> {
        let size: ImageSize = size.parse().ok()?;
        match &self.prices {
            ImagePrices::PerImage(by_quality) => by_quality.get(quality).map(|prices| prices.of(size)),
            ImagePrices::PerToken(prices) => prices.estimate(quality, size.pixels(), prompt_chars),
            ImagePrices::Given(price) => Some(*price),
        }
    }

    /// Returns the exact cost of what the provider counted, for a model paid by tokens.
    pub fn cost_of(&self, usage: ImageUsage) -> Option<Usd> {
        match &self.prices {
            ImagePrices::PerToken(prices) => Some(prices.cost_of(usage)),
            ImagePrices::PerImage(_) | ImagePrices::Given(_) => None,
        }
    }

    /// Tells whether [`estimate`](Self::estimate) is what will be on the bill, to the cent.
    pub fn has_fixed_price(&self) -> bool {
        matches!(self.prices, ImagePrices::PerImage(_))
    }

    /// Tells whether the public API refuses the model on a day.
    pub fn is_retired(&self, on: Date) -> bool {
        self.retires.is_some_and(|retires| retires <= on)
    }

    /// Tells whether the model goes by a name.
    pub(crate) fn is_called(&self, name: &str) -> bool {
        self.id == name || self.aliases.iter().any(|alias| alias == name)
    }
}

impl SizeClassPrices {
    /// Returns the price of a picture of this size.
    pub fn of(&self, size: ImageSize) -> Usd {
        if size.is_square() { self.square } else { self.wide }
    }
}
