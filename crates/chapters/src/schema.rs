//! The JSON Schema of the chapter document, generated from its types.

use crate::document::ChapterDocument;

/// Returns the JSON Schema (draft 2020-12) of the document, as committed in `chapters.schema.json`.
///
/// It can't express rules between fields (counts, sums, unique ids); [`crate::parse`] checks those too.
pub fn json_schema() -> String {
    let mut schema = schemars::schema_for!(ChapterDocument);
    // The type's own comment is written for Rust programmers.
    schema.insert("title".to_owned(), "btcedu chapter document".into());
    schema
        .insert("description".to_owned(), "An episode cut into chapters: chapters.json, schema 1.x.".into());
    // `{:#}` of a JSON value can't fail, unlike the serializer's own functions.
    format!("{:#}\n", schema.to_value())
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
