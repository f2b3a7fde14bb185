//! Errors of a catalogue, and of settings that are checked against it.

use std::fmt;

/// The catalogue can't be read, or it has no price for a model.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The text is not TOML.
    #[error("the model catalogue is not TOML; correct the file or unset MODELS_FILE")]
    Syntax(#[source] Box<toml::de::Error>),
    /// An entry doesn't have the form of its kind.
    #[error("{kind} model '{model}' in the model catalogue: {problem}; correct it in MODELS_FILE")]
    Entry {
        /// `image`, `text` or `speech`.
        kind: &'static str,
        /// The model's id, or its number in the list if it has none.
        model: String,
        /// Which field, and what is wrong with it.
        problem: String,
    },
    /// The model isn't listed and no price was given for it.
    #[error(
        "image model '{model}' is not in the model catalogue, so its price is unknown; \
         set IMAGE_GEN_PRICE_USD to its price per picture, or set IMAGE_GEN_MODEL to one of: {listed}"
    )]
    UnknownPrice {
        /// The model that was asked for.
        model: String,
        /// The models that are listed and not retired by date, separated by commas.
        listed: String,
    },
}

/// A setting of an image request that the catalogue can check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// `IMAGE_GEN_SIZE`.
    Size,
    /// `IMAGE_GEN_QUALITY`.
    Quality,
    /// The style, which only dall-e-3 accepts.
    Style,
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Size => "IMAGE_GEN_SIZE",
            Self::Quality => "IMAGE_GEN_QUALITY",
            Self::Style => "style",
        })
    }
}

/// A model does not accept a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting} '{value}' is not taken by {model}; allowed: {allowed}")]
pub struct SettingProblem {
    /// Which setting.
    pub setting: Setting,
    /// The value that was found.
    pub value: String,
    /// The model that does not accept it.
    pub model: String,
    /// The values that it accepts, for the message.
    pub allowed: String,
}

impl btcedu_domain::Kinded for CatalogError {
    fn kind(&self) -> btcedu_domain::ErrorKind {
        btcedu_domain::ErrorKind::Usage
    }
}

impl btcedu_domain::Kinded for SettingProblem {
    fn kind(&self) -> btcedu_domain::ErrorKind {
        btcedu_domain::ErrorKind::Usage
    }
}
