//! Errors of a chapter document, with what is needed to correct it.

use std::fmt;

use serde::Serialize;

/// One rule that a document breaks, or one warning.
///
/// `Display` gives `$.chapters[2].order: is 5, but …`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The JSON path from the document's root (`$`).
    pub path: String,
    /// What is wrong there and what is allowed.
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

/// Why bytes are not a chapter document.
#[derive(Debug, thiserror::Error)]
pub enum ChapterError {
    /// Larger than [`crate::MAX_BYTES`]; nothing was read.
    #[error(
        "the chapter document has {bytes} bytes, more than the 16 MiB that are accepted; \
         check that the path names a chapters.json"
    )]
    TooLarge {
        /// Its size in bytes.
        bytes: u64,
    },
    /// The text is not UTF-8.
    #[error("the chapter document is not UTF-8 from byte {position} on; save it as UTF-8 and try again")]
    NotUtf8 {
        /// The first byte that is not part of a character, counted from 0.
        position: usize,
    },
    /// Arrays and objects are nested deeper than any chapter document needs.
    #[error("the chapter document is nested more than {limit} levels deep; the schema needs 5")]
    TooDeep {
        /// How many levels are accepted.
        limit: usize,
    },
    /// The text is not JSON.
    #[error("the chapter document is not JSON, at line {line}, column {column}: {message}")]
    NotJson {
        /// Counted from 1.
        line: usize,
        /// In bytes, counted from 1; 0 at the end of a line.
        column: usize,
        /// The message of the JSON parser.
        message: String,
    },
    /// The document has another major version of the schema, so its rules can't be checked.
    #[error("chapter schema version '{found}' is not supported; this program reads 1.x")]
    UnsupportedVersion {
        /// The version that the document names.
        found: String,
    },
    /// The document breaks rules; all violations are listed, in document order.
    #[error("the chapter document breaks {}{}", count(.violations.len()), lines(.violations))]
    Invalid {
        /// Every broken rule.
        violations: Vec<Violation>,
    },
}

fn count(violations: usize) -> String {
    if violations == 1 { "1 rule:".to_owned() } else { format!("{violations} rules:") }
}

fn lines(violations: &[Violation]) -> String {
    let mut text = String::new();
    for violation in violations {
        text.push_str("\n  ");
        text.push_str(&violation.to_string());
    }
    text
}

impl btcedu_domain::Kinded for ChapterError {
    fn kind(&self) -> btcedu_domain::ErrorKind {
        btcedu_domain::ErrorKind::Failed
    }
}
