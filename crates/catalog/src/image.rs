//! An image model: what it accepts, what it costs, when it retires.

use std::fmt;

use btcedu_domain::Usd;
use jiff::civil::Date;

use crate::{
    error::{Setting, SettingProblem},
    prices::{ImagePrices, ImageUsage, SizeClassPrices},
    size::{ImageSize, SizeRule},
};

/// The form of request that an image model understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ImageFamily {
    /// dall-e-3: accepts `response_format` and `style`, answers with `url` or base64.
    DallE3,
    /// The GPT Image models: accept `output_format`, always answer with base64 and a usage.
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
    /// The form of request that it understands.
    pub family: ImageFamily,
    /// The sizes that it accepts.
    pub sizes: SizeRule,
    /// The qualities that it accepts.
    pub qualities: Vec<String>,
    /// The styles that it accepts; most models have none.
    pub styles: Vec<String>,
    /// The size that is used if none is chosen.
    pub default_size: ImageSize,
    /// The quality that is used if none is chosen.
    pub default_quality: String,
    /// The longest prompt, in characters.
    pub max_prompt_chars: usize,
    /// Its prices.
    pub prices: ImagePrices,
    /// The first day on which the public API refuses it.
    pub retires: Option<Date>,
    /// The model that its provider recommends instead.
    pub successor: Option<String>,
}

impl ImageModel {
    /// Checks a request's settings.
    ///
    /// # Errors
    /// [`SettingProblem`] for the first setting that this model does not accept. `auto` is refused as a
    /// size and as a quality, because its price is unknown before the call.
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

    /// Returns the highest expected cost of one picture; none for settings without a price.
    ///
    /// The cost is exact for a model with a price per picture. It includes a margin for a model with a price per token.
    pub fn estimate(&self, size: &str, quality: &str, prompt_chars: usize) -> Option<Usd> {
        let size: ImageSize = size.parse().ok()?;
        match &self.prices {
            ImagePrices::PerImage(by_quality) => by_quality.get(quality).map(|prices| prices.of(size)),
            ImagePrices::PerToken(prices) => prices.estimate(quality, size.pixels(), prompt_chars),
            ImagePrices::Given(price) => Some(*price),
        }
    }

    /// Returns the exact cost of the counted tokens, for a model with a price per token.
    pub fn cost_of(&self, usage: ImageUsage) -> Option<Usd> {
        match &self.prices {
            ImagePrices::PerToken(prices) => Some(prices.cost_of(usage)),
            ImagePrices::PerImage(_) | ImagePrices::Given(_) => None,
        }
    }

    /// Tells whether [`estimate`](Self::estimate) is exactly what is billed.
    pub fn has_fixed_price(&self) -> bool {
        matches!(self.prices, ImagePrices::PerImage(_))
    }

    /// Tells whether the public API refuses the model on that day.
    pub fn is_retired(&self, on: Date) -> bool {
        self.retires.is_some_and(|retires| retires <= on)
    }

    /// Tells whether a name is the model's id or one of its aliases.
    pub(crate) fn has_name(&self, name: &str) -> bool {
        self.id == name || self.aliases.iter().any(|alias| alias == name)
    }
}

impl SizeClassPrices {
    /// Returns the price of a picture of this size.
    pub fn of(&self, size: ImageSize) -> Usd {
        if size.is_square() { self.square } else { self.wide }
    }
}
