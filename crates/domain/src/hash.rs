//! SHA-256, and the canonical JSON that it is taken over.

use std::{fmt, io, str::FromStr};

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::sql::text_column;

/// A SHA-256 digest; 64 lower-case hex digits as text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "diesel", derive(diesel::AsExpression, diesel::FromSqlRow))]
#[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::Text))]
pub struct Sha256Hash([u8; 32]);

/// A text is not a SHA-256.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{found}' is not a SHA-256 of 64 hex digits")]
pub struct HashError {
    /// The text that was found; at most 80 characters of it.
    pub found: String,
}

impl Sha256Hash {
    /// Hashes bytes as they are.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Hashes everything that a reader returns, and holds only a small part of it in memory.
    ///
    /// # Errors
    /// The error of the reader.
    pub fn of_reader(mut reader: impl io::Read) -> io::Result<Self> {
        let mut hasher = Sha256::new();
        let mut piece = vec![0; 64 * 1024];
        loop {
            match reader.read(&mut piece) {
                Ok(0) => return Ok(Self(hasher.finalize().into())),
                Ok(read) => hasher.update(piece.get(..read).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Hashes a JSON value in its canonical form: keys sorted at every level, no spaces.
    pub fn of_value(mut value: Value) -> Self {
        value.sort_all_objects();
        Self::of_bytes(value.to_string().as_bytes())
    }

    /// Returns the first 16 hex digits, as used in file names.
    pub fn short(&self) -> String {
        self.to_string().chars().take(16).collect()
    }
}

impl fmt::Display for Sha256Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Sha256Hash {
    type Err = HashError;

    fn from_str(text: &str) -> Result<Self, HashError> {
        let not_a_hash = || HashError { found: text.chars().take(80).collect() };
        if text.len() != 64 || !text.is_ascii() {
            return Err(not_a_hash());
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_not_text| not_a_hash())?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_not_hex| not_a_hash())?;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for Sha256Hash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Sha256Hash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

text_column!(Sha256Hash);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn canonical_json_sorts_keys_at_every_level_and_keeps_letters() {
        let value = json!({"b": {"z": 1, "a": "ğüşıöç ß"}, "a": [{"y": null, "x": true}]});
        let canonical = r#"{"a":[{"x":true,"y":null}],"b":{"a":"ğüşıöç ß","z":1}}"#;
        assert_eq!(Sha256Hash::of_value(value), Sha256Hash::of_bytes(canonical.as_bytes()));
    }

    #[test]
    fn matches_a_published_digest() {
        // FIPS 180-2, appendix B.1.
        assert_eq!(
            Sha256Hash::of_bytes(b"abc").to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn text_round_trips_and_other_text_is_refused() {
        let hash = Sha256Hash::of_bytes(b"x");
        assert_eq!(hash.to_string().parse::<Sha256Hash>().unwrap(), hash);
        for text in ["", "zz", &"g".repeat(64), &"ş".repeat(32)] {
            assert!(text.parse::<Sha256Hash>().is_err(), "{text}");
        }
    }
}
