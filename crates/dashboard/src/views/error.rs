//! Why a request has failed.

use serde::Serialize;
use utoipa::ToSchema;

/// What an error page, or its JSON, says.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorView {
    /// The HTTP status.
    pub(crate) status: u16,
    /// In a few words.
    pub(crate) heading: &'static str,
    /// In a sentence.
    pub(crate) message: String,
    /// Stands in the log too; empty where there is nothing to look up.
    pub(crate) id: String,
}
