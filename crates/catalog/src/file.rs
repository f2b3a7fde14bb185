//! The form of `data/models.toml`, and the checks that make it a catalogue.

use std::collections::{BTreeMap, BTreeSet};

use btcedu_domain::Usd;
use jiff::civil::Date;
use serde::{Deserialize, de::DeserializeOwned};
use toml::{Table, Value};

use crate::{
    builtin::ModelCatalog,
    error::CatalogError,
    image::ImageModel,
    prices::{ImagePrices, ImageTokenPrices, SizeClassPrices, TextPrices},
    size::{ImageSize, SizeRule},
    speech::SpeechModel,
    text::TextModel,
};

/// Which listed model a name that isn't listed takes its shape from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Unlisted {
    pub(crate) dall_e: String,
    pub(crate) gpt_image: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ImageEntry {
    id: String,
    #[serde(default)]
    aliases: Vec<String>,
    family: String,
    sizes: SizesEntry,
    qualities: Vec<String>,
    #[serde(default)]
    styles: Vec<String>,
    default_size: String,
    default_quality: String,
    max_prompt_chars: usize,
    price_per_image: Option<BTreeMap<String, PerImageEntry>>,
    price_per_million_tokens: Option<ImageTokensEntry>,
    estimate: Option<EstimateEntry>,
    retires: Option<Date>,
    successor: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum SizesEntry {
    List(Vec<String>),
    Bounds { multiple: u32, max_ratio: u32, max_side: u32, min_pixels: u64, max_pixels: u64 },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PerImageEntry {
    square: Usd,
    wide: Usd,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ImageTokensEntry {
    text_in: Usd,
    image_in: Usd,
    image_out: Usd,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EstimateEntry {
    reference: String,
    output_tokens: BTreeMap<String, u64>,
    margin_percent: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TextEntry {
    id: String,
    #[serde(default)]
    aliases: Vec<String>,
    price_per_million_tokens: TextPricesEntry,
    over: Option<OverEntry>,
    thinking_allowance: u64,
    takes_effort: bool,
    max_output_tokens: u64,
    context_tokens: u64,
    min_cache_tokens: u64,
    retires: Option<Date>,
    successor: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TextPricesEntry {
    input: Usd,
    output: Usd,
    cache_read: Usd,
    cache_write: Usd,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OverEntry {
    input_tokens: u64,
    price_per_million_tokens: TextPricesEntry,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SpeechEntry {
    id: String,
    price_per_minute: Usd,
    retires: Option<Date>,
    successor: Option<String>,
}

/// Reads and checks a whole catalogue.
pub(crate) fn parse(text: &str) -> Result<ModelCatalog, CatalogError> {
    let mut root: Table = text.parse().map_err(|e| CatalogError::Syntax(Box::new(e)))?;
    let images = entries(&mut root, "image", ImageEntry::check)?;
    let texts = entries(&mut root, "text", TextEntry::check)?;
    let speeches = entries(&mut root, "speech", SpeechEntry::check)?;
    let unlisted: Unlisted = match root.remove("unlisted") {
        Some(table) => read(table).map_err(|problem| entry_error("image", "unlisted", problem))?,
        None => return Err(entry_error("image", "unlisted", "the table [unlisted] is missing".to_owned())),
    };
    if let Some(key) = root.keys().next() {
        let problem = "no such table; there are image, text, speech and unlisted".to_owned();
        return Err(entry_error("any", key, problem));
    }
    refuse_double_names("image", images.iter().flat_map(|m| m.aliases.iter().chain([&m.id])))?;
    refuse_double_names("text", texts.iter().flat_map(|m| m.aliases.iter().chain([&m.id])))?;
    refuse_double_names("speech", speeches.iter().map(|m| &m.id))?;
    for (field, like) in [("dall_e", &unlisted.dall_e), ("gpt_image", &unlisted.gpt_image)] {
        if !images.iter().any(|model| model.is_called(like)) {
            return Err(entry_error("image", "unlisted", format!("{field}: '{like}' is not listed")));
        }
    }
    Ok(ModelCatalog { images, texts, speeches, unlisted })
}

fn entries<E: DeserializeOwned, M>(
    root: &mut Table,
    kind: &'static str,
    check: impl Fn(E) -> Result<M, String>,
) -> Result<Vec<M>, CatalogError> {
    let list = match root.remove(kind) {
        None => Vec::new(),
        Some(Value::Array(list)) => list,
        Some(_) => return Err(entry_error(kind, kind, format!("write [[{kind}]], one table per model"))),
    };
    let mut models = Vec::with_capacity(list.len());
    for (index, value) in list.into_iter().enumerate() {
        let name = match value.get("id").and_then(Value::as_str) {
            Some(id) => id.to_owned(),
            None => format!("number {}", index + 1),
        };
        let model = read(value).and_then(&check).map_err(|problem| entry_error(kind, &name, problem))?;
        models.push(model);
    }
    Ok(models)
}

/// Reads one table; the parser's words name the field.
fn read<E: DeserializeOwned>(value: Value) -> Result<E, String> {
    value.try_into().map_err(|e: toml::de::Error| e.to_string().trim().replace('\n', " "))
}

fn entry_error(kind: &'static str, model: &str, problem: String) -> CatalogError {
    CatalogError::Entry { kind, model: model.to_owned(), problem }
}

fn refuse_double_names<'a>(
    kind: &'static str,
    names: impl Iterator<Item = &'a String>,
) -> Result<(), CatalogError> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(entry_error(kind, name, "id: this name is listed twice".to_owned()));
        }
    }
    Ok(())
}

impl ImageEntry {
    fn check(self) -> Result<ImageModel, String> {
        let sizes = self.sizes.check()?;
        let default_size = size("default_size", &self.default_size)?;
        if !sizes.takes(default_size) {
            return Err(format!("default_size: '{default_size}' is not among its sizes ({sizes})"));
        }
        if !self.qualities.contains(&self.default_quality) {
            return Err(format!("default_quality: '{}' is not among its qualities", self.default_quality));
        }
        if self.max_prompt_chars == 0 {
            return Err("max_prompt_chars: must be at least 1".to_owned());
        }
        let prices = check_prices(
            &self.qualities,
            self.price_per_image,
            self.price_per_million_tokens,
            self.estimate,
        )?;
        Ok(ImageModel {
            family: self.family.parse().map_err(|e| format!("family: {e}"))?,
            id: self.id,
            aliases: self.aliases,
            sizes,
            qualities: self.qualities,
            styles: self.styles,
            default_size,
            default_quality: self.default_quality,
            max_prompt_chars: self.max_prompt_chars,
            prices,
            retires: self.retires,
            successor: self.successor,
        })
    }
}

/// Makes sure that every quality has a price, one way or the other.
fn check_prices(
    qualities: &[String],
    per_image: Option<BTreeMap<String, PerImageEntry>>,
    per_token: Option<ImageTokensEntry>,
    estimate: Option<EstimateEntry>,
) -> Result<ImagePrices, String> {
    match (per_image, per_token, estimate) {
        (Some(table), None, None) => {
            if let Some(missing) = qualities.iter().find(|q| !table.contains_key(*q)) {
                return Err(format!("price_per_image: no price for quality '{missing}'"));
            }
            let prices = |entry: PerImageEntry| SizeClassPrices { square: entry.square, wide: entry.wide };
            Ok(ImagePrices::PerImage(table.into_iter().map(|(q, e)| (q, prices(e))).collect()))
        }
        (None, Some(tokens), Some(estimate)) => {
            if let Some(missing) = qualities.iter().find(|q| !estimate.output_tokens.contains_key(*q)) {
                return Err(format!("estimate.output_tokens: no number for quality '{missing}'"));
            }
            Ok(ImagePrices::PerToken(ImageTokenPrices {
                text_in: tokens.text_in,
                image_in: tokens.image_in,
                image_out: tokens.image_out,
                output_tokens: estimate.output_tokens,
                reference_pixels: size("estimate.reference", &estimate.reference)?.pixels(),
                margin_percent: estimate.margin_percent,
            }))
        }
        _ => Err("price_per_image: give either this, or price_per_million_tokens with estimate".to_owned()),
    }
}

impl SizesEntry {
    fn check(self) -> Result<SizeRule, String> {
        match self {
            Self::List(list) if list.is_empty() => Err("sizes: the list is empty".to_owned()),
            Self::List(list) => {
                Ok(SizeRule::List(list.iter().map(|s| size("sizes", s)).collect::<Result<_, _>>()?))
            }
            Self::Bounds { multiple: 0, .. } => Err("sizes.multiple: must be at least 1".to_owned()),
            Self::Bounds { multiple, max_ratio, max_side, min_pixels, max_pixels } => {
                Ok(SizeRule::Bounds { multiple, max_ratio, max_side, min_pixels, max_pixels })
            }
        }
    }
}

fn size(field: &str, text: &str) -> Result<ImageSize, String> {
    text.parse().map_err(|e| format!("{field}: {e}"))
}

impl TextEntry {
    // Takes the entry's fields as they are: the form says all there is to check but one bound.
    fn check(self) -> Result<TextModel, String> {
        if self.max_output_tokens <= self.thinking_allowance {
            return Err("max_output_tokens: must be more than thinking_allowance".to_owned());
        }
        Ok(TextModel {
            id: self.id,
            aliases: self.aliases,
            prices: self.price_per_million_tokens.prices(),
            prices_over: self.over.map(|over| (over.input_tokens, over.price_per_million_tokens.prices())),
            thinking_allowance: self.thinking_allowance,
            takes_effort: self.takes_effort,
            max_output_tokens: self.max_output_tokens,
            context_tokens: self.context_tokens,
            min_cache_tokens: self.min_cache_tokens,
            retires: self.retires,
            successor: self.successor,
        })
    }
}

impl TextPricesEntry {
    fn prices(&self) -> TextPrices {
        TextPrices {
            input: self.input,
            output: self.output,
            cache_read: self.cache_read,
            cache_write: self.cache_write,
        }
    }
}

impl SpeechEntry {
    fn check(self) -> Result<SpeechModel, String> {
        if self.price_per_minute == Usd::ZERO {
            return Err("price_per_minute: must be more than 0".to_owned());
        }
        Ok(SpeechModel {
            id: self.id,
            price_per_minute: self.price_per_minute,
            retires: self.retires,
            successor: self.successor,
        })
    }
}
