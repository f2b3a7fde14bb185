//! The JSON Schema of the chapter document, generated from its types.

use btcedu_domain::VisualType;
use schemars::{Schema, SchemaGenerator, json_schema};

use crate::{
    document::ChapterDocument,
    words::{OverlayType, TransitionType},
};

/// Returns the JSON Schema (draft 2020-12) of the document, as committed in `chapters.schema.json`.
///
/// Rules between fields (counts, sums, unique ids) can't be said in it; [`crate::parse`] checks those too.
pub fn json_schema() -> String {
    let mut schema = schemars::schema_for!(ChapterDocument);
    // The type's own comment speaks to who writes Rust.
    schema.insert("title".to_owned(), "btcedu chapter document".into());
    schema
        .insert("description".to_owned(), "An episode cut into chapters: chapters.json, schema 1.x.".into());
    // `{:#}` of a JSON value can't fail, unlike the serializer's own functions.
    format!("{:#}\n", schema.to_value())
}

pub(crate) fn version(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "pattern": "^0*1\\.[0-9]+$"})
}

pub(crate) fn id(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"})
}

pub(crate) fn not_blank(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "pattern": "\\S"})
}

pub(crate) fn at_least_zero(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "integer", "minimum": 0, "maximum": u32::MAX})
}

pub(crate) fn at_least_one(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "integer", "minimum": 1, "maximum": u32::MAX})
}

pub(crate) fn visual_type(_: &mut SchemaGenerator) -> Schema {
    words(VisualType::ALL.iter().map(|word| word.as_str()))
}

pub(crate) fn overlay_type(_: &mut SchemaGenerator) -> Schema {
    words(OverlayType::ALL.iter().map(|word| word.as_str()))
}

pub(crate) fn transition(_: &mut SchemaGenerator) -> Schema {
    words(TransitionType::ALL.iter().map(|word| word.as_str()))
}

fn words(all: impl Iterator<Item = &'static str>) -> Schema {
    json_schema!({"type": "string", "enum": all.collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_schema_is_the_one_of_the_types() {
        let committed = include_str!("../chapters.schema.json");
        assert!(committed == json_schema(), "out of date: run `cargo xtask generate`");
    }
}
