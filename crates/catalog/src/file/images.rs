//! The form of an `[[image]]` entry, and its checks.

use std::collections::BTreeMap;

use btcedu_domain::Usd;
use jiff::civil::Date;
use serde::Deserialize;

use crate::{
    image::{ImageFamily, ImageModel},
    prices::{ImagePrices, ImageTokenPrices, SizeClassPrices},
    size::{ImageSize, SizeRule},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ImageEntry {
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

impl ImageEntry {
    /// Makes a model from the entry, or returns a message that names the wrong field.
    pub(super) fn check(self) -> Result<ImageModel, String> {
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
            family: ImageFamily::from_word(&self.family)
                .ok_or_else(|| format!("family: '{}' is not dall-e-3 or gpt-image", self.family))?,
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

/// Checks that every quality has a price.
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
