//! Errors of bytes that should be a picture.

/// What is wrong with bytes that should be a picture.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// The first bytes belong to no supported format.
    #[error("the answer is not a PNG, JPEG or WebP picture (it begins with {begins:?})")]
    UnknownFormat {
        /// The first bytes, as text.
        begins: String,
    },
    /// More bytes or pixels than a picture may have.
    #[error("the picture is too large: {found}, allowed: {allowed}")]
    TooLarge {
        /// What was found, with its unit.
        found: String,
        /// What is allowed, with its unit.
        allowed: String,
    },
    /// The bytes are incomplete or damaged.
    #[error("the picture doesn't decode")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The decoding task was cancelled because the program ends.
    #[error(transparent)]
    Stopped(#[from] btcedu_domain::WorkStopped),
}

impl btcedu_domain::Kinded for PictureError {
    fn kind(&self) -> btcedu_domain::ErrorKind {
        btcedu_domain::ErrorKind::Failed
    }
}
