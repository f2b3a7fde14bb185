//! JSON Schemas of single fields, with the rules that their Rust types don't show.

use btcedu_domain::VisualType;
use schemars::{Schema, SchemaGenerator, json_schema};

use crate::words::{OverlayType, TransitionType};

pub(crate) fn version(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "pattern": "^0*1\\.[0-9]+$"})
}

pub(crate) fn id(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"})
}

pub(crate) fn not_blank(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "pattern": "\\S"})
}

pub(crate) fn not_empty(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "minLength": 1})
}

pub(crate) fn seconds(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "number", "minimum": 0, "maximum": u32::MAX})
}

pub(crate) fn more_than_zero_seconds(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "number", "exclusiveMinimum": 0, "maximum": u32::MAX})
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
