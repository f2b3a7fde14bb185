//! Error kinds: what the reader of an error can do about it, whatever its type.

use std::error::Error;

/// What a person or a program can do about an error. Exit codes and HTTP statuses follow from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// Say it differently: a word, a flag or a setting is wrong.
    Usage,
    /// Name something else: what was named by number or name doesn't exist.
    UnknownName,
    /// There is no such episode.
    NotFound,
    /// Look again: it was decided or replaced meanwhile.
    Conflict,
    /// Wait for something, or allow something.
    Blocked,
    /// Mend something: a file, a database, a provider's account.
    Failed,
}

/// An error that knows its kind. Every error type of a library crate implements it.
pub trait Kinded: Error {
    /// Returns what can be done about it.
    fn kind(&self) -> ErrorKind;
}

macro_rules! usage_errors {
    ($($error:ty),+ $(,)?) => {$(
        impl Kinded for $error {
            fn kind(&self) -> ErrorKind {
                ErrorKind::Usage
            }
        }
    )+};
}

usage_errors!(crate::CallIdError, crate::IdError, crate::TimeError, crate::UnknownText, crate::UsdError);

impl Kinded for crate::HashError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Failed
    }
}

/// Lists an error's causes, outermost first, without those whose words an outer error has already.
pub fn causes(error: &(dyn Error + 'static)) -> Vec<String> {
    let mut said = error.to_string();
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !said.contains(&text) {
            causes.push(text.clone());
            said = format!("{said}: {text}");
        }
        next = cause.source();
    }
    causes
}

/// Writes an error with its causes on one line.
pub fn with_causes(error: &(dyn Error + 'static)) -> String {
    causes(error).into_iter().fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Layer {
        text: &'static str,
        source: Option<Box<Self>>,
    }

    fn layers(texts: &[&'static str]) -> Layer {
        let (first, rest) = texts.split_first().unwrap();
        Layer { text: first, source: (!rest.is_empty()).then(|| Box::new(layers(rest))) }
    }

    #[test]
    fn each_cause_is_said_once() {
        let cases: [(&[&str], &str); 4] = [
            (&["no room"], "no room"),
            (&["can't write", "disk full"], "can't write: disk full"),
            (&["can't write: disk full", "disk full"], "can't write: disk full"),
            (&["a failed", "b failed", "a failed", "c"], "a failed: b failed: c"),
        ];
        for (texts, expected) in cases {
            assert_eq!(with_causes(&layers(texts)), expected);
        }
        assert_eq!(causes(&layers(&["a", "b", "c"])), ["b", "c"]);
    }
}
