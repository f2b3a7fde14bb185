//! Ids as types: a text is checked once, so that an id can always be part of a path.

use std::{fmt, str::FromStr};

use crate::sql::{big_int_column, text_column};

/// Longest accepted id, in characters.
const MAX_ID_LENGTH: usize = 64;

/// A text is not an id: it would not be safe as part of a path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{}' is not a valid {what}: 1 to 64 characters of A-Z, a-z, 0-9, '_' and '-' are allowed", shown(.found))]
pub struct IdError {
    /// The kind of id that was expected, for the message.
    pub what: &'static str,
    /// The text that was found.
    pub found: String,
}

/// Shortens the found text and escapes control characters: it may be a whole file.
fn shown(text: &str) -> String {
    let mut short: String = text.chars().take(80).collect::<String>().escape_debug().to_string();
    if text.chars().count() > 80 {
        short.push('…');
    }
    short
}

macro_rules! path_safe_id {
    ($(#[$doc:meta])* $name:ident as $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[cfg_attr(feature = "diesel", derive(diesel::AsExpression, diesel::FromSqlRow))]
        #[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::Text))]
        pub struct $name(String);

        impl $name {
            /// Returns the id as text; it can always be one part of a path.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let fits = (1..=MAX_ID_LENGTH).contains(&text.len())
                    && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
                if fits { Ok(Self(text.to_owned())) } else { Err(IdError { what: $what, found: text.to_owned() }) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        text_column!($name);
    };
}

path_safe_id! {
    /// A YouTube video id, or a 12-hex hash of the link for plain RSS; names the episode's folders.
    EpisodeId as "episode id"
}
path_safe_id! {
    /// A chapter's id inside its episode; names the chapter's picture.
    ChapterId as "chapter id"
}

macro_rules! row_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        #[cfg_attr(feature = "diesel", derive(diesel::AsExpression, diesel::FromSqlRow))]
        #[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::BigInt))]
        pub struct $name(pub i64);

        big_int_column!($name);
    };
}

row_id! {
    /// Primary key of `episodes`; not to be confused with [`EpisodeId`].
    EpisodeRowId
}
row_id! {
    /// Primary key of `pipeline_runs`.
    RunId
}

/// The id of one attempt at a paid call: a UUID version 7, so that ids sort by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "diesel", derive(diesel::AsExpression, diesel::FromSqlRow))]
#[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::Text))]
pub struct CallId(uuid::Uuid);

/// A text that is not a call id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{found}' is not a call id; `btcedu images history EPISODE` lists them")]
pub struct CallIdError {
    /// The text that was found.
    pub found: String,
}

impl CallId {
    /// Makes a new id; later ids sort after earlier ones.
    pub fn new() -> Self {
        Self(uuid::Uuid::now_v7())
    }
}

impl Default for CallId {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl FromStr for CallId {
    type Err = CallIdError;

    fn from_str(text: &str) -> Result<Self, CallIdError> {
        uuid::Uuid::parse_str(text).map(Self).map_err(|_not_a_uuid| CallIdError { found: text.to_owned() })
    }
}

text_column!(CallId);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn accepts_youtube_ids_that_begin_with_a_dash() {
        for id in ["-QuuHAnujxk", "_a", "0123456789ab", &"x".repeat(64)] {
            assert_eq!(id.parse::<EpisodeId>().unwrap().as_str(), id);
        }
    }

    #[test]
    fn refuses_what_is_not_one_path_part() {
        for id in ["", ".", "..", "a/b", "a\\b", "a b", "ş", "a\0", "ch.01", &"x".repeat(65)] {
            assert!(id.parse::<ChapterId>().is_err(), "{id:?}");
        }
    }

    proptest! {
        #[test]
        fn a_valid_id_never_leaves_its_folder(text in ".{0,70}") {
            if let Ok(id) = text.parse::<EpisodeId>() {
                let path = std::path::Path::new("root").join(id.as_str());
                prop_assert_eq!(path.components().count(), 2);
                prop_assert!(path.starts_with("root"));
            }
        }
    }

    #[test]
    fn call_ids_sort_by_time_and_round_trip() {
        let ids: Vec<CallId> = (0..100).map(|_| CallId::new()).collect();
        assert!(ids.is_sorted());
        assert_eq!(ids[7].to_string().parse::<CallId>().unwrap(), ids[7]);
    }
}
