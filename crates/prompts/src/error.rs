//! Errors of templates, their names and their rendering.

use std::path::PathBuf;

/// A failed operation on a prompt template.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// The text is not a template name.
    #[error(
        "'{found}' is not a prompt name: 1 to 64 of a-z, 0-9 and '_' are allowed; `btcedu prompt list` shows them"
    )]
    BadName {
        /// The text that was found.
        found: String,
    },
    /// There is neither a file nor a registered version.
    #[error("there is no prompt '{name}' in {place}; `btcedu prompt list` shows those there are")]
    Unknown {
        /// The template's name.
        name: String,
        /// The place that was searched.
        place: String,
    },
    /// The file can't be read.
    #[error("can't read the template '{path}'")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        #[source]
        source: std::io::Error,
    },
    /// The front matter is missing or invalid.
    #[error(
        "the template '{path}' has no usable front matter: {problem}; prompts/README.md shows how it looks"
    )]
    FrontMatter {
        /// The file.
        path: String,
        /// What is wrong.
        problem: String,
    },
    /// The body can't be rendered with the variables that the program gives.
    #[error("the prompt '{name}' can't be rendered: {problem}; mend its file, or promote a version that can")]
    Render {
        /// The template's name.
        name: String,
        /// What is wrong, with the line.
        problem: String,
        /// The error of the template engine.
        #[source]
        source: minijinja::Error,
    },
    /// The template has no such version.
    #[error("prompt '{name}' has no version {version}; `btcedu prompt show {name}` lists its versions")]
    NoSuchVersion {
        /// The template's name.
        name: String,
        /// The version that was asked for.
        version: i32,
    },
}

impl btcedu_domain::Kinded for PromptError {
    fn kind(&self) -> btcedu_domain::ErrorKind {
        match self {
            Self::BadName { .. } | Self::Unknown { .. } => btcedu_domain::ErrorKind::Usage,
            Self::NoSuchVersion { .. } => btcedu_domain::ErrorKind::UnknownName,
            _ => btcedu_domain::ErrorKind::Failed,
        }
    }
}
