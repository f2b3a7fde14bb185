//! What pages show and `/api/v1` answers: plain structs in display terms, made from rows and files.

pub(crate) mod chapters;
pub(crate) mod costs;
pub(crate) mod episode;
pub(crate) mod episodes;
pub(crate) mod error;
pub(crate) mod images;
pub(crate) mod parts;
pub(crate) mod passage;
pub(crate) mod prompts;
pub(crate) mod review;
pub(crate) mod reviews;
pub(crate) mod text;
