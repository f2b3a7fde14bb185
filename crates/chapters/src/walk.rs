//! Reads JSON fields and collects every violation with its path.

use std::{fmt, str::FromStr};

use btcedu_domain::{IdError, UnknownText};
use serde_json::{Map, Value};

use crate::{error::Violation, seconds::Seconds};

/// The most findings that are kept, so that a hostile file can't fill the memory.
const MAX_FINDINGS: usize = 10_000;

const NEGATIVE: &str = "is negative";
const TOO_LARGE: &str = "is too large; at most 4294967295 fits";

/// A JSON path as a linked list on the stack; it becomes text only if there is a violation.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Path<'p> {
    Root,
    Field(&'p Path<'p>, &'static str),
    Index(&'p Path<'p>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("$"),
            Self::Field(parent, name) => write!(f, "{parent}.{name}"),
            Self::Index(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

/// The violations and warnings found so far.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) violations: Vec<Violation>,
    pub(crate) warnings: Vec<Violation>,
    left_out: usize,
}

impl Findings {
    /// Adds a broken rule.
    pub(crate) fn violation(&mut self, at: &Path<'_>, message: impl Into<String>) {
        if self.violations.len() < MAX_FINDINGS {
            self.violations.push(Violation { path: at.to_string(), message: message.into() });
        } else {
            self.left_out += 1;
        }
    }

    /// Adds a warning.
    pub(crate) fn warning(&mut self, at: &Path<'_>, message: impl Into<String>) {
        if self.warnings.len() < MAX_FINDINGS {
            self.warnings.push(Violation { path: at.to_string(), message: message.into() });
        }
    }

    /// Returns violations and warnings; a last violation counts those that were left out.
    pub(crate) fn finish(mut self) -> (Vec<Violation>, Vec<Violation>) {
        if self.left_out > 0 {
            let message = format!("breaks {} more rules that are not listed", self.left_out);
            self.violations.push(Violation { path: Path::Root.to_string(), message });
        }
        (self.violations, self.warnings)
    }

    fn wrong_kind(&mut self, at: &Path<'_>, found: &Value, wanted: &str) {
        self.violation(at, format!("is {}, but must be {wanted}", kind(found)));
    }
}

/// A JSON object and its path.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Object<'v, 'p> {
    map: &'v Map<String, Value>,
    pub(crate) path: Path<'p>,
}

impl<'v, 'p> Object<'v, 'p> {
    /// Reads a value as an object.
    pub(crate) fn new(value: &'v Value, path: Path<'p>, found: &mut Findings) -> Option<Self> {
        let Value::Object(map) = value else {
            found.wrong_kind(&path, value, "an object");
            return None;
        };
        Some(Self { map, path })
    }

    /// Returns the path of one of its fields.
    pub(crate) fn at(&'p self, name: &'static str) -> Path<'p> {
        Path::Field(&self.path, name)
    }

    /// Reads a required object.
    pub(crate) fn object(&'p self, name: &'static str, found: &mut Findings) -> Option<Object<'v, 'p>> {
        Object::new(self.required(name, found)?, self.at(name), found)
    }

    /// Reads a required array.
    pub(crate) fn array(&self, name: &'static str, found: &mut Findings) -> Option<&'v [Value]> {
        as_array(self.required(name, found)?, &self.at(name), found)
    }

    /// Reads an optional array; absent means empty.
    pub(crate) fn array_or_absent(&self, name: &'static str, found: &mut Findings) -> Option<&'v [Value]> {
        match self.map.get(name) {
            None => Some(&[]),
            Some(value) => as_array(value, &self.at(name), found),
        }
    }

    /// Reads a required string.
    pub(crate) fn text(&self, name: &'static str, found: &mut Findings) -> Option<&'v str> {
        let value = self.required(name, found)?;
        let text = value.as_str();
        if text.is_none() {
            found.wrong_kind(&self.at(name), value, "a string");
        }
        text
    }

    /// Reads a required string that has more than white space.
    pub(crate) fn not_blank(&self, name: &'static str, found: &mut Findings) -> Option<String> {
        let text = self.text(name, found)?;
        if text.trim().is_empty() {
            found.violation(&self.at(name), "is blank");
            return None;
        }
        Some(text.to_owned())
    }

    /// Reads a required string of at least one character.
    pub(crate) fn not_empty(&self, name: &'static str, found: &mut Findings) -> Option<String> {
        let text = self.text(name, found)?;
        if text.is_empty() {
            found.violation(&self.at(name), "is empty");
            return None;
        }
        Some(text.to_owned())
    }

    /// Reads an optional string, which may be null.
    ///
    /// The outer `None` means a violation, the inner one that there is no text.
    #[expect(clippy::option_option, reason = "a violation and an absent text are different")]
    pub(crate) fn text_or_null(&self, name: &'static str, found: &mut Findings) -> Option<Option<String>> {
        match self.map.get(name) {
            None | Some(Value::Null) => Some(None),
            Some(Value::String(text)) => Some(Some(text.clone())),
            Some(other) => {
                found.wrong_kind(&self.at(name), other, "a string or null");
                None
            }
        }
    }

    /// Reads a required id.
    pub(crate) fn id<T: FromStr<Err = IdError>>(
        &self,
        name: &'static str,
        found: &mut Findings,
    ) -> Option<T> {
        let text = self.text(name, found)?;
        text.parse().map_err(|error: IdError| found.violation(&self.at(name), error.to_string())).ok()
    }

    /// Reads a required word of an enum.
    pub(crate) fn word<T: FromStr<Err = UnknownText>>(
        &self,
        name: &'static str,
        found: &mut Findings,
    ) -> Option<T> {
        let text = self.text(name, found)?;
        let unknown = |mut error: UnknownText| {
            error.found = shown(text);
            found.violation(&self.at(name), error.to_string());
        };
        text.parse().map_err(unknown).ok()
    }

    /// Reads a required whole number; `75.0` counts as one.
    pub(crate) fn integer(&self, name: &'static str, least: u32, found: &mut Findings) -> Option<u32> {
        let value = self.required(name, found)?;
        let at = self.at(name);
        let Value::Number(number) = value else {
            found.wrong_kind(&at, value, "a whole number");
            return None;
        };
        let integer = match whole(number) {
            Ok(integer) => integer,
            Err(what) => {
                found.violation(&at, format!("{number} {what}"));
                return None;
            }
        };
        if integer < least {
            found.violation(&at, format!("is {integer}, but must be at least {least}"));
            return None;
        }
        Some(integer)
    }

    /// Reads a required number of seconds, with or without decimals.
    pub(crate) fn seconds(&self, name: &'static str, found: &mut Findings) -> Option<Seconds> {
        let value = self.required(name, found)?;
        let at = self.at(name);
        let Value::Number(number) = value else {
            found.wrong_kind(&at, value, "a number");
            return None;
        };
        let seconds = number.as_f64().and_then(Seconds::new);
        if seconds.is_none() {
            let what = if number.as_f64() < Some(0.0) { NEGATIVE } else { TOO_LARGE };
            found.violation(&at, format!("{number} {what}"));
        }
        seconds
    }

    fn required(&self, name: &'static str, found: &mut Findings) -> Option<&'v Value> {
        let value = self.map.get(name);
        if value.is_none() {
            found.violation(&self.at(name), "is missing");
        }
        value
    }
}

fn as_array<'v>(value: &'v Value, at: &Path<'_>, found: &mut Findings) -> Option<&'v [Value]> {
    let array = value.as_array().map(Vec::as_slice);
    if array.is_none() {
        found.wrong_kind(at, value, "an array");
    }
    array
}

fn whole(number: &serde_json::Number) -> Result<u32, &'static str> {
    if let Some(integer) = number.as_u64() {
        return u32::try_from(integer).map_err(|_too_large| TOO_LARGE);
    }
    match number.as_f64() {
        Some(float) if float < 0.0 => Err(NEGATIVE),
        Some(float) if float.fract() != 0.0 => Err("has a fraction, but must be a whole number"),
        Some(float) if float > f64::from(u32::MAX) => Err(TOO_LARGE),
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked just above")]
        Some(float) => Ok(float as u32),
        None => Err("is not a number"),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// Shortens a found text and escapes its control characters, for messages.
pub(crate) fn shown(text: &str) -> String {
    let mut short: String = text.chars().take(80).flat_map(char::escape_debug).collect();
    if text.chars().nth(80).is_some() {
        short.push('…');
    }
    short
}
