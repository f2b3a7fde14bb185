//! The form of `data/models.toml`, and the checks that make it a catalogue.

mod images;

use std::collections::BTreeSet;

use btcedu_domain::Usd;
use jiff::civil::Date;
use serde::{Deserialize, de::DeserializeOwned};
use toml::{Table, Value};

use self::images::ImageEntry;
use crate::{
    catalog::{ModelCatalog, Unlisted},
    error::CatalogError,
    prices::TextPrices,
    speech::SpeechModel,
    text::{LongInputPrices, TextModel},
};

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
    takes_json_schema: bool,
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

impl ModelCatalog {
    /// Reads a catalogue of the same form as `data/models.toml`, which it replaces as a whole.
    ///
    /// # Errors
    /// [`CatalogError`] names the first model and field that is wrong.
    pub fn from_toml(text: &str) -> Result<Self, CatalogError> {
        let mut root: Table = text.parse().map_err(|e| CatalogError::Syntax(Box::new(e)))?;
        let images = entries(&mut root, "image", ImageEntry::check)?;
        let texts = entries(&mut root, "text", TextEntry::check)?;
        let speeches = entries(&mut root, "speech", SpeechEntry::check)?;
        let unlisted: Unlisted = match root.remove("unlisted") {
            Some(table) => read(table).map_err(|problem| entry_error("image", "unlisted", problem))?,
            None => {
                return Err(entry_error("image", "unlisted", "the table [unlisted] is missing".to_owned()));
            }
        };
        if let Some(key) = root.keys().next() {
            let problem = "no such table; there are image, text, speech and unlisted".to_owned();
            return Err(entry_error("any", key, problem));
        }
        refuse_double_names("image", images.iter().flat_map(|m| m.aliases.iter().chain([&m.id])))?;
        refuse_double_names("text", texts.iter().flat_map(|m| m.aliases.iter().chain([&m.id])))?;
        refuse_double_names("speech", speeches.iter().map(|m| &m.id))?;
        for (field, like) in [("dall_e", &unlisted.dall_e), ("gpt_image", &unlisted.gpt_image)] {
            if !images.iter().any(|model| model.has_name(like)) {
                return Err(entry_error("image", "unlisted", format!("{field}: '{like}' is not listed")));
            }
        }
        Ok(ModelCatalog { images, texts, speeches, unlisted })
    }
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

/// Reads one table; the parser's message names the field.
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

impl TextEntry {
    // serde checks everything except this one limit.
    fn check(self) -> Result<TextModel, String> {
        if self.max_output_tokens <= self.thinking_allowance {
            return Err("max_output_tokens: must be more than thinking_allowance".to_owned());
        }
        Ok(TextModel {
            id: self.id,
            aliases: self.aliases,
            prices: self.price_per_million_tokens.prices(),
            long_input: self.over.map(|over| LongInputPrices {
                over_tokens: over.input_tokens,
                prices: over.price_per_million_tokens.prices(),
            }),
            thinking_allowance: self.thinking_allowance,
            takes_effort: self.takes_effort,
            takes_json_schema: self.takes_json_schema,
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
